//! ECS's words → ours. Pure.
//!
//! Source: the lifecycle of tasks in the developer guide, and `Task` in the API reference of ECS.

mod ends;

use std::time::Duration;

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{Connectivity, Container, Task};
use longshore_protocol::Timestamp;
use longshore_protocol::state::JobState;

use super::plan::START_TAG;

/// Where a task does not say how long it may take to start: as the setting's default.
const START_TIMEOUT: Duration = Duration::from_secs(600);

/// The beginning of why a task is given up.
const NOT_STARTED: &str = "the task did not start within";

/// What follows from what was seen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// A state.
    State(JobState),
    /// It waits in vain, and is to be stopped for this reason.
    GiveUp(String),
}

/// The state of a task. `output` are its last words, if it is over.
pub(super) fn judge(task: &Task, output: &str, now: Timestamp) -> Judgement {
    let status = task.last_status().unwrap_or_default();
    // The task goes on for a while when its container is over: its address is taken back, its logs are written.
    if status == "STOPPED"
        || container(task).is_some_and(|container| container.exit_code().is_some())
    {
        return Judgement::State(ends::exited(task, output));
    }
    let state = match status {
        "PROVISIONING" | "PENDING" | "ACTIVATING" => return waiting(task, status, now),
        _ if task.connectivity() == Some(&Connectivity::Disconnected) => {
            JobState::Unknown { because: "its machine has lost its connection to ECS".to_owned() }
        }
        "RUNNING" | "DEACTIVATING" | "STOPPING" | "DEPROVISIONING" => JobState::Running,
        "DELETED" => JobState::Gone,
        "" => JobState::Unknown { because: "ECS does not say in which state it is".to_owned() },
        other => {
            JobState::Unknown { because: format!("ECS says {other}, which is not known here") }
        }
    };
    Judgement::State(state)
}

fn waiting(task: &Task, status: &str, now: Timestamp) -> Judgement {
    let limit = tag(task, START_TAG).and_then(|text| text.parse().ok());
    let limit = limit.map_or(START_TIMEOUT, Duration::from_secs);
    let age = task.created_at().map_or(Duration::ZERO, |created| since(created, now));
    // Somebody has stopped it already.
    if age < limit || task.desired_status() == Some("STOPPED") {
        return Judgement::State(JobState::Pending);
    }
    Judgement::GiveUp(format!("{NOT_STARTED} {} s: it is {status}", limit.as_secs()))
}

fn since(time: &DateTime, now: Timestamp) -> Duration {
    let passed_ms = now.as_millisecond() - time.to_millis().unwrap_or(i64::MAX);
    Duration::from_millis(u64::try_from(passed_ms).unwrap_or(0))
}

/// Whether nothing of it can be running.
pub(super) fn is_over(task: &Task) -> bool {
    matches!(task.last_status(), Some("STOPPED" | "DELETED"))
        || container(task).is_some_and(|container| container.exit_code().is_some())
}

/// The exit code of the runtime, where it has failed.
pub(super) fn has_failed(task: &Task) -> bool {
    container(task).and_then(Container::exit_code).is_some_and(|code| code != 0)
}

/// The container of the runtime: the one that was given arguments.
pub(super) fn container(task: &Task) -> Option<&Container> {
    let name = container_name(task)?;
    task.containers().iter().find(|container| container.name() == Some(name))
}

/// Its name.
pub(super) fn container_name(task: &Task) -> Option<&str> {
    task.overrides()?.container_overrides().first()?.name()
}

/// The value of a tag.
pub(super) fn tag<'a>(task: &'a Task, key: &str) -> Option<&'a str> {
    task.tags().iter().find(|tag| tag.key() == Some(key))?.value()
}

/// The task that counts, of several with one run: one that runs, or else the newest.
pub(super) fn newest(tasks: Vec<Task>) -> Option<Task> {
    tasks.into_iter().max_by_key(|task| (!is_over(task), task.created_at().map(DateTime::as_nanos)))
}

#[cfg(test)]
mod tests;
