//! Runs the runtime as a custom job of Vertex AI.
//!
//! What is created: a custom job per run, with one machine of its own, and labels for run, owner, pool, flow and store.
//! Vertex AI chooses the job's id, and starts a job each time that it is asked to; so whoever launches looks for a job
//! with the run's label before, and after: of several the first is that of the run, and whoever made a later one ends it.
//!
//! Permissions: `docs/vertex-ai/launcher.yaml`, a role for one project; the container itself needs none. Limits: those of
//! the machine, which has to be large enough for the flow's. See `docs/vertex-ai.md`.

mod api;
mod client;
mod config;
mod definition;
mod launch;
mod machine;
mod place;
mod plan;
mod scheduling;
mod state;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use longshore_protocol::state::JobState;
use tokio::time::Instant;

use crate::google::logging;
use crate::google::recent::Recent;
use crate::image::RuntimeImage;
use crate::launcher::{FoundJob, Handle, Job, Launcher, Plan, Tell};
use crate::rest::{ASK_AGAIN, Kept, Memory, Pauses, changed, settled};
use crate::settings::JobSettings;
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind, clock};

use api::CustomJob;
use client::{Client, ROLE_FILE};
pub use config::VertexAiSettings;
use definition::label;
use place::Place;
use state::{Phase, phase};

/// The longest pause between two looks at a job: a thousand runs stay within the limit of requests.
const LOOK_LONGEST: Duration = Duration::from_secs(300);
/// A job that was asked to end has this long: its machine is stopped as well.
const END_PATIENCE: Duration = Duration::from_secs(120);
/// A job that was deleted has this long until it is gone.
const GONE_PATIENCE: Duration = Duration::from_secs(60);
/// For the output of a job that is not there it is looked this often.
const LOOKS_MAX: usize = 5;

/// Launches custom jobs of Vertex AI.
#[derive(Debug)]
pub struct VertexAiLauncher {
    surroundings: Surroundings,
    /// Connections, by addresses and credentials.
    clients: Kept<String, Client>,
    recent: Recent,
    /// The names that Vertex AI has chosen, by handle: with them, a look is one request for one job.
    names: Kept<Handle, String>,
    /// What jobs were in, by how soon they may be asked again.
    memories: Kept<Duration, Arc<Memory>>,
}

impl VertexAiLauncher {
    /// A launcher that finds credentials in its `surroundings`.
    pub fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            clients: Kept::default(),
            recent: Recent::default(),
            names: Kept::default(),
            memories: Kept::default(),
        }
    }

    fn client(&self, place: &Place) -> Result<Client, Error> {
        let Place { endpoint, logging_endpoint, credentials, .. } = place;
        let key = format!("{endpoint} {logging_endpoint} {credentials}");
        self.clients.get_or(key, || Client::new(place, &self.surroundings))
    }

    fn memory(&self, place: &Place) -> Arc<Memory> {
        let memory = || Arc::new(Memory::new(place.look, LOOK_LONGEST));
        self.memories.or_insert_with(place.look, memory)
    }

    /// Nothing of it is known here any more.
    fn forget(&self, place: &Place, handle: &Handle) {
        self.names.remove(handle);
        self.recent.seen(handle);
        self.memory(place).forget(handle);
    }

    /// The job of a run.
    async fn job(
        &self,
        client: &Client,
        place: &Place,
        handle: &Handle,
    ) -> Result<Option<CustomJob>, Error> {
        if let Some(name) = self.names.get(handle) {
            match client.job(&name).await? {
                Some(job) => return Ok(Some(job)),
                // It is not there yet, or no longer.
                None if self.recent.has(handle) => return Ok(None),
                None => {}
            }
        }
        let found = client.of_run(place).await?.into_iter().next();
        match &found {
            Some(job) => self.names.insert(handle.clone(), job.name.clone()),
            None => self.forget(place, handle),
        }
        Ok(found)
    }

    /// All jobs of a run: there are several where two have launched it in the same moment and not come to an end of it.
    async fn jobs_of_run(
        &self,
        client: &Client,
        place: &Place,
        handle: &Handle,
    ) -> Result<Vec<CustomJob>, Error> {
        let mut found = client.of_run(place).await?;
        // A list may lag behind what was launched here.
        if let Some(name) =
            self.names.get(handle).filter(|name| found.iter().all(|it| it.name != *name))
        {
            found.extend(client.job(&name).await?);
        }
        Ok(found)
    }

    async fn observe(
        &self,
        client: &Client,
        place: &Place,
        handle: &Handle,
    ) -> Result<JobState, Error> {
        let is_recent = self.recent.has(handle);
        let Some(job) = self.job(client, place, handle).await? else {
            return Ok(if is_recent { JobState::Pending } else { JobState::Gone });
        };
        self.recent.seen(handle);
        let output = if state::needs_last_words(&job) {
            logging::last_words(client.log(), &place.log(&job.name)).await
        } else {
            String::new()
        };
        Ok(state::state(&job, &output))
    }

    /// Like [`Self::observe`], and keeps what is told.
    async fn settled(
        &self,
        client: &Client,
        place: &Place,
        handle: &Handle,
    ) -> Result<JobState, Error> {
        let ask = || self.observe(client, place, handle);
        settled(&self.memory(place), handle, place.is_young(clock::now()), ask).await
    }
}

/// Waits until a job that was deleted is no more.
async fn gone(client: &Client, name: &str) -> Result<(), Error> {
    let pauses = Pauses::new(Duration::from_millis(250), Duration::from_secs(5));
    let gone = async {
        while client.job(name).await?.is_some() {
            tokio::time::sleep(pauses.next()).await;
        }
        Ok(())
    };
    tokio::time::timeout(GONE_PATIENCE, gone).await.unwrap_or_else(|_| {
        let text = format!("the job {name} was deleted, and is still there");
        Err(Error::new(ErrorKind::Infrastructure, text).hint("try again later"))
    })
}

#[async_trait::async_trait]
impl Launcher for VertexAiLauncher {
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
        let settings = VertexAiSettings::of(settings)?;
        let place = plan::probe(&settings, image, &self.surroundings)?;
        let client = self.client(&place)?;
        let may = client.check(&place, settings.resource_manager_endpoint.as_deref()).await?;
        logging::check(client.log(), &place.log("0"), ROLE_FILE).await?;
        let Place { project, region, .. } = &place;
        let image = settings.image.as_deref().unwrap_or_default();
        let machine = &settings.machine_type.0;
        Ok(format!(
            "project {project}, region {region}; jobs and logs can be read; {may}; jobs would be machines {machine} with the image {image}, which Vertex AI looks at when it starts one"
        ))
    }

    async fn launch(&self, plan: &Plan, _tell: &Tell<'_>) -> Result<(), Error> {
        let request = plan::request_of(plan)?;
        let place = request.place();
        let client = self.client(&place)?;
        let name = launch::launch(&client, &place, request.body(&plan.hidden)?).await?;
        self.names.insert(plan.handle.clone(), name);
        self.recent.launched(&plan.handle);
        self.memory(&place).forget(&plan.handle);
        Ok(())
    }

    async fn state(&self, handle: &Handle) -> Result<JobState, Error> {
        let place = Place::of(handle)?;
        if let Some(state) = self.memory(&place).state(handle, Instant::now()) {
            return Ok(state);
        }
        self.settled(&self.client(&place)?, &place, handle).await
    }

    async fn changed(&self, handle: &Handle, seen: &JobState) -> Result<JobState, Error> {
        let place = Place::of(handle)?;
        let client = self.client(&place)?;
        let ask = || self.settled(&client, &place, handle);
        Ok(changed(&self.memory(&place), handle, seen, ask).await)
    }

    fn logs(&self, handle: &Handle) -> BoxStream<'static, Result<String, Error>> {
        let (handle, surroundings) = (handle.clone(), self.surroundings.clone());
        let connect = async move {
            let place = Place::of(&handle)?;
            // A launcher of its own: a stream outlives whoever asked for it.
            let launcher = Self::new(surroundings);
            let client = launcher.client(&place)?;
            lines(client, place).await
        };
        stream::once(connect).try_flatten().boxed()
    }

    async fn cancel(&self, handle: &Handle, _grace: Duration) -> Result<(), Error> {
        let place = Place::of(handle)?;
        let client = self.client(&place)?;
        self.memory(&place).forget(handle);
        let jobs = self.jobs_of_run(&client, &place, handle).await?;
        let alive: Vec<_> = jobs.iter().filter(|job| phase(job) != Phase::Over).collect();
        for job in &alive {
            // Vertex AI decides how long the container may take.
            client.cancel(&job.name).await?;
        }
        for job in &alive {
            launch::ended(&client, &job.name).await?;
        }
        Ok(())
    }

    async fn finish(&self, handle: &Handle) -> Result<(), Error> {
        let place = Place::of(handle)?;
        let client = self.client(&place)?;
        let names = match self.names.get(handle) {
            Some(name) => vec![name],
            None => client.of_run(&place).await?.into_iter().map(|job| job.name).collect(),
        };
        for name in names {
            launch::delete(&client, &name).await?;
        }
        self.forget(&place, handle);
        Ok(())
    }

    async fn cleanup(&self, handle: &Handle) -> Result<(), Error> {
        self.cancel(handle, Duration::ZERO).await?;
        let place = Place::of(handle)?;
        let client = self.client(&place)?;
        let jobs = self.jobs_of_run(&client, &place, handle).await?;
        for job in &jobs {
            launch::delete(&client, &job.name).await?;
        }
        for job in &jobs {
            gone(&client, &job.name).await?;
        }
        self.forget(&place, handle);
        Ok(())
    }

    async fn jobs(&self, settings: &JobSettings, tenant: &str) -> Result<Vec<FoundJob>, Error> {
        let settings = VertexAiSettings::of(settings)?;
        let place = plan::place(&settings, String::new(), &self.surroundings)?;
        let client = self.client(&place)?;
        let (mut found, mut told) = (Vec::new(), BTreeSet::new());
        for job in client.of_tenant(&place, tenant).await? {
            let says = |name: &str| job.labels.get(&label(name)).cloned().unwrap_or_default();
            let (run, store) = (says("run"), says("store"));
            let Ok(id) = run.parse() else { continue };
            if told.insert(run.clone()) {
                let handle = Place { run, ..place.clone() }.handle();
                found.push(FoundJob { handle, run: id, store });
            }
        }
        Ok(found)
    }
}

/// The output of a run's job.
async fn lines(
    client: Client,
    place: Place,
) -> Result<BoxStream<'static, Result<String, Error>>, Error> {
    let mut looks = 0;
    let job = loop {
        match client.of_run(&place).await?.into_iter().next() {
            Some(job) => break job.name,
            // One that was launched just now is there in a moment.
            None if looks < LOOKS_MAX && place.is_young(clock::now()) => {
                looks += 1;
                tokio::time::sleep(ASK_AGAIN).await;
            }
            None => return Ok(stream::empty().boxed()),
        }
    };
    let (log, source) = (client.log().clone(), place.log(&job));
    let is_over = move || {
        let (client, job) = (client.clone(), job.clone());
        async move {
            let found = client.job(&job).await?;
            Ok(found.is_none_or(|job| phase(&job) == Phase::Over))
        }
    };
    Ok(logging::lines(log, source, ROLE_FILE, is_over))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::questions_in_worst_minute;

    #[test]
    fn a_thousand_runs_stay_within_the_rate_limits() {
        // https://docs.cloud.google.com/vertex-ai/docs/quotas: 60 submissions of jobs and 600 other requests per minute
        // and region. Each launch takes two of these as well, and each end one.
        let most = questions_in_worst_minute(1_000, 60, (place::LOOK_USUAL, LOOK_LONGEST));
        assert!(most + 3 * 60 <= 600, "{most} questions in a minute");
    }
}
