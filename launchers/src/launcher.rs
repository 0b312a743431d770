//! What every infrastructure must be able to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use futures::stream::BoxStream;
use longshore_protocol::id::{Digest, RunId, Tenant};
use longshore_protocol::layout::RunLayout;
use longshore_protocol::limits::Limits;
use longshore_protocol::state::JobState;
use longshore_storage::{Location, is_loopback};
use serde::Serialize;

use crate::image::{self, RuntimeImage};
use crate::settings::JobSettings;
use crate::{Error, ErrorKind};

/// A run as an infrastructure sees it: what to start, and what it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The run.
    pub run: RunId,
    /// Its owner.
    pub tenant: Tenant,
    /// How the runtime gets at it.
    pub entry: Entry,
    /// Its pool.
    pub pool: String,
    /// What it executes.
    pub flow: String,
    /// Where it is kept, in a few characters: jobs of two stores on one infrastructure are told apart by it.
    pub store_mark: String,
    /// The runtime's binary, for infrastructures that start it from this machine's files.
    pub runtime: PathBuf,
    /// The runtime's image, for those that start containers. `None`: there is no binary to make it of.
    pub image: Option<RuntimeImage>,
    /// Where the runtime looks for the API of its store, if that is not the provider's usual place.
    pub store_endpoint: Option<String>,
    /// Whether it has to reach anything by a network: a host that it is granted, or its store.
    pub needs_network: bool,
    /// What is set about it; of the launcher's own kind.
    pub settings: JobSettings,
    /// What the flow may use; the infrastructure's own limits are derived from it.
    pub limits: Limits,
    /// How long it works at most: all of its attempts and the pauses between them.
    pub work_max: Duration,
    /// The environment variables that its secrets are read from; their values are not ours to hold.
    pub secret_variables: BTreeSet<String>,
    /// For people and filters.
    pub labels: BTreeMap<String, String>,
}

impl Job {
    /// The image of the runtime.
    ///
    /// # Errors
    /// When there is none to be made on this machine.
    pub fn image(&self) -> Result<&RuntimeImage, Error> {
        self.image.as_ref().ok_or_else(|| image::missing(&self.runtime))
    }

    /// What everything made for this job on an infrastructure is labelled with.
    pub fn marks(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("run", self.run.to_string()),
            ("tenant", self.tenant.to_string()),
            ("pool", self.pool.clone()),
            ("flow", self.flow.clone()),
            ("store", self.store_mark.clone()),
        ])
    }

    /// What the runtime needs of a store that is a directory: its own run, and the content that the run refers to. Empty
    /// for all other stores.
    ///
    /// # Errors
    /// When the location is none.
    pub fn store_parts(&self) -> Result<Vec<StorePart>, Error> {
        let Entry::Store { location, tenant, run, content, .. } = &self.entry else {
            return Ok(Vec::new());
        };
        let Some(folder) = location.parse::<Location>()?.folder() else { return Ok(Vec::new()) };
        let part = |key: &str, is_written| StorePart { path: folder.join(key), is_written };
        let own = part(RunLayout::new(tenant, run).prefix(), true);
        Ok(content.iter().map(|key| part(key, false)).chain([own]).collect())
    }
}

impl Job {
    /// Checks that a runtime with a network of its own finds its store.
    ///
    /// # Errors
    /// When the store's address would lead it to itself; `instead` is where this machine is for it.
    pub fn check_store_is_elsewhere(&self, instead: &str) -> Result<(), Error> {
        let Some(endpoint) = self.store_endpoint.as_ref().filter(|one| is_loopback(one)) else {
            return Ok(());
        };
        let text =
            format!("the store is at {endpoint}, which in a container is the container itself");
        Err(Error::new(ErrorKind::BadInput, text).hint(format!(
            "say where containers find it: runtime_endpoint=http://{instead}:PORT among the store's options"
        )))
    }
}

/// A part of a store that is a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorePart {
    /// The folder or file.
    pub path: PathBuf,
    /// Whether the runtime writes there.
    pub is_written: bool,
}

/// How the runtime gets at its run.
#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    /// By a ticket, without credentials.
    Ticket {
        /// A signed URL: good for this run and nothing else, but good for whoever has it.
        url: String,
        /// What the ticket must be: all that is executed follows from it.
        sha256: Digest,
    },
    /// By itself, with the credentials that it finds where it is.
    Store {
        /// Where the runtime finds the store.
        location: String,
        /// The owner of the run.
        tenant: Tenant,
        /// The run.
        run: RunId,
        /// The digest of its order: all that is executed follows from it.
        order: Digest,
        /// The keys of what the order refers to.
        content: Vec<String>,
        /// The environment variables around the launcher that hold the credentials of the store.
        variables: BTreeSet<String>,
    },
}

impl Entry {
    /// The runtime's arguments: less than 1 KB, other than with session tokens in a signed URL.
    pub fn arguments(&self) -> Vec<String> {
        let pairs = match self {
            Self::Ticket { url, sha256 } => {
                vec![("--ticket", url.clone()), ("--ticket-sha256", sha256.to_string())]
            }
            Self::Store { location, tenant, run, order, content: _, variables: _ } => vec![
                ("--store", location.clone()),
                ("--tenant", tenant.to_string()),
                ("--run", run.to_string()),
                ("--order-sha256", order.to_string()),
            ],
        };
        let pairs = pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
        std::iter::once("execute".to_owned()).chain(pairs).collect()
    }

    /// The environment variables around the launcher that hold credentials for it.
    pub fn variables(&self) -> BTreeSet<String> {
        match self {
            Self::Ticket { .. } => BTreeSet::new(),
            Self::Store { variables, .. } => variables.clone(),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ticket { sha256, .. } => write!(out, "Ticket({sha256})"),
            Self::Store { location, run, .. } => write!(out, "Store({location}, {run})"),
        }
    }
}

/// How an infrastructure names a job. It follows from the run alone, so that a repeated launch finds its own job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Handle(pub String);

impl fmt::Display for Handle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A launch that has been decided, but not made: `--dry-run` prints it, tests compare it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The job's name.
    pub handle: Handle,
    /// The request, in the infrastructure's own terms.
    pub request: serde_json::Value,
    /// Whether who waits for the run is shown the job's own output.
    pub streams_output: bool,
    /// What the request refers to by name only.
    #[serde(skip)]
    pub hidden: Hidden,
}

/// Values that a launch needs, and that nobody is shown: people print plans.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden(pub BTreeMap<String, String>);

impl fmt::Debug for Hidden {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

/// Places the runtime on one kind of infrastructure.
#[async_trait::async_trait]
pub trait Launcher: fmt::Debug + Send + Sync {
    /// Decides what to request. Contacts nobody.
    ///
    /// # Errors
    /// When the settings do not fit the job.
    fn plan(&self, job: &Job) -> Result<Plan, Error>;

    /// Looks whether jobs with these settings could be launched now, without launching one. Returns what was found, for
    /// people. `image` is the one that is made on this machine, where that is possible.
    ///
    /// # Errors
    /// When the infrastructure cannot be reached, or lacks something that every job needs.
    async fn check(
        &self,
        settings: &JobSettings,
        image: Option<&RuntimeImage>,
    ) -> Result<String, Error>;

    /// Checks what patches have made of a plan: that it still is a request, and has what the run needs. Contacts nobody.
    ///
    /// # Errors
    /// Names the field that is wrong, or that must not be changed.
    fn check_patched(&self, planned: &Plan, patched: &Plan) -> Result<(), Error>;

    /// Requests it, and returns once the infrastructure has accepted. Repeating is harmless: a job is started once.
    /// Tells what takes time, such as an image on its way.
    ///
    /// # Errors
    /// When the infrastructure refuses or cannot be reached.
    async fn launch(&self, plan: &Plan, tell: &Tell<'_>) -> Result<(), Error>;

    /// What the infrastructure says of the job now. That it does not know the job is an answer, not an error.
    ///
    /// # Errors
    /// When the infrastructure cannot be asked.
    async fn state(&self, handle: &Handle) -> Result<JobState, Error>;

    /// Waits until the job is no longer in the state `seen`, by the means that the infrastructure has for it: an
    /// event, a watch, or asking again within its rate limits. Callers add the time limit.
    ///
    /// # Errors
    /// When the infrastructure cannot be asked.
    async fn changed(&self, handle: &Handle, seen: &JobState) -> Result<JobState, Error>;

    /// The container's own output, line by line until the job is over: what there is when the runtime could not speak.
    fn logs(&self, handle: &Handle) -> BoxStream<'static, Result<String, Error>>;

    /// Ends the job: asks it to, and after `grace` makes it. Returns once it is over. A job that is over already, or
    /// unknown, is no error.
    ///
    /// # Errors
    /// When the job may still be running.
    async fn cancel(&self, handle: &Handle, grace: Duration) -> Result<(), Error>;

    /// Its run has an outcome: removes what the job's settings let be removed. Repeating is harmless.
    ///
    /// # Errors
    /// When something that should go is left.
    async fn finish(&self, handle: &Handle) -> Result<(), Error>;

    /// Removes what is left of a job that is over. Repeating is harmless.
    ///
    /// # Errors
    /// When something is left.
    async fn cleanup(&self, handle: &Handle) -> Result<(), Error>;

    /// All jobs of this owner that the infrastructure has, where these settings place them.
    ///
    /// # Errors
    /// When the infrastructure cannot be asked.
    async fn jobs(&self, settings: &JobSettings, tenant: &str) -> Result<Vec<FoundJob>, Error>;
}

/// Hears what takes time.
pub type Tell<'a> = dyn Fn(&str) + Send + Sync + 'a;

/// A job that an infrastructure has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundJob {
    /// How it names it.
    pub handle: Handle,
    /// The run.
    pub run: RunId,
    /// Where the run is kept, as in [`Job::store_mark`]. Empty: it does not say.
    pub store: String,
}

/// A job that another machine would have to end.
pub(crate) fn cannot_reach(handle: &Handle, because: &str) -> Error {
    Error::new(ErrorKind::Infrastructure, format!("could not end the job {handle}: {because}"))
        .hint("the request to stop is in the store; the runtime will see it if it is alive")
}
