//! Runs the runtime as an execution of a Cloud Run job.
//!
//! What is created: a job per run, `longshore-<run id>`, with labels for run, owner, pool, flow and store, which starts
//! its one execution by itself; so a repeated launch finds it, and nothing is started twice. With `keep_job`, a job for
//! all runs with the same settings, which is created or updated where it is not there or has changed, and an execution
//! of it per run, with the run's own arguments.
//!
//! Permissions: `docs/cloud-run/launcher.yaml`, a role for one project; the container itself needs none. Limits: memory
//! and processors, derived from the flow's. See `docs/cloud-run.md`.

mod api;
mod client;
mod config;
mod definition;
mod place;
mod plan;
mod shared;
mod state;

use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use longshore_protocol::state::JobState;
use tokio::time::Instant;

use crate::google::logging;
use crate::google::recent::Recent;
use crate::google::service::is_precondition;
use crate::image::RuntimeImage;
use crate::launcher::{FoundJob, Handle, Job, Launcher, Plan, Tell};
use crate::rest::{Kept, Memory, Pauses, changed, settled};
use crate::settings::JobSettings;
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind, clock};

use api::Execution;
use client::{Client, Made, ROLE_FILE};
pub use config::CloudRunSettings;
use definition::{RUN, STORE, TENANT};
use place::Place;
use state::{Phase, phase};

/// Bounds of the pauses between two looks at an execution: a thousand runs stay within the limit of reads.
const LOOKS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(60));
/// An execution that was asked to end has this long: Cloud Run's own ten seconds, and what it takes to tell.
const END_PATIENCE: Duration = Duration::from_secs(60);

/// Launches executions of Cloud Run jobs.
#[derive(Debug)]
pub struct CloudRunLauncher {
    surroundings: Surroundings,
    /// Connections, by addresses and credentials.
    clients: Kept<String, Client>,
    recent: Recent,
    /// Executions of shared jobs, by handle.
    executions: Kept<Handle, String>,
    memory: Memory,
}

impl CloudRunLauncher {
    /// A launcher that finds credentials in its `surroundings`.
    pub fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            clients: Kept::default(),
            recent: Recent::default(),
            executions: Kept::default(),
            memory: Memory::new(LOOKS.0, LOOKS.1),
        }
    }

    fn client(&self, place: &Place) -> Result<Client, Error> {
        let Place { endpoint, logging_endpoint, credentials, .. } = place;
        let key = format!("{endpoint} {logging_endpoint} {credentials}");
        self.clients.get_or(key, || Client::new(place, &self.surroundings))
    }

    /// The execution of a job.
    async fn execution(
        &self,
        client: &Client,
        place: &Place,
        handle: &Handle,
    ) -> Result<Option<Execution>, Error> {
        let Some(run) = &place.run else {
            return client.execution(&place.own_execution()).await;
        };
        if let Some(known) = self.executions.get(handle) {
            return client.execution(&known).await;
        }
        let found = shared::find(client, place, run).await?;
        if let Some(found) = &found {
            self.executions.insert(handle.clone(), found.name.clone());
        }
        Ok(found)
    }

    async fn observe(
        &self,
        client: &Client,
        place: &Place,
        handle: &Handle,
    ) -> Result<JobState, Error> {
        let Some(execution) = self.execution(client, place, handle).await? else {
            return self.without_execution(client, place, handle).await;
        };
        self.recent.seen(handle);
        if phase(&execution) != Phase::Over {
            return Ok(state::state(&execution, None, ""));
        }
        let task = client.task(&execution.name).await?;
        let attempt = task.and_then(|task| task.last_attempt_result);
        let output = if state::needs_last_words(&execution) {
            logging::last_words(client.log(), &place.log(&execution.name)).await
        } else {
            String::new()
        };
        Ok(state::state(&execution, attempt.as_ref(), &output))
    }

    /// The state where there is no execution: it may be about to start, or could not be started.
    async fn without_execution(
        &self,
        client: &Client,
        place: &Place,
        handle: &Handle,
    ) -> Result<JobState, Error> {
        let is_fresh = self.recent.has(handle);
        if place.run.is_some() {
            return Ok(if is_fresh { JobState::Pending } else { JobState::Gone });
        }
        match client.job(place).await? {
            Some(job) => Ok(state::not_started(&job)),
            None if is_fresh => Ok(JobState::Pending),
            None => Ok(JobState::Gone),
        }
    }

    /// Like [`Self::observe`], and keeps what is told.
    async fn settled(
        &self,
        client: &Client,
        place: &Place,
        handle: &Handle,
    ) -> Result<JobState, Error> {
        let ask = || self.observe(client, place, handle);
        settled(&self.memory, handle, place.is_young(clock::now()), ask).await
    }

    /// Waits until the execution cannot be running.
    async fn ended(&self, client: &Client, place: &Place, handle: &Handle) -> Result<(), Error> {
        let pauses = Pauses::new(Duration::from_millis(500), Duration::from_secs(5));
        let over = async {
            loop {
                match self.execution(client, place, handle).await? {
                    Some(execution) if phase(&execution) != Phase::Over => {}
                    Some(_) | None => return Ok(()),
                }
                tokio::time::sleep(pauses.next()).await;
            }
        };
        tokio::time::timeout(END_PATIENCE, over).await.unwrap_or_else(|_| {
            let text = format!("the execution of {} may still be running", place.job_path());
            Err(Error::new(ErrorKind::Infrastructure, text)
                .hint("look at it in the Google Cloud console, and try again"))
        })
    }

    /// Deletes the job, or the execution of a shared one. Returns once Cloud Run has accepted that; `waits`: once it is
    /// done.
    async fn delete(&self, handle: &Handle, after: After) -> Result<(), Error> {
        let place = Place::of(handle)?;
        let client = self.client(&place)?;
        let path = match &place.run {
            None => place.job_path(),
            Some(_) => match self.execution(&client, &place, handle).await? {
                Some(execution) => execution.name,
                None => return Ok(()),
            },
        };
        let deleted = match client.delete(&path).await {
            // The runtime has written its outcome, and its container ends in this moment.
            Err(failure) if is_precondition(&failure) => {
                self.ended(&client, &place, handle).await?;
                client.delete(&path).await
            }
            deleted => deleted,
        };
        let operation = deleted.map_err(|failure| client.could_not_delete(&path, failure))?;
        self.recent.seen(handle);
        self.memory.forget(handle);
        match (operation, after) {
            (Some(operation), After::Done) => {
                client.done(&format!("delete {path}"), operation).await
            }
            (Some(_), After::Accepted) | (None, _) => Ok(()),
        }
    }
}

/// What a deletion waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Accepted,
    Done,
}

#[async_trait::async_trait]
impl Launcher for CloudRunLauncher {
    fn plan(&self, job: &Job) -> Result<Plan, Error> {
        plan::plan(job, &self.surroundings)
    }

    fn check_patched(&self, planned: &Plan, patched: &Plan) -> Result<(), Error> {
        plan::check_patched(planned, patched)
    }

    async fn check(
        &self,
        settings: &JobSettings,
        image: Option<&RuntimeImage>,
    ) -> Result<String, Error> {
        let settings = CloudRunSettings::of(settings)?;
        let (place, body) = plan::probe(&settings, image, &self.surroundings)?;
        let client = self.client(&place)?;
        client.validate(&place, body).await?;
        let count = client.jobs(&place).await?.len();
        logging::check(client.log(), &place.log("x"), ROLE_FILE).await?;
        let manager = settings.resource_manager_endpoint.as_deref();
        let may = client.check_permissions(&place, manager, settings.keep_job).await?;
        let Place { project, region, .. } = &place;
        let image = settings.image.as_deref().unwrap_or_default();
        Ok(format!(
            "project {project}, region {region}, which has {count} jobs; Cloud Run takes the job, with the image {image}; {may}; logs can be read"
        ))
    }

    async fn launch(&self, plan: &Plan, tell: &Tell<'_>) -> Result<(), Error> {
        let request = plan::request_of(plan)?;
        let place = request.place();
        let client = self.client(&place)?;
        if place.run.is_some() {
            shared::launch(&client, &request, &plan.hidden, tell).await?;
        } else {
            match client.create(&place, request.body(&plan.hidden)?).await? {
                // It starts its execution by itself.
                Made::Created(_) => {}
                Made::Existed => shared::check_own(&client, &request).await?,
            }
        }
        self.recent.launched(&plan.handle);
        self.memory.forget(&plan.handle);
        Ok(())
    }

    async fn state(&self, handle: &Handle) -> Result<JobState, Error> {
        let place = Place::of(handle)?;
        if let Some(state) = self.memory.state(handle, Instant::now()) {
            return Ok(state);
        }
        self.settled(&self.client(&place)?, &place, handle).await
    }

    async fn changed(&self, handle: &Handle, seen: &JobState) -> Result<JobState, Error> {
        let place = Place::of(handle)?;
        let client = self.client(&place)?;
        let ask = || self.settled(&client, &place, handle);
        Ok(changed(&self.memory, handle, seen, ask).await)
    }

    fn logs(&self, handle: &Handle) -> BoxStream<'static, Result<String, Error>> {
        let (handle, surroundings) = (handle.clone(), self.surroundings.clone());
        let connect = async move {
            let place = Place::of(&handle)?;
            // A launcher of its own: a stream outlives whoever asked for it.
            let launcher = std::sync::Arc::new(Self::new(surroundings));
            let client = launcher.client(&place)?;
            launcher.lines(client, place, handle).await
        };
        stream::once(connect).try_flatten().boxed()
    }

    async fn cancel(&self, handle: &Handle, _grace: Duration) -> Result<(), Error> {
        let place = Place::of(handle)?;
        let client = self.client(&place)?;
        self.memory.forget(handle);
        match self.execution(&client, &place, handle).await? {
            Some(execution) if phase(&execution) == Phase::Over => Ok(()),
            Some(execution) => {
                // Cloud Run sends SIGTERM, and ten seconds later SIGKILL, whatever grace is asked for.
                client.cancel(&execution.name).await?;
                self.ended(&client, &place, handle).await
            }
            // It is about to start one, or has failed to.
            None if place.run.is_none() && client.job(&place).await?.is_some() => {
                self.delete(handle, After::Done).await
            }
            None => Ok(()),
        }
    }

    async fn finish(&self, handle: &Handle) -> Result<(), Error> {
        // A shared job keeps its executions: Cloud Run itself removes the oldest.
        if Place::of(handle)?.run.is_some() {
            return Ok(());
        }
        self.delete(handle, After::Accepted).await
    }

    async fn cleanup(&self, handle: &Handle) -> Result<(), Error> {
        self.cancel(handle, Duration::ZERO).await?;
        self.delete(handle, After::Done).await?;
        self.executions.remove(handle);
        Ok(())
    }

    async fn jobs(&self, settings: &JobSettings, tenant: &str) -> Result<Vec<FoundJob>, Error> {
        let settings = CloudRunSettings::of(settings)?;
        let place = plan::place(&settings, &self.surroundings)?;
        let client = self.client(&place)?;
        let mut found = Vec::new();
        for job in client.jobs(&place).await? {
            let says = |name: &str| job.annotations.get(name).cloned();
            if says(TENANT).as_deref() != Some(tenant) {
                continue;
            }
            let short = job.name.rsplit('/').next().unwrap_or_default().to_owned();
            let at = Place { job: short, ..place.clone() };
            let store = says(STORE).unwrap_or_default();
            match says(RUN).map(|run| run.parse()) {
                Some(Ok(run)) => found.push(FoundJob { handle: at.handle(), run, store }),
                Some(Err(_)) => {}
                None => found.extend(shared::runs(&client, &at, &store).await?),
            }
        }
        Ok(found)
    }
}

impl CloudRunLauncher {
    async fn lines(
        self: std::sync::Arc<Self>,
        client: Client,
        place: Place,
        handle: Handle,
    ) -> Result<BoxStream<'static, Result<String, Error>>, Error> {
        let execution = match &place.run {
            None => place.own_execution(),
            // One that is about to start has a name in a moment.
            Some(_) => match self.execution(&client, &place, &handle).await? {
                Some(execution) => execution.name,
                None => return Ok(stream::empty().boxed()),
            },
        };
        let (log, source) = (client.log().clone(), place.log(&execution));
        let is_over = move || {
            let (launcher, client) = (std::sync::Arc::clone(&self), client.clone());
            let (place, handle) = (place.clone(), handle.clone());
            async move {
                let execution = launcher.execution(&client, &place, &handle).await?;
                match execution {
                    Some(execution) => Ok(phase(&execution) == Phase::Over),
                    None => {
                        let state = launcher.settled(&client, &place, &handle).await?;
                        Ok(matches!(state, JobState::Exited { .. } | JobState::Gone))
                    }
                }
            }
        };
        Ok(logging::lines(log, source, ROLE_FILE, is_over))
    }
}
