//! Runs the runtime as a container of a Docker engine.
//!
//! What is created: one container per run, `longshore-<run id>`, with labels for run, owner, pool, flow and store; and
//! once, where the engine does not have it, the image of the runtime. The container has no capabilities, cannot gain
//! privileges, cannot write to its own file system but for a `/tmp` in memory, and has no network unless the flow is
//! granted one or the store is not a directory. Of a directory store it sees its own run and the code that it executes.
//!
//! Permissions: those of whoever may use the engine, which is as much as root on its machine. Limits: memory,
//! processors and processes, derived from the flow's. See `docs/docker.md`.

mod client;
mod config;
mod credentials;
mod endpoint;
mod plan;
mod ssh;
mod state;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bollard::models::{ContainerCreateBody, ContainerInspectResponse};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use longshore_protocol::state::JobState;

use crate::image::{Pull, RuntimeImage};
use crate::launcher::{FoundJob, Handle, Job, Launcher, Plan, Tell};
use crate::settings::JobSettings;
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

use client::{Client, Made};
pub use config::DockerSettings;
use endpoint::Endpoint;
use plan::Request;

/// A container that is created is started within moments; it is looked at this often until then.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Launches containers.
#[derive(Debug)]
pub struct DockerLauncher {
    surroundings: Surroundings,
    /// Connections, by the engine's address.
    clients: Mutex<HashMap<String, Client>>,
}

impl DockerLauncher {
    /// A launcher that finds engines, credentials and variables for secrets in its `surroundings`.
    pub fn new(surroundings: Surroundings) -> Self {
        Self { surroundings, clients: Mutex::default() }
    }

    async fn client(&self, endpoint: &Endpoint) -> Result<Client, Error> {
        let known = self
            .clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&endpoint.host)
            .cloned();
        if let Some(client) = known {
            return Ok(client);
        }
        let client = Client::connect(endpoint).await?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.insert(endpoint.host.clone(), client.clone());
        Ok(client)
    }

    async fn client_of(&self, host: &str) -> Result<Client, Error> {
        self.client(&Endpoint::of_job(host, &self.surroundings)?).await
    }

    async fn client_for(&self, settings: &JobSettings) -> Result<Client, Error> {
        let DockerSettings { host, context, .. } = DockerSettings::of(settings)?;
        let endpoint = Endpoint::resolve(host.as_deref(), context.as_deref(), &self.surroundings)?;
        self.client(&endpoint).await
    }

    /// Puts the image of the runtime into the engine that the settings name.
    ///
    /// # Errors
    /// When the engine cannot be reached, or refuses it.
    pub async fn load_image(
        &self,
        settings: &JobSettings,
        image: &RuntimeImage,
        tell: &Tell<'_>,
    ) -> Result<(), Error> {
        self.client_for(settings).await?.load(image, tell).await
    }

    /// What the engine that the settings name has under the name of an image. `None`: nothing.
    ///
    /// # Errors
    /// When the engine cannot be reached.
    pub async fn image(
        &self,
        settings: &JobSettings,
        reference: &str,
    ) -> Result<Option<bollard::models::ImageInspect>, Error> {
        self.client_for(settings).await?.image(reference).await
    }

    async fn observe(client: &Client, name: &str) -> Result<JobState, Error> {
        let Some(found) = client.inspect(name).await? else { return Ok(JobState::Gone) };
        let memory_bytes = found.host_config.as_ref().and_then(|config| config.memory);
        let docker = found.state.unwrap_or_default();
        let output =
            if state::is_over(&docker) { client.last_output(name).await } else { String::new() };
        Ok(state::state(&docker, memory_bytes, &output))
    }

    fn body(&self, request: &Request) -> Result<ContainerCreateBody, Error> {
        let mut body: ContainerCreateBody = serde_json::from_value(request.create.clone())
            .map_err(|error| {
                Error::caused(ErrorKind::BadInput, "the request is not one for a container", error)
            })?;
        for name in &request.env_from_launcher {
            let value = self.surroundings.required(name)?;
            body.env.get_or_insert_default().push(format!("{name}={value}"));
        }
        Ok(body)
    }

    /// Creates the container; fetches or makes the image where the policy says so.
    async fn create(
        &self,
        client: &Client,
        request: &Request,
        tell: &Tell<'_>,
    ) -> Result<Made, Error> {
        let body = self.body(request)?;
        let image = body.image.clone().unwrap_or_default();
        let made_here = request.image_made_from.as_ref();
        // What an image that is made here is follows from its name.
        if request.image_pull_policy == Pull::Always && made_here.is_none() {
            self.pull(client, request, &image, tell).await?;
        }
        let made = client.create(request, body.clone()).await?;
        if made != Made::NoImage {
            return Ok(made);
        }
        match (request.image_pull_policy, made_here) {
            (Pull::Never, _) => {
                let text = format!("the Docker engine at {} has no image {image}", request.host);
                return Err(Error::new(ErrorKind::Infrastructure, text).hint(
                    "longshore image load makes and loads it; or let image_pull_policy be IfNotPresent",
                ));
            }
            (_, Some(made_here)) => client.load(made_here, tell).await?,
            (_, None) => self.pull(client, request, &image, tell).await?,
        }
        let made = client.create(request, body).await?;
        if made == Made::NoImage {
            let text = format!("the Docker engine at {} lost the image {image}", request.host);
            return Err(Error::new(ErrorKind::Infrastructure, text).hint("try again"));
        }
        Ok(made)
    }

    async fn pull(
        &self,
        client: &Client,
        request: &Request,
        image: &str,
        tell: &Tell<'_>,
    ) -> Result<(), Error> {
        let credentials = request.registry_credentials.as_deref();
        client.pull(image, credentials, &self.surroundings, tell).await
    }
}

#[async_trait::async_trait]
impl Launcher for DockerLauncher {
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
        let client = self.client_for(settings).await?;
        let version = client.version().await?;
        let own = DockerSettings::of(settings)?.image;
        let Some(reference) = own.as_deref().or(image.map(|image| image.reference.as_str())) else {
            let text = "there is neither an image nor a static runtime to make one of";
            return Err(Error::new(ErrorKind::Runtime, text)
                .hint("name a binary with --image-runtime, or set the job's image"));
        };
        let has = match (client.image(reference).await?, &own) {
            (Some(_), _) => "the image is there",
            (None, Some(_)) => "the first run pulls the image",
            (None, None) => "the first run makes the image",
        };
        Ok(format!("engine {version}; {has}: {reference}"))
    }

    async fn launch(&self, plan: &Plan, tell: &Tell<'_>) -> Result<(), Error> {
        let request = plan::request_of(plan)?;
        let client = self.client_of(&request.host).await?;
        let name = &request.name;
        if self.create(&client, &request, tell).await? == Made::Existed {
            // By whoever launched this run before: the name has the run's id in it.
            let found =
                client.inspect(name).await?.and_then(|found| found.state).unwrap_or_default();
            if state::state(&found, None, "") != JobState::Pending {
                return Ok(());
            }
        }
        let start = async {
            for network in &request.more_networks {
                client.join(network, name).await?;
            }
            client.start(name).await
        };
        if let Err(error) = start.await {
            // One that never ran explains no more than the error does. That it stays is not what is to be told.
            drop(client.remove(name).await);
            return Err(error);
        }
        Ok(())
    }

    async fn state(&self, handle: &Handle) -> Result<JobState, Error> {
        let place = plan::place(handle)?;
        if let Some(because) = place.not_from_here {
            return Ok(JobState::Unknown { because });
        }
        Self::observe(&self.client_of(place.host).await?, place.name).await
    }

    async fn changed(&self, handle: &Handle, seen: &JobState) -> Result<JobState, Error> {
        let place = plan::place(handle)?;
        if let Some(because) = place.not_from_here {
            std::future::pending::<()>().await;
            return Ok(JobState::Unknown { because });
        }
        let client = self.client_of(place.host).await?;
        loop {
            if *seen == JobState::Running {
                client.wait(place.name).await?;
            }
            let state = Self::observe(&client, place.name).await?;
            match &state {
                state if *state != *seen => {}
                JobState::Exited { .. } | JobState::Gone => std::future::pending::<()>().await,
                _ => {
                    tokio::time::sleep(LOOK_EVERY).await;
                    continue;
                }
            }
            return Ok(state);
        }
    }

    fn logs(&self, handle: &Handle) -> BoxStream<'static, Result<String, Error>> {
        let place = match plan::place(handle) {
            Ok(place) => place,
            Err(error) => return stream::iter([Err(error)]).boxed(),
        };
        let name = place.name.to_owned();
        let endpoint = Endpoint::of_job(place.host, &self.surroundings);
        let connect =
            async move { Client::connect(&endpoint?).await.map(|client| client.lines(&name)) };
        stream::once(connect)
            .flat_map(|lines| match lines {
                Ok(lines) => lines,
                Err(error) => stream::iter([Err(error)]).boxed(),
            })
            .boxed()
    }

    async fn cancel(&self, handle: &Handle, grace: Duration) -> Result<(), Error> {
        let place = plan::place(handle)?;
        if let Some(because) = &place.not_from_here {
            return Err(crate::launcher::cannot_reach(handle, because));
        }
        let client = self.client_of(place.host).await?;
        let found = client.inspect(place.name).await?.and_then(|found| found.state);
        match found.map(|found| state::state(&found, None, "")) {
            None => Ok(()),
            // It would wait for a start that nobody makes.
            Some(JobState::Pending) => client.remove(place.name).await,
            Some(_) => client.stop(place.name, grace).await,
        }
    }

    async fn finish(&self, handle: &Handle) -> Result<(), Error> {
        let place = plan::place(handle)?;
        if place.not_from_here.is_some() {
            return Ok(());
        }
        let client = self.client_of(place.host).await?;
        let Some(found) = client.inspect(place.name).await? else { return Ok(()) };
        let goes = label(&found, plan::REMOVE_LABEL) == Some("true");
        if goes { client.remove(place.name).await } else { Ok(()) }
    }

    async fn cleanup(&self, handle: &Handle) -> Result<(), Error> {
        let place = plan::place(handle)?;
        if let Some(because) = &place.not_from_here {
            return Err(crate::launcher::cannot_reach(handle, because));
        }
        self.client_of(place.host).await?.remove(place.name).await
    }

    async fn jobs(&self, settings: &JobSettings, tenant: &str) -> Result<Vec<FoundJob>, Error> {
        let DockerSettings { host, context, .. } = DockerSettings::of(settings)?;
        let endpoint = Endpoint::resolve(host.as_deref(), context.as_deref(), &self.surroundings)?;
        let containers = self.client(&endpoint).await?.list(tenant).await?;
        let found = containers.into_iter().filter_map(|container| {
            let labels = container.labels.unwrap_or_default();
            let name = container.names?.into_iter().next()?;
            Some(FoundJob {
                handle: plan::handle(&endpoint.host, name.trim_start_matches('/')),
                run: labels.get(plan::RUN_LABEL)?.parse().ok()?,
                store: labels.get(plan::STORE_LABEL).cloned().unwrap_or_default(),
            })
        });
        Ok(found.collect())
    }
}

fn label<'a>(found: &'a ContainerInspectResponse, name: &str) -> Option<&'a str> {
    found.config.as_ref()?.labels.as_ref()?.get(name).map(String::as_str)
}
