//! Job → request for a container. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use longshore_protocol::id::RunId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::{DockerSettings, Pull, Volumes};
use super::endpoint::Endpoint;
use crate::image::RuntimeImage;
use crate::launcher::{Handle, Job, Plan};
use crate::needs::Needs;
use crate::settings::{
    AbsolutePath, Cpus, Integer, OneOf, Size, Variables, exact, readable, unchanged,
};
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// What a patch must leave as it is: by these the runtime finds its run and verifies it, and gets its credentials.
const FIXED: [&str; 6] = [
    "/host",
    "/name",
    "/create/Cmd",
    "/create/Image",
    "/env_from_launcher",
    "/create/Labels/longshore.run",
];
/// The label with the run.
pub(super) const RUN_LABEL: &str = "longshore.run";
/// The label with the run's owner.
pub(super) const TENANT_LABEL: &str = "longshore.tenant";
/// The label with the store in which the run is.
pub(super) const STORE_LABEL: &str = "longshore.store";
/// The label that says that the container goes when its run has an outcome.
pub(super) const REMOVE_LABEL: &str = "longshore.auto-remove";
/// Where this name means the engine's machine, as it does on Docker Desktop.
const HOST_NAME: &str = "host.docker.internal:host-gateway";
/// A container that is not told otherwise is killed after this, and not after Docker's ten seconds.
const STOP_TIMEOUT_S: i64 = 10;

/// What is asked of an engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// The engine.
    pub(super) host: String,
    /// The container's name.
    pub(super) name: String,
    pub(super) image_pull_policy: Pull,
    /// Where the name and password for the registry are, not what they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) registry_credentials: Option<String>,
    /// What the image is made of, where the engine does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) image_made_from: Option<RuntimeImage>,
    /// The container, in the words of Docker's API.
    pub(super) create: Value,
    /// Networks that it joins besides the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) more_networks: Vec<String>,
    /// Variables that are copied from around the launcher when the container is made. They hold secrets, so the plan,
    /// which people print, has their names only.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) env_from_launcher: BTreeSet<String>,
}

pub(super) fn plan(job: &Job, surroundings: &Surroundings) -> Result<Plan, Error> {
    let settings = DockerSettings::of(&job.settings)?;
    let endpoint =
        Endpoint::resolve(settings.host.as_deref(), settings.context.as_deref(), surroundings)?;
    check_reach(job, &endpoint)?;
    let (image, image_made_from) = match &settings.image {
        Some(image) => (image.clone(), None),
        None => {
            let image = job.image()?;
            (image.reference.clone(), Some(image.clone()))
        }
    };
    let name = name(settings.name.as_deref(), &job.run);
    let create = container(job, &settings, &endpoint, image)?;
    let request = Request {
        name: name.clone(),
        image_pull_policy: settings.image_pull_policy.0,
        registry_credentials: settings.registry_credentials.clone(),
        image_made_from,
        create: json(&create)?,
        more_networks: settings.networks.iter().skip(1).cloned().collect(),
        env_from_launcher: &job.secret_variables | &job.entry.variables(),
        host: endpoint.host.clone(),
    };
    Ok(Plan {
        handle: handle(&endpoint.host, &name),
        request: json(&request)?,
        streams_output: settings.stream_output,
    })
}

fn json(value: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(|error| {
        Error::caused(ErrorKind::BadInput, "a path of the job is not Unicode text", error)
    })
}

/// A directory is where the engine is, or of no use.
fn check_reach(job: &Job, endpoint: &Endpoint) -> Result<(), Error> {
    if endpoint.socket().is_some() || job.store_parts()?.is_empty() {
        return Ok(());
    }
    let host = &endpoint.host;
    let text =
        format!("the store is a directory of this machine, and the Docker engine is at {host}");
    Err(Error::new(ErrorKind::BadInput, text)
        .hint("take an engine on this machine, or a store that both reach: s3://, gs://, az://"))
}

/// A name that Docker takes, and that follows from the run, so that a repeated launch finds its own container.
fn name(wanted: Option<&str>, run: &RunId) -> String {
    let is_allowed = |one: char| one.is_ascii_alphanumeric() || "_.-".contains(one);
    let valid: String = wanted
        .unwrap_or("longshore")
        .chars()
        .map(|one| if is_allowed(one) { one } else { '-' })
        .collect();
    let valid = valid.trim_start_matches(|first: char| !first.is_ascii_alphanumeric());
    if valid.is_empty() { format!("longshore-{run}") } else { format!("{valid}-{run}") }
}

fn container(
    job: &Job,
    settings: &DockerSettings,
    endpoint: &Endpoint,
    image: String,
) -> Result<ContainerCreateBody, Error> {
    let Variables(env) = &settings.env;
    let env: Vec<_> = env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let working_dir = settings.working_dir.as_ref().map(|AbsolutePath(path)| path);
    Ok(ContainerCreateBody {
        image: Some(image),
        cmd: Some(job.entry.arguments()),
        entrypoint: Some(settings.command.clone()).filter(|command| !command.is_empty()),
        working_dir: working_dir.map(|path| path.to_string_lossy().into_owned()),
        user: user(job, settings, endpoint)?,
        env: Some(env).filter(|env| !env.is_empty()),
        labels: Some(labels(job, settings)),
        network_disabled: None,
        stop_timeout: Some(STOP_TIMEOUT_S),
        host_config: Some(host_config(job, settings)?),
        ..ContainerCreateBody::default()
    })
}

/// Whoever owns the files of a directory store has to write there. Of a rootless engine this user is root inside.
fn user(
    job: &Job,
    settings: &DockerSettings,
    endpoint: &Endpoint,
) -> Result<Option<String>, Error> {
    if settings.user.is_some() || job.store_parts()?.is_empty() {
        return Ok(settings.user.clone());
    }
    if endpoint.is_rootless() {
        return Ok(Some("0:0".to_owned()));
    }
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    Ok(Some(format!("{}:{}", user.as_raw(), group.as_raw())))
}

fn labels(job: &Job, settings: &DockerSettings) -> HashMap<String, String> {
    let mut labels: BTreeMap<String, String> = settings.labels.clone();
    let own = job.marks().into_iter().map(|(name, value)| (format!("longshore.{name}"), value));
    labels.extend(own);
    labels.insert(REMOVE_LABEL.to_owned(), settings.auto_remove.to_string());
    labels.into_iter().collect()
}

fn host_config(job: &Job, settings: &DockerSettings) -> Result<HostConfig, Error> {
    let needs = Needs::of(&job.limits);
    let memory = settings.memory.map_or(needs.memory_bytes, |Size(bytes)| bytes);
    let swap = settings.memory_swap.map_or(memory, |Size(bytes)| bytes);
    let Cpus(cpus_milli) = settings.cpus.unwrap_or(Cpus(needs.cpus_milli));
    let processes = settings.pids_limit.map_or(u64::from(needs.processes), |Integer(count)| count);
    let network = network(job, settings)?;
    let has_own_network =
        network != "none" && network != "host" && !network.starts_with("container:");
    let Volumes(volumes) = &settings.volumes;
    let OneOf(_) = settings.image_pull_policy;
    Ok(HostConfig {
        memory: Some(signed(memory)),
        memory_swap: Some(signed(swap)),
        nano_cpus: Some(signed(cpus_milli.saturating_mul(1_000_000))),
        pids_limit: Some(signed(processes)),
        network_mode: Some(network),
        extra_hosts: has_own_network.then(|| vec![HOST_NAME.to_owned()]),
        readonly_rootfs: Some(true),
        privileged: settings.privileged.then_some(true),
        cap_drop: (!settings.privileged).then(|| vec!["ALL".to_owned()]),
        security_opt: (!settings.privileged).then(|| vec!["no-new-privileges".to_owned()]),
        init: settings.init.then_some(true),
        tmpfs: Some(HashMap::from([("/tmp".to_owned(), temporary(job))])),
        mounts: Some(mounts(job)?).filter(|mounts| !mounts.is_empty()),
        binds: Some(volumes.clone()).filter(|volumes| !volumes.is_empty()),
        ..HostConfig::default()
    })
}

/// Included files are unpacked there; it is memory, and counts as such.
fn temporary(job: &Job) -> String {
    let bytes = job.limits.files_bytes.saturating_mul(2);
    format!("rw,noexec,nosuid,nodev,mode=1777,size={bytes}")
}

fn network(job: &Job, settings: &DockerSettings) -> Result<String, Error> {
    match (&settings.network_mode, settings.networks.first()) {
        (Some(_), Some(_)) => {
            let text = "network_mode and networks both say where the container is connected";
            Err(Error::new(ErrorKind::BadInput, text).hint("set one of them"))
        }
        (Some(mode), None) => Ok(mode.clone()),
        (None, Some(network)) => Ok(network.clone()),
        (None, None) => Ok(if job.needs_network { "bridge" } else { "none" }.to_owned()),
    }
}

/// Of a directory store the container gets what its own run needs, and no other run.
fn mounts(job: &Job) -> Result<Vec<Mount>, Error> {
    let mount = |part: crate::launcher::StorePart| {
        let path = part.path.to_string_lossy().into_owned();
        Mount {
            typ: Some(MountType::BIND),
            source: Some(path.clone()),
            target: Some(path),
            read_only: Some(!part.is_written),
            ..Mount::default()
        }
    };
    Ok(job.store_parts()?.into_iter().map(mount).collect())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn check_patched(planned: &Plan, patched: &Plan) -> Result<(), Error> {
    unchanged(&planned.request, &patched.request, &FIXED)?;
    readable::<Request>(&planned.request, &patched.request)?;
    exact::<ContainerCreateBody>(&patched.request["create"], "create")
}

pub(super) fn request_of(plan: &Plan) -> Result<Request, Error> {
    serde_json::from_value(plan.request.clone()).map_err(|error| {
        Error::caused(ErrorKind::BadInput, "the request is not one for a container", error)
    })
}

/// A socket is one on its own machine only, so that is a part of the handle.
pub(super) fn handle(host: &str, name: &str) -> Handle {
    let machine = if host.starts_with("unix://") { this_host() } else { String::new() };
    Handle(format!("{machine}|{host}|{name}"))
}

/// What a handle says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) host: &'a str,
    pub(super) name: &'a str,
    /// Why the container cannot be asked about from this machine, if it cannot.
    pub(super) not_from_here: Option<String>,
}

pub(super) fn place(handle: &Handle) -> Result<Place<'_>, Error> {
    let mut parts = handle.0.split('|');
    let (Some(machine), Some(host), Some(name), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        let text = format!("{handle:?} is not the handle of a container");
        return Err(Error::new(ErrorKind::Store, text));
    };
    let here = this_host();
    let not_from_here = (!machine.is_empty() && machine != here)
        .then(|| format!("its container is on host {machine}, and this is {here}"));
    Ok(Place { host, name, not_from_here })
}

fn this_host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
