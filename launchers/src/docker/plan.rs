//! Job → request for a container. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use longshore_protocol::id::RunId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::{DockerSettings, Volumes};
use super::endpoint::Endpoint;
use crate::image::{Pull, RuntimeImage};
use crate::launcher::{Handle, Hidden, Job, Plan};
use crate::needs::Needs;
use crate::settings::{AbsolutePath, Cpus, Integer, Size, Variables, exact, readable, unchanged};
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
    let mut create = json(&container(job, &settings, &endpoint, image)?)?;
    // In an order, which the client's own type does not have.
    create["Labels"] = json(&labels(job, &settings))?;
    let request = Request {
        name: name.clone(),
        image_pull_policy: settings.image_pull_policy.0,
        registry_credentials: settings.registry_credentials.clone(),
        image_made_from,
        create,
        more_networks: settings.networks.iter().skip(1).cloned().collect(),
        env_from_launcher: &job.secret_variables | &job.entry.variables(),
        host: endpoint.host.clone(),
    };
    Ok(Plan {
        handle: handle(&endpoint.host, &name),
        request: json(&request)?,
        streams_output: settings.stream_output,
        hidden: Hidden::default(),
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

fn labels(job: &Job, settings: &DockerSettings) -> BTreeMap<String, String> {
    let mut labels = settings.labels.clone();
    let own = job.marks().into_iter().map(|(name, value)| (format!("longshore.{name}"), value));
    labels.extend(own);
    labels.insert(REMOVE_LABEL.to_owned(), settings.auto_remove.to_string());
    labels
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
    if has_own_network {
        job.check_store_is_elsewhere("host.docker.internal")?;
    }
    let Volumes(volumes) = &settings.volumes;
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
        init: Some(settings.init),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, RUN, by_itself};
    use crate::kind::Kind;
    use crate::settings::{Origin, Patch, Shape};
    use longshore_protocol::id::Digest;
    use longshore_protocol::limits::Limits;
    use serde_json::json;

    fn job(settings: &[(&str, &str)]) -> Job {
        Job {
            flow: "hello".into(),
            entry: by_itself("/data/store"),
            needs_network: false,
            work_max: std::time::Duration::from_secs(60),
            secret_variables: BTreeSet::from(["API_KEY".to_owned()]),
            ..fixture::job(Kind::Docker, settings)
        }
    }

    fn planned(job: &Job) -> Plan {
        plan(job, &Surroundings::default()).unwrap()
    }

    fn refused(job: &Job) -> String {
        plan(job, &Surroundings::default()).unwrap_err().to_string()
    }

    #[test]
    fn a_plan_is_the_whole_request() {
        let plan = planned(&job(&[]));
        let user = format!(
            "{}:{}",
            rustix::process::geteuid().as_raw(),
            rustix::process::getegid().as_raw()
        );
        let memory = Needs::of(&Limits::default()).memory_bytes;
        let mount = |path: &str, read_only: bool| json!({"Type": "bind", "Source": path, "Target": path, "ReadOnly": read_only});
        let expected = json!({
            "host": "unix:///var/run/docker.sock",
            "name": format!("longshore-{RUN}"),
            "image_pull_policy": "IfNotPresent",
            "image_made_from": {
                "reference": "longshore-runtime:1-abc", "binary": "/usr/bin/longshore-runtime-image",
                "sha256": Digest::of(b"x"), "target": "x86_64", "labels": {},
            },
            "create": {
                "User": user,
                "Cmd": [
                    "execute", "--store", "/data/store", "--tenant", "default", "--run", RUN,
                    "--order-sha256", Digest::of(b""),
                ],
                "Image": "longshore-runtime:1-abc",
                "Labels": {
                    "longshore.run": RUN, "longshore.tenant": "default", "longshore.pool": "box",
                    "longshore.flow": "hello", "longshore.store": "0123", "longshore.auto-remove": "true",
                },
                "StopTimeout": 10,
                "HostConfig": {
                    "Memory": memory, "MemorySwap": memory, "NanoCpus": 1_000_000_000_u64, "PidsLimit": 256,
                    "NetworkMode": "none", "CapDrop": ["ALL"], "ReadonlyRootfs": true, "Init": true,
                    "SecurityOpt": ["no-new-privileges"],
                    "Tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,mode=1777,size=134217728"},
                    "Mounts": [
                        mount("/data/store/components/sha256/00.wasm", true),
                        mount(&format!("/data/store/runs/default/20260318/{RUN}"), false),
                    ],
                },
            },
            "env_from_launcher": ["API_KEY", "AWS_ACCESS_KEY_ID"],
        });
        assert_eq!(plan.request, expected, "{:#}", plan.request);
        assert!(!plan.streams_output);
        let place = place(&plan.handle).unwrap();
        assert_eq!((place.host, place.not_from_here), ("unix:///var/run/docker.sock", None));
        assert_eq!(place.name, format!("longshore-{RUN}"));
    }

    #[test]
    fn every_setting_reaches_the_plan() {
        let without = planned(&job(&[]));
        for setting in DockerSettings::table() {
            let name = setting.key;
            let (key, probe, shown) = match (name, &setting.shape) {
                ("host", _) => (name.to_owned(), "unix:///probe", "unix:///probe"),
                // It names an engine by the files of the docker client: see `endpoint`.
                ("context", _) => continue,
                ("image_pull_policy", _) => (name.to_owned(), "Never", "Never"),
                ("volumes", _) => (name.to_owned(), "probe:/probe", "probe:/probe"),
                ("networks", _) => (name.to_owned(), "probe,second", "second"),
                (_, Shape::Map) => (format!("{name}.PROBE"), "probe", "probe"),
                (_, Shape::Path) => (name.to_owned(), "/probe", "/probe"),
                (_, Shape::Text | Shape::List) => (name.to_owned(), "probe", "probe"),
                (_, Shape::Size) => (name.to_owned(), "77MiB", "80740352"),
                (_, Shape::Cpus) => (name.to_owned(), "0.077", "77000000"),
                (_, Shape::Integer { .. }) => (name.to_owned(), "77", "77"),
                (_, Shape::Bool) if setting.default == true => (name.to_owned(), "false", "false"),
                (_, Shape::Bool) => (name.to_owned(), "true", "true"),
                (_, other) => panic!("there is no probe for {other}"),
            };
            let with = planned(&job(&[(&key, probe)]));
            assert_ne!(with, without, "{key} makes no difference");
            let text = serde_json::to_string(&with).unwrap();
            assert!(text.contains(shown), "{key} = {probe} is not in {text}");
        }
    }

    #[test]
    fn the_network_is_there_for_whoever_needs_it() {
        let mode = |plan: &Plan| plan.request["create"]["HostConfig"]["NetworkMode"].clone();
        let hosts = |plan: &Plan| plan.request["create"]["HostConfig"].get("ExtraHosts").is_some();
        let granted = planned(&Job { needs_network: true, ..job(&[]) });
        assert_eq!((mode(&granted), hosts(&granted)), (json!("bridge"), true));
        let host = planned(&Job { needs_network: true, ..job(&[("network_mode", "host")]) });
        assert_eq!((mode(&host), hosts(&host)), (json!("host"), false));
        let own = planned(&job(&[("networks", "a,b")]));
        assert_eq!((mode(&own), &own.request["more_networks"]), (json!("a"), &json!(["b"])));
        assert!(refused(&job(&[("networks", "a"), ("network_mode", "b")])).contains("both say"));
    }

    #[test]
    fn what_cannot_work_is_refused_before_anything_is_stored() {
        let far = job(&[("host", "tcp://far:2376")]);
        assert!(refused(&far).ends_with("and the Docker engine is at tcp://far:2376"));
        let at = |endpoint: &str, settings| Job {
            store_endpoint: Some(endpoint.to_owned()),
            needs_network: true,
            ..job(settings)
        };
        for endpoint in ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"] {
            let why = refused(&at(endpoint, &[]));
            assert!(why.ends_with("which in a container is the container itself"), "{why}");
        }
        planned(&at("http://127.0.0.1:9000", &[("network_mode", "host")]));
        planned(&at("http://10.0.0.1:9000", &[]));
        let without = Job { image: None, ..job(&[]) };
        assert!(refused(&without).starts_with("there is no static longshore-runtime beside"));
        planned(&Job { image: None, ..job(&[("image", "own:1")]) });
    }

    #[test]
    fn a_name_is_made_valid() {
        let run: RunId = RUN.parse().unwrap();
        for (wanted, begins) in [
            (None, "longshore-0"),
            (Some("nightly"), "nightly-0"),
            (Some("a b/c"), "a-b-c-0"),
            (Some("_x"), "x-0"),
            (Some("--"), "longshore-0"),
        ] {
            assert!(name(wanted, &run).starts_with(begins), "{}", name(wanted, &run));
        }
    }

    #[test]
    fn a_patch_changes_the_request_but_not_what_the_run_needs() {
        let planned = planned(&job(&[]));
        let patched = |text: &str| {
            let patch = Patch::new(&text.into(), Origin::caller("--patch")).unwrap();
            let request = patch.applied_to(&planned.request);
            check_patched(&planned, &Plan { request, ..planned.clone() })
        };
        for good in [
            r#"{"create": {"HostConfig": {"ShmSize": 1000000, "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]}}}"#,
            r#"{"create": {"Hostname": "x", "User": null}}"#,
        ] {
            assert!(patched(good).is_ok(), "{good}");
        }
        for (text, why) in [
            (r#"{"create": {"Cmd": ["execute"]}}"#, "the patch changes create.Cmd, which"),
            (r#"{"host": "unix:///x"}"#, "the patch changes host, which"),
            (
                r#"{"create": {"Labels": {"longshore.run": null}}}"#,
                "the patch changes create.Labels.longshore.run",
            ),
            (r#"{"wroking_dir": "/"}"#, "the patch leaves wroking_dir as no launcher"),
            (
                r#"{"create": {"HostConfig": {"Memroy": 1}}}"#,
                "the patch sets create.HostConfig.Memroy, which does not exist",
            ),
            (
                r#"{"create": {"HostConfig": {"Memory": "much"}}}"#,
                "the patch leaves create as no launcher",
            ),
        ] {
            let error = crate::chain(&patched(text).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_handle_says_where_to_ask() {
        let far = Handle("|tcp://far:2376|longshore-1".into());
        let expected = Place { host: "tcp://far:2376", name: "longshore-1", not_from_here: None };
        assert_eq!(place(&far).unwrap(), expected);
        let elsewhere = Handle("elsewhere|unix:///x|longshore-1".into());
        let because = place(&elsewhere).unwrap().not_from_here.unwrap();
        assert!(
            because.starts_with("its container is on host elsewhere, and this is "),
            "{because}"
        );
        assert!(place(&Handle("nonsense".into())).is_err());
    }
}
