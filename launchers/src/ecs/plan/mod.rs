//! Job → request for a task. Pure, but for the AWS files that may say in which region it is.

use std::collections::BTreeMap;

use longshore_protocol::id::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::config::{EcsSettings, Share, Strategy, Tags, Vpc, tag_value};
use super::definition::{self, network_mode};
use super::place::{Account, Place, started_by};
use super::shape;
use super::words::{LaunchType, NetworkMode};
use crate::launcher::{Entry, Handle, Hidden, Job, Plan};
use crate::settings::{OneOf, Variables, Word as _, readable, unchanged};
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// What a patch must leave as it is: by these the runtime finds its run and verifies it, and launchers find the task.
const FIXED: [&str; 13] = [
    "/account",
    "/deregister",
    "/container_name",
    "/container/image",
    "/arguments",
    "/run_task/cluster",
    "/run_task/count",
    "/run_task/startedBy",
    "/run_task/clientToken",
    "/run_task/taskDefinition",
    "/tags/longshore.run",
    "/tags/longshore.tenant",
    "/tags/longshore.store",
];
/// Stands where the address of the ticket will be.
const TICKET: &str = "LONGSHORE_TICKET";
/// What ECS takes of all overrides of a task, written as JSON. Source: `RunTask`, `overrides`.
const OVERRIDES_MAX: usize = 8_192;
/// What ECS takes of subnets.
const SUBNETS_MAX: usize = 16;
/// The tag with the run.
pub(super) const RUN_TAG: &str = "longshore.run";
/// The tag with the run's owner.
pub(super) const TENANT_TAG: &str = "longshore.tenant";
/// The tag with the store in which the run is.
pub(super) const STORE_TAG: &str = "longshore.store";
/// The tag with the time that the task has to start, in seconds.
pub(super) const START_TAG: &str = "longshore.start-timeout";
/// The tag with the digest of a task definition's content.
pub(super) const CONTENT_TAG: &str = "longshore.content";

/// What is asked of ECS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) account: Account,
    /// The VPC whose subnets are looked up at the launch: its id, or `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subnets_of: Option<String>,
    /// Our task definition without its container, in the words of `RegisterTaskDefinition`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) task_definition: Option<Value>,
    /// The runtime's container in it. It stands apart, since a merge patch replaces lists as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) container: Option<Value>,
    /// Whether the family is named as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) match_latest_revision: bool,
    /// Whether the task definition goes with the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) deregister: bool,
    /// The task, in the words of `RunTask`, without tags and the runtime's overrides.
    pub(super) run_task: Value,
    /// The runtime's container.
    pub(super) container_name: String,
    /// The runtime's arguments. The ticket's address is put in at the launch: people print plans.
    pub(super) arguments: Vec<String>,
    /// The runtime's environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) environment: BTreeMap<String, String>,
    /// The task's tags.
    pub(super) tags: BTreeMap<String, String>,
}

impl Request {
    /// The body of `RegisterTaskDefinition`, and the family in it. `None`: there is a definition already.
    pub(super) fn definition(&self) -> Option<(String, Value)> {
        let mut definition = self.task_definition.clone()?;
        let mut container = self.container.clone()?;
        container["name"] = json!(self.container_name);
        let others = definition["containerDefinitions"].as_array().cloned().unwrap_or_default();
        definition["containerDefinitions"] = std::iter::once(container).chain(others).collect();
        let content = Digest::of(definition.to_string().as_bytes()).short();
        let family = definition["family"].as_str().unwrap_or_default();
        let family = if self.match_latest_revision {
            family.to_owned()
        } else {
            let longest = 254 - content.len();
            format!("{}-{content}", family.chars().take(longest).collect::<String>())
        };
        let own =
            self.tags.iter().filter(|(key, _)| !key.starts_with("longshore.") && *key != "Name");
        let mut tags: BTreeMap<_, _> =
            own.map(|(key, value)| (key.clone(), value.clone())).collect();
        tags.insert(CONTENT_TAG.to_owned(), content);
        definition["family"] = json!(family);
        definition["tags"] = listed(&tags, "key");
        Some((family, definition))
    }

    /// The digest of the content that our task definition has.
    pub(super) fn content(definition: &Value) -> Option<&str> {
        let tags = definition["tags"].as_array()?;
        tags.iter().find(|tag| tag["key"] == CONTENT_TAG)?["value"].as_str()
    }

    /// The body of `RunTask`.
    pub(super) fn task(
        &self,
        hidden: &Hidden,
        subnets: Option<&[String]>,
        definition: Option<&str>,
    ) -> Value {
        let mut task = self.run_task.clone();
        let mut own = json!({ "name": self.container_name, "command": self.command(hidden) });
        if !self.environment.is_empty() {
            own["environment"] = listed(&self.environment, "name");
        }
        let others =
            task["overrides"]["containerOverrides"].as_array().cloned().unwrap_or_default();
        task["overrides"]["containerOverrides"] = std::iter::once(own).chain(others).collect();
        if let Some(subnets) = subnets {
            let subnets = &subnets[..subnets.len().min(SUBNETS_MAX)];
            task["networkConfiguration"]["awsvpcConfiguration"]["subnets"] = json!(subnets);
        }
        if let Some(definition) = definition {
            task["taskDefinition"] = json!(definition);
        }
        task["tags"] = listed(&self.tags, "key");
        task
    }

    fn command(&self, hidden: &Hidden) -> Vec<String> {
        let put = |argument: &String| match hidden.0.get(TICKET) {
            Some(ticket) if *argument == placeholder() => ticket.clone(),
            _ => argument.clone(),
        };
        self.arguments.iter().map(put).collect()
    }

    /// The place of its task.
    ///
    /// # Errors
    /// When it is for no run.
    pub(super) fn place(&self) -> Result<Place, Error> {
        let run = self.tags.get(RUN_TAG).and_then(|run| run.parse().ok());
        let run =
            run.ok_or_else(|| Error::new(ErrorKind::BadInput, "the request is not one for a run"))?;
        let cluster = self.run_task["cluster"].as_str().unwrap_or("default").to_owned();
        Ok(Place { account: self.account.clone(), cluster, run, deregisters: self.deregister })
    }

    /// # Errors
    /// When ECS does not take so much.
    fn check_overrides(&self, hidden: &Hidden) -> Result<(), Error> {
        let overrides = self.task(hidden, None, None)["overrides"].to_string().chars().count();
        if overrides <= OVERRIDES_MAX {
            return Ok(());
        }
        let text = format!(
            "the arguments and environment of the container have {overrides} characters, and ECS takes {OVERRIDES_MAX}"
        );
        Err(Error::new(ErrorKind::BadInput, text)
            .hint("set fewer variables of job.env, or put them into a task definition: task_definition_arn"))
    }
}

fn placeholder() -> String {
    format!("$({TICKET})")
}

/// Names with values, in the form that AWS has them in.
fn listed(pairs: &BTreeMap<String, String>, name: &str) -> Value {
    let pair = |(key, value): (&String, &String)| {
        Value::Object(Map::from_iter([
            (name.to_owned(), json!(key)),
            ("value".to_owned(), json!(value)),
        ]))
    };
    pairs.iter().map(pair).collect()
}

pub(super) fn plan(job: &Job, surroundings: &Surroundings) -> Result<Plan, Error> {
    let settings = EcsSettings::of(&job.settings)?;
    let account = Account::of(&settings, surroundings)?;
    if !job.store_parts()?.is_empty() {
        let text = "the store is a directory of this machine, and tasks of ECS run elsewhere";
        return Err(Error::new(ErrorKind::BadInput, text)
            .hint("take a store that both reach: s3://, gs://, az://"));
    }
    job.check_store_is_elsewhere("ADDRESS-OF-THE-STORE-FOR-TASKS")?;
    check_secrets(job, &settings)?;
    let (task_definition, container) = match &settings.task_definition_arn {
        Some(_) => {
            check_foreign(&settings)?;
            (None, None)
        }
        None => (
            Some(definition::definition(job, &settings)?),
            Some(definition::container(job, &settings, &account.region)?),
        ),
    };
    let (arguments, hidden) = arguments(&job.entry);
    let Variables(environment) = settings.env.clone();
    let is_connected = network_mode(&settings)? == NetworkMode::AwsVpc;
    let finds_subnets = is_connected && settings.subnets.0.is_empty();
    let vpc = settings.vpc_id.clone().map_or_else(|| "default".to_owned(), |Vpc(id)| id);
    let request = Request {
        account,
        subnets_of: finds_subnets.then_some(vpc),
        task_definition,
        container,
        match_latest_revision: settings.match_latest_revision_in_family,
        deregister: settings.auto_deregister_task_definition
            && settings.task_definition_arn.is_none(),
        run_task: run_task(job, &settings, is_connected),
        container_name: settings.container_name.0.clone(),
        arguments,
        environment,
        tags: tags(job, &settings),
    };
    request.check_overrides(&hidden)?;
    Ok(Plan {
        handle: request.place()?.handle(),
        request: serde_json::to_value(&request).map_err(|error| {
            Error::caused(ErrorKind::BadInput, "the request cannot be written", error)
        })?,
        streams_output: settings.stream_output,
        hidden,
    })
}

/// A flow's secrets are what ECS puts into the container: nobody hands on values, which everybody would see who may look
/// at tasks.
fn check_secrets(job: &Job, settings: &EcsSettings) -> Result<(), Error> {
    if settings.task_definition_arn.is_some() {
        return Ok(());
    }
    let Variables(known) = &settings.secrets;
    let by_role = settings.task_role_arn.is_some();
    let of_store = job.entry.variables().into_iter().filter(|_| !by_role);
    let mut wanted = job.secret_variables.iter().cloned().chain(of_store);
    match wanted.find(|name| !known.contains_key(name)) {
        None => Ok(()),
        Some(name) => {
            let text = format!(
                "the run needs the environment variable {name}, which holds a secret, and the task has none of that name"
            );
            Err(Error::new(ErrorKind::BadInput, text).hint(format!(
                "keep it in Secrets Manager or SSM, and name it: --set secrets.{name}=arn:aws:…"
            )))
        }
    }
}

/// What stands in a task definition cannot be set for one that is not ours.
fn check_foreign(settings: &EcsSettings) -> Result<(), Error> {
    let set = [
        ("image", settings.image.is_some()),
        ("command", !settings.command.is_empty()),
        ("secrets", settings.secrets != Variables::default()),
        ("repository_credentials_secret_arn", settings.repository_credentials_secret_arn.is_some()),
        ("architecture", settings.architecture.is_some()),
        ("configure_cloudwatch_logs", settings.configure_cloudwatch_logs == Some(true)),
        ("cloudwatch_logs_options", !settings.cloudwatch_logs_options.is_empty()),
        ("cloudwatch_logs_prefix", settings.cloudwatch_logs_prefix.is_some()),
        ("auto_deregister_task_definition", settings.auto_deregister_task_definition),
        ("match_latest_revision_in_family", settings.match_latest_revision_in_family),
    ];
    match set.into_iter().find(|(_, is_set)| *is_set) {
        None => Ok(()),
        Some((key, _)) => {
            let text = format!(
                "{key} and task_definition_arn are both set, and a task definition that is used as it is cannot have it changed"
            );
            Err(Error::new(ErrorKind::BadInput, text).hint("leave one of them out"))
        }
    }
}

/// The ticket's address is good for whoever has it.
fn arguments(entry: &Entry) -> (Vec<String>, Hidden) {
    match entry {
        Entry::Ticket { url, sha256 } => {
            let shown = Entry::Ticket { url: placeholder(), sha256: *sha256 };
            (shown.arguments(), Hidden(BTreeMap::from([(TICKET.to_owned(), url.clone())])))
        }
        Entry::Store { .. } => (entry.arguments(), Hidden::default()),
    }
}

fn run_task(job: &Job, settings: &EcsSettings, is_connected: bool) -> Value {
    let mut task = json!({
        "cluster": settings.cluster,
        "count": 1,
        "startedBy": started_by(&job.run),
        // A repetition of the request finds its own task.
        "clientToken": job.run,
    });
    let Strategy(shares) = &settings.capacity_provider_strategy;
    let OneOf(launch_type) = settings.launch_type;
    let share = |share: &Share| json!({ "capacityProvider": share.provider, "weight": share.weight, "base": share.base });
    if !shares.is_empty() {
        task["capacityProviderStrategy"] = shares.iter().map(share).collect();
    } else if launch_type == LaunchType::FargateSpot {
        task["capacityProviderStrategy"] =
            json!([{ "capacityProvider": launch_type.word(), "weight": 1 }]);
    } else {
        task["launchType"] = json!(launch_type.word());
    }
    if let Some(version) = &settings.platform_version {
        task["platformVersion"] = json!(version);
    }
    if is_connected {
        task["networkConfiguration"]["awsvpcConfiguration"] = network(settings);
    }
    if let Some(definition) = &settings.task_definition_arn {
        task["taskDefinition"] = json!(definition);
        task["overrides"] = definition::overrides(settings);
    }
    task
}

fn network(settings: &EcsSettings) -> Value {
    let mut network = json!({});
    let (subnets, groups) = (&settings.subnets.0, &settings.security_groups.0);
    if !subnets.is_empty() {
        network["subnets"] = json!(subnets);
    }
    if !groups.is_empty() {
        network["securityGroups"] = json!(groups);
    }
    // Subnets of a default VPC have no NAT; of others, their owner knows.
    let is_public = settings.assign_public_ip.unwrap_or(subnets.is_empty());
    // Machines of one's own have their own addresses, and ECS refuses to be asked for one.
    if super::size::is_on_fargate(settings) {
        network["assignPublicIp"] = json!(if is_public { "ENABLED" } else { "DISABLED" });
    }
    network
}

fn tags(job: &Job, settings: &EcsSettings) -> BTreeMap<String, String> {
    let Tags(mut tags) = settings.labels.clone();
    let name = settings.name.as_deref().map(|name| ("Name".to_owned(), tag_value(name)));
    tags.extend(name);
    let marks = job.marks().into_iter();
    tags.extend(marks.map(|(name, value)| (format!("longshore.{name}"), tag_value(&value))));
    let start = settings.task_start_timeout.as_secs().to_string();
    tags.insert(START_TAG.to_owned(), start);
    tags
}

pub(super) fn check_patched(planned: &Plan, patched: &Plan) -> Result<(), Error> {
    unchanged(&planned.request, &patched.request, &FIXED)?;
    readable::<Request>(&planned.request, &patched.request)?;
    let request = request_of(patched)?;
    if let Some(definition) = &request.task_definition {
        shape::check(definition, shape::DEFINITION, "task_definition")?;
    }
    if let Some(container) = &request.container {
        shape::check(container, shape::CONTAINER, "container")?;
    }
    shape::check(&request.run_task, shape::RUN, "run_task")?;
    request.check_overrides(&patched.hidden)
}

pub(super) fn request_of(plan: &Plan) -> Result<Request, Error> {
    serde_json::from_value(plan.request.clone()).map_err(|error| {
        Error::caused(ErrorKind::BadInput, "the request is not one for a task of ECS", error)
    })
}

/// How a task is named that ECS has.
pub(super) fn handle(
    account: &Account,
    settings: &EcsSettings,
    run: longshore_protocol::id::RunId,
) -> Handle {
    let deregisters =
        settings.auto_deregister_task_definition && settings.task_definition_arn.is_none();
    Place { account: account.clone(), cluster: settings.cluster.clone(), run, deregisters }.handle()
}

#[cfg(test)]
mod tests;
