//! The calls to Cloud Run.

use std::time::Duration;

use serde_json::{Value, json};

use super::api::{Execution, Executions, Job, Jobs, Task, Tasks};
use super::place::Place;
use crate::google::operation::Operation;
use crate::google::service::{Service, is_precondition};
use crate::rest::{Call, Failure, Rest};
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// What has the permissions that a launcher needs.
pub(super) const ROLE_FILE: &str = "docs/cloud-run/launcher.yaml";
/// What of these is about jobs, and what only about jobs that are kept.
const PERMISSIONS: [&str; 11] = [
    "run.executions.cancel",
    "run.executions.delete",
    "run.executions.get",
    "run.executions.list",
    "run.jobs.create",
    "run.jobs.delete",
    "run.jobs.get",
    "run.jobs.list",
    "run.jobs.run",
    "run.operations.get",
    "run.tasks.list",
];
const PERMISSIONS_TO_KEEP: [&str; 2] = ["run.jobs.runWithOverrides", "run.jobs.update"];
/// An operation that takes longer has hung.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(120);
/// Entries of a page, and pages of a list: as many jobs as a region may have.
const PAGE: &str = "100";
const PAGES_MAX: usize = 50;

/// A project's Cloud Run, and its log.
#[derive(Debug, Clone)]
pub(super) struct Client(Service);

/// What became of a request for a job.
#[derive(Debug)]
pub(super) enum Made {
    Created(Operation),
    /// One of this name was there before.
    Existed,
}

impl Client {
    pub(super) fn new(place: &Place, surroundings: &Surroundings) -> Result<Self, Error> {
        let Place { endpoint, logging_endpoint, credentials, .. } = place;
        let addresses = (endpoint.as_str(), logging_endpoint.as_str());
        Service::new(addresses, credentials, surroundings, ROLE_FILE).map(Self)
    }

    pub(super) fn log(&self) -> &Rest {
        &self.0.log
    }

    /// Looks whether jobs may be started and ended, and says what was found.
    pub(super) async fn check_permissions(
        &self,
        place: &Place,
        resource_manager: Option<&str>,
        keep_job: bool,
    ) -> Result<String, Error> {
        let more = if keep_job { PERMISSIONS_TO_KEEP.as_slice() } else { &[] };
        let needed = [PERMISSIONS.as_slice(), more].concat();
        self.0.check_permissions(resource_manager, &place.project, &needed).await
    }

    fn failed(&self, what: &str, failure: Failure) -> Error {
        self.0.failed(what, failure)
    }

    /// What is there. `None`: nothing of this name.
    async fn found<T: serde::de::DeserializeOwned>(
        &self,
        what: &str,
        path: &str,
    ) -> Result<Option<T>, Error> {
        self.0.found(what, format!("/v2/{path}")).await
    }

    /// Waits for the end of an operation.
    pub(super) async fn done(&self, what: &str, operation: Operation) -> Result<(), Error> {
        let done =
            tokio::time::timeout(OPERATION_TIMEOUT, operation.done(&self.0.rest, "v2")).await;
        match done {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => Err(self.failed(what, failure)),
            Err(_) => {
                let text = format!("could not {what} at {}", self.0.rest.base());
                let why =
                    format!("its operation is not done after {} s", OPERATION_TIMEOUT.as_secs());
                Err(Error::caused(ErrorKind::Infrastructure, text, why)
                    .hint("look at it in the Google Cloud console, and try again"))
            }
        }
    }

    pub(super) async fn create(&self, place: &Place, body: Value) -> Result<Made, Error> {
        let call = Call::post(format!("/v2/{}/jobs", place.parent()), body);
        match self.0.rest.read(&call.with("jobId", &place.job)).await {
            Ok(operation) => Ok(Made::Created(operation)),
            Err(failure) if failure.status() == Some(409) => Ok(Made::Existed),
            Err(failure) => {
                Err(self.failed(&format!("create the job {}", place.job_path()), failure))
            }
        }
    }

    /// Lets Cloud Run judge a request for a job, and makes none.
    pub(super) async fn validate(&self, place: &Place, body: Value) -> Result<(), Error> {
        let call = Call::post(format!("/v2/{}/jobs", place.parent()), body);
        let call = call.with("jobId", &place.job).with("validateOnly", "true");
        let what = format!("validate a job in {}", place.parent());
        self.0.rest.send(&call).await.map(drop).map_err(|failure| self.failed(&what, failure))
    }

    /// Lets a job be another one.
    pub(super) async fn update(&self, place: &Place, body: Value) -> Result<(), Error> {
        let what = format!("update the job {}", place.job_path());
        let call = Call::patch(format!("/v2/{}", place.job_path()), body);
        let operation = self.0.rest.read(&call).await;
        self.done(&what, operation.map_err(|failure| self.failed(&what, failure))?).await
    }

    pub(super) async fn job(&self, place: &Place) -> Result<Option<Job>, Error> {
        let path = place.job_path();
        self.found(&format!("look for the job {path}"), &path).await
    }

    /// Starts an execution of a job. Whoever asks twice gets two, so it is not repeated where it may have happened.
    pub(super) async fn run(&self, place: &Place, body: Value) -> Result<(), Failure> {
        let call = Call::post(format!("/v2/{}:run", place.job_path()), body).once();
        self.0.rest.send(&call).await.map(drop)
    }

    pub(super) fn could_not_run(&self, place: &Place, failure: Failure) -> Error {
        self.failed(&format!("start an execution of the job {}", place.job_path()), failure)
    }

    pub(super) async fn execution(&self, path: &str) -> Result<Option<Execution>, Error> {
        self.found(&format!("look for the execution {path}"), path).await
    }

    /// Executions of a job, the newest first, until one fits.
    pub(super) async fn executions(
        &self,
        job_path: &str,
        mut is_last: impl FnMut(&Execution) -> bool + Send,
    ) -> Result<Vec<Execution>, Error> {
        let (mut found, mut token) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let mut call = Call::get(format!("/v2/{job_path}/executions")).with("pageSize", PAGE);
            if !token.is_empty() {
                call = call.with("pageToken", &token);
            }
            let page: Executions = match self.0.rest.read(&call).await {
                Ok(page) => page,
                Err(failure) if failure.is_not_found() => return Ok(found),
                Err(failure) => {
                    return Err(self.failed(&format!("list the executions of {job_path}"), failure));
                }
            };
            for execution in page.executions {
                let is_last = is_last(&execution);
                found.push(execution);
                if is_last {
                    return Ok(found);
                }
            }
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// The task of an execution that is over.
    pub(super) async fn task(&self, execution: &str) -> Result<Option<Task>, Error> {
        let what = format!("look for the task of {execution}");
        let tasks: Option<Tasks> = self.found(&what, &format!("{execution}/tasks")).await?;
        Ok(tasks.and_then(|tasks| tasks.tasks.into_iter().next()))
    }

    /// Asks an execution to end. One that is over or gone is no error.
    pub(super) async fn cancel(&self, execution: &str) -> Result<(), Error> {
        let call = Call::post(format!("/v2/{execution}:cancel"), json!({}));
        match self.0.rest.send(&call).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_not_found() || is_precondition(&failure) => Ok(()),
            Err(failure) => Err(self.failed(&format!("cancel the execution {execution}"), failure)),
        }
    }

    /// Deletes a job or an execution. `None`: it is gone already.
    ///
    /// # Errors
    /// Also while something of it still runs.
    pub(super) async fn delete(&self, path: &str) -> Result<Option<Operation>, Failure> {
        match self.0.rest.read(&Call::delete(format!("/v2/{path}"))).await {
            Ok(operation) => Ok(Some(operation)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    pub(super) fn could_not_delete(&self, path: &str, failure: Failure) -> Error {
        self.failed(&format!("delete {path}"), failure)
    }

    /// All jobs of a region. `only`: the first ones suffice.
    pub(super) async fn jobs(&self, place: &Place) -> Result<Vec<Job>, Error> {
        let (mut found, mut token) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let mut call = Call::get(format!("/v2/{}/jobs", place.parent())).with("pageSize", PAGE);
            if !token.is_empty() {
                call = call.with("pageToken", &token);
            }
            let page: Jobs = self.0.rest.read(&call).await.map_err(|failure| {
                self.failed(&format!("list the jobs of {}", place.parent()), failure)
            })?;
            found.extend(page.jobs);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        Ok(found)
    }
}
