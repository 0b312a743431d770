//! Cloud Run's words → ours. Pure.
//!
//! Source: `GoogleCloudRunV2Execution`, `…Condition` and `…TaskAttemptResult` of
//! <https://run.googleapis.com/$discovery/rest?version=v2>. A value that is not known here decides nothing by itself: what
//! is counted and timed does.

use longshore_protocol::state::JobState;

use super::api::{AttemptResult, Condition, Execution, Job};
use super::definition::RUN_VARIABLE;
use crate::ending::{SIGNAL_BASE, killed_of_code, with, with_output};

/// Who sends a SIGKILL.
const KILLERS: &str = "by Cloud Run, or for its memory";

/// How far an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Pending,
    Running,
    Over,
}

pub(super) fn phase(execution: &Execution) -> Phase {
    let state = completed(execution).map(|condition| condition.state.as_str());
    let is_decided = matches!(state, Some("CONDITION_SUCCEEDED" | "CONDITION_FAILED"));
    if execution.completion_time.is_some() || is_decided {
        return Phase::Over;
    }
    // Between two attempts of a task none is running, and the execution is.
    let has_begun = execution.start_time.is_some() || execution.retried_count > 0;
    if execution.running_count > 0 || has_begun { Phase::Running } else { Phase::Pending }
}

fn completed(execution: &Execution) -> Option<&Condition> {
    execution.conditions.iter().find(|condition| condition.kind == "Completed")
}

/// Whether what it has put out explains its end.
pub(super) fn needs_last_words(execution: &Execution) -> bool {
    phase(execution) == Phase::Over
        && execution.succeeded_count == 0
        && execution.cancelled_count == 0
}

/// The state of an execution. `attempt` is how its task ended, and `output` its last words, if it is over.
pub(super) fn state(
    execution: &Execution,
    attempt: Option<&AttemptResult>,
    output: &str,
) -> JobState {
    match phase(execution) {
        Phase::Pending => JobState::Pending,
        Phase::Running => JobState::Running,
        Phase::Over => over(execution, attempt, output),
    }
}

fn over(execution: &Execution, attempt: Option<&AttemptResult>, output: &str) -> JobState {
    let is_success = execution.succeeded_count > 0
        || completed(execution).is_some_and(|it| it.state == "CONDITION_SUCCEEDED");
    let signal_of = attempt.and_then(|it| it.term_signal).filter(|signal| *signal > 0);
    let code = attempt.and_then(|it| it.exit_code).filter(|code| *code != 0 || signal_of.is_none());
    let code = code.or(signal_of.map(|signal| SIGNAL_BASE + signal));
    // Zero is what is left out of an answer.
    let code = code.or(is_success.then_some(0));
    // Of what went well, the last words explain nothing.
    let reason = if is_success { None } else { with_output(how(execution, attempt, code), output) };
    JobState::Exited { code, reason }
}

fn how(
    execution: &Execution,
    attempt: Option<&AttemptResult>,
    code: Option<i32>,
) -> Option<String> {
    let condition = completed(execution);
    let of_attempt = attempt.and_then(|it| it.status.as_ref()).map(|it| it.message.as_str());
    let of_execution = condition.map(|it| it.message.as_str());
    let words = of_attempt.filter(|words| !words.is_empty()).or(of_execution).unwrap_or_default();
    let lower = words.to_lowercase();
    if execution.cancelled_count > 0 {
        return Some("cancelled in Cloud Run".to_owned());
    }
    if lower.contains("memory limit") {
        let limit = memory_limit(execution);
        return Some(format!(
            "out of memory: it reached the container's limit{limit}; the job's memory can be set"
        ));
    }
    if lower.contains("timeout") || lower.contains("deadline") {
        return Some(format!("{words}; the job's timeout can be set"));
    }
    let condition_says = condition.and_then(why);
    match (condition_says, code.and_then(|code| killed_of_code(code, KILLERS))) {
        (Some(what), _) => Some(with(what, words)),
        (None, Some(signal)) => Some(signal),
        // That it exited with a code is said by the code.
        (None, None) if code.is_some() => None,
        (None, None) => Some(words.to_owned()).filter(|words| !words.is_empty()),
    }
}

/// What a condition that does not hold means, where it says more than that something has failed.
pub(super) fn why(condition: &Condition) -> Option<&'static str> {
    let of_execution = match condition.execution_reason.as_str() {
        "JOB_STATUS_SERVICE_POLLING_ERROR" => Some("Cloud Run lost sight of the execution"),
        "CANCELLED" => Some("cancelled in Cloud Run"),
        "CANCELLING" => Some("it is being cancelled in Cloud Run"),
        "DELETED" => Some("the execution was deleted in Cloud Run"),
        "DELAYED_START_PENDING" => Some("it waits for capacity in Cloud Run"),
        "DELAYED_EXECUTION_EXCEEDING_DURATION_LIMIT" => {
            Some("it may not take that long where its start may be delayed")
        }
        // The exit code says it; or nothing; or it is from the future, and its message says it.
        _ => None,
    };
    let common = || match condition.reason.as_str() {
        "REVISION_FAILED" => Some("Cloud Run could not prepare it"),
        "PROGRESS_DEADLINE_EXCEEDED" => Some("Cloud Run could not start it in time"),
        "CONTAINER_MISSING" => Some("the image is not in its registry"),
        "CONTAINER_PERMISSION_DENIED" => Some("Cloud Run may not read the image"),
        "CONTAINER_IMAGE_UNAUTHORIZED" => Some("Binary Authorization denies the image"),
        "CONTAINER_IMAGE_AUTHORIZATION_CHECK_FAILED" => {
            Some("Binary Authorization could not judge the image")
        }
        "ENCRYPTION_KEY_PERMISSION_DENIED" => Some("Cloud Run may not use the encryption key"),
        "ENCRYPTION_KEY_CHECK_FAILED" => Some("the encryption key could not be checked"),
        "SECRETS_ACCESS_CHECK_FAILED" => Some(
            "a secret of env_from_secrets is not there, or the job's service account may not read it",
        ),
        "WAITING_FOR_OPERATION" => Some("Cloud Run waits for another operation"),
        "IMMEDIATE_RETRY" | "POSTPONED_RETRY" => Some("Cloud Run tries it again"),
        "INTERNAL" => Some("Cloud Run has failed"),
        "VPC_NETWORK_NOT_FOUND" => Some("the VPC network or its connector does not exist"),
        _ => None,
    };
    of_execution.or_else(common)
}

/// The state of a job without an execution, which is to start one.
pub(super) fn not_started(job: &Job) -> JobState {
    match &job.terminal_condition {
        Some(condition) if condition.state == "CONDITION_FAILED" => {
            let what = why(condition).unwrap_or("Cloud Run could not start it");
            let reason = Some(with(what, &condition.message));
            JobState::Exited { code: None, reason }
        }
        Some(_) | None => JobState::Pending,
    }
}

/// Whose run an execution of a shared job is.
pub(super) fn run_of(execution: &Execution) -> Option<&str> {
    let mut variables = execution.template.containers.iter().flat_map(|it| &it.env);
    variables.find(|it| it.name == RUN_VARIABLE)?.value.as_deref()
}

fn memory_limit(execution: &Execution) -> String {
    let mut limits = execution.template.containers.iter().map(|it| &it.resources.limits);
    let limit = limits.find_map(|limits| limits.get("memory"));
    let limit = limit.map(|limit| limit.replace("Mi", " MiB").replace("Gi", " GiB"));
    limit.map(|limit| format!(" of {limit}")).unwrap_or_default()
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
