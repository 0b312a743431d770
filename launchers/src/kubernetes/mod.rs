//! Runs the runtime as a Job of a Kubernetes cluster.
//!
//! What is created: one `batch/v1` Job per run, `longshore-<run id>`, with labels for run, owner, pool, flow and store;
//! and a Secret of the same name, which the Job owns: it has the signed address of the ticket, and what the flow's
//! secrets are read from. The pod runs as nobody in particular, without a token of a service account, without
//! capabilities, and cannot write to its own file system but for a `/tmp` in memory.
//!
//! Permissions: `docs/kubernetes/launcher.yaml`, all in one namespace; the pod itself needs none. Limits: memory and
//! processors, derived from the flow's. See `docs/kubernetes.md`.

mod client;
mod cluster;
mod config;
mod logs;
mod manifest;
mod names;
mod plan;
mod refusal;
mod state;
mod watch;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::batch::v1::Job as KubernetesJob;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use longshore_protocol::state::JobState;

use crate::image::RuntimeImage;
use crate::launcher::{FoundJob, Handle, Job, Launcher, Plan, Tell};
use crate::settings::JobSettings;
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

use client::{Client, Made, PERMISSIONS};
use cluster::Cluster;
pub use config::KubernetesSettings;
use manifest::{REMOVE_ANNOTATION, RUN_LABEL, STORE_LABEL};
use plan::{Place, Request};
use state::{Judgement, Seen, annotation, is_over};
use watch::Follower;

/// That time has passed is no event, so what waits is looked at this often as well.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A pod that was asked to end is gone after its grace and this, or its node does not answer. One whose container never
/// started is kept for up to 70 s by kubelets before 1.21: they collect what is left of it once a minute.
const END_PATIENCE: Duration = Duration::from_secs(90);

/// Launches Jobs.
#[derive(Debug)]
pub struct KubernetesLauncher {
    surroundings: Surroundings,
    /// Connections, by cluster and user.
    clients: Mutex<HashMap<String, Client>>,
}

impl KubernetesLauncher {
    /// A launcher that finds clusters and variables for secrets in its `surroundings`.
    pub fn new(surroundings: Surroundings) -> Self {
        Self { surroundings, clients: Mutex::default() }
    }

    async fn client(&self, cluster: &Cluster) -> Result<Client, Error> {
        let key = cluster.key();
        let known = self.clients.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(client) = known.filter(|client| !client.is_stale()) {
            return Ok(client);
        }
        let client = Client::connect(cluster).await?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.insert(key, client.clone());
        Ok(client)
    }

    async fn client_of(&self, place: &Place) -> Result<Client, Error> {
        self.client(&Cluster::of_job(&place.server, place.named(), &self.surroundings)?).await
    }

    /// The cluster that the settings name, and the namespace.
    async fn client_for(
        &self,
        settings: &KubernetesSettings,
    ) -> Result<(Client, Cluster, String), Error> {
        let cluster = Cluster::resolve(plan::named(settings), &self.surroundings)?;
        let client = self.client(&cluster).await?;
        let namespace = settings.namespace.as_ref().map(|namespace| namespace.0.clone());
        let namespace = namespace.unwrap_or_else(|| cluster.namespace.clone());
        Ok((client, cluster, namespace))
    }

    /// What follows from what was seen. A Job that waits in vain is given up.
    async fn settle(client: &Client, place: &Place, seen: &Seen) -> Result<JobState, Error> {
        let again;
        let seen = if seen.is_torn() {
            again = client.look(place).await?;
            &again
        } else {
            seen
        };
        let judgement = match seen.judge(None, now()) {
            Judgement::AskEvents(_) => {
                let events = client.events(place, seen).await?;
                seen.judge(Some(&events), now())
            }
            judged => judged,
        };
        match judgement {
            Judgement::State(state) | Judgement::AskEvents(state) => Ok(state),
            Judgement::GiveUp(why) => {
                client.give_up(place, &why).await?;
                Ok(JobState::Exited { code: None, reason: Some(why) })
            }
        }
    }

    /// The Job that was there before this launch, if it is of the same run.
    async fn own(client: &Client, request: &Request) -> Result<Option<KubernetesJob>, Error> {
        let Some(found) = client.job(&request.place()).await? else { return Ok(None) };
        let run = |job: &KubernetesJob| job.labels().get(RUN_LABEL).cloned();
        if run(&found) == run(&request.job()?) {
            return Ok(Some(found));
        }
        let (namespace, name) = (&request.namespace, &request.name);
        let text = format!("the cluster has another Job {namespace}/{name}");
        Err(Error::new(ErrorKind::Infrastructure, text).hint("delete it, or set the job's name"))
    }

    async fn missing_permissions(client: &Client, namespace: &str) -> Result<Vec<String>, Error> {
        let asked = PERMISSIONS.map(|permission| async move {
            let lets = client.lets(namespace, permission).await?;
            Ok::<_, Error>((permission, lets != Some(false)))
        });
        let answers = try_join_all(asked).await?;
        let missing = answers.into_iter().filter(|(_, lets)| !lets);
        Ok(missing.map(|(permission, _)| permission.to_string()).collect())
    }

    /// Waits until no container of the Job can be running.
    async fn ended(client: &Client, place: &Place, patience: Duration) -> Result<(), Error> {
        let gone = async {
            let mut follower = Follower::new(client, place);
            while !follower.seen().is_some_and(Seen::is_ended) {
                follower.changed().await?;
            }
            Ok(())
        };
        tokio::time::timeout(patience, gone).await.unwrap_or_else(|_| {
            let Place { server, namespace, name, .. } = place;
            let text = format!("the pod of the Job {namespace}/{name} in the cluster at {server} may still be running");
            Err(Error::new(ErrorKind::Infrastructure, text)
                .hint("its node does not answer: kubectl get pods --output wide shows which one"))
        })
    }
}

/// The Job of a plan as YAML.
///
/// # Errors
/// When the plan is of another kind.
pub(crate) fn manifest(plan: &Plan) -> Result<String, Error> {
    plan::yaml(plan)
}

fn deleted_meanwhile(request: &Request) -> Error {
    let Request { namespace, name, .. } = request;
    let text = format!("somebody has deleted the Job {namespace}/{name} in this moment");
    Error::new(ErrorKind::Infrastructure, text).hint("start the run again")
}

/// The time, as the client of Kubernetes has it.
fn now() -> Timestamp {
    Timestamp::from_millisecond(crate::clock::now().as_millisecond()).unwrap_or(Timestamp::MAX)
}

#[async_trait::async_trait]
impl Launcher for KubernetesLauncher {
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
        let settings = KubernetesSettings::of(settings)?;
        let (client, _, namespace) = self.client_for(&settings).await?;
        let version = client.version().await?;
        if client.has_namespace(&namespace).await? == Some(false) {
            let text = format!("the cluster at {} has no namespace {namespace}", client.server());
            return Err(Error::new(ErrorKind::Infrastructure, text).hint(format!(
                "kubectl create namespace {namespace}, or set the job's namespace"
            )));
        }
        let missing = Self::missing_permissions(&client, &namespace).await?;
        if !missing.is_empty() {
            let text = format!(
                "in the namespace {namespace} of the cluster at {} these permissions are missing: {}",
                client.server(),
                missing.join(", ")
            );
            return Err(Error::new(ErrorKind::Infrastructure, text)
                .hint("docs/kubernetes/launcher.yaml grants what is needed, and no more"));
        }
        let own = settings.image.as_deref();
        let Some(reference) = own.or(image.map(|image| image.reference.as_str())) else {
            let text = "there is neither an image nor a static runtime to name one after";
            return Err(Error::new(ErrorKind::Runtime, text)
                .hint("set the job's image, or name a binary with --image-runtime"));
        };
        Ok(format!("{version}; namespace {namespace}; the nodes need the image {reference}"))
    }

    async fn launch(&self, plan: &Plan, tell: &Tell<'_>) -> Result<(), Error> {
        let request = plan::request_of(plan)?;
        let place = request.place();
        let job = request.job()?;
        // What it needs must be there before anything is made.
        request.secret(&job, &plan.hidden, &self.surroundings)?;
        let client = self.client_of(&place).await?;
        let (owner, is_new) = match client.create_job(&request.namespace, &job).await? {
            Made::Created(job) => (*job, true),
            // By whoever launched this run before.
            Made::Existed => match Self::own(&client, &request).await? {
                Some(job) if !is_over(&job) => (job, false),
                Some(_) => return Ok(()),
                None => return Err(deleted_meanwhile(&request)),
            },
        };
        if request.secret.is_empty() {
            return Ok(());
        }
        let secret = request.secret(&owner, &plan.hidden, &self.surroundings)?;
        if let Err(error) = client.create_secret(&secret).await {
            if is_new
                && let Err(left) = client.delete_job(&place, &DeleteParams::background()).await
            {
                tell(&longshore_protocol::chain(&left));
            }
            return Err(error);
        }
        Ok(())
    }

    async fn state(&self, handle: &Handle) -> Result<JobState, Error> {
        let place = Place::of(handle)?;
        let client = self.client_of(&place).await?;
        let seen = client.look(&place).await?;
        Self::settle(&client, &place, &seen).await
    }

    async fn changed(&self, handle: &Handle, seen: &JobState) -> Result<JobState, Error> {
        let place = Place::of(handle)?;
        let client = self.client_of(&place).await?;
        let mut follower = Follower::new(&client, &place);
        loop {
            // That nothing has changed is one of the answers.
            if let Ok(changed) = tokio::time::timeout(LOOK_EVERY, follower.changed()).await {
                changed?;
            }
            let Some(known) = follower.seen() else { continue };
            // What cannot be asked now is asked again with the next look.
            match Self::settle(&client, &place, known).await {
                Ok(state) if state != *seen => return Ok(state),
                Ok(_) | Err(_) => {}
            }
        }
    }

    fn logs(&self, handle: &Handle) -> BoxStream<'static, Result<String, Error>> {
        let cluster = Place::of(handle).and_then(|place| {
            let cluster = Cluster::of_job(&place.server, place.named(), &self.surroundings)?;
            Ok((place, cluster))
        });
        let connect = async move {
            let (place, cluster) = cluster?;
            let client = Client::connect(&cluster).await?;
            Ok::<_, Error>(logs::lines(client, place))
        };
        stream::once(connect).try_flatten().boxed()
    }

    async fn cancel(&self, handle: &Handle, grace: Duration) -> Result<(), Error> {
        let place = Place::of(handle)?;
        let client = self.client_of(&place).await?;
        let seen = client.look(&place).await?;
        let (judged, over) = (seen.judge(None, now()), Judgement::State(JobState::Gone));
        let has_exited = matches!(judged, Judgement::State(JobState::Exited { .. }));
        if judged == over || has_exited && !seen.is_alive() {
            return Ok(());
        }
        // In the foreground the Job stays until its pods are gone, and makes no new ones.
        client.delete_job(&place, &DeleteParams::foreground()).await?;
        let alive = seen.pods.iter().filter(|pod| state::may_run(pod));
        let ends = alive.map(|pod| {
            client.delete_pod(
                &place.namespace,
                pod.metadata.name.as_deref().unwrap_or_default(),
                grace,
            )
        });
        try_join_all(ends).await?;
        Self::ended(&client, &place, grace.saturating_add(END_PATIENCE)).await
    }

    async fn finish(&self, handle: &Handle) -> Result<(), Error> {
        let place = Place::of(handle)?;
        let client = self.client_of(&place).await?;
        let Some(found) = client.job(&place).await? else { return Ok(()) };
        if annotation(&found, REMOVE_ANNOTATION) != Some("true") {
            return Ok(());
        }
        client.delete_job(&place, &DeleteParams::background()).await
    }

    async fn cleanup(&self, handle: &Handle) -> Result<(), Error> {
        let place = Place::of(handle)?;
        let client = self.client_of(&place).await?;
        client.delete_job(&place, &DeleteParams::background()).await?;
        if client.look(&place).await?.is_ended() {
            return Ok(());
        }
        // The runtime has ended, and its node tells so a moment later; or nobody has cancelled it.
        Self::ended(&client, &place, manifest::TERMINATION_GRACE.saturating_add(END_PATIENCE)).await
    }

    async fn jobs(&self, settings: &JobSettings, tenant: &str) -> Result<Vec<FoundJob>, Error> {
        let settings = KubernetesSettings::of(settings)?;
        let (client, cluster, namespace) = self.client_for(&settings).await?;
        let found = client.list(&namespace, tenant).await?;
        let found = found.into_iter().filter_map(|job| {
            let labels = job.labels();
            Some(FoundJob {
                handle: plan::handle(&cluster, &settings, &namespace, &job.name_any()),
                run: labels.get(RUN_LABEL)?.parse().ok()?,
                store: labels.get(STORE_LABEL).cloned().unwrap_or_default(),
            })
        });
        Ok(found.collect())
    }
}
