use super::*;
use crate::google::status::Status;

fn condition(state: &str, execution_reason: &str, message: &str) -> Condition {
    Condition {
        kind: "Completed".to_owned(),
        state: state.to_owned(),
        message: message.to_owned(),
        execution_reason: execution_reason.to_owned(),
        ..Condition::default()
    }
}

fn in_state(state: &str) -> Execution {
    Execution { conditions: vec![condition(state, "", "")], ..Execution::default() }
}

fn failed(execution_reason: &str, message: &str) -> Execution {
    Execution {
        completion_time: Some("2026-11-27T12:00:00Z".to_owned()),
        failed_count: 1,
        conditions: vec![condition("CONDITION_FAILED", execution_reason, message)],
        ..Execution::default()
    }
}

fn attempt(exit_code: Option<i32>, term_signal: Option<i32>, message: &str) -> AttemptResult {
    let status = Status { code: 10, message: message.to_owned() };
    AttemptResult { exit_code, term_signal, status: Some(status) }
}

fn reason(execution: &Execution, attempt: Option<&AttemptResult>) -> (Option<i32>, String) {
    match state(execution, attempt, "") {
        JobState::Exited { code, reason } => (code, reason.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_state_of_a_condition_has_a_phase() {
    for (word, expected) in [
        ("STATE_UNSPECIFIED", Phase::Pending),
        ("CONDITION_PENDING", Phase::Pending),
        ("CONDITION_RECONCILING", Phase::Pending),
        ("CONDITION_FAILED", Phase::Over),
        ("CONDITION_SUCCEEDED", Phase::Over),
        ("CONDITION_OF_THE_FUTURE", Phase::Pending),
    ] {
        assert_eq!(phase(&in_state(word)), expected, "{word}");
    }
}

#[test]
fn what_is_counted_decides_where_no_word_does() {
    let running = Execution { running_count: 1, ..in_state("CONDITION_OF_THE_FUTURE") };
    assert_eq!(phase(&running), Phase::Running);
    let between = Execution { retried_count: 1, ..in_state("CONDITION_RECONCILING") };
    assert_eq!(phase(&between), Phase::Running);
    let time = Some("2026-11-27T12:00:00Z".to_owned());
    let over = Execution { completion_time: time, succeeded_count: 1, ..in_state("X") };
    assert_eq!(state(&over, None, ""), JobState::Exited { code: Some(0), reason: None });
    assert_eq!(phase(&Execution::default()), Phase::Pending);
}

#[test]
fn every_reason_of_an_execution_is_said_in_words() {
    for (word, expected) in [
        ("EXECUTION_REASON_UNDEFINED", None),
        ("JOB_STATUS_SERVICE_POLLING_ERROR", Some("Cloud Run lost sight of the execution")),
        ("NON_ZERO_EXIT_CODE", None),
        ("CANCELLED", Some("cancelled in Cloud Run")),
        ("CANCELLING", Some("it is being cancelled in Cloud Run")),
        ("DELETED", Some("the execution was deleted in Cloud Run")),
        ("DELAYED_START_PENDING", Some("it waits for capacity in Cloud Run")),
        (
            "DELAYED_EXECUTION_EXCEEDING_DURATION_LIMIT",
            Some("it may not take that long where its start may be delayed"),
        ),
        ("REASON_OF_THE_FUTURE", None),
    ] {
        assert_eq!(why(&condition("CONDITION_FAILED", word, "")), expected, "{word}");
    }
}

#[test]
fn every_common_reason_is_said_in_words() {
    for (word, begins) in [
        ("COMMON_REASON_UNDEFINED", None),
        ("UNKNOWN", None),
        ("REVISION_FAILED", Some("Cloud Run could not prepare")),
        ("PROGRESS_DEADLINE_EXCEEDED", Some("Cloud Run could not start it in time")),
        ("CONTAINER_MISSING", Some("the image is not in its registry")),
        ("CONTAINER_PERMISSION_DENIED", Some("Cloud Run may not read the image")),
        ("CONTAINER_IMAGE_UNAUTHORIZED", Some("Binary Authorization denies")),
        ("CONTAINER_IMAGE_AUTHORIZATION_CHECK_FAILED", Some("Binary Authorization could not")),
        ("ENCRYPTION_KEY_PERMISSION_DENIED", Some("Cloud Run may not use the encryption key")),
        ("ENCRYPTION_KEY_CHECK_FAILED", Some("the encryption key could not")),
        ("SECRETS_ACCESS_CHECK_FAILED", Some("a secret of env_from_secrets")),
        ("WAITING_FOR_OPERATION", Some("Cloud Run waits")),
        ("IMMEDIATE_RETRY", Some("Cloud Run tries it again")),
        ("POSTPONED_RETRY", Some("Cloud Run tries it again")),
        ("INTERNAL", Some("Cloud Run has failed")),
        ("VPC_NETWORK_NOT_FOUND", Some("the VPC network")),
        ("REASON_OF_THE_FUTURE", None),
    ] {
        let condition = Condition { reason: word.to_owned(), ..Condition::default() };
        match (why(&condition), begins) {
            (Some(found), Some(begins)) => assert!(found.starts_with(begins), "{word}: {found}"),
            (found, begins) => assert_eq!(found, begins, "{word}"),
        }
    }
}

#[test]
fn how_an_execution_ended() {
    let nonzero = "NON_ZERO_EXIT_CODE";
    let exited = "The container exited with an error.";
    for (execution, attempt, code, expected) in [
        (failed(nonzero, "Task x failed"), attempt(Some(74), None, exited), Some(74), ""),
        (
            failed(nonzero, ""),
            attempt(None, Some(9), exited),
            Some(137),
            "killed by signal 9 (SIGKILL: by Cloud Run, or for its memory)",
        ),
        (
            failed(nonzero, ""),
            attempt(Some(143), None, exited),
            Some(143),
            "killed by signal 15 (SIGTERM)",
        ),
        (
            failed(nonzero, ""),
            attempt(None, Some(9), "The configured memory limit was reached."),
            Some(137),
            "out of memory: it reached the container's limit; the job's memory can be set",
        ),
        (
            failed(nonzero, ""),
            attempt(None, None, "The configured timeout was reached."),
            None,
            "The configured timeout was reached.; the job's timeout can be set",
        ),
        (
            failed("DELETED", "Gone."),
            attempt(None, None, ""),
            None,
            "the execution was deleted in Cloud Run: Gone.",
        ),
        (failed("OF_THE_FUTURE", "It rained."), attempt(None, None, ""), None, "It rained."),
    ] {
        assert_eq!(reason(&execution, Some(&attempt)), (code, expected.to_owned()));
    }
    let cancelled = Execution { cancelled_count: 1, ..failed("CANCELLED", "x") };
    assert_eq!(reason(&cancelled, None), (None, "cancelled in Cloud Run".to_owned()));
    let said = state(&failed(nonzero, ""), Some(&attempt(Some(3), None, exited)), "no space");
    let expected = JobState::Exited { code: Some(3), reason: Some("no space".to_owned()) };
    assert_eq!(said, expected);
}

#[test]
fn a_job_that_cannot_start_says_why() {
    let condition = Condition {
        state: "CONDITION_FAILED".to_owned(),
        reason: "CONTAINER_MISSING".to_owned(),
        message: "Image 'x' not found.".to_owned(),
        ..Condition::default()
    };
    let job = Job { terminal_condition: Some(condition), ..Job::default() };
    let reason = Some("the image is not in its registry: Image 'x' not found.".to_owned());
    assert_eq!(not_started(&job), JobState::Exited { code: None, reason });
    assert_eq!(not_started(&Job::default()), JobState::Pending);
}
