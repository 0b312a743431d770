//! Job → request for a custom job. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use longshore_protocol::limits::Limits;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::VertexAiSettings;
use super::definition::{self, Needed};
use super::place::{self, Place};
use crate::google::entry::{self, check_store, revealed};
use crate::google::settings::Part;
use crate::google::{self, logging};
use crate::image::RuntimeImage;
use crate::launcher::{Hidden, Job, Plan};
use crate::rest::json;
use crate::settings::{readable, unchanged};
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// What a patch must leave as it is: by these the runtime finds its run and verifies it, and launchers find the job. A
/// second replica would be a second runtime for the same run.
const FIXED: [&str; 13] = [
    "/endpoint",
    "/logging_endpoint",
    "/credentials",
    "/project",
    "/region",
    "/run",
    "/look_ms",
    "/container/imageUri",
    "/container/args",
    "/worker_pool/replicaCount",
    "/job/labels/longshore-run",
    "/job/labels/longshore-tenant",
    "/job/labels/longshore-store",
];
/// Bounds of the first pause between two looks.
const LOOK: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(300));

/// What is asked of Vertex AI.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) endpoint: String,
    pub(super) logging_endpoint: String,
    /// Where credentials are, not what they are.
    pub(super) credentials: String,
    pub(super) project: String,
    pub(super) region: String,
    pub(super) run: String,
    /// How long after its launch the job is looked at first.
    pub(super) look_ms: u64,
    /// The runtime's container. It stands apart, as does its machine, since a merge patch replaces lists as a whole.
    pub(super) container: Value,
    /// The machine without it.
    pub(super) worker_pool: Value,
    /// The job without that.
    pub(super) job: Value,
}

impl Request {
    pub(super) fn place(&self) -> Place {
        Place {
            endpoint: self.endpoint.clone(),
            logging_endpoint: self.logging_endpoint.clone(),
            credentials: self.credentials.clone(),
            project: self.project.clone(),
            region: self.region.clone(),
            run: self.run.clone(),
            look: Duration::from_millis(self.look_ms),
        }
    }

    /// The job as Vertex AI gets it.
    ///
    /// # Errors
    /// When a patch has left no specification in it.
    pub(super) fn body(&self, hidden: &Hidden) -> Result<Value, Error> {
        let mut body = self.job.clone();
        let missing = |what: &str| {
            let text = format!("the patch leaves no {what} in the request");
            Error::new(ErrorKind::BadInput, text).hint("--dry-run shows the request")
        };
        let mut pool = self.worker_pool.clone();
        let machine = pool.as_object_mut().ok_or_else(|| missing("worker_pool"))?;
        machine.insert("containerSpec".to_owned(), revealed(&self.container, hidden));
        let spec = body.get_mut("jobSpec").and_then(Value::as_object_mut);
        let spec = spec.ok_or_else(|| missing("job.jobSpec"))?;
        let others = spec.remove("workerPoolSpecs");
        let mut pools = vec![pool];
        pools.extend(others.and_then(|others| others.as_array().cloned()).unwrap_or_default());
        spec.insert("workerPoolSpecs".to_owned(), pools.into());
        Ok(body)
    }
}

pub(super) fn plan(job: &Job, surroundings: &Surroundings) -> Result<Plan, Error> {
    let settings = VertexAiSettings::of(&job.settings)?;
    check_store(job, "Vertex AI")?;
    check_variables(job)?;
    let (shown, hidden) = entry::shown(&job.entry);
    let args = settings.args.iter().cloned().chain(shown.arguments()).collect();
    let place = place(&settings, job.run.to_string(), surroundings)?;
    let request = request(&Needed::by(job), &settings, place, args)?;
    Ok(Plan {
        handle: request.place().handle(),
        request: json(&request)?,
        streams_output: settings.stream_output,
        hidden,
    })
}

fn request(
    needed: &Needed<'_>,
    settings: &VertexAiSettings,
    place: Place,
    args: Vec<String>,
) -> Result<Request, Error> {
    let Place { endpoint, logging_endpoint, credentials, project, region, run, look } = place;
    Ok(Request {
        endpoint,
        logging_endpoint,
        credentials,
        project,
        region,
        run,
        look_ms: u64::try_from(look.as_millis()).unwrap_or(u64::MAX),
        container: json(&definition::container(needed, settings, args)?)?,
        worker_pool: json(&definition::worker_pool(needed, settings)?)?,
        job: json(&definition::job(needed, settings)?)?,
    })
}

/// Where the job of a run is, with these settings.
///
/// # Errors
/// When no project is named.
pub(super) fn place(
    settings: &VertexAiSettings,
    run: String,
    surroundings: &Surroundings,
) -> Result<Place, Error> {
    let project = settings.project.as_ref().map(|Part(project)| project.as_str());
    let Part(region) = settings.region.clone();
    let look = settings.job_watch_poll_interval;
    if !(LOOK.0..=LOOK.1).contains(&look) {
        let text = format!("job_watch_poll_interval is {look:?}, and must be 100ms to 300s");
        return Err(Error::new(ErrorKind::BadInput, text).hint("--set job_watch_poll_interval=30s"));
    }
    Ok(Place {
        endpoint: settings.endpoint.clone().unwrap_or_else(|| place::endpoint(&region)),
        logging_endpoint: settings
            .logging_endpoint
            .clone()
            .unwrap_or_else(|| logging::ENDPOINT.to_owned()),
        credentials: settings.credentials.0.to_string(),
        project: google::project(project, surroundings)?,
        region,
        run,
        look,
    })
}

/// Checks that these settings make a request, and says where jobs would be.
///
/// # Errors
/// When they do not fit together.
pub(super) fn probe(
    settings: &VertexAiSettings,
    image: Option<&RuntimeImage>,
    surroundings: &Surroundings,
) -> Result<Place, Error> {
    let place = place(settings, String::new(), surroundings)?;
    let (marks, limits) = (BTreeMap::new(), Limits::default());
    let work_max = Duration::from_secs(60);
    let needed = Needed { run: String::new(), marks, image, limits: &limits, work_max };
    request(&needed, settings, place.clone(), Vec::new())?.body(&Hidden::default())?;
    Ok(place)
}

/// Whoever may look at jobs sees their variables, and Vertex AI fills none from a store of secrets.
fn check_variables(job: &Job) -> Result<(), Error> {
    let refused = |text: String, hint: &str| Err(Error::new(ErrorKind::BadInput, text).hint(hint));
    if let Some(name) = job.secret_variables.iter().next() {
        let text = format!(
            "the run needs the environment variable {name}, which holds a secret, and whoever may look at jobs of Vertex AI sees their variables"
        );
        return refused(
            text,
            "run flows with secrets elsewhere: cloud_run takes them from Secret Manager",
        );
    }
    if let Some(name) = job.entry.variables().iter().next() {
        let text = format!(
            "the runtime would need the store's credentials in the environment variable {name}, and whoever may look at jobs of Vertex AI sees their variables"
        );
        return refused(
            text,
            "take a store that makes tickets, or gs:// with a service_account_name that may read and write it",
        );
    }
    Ok(())
}

pub(super) fn check_patched(planned: &Plan, patched: &Plan) -> Result<(), Error> {
    unchanged(&planned.request, &patched.request, &FIXED)?;
    readable::<Request>(&planned.request, &patched.request)?;
    request_of(patched)?.body(&patched.hidden).map(drop)
}

pub(super) fn request_of(plan: &Plan) -> Result<Request, Error> {
    serde_json::from_value(plan.request.clone()).map_err(|error| {
        let text = "the request is not one for a custom job of Vertex AI";
        Error::caused(ErrorKind::BadInput, text, error)
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
