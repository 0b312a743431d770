//! The calls to a cluster.

use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Namespace, Pod, Secret};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::Config;
use longshore_protocol::chain;
use serde_json::json;

use super::cluster::Cluster;
use super::manifest::{GIVEN_UP_ANNOTATION, TENANT_LABEL};
use super::plan::Place;
use super::refusal::{failed, silent};
use super::state::Seen;
use crate::{Error, ErrorKind};

/// An API server answers within this, repeated requests included, or something is wrong with it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The label by which Kubernetes finds the pods of a Job.
const JOB_LABEL: &str = "job-name";

/// A connection to a cluster.
#[derive(Clone)]
pub(super) struct Client {
    kube: kube::Client,
    server: String,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client").field("server", &self.server).finish_non_exhaustive()
    }
}

/// What became of a request for a Job.
#[derive(Debug)]
pub(super) enum Made {
    /// It is there.
    Created(Box<Job>),
    /// One of this name was there before.
    Existed,
}

/// Something that a launcher does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Permission {
    pub(super) verb: &'static str,
    pub(super) group: &'static str,
    pub(super) resource: &'static str,
    pub(super) subresource: &'static str,
}

impl std::fmt::Display for Permission {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { verb, group: _, resource, subresource } = self;
        let slash = if subresource.is_empty() { "" } else { "/" };
        write!(out, "{verb} {resource}{slash}{subresource}")
    }
}

const fn may(verb: &'static str, group: &'static str, resource: &'static str) -> Permission {
    Permission { verb, group, resource, subresource: "" }
}

/// All that a launcher does in its namespace.
pub(super) const PERMISSIONS: [Permission; 12] = [
    may("create", "batch", "jobs"),
    may("get", "batch", "jobs"),
    may("list", "batch", "jobs"),
    may("watch", "batch", "jobs"),
    may("patch", "batch", "jobs"),
    may("delete", "batch", "jobs"),
    may("list", "", "pods"),
    may("watch", "", "pods"),
    may("delete", "", "pods"),
    Permission { verb: "get", group: "", resource: "pods", subresource: "log" },
    may("create", "", "secrets"),
    may("list", "", "events"),
];

impl Client {
    pub(super) async fn connect(cluster: &Cluster) -> Result<Self, Error> {
        longshore_storage::install_tls();
        let config: Config = cluster.config().await?;
        let kube = kube::Client::try_from(config).map_err(|error| {
            let text = format!("could not use the cluster at {}", cluster.server);
            Error::caused(ErrorKind::BadInput, text, chain(&error))
        })?;
        Ok(Self { kube, server: cluster.server.clone() })
    }

    /// Whether its certificate is good for no longer.
    pub(super) fn is_stale(&self) -> bool {
        self.kube.valid_until().is_some_and(|time| time < super::now())
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn jobs(&self, namespace: &str) -> Api<Job> {
        Api::namespaced(self.kube.clone(), namespace)
    }

    pub(super) fn pods(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.kube.clone(), namespace)
    }

    async fn answer<T>(
        &self,
        what: &str,
        asked: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<Result<T, kube::Error>, Error> {
        tokio::time::timeout(ANSWER_TIMEOUT, asked)
            .await
            .map_err(|_| silent(what, &self.server, ANSWER_TIMEOUT.as_secs()))
    }

    async fn ask<T>(
        &self,
        what: &str,
        asked: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        self.answer(what, asked).await?.map_err(|error| failed(what, &self.server, error))
    }

    /// What the cluster says of itself.
    pub(super) async fn version(&self) -> Result<String, Error> {
        Ok(self.ask("ask", self.kube.apiserver_version()).await?.git_version)
    }

    /// Whether there is such a namespace. `None`: whoever asks may not know.
    pub(super) async fn has_namespace(&self, name: &str) -> Result<Option<bool>, Error> {
        let api: Api<Namespace> = Api::all(self.kube.clone());
        let what = format!("look for the namespace {name} in");
        match self.answer(&what, api.get_opt(name)).await? {
            Ok(found) => Ok(Some(found.is_some())),
            Err(error) if code(&error) == 403 => Ok(None),
            Err(error) => Err(failed(&what, &self.server, error)),
        }
    }

    /// Whether the cluster lets us do this. `None`: it does not say.
    pub(super) async fn lets(
        &self,
        namespace: &str,
        permission: Permission,
    ) -> Result<Option<bool>, Error> {
        let Permission { verb, group, resource, subresource } = permission;
        let set = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    namespace: set(namespace),
                    verb: set(verb),
                    group: Some(group.to_owned()),
                    resource: set(resource),
                    subresource: set(subresource),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let api: Api<SelfSubjectAccessReview> = Api::all(self.kube.clone());
        let what = "ask for permissions in";
        match self.answer(what, api.create(&PostParams::default(), &review)).await? {
            Ok(review) => Ok(review.status.map(|status| status.allowed)),
            Err(error) if code(&error) == 403 => Ok(None),
            Err(error) => Err(failed(what, &self.server, error)),
        }
    }

    pub(super) async fn create_job(&self, namespace: &str, job: &Job) -> Result<Made, Error> {
        let name = job.metadata.name.as_deref().unwrap_or_default();
        let what = format!("create the Job {namespace}/{name} in");
        let (jobs, params) = (self.jobs(namespace), PostParams::default());
        match Box::pin(self.answer(&what, jobs.create(&params, job))).await? {
            Ok(job) => Ok(Made::Created(Box::new(job))),
            Err(error) if code(&error) == 409 => Ok(Made::Existed),
            Err(error) => Err(failed(&what, &self.server, error)),
        }
    }

    /// Creates the Secret. One that is there already is the same.
    pub(super) async fn create_secret(&self, secret: &Secret) -> Result<(), Error> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (namespace, name) = (text(&secret.metadata.namespace), text(&secret.metadata.name));
        let what = format!("create the Secret {namespace}/{name} in");
        let api: Api<Secret> = Api::namespaced(self.kube.clone(), &namespace);
        match self.answer(&what, api.create(&PostParams::default(), secret)).await? {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == 409 => Ok(()),
            Err(error) => Err(failed(&what, &self.server, error)),
        }
    }

    /// The Job. `None`: the cluster does not know it.
    pub(super) async fn job(&self, place: &Place) -> Result<Option<Job>, Error> {
        let what = format!("look for the Job {}/{} in", place.namespace, place.name);
        self.ask(&what, self.jobs(&place.namespace).get_opt(&place.name)).await
    }

    /// The Job and its pods.
    pub(super) async fn look(&self, place: &Place) -> Result<Seen, Error> {
        let params = ListParams::default().labels(&pods_of(&place.name));
        let what = format!("list the pods of the Job {}/{} in", place.namespace, place.name);
        let pods = self.pods(&place.namespace);
        let (job, pods) = futures::try_join!(self.job(place), self.ask(&what, pods.list(&params)))?;
        Ok(Seen { job, pods: pods.items })
    }

    /// What the cluster tells of the Job and its pods. Empty, where we may not know: events only explain.
    pub(super) async fn events(&self, place: &Place, seen: &Seen) -> Result<Vec<Event>, Error> {
        let api: Api<Event> = Api::namespaced(self.kube.clone(), &place.namespace);
        let mut found = Vec::new();
        let mut names = vec![place.name.clone()];
        names.extend(seen.pods.iter().filter_map(|pod| pod.metadata.name.clone()));
        let mut next = 0;
        while let Some(name) = names.get(next).cloned() {
            next += 1;
            let params = ListParams::default().fields(&format!("involvedObject.name={name}"));
            match self.answer("list events in", api.list(&params)).await? {
                Ok(events) => {
                    // The Job's events name pods that are gone.
                    let pods = events.items.iter().filter_map(made_pod);
                    names.extend(pods.filter(|pod| !names.contains(pod)).collect::<Vec<_>>());
                    found.extend(events.items);
                }
                Err(error) if code(&error) == 403 => return Ok(found),
                Err(error) => return Err(failed("list events in", &self.server, error)),
            }
        }
        Ok(found)
    }

    /// Lets the cluster end the Job, and writes down why.
    pub(super) async fn give_up(&self, place: &Place, why: &str) -> Result<(), Error> {
        let patch = Patch::Merge(json!({
            "metadata": { "annotations": { GIVEN_UP_ANNOTATION: why } },
            "spec": { "activeDeadlineSeconds": 1 },
        }));
        let what = format!("give up the Job {}/{} in", place.namespace, place.name);
        let (jobs, params) = (self.jobs(&place.namespace), PatchParams::default());
        match Box::pin(self.answer(&what, jobs.patch(&place.name, &params, &patch))).await? {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == 404 => Ok(()),
            Err(error) => Err(failed(&what, &self.server, error)),
        }
    }

    /// Deletes the Job; Secret and pods follow. One that is gone is no error.
    pub(super) async fn delete_job(
        &self,
        place: &Place,
        params: &DeleteParams,
    ) -> Result<(), Error> {
        let what = format!("delete the Job {}/{} in", place.namespace, place.name);
        let jobs = self.jobs(&place.namespace);
        match Box::pin(self.answer(&what, jobs.delete(&place.name, params))).await? {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == 404 => Ok(()),
            Err(error) => Err(failed(&what, &self.server, error)),
        }
    }

    /// Asks a pod to end within `grace`. One that is gone is no error.
    pub(super) async fn delete_pod(
        &self,
        namespace: &str,
        name: &str,
        grace: Duration,
    ) -> Result<(), Error> {
        let what = format!("delete the pod {namespace}/{name} in");
        // Zero would take it out of the list, whether it has ended or not.
        let seconds = u32::try_from(grace.as_secs()).unwrap_or(u32::MAX).max(1);
        let params = DeleteParams::default().grace_period(seconds);
        let pods = self.pods(namespace);
        match Box::pin(self.answer(&what, pods.delete(name, &params))).await? {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == 404 => Ok(()),
            Err(error) => Err(failed(&what, &self.server, error)),
        }
    }

    /// The Jobs of runs of this owner.
    pub(super) async fn list(&self, namespace: &str, tenant: &str) -> Result<Vec<Job>, Error> {
        let params = ListParams::default().labels(&format!("{TENANT_LABEL}={tenant}"));
        let jobs = self.jobs(namespace);
        Ok(self.ask("list Jobs in", jobs.list(&params)).await?.items)
    }
}

/// Selects the pods of a Job.
pub(super) fn pods_of(job: &str) -> String {
    format!("{JOB_LABEL}={job}")
}

/// The pod that was made, where an event tells of one.
fn made_pod(event: &Event) -> Option<String> {
    let is_made = event.reason.as_deref() == Some("SuccessfulCreate");
    let words = event.message.as_deref().filter(|_| is_made)?;
    Some(words.strip_prefix("Created pod: ")?.trim().to_owned())
}

pub(super) fn code(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        _ => 0,
    }
}
