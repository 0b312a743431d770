//! The launcher's half of the store: writes what is ordered, reads what happened.

mod aws;
mod content;
mod listing;
mod replace;
mod requests;

use std::collections::BTreeSet;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use longshore_protocol::SignedDuration;
use longshore_protocol::id::{Digest, RunId, Tenant};
use longshore_protocol::layout::{self, RunLayout};
use longshore_protocol::pace::Pace;
use longshore_protocol::record::{
    Beat, CancelRequest, JobRecord, LogRecord, Order, Outcome, Payload, Record as _, Started,
};
use longshore_storage::{Location, Objects, Requests, Signer};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};

use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind, clock};
use aws::OfProfiles;
use requests::{Told, could_not};

pub use content::{Content, KEEP_MIN, RELY_MAX, Unreferenced};
pub use longshore_storage::Created;

pub use listing::{Day, Period, RunFiles};
pub(crate) use replace::Replaced;

/// How many requests are under way at once where there are many to make: enough to hide a store's latency, few enough
/// for its rate limits.
pub(crate) const SIDE_BY_SIDE: usize = 16;

/// An open store, seen by one tenant.
#[derive(Debug, Clone)]
pub struct Store {
    requests: Requests,
    /// Where the objects are, if that is a folder of this machine.
    folder: Option<PathBuf>,
    signer: Option<Signer>,
    location: String,
    runtime_location: String,
    credential_variables: BTreeSet<String>,
    credentials_source: String,
    is_of_profile: bool,
    tenant: Tenant,
}

impl Store {
    /// Uses an open store; `location` is what the runtime is told.
    pub fn new(objects: Arc<dyn ObjectStore>, location: impl Into<String>, tenant: Tenant) -> Self {
        let location = location.into();
        Self {
            requests: Requests::new(objects),
            folder: None,
            signer: None,
            runtime_location: location.clone(),
            location,
            credential_variables: BTreeSet::new(),
            is_of_profile: false,
            credentials_source: "those of whoever opened it".to_owned(),
            tenant,
        }
    }

    /// Repeats requests at another pace.
    #[must_use]
    pub fn at_pace(self, pace: Pace) -> Self {
        Self { requests: self.requests.at_pace(pace), ..self }
    }

    fn objects(&self) -> &dyn ObjectStore {
        self.requests.store()
    }

    /// Opens the store at `location`. A directory is made if it does not exist.
    ///
    /// # Errors
    /// When the text names no place, a directory cannot be made or opened, or credentials are not there. Storage on a
    /// network is not contacted.
    pub fn open(
        location: &str,
        tenant: Tenant,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let mut location: Location = location.parse()?;
        if let Some(folder) = location.folder() {
            location = Location::local(&made(&folder)?)?;
        }
        let OfProfiles { credentials, region, source } = aws::of_profiles(&location, surroundings)?;
        if let Some(region) = region {
            location = location.in_region(region);
        }
        let variables = surroundings.variables();
        let objects = longshore_storage::open_with(&location, variables, credentials)?;
        let Objects { store, signer } = objects;
        Ok(Self {
            folder: location.folder(),
            signer,
            runtime_location: location.for_runtime(variables).to_string(),
            credential_variables: location.credential_variables(variables),
            is_of_profile: source.is_some(),
            credentials_source: source.unwrap_or_else(|| location.credentials_source(variables)),
            ..Self::new(store, location.to_string(), tenant)
        })
    }

    /// Stands for the store at `location`, for whoever only wants to know what would be done: a directory is neither made
    /// nor opened, and what is read or written is not there.
    ///
    /// # Errors
    /// As for [`Store::open`], but for directories.
    pub fn rehearsed(
        location: &str,
        tenant: Tenant,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let parsed: Location = location.parse()?;
        let Some(folder) = parsed.folder() else {
            return Self::open(location, tenant, surroundings);
        };
        let folder = folder.canonicalize().unwrap_or(folder);
        let location = Location::local(&folder)?.to_string();
        Ok(Self::new(Arc::new(object_store::memory::InMemory::new()), location, tenant))
    }

    /// Whether it is reached by a network.
    pub fn is_remote(&self) -> bool {
        self.location.contains("://")
    }

    /// Where the runtime looks for its API, if that is not the provider's usual place.
    pub fn endpoint_of_runtime(&self) -> Option<String> {
        let location: Location = self.runtime_location.parse().ok()?;
        location.endpoint().map(str::to_owned)
    }

    /// Where the store is, as the launcher finds it.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Where the store is, as the runtime finds it. Without credentials.
    pub fn runtime_location(&self) -> &str {
        &self.runtime_location
    }

    /// The environment variables that a runtime needs to use the store by itself.
    pub fn credential_variables(&self) -> &BTreeSet<String> {
        &self.credential_variables
    }

    /// Whether its credentials are found in a way that only the launcher knows, so that they cannot be handed on.
    pub(crate) fn is_of_profile(&self) -> bool {
        self.is_of_profile
    }

    /// Where its credentials come from, for people.
    pub fn credentials_source(&self) -> &str {
        &self.credentials_source
    }

    /// How far the store's clock is ahead of ours, by an object that was written just now.
    pub(crate) async fn clock_ahead(&self, key: &str) -> Result<SignedDuration, Error> {
        let path = Path::from(key);
        let meta = self.patiently(|| self.objects().head(&path)).await;
        let meta = meta.map_err(|error| could_not("look at", key, error))?;
        let written_ms = meta.last_modified.timestamp_millis();
        Ok(SignedDuration::from_millis(written_ms - clock::now().as_millisecond()))
    }

    /// Makes URLs for runtimes without credentials, where the storage can.
    pub fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }

    /// Whose runs are seen.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The keys of `run`.
    pub fn layout(&self, run: &RunId) -> RunLayout {
        RunLayout::new(&self.tenant, run)
    }

    /// The size of an object, if it exists.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn size(&self, key: &str) -> Result<Option<u64>, Error> {
        Ok(self.look(key).await?.map(|meta| meta.size))
    }

    async fn look(&self, key: &str) -> Result<Option<ObjectMeta>, Error> {
        let path = Path::from(key);
        match self.patiently(|| self.objects().head(&path)).await {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            // The answer to such a request has no body, so it cannot say why: that to another one does.
            Err(error) => match self.objects().get_range(&path, 0..1).await {
                Err(better) if longshore_storage::explain(&better).is_some() => {
                    Err(could_not("look at", key, better))
                }
                _ => Err(could_not("look at", key, error)),
            },
        }
    }

    /// Creates an object that says nothing, to see what the store does.
    pub(crate) async fn create_probe(&self, key: &str, content: Bytes) -> Result<Created, Error> {
        self.create(key, content).await
    }

    /// Writes the order.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_order(&self, order: &Order) -> Result<Digest, Error> {
        let content = order.to_json();
        let digest = Digest::of(&content);
        self.create_new(&self.layout(&order.run).order(), content.into()).await.map(|()| digest)
    }

    /// Writes the parameters.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(crate) async fn create_params(
        &self,
        run: &RunId,
        content: Bytes,
        told: Told<'_>,
    ) -> Result<(), Error> {
        self.create_telling(&self.layout(run).params(), content, told).await
    }

    /// Writes a run's ticket.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_ticket(&self, run: &RunId, content: Bytes) -> Result<(), Error> {
        self.create_new(&self.layout(run).ticket(), content).await
    }

    /// Writes where the run went.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_job(&self, run: &RunId, job: &JobRecord) -> Result<(), Error> {
        self.create_new(&self.layout(run).job(), job.to_json().into()).await
    }

    /// Asks a run to stop. The first request stands.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_cancel(
        &self,
        run: &RunId,
        request: &CancelRequest,
    ) -> Result<Created, Error> {
        self.create(&self.layout(run).cancel(), request.to_json().into()).await
    }

    /// Reads the order. Every run has one.
    ///
    /// # Errors
    /// When the run does not exist, or the store cannot be read.
    pub async fn order(&self, run: &RunId) -> Result<Order, Error> {
        self.record(&self.layout(run).order()).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::BadInput,
                format!("there is no run {run} in the store {}", self.location),
            )
            .hint("longshore list shows the runs")
        })
    }

    /// Reads where the run went.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn job(&self, run: &RunId) -> Result<Option<JobRecord>, Error> {
        self.record(&self.layout(run).job()).await
    }

    /// Reads the request to stop.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn cancel(&self, run: &RunId) -> Result<Option<CancelRequest>, Error> {
        self.record(&self.layout(run).cancel()).await
    }

    /// Reads the outcome.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn outcome(&self, run: &RunId) -> Result<Option<Outcome>, Error> {
        self.record(&self.layout(run).outcome()).await
    }

    /// Reads who picked an attempt up.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn started(&self, run: &RunId, attempt: u32) -> Result<Option<Started>, Error> {
        self.record(&self.layout(run).started(attempt)).await
    }

    /// Reads the newest sign of life of an attempt.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn beat(&self, run: &RunId, attempt: u32) -> Result<Option<Beat>, Error> {
        self.record(&self.layout(run).beat(attempt)).await
    }

    /// Reads a segment of an attempt's log. `None`: it is not closed yet.
    ///
    /// # Errors
    /// When the store cannot be read, or a line is damaged.
    pub async fn log(
        &self,
        run: &RunId,
        attempt: u32,
        segment: u32,
    ) -> Result<Option<Vec<LogRecord>>, Error> {
        let key = self.layout(run).log(attempt, segment);
        let Some(content) = self.get(&key).await? else { return Ok(None) };
        let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let records = lines.map(|line| {
            serde_json::from_slice(line).map_err(|error| {
                Error::caused(ErrorKind::Store, format!("the log segment {key} is damaged"), error)
            })
        });
        records.collect::<Result<_, _>>().map(Some)
    }

    /// Reads the parameters of an order.
    ///
    /// # Errors
    /// When they are missing or damaged.
    pub async fn params(&self, order: &Order) -> Result<Bytes, Error> {
        self.payload(&order.params, &self.layout(&order.run).params()).await
    }

    /// Reads a result.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub async fn result(&self, run: &RunId, payload: &Payload) -> Result<Bytes, Error> {
        self.payload(payload, &self.layout(run).result()).await
    }

    /// Reads a component.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub async fn component(&self, digest: &Digest) -> Result<Bytes, Error> {
        self.verified(&layout::component(digest), digest).await
    }

    /// Removes one object; that it does not exist is no error.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        let path = Path::from(key);
        match self.patiently(|| self.objects().delete(&path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(could_not("remove", key, error)),
        }
    }

    /// Removes all of a run. As long as there is an order, what is left of the run says that it is over; what is left
    /// without one says so, too ([`Store::is_half_removed`]). So removing can be repeated, however it was cut off.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn remove_run(&self, run: &RunId) -> Result<(), Error> {
        let layout = self.layout(run);
        let found = self.objects_below(layout.prefix()).await?;
        let last = [layout.order(), layout.job(), layout.outcome()];
        let found = found.iter().map(|meta| meta.location.as_ref());
        for key in found.filter(|key| last.iter().all(|last| key != last)) {
            self.delete(key).await?;
        }
        for key in last {
            self.delete(&key).await?;
        }
        Ok(())
    }

    /// Whether a removal of the run was cut off after the order was gone: nobody else leaves such a run.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_half_removed(&self, run: &RunId) -> Result<bool, Error> {
        let layout = self.layout(run);
        Ok(self.size(&layout.order()).await?.is_none()
            && (self.size(&layout.job()).await?.is_some()
                || self.size(&layout.outcome()).await?.is_some()))
    }
}

/// The folder of a local store, which exists afterwards.
fn made(folder: &FilePath) -> Result<PathBuf, Error> {
    let made = std::fs::create_dir_all(folder).and_then(|()| folder.canonicalize());
    made.map_err(|error| {
        let attempted = format!("could not open the store {}", folder.display());
        Error::caused(ErrorKind::Store, attempted, error)
            .hint("name a directory that you may write with --store, or set LONGSHORE_STORE")
    })
}
