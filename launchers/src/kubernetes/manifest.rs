//! What the Job and its container are. Pure.
//!
//! **Invariant:** no field is set that a server of version 1.20 does not have.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::batch::v1::{Job as KubernetesJob, JobSpec};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EmptyDirVolumeSource, EnvVar, HostPathVolumeSource,
    LocalObjectReference, PodSecurityContext, PodSpec, PodTemplateSpec, ResourceRequirements,
    SeccompProfile, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::config::{Annotations, KubernetesSettings, Labels, ObjectName};
use super::names::{label_value, literal};
use super::plan::Request;
use crate::engine::CANCEL_GRACE;
use crate::image::USER;
use crate::launcher::{Entry, Job, StorePart};
use crate::needs::Needs;
use crate::settings::{Cpus, Integer, OneOf, Size, Variables, Word as _};
use crate::{Error, ErrorKind};

/// The runtime's container, beside which others may be put.
pub(super) const CONTAINER: &str = "runtime";
/// The label with the run.
pub(super) const RUN_LABEL: &str = "longshore/run";
/// The label with the run's owner.
pub(super) const TENANT_LABEL: &str = "longshore/tenant";
/// The label with the store in which the run is.
pub(super) const STORE_LABEL: &str = "longshore/store";
/// Says that the Job goes when its run has an outcome.
pub(super) const REMOVE_ANNOTATION: &str = "longshore/auto-remove";
/// Says how many seconds a pod may take to start.
pub(super) const START_ANNOTATION: &str = "longshore/pod-start-timeout";
/// Says why the Job was given up.
pub(super) const GIVEN_UP_ANNOTATION: &str = "longshore/given-up";
/// From being asked to end until being killed: as long as a run that is cancelled has anywhere.
pub(super) const TERMINATION_GRACE: Duration = CANCEL_GRACE;
/// For reading what a run needs, and writing what has become of it.
const MARGIN: Duration = Duration::from_secs(60);
const TEMPORARY: &str = "/tmp";

pub(super) fn job(
    job: &Job,
    settings: &KubernetesSettings,
    request: &Request,
) -> Result<KubernetesJob, Error> {
    let (labels, annotations) = (labels(job, settings), annotations(job, settings));
    let Integer(backoff_limit) = settings.backoff_limit;
    Ok(KubernetesJob {
        metadata: ObjectMeta {
            name: Some(request.name.clone()),
            namespace: Some(request.namespace.clone()),
            labels: Some(labels.clone()),
            annotations: Some(annotations.clone()),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            active_deadline_seconds: Some(deadline_s(job, settings)),
            backoff_limit: i32::try_from(backoff_limit).ok(),
            ttl_seconds_after_finished: Some(seconds(settings.finished_job_ttl)),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels),
                    annotations: Some(settings.annotations.0.clone()).filter(|it| !it.is_empty()),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(job, settings)?),
            },
            ..JobSpec::default()
        }),
        status: None,
    })
}

/// After this the cluster ends what nobody watches: all attempts, on every pod that may be made, and the start.
fn deadline_s(job: &Job, settings: &KubernetesSettings) -> i64 {
    let Integer(backoff_limit) = settings.backoff_limit;
    let pods = u32::try_from(backoff_limit).unwrap_or(u32::MAX).saturating_add(1);
    let each = job.work_max.saturating_add(settings.pod_start_timeout).saturating_add(MARGIN);
    // It is a sum in the server as well, with the time of the start.
    const YEARS: i64 = 10 * 365 * 24 * 3600;
    i64::try_from(each.saturating_mul(pods).as_secs()).unwrap_or(YEARS).min(YEARS)
}

fn pod(job: &Job, settings: &KubernetesSettings) -> Result<PodSpec, Error> {
    let named = |name: &Option<ObjectName>| name.as_ref().map(|ObjectName(name)| name.clone());
    let Labels(node_selector) = &settings.node_selector;
    let pull_secrets = settings.image_pull_secrets.iter().cloned();
    let pull_secrets: Vec<_> = pull_secrets.map(|name| LocalObjectReference { name }).collect();
    let (user, group) = user(job, settings);
    let parts = store_parts(job, settings)?;
    let volumes = [temporary(job)].into_iter().chain(parts.iter().enumerate().map(volume));
    Ok(PodSpec {
        restart_policy: Some("Never".to_owned()),
        termination_grace_period_seconds: i64::try_from(TERMINATION_GRACE.as_secs()).ok(),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        service_account_name: named(&settings.service_account_name),
        image_pull_secrets: Some(pull_secrets).filter(|secrets| !secrets.is_empty()),
        node_selector: Some(node_selector.clone()).filter(|labels| !labels.is_empty()),
        priority_class_name: named(&settings.priority_class_name),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(user != 0),
            run_as_user: Some(user),
            run_as_group: Some(group),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        volumes: Some(volumes.collect()),
        ..PodSpec::default()
    })
}

/// The runtime's container, without what it gets from the Secret.
pub(super) fn container(
    job: &Job,
    settings: &KubernetesSettings,
    entry: &Entry,
) -> Result<Container, Error> {
    let image = match &settings.image {
        Some(image) => image.clone(),
        None => job.image()?.reference.clone(),
    };
    let OneOf(pull) = settings.image_pull_policy;
    let Variables(env) = &settings.env;
    let env = env.iter().map(|(name, value)| EnvVar {
        name: name.clone(),
        value: Some(literal(value)),
        value_from: None,
    });
    let env: Vec<_> = env.collect();
    let command: Vec<_> = settings.command.iter().map(|word| literal(word)).collect();
    let parts = store_parts(job, settings)?;
    let mounts = parts.iter().enumerate().map(mount);
    let temporary = VolumeMount {
        name: "tmp".to_owned(),
        mount_path: TEMPORARY.to_owned(),
        ..VolumeMount::default()
    };
    Ok(Container {
        name: CONTAINER.to_owned(),
        image: Some(image),
        image_pull_policy: Some(pull.word().to_owned()),
        command: Some(command).filter(|command| !command.is_empty()),
        args: Some(arguments(entry)),
        env: Some(env).filter(|env| !env.is_empty()),
        resources: Some(resources(job, settings)),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities { add: None, drop: Some(vec!["ALL".to_owned()]) }),
            ..SecurityContext::default()
        }),
        // What it said last is then in the state of the pod, also when its node is gone.
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some([temporary].into_iter().chain(mounts).collect()),
        ..Container::default()
    })
}

/// The ticket is the one thing in them that is to be expanded.
fn arguments(entry: &Entry) -> Vec<String> {
    let arguments = entry.arguments();
    match entry {
        Entry::Ticket { .. } => arguments,
        Entry::Store { .. } => arguments.iter().map(|argument| literal(argument)).collect(),
    }
}

fn labels(job: &Job, settings: &KubernetesSettings) -> BTreeMap<String, String> {
    let Labels(mut labels) = settings.labels.clone();
    let marks = job.marks().into_iter();
    labels.extend(marks.map(|(name, value)| (format!("longshore/{name}"), label_value(&value))));
    labels
}

/// Marks stand here as they are, where they cannot be labels.
fn annotations(job: &Job, settings: &KubernetesSettings) -> BTreeMap<String, String> {
    let Annotations(mut annotations) = settings.annotations.clone();
    let marks = job.marks().into_iter().filter(|(_, value)| label_value(value) != *value);
    annotations.extend(marks.map(|(name, value)| (format!("longshore/{name}"), value)));
    annotations.insert(REMOVE_ANNOTATION.to_owned(), settings.auto_remove.to_string());
    let start = seconds(settings.pod_start_timeout).to_string();
    annotations.insert(START_ANNOTATION.to_owned(), start);
    annotations
}

fn resources(job: &Job, settings: &KubernetesSettings) -> ResourceRequirements {
    let needs = Needs::of(&job.limits);
    let memory_limit = settings.memory_limit.unwrap_or(Size(needs.memory_bytes));
    let memory_request = settings.memory_request.unwrap_or(memory_limit);
    let cpu_limit = settings.cpu_limit.unwrap_or(Cpus(needs.cpus_milli));
    let cpu_request = Cpus(settings.cpu_request.0.min(cpu_limit.0));
    let table = |Cpus(cpus): Cpus, Size(memory): Size| {
        BTreeMap::from([
            ("cpu".to_owned(), Quantity(format!("{cpus}m"))),
            ("memory".to_owned(), Quantity(memory.to_string())),
        ])
    };
    ResourceRequirements {
        requests: Some(table(cpu_request, memory_request)),
        limits: Some(table(cpu_limit, memory_limit)),
        claims: None,
    }
}

/// Whoever owns the files of a directory store has to write there.
fn user(job: &Job, settings: &KubernetesSettings) -> (i64, i64) {
    match settings.run_as_user {
        Some(Integer(user)) => (i64::try_from(user).unwrap_or(0), i64::try_from(user).unwrap_or(0)),
        None if settings.host_path_store && job.store_parts().is_ok_and(|it| !it.is_empty()) => {
            let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
            (user.as_raw().into(), group.as_raw().into())
        }
        None => {
            let number = |text: &str| text.parse().expect("they are written as numbers");
            let (user, group) = USER.split_once(':').expect("it is written with a colon");
            (number(user), number(group))
        }
    }
}

/// Of a directory store the container gets what its own run needs, and no other run.
fn store_parts(job: &Job, settings: &KubernetesSettings) -> Result<Vec<StorePart>, Error> {
    let parts = job.store_parts()?;
    if parts.is_empty() || settings.host_path_store {
        return Ok(parts);
    }
    let text = "the store is a directory of this machine, and pods run on the nodes of a cluster";
    Err(Error::new(ErrorKind::BadInput, text).hint(
        "take a store that both reach: s3://, gs://, az://; or set host_path_store=true where the nodes have the directory",
    ))
}

fn volume((index, part): (usize, &StorePart)) -> Volume {
    Volume {
        name: format!("store-{index}"),
        host_path: Some(HostPathVolumeSource {
            path: part.path.to_string_lossy().into_owned(),
            type_: None,
        }),
        ..Volume::default()
    }
}

fn mount((index, part): (usize, &StorePart)) -> VolumeMount {
    VolumeMount {
        name: format!("store-{index}"),
        mount_path: part.path.to_string_lossy().into_owned(),
        read_only: Some(!part.is_written),
        ..VolumeMount::default()
    }
}

/// Included files are unpacked there; it is memory, and counts as such.
fn temporary(job: &Job) -> Volume {
    let bytes = job.limits.files_bytes.saturating_mul(2).max(1 << 20);
    Volume {
        name: "tmp".to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: Some("Memory".to_owned()),
            size_limit: Some(Quantity(bytes.to_string())),
        }),
        ..Volume::default()
    }
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> i32 {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}
