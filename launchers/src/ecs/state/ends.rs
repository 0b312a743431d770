//! Why a task ended, or never began: in words, with what ECS itself says. Pure.
//!
//! Source: stopped tasks' error codes and messages in the developer guide of ECS, and `TaskStopCode`.

use aws_sdk_ecs::types::{Task, TaskStopCode};
use longshore_protocol::state::JobState;

use super::{NOT_STARTED, container};
use crate::ending::{killed_of_code, with, with_output};

/// Who sends a SIGKILL.
const KILLERS: &str = "out of memory, by hand, or with its machine";

/// How the task ended.
pub(super) fn exited(task: &Task, output: &str) -> JobState {
    let code = container(task).and_then(|container| container.exit_code());
    let why = by_error(task).or_else(|| by_code(task, code));
    JobState::Exited { code, reason: with_output(why, output) }
}

/// The beginnings of what agents say, and what is meant by them.
const ERRORS: [(&str, &str); 14] = [
    ("CannotPullContainerError", "the image cannot be pulled"),
    ("CannotPullImageManifestError", "the image cannot be pulled"),
    ("CannotPullECRContainerError", "the image cannot be pulled"),
    ("CannotStartContainerError", "the container cannot be started"),
    ("CannotCreateContainerError", "the container cannot be created"),
    ("CannotCreateVolumeError", "the container's volume cannot be made"),
    ("CannotInspectContainerError", "the engine of its machine lost track of the container"),
    ("CannotStopContainerError", "the engine of its machine could not stop the container"),
    ("ContainerRuntimeTimeoutError", "the engine of its machine does not answer"),
    ("ContainerRuntimeError", "the engine of its machine failed"),
    ("DockerTimeoutError", "the engine of its machine does not answer"),
    ("DockerStateError", "the engine of its machine failed"),
    ("ResourceInitializationError", "what the task needs could not be prepared"),
    ("InternalError", "ECS failed"),
];

/// What an agent or ECS says of container or task.
fn by_error(task: &Task) -> Option<String> {
    let of_container = container(task).and_then(|container| container.reason());
    let said: Vec<_> = [of_container, task.stopped_reason()].into_iter().flatten().collect();
    if let Some(words) = said.iter().find(|words| words.starts_with("OutOfMemoryError")) {
        return Some(out_of_memory(task, words));
    }
    let error = said.iter().find_map(|words| {
        let (name, meant) = ERRORS.iter().find(|(name, _)| words.starts_with(name))?;
        let words = words.strip_prefix(name)?.trim_start_matches([':', ' ']);
        Some(with(meant, words))
    });
    error.or_else(|| {
        let words =
            said.iter().find(|words| words.to_lowercase().contains("capacity is unavailable"))?;
        Some(with("there was no capacity for it", words))
    })
}

fn out_of_memory(task: &Task, words: &str) -> String {
    match task.memory().and_then(|memory| memory.parse::<u64>().ok()) {
        Some(mib) => format!(
            "out of memory: it reached the task's limit of {mib} MiB; the job's memory can be set"
        ),
        None => with(
            "out of memory",
            words.trim_start_matches("OutOfMemoryError").trim_start_matches([':', ' ']),
        ),
    }
}

fn by_code(task: &Task, exit_code: Option<i32>) -> Option<String> {
    let words = task.stopped_reason().unwrap_or_default();
    let meant = match task.stop_code() {
        Some(TaskStopCode::TaskFailedToStart) => "the task did not start",
        Some(TaskStopCode::EssentialContainerExited) => {
            return match exit_code {
                Some(code) => killed_of_code(code, KILLERS),
                None => Some(with("another container of the task ended", words)),
            };
        }
        // By a launcher, as nobody else would wait for it.
        Some(TaskStopCode::UserInitiated) if words.starts_with(NOT_STARTED) => {
            return Some(words.to_owned());
        }
        Some(TaskStopCode::UserInitiated) => "it was stopped",
        Some(TaskStopCode::ServiceSchedulerInitiated) => "the scheduler of a service stopped it",
        Some(TaskStopCode::SpotInterruption) => "Amazon took its spot capacity back",
        Some(TaskStopCode::TerminationNotice) => "its machine was to be terminated",
        Some(TaskStopCode::InfrastructureHealth) => "its machine was not healthy",
        Some(other) => return Some(with(&format!("it was stopped ({})", other.as_str()), words)),
        // It is about to stop, and its container has ended.
        None => return exit_code.and_then(|code| killed_of_code(code, KILLERS)),
    };
    Some(with(meant, words))
}
