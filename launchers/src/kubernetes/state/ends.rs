//! Why a pod ended, or never began: in words, with what the cluster itself says. Pure.
//!
//! Sources: the kubelet's and controllers' reasons of Kubernetes 1.20 to 1.34, `pkg/kubelet/images/types.go`,
//! `pkg/kubelet/container/sync_result.go`, `pkg/apis/core/types.go` (DisruptionTarget).

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Event, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use super::super::manifest::CONTAINER;
use super::{reason_of, terminated};
use crate::ending::{killed, killed_of_code, with, with_output};

/// Who sends a SIGKILL.
const KILLERS: &str = "by hand, or with its node";

/// Exit code and reason of a pod that is over.
pub(super) fn of_pod(pod: &Pod) -> (Option<i32>, Option<String>) {
    let ended = terminated(pod);
    // A container that nobody saw end has a code that is made up.
    let code = ended.filter(|ended| ended.reason.as_deref() != Some("ContainerStatusUnknown"));
    let code = code.map(|ended| ended.exit_code);
    let why = by_cluster(pod).or_else(|| by_container(pod, ended?));
    let output = ended.and_then(|ended| ended.message.as_deref()).unwrap_or_default().trim();
    let is_said = why.as_ref().is_some_and(|why| why.contains(output));
    let why = if is_said { why } else { with_output(why, output) };
    (code, why)
}

/// What somebody did to the pod.
fn by_cluster(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let words = status.message.as_deref().unwrap_or_default();
    let disrupted = status.conditions.iter().flatten();
    let mut disrupted =
        disrupted.filter(|one| one.type_ == "DisruptionTarget" && one.status == "True");
    let disrupted = disrupted.next_back().map(|one| {
        (one.reason.as_deref().unwrap_or_default(), one.message.as_deref().unwrap_or_default())
    });
    let sentence = match (reason_of(pod), disrupted) {
        (Some("NodeLost"), _) => return Some(node_lost(pod)),
        (_, Some(("PreemptionByScheduler", words))) => {
            with("preempted by a pod of higher priority", words)
        }
        (_, Some(("DeletionByTaintManager", words))) => {
            with("evicted, as its node was tainted", words)
        }
        (_, Some(("EvictionByEvictionAPI", words))) => {
            with("evicted, as its node was drained", words)
        }
        (_, Some(("DeletionByPodGC", words))) => with("its node is gone", words),
        (Some("Evicted"), _) => with("evicted by its node", words),
        (Some("Preempting" | "Preempted"), _) => {
            with("preempted by a pod of higher priority", words)
        }
        (Some("Terminated" | "NodeShutdown" | "Shutdown"), _) => with("its node shut down", words),
        (Some("DeadlineExceeded"), _) => with("the pod's deadline has passed", words),
        (_, Some((_, words))) => with("ended by its node", words),
        // What a node says that takes no pod after all: OutOfmemory, NodeAffinity, UnexpectedAdmissionError, …
        (Some(reason), None) => with(&format!("its node refused it ({reason})"), words),
        (None, None) => return None,
    };
    Some(sentence)
}

/// What happened in the container.
fn by_container(pod: &Pod, ended: &ContainerStateTerminated) -> Option<String> {
    let words = ended.message.as_deref().unwrap_or_default().trim();
    match ended.reason.as_deref() {
        Some("OOMKilled") => Some(match memory_limit(pod) {
            Some(limit) => format!(
                "out of memory: it reached the container's limit of {limit}; the job's memory_limit can be set"
            ),
            None => "out of memory: its node had none left".to_owned(),
        }),
        Some("ContainerCannotRun" | "StartError") => {
            Some(with("the container cannot be started", words))
        }
        Some("ContainerStatusUnknown") => Some(with("its node lost track of it", words)),
        _ => match ended.signal {
            Some(signal) => killed(signal, KILLERS),
            None => killed_of_code(ended.exit_code, KILLERS),
        },
    }
}

fn memory_limit(pod: &Pod) -> Option<String> {
    let containers = &pod.spec.as_ref()?.containers;
    let runtime = containers.iter().find(|container| container.name == CONTAINER)?;
    let limit = &runtime.resources.as_ref()?.limits.as_ref()?.get("memory")?.0;
    Some(match limit.parse::<u64>() {
        Ok(bytes) => format!("{} MiB", bytes >> 20),
        // Kubernetes writes whole units by itself, such as 64Mi.
        Err(_) => limit.replace("Mi", " MiB").replace("Gi", " GiB").replace("Ki", " KiB"),
    })
}

pub(super) fn node_lost(pod: &Pod) -> String {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or("?");
    format!("its node {node} does not answer")
}

pub(super) fn deadline(job: &Job) -> String {
    let seconds = job.spec.as_ref().and_then(|spec| spec.active_deadline_seconds);
    format!(
        "the Job's deadline of {} s has passed: all attempts, their pauses and the start together",
        seconds.unwrap_or_default()
    )
}

/// Why a container does not start.
pub(super) fn waiting(pod: &Pod, reason: &str, words: &str) -> String {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let image = containers.iter().find(|container| container.name == CONTAINER);
    let image = image.and_then(|container| container.image.as_deref()).unwrap_or("?");
    let what = match reason {
        "InvalidImageName" => format!("{image:?} is not the name of an image"),
        "ErrImageNeverPull" => {
            format!("its node does not have the image {image}, and is not to pull it")
        }
        "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable" => {
            format!("the image {image} cannot be pulled")
        }
        _ => "the container cannot be created".to_owned(),
    };
    with(&what, &format!("{words} ({reason})"))
}

/// That the cluster refuses to make a pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RefusedPod {
    pub(super) words: String,
    /// Whether there may be room again later.
    pub(super) is_quota: bool,
}

/// The newest refusal to make a pod.
pub(super) fn refused_pod(events: &[Event]) -> Option<RefusedPod> {
    let is_refusal = |event: &&Event| event.reason.as_deref() == Some("FailedCreate");
    let words = newest(events.iter().filter(is_refusal))?.message.as_deref().unwrap_or_default();
    let words = words.trim_start_matches("Error creating: ");
    let lower = words.to_lowercase();
    let is_quota = lower.contains("exceeded quota");
    let what = if is_quota {
        "the quota of its namespace is exceeded"
    } else if lower.contains("admission webhook") {
        "an admission webhook denied its pod"
    } else if lower.contains("forbidden") {
        "the cluster forbids its pod"
    } else {
        "its pod cannot be created"
    };
    Some(RefusedPod { words: with(what, words), is_quota })
}

/// What became of a pod that is gone.
pub(super) fn of_events(events: &[Event]) -> Option<String> {
    let sentence = |event: &Event| {
        let words = event.message.as_deref().unwrap_or_default();
        let what = match event.reason.as_deref()? {
            "Preempted" => "preempted by a pod of higher priority",
            "Evicted" => "evicted by its node",
            "TaintManagerEviction" => "evicted, as its node was tainted",
            "NodeNotReady" => "its node does not answer",
            "OOMKilling" => "out of memory",
            "FailedCreate" => return refused_pod(std::slice::from_ref(event)).map(|it| it.words),
            _ => return None,
        };
        Some(with(what, words))
    };
    newest(events.iter().filter(|event| sentence(event).is_some())).and_then(sentence)
}

/// Why a container has not started in time, as far as its own status does not say it.
pub(super) fn not_started(pod: &Pod, events: &[Event], seconds: u64) -> String {
    // A kubelet tells of an image in an event before it writes it into the pod's status.
    let says = |what: &str| {
        let says = |event: &&Event| event.message.as_deref().is_some_and(|it| it.contains(what));
        newest(events.iter().filter(says))?.message.as_deref().map(str::trim)
    };
    if let Some(words) = says("Failed to pull image").or_else(|| says("ErrImagePull")) {
        return waiting(pod, "ErrImagePull", words);
    }
    let last = last_warning(events).map(|words| format!(": {words}")).unwrap_or_default();
    format!("its container did not start within {seconds} s{last}")
}

/// The newest complaint, whatever it is.
fn last_warning(events: &[Event]) -> Option<String> {
    let warnings = events.iter().filter(|event| event.type_.as_deref() == Some("Warning"));
    let event = newest(warnings)?;
    let words = event.message.as_deref().unwrap_or_default().trim();
    Some(format!("{words} ({})", event.reason.as_deref().unwrap_or("no reason")))
}

fn newest<'a>(events: impl Iterator<Item = &'a Event>) -> Option<&'a Event> {
    let time = |event: &Event| {
        let of = |time: &Option<Time>| time.as_ref().map(|time| time.0);
        let newer = event.event_time.as_ref().map(|time| time.0);
        of(&event.last_timestamp)
            .or(newer)
            .or(of(&event.metadata.creation_timestamp))
            .unwrap_or(Timestamp::UNIX_EPOCH)
    };
    events.max_by_key(|event| time(event))
}
