use super::*;
use crate::google::status::Status;

const TIME: &str = "2026-11-27T12:00:00Z";
const SEE_LOGS: &str =
    "\nTo find out more about why your job exited please check the logs: https://x";

fn in_state(state: &str) -> CustomJob {
    CustomJob { state: state.to_owned(), ..CustomJob::default() }
}

fn over(state: &str, code: i64, message: &str) -> CustomJob {
    CustomJob {
        start_time: Some(TIME.to_owned()),
        end_time: Some(TIME.to_owned()),
        error: Some(Status { code, message: message.to_owned() }),
        ..in_state(state)
    }
}

#[test]
fn every_state_of_a_job_has_a_phase() {
    for (word, expected) in [
        ("JOB_STATE_UNSPECIFIED", Phase::Pending),
        ("JOB_STATE_QUEUED", Phase::Pending),
        ("JOB_STATE_PENDING", Phase::Pending),
        ("JOB_STATE_RUNNING", Phase::Running),
        ("JOB_STATE_SUCCEEDED", Phase::Over),
        ("JOB_STATE_FAILED", Phase::Over),
        ("JOB_STATE_CANCELLING", Phase::Running),
        ("JOB_STATE_CANCELLED", Phase::Over),
        ("JOB_STATE_PAUSED", Phase::Pending),
        ("JOB_STATE_EXPIRED", Phase::Over),
        ("JOB_STATE_UPDATING", Phase::Running),
        ("JOB_STATE_PARTIALLY_SUCCEEDED", Phase::Over),
        ("JOB_STATE_OF_THE_FUTURE", Phase::Pending),
    ] {
        assert_eq!(phase(&in_state(word)), expected, "{word}");
    }
}

#[test]
fn times_decide_where_no_word_does() {
    let began = CustomJob { start_time: Some(TIME.to_owned()), ..in_state("JOB_STATE_NEW") };
    assert_eq!(phase(&began), Phase::Running);
    let ended = over("JOB_STATE_NEW", 0, "It rained.");
    let reason = "Vertex AI says that it is over, and \"JOB_STATE_NEW\": It rained.".to_owned();
    assert_eq!(state(&ended, ""), JobState::Exited { code: None, reason: Some(reason) });
    assert_eq!(state(&CustomJob::default(), ""), JobState::Pending);
}

#[test]
fn exit_codes_are_read_out_of_messages() {
    for (message, expected) in [
        ("The replica workerpool0-0 exited with a non-zero status of 3.", Some(3)),
        (
            "The replica workerpool0-0 exited with a non-zero status of 128. Termination reason: StartError. ",
            Some(128),
        ),
        ("The replica workerpool0-0 exited with a non-zero status of 9(SIGKILL).", Some(137)),
        ("… ran out-of-memory and exited with a non-zero status of 137(SIGKILL).", Some(137)),
        ("a non-zero status of ", None),
        ("a non-zero status of 99999999999", None),
        ("Internal error occurred.", None),
        ("", None),
    ] {
        assert_eq!(exit_code(message), expected, "{message}");
    }
}

#[test]
fn how_a_job_ended() {
    let failed = "JOB_STATE_FAILED";
    let exited = |code: &str| {
        format!("The replica workerpool0-0 exited with a non-zero status of {code}.{SEE_LOGS}")
    };
    for (job, code, begins) in [
        (over(failed, 3, &exited("74")), Some(74), ""),
        (over(failed, 3, &exited("137")), Some(137), "killed by signal 9 (SIGKILL: by Vertex AI"),
        (over(failed, 3, &exited("143(SIGTERM)")), Some(143), "killed by signal 15 (SIGTERM)"),
        (
            over(
                failed,
                8,
                "The replica workerpool0-0 ran out-of-memory and exited with a non-zero status of 137(SIGKILL).",
            ),
            Some(137),
            "out of memory: ",
        ),
        (
            over(
                failed,
                3,
                "The replica workerpool0-0 exited with a non-zero status of 128. Termination reason: StartError. \n Termination log message: x",
            ),
            Some(128),
            "the container could not be started: The replica",
        ),
        (over(failed, 4, "The job timed out."), None, "it took longer than maximum_run_time_hours"),
        (
            over(
                failed,
                8,
                "The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_training_cpus",
            ),
            None,
            "the quota of the project is used up: The following",
        ),
        (
            over(failed, 8, "Resources are insufficient in region: us-central1."),
            None,
            "Google has no such machine free in the region: Resources",
        ),
        (over(failed, 14, "STOCKOUT"), None, "Google has no such machine free in the region"),
        (over(failed, 14, "The VM was preempted."), None, "Google took the machine back"),
        (
            over(failed, 5, "Failed to pull image: r.example/x: not found."),
            None,
            "the image cannot be pulled: Failed to pull image: r.example/x",
        ),
        (over(failed, 13, "Internal error occurred."), None, "Internal error occurred."),
        (over(failed, 13, ""), None, ""),
        (over("JOB_STATE_CANCELLED", 1, "CANCELED"), None, "cancelled in Vertex AI"),
        (over("JOB_STATE_EXPIRED", 0, ""), None, "Vertex AI let it expire"),
        (over("JOB_STATE_PARTIALLY_SUCCEEDED", 0, "x"), None, "Vertex AI says that only a part"),
    ] {
        let JobState::Exited { code: found, reason } = state(&job, "") else { panic!("{job:?}") };
        let reason = reason.unwrap_or_default();
        assert_eq!(found, code, "{job:?}");
        let is_right =
            if begins.is_empty() { reason.is_empty() } else { reason.starts_with(begins) };
        assert!(is_right, "{job:?}: {reason}");
    }
}

#[test]
fn the_last_output_explains_what_no_message_does() {
    let failed = over("JOB_STATE_FAILED", 3, "… a non-zero status of 3.");
    let expected = JobState::Exited { code: Some(3), reason: Some("no space".to_owned()) };
    assert_eq!(state(&failed, "no space"), expected);
    assert!(needs_last_words(&failed));
    let never_began = CustomJob { start_time: None, ..failed };
    assert!(!needs_last_words(&never_began));
    let done = CustomJob { error: None, ..over("JOB_STATE_SUCCEEDED", 0, "") };
    assert!(!needs_last_words(&done));
    assert_eq!(state(&done, "x"), JobState::Exited { code: Some(0), reason: None });
}
