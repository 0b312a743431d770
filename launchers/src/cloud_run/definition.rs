//! What the job and its container are. Pure.
//!
//! Limits: <https://docs.cloud.google.com/run/docs/configuring/jobs/cpu>, `…/jobs/memory-limits`, `…/jobs/task-timeout`.

use std::collections::BTreeMap;
use std::time::Duration;

use longshore_protocol::limits::Limits;

use super::api::{
    CloudSqlInstance, Container, ContainerOverride, EnvVar, ExecutionTemplate, JobDefinition,
    Overrides, Resources, SecretKeyRef, TaskTemplate, ValueSource, Volume, VolumeMount, VpcAccess,
};
use super::config::CloudRunSettings;
use super::place::Place;
use crate::google::labels::{self, Labels};
use crate::image::RuntimeImage;
use crate::launcher::Job;
use crate::needs::Needs;
use crate::settings::{Cpus, Integer, OneOf, Size, Variables, Word as _};
use crate::{Error, ErrorKind};

/// The runtime's container, beside which others may be put.
pub(super) const CONTAINER: &str = "runtime";
/// Tells apart what shared jobs are.
pub(super) const MARK: &str = "longshore/definition";
/// Says whose run a job is.
pub(super) const RUN: &str = "longshore/run";
/// Says whose job it is.
pub(super) const TENANT: &str = "longshore/tenant";
/// Says in which store its run is.
pub(super) const STORE: &str = "longshore/store";
/// The variable that says whose run an execution of a shared job is.
pub(super) const RUN_VARIABLE: &str = "LONGSHORE_RUN";
/// Names that Cloud Run sets itself.
/// <https://docs.cloud.google.com/run/docs/container-contract#jobs-env-vars>
const RESERVED: [&str; 7] = [
    "CLOUD_RUN_JOB",
    "CLOUD_RUN_EXECUTION",
    "CLOUD_RUN_TASK_INDEX",
    "CLOUD_RUN_TASK_ATTEMPT",
    "CLOUD_RUN_TASK_COUNT",
    "PORT",
    RUN_VARIABLE,
];
const MIB: u64 = 1 << 20;
/// Less is refused for jobs.
const MEMORY_MIN_MIB: u64 = 512;
/// Processors, with the least and the most memory that they may have.
const SIZES: [(u64, u64, u64); 4] = [
    (1, MEMORY_MIN_MIB, 4 << 10),
    (2, MEMORY_MIN_MIB, 8 << 10),
    (4, 2 << 10, 16 << 10),
    (8, 4 << 10, 32 << 10),
];
/// A week.
const TIMEOUT_MAX: Duration = Duration::from_secs(168 * 3600);
/// What Cloud Run takes where nobody says.
const TIMEOUT_USUAL: Duration = Duration::from_secs(600);
/// For reading what a run needs, and writing what has become of it.
const MARGIN: Duration = Duration::from_secs(60);
const CLOUD_SQL: &str = "cloudsql";

/// What a definition needs to know of a run.
#[derive(Debug)]
pub(super) struct Needed<'a> {
    pub(super) marks: BTreeMap<&'static str, String>,
    pub(super) image: Option<&'a RuntimeImage>,
    pub(super) limits: &'a Limits,
    pub(super) work_max: Duration,
}

impl<'a> Needed<'a> {
    pub(super) fn by(job: &'a Job) -> Self {
        let Job { image, limits, work_max, .. } = job;
        Self { marks: job.marks(), image: image.as_ref(), limits, work_max: *work_max }
    }
}

/// The job without its container, and the container without the arguments of a run.
///
/// # Errors
/// When the settings do not fit together.
pub(super) fn of(
    needed: &Needed<'_>,
    settings: &CloudRunSettings,
    place: &Place,
) -> Result<(JobDefinition, Container), Error> {
    let marks = marks(needed, settings);
    let Labels(own) = &settings.labels;
    let mut labels = own.clone();
    labels.extend(
        marks.iter().map(|(name, value)| (format!("longshore-{name}"), labels::value(value))),
    );
    let annotations: BTreeMap<_, _> =
        marks.into_iter().map(|(name, value)| (format!("longshore/{name}"), value)).collect();
    let Integer(max_retries) = settings.max_retries;
    let OneOf(launch_stage) = settings.launch_stage;
    let instances = &settings.cloudsql_instances;
    let volumes = (!instances.is_empty()).then(|| Volume {
        name: CLOUD_SQL.to_owned(),
        cloud_sql_instance: CloudSqlInstance { instances: instances.clone() },
    });
    let template = TaskTemplate {
        max_retries,
        timeout: seconds(template_timeout(needed.work_max, settings)?),
        service_account: settings.service_account_name.clone(),
        vpc_access: vpc_access(settings, place),
        volumes: volumes.into_iter().collect(),
    };
    let definition = JobDefinition {
        labels: labels.clone(),
        annotations: annotations.clone(),
        client: "longshore".to_owned(),
        client_version: env!("CARGO_PKG_VERSION").to_owned(),
        launch_stage: launch_stage.word().to_owned(),
        start_execution_token: None,
        template: ExecutionTemplate {
            labels,
            annotations,
            parallelism: 1,
            task_count: 1,
            template,
        },
    };
    Ok((definition, container(needed, settings)?))
}

/// A shared job is nobody's own, so it does not say of which run and flow it is.
fn marks(needed: &Needed<'_>, settings: &CloudRunSettings) -> BTreeMap<&'static str, String> {
    let mut marks = needed.marks.clone();
    if settings.keep_job {
        marks.remove("run");
        marks.remove("flow");
    }
    marks
}

fn vpc_access(settings: &CloudRunSettings, place: &Place) -> Option<VpcAccess> {
    let connector = settings.vpc_connector_name.as_ref()?;
    let connector = if connector.contains('/') {
        connector.clone()
    } else {
        format!("{}/connectors/{connector}", place.parent())
    };
    let OneOf(egress) = settings.vpc_egress;
    Some(VpcAccess { connector, egress: egress.word().to_owned() })
}

fn container(needed: &Needed<'_>, settings: &CloudRunSettings) -> Result<Container, Error> {
    let image = settings.image.clone().ok_or_else(|| {
        let text = "nobody says which image Cloud Run is to start, and it takes them from registries only";
        let name = needed.image.map_or("longshore-runtime:VERSION", |it| it.reference.as_str());
        Error::new(ErrorKind::BadInput, text).hint(format!(
            "longshore image load, docker tag and push {name} to REGION-docker.pkg.dev/PROJECT/REPOSITORY, and set the job's image: docs/cloud-run.md"
        ))
    })?;
    let (cpus, memory_mib) = size(needed.limits, settings)?;
    let limits = [("cpu", cpus.to_string()), ("memory", format!("{memory_mib}Mi"))];
    let mounts = (!settings.cloudsql_instances.is_empty())
        .then(|| VolumeMount { name: CLOUD_SQL.to_owned(), mount_path: "/cloudsql".to_owned() });
    Ok(Container {
        name: CONTAINER.to_owned(),
        image,
        command: settings.command.clone(),
        args: Vec::new(),
        env: env(settings)?,
        resources: Resources {
            limits: limits.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        },
        volume_mounts: mounts.into_iter().collect(),
    })
}

fn env(settings: &CloudRunSettings) -> Result<Vec<EnvVar>, Error> {
    let Variables(plain) = &settings.env;
    let secrets = &settings.env_from_secrets;
    let refused = |name: &str, why: &str| {
        let text = format!("the environment variable {name} of the job {why}");
        Err(Error::new(ErrorKind::BadInput, text).hint("give it another name"))
    };
    for name in plain.keys().chain(secrets.keys()) {
        if RESERVED.contains(&name.as_str()) {
            return refused(name, "is one that Cloud Run or Longshore sets itself");
        }
        if plain.contains_key(name) && secrets.contains_key(name) {
            return refused(name, "is set by env and by env_from_secrets");
        }
    }
    let plain = plain.iter().map(|(name, value)| variable(name, value));
    let secrets = secrets.iter().map(|(name, secret)| {
        let (secret, version) = secret.rsplit_once(':').unwrap_or((secret, "latest"));
        let reference = SecretKeyRef { secret: secret.to_owned(), version: version.to_owned() };
        EnvVar {
            name: name.clone(),
            value: None,
            value_source: Some(ValueSource { secret_key_ref: reference }),
        }
    });
    Ok(plain.chain(secrets).collect())
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_owned()), value_source: None }
}

/// Processors and memory, in MiB: a pair that Cloud Run takes.
fn size(limits: &Limits, settings: &CloudRunSettings) -> Result<(u64, u64), Error> {
    let needed = Needs::of(limits).memory_bytes.div_ceil(MIB).max(MEMORY_MIN_MIB);
    let memory_mib = settings.memory.map_or(needed, |Size(bytes)| bytes.div_ceil(MIB));
    let fits = |(_, least, most): &&(u64, u64, u64)| (*least..=*most).contains(&memory_mib);
    let nearest = SIZES.iter().find(fits).map(|(cpus, _, _)| *cpus);
    let refused =
        |text: String, hint: String| Err(Error::new(ErrorKind::BadInput, text).hint(hint));
    let Some(nearest) = nearest else {
        let text = format!("Cloud Run has no container with {memory_mib} MiB of memory");
        let largest = SIZES[SIZES.len() - 1].2;
        return refused(
            text,
            format!(
                "it takes {MEMORY_MIN_MIB} to {largest} MiB: set the job's memory, or the flow's limit"
            ),
        );
    };
    let Some(Cpus(milli)) = settings.cpu else { return Ok((nearest, memory_mib)) };
    let Some(size) = SIZES.iter().find(|(cpus, _, _)| cpus * 1_000 == milli) else {
        let text = format!("Cloud Run has no jobs with {} processors", milli as f64 / 1_000.0);
        return refused(text, format!("it takes 1, 2, 4 or 8: --set cpu={nearest}"));
    };
    if !fits(&size) {
        let (cpus, least, most) = size;
        let text =
            format!("Cloud Run does not give {memory_mib} MiB of memory to {cpus} processors");
        return refused(
            text,
            format!(
                "with cpu={cpus} it is {least} to {most} MiB; with this memory --set cpu={nearest}"
            ),
        );
    }
    Ok((size.0, memory_mib))
}

fn timeout(work_max: Duration, settings: &CloudRunSettings) -> Result<Duration, Error> {
    let timeout = settings.timeout.unwrap_or_else(|| work_max.saturating_add(MARGIN));
    if timeout <= TIMEOUT_MAX && !timeout.is_zero() {
        return Ok(timeout);
    }
    let text = format!(
        "Cloud Run ends a task after 168 hours, and this may take {} hours",
        timeout.as_secs().div_ceil(3600)
    );
    Err(Error::new(ErrorKind::BadInput, text)
        .hint("lower the flow's timeout or its retries, or set the job's timeout"))
}

/// Each execution of a shared job says its own, so that what the job is does not depend on the run.
fn template_timeout(work_max: Duration, settings: &CloudRunSettings) -> Result<Duration, Error> {
    match (settings.keep_job, settings.timeout) {
        (true, None) => Ok(TIMEOUT_USUAL),
        (true, Some(_)) | (false, _) => timeout(work_max, settings),
    }
}

/// As Google writes durations: whole seconds, rounded up.
fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_millis().div_ceil(1_000))
}

/// What is different in the execution of a run.
///
/// # Errors
/// When the run takes too long.
pub(super) fn overrides(
    job: &Job,
    settings: &CloudRunSettings,
    args: Vec<String>,
) -> Result<Overrides, Error> {
    Ok(Overrides {
        container_overrides: vec![ContainerOverride {
            name: CONTAINER.to_owned(),
            args,
            env: vec![variable(RUN_VARIABLE, &job.run.to_string())],
        }],
        timeout: seconds(timeout(job.work_max, settings)?),
    })
}
