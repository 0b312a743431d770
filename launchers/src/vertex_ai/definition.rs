//! What the job, its machine and its container are. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use longshore_protocol::limits::Limits;

use super::api::{
    Container, DiskSpec, EnvVar, JobDefinition, JobSpec, MachineSpec, SchedulingSpec, WorkerPool,
};
use super::config::VertexAiSettings;
use super::machine;
use super::scheduling::Wanted;
use crate::google::entry::prefix;
use crate::google::labels::{self, Labels};
use crate::google::settings::Part;
use crate::image::RuntimeImage;
use crate::launcher::Job;
use crate::needs::Needs;
use crate::settings::{Integer, OneOf, Variables, Word as _};
use crate::{Error, ErrorKind};

/// Display names have up to 128 characters; 37 of them are a dash and the run.
const NAME_MAX: usize = 64;
/// "Environment variables to be passed to the container. Maximum limit is 100."
const VARIABLES_MAX: usize = 100;
/// Labels of one resource. <https://docs.cloud.google.com/resource-manager/docs/labels-overview#requirements>
const LABELS_MAX: usize = 64;
/// Names that Vertex AI sets itself begin so, or are these.
/// <https://docs.cloud.google.com/vertex-ai/docs/training/code-requirements#environment-variables>
const RESERVED: [&str; 4] = ["AIP_", "CLOUD_ML_", "CLUSTER_SPEC", "TF_CONFIG"];
/// A week: "The default is 7 days."
const TIMEOUT_MAX: Duration = Duration::from_secs(168 * 3600);
/// For what a machine does before and after the run: the time counts from when the job is said to run, and the image may
/// still be on its way.
const MARGIN: Duration = Duration::from_secs(600);

/// A label of Longshore's own.
pub(super) fn label(name: &str) -> String {
    format!("longshore-{name}")
}

/// What a definition needs to know of a run.
#[derive(Debug)]
pub(super) struct Needed<'a> {
    pub(super) run: String,
    pub(super) marks: BTreeMap<&'static str, String>,
    pub(super) image: Option<&'a RuntimeImage>,
    pub(super) limits: &'a Limits,
    pub(super) work_max: Duration,
}

impl<'a> Needed<'a> {
    pub(super) fn by(job: &'a Job) -> Self {
        let Job { run, image, limits, work_max, .. } = job;
        let (run, marks) = (run.to_string(), job.marks());
        Self { run, marks, image: image.as_ref(), limits, work_max: *work_max }
    }
}

/// The job without its machines.
///
/// # Errors
/// When the settings do not fit together.
pub(super) fn job(
    needed: &Needed<'_>,
    settings: &VertexAiSettings,
) -> Result<JobDefinition, Error> {
    let Labels(own) = &settings.labels;
    let mut labels = own.clone();
    labels.extend(needed.marks.iter().map(|(name, value)| (label(name), labels::value(value))));
    if labels.len() > LABELS_MAX {
        let text = format!("a job of Vertex AI has up to {LABELS_MAX} labels, some of them ours");
        return Err(Error::new(ErrorKind::BadInput, text).hint("set fewer labels"));
    }
    check_network(settings)?;
    let job_spec = JobSpec {
        scheduling: scheduling(needed.work_max, settings)?,
        service_account: settings.service_account_name.clone(),
        network: settings.network.clone(),
        reserved_ip_ranges: settings.reserved_ip_ranges.clone(),
        enable_web_access: settings.enable_web_access,
        enable_dashboard_access: settings.enable_dashboard_access,
    };
    let prefix = prefix(settings.name.as_deref(), NAME_MAX);
    Ok(JobDefinition { display_name: format!("{prefix}-{}", needed.run), labels, job_spec })
}

fn scheduling(work_max: Duration, settings: &VertexAiSettings) -> Result<SchedulingSpec, Error> {
    let wanted = settings.scheduling.wanted().map_err(|why| {
        Error::new(ErrorKind::BadInput, format!("the job's scheduling: {why}"))
            .hint("longshore pool template vertex_ai explains it")
    })?;
    let Wanted { strategy, max_wait, restart_job_on_worker_restart, disable_retries } = wanted;
    let disable_retries = disable_retries.unwrap_or(true);
    if disable_retries && restart_job_on_worker_restart == Some(true) {
        let text = "scheduling.restart_job_on_worker_restart does nothing where scheduling.disable_retries is true";
        return Err(Error::new(ErrorKind::BadInput, text)
            .hint("--set scheduling.disable_retries=false, and a flow may run several times"));
    }
    Ok(SchedulingSpec {
        timeout: seconds(timeout(work_max, settings)?),
        disable_retries,
        restart_job_on_worker_restart,
        strategy: strategy.map(|OneOf(strategy)| strategy.word().to_owned()),
        max_wait_duration: max_wait.map(seconds),
    })
}

fn timeout(work_max: Duration, settings: &VertexAiSettings) -> Result<Duration, Error> {
    let set = settings.maximum_run_time_hours;
    let set = set.map(|Integer(hours)| Duration::from_secs(hours * 3600));
    let timeout = set.unwrap_or_else(|| work_max.saturating_add(MARGIN));
    if timeout <= TIMEOUT_MAX {
        return Ok(timeout);
    }
    let text = format!(
        "Vertex AI ends a job after 168 hours, and this may take {} hours",
        timeout.as_secs().div_ceil(3600)
    );
    Err(Error::new(ErrorKind::BadInput, text)
        .hint("lower the flow's timeout or its retries, or set the job's maximum_run_time_hours"))
}

/// As Google writes durations: whole seconds, rounded up.
fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_millis().div_ceil(1_000))
}

fn check_network(settings: &VertexAiSettings) -> Result<(), Error> {
    let refused = |text: String, hint: &str| Err(Error::new(ErrorKind::BadInput, text).hint(hint));
    let form = "network=projects/PROJECT-NUMBER/global/networks/NAME";
    match &settings.network {
        None if !settings.reserved_ip_ranges.is_empty() => {
            let text = "reserved_ip_ranges are ranges of a network, and no network is set";
            refused(text.to_owned(), form)
        }
        Some(network) => {
            let parts: Vec<_> = network.split('/').collect();
            match parts[..] {
                ["projects", project, "global", "networks", name]
                    if !project.is_empty() && !name.is_empty() =>
                {
                    Ok(())
                }
                _ => refused(format!("{network:?} is not the whole name of a network"), form),
            }
        }
        None => Ok(()),
    }
}

/// The machine, without its container.
///
/// # Errors
/// When the settings do not fit together, or the run does not fit in.
pub(super) fn worker_pool(
    needed: &Needed<'_>,
    settings: &VertexAiSettings,
) -> Result<WorkerPool, Error> {
    let Part(machine_type) = &settings.machine_type;
    machine::check_memory(machine_type, Needs::of(needed.limits).memory_bytes)?;
    let accelerator_type = settings.accelerator_type.map(|OneOf(kind)| kind.word().to_owned());
    let accelerator_count = settings.accelerator_count.map(|Integer(count)| count);
    if accelerator_type.is_some() != accelerator_count.is_some() {
        let (there, missing, value) = match &accelerator_type {
            Some(_) => ("accelerator_type", "accelerator_count", "1"),
            None => ("accelerator_count", "accelerator_type", "NVIDIA_TESLA_T4"),
        };
        let text = format!("{there} is set, and {missing} is not");
        return Err(Error::new(ErrorKind::BadInput, text)
            .hint(format!("for example --set {missing}={value}")));
    }
    let (OneOf(disk), Integer(size_gb)) = (settings.boot_disk_type, settings.boot_disk_size_gb);
    Ok(WorkerPool {
        machine_spec: MachineSpec {
            machine_type: machine_type.clone(),
            accelerator_type,
            accelerator_count,
        },
        disk_spec: DiskSpec { boot_disk_type: disk.word().to_owned(), boot_disk_size_gb: size_gb },
        replica_count: "1".to_owned(),
    })
}

/// The container, which is started with these arguments.
///
/// # Errors
/// When there is no image, or the environment is none that Vertex AI takes.
pub(super) fn container(
    needed: &Needed<'_>,
    settings: &VertexAiSettings,
    args: Vec<String>,
) -> Result<Container, Error> {
    let image_uri = settings.image.clone().ok_or_else(|| {
        let text = "nobody says which image Vertex AI is to start, and it takes them from registries only";
        let name = needed.image.map_or("longshore-runtime:VERSION", |it| it.reference.as_str());
        Error::new(ErrorKind::BadInput, text).hint(format!(
            "longshore image load, docker tag and push {name} to REGION-docker.pkg.dev/PROJECT/REPOSITORY, and set the job's image: docs/vertex-ai.md"
        ))
    })?;
    let is_name = |image: &str| !image.is_empty() && !image.contains(char::is_whitespace);
    if !is_name(&image_uri) || image_uri.contains("://") {
        let text = format!("{image_uri:?} is not the name of an image in a registry");
        return Err(Error::new(ErrorKind::BadInput, text)
            .hint("write it like europe-west1-docker.pkg.dev/PROJECT/REPOSITORY/NAME:TAG"));
    }
    Ok(Container { image_uri, command: settings.command.clone(), args, env: env(settings)? })
}

fn env(settings: &VertexAiSettings) -> Result<Vec<EnvVar>, Error> {
    let Variables(variables) = &settings.env;
    let refused =
        |text: String| Err(Error::new(ErrorKind::BadInput, text).hint("change the job's env"));
    if variables.len() > VARIABLES_MAX {
        return refused(format!("Vertex AI takes up to {VARIABLES_MAX} environment variables"));
    }
    for name in variables.keys() {
        if RESERVED.iter().any(|reserved| name.starts_with(reserved)) {
            return refused(format!(
                "the environment variable {name} of the job is one that Vertex AI sets itself"
            ));
        }
        if !is_identifier(name) {
            return refused(format!(
                "{name:?} is not the name of an environment variable in Vertex AI: letters, digits and '_', and no digit first"
            ));
        }
    }
    // In values, Vertex AI replaces what looks like a reference to another variable, and `$$` by a dollar sign.
    let verbatim = |value: &String| value.replace("$(", "$$(");
    let variables = variables.iter();
    Ok(variables
        .map(|(name, value)| EnvVar { name: name.clone(), value: verbatim(value) })
        .collect())
}

/// "Must be a valid C identifier."
fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
}
