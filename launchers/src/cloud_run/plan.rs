//! Job → request for a Cloud Run job and its execution. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use longshore_protocol::id::Digest;
use longshore_protocol::limits::Limits;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::CloudRunSettings;
use super::definition::{self, Needed};
use super::place::Place;
use crate::google::settings::Part;
use crate::google::{self, logging};
use crate::image::RuntimeImage;
use crate::launcher::{Entry, Hidden, Job, Plan};
use crate::rest::json;
use crate::settings::{readable, unchanged};
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// Google's own address of the API.
pub(super) const ENDPOINT: &str = "https://run.googleapis.com";
/// What a patch must leave as it is: by these the runtime finds its run and verifies it, and launchers find the job.
const FIXED: [&str; 12] = [
    "/endpoint",
    "/logging_endpoint",
    "/credentials",
    "/project",
    "/region",
    "/job",
    "/run",
    "/container/name",
    "/container/image",
    "/container/args",
    "/overrides/containerOverrides",
    "/definition/startExecutionToken",
];
/// The ending of the name of the one execution of a job that is a run's own.
pub(super) const TOKEN: &str = "1";
/// Stands for the signed address of the ticket, which is good for whoever has it: people print plans.
const TICKET: &str = "$(LONGSHORE_TICKET)";
/// Cloud Run takes job names of up to 49 characters; 37 of them are a dash and the run.
const NAME_MAX: usize = 12;
/// Of the digest of what a shared job is.
const MARK_LENGTH: usize = 16;

/// What is asked of Cloud Run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) endpoint: String,
    pub(super) logging_endpoint: String,
    /// Where credentials are, not what they are.
    pub(super) credentials: String,
    pub(super) project: String,
    pub(super) region: String,
    /// The name of the job.
    pub(super) job: String,
    /// The run, where the job is shared by several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<String>,
    /// The runtime's container. It stands apart, since a merge patch replaces lists as a whole.
    pub(super) container: Value,
    /// The job without it.
    pub(super) definition: Value,
    /// What is different in this execution of a shared job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) overrides: Option<Value>,
}

impl Request {
    pub(super) fn place(&self) -> Place {
        Place {
            endpoint: self.endpoint.clone(),
            logging_endpoint: self.logging_endpoint.clone(),
            credentials: self.credentials.clone(),
            project: self.project.clone(),
            region: self.region.clone(),
            job: self.job.clone(),
            run: self.run.clone(),
        }
    }

    /// The job as Cloud Run gets it.
    ///
    /// # Errors
    /// When a patch has left no template in it.
    pub(super) fn body(&self, hidden: &Hidden) -> Result<Value, Error> {
        let mut body = self.definition.clone();
        let template = body.pointer_mut("/template/template").and_then(Value::as_object_mut);
        let template = template.ok_or_else(|| {
            let text = "the patch leaves no template.template in definition";
            Error::new(ErrorKind::BadInput, text).hint("--dry-run shows the request")
        })?;
        let others = template.remove("containers");
        let mut containers = vec![revealed(&self.container, hidden)];
        containers.extend(others.and_then(|others| others.as_array().cloned()).unwrap_or_default());
        template.insert("containers".to_owned(), containers.into());
        if self.run.is_some() {
            let mark = mark(&body);
            body["annotations"][definition::MARK] = mark.into();
        }
        Ok(body)
    }

    /// The request that starts this run's execution of a shared job.
    pub(super) fn start(&self, hidden: &Hidden) -> Value {
        let overrides = self.overrides.as_ref().map(|overrides| revealed(overrides, hidden));
        serde_json::json!({ "overrides": overrides })
    }
}

/// Tells apart what jobs are.
fn mark(definition: &Value) -> String {
    let digest = Digest::of(definition.to_string().as_bytes()).to_string();
    digest[..MARK_LENGTH].to_owned()
}

/// The same, with what people are not shown.
fn revealed(value: &Value, hidden: &Hidden) -> Value {
    match value {
        Value::String(text) if text == TICKET => {
            hidden.0.get(TICKET).map_or_else(|| value.clone(), |url| url.clone().into())
        }
        Value::Array(items) => items.iter().map(|item| revealed(item, hidden)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), revealed(field, hidden))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

pub(super) fn plan(job: &Job, surroundings: &Surroundings) -> Result<Plan, Error> {
    let settings = CloudRunSettings::of(&job.settings)?;
    check_store(job)?;
    check_variables(job, &settings)?;
    let place = place(&settings, surroundings)?;
    let (entry, hidden) = entry(&job.entry);
    let args: Vec<_> = settings.args.iter().cloned().chain(entry.arguments()).collect();
    let (definition, container) = definition::of(&Needed::by(job), &settings, &place)?;
    let (mut definition, mut container) = (json(&definition)?, json(&container)?);
    let prefix = prefix(settings.name.as_deref());
    let request = if settings.keep_job {
        let mark = mark(&serde_json::json!([definition, container]));
        let overrides = definition::overrides(job, &settings, args)?;
        Request {
            job: format!("{prefix}-{mark}"),
            run: Some(job.run.to_string()),
            overrides: Some(json(&overrides)?),
            ..request_at(&place, definition, container)
        }
    } else {
        definition["startExecutionToken"] = TOKEN.into();
        container["args"] = args.into();
        let name = format!("{prefix}-{}", job.run);
        Request { job: name, ..request_at(&place, definition, container) }
    };
    Ok(Plan {
        handle: request.place().handle(),
        request: json(&request)?,
        streams_output: settings.stream_output,
        hidden,
    })
}

fn request_at(place: &Place, definition: Value, container: Value) -> Request {
    let Place { endpoint, logging_endpoint, credentials, project, region, job: _, run: _ } =
        place.clone();
    Request {
        endpoint,
        logging_endpoint,
        credentials,
        project,
        region,
        job: String::new(),
        run: None,
        container,
        definition,
        overrides: None,
    }
}

/// Where jobs with these settings are.
///
/// # Errors
/// When no project is named.
pub(super) fn place(
    settings: &CloudRunSettings,
    surroundings: &Surroundings,
) -> Result<Place, Error> {
    let project = settings.project.as_ref().map(|Part(project)| project.as_str());
    let address =
        |set: &Option<String>, usual: &str| set.clone().unwrap_or_else(|| usual.to_owned());
    Ok(Place {
        endpoint: address(&settings.endpoint, ENDPOINT),
        logging_endpoint: address(&settings.logging_endpoint, logging::ENDPOINT),
        credentials: settings.credentials.0.to_string(),
        project: google::project(project, surroundings)?,
        region: settings.region.0.clone(),
        job: String::new(),
        run: None,
    })
}

/// A request for a job as these settings make it, which nobody is to create: it has no run.
///
/// # Errors
/// When they do not fit together.
pub(super) fn probe(
    settings: &CloudRunSettings,
    image: Option<&RuntimeImage>,
    surroundings: &Surroundings,
) -> Result<(Place, Value), Error> {
    let place = Place { job: "longshore-doctor".to_owned(), ..place(settings, surroundings)? };
    let (marks, limits) = (BTreeMap::new(), Limits::default());
    let needed = Needed { marks, image, limits: &limits, work_max: Duration::from_secs(60) };
    let (definition, container) = definition::of(&needed, settings, &place)?;
    let request = request_at(&place, json(&definition)?, json(&container)?);
    Ok((place, request.body(&Hidden::default())?))
}

/// A beginning that Cloud Run takes.
fn prefix(wanted: Option<&str>) -> String {
    let lower = wanted.unwrap_or("longshore").to_ascii_lowercase();
    let is_allowed = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit();
    let valid: String = lower.chars().map(|one| if is_allowed(one) { one } else { '-' }).collect();
    let valid = valid.trim_start_matches(|first: char| !first.is_ascii_lowercase());
    let valid: String = valid.chars().take(NAME_MAX).collect();
    match valid.trim_end_matches('-') {
        "" => "longshore".to_owned(),
        valid => valid.to_owned(),
    }
}

fn check_store(job: &Job) -> Result<(), Error> {
    if !job.store_parts()?.is_empty() {
        let text = "the store is a directory of this machine, and Cloud Run does not have it";
        return Err(Error::new(ErrorKind::BadInput, text)
            .hint("take a store that both reach: gs://, s3://, az://"));
    }
    job.check_store_is_elsewhere("ADDRESS-OF-THE-STORE")
}

/// Whoever may look at jobs sees the variables in them, so secrets come from Secret Manager.
fn check_variables(job: &Job, settings: &CloudRunSettings) -> Result<(), Error> {
    let needed = &job.secret_variables | &job.entry.variables();
    match needed.iter().find(|name| !settings.env_from_secrets.contains_key(*name)) {
        None => Ok(()),
        Some(name) => {
            let text = format!(
                "the run needs the environment variable {name}, which holds a secret, and nobody says where Secret Manager has it"
            );
            Err(Error::new(ErrorKind::BadInput, text)
                .hint(format!("--set env_from_secrets.{name}=NAME-OF-THE-SECRET")))
        }
    }
}

fn entry(entry: &Entry) -> (Entry, Hidden) {
    match entry {
        Entry::Ticket { url, sha256 } => (
            Entry::Ticket { url: TICKET.to_owned(), sha256: *sha256 },
            Hidden(BTreeMap::from([(TICKET.to_owned(), url.clone())])),
        ),
        Entry::Store { .. } => (entry.clone(), Hidden::default()),
    }
}

pub(super) fn check_patched(planned: &Plan, patched: &Plan) -> Result<(), Error> {
    unchanged(&planned.request, &patched.request, &FIXED)?;
    let annotations =
        ["/definition/annotations/longshore~1run", "/definition/annotations/longshore~1tenant"];
    unchanged(&planned.request, &patched.request, &annotations)?;
    readable::<Request>(&planned.request, &patched.request)?;
    request_of(patched)?.body(&patched.hidden).map(drop)
}

pub(super) fn request_of(plan: &Plan) -> Result<Request, Error> {
    serde_json::from_value(plan.request.clone()).map_err(|error| {
        let text = "the request is not one for a Cloud Run job";
        Error::caused(ErrorKind::BadInput, text, error)
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
