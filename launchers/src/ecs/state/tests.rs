use aws_sdk_ecs::types::{ContainerOverride, Tag, TaskOverride, TaskStopCode};

use super::*;

const NAME: &str = "runtime";

/// A task of whose container is known what `container` says.
fn task(status: &str, container: Container) -> Task {
    let own = ContainerOverride::builder().name(NAME).build();
    Task::builder()
        .last_status(status)
        .overrides(TaskOverride::builder().container_overrides(own).build())
        .containers(container)
        .build()
}

fn container() -> Container {
    Container::builder().name(NAME).build()
}

fn ended(code: Option<i32>, reason: Option<&str>) -> Container {
    let reason = reason.map(str::to_owned);
    Container::builder().name(NAME).set_exit_code(code).set_reason(reason).build()
}

fn now() -> Timestamp {
    "2026-03-18T12:00:00Z".parse().unwrap()
}

fn state(task: &Task) -> JobState {
    match judge(task, "", now()) {
        Judgement::State(state) => state,
        Judgement::GiveUp(why) => panic!("given up: {why}"),
    }
}

fn unknown(because: &str) -> JobState {
    JobState::Unknown { because: because.to_owned() }
}

#[test]
fn every_status_of_ecs_has_a_state() {
    for (status, expected) in [
        ("PROVISIONING", JobState::Pending),
        ("PENDING", JobState::Pending),
        ("ACTIVATING", JobState::Pending),
        ("RUNNING", JobState::Running),
        ("DEACTIVATING", JobState::Running),
        ("STOPPING", JobState::Running),
        ("DEPROVISIONING", JobState::Running),
        ("STOPPED", JobState::Exited { code: None, reason: None }),
        ("DELETED", JobState::Gone),
        ("", unknown("ECS does not say in which state it is")),
        ("HIBERNATING", unknown("ECS says HIBERNATING, which is not known here")),
    ] {
        assert_eq!(state(&task(status, container())), expected, "{status}");
    }
}

#[test]
fn a_container_that_is_over_need_not_wait_for_its_task() {
    for status in ["RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING"] {
        let over = task(status, ended(Some(3), None));
        assert_eq!(state(&over), JobState::Exited { code: Some(3), reason: None });
        assert!(is_over(&over));
    }
    assert!(!is_over(&task("DEPROVISIONING", container())));
}

#[test]
fn a_machine_that_is_silent_says_nothing_about_the_task() {
    let silent =
        Task::builder().last_status("RUNNING").connectivity(Connectivity::Disconnected).build();
    assert_eq!(state(&silent), unknown("its machine has lost its connection to ECS"));
}

/// Why a task with this stop code, and these words of ECS and the container, ended.
fn reason(code: Option<TaskStopCode>, words: &str, container: Container) -> String {
    let mut task = task("STOPPED", container);
    task.stop_code = code;
    task.stopped_reason = Some(words.to_owned());
    task.memory = Some("2048".to_owned());
    match state(&task) {
        JobState::Exited { reason, .. } => reason.unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_stop_code_is_told_in_words() {
    use TaskStopCode as Code;
    let said = "Essential container in task exited";
    for (code, words, expected) in [
        (
            Code::TaskFailedToStart,
            "Task failed to start",
            "the task did not start: Task failed to start",
        ),
        (Code::UserInitiated, "cancelled", "it was stopped: cancelled"),
        (Code::ServiceSchedulerInitiated, "", "the scheduler of a service stopped it"),
        (
            Code::SpotInterruption,
            "Your Spot Task was interrupted.",
            "Amazon took its spot capacity back: Your Spot Task was interrupted.",
        ),
        (Code::TerminationNotice, "", "its machine was to be terminated"),
        (Code::InfrastructureHealth, "", "its machine was not healthy"),
        (
            Code::EssentialContainerExited,
            said,
            "another container of the task ended: Essential container in task exited",
        ),
        (Code::from("Sabbatical"), "x", "it was stopped (Sabbatical): x"),
    ] {
        assert_eq!(reason(Some(code), words, container()), expected);
    }
    // All that the model has are above, or the next would be of another number.
    assert_eq!(Code::values().len(), 7);
}

#[test]
fn how_a_container_ended_is_told() {
    let of = |code| {
        reason(
            Some(TaskStopCode::EssentialContainerExited),
            "Essential container in task exited",
            ended(Some(code), None),
        )
    };
    assert_eq!((of(0), of(74), of(255)), (String::new(), String::new(), String::new()));
    assert!(
        of(137).contains("SIGKILL") && of(143).contains("SIGTERM") && of(134).contains("SIGABRT")
    );
    assert_eq!(of(139), "killed by signal 11");
}

#[test]
fn what_agents_say_is_told_in_words() {
    for (words, expected) in [
        (
            "OutOfMemoryError: Container killed due to memory usage",
            "out of memory: it reached the task's limit of 2048 MiB; the job's memory can be set",
        ),
        (
            "CannotPullContainerError: pull access denied for x",
            "the image cannot be pulled: pull access denied for x",
        ),
        ("CannotPullImageManifestError: x", "the image cannot be pulled: x"),
        ("CannotPullECRContainerError: x", "the image cannot be pulled: x"),
        (
            "CannotStartContainerError: exec: not found",
            "the container cannot be started: exec: not found",
        ),
        ("CannotCreateContainerError: x", "the container cannot be created: x"),
        ("CannotCreateVolumeError: x", "the container's volume cannot be made: x"),
        (
            "CannotInspectContainerError: x",
            "the engine of its machine lost track of the container: x",
        ),
        (
            "CannotStopContainerError: x",
            "the engine of its machine could not stop the container: x",
        ),
        ("ContainerRuntimeTimeoutError: x", "the engine of its machine does not answer: x"),
        ("ContainerRuntimeError: x", "the engine of its machine failed: x"),
        ("DockerTimeoutError: x", "the engine of its machine does not answer: x"),
        ("DockerStateError: x", "the engine of its machine failed: x"),
        (
            "ResourceInitializationError: unable to pull secrets",
            "what the task needs could not be prepared: unable to pull secrets",
        ),
        ("InternalError: x", "ECS failed: x"),
        (
            "Capacity is unavailable at this time.",
            "there was no capacity for it: Capacity is unavailable at this time.",
        ),
    ] {
        // Some are said of the container, some of the task.
        let of_container =
            reason(Some(TaskStopCode::TaskFailedToStart), "Task failed", ended(None, Some(words)));
        assert_eq!(of_container, expected);
        assert_eq!(reason(Some(TaskStopCode::TaskFailedToStart), words, container()), expected);
    }
}

#[test]
fn the_last_output_is_told_as_well() {
    let failed = task("STOPPED", ended(Some(74), None));
    let expected = JobState::Exited { code: Some(74), reason: Some("no space left".to_owned()) };
    assert_eq!(judge(&failed, "no space left", now()), Judgement::State(expected));
}

#[test]
fn a_task_that_does_not_start_is_given_up() {
    let waiting = |created: &str, limit: Option<&str>| {
        let created: Timestamp = created.parse().unwrap();
        let tag = limit.map(|limit| Tag::builder().key(START_TAG).value(limit).build());
        let mut task = task("PENDING", container());
        task.created_at = Some(DateTime::from_millis(created.as_millisecond()));
        task.tags = tag.map(|tag| vec![tag]);
        task
    };
    let pending = Judgement::State(JobState::Pending);
    let given_up = |seconds| {
        Judgement::GiveUp(format!("the task did not start within {seconds} s: it is PENDING"))
    };
    for (created, limit, expected) in [
        ("2026-03-18T11:59:00Z", None, pending),
        ("2026-03-18T11:50:00Z", None, given_up(600)),
        ("2026-03-18T11:59:00Z", Some("30"), given_up(30)),
        // Another clock.
        ("2026-03-18T12:59:00Z", Some("30"), Judgement::State(JobState::Pending)),
    ] {
        assert_eq!(judge(&waiting(created, limit), "", now()), expected);
    }
    let mut stopped = waiting("2026-03-18T11:00:00Z", None);
    stopped.desired_status = Some("STOPPED".to_owned());
    assert_eq!(state(&stopped), JobState::Pending);
}

#[test]
fn of_several_tasks_the_one_that_runs_counts() {
    let at = |arn: &str, status: &str, seconds: i64| {
        let mut task = task(status, container());
        task.task_arn = Some(arn.to_owned());
        task.created_at = Some(DateTime::from_secs(seconds));
        task
    };
    let arn = |tasks: Vec<Task>| newest(tasks).and_then(|task| task.task_arn);
    assert_eq!(arn(vec![at("a", "RUNNING", 1), at("b", "STOPPED", 2)]).as_deref(), Some("a"));
    assert_eq!(arn(vec![at("a", "STOPPED", 1), at("b", "STOPPED", 2)]).as_deref(), Some("b"));
    assert_eq!(arn(vec![]), None);
}
