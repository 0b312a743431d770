//! The calls to Vertex AI.

use serde_json::{Value, json};

use super::api::{CustomJob, CustomJobs};
use super::definition::label;
use super::place::Place;
use crate::Error;
use crate::google::service::{Service, is_precondition};
use crate::rest::{Call, Failure, Rest};
use crate::surroundings::Surroundings;

/// What has the permissions that a launcher needs.
pub(super) const ROLE_FILE: &str = "docs/vertex-ai/launcher.yaml";
/// What of these is about jobs.
const PERMISSIONS: [&str; 5] = [
    "aiplatform.customJobs.cancel",
    "aiplatform.customJobs.create",
    "aiplatform.customJobs.delete",
    "aiplatform.customJobs.get",
    "aiplatform.customJobs.list",
];
/// Entries of a page, and pages of a list.
const PAGE: &str = "100";
const PAGES_MAX: usize = 100;

/// A project's Vertex AI, and its log.
#[derive(Debug, Clone)]
pub(super) struct Client(Service);

impl Client {
    pub(super) fn new(place: &Place, surroundings: &Surroundings) -> Result<Self, Error> {
        let Place { endpoint, logging_endpoint, credentials, .. } = place;
        let addresses = (endpoint.as_str(), logging_endpoint.as_str());
        Service::new(addresses, credentials, surroundings, ROLE_FILE).map(Self)
    }

    pub(super) fn log(&self) -> &Rest {
        &self.0.log
    }

    /// Creates a job. Whoever asks twice gets two, so it is not repeated where it may have happened.
    pub(super) async fn create(&self, place: &Place, body: Value) -> Result<CustomJob, Failure> {
        let call = Call::post(format!("/v1/{}/customJobs", place.parent()), body).once();
        self.0.rest.read(&call).await
    }

    pub(super) fn could_not_create(&self, place: &Place, failure: Failure) -> Error {
        let what = format!("create a custom job for run {} in {}", place.run, place.parent());
        self.0.failed(&what, failure)
    }

    pub(super) async fn job(&self, name: &str) -> Result<Option<CustomJob>, Error> {
        self.0.found(&format!("look for the job {name}"), format!("/v1/{name}")).await
    }

    /// The jobs of a run: the first is that of the run.
    pub(super) async fn of_run(&self, place: &Place) -> Result<Vec<CustomJob>, Error> {
        let mut found = self.list(place, &place.filter(), PAGES_MAX).await?;
        // Another filter would be a proxy's, or a misunderstanding: never anybody else's job.
        found.retain(|job| job.labels.get(&label("run")) == Some(&place.run));
        found.sort_by(|one, other| one.rank().cmp(&other.rank()));
        Ok(found)
    }

    /// The jobs of an owner.
    pub(super) async fn of_tenant(
        &self,
        place: &Place,
        tenant: &str,
    ) -> Result<Vec<CustomJob>, Error> {
        let filter = format!("labels.{}=\"{tenant}\"", label("tenant"));
        let mut found = self.list(place, &filter, PAGES_MAX).await?;
        found.retain(|job| job.labels.get(&label("tenant")).is_some_and(|it| it == tenant));
        Ok(found)
    }

    /// Looks whether jobs can be listed, and may be started and ended; says what was found of the latter.
    pub(super) async fn check(
        &self,
        place: &Place,
        resource_manager: Option<&str>,
    ) -> Result<String, Error> {
        self.list(place, &format!("labels.{}:*", label("run")), 1).await?;
        self.0.check_permissions(resource_manager, &place.project, &PERMISSIONS).await
    }

    async fn list(
        &self,
        place: &Place,
        filter: &str,
        pages_max: usize,
    ) -> Result<Vec<CustomJob>, Error> {
        let path = format!("/v1/{}/customJobs", place.parent());
        let (mut found, mut token) = (Vec::new(), String::new());
        for _ in 0..pages_max {
            let mut call = Call::get(&path).with("filter", filter).with("pageSize", PAGE);
            if !token.is_empty() {
                call = call.with("pageToken", &token);
            }
            let page: CustomJobs = self.0.rest.read(&call).await.map_err(|failure| {
                self.0.failed(&format!("list the custom jobs of {}", place.parent()), failure)
            })?;
            found.extend(page.custom_jobs);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// Asks a job to end. One that is over or gone is no error.
    pub(super) async fn cancel(&self, name: &str) -> Result<(), Error> {
        match self.0.rest.send(&Call::post(format!("/v1/{name}:cancel"), json!({}))).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_not_found() || is_precondition(&failure) => Ok(()),
            Err(failure) => Err(self.0.failed(&format!("cancel the job {name}"), failure)),
        }
    }

    /// Deletes a job. One that is gone is no error.
    ///
    /// # Errors
    /// Also while it still runs.
    pub(super) async fn delete(&self, name: &str) -> Result<(), Failure> {
        match self.0.rest.send(&Call::delete(format!("/v1/{name}"))).await {
            Err(failure) if !failure.is_not_found() => Err(failure),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    pub(super) fn could_not_delete(&self, name: &str, failure: Failure) -> Error {
        self.0.failed(&format!("delete the job {name}"), failure)
    }
}
