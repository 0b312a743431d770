//! Vertex AI's words → ours. Pure.
//!
//! Source: `GoogleCloudAiplatformV1CustomJob` of <https://aiplatform.googleapis.com/$discovery/rest?version=v1>. A value
//! that is not known here decides nothing by itself: the times do.
//!
//! Exit codes are nowhere but in the message of an error. What messages look like is not documented; these are from
//! reports of users: <https://github.com/GoogleCloudPlatform/vertex-ai-samples/issues/1898>,
//! <https://github.com/GoogleCloudPlatform/vertex-ai-samples/pull/1504>.

use longshore_protocol::state::JobState;

use super::api::CustomJob;
use crate::ending::{SIGNAL_BASE, killed_of_code, with, with_output};

/// Who sends a SIGKILL.
const KILLERS: &str = "by Vertex AI, or for its memory";
/// What comes before an exit code.
const STATUS: &str = "non-zero status of ";
/// `google.rpc.Code`: <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>
const DEADLINE_EXCEEDED: i64 = 4;
const RESOURCE_EXHAUSTED: i64 = 8;

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Pending,
    Running,
    Over,
}

pub(super) fn phase(job: &CustomJob) -> Phase {
    match job.state.as_str() {
        "JOB_STATE_QUEUED" | "JOB_STATE_PENDING" | "JOB_STATE_PAUSED" => Phase::Pending,
        // A job that is being cancelled may still end well.
        "JOB_STATE_RUNNING" | "JOB_STATE_UPDATING" | "JOB_STATE_CANCELLING" => Phase::Running,
        "JOB_STATE_SUCCEEDED"
        | "JOB_STATE_PARTIALLY_SUCCEEDED"
        | "JOB_STATE_FAILED"
        | "JOB_STATE_CANCELLED"
        | "JOB_STATE_EXPIRED" => Phase::Over,
        // Unspecified, or from the future.
        _ if job.end_time.is_some() => Phase::Over,
        _ if job.start_time.is_some() => Phase::Running,
        _ => Phase::Pending,
    }
}

/// Whether what it has put out explains its end.
pub(super) fn needs_last_words(job: &CustomJob) -> bool {
    let is_told = matches!(job.state.as_str(), "JOB_STATE_SUCCEEDED" | "JOB_STATE_CANCELLED");
    // One that has not begun has put out nothing.
    phase(job) == Phase::Over && !is_told && job.start_time.is_some()
}

/// The state of a job; `output`: its last words, if it is over.
pub(super) fn state(job: &CustomJob, output: &str) -> JobState {
    match phase(job) {
        Phase::Pending => JobState::Pending,
        Phase::Running => JobState::Running,
        Phase::Over if job.state == "JOB_STATE_SUCCEEDED" => {
            JobState::Exited { code: Some(0), reason: None }
        }
        Phase::Over => {
            let code = exit_code(words(job));
            JobState::Exited { code, reason: with_output(how(job, code), output) }
        }
    }
}

fn words(job: &CustomJob) -> &str {
    job.error.as_ref().map(|error| error.message.as_str()).unwrap_or_default()
}

/// The exit code that a message tells: of a signal, as shells have it.
fn exit_code(words: &str) -> Option<i32> {
    let (_, rest) = words.split_once(STATUS)?;
    let end = rest.find(|one: char| !one.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    let code: i32 = digits.parse().ok()?;
    // "9(SIGKILL)"; but "137(SIGKILL)" has been made one already.
    let is_signal = rest.trim_start().starts_with("(SIG") && code < SIGNAL_BASE;
    Some(if is_signal { SIGNAL_BASE + code } else { code })
}

fn how(job: &CustomJob, code: Option<i32>) -> Option<String> {
    let words = words(job);
    let lower = words.to_lowercase();
    let error_code = job.error.as_ref().map_or(0, |error| error.code);
    // What follows is where to look for logs, or the output, which is read there.
    let first = words.lines().next().unwrap_or_default().trim();
    let has = |all: &[&str]| all.iter().any(|one| lower.contains(one));
    if has(&["out-of-memory", "out of memory", "oomkilled"]) {
        let text =
            "out of memory: it took more than its machine has; a larger machine_type can be set";
        return Some(text.to_owned());
    }
    if has(&["preempt"]) {
        return Some(with("Google took the machine back, as it may do with spot machines", first));
    }
    if has(&["timed out", "timeout", "deadline"]) || error_code == DEADLINE_EXCEEDED {
        return Some(with("it took longer than maximum_run_time_hours lets it", first));
    }
    if has(&["quota"]) {
        return Some(with("the quota of the project is used up", first));
    }
    if has(&["insufficient", "stockout", "capacity"]) || error_code == RESOURCE_EXHAUSTED {
        return Some(with("Google has no such machine free in the region", first));
    }
    if lower.contains("image") && has(&["pull", "not found", "not exist", "permission", "denied"]) {
        return Some(with("the image cannot be pulled", first));
    }
    if has(&["starterror"]) {
        return Some(with("the container could not be started", first));
    }
    if let Some(code) = code {
        // That it exited with a code is said by the code.
        return killed_of_code(code, KILLERS);
    }
    let what = match job.state.as_str() {
        "JOB_STATE_CANCELLED" => return Some("cancelled in Vertex AI".to_owned()),
        "JOB_STATE_EXPIRED" => "Vertex AI let it expire before it began",
        "JOB_STATE_PARTIALLY_SUCCEEDED" => "Vertex AI says that only a part of it succeeded",
        "JOB_STATE_FAILED" => {
            return Some(first.to_owned()).filter(|first| !first.is_empty());
        }
        other => {
            return Some(with(&format!("Vertex AI says that it is over, and {other:?}"), first));
        }
    };
    Some(with(what, first))
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
