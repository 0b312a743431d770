use super::*;
use crate::aci::api::DescribedContainerProperties;

const AT: &str = "2026-11-27T12:00:00Z";

fn at(seconds: u64) -> Timestamp {
    AT.parse::<Timestamp>().unwrap() + Duration::from_secs(seconds)
}

fn event(name: &str, kind: &str, message: &str) -> Event {
    Event {
        first_timestamp: AT.to_owned(),
        name: name.to_owned(),
        message: message.to_owned(),
        kind: kind.to_owned(),
    }
}

/// Words of the provisioning, of the group, and of the container.
fn group(provisioning: &str, state: &str, container: &str) -> Group {
    let mut group = Group::default();
    group.properties.provisioning_state = provisioning.to_owned();
    group.properties.instance_view.state = state.to_owned();
    let mut properties = DescribedContainerProperties::default();
    properties.instance_view.current_state.state = container.to_owned();
    properties.resources.requests.memory_in_gb = Some(1.5);
    let name = CONTAINER.to_owned();
    group.properties.containers = vec![DescribedContainer { name, properties }];
    group
}

fn ended(state: &str, code: Option<i32>, detail: &str) -> Group {
    let mut group = group("Succeeded", state, "Terminated");
    let current = &mut group.properties.containers[0].properties.instance_view.current_state;
    current.exit_code = code;
    current.detail_status = detail.to_owned();
    group
}

fn with_event(mut group: Group, event: Event) -> Group {
    group.properties.containers[0].properties.instance_view.events.push(event);
    group
}

fn reason(group: &Group) -> (Option<i32>, String) {
    match state(group, "", (at(0), at(1))) {
        JobState::Exited { code, reason } => (code, reason.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_state_of_a_container_has_a_phase() {
    for (word, expected) in [
        ("Waiting", Phase::Pending),
        ("Running", Phase::Running),
        ("Terminated", Phase::Over),
        ("StateOfTheFuture", Phase::Pending),
        ("", Phase::Pending),
    ] {
        assert_eq!(phase(&group("Creating", "Pending", word)), expected, "{word}");
    }
}

#[test]
fn every_state_of_a_group_has_a_phase() {
    for (word, expected) in [
        ("Pending", Phase::Pending),
        ("Running", Phase::Running),
        ("Stopped", Phase::Over),
        ("Succeeded", Phase::Over),
        ("Failed", Phase::Over),
        ("StateOfTheFuture", Phase::Pending),
        ("", Phase::Pending),
    ] {
        assert_eq!(phase(&group("Succeeded", word, "")), expected, "{word}");
    }
    // The container says more than the group.
    assert_eq!(phase(&group("Failed", "Pending", "Running")), Phase::Running);
    assert_eq!(phase(&group("Succeeded", "Running", "Terminated")), Phase::Over);
    assert_eq!(phase(&Group::default()), Phase::Pending);
}

#[test]
fn every_state_of_provisioning_has_a_phase() {
    for (word, expected) in [
        ("NotSpecified", Phase::Pending),
        ("Accepted", Phase::Pending),
        ("Pending", Phase::Pending),
        ("Updating", Phase::Pending),
        ("Creating", Phase::Pending),
        ("Repairing", Phase::Pending),
        ("Unhealthy", Phase::Pending),
        ("Failed", Phase::Over),
        ("Canceled", Phase::Over),
        ("Succeeded", Phase::Pending),
        ("Deleting", Phase::Pending),
        ("NotAccessible", Phase::Pending),
        ("PreProvisioned", Phase::Pending),
        ("StateOfTheFuture", Phase::Pending),
    ] {
        assert_eq!(of_provisioning(word), expected, "{word}");
    }
}

#[test]
fn every_event_is_said_in_words() {
    let pull = "Failed to pull image \"x\": manifest unknown";
    for (name, message, expected) in [
        ("Pulling", "pulling image \"x\"", None),
        ("Pulled", "Successfully pulled image \"x\"", None),
        ("Created", "Created container", None),
        ("Started", "Started container", None),
        ("Killing", "Killing container with id x.", None),
        ("Failed", pull, Some("Azure cannot read the image")),
        ("Failed", "Error: failed to start container", None),
        ("BackOff", "Back-off pulling image \"x\"", Some("Azure cannot read the image")),
        ("BackOff", "Back-off restarting failed container", None),
        ("InaccessibleImage", "", Some("Azure cannot read the image")),
        ("RegistryErrorResponse", "", Some("the image's registry has refused to answer")),
        ("ContainerGroupQuotaReached", "", Some("the quota of the region is used up")),
        ("ServiceUnavailable", "", Some("Azure has no room for it in this location")),
        ("InsufficientCapacity", "", Some("Azure has no room for it in this location")),
        ("Evicted", "", Some("Azure has taken its machine away")),
        ("EventOfTheFuture", "It rained.", None),
    ] {
        assert_eq!(why(&event(name, "Warning", message)), expected, "{name} {message}");
    }
}

#[test]
fn how_a_group_ended() {
    for (group, code, expected) in [
        (ended("Failed", Some(74), "Error"), Some(74), ""),
        (ended("Succeeded", Some(0), "Completed"), Some(0), ""),
        (
            ended("Failed", Some(137), "Error"),
            Some(137),
            "killed by signal 9 (SIGKILL: by Azure, or for its memory)",
        ),
        (
            ended("Failed", Some(137), "OOMKilled"),
            Some(137),
            "out of memory: it reached the container's limit of 1.5 GB; the job's memory can be set",
        ),
        (ended("Stopped", Some(143), "Error"), Some(143), "stopped in Azure"),
        (group("Succeeded", "Stopped", "Waiting"), None, "stopped in Azure"),
        (group("Succeeded", "Succeeded", "Waiting"), Some(0), ""),
        (ended("Failed", None, "DetailOfTheFuture"), None, "DetailOfTheFuture"),
        (group("Failed", "", "Waiting"), None, "Azure could not start it, and does not say why"),
        (
            with_event(
                with_event(
                    group("Failed", "Pending", "Waiting"),
                    event("Failed", "Warning", "Failed to pull image \"x\": denied"),
                ),
                event("Failed", "Warning", "Error: ErrStart"),
            ),
            None,
            "Azure cannot read the image: Failed to pull image \"x\": denied",
        ),
        (
            with_event(group("Failed", "", ""), event("Odd", "Warning", "It rained.")),
            None,
            "Odd: It rained.",
        ),
    ] {
        assert_eq!(reason(&group), (code, expected.to_owned()));
    }
    let said = state(&ended("Failed", Some(3), "Error"), "no space", (at(0), at(1)));
    let expected = JobState::Exited { code: Some(3), reason: Some("no space".to_owned()) };
    assert_eq!(said, expected);
    assert!(needs_last_words(&ended("Failed", Some(3), "Error")));
    for group in [ended("Succeeded", Some(0), ""), group("Failed", "", ""), Group::default()] {
        assert!(!needs_last_words(&group));
    }
}

#[test]
fn a_group_that_does_not_start_in_time_is_given_up() {
    let mut waiting = group("Creating", "Pending", "Waiting");
    let after = |group: &Group, seconds| state(group, "", (at(0), at(seconds)));
    assert_eq!(after(&waiting, 239), JobState::Pending);
    waiting.tags.insert(START_TIMEOUT.to_owned(), "30".to_owned());
    assert_eq!(after(&waiting, 29), JobState::Pending);
    let text = "it has not started within 30 s (task_start_timeout_seconds)";
    let exited = |reason: String| JobState::Exited { code: None, reason: Some(reason) };
    assert_eq!(after(&waiting, 30), exited(text.to_owned()));
    let pull = event("Failed", "Warning", "Failed to pull image \"x\": not found");
    let waiting = with_event(waiting, pull);
    let why = "Azure cannot read the image: Failed to pull image \"x\": not found";
    assert_eq!(after(&waiting, 30), exited(format!("{text}: {why}")));
    // Whoever sees it for the first time goes by its events.
    assert_eq!(state(&waiting, "", (at(29), at(29))), JobState::Pending);
    assert_eq!(state(&waiting, "", (at(31), at(31))), exited(format!("{text}: {why}")));
    // One that runs has no such limit, and clocks may differ.
    assert_eq!(after(&group("Succeeded", "Running", "Running"), 9_999), JobState::Running);
    assert_eq!(state(&waiting, "", (at(0), AT.parse().unwrap())), JobState::Pending);
}
