//! Azure's words → ours. Pure.
//!
//! Sources: <https://learn.microsoft.com/en-us/azure/container-instances/container-state>, and for the words of events
//! <https://learn.microsoft.com/en-us/azure/container-instances/container-instances-troubleshooting>. A word that is not
//! known here decides nothing by itself: the container's own state does, and the time that a start may take.

use std::time::Duration;

use longshore_protocol::Timestamp;
use longshore_protocol::state::JobState;

use super::api::{ContainerState, DescribedContainer, Event, Group};
use super::definition::{CONTAINER, START_TIMEOUT};
use crate::ending::{killed_of_code, with, with_output};

/// Who sends a SIGKILL.
const KILLERS: &str = "by Azure, or for its memory";
/// The start timeout of a group that does not say: Longshore's own default.
const START_TIMEOUT_USUAL: Duration = Duration::from_secs(240);

/// How far a container group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Pending,
    Running,
    Over,
}

/// The runtime's container.
fn container(group: &Group) -> Option<&DescribedContainer> {
    let containers = &group.properties.containers;
    containers.iter().find(|one| one.name == CONTAINER).or(containers.first())
}

fn current(group: &Group) -> Option<&ContainerState> {
    container(group).map(|it| &it.properties.instance_view.current_state)
}

pub(super) fn phase(group: &Group) -> Phase {
    let whole = group.properties.instance_view.state.as_str();
    // Others may have been put beside the container of the run, so that it is over before the group is.
    match (whole, current(group).map(|it| it.state.as_str())) {
        ("Succeeded" | "Failed" | "Stopped", _) | (_, Some("Terminated")) => Phase::Over,
        ("Running", _) | (_, Some("Running")) => Phase::Running,
        _ => of_provisioning(&group.properties.provisioning_state),
    }
}

/// What the last operation on the group says, where nothing else does.
pub(super) fn of_provisioning(word: &str) -> Phase {
    match word {
        // Azure goes on trying, but a run is not told to have started half an hour later: cleaning up ends it.
        "Failed" | "Canceled" => Phase::Over,
        // In all others it may yet start; also in those of the future.
        _ => Phase::Pending,
    }
}

/// Whether what it has put out explains its end.
pub(super) fn needs_last_words(group: &Group) -> bool {
    let current = current(group);
    phase(group) == Phase::Over
        && current.is_some_and(|it| it.state == "Terminated" && it.exit_code != Some(0))
}

/// The state of a group. `first_seen`: when somebody here saw it first; `output`: its last words, if it is over.
pub(super) fn state(
    group: &Group,
    output: &str,
    (first_seen, now): (Timestamp, Timestamp),
) -> JobState {
    match phase(group) {
        Phase::Pending => pending(group, first_seen, now),
        Phase::Running => JobState::Running,
        Phase::Over => over(group, output),
    }
}

/// Azure tries for half an hour to start something, and for ever to read an image.
fn pending(group: &Group, first_seen: Timestamp, now: Timestamp) -> JobState {
    let begun = events(group).filter_map(|event| event.first_timestamp.parse().ok());
    let begun: Timestamp = begun.fold(first_seen, Timestamp::min);
    let limit = group.tags.get(START_TIMEOUT).and_then(|seconds| seconds.parse().ok());
    let limit = limit.map_or(START_TIMEOUT_USUAL, Duration::from_secs);
    let waited = now.duration_since(begun);
    if waited.is_negative() || waited.unsigned_abs() < limit {
        return JobState::Pending;
    }
    let what =
        format!("it has not started within {} s (task_start_timeout_seconds)", limit.as_secs());
    JobState::Exited { code: None, reason: Some(with(&what, &trouble(group).unwrap_or_default())) }
}

fn over(group: &Group, output: &str) -> JobState {
    let ended = current(group).filter(|it| it.state == "Terminated");
    let code = ended.and_then(|it| it.exit_code);
    let is_success =
        code == Some(0) || code.is_none() && group.properties.instance_view.state == "Succeeded";
    if is_success {
        return JobState::Exited { code: Some(0), reason: None };
    }
    JobState::Exited { code, reason: with_output(how(group, ended, code), output) }
}

fn how(group: &Group, ended: Option<&ContainerState>, code: Option<i32>) -> Option<String> {
    let detail = ended.map(|it| it.detail_status.as_str()).unwrap_or_default();
    if let Some(what) = of_detail(detail) {
        let limit = memory_limit(group);
        return Some(format!("{what}{limit}; the job's memory can be set"));
    }
    if group.properties.instance_view.state == "Stopped" {
        return Some("stopped in Azure".to_owned());
    }
    if let Some(signal) = code.and_then(|code| killed_of_code(code, KILLERS)) {
        return Some(signal);
    }
    // That it exited with a code is said by the code.
    if code.is_some() {
        return None;
    }
    let said = trouble(group);
    let said = said.or_else(|| Some(detail.to_owned()).filter(|detail| !detail.is_empty()));
    said.or_else(|| Some("Azure could not start it, and does not say why".to_owned()))
}

/// What the status of a container that has ended means, where it says more than that.
fn of_detail(detail: &str) -> Option<&'static str> {
    match detail {
        "OOMKilled" => Some("out of memory: it reached the container's limit"),
        // `Completed` and `Error` say no more than the exit code; others are told as they are.
        _ => None,
    }
}

fn memory_limit(group: &Group) -> String {
    let limit = container(group).and_then(|it| it.properties.resources.requests.memory_in_gb);
    limit.map(|limit| format!(" of {limit} GB")).unwrap_or_default()
}

fn events(group: &Group) -> impl Iterator<Item = &Event> {
    let of_container = container(group).map(|it| it.properties.instance_view.events.as_slice());
    group.properties.instance_view.events.iter().chain(of_container.unwrap_or_default())
}

/// What went wrong last, in Azure's words and ours.
fn trouble(group: &Group) -> Option<String> {
    let last =
        |fits: fn(&&Event) -> bool| events(group).filter(fits).max_by_key(|event| when(event));
    let found =
        last(|event| why(event).is_some() && is_warning(event)).or_else(|| last(is_warning));
    found.map(|event| match why(event) {
        Some(what) => with(what, &event.message),
        None => with(&event.name, &event.message),
    })
}

fn when(event: &Event) -> Option<Timestamp> {
    event.first_timestamp.parse().ok()
}

fn is_warning(event: &&Event) -> bool {
    event.kind == "Warning"
}

/// What an event means, where it says more than that something has failed.
pub(super) fn why(event: &Event) -> Option<&'static str> {
    let lower = event.message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    match event.name.as_str() {
        "ContainerGroupQuotaReached" => Some("the quota of the region is used up"),
        "ServiceUnavailable" | "RequestedResourceNotAvailable" | "InsufficientCapacity" => {
            Some("Azure has no room for it in this location")
        }
        "InaccessibleImage" => Some("Azure cannot read the image"),
        "RegistryErrorResponse" => Some("the image's registry has refused to answer"),
        "Evicted" | "Preempted" | "SpotEviction" => Some("Azure has taken its machine away"),
        "NetworkingTimeout" | "FailedMountVolume" => {
            Some("Azure could not prepare its network or volumes")
        }
        "Failed" | "BackOff" | "FailedPull" if says(&["pull", "image", "manifest"]) => {
            Some("Azure cannot read the image")
        }
        "Killing" if says(&["memory"]) => Some("out of memory"),
        // Pulling, Pulled, Created, Started, Killing, and those of the future.
        _ => None,
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
