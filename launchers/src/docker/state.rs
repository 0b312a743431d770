//! Docker's words → ours. Pure.

use bollard::models::{ContainerState, ContainerStateStatusEnum as Status};
use longshore_protocol::state::JobState;

use crate::ending::{killed_of_code, with_output};

/// Who sends a SIGKILL.
const KILLERS: &str = "by hand, by docker kill, or with the engine";

/// The state of a container. `memory_bytes` is its limit; `output` are its last words, if it is over.
pub(super) fn state(state: &ContainerState, memory_bytes: Option<i64>, output: &str) -> JobState {
    match state.status {
        Some(Status::CREATED) => match failure_to_start(state) {
            Some(why) => JobState::Exited { code: None, reason: Some(why) },
            None => JobState::Pending,
        },
        // A paused one runs again when whoever paused it wants.
        Some(Status::RUNNING | Status::PAUSED | Status::RESTARTING | Status::STOPPING) => {
            JobState::Running
        }
        Some(Status::REMOVING) => JobState::Gone,
        Some(Status::EXITED | Status::DEAD) => exited(state, memory_bytes, output),
        Some(Status::EMPTY) | None => {
            JobState::Unknown { because: "Docker does not say in which state it is".to_owned() }
        }
    }
}

/// Whether the container's end is the only thing to wait for.
pub(super) fn is_over(state: &ContainerState) -> bool {
    matches!(state.status, Some(Status::EXITED | Status::DEAD))
}

fn failure_to_start(state: &ContainerState) -> Option<String> {
    let error = state.error.as_deref().filter(|error| !error.is_empty())?;
    Some(format!("the container could not be started: {error}"))
}

fn exited(state: &ContainerState, memory_bytes: Option<i64>, output: &str) -> JobState {
    let code = state.exit_code.and_then(|code| i32::try_from(code).ok());
    let error = state.error.as_deref().filter(|error| !error.is_empty());
    let how = match (state.oom_killed, error, code) {
        (Some(true), _, _) => Some(match memory_bytes {
            Some(bytes) if bytes > 0 => format!(
                "out of memory: it reached the container's limit of {} MiB; a job's memory can be set",
                bytes >> 20
            ),
            _ => "out of memory: the machine had none left".to_owned(),
        }),
        (_, Some(error), _) => Some(error.to_owned()),
        (_, None, Some(code)) => killed_of_code(code, KILLERS),
        (_, None, None) => None,
    };
    JobState::Exited { code, reason: with_output(how, output) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_status(status: Status) -> ContainerState {
        ContainerState { status: Some(status), ..ContainerState::default() }
    }

    fn exited_with(code: i64, oom_killed: bool, error: &str) -> ContainerState {
        ContainerState {
            exit_code: Some(code),
            oom_killed: Some(oom_killed),
            error: Some(error.to_owned()),
            ..in_status(Status::EXITED)
        }
    }

    #[test]
    fn every_status_of_docker_has_a_state() {
        let over = JobState::Exited { code: None, reason: None };
        let unknown =
            JobState::Unknown { because: "Docker does not say in which state it is".to_owned() };
        for (status, expected) in [
            (Status::CREATED, JobState::Pending),
            (Status::RUNNING, JobState::Running),
            (Status::PAUSED, JobState::Running),
            (Status::RESTARTING, JobState::Running),
            (Status::STOPPING, JobState::Running),
            (Status::REMOVING, JobState::Gone),
            (Status::EXITED, over.clone()),
            (Status::DEAD, over),
            (Status::EMPTY, unknown),
        ] {
            assert_eq!(state(&in_status(status), None, ""), expected, "{status:?}");
        }
        let failed = ContainerState {
            error: Some("no such device".to_owned()),
            ..in_status(Status::CREATED)
        };
        let reason = Some("the container could not be started: no such device".to_owned());
        assert_eq!(state(&failed, None, ""), JobState::Exited { code: None, reason });
    }

    #[test]
    fn how_a_container_ended() {
        let limit = Some(64 << 20);
        let table = [
            (exited_with(0, false, ""), "", 0, None),
            (exited_with(74, false, ""), "no space", 74, Some("no space")),
            (exited_with(143, false, ""), "", 143, Some("killed by signal 15 (SIGTERM)")),
            (exited_with(255, false, ""), "", 255, None),
            (exited_with(127, false, "exec: not found"), "", 127, Some("exec: not found")),
            (
                exited_with(137, true, ""),
                "x",
                137,
                Some(
                    "out of memory: it reached the container's limit of 64 MiB; a job's memory can be set; its last output: x",
                ),
            ),
        ];
        for (docker, output, code, reason) in table {
            let expected = JobState::Exited { code: Some(code), reason: reason.map(str::to_owned) };
            assert_eq!(state(&docker, limit, output), expected);
        }
        let killed = state(&exited_with(137, false, ""), limit, "");
        assert!(
            matches!(killed, JobState::Exited { reason: Some(why), .. } if why.contains("SIGKILL"))
        );
    }
}
