//! Job → request for a container group. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use longshore_protocol::limits::Limits;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::AciSettings;
use super::definition;
use super::place::Place;
use crate::azure::settings::AzurePart;
use crate::azure::{self, ENDPOINT};
use crate::image::RuntimeImage;
use crate::launcher::{Entry, Hidden, Job, Plan};
use crate::rest::json;
use crate::settings::{Variables, readable, unchanged};
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// What a patch must leave as it is: by these the runtime finds its run and verifies it, and launchers find the group.
const FIXED: [&str; 15] = [
    "/endpoint",
    "/credentials",
    "/subscription",
    "/resource_group",
    "/group",
    "/poll_ms",
    "/kept",
    "/secret",
    "/container/name",
    "/container/properties/image",
    "/container/properties/command",
    "/definition/tags/longshore-run",
    "/definition/tags/longshore-tenant",
    "/definition/tags/longshore-start-timeout",
    // A container that is started again would execute its run again.
    "/definition/properties/restartPolicy",
];
/// The variable of the container that holds the signed address of the ticket, which is good for whoever has it.
const TICKET: &str = "LONGSHORE_TICKET";
/// Azure takes names of up to 63 characters; 37 of them are a dash and the run.
const NAME_MAX: usize = 26;
/// Bounds of the shortest time between two looks: Azure limits how often it is asked.
const POLL: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// What is asked of Azure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) endpoint: String,
    /// Where credentials are, not what they are.
    pub(super) credentials: String,
    pub(super) subscription: String,
    pub(super) resource_group: String,
    /// The name of the container group.
    pub(super) group: String,
    /// The shortest time between two looks.
    poll_ms: u64,
    /// Whether the group stays when its run has an outcome.
    kept: bool,
    /// Names of the variables that Azure keeps to itself.
    pub(super) secret: BTreeSet<String>,
    /// The runtime's container. It stands apart, since a merge patch replaces lists as a whole.
    pub(super) container: Value,
    /// The group without it.
    pub(super) definition: Value,
}

impl Request {
    pub(super) fn place(&self) -> Place {
        Place {
            endpoint: self.endpoint.clone(),
            credentials: self.credentials.clone(),
            subscription: self.subscription.clone(),
            resource_group: self.resource_group.clone(),
            group: self.group.clone(),
            poll: Duration::from_millis(self.poll_ms),
            is_kept: self.kept,
        }
    }

    /// The group as Azure gets it. `reveal` knows what people are not shown.
    ///
    /// # Errors
    /// When a patch has left no properties in it, or something secret is not there.
    pub(super) fn body(
        &self,
        reveal: impl Fn(&str) -> Result<String, Error>,
    ) -> Result<Value, Error> {
        let mut body = self.definition.clone();
        let properties = body.pointer_mut("/properties").and_then(Value::as_object_mut);
        let properties = properties.ok_or_else(|| left_out("definition.properties"))?;
        for credential in list(properties.get_mut("imageRegistryCredentials")) {
            let name = credential["password"].as_str().and_then(|text| {
                text.strip_prefix("$(").and_then(|text| text.strip_suffix(')')).map(str::to_owned)
            });
            if let Some(name) = name {
                credential["password"] = reveal(&name)?.into();
            }
        }
        let mut container = self.container.clone();
        let own = container.pointer_mut("/properties").and_then(Value::as_object_mut);
        let own = own.ok_or_else(|| left_out("container.properties"))?;
        let variables = own.entry("environmentVariables").or_insert_with(|| Value::Array(vec![]));
        let variables = variables.as_array_mut();
        let variables = variables.ok_or_else(|| left_out("list environmentVariables"))?;
        for name in &self.secret {
            variables.push(serde_json::json!({ "name": name, "secureValue": reveal(name)? }));
        }
        let others = properties.remove("containers");
        let mut containers = vec![container];
        containers.extend(others.and_then(|others| others.as_array().cloned()).unwrap_or_default());
        properties.insert("containers".to_owned(), containers.into());
        Ok(body)
    }
}

fn list(value: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    value.and_then(Value::as_array_mut).into_iter().flatten()
}

fn left_out(what: &str) -> Error {
    let text = format!("the patch leaves no {what}");
    Error::new(ErrorKind::BadInput, text).hint("--dry-run shows the request")
}

/// What a secret of a request is: that of the run, or a variable around the launcher.
pub(super) fn revealed(
    hidden: &Hidden,
    surroundings: &Surroundings,
    name: &str,
) -> Result<String, Error> {
    match hidden.0.get(name) {
        Some(value) => Ok(value.clone()),
        None => surroundings.required(name).map(str::to_owned),
    }
}

pub(super) fn plan(job: &Job, surroundings: &Surroundings) -> Result<Plan, Error> {
    let settings = AciSettings::of(&job.settings)?;
    check_store(job)?;
    let place = place(&settings, surroundings)?;
    let (entry, hidden) = entry(&job.entry);
    let secret: BTreeSet<_> = &job.secret_variables | &job.entry.variables();
    let secret: BTreeSet<_> = secret.into_iter().chain(hidden.0.keys().cloned()).collect();
    check_variables(&settings, &secret)?;
    let what = (&job.limits, job.image.as_ref());
    let (definition, mut container) = definition::of(job.marks(), what, &settings)?;
    container.properties.command.extend(entry.arguments());
    let name = format!("{}-{}", prefix(settings.name.as_deref()), job.run);
    let request = Request {
        endpoint: place.endpoint,
        credentials: place.credentials,
        subscription: place.subscription,
        resource_group: place.resource_group,
        group: name,
        poll_ms: u64::try_from(place.poll.as_millis()).unwrap_or(u64::MAX),
        kept: place.is_kept,
        secret,
        container: json(&container)?,
        definition: json(&definition)?,
    };
    Ok(Plan {
        handle: request.place().handle(),
        request: json(&request)?,
        streams_output: settings.stream_output,
        hidden,
    })
}

/// Where container groups with these settings are.
///
/// # Errors
/// When no subscription or no resource group is named.
pub(super) fn place(settings: &AciSettings, surroundings: &Surroundings) -> Result<Place, Error> {
    let subscription = settings.subscription_id.as_ref().map(|AzurePart(id)| id.as_str());
    let group = settings.resource_group_name.as_ref().map(|AzurePart(name)| name.clone());
    let poll = settings.task_watch_poll_interval;
    if !POLL.contains(&poll) {
        let text = format!(
            "container groups cannot be looked at every {} ms: Azure limits how often it is asked",
            poll.as_millis()
        );
        return Err(Error::new(ErrorKind::BadInput, text)
            .hint("task_watch_poll_interval is from 1s to 60s"));
    }
    Ok(Place {
        endpoint: settings.endpoint.clone().unwrap_or_else(|| ENDPOINT.to_owned()),
        credentials: settings.credentials.0.to_string(),
        subscription: azure::subscription(subscription, surroundings)?,
        resource_group: group.ok_or_else(|| {
            let text = "nobody says in which resource group of Azure container groups are to be";
            Error::new(ErrorKind::BadInput, text)
                .hint("set the job's resource_group_name; az group create makes one")
        })?,
        group: String::new(),
        poll,
        is_kept: settings.keep_container_group,
    })
}

/// Checks that a request could be made with these settings, without a run; where.
///
/// # Errors
/// When they do not fit together.
pub(super) fn probe(
    settings: &AciSettings,
    image: Option<&RuntimeImage>,
    surroundings: &Surroundings,
) -> Result<Place, Error> {
    let place = place(settings, surroundings)?;
    definition::of(BTreeMap::new(), (&Limits::default(), image), settings)?;
    if let Some(password) = &settings.image_registry_password {
        surroundings.required(&password.0)?;
    }
    Ok(place)
}

/// A beginning that Azure takes.
fn prefix(wanted: Option<&str>) -> String {
    let lower = wanted.unwrap_or("longshore").to_ascii_lowercase();
    let parts = lower.split(|one: char| !one.is_ascii_lowercase() && !one.is_ascii_digit());
    // It takes no two dashes side by side.
    let valid = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let valid = valid.trim_start_matches(|first: char| !first.is_ascii_lowercase());
    let valid: String = valid.chars().take(NAME_MAX).collect();
    match valid.trim_end_matches('-') {
        "" => "longshore".to_owned(),
        valid => valid.to_owned(),
    }
}

fn check_store(job: &Job) -> Result<(), Error> {
    if !job.store_parts()?.is_empty() {
        let text = "the store is a directory of this machine, and Azure does not have it";
        return Err(Error::new(ErrorKind::BadInput, text)
            .hint("take a store that both reach: az://, s3://, gs://"));
    }
    job.check_store_is_elsewhere("ADDRESS-OF-THE-STORE")
}

fn check_variables(settings: &AciSettings, secret: &BTreeSet<String>) -> Result<(), Error> {
    let Variables(plain) = &settings.env;
    match plain.keys().find(|name| secret.contains(*name) || *name == TICKET) {
        None => Ok(()),
        Some(name) => {
            let text =
                format!("the environment variable {name} of the job is one that holds a secret");
            Err(Error::new(ErrorKind::BadInput, text).hint("give it another name in env"))
        }
    }
}

/// Azure keeps secure variables to itself, but shows commands to whoever may look at the group: so the ticket's address
/// is in such a variable, and the command says in which.
fn entry(entry: &Entry) -> (Entry, Hidden) {
    match entry {
        Entry::Ticket { url, sha256 } => (
            Entry::Ticket { url: format!("env:{TICKET}"), sha256: *sha256 },
            Hidden(BTreeMap::from([(TICKET.to_owned(), url.clone())])),
        ),
        Entry::Store { .. } => (entry.clone(), Hidden::default()),
    }
}

pub(super) fn check_patched(planned: &Plan, patched: &Plan) -> Result<(), Error> {
    unchanged(&planned.request, &patched.request, &FIXED)?;
    readable::<Request>(&planned.request, &patched.request)?;
    request_of(patched)?.body(|_| Ok(String::new())).map(drop)
}

pub(super) fn request_of(plan: &Plan) -> Result<Request, Error> {
    serde_json::from_value(plan.request.clone()).map_err(|error| {
        let text = "the request is not one for a container group of Azure";
        Error::caused(ErrorKind::BadInput, text, error)
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
