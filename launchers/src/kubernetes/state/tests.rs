//! What Kubernetes may say, and what follows.

use super::*;
use serde_json::{Value, json};

const NOW: &str = "2026-11-24T10:10:00Z";
/// Two seconds, two minutes and eleven minutes before.
const JUST_NOW: &str = "2026-11-24T10:09:58Z";
const TWO_MINUTES: &str = "2026-11-24T10:08:00Z";
const LONG_AGO: &str = "2026-11-24T09:59:00Z";

fn merged(mut value: Value, with: &Value) -> Value {
    json_patch::merge(&mut value, with);
    value
}

fn job(with: &Value) -> Job {
    let plain = json!({
        "metadata": { "name": "j", "creationTimestamp": LONG_AGO },
        "spec": { "backoffLimit": 0, "activeDeadlineSeconds": 90, "template": {} },
        "status": { "startTime": LONG_AGO },
    });
    serde_json::from_value(merged(plain, with)).unwrap()
}

fn pod_of(created: &str, status: &Value) -> Pod {
    let plain = json!({
        "metadata": { "name": format!("j-{created}"), "creationTimestamp": created },
        "spec": { "nodeName": "n1", "containers": [{ "name": "runtime", "image": "i:1",
            "resources": { "limits": { "memory": "64Mi" } } }] },
        "status": { "phase": "Pending" },
    });
    serde_json::from_value(merged(plain, &json!({ "status": status }))).unwrap()
}

fn container(state: &Value) -> Value {
    // Others may stand beside it, and are none of our business.
    let other = json!({ "running": {} });
    let status = |name: &str, state: &Value| json!({ "name": name, "state": state, "image": "", "imageID": "", "ready": true, "restartCount": 0 });
    json!({ "containerStatuses": [status("proxy", &other), status("runtime", state)] })
}

fn ended(phase: &str, terminated: &Value) -> Value {
    merged(container(&json!({ "terminated": terminated })), &json!({ "phase": phase }))
}

fn waits(reason: &str, message: &str) -> Value {
    container(&json!({ "waiting": { "reason": reason, "message": message } }))
}

fn event(reason: &str, message: &str, time: &str) -> Event {
    serde_json::from_value(json!({
        "metadata": {}, "involvedObject": {}, "type": "Warning",
        "reason": reason, "message": message, "lastTimestamp": time,
    }))
    .unwrap()
}

fn judged(job: Option<Job>, pods: Vec<Pod>, events: Option<&[Event]>) -> Judgement {
    Seen { job, pods }.judge(events, NOW.parse().unwrap())
}

/// The state of a Job that goes on, with this pod.
fn with_pod(created: &str, status: &Value) -> Judgement {
    judged(Some(job(&json!({}))), vec![pod_of(created, status)], None)
}

fn exited(code: Option<i32>, reason: &str) -> Judgement {
    let reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
    Judgement::State(JobState::Exited { code, reason })
}

const PENDING: Judgement = Judgement::State(JobState::Pending);
const RUNNING: Judgement = Judgement::State(JobState::Running);
const GONE: Judgement = Judgement::State(JobState::Gone);

#[test]
fn a_pod_that_lives() {
    let running = merged(container(&json!({ "running": {} })), &json!({ "phase": "Running" }));
    for (status, expected) in [
        (json!({}), PENDING),
        (waits("ContainerCreating", ""), PENDING),
        (waits("PodInitializing", ""), PENDING),
        (running.clone(), RUNNING),
        (json!({ "phase": "Running" }), RUNNING),
    ] {
        assert_eq!(with_pod(TWO_MINUTES, &status), expected, "{status}");
    }
    let leaving = json!({ "metadata": { "deletionTimestamp": JUST_NOW } });
    let pod = || vec![pod_of(TWO_MINUTES, &running)];
    assert_eq!(judged(None, pod(), None), RUNNING, "a Job that is gone leaves its pod a moment");
    assert_eq!(judged(Some(job(&leaving)), pod(), None), RUNNING);
    let pending = vec![pod_of(TWO_MINUTES, &json!({}))];
    assert_eq!(judged(Some(job(&leaving)), pending, None), PENDING);
    let over = vec![pod_of(TWO_MINUTES, &json!({ "phase": "Failed" }))];
    assert_eq!(judged(Some(job(&leaving)), over.clone(), None), GONE);
    assert_eq!(judged(None, over, None), GONE);
}

#[test]
fn how_a_container_ended() {
    for (status, code, reason) in [
        (ended("Succeeded", &json!({ "exitCode": 0, "reason": "Completed" })), Some(0), ""),
        (ended("Running", &json!({ "exitCode": 0, "reason": "Completed" })), Some(0), ""),
        (
            ended("Failed", &json!({ "exitCode": 74, "reason": "Error", "message": "no space\n" })),
            Some(74),
            "no space",
        ),
        (
            ended("Failed", &json!({ "exitCode": 137, "reason": "OOMKilled" })),
            Some(137),
            "out of memory: it reached the container's limit of 64 MiB; the job's memory_limit can be set",
        ),
        (
            ended("Failed", &json!({ "exitCode": 137, "reason": "Error" })),
            Some(137),
            "killed by signal 9 (SIGKILL: by hand, or with its node)",
        ),
        (
            ended("Failed", &json!({ "exitCode": 143, "reason": "Error", "message": "bye" })),
            Some(143),
            "killed by signal 15 (SIGTERM); its last output: bye",
        ),
        (
            ended(
                "Failed",
                &json!({ "exitCode": 127, "reason": "ContainerCannotRun", "message": "exec: no such file" }),
            ),
            Some(127),
            "the container cannot be started: exec: no such file",
        ),
        (
            ended(
                "Failed",
                &json!({ "exitCode": 137, "reason": "ContainerStatusUnknown", "message": "gone" }),
            ),
            None,
            "its node lost track of it: gone",
        ),
    ] {
        assert_eq!(with_pod(TWO_MINUTES, &status), exited(code, reason), "{status}");
    }
}

#[test]
fn what_was_done_to_a_pod() {
    let disrupted = |reason: &str| {
        json!({ "phase": "Failed", "conditions": [
            { "type": "DisruptionTarget", "status": "True", "reason": reason, "message": "words" }] })
    };
    let failed = |reason: &str| json!({ "phase": "Failed", "reason": reason, "message": "words" });
    for (status, reason) in [
        (failed("Evicted"), "evicted by its node: words"),
        (failed("Preempting"), "preempted by a pod of higher priority: words"),
        (failed("NodeLost"), "its node n1 does not answer"),
        (failed("Terminated"), "its node shut down: words"),
        (failed("DeadlineExceeded"), "the pod's deadline has passed: words"),
        (failed("OutOfmemory"), "its node refused it (OutOfmemory): words"),
        (disrupted("PreemptionByScheduler"), "preempted by a pod of higher priority: words"),
        (disrupted("DeletionByTaintManager"), "evicted, as its node was tainted: words"),
        (disrupted("EvictionByEvictionAPI"), "evicted, as its node was drained: words"),
        (disrupted("DeletionByPodGC"), "its node is gone: words"),
        (disrupted("TerminationByKubelet"), "ended by its node: words"),
    ] {
        assert_eq!(with_pod(TWO_MINUTES, &status), exited(None, reason), "{status}");
    }
}

#[test]
fn a_node_that_does_not_answer() {
    let lost = exited(None, "its node n1 does not answer");
    let running = json!({ "phase": "Running", "reason": "NodeLost" });
    assert_eq!(with_pod(LONG_AGO, &running), lost);
    let mut pod = pod_of(LONG_AGO, &json!({ "phase": "Running" }));
    let mut leaving_since = |time: &str| {
        let time = time.parse::<Timestamp>().unwrap();
        pod.metadata.deletion_timestamp = Some(time.into());
        judged(Some(job(&json!({}))), vec![pod.clone()], None)
    };
    assert_eq!(leaving_since(JUST_NOW), RUNNING);
    assert_eq!(leaving_since(TWO_MINUTES), lost);
    let unknown = with_pod(LONG_AGO, &json!({ "phase": "Unknown" }));
    let because = "its node n1 does not answer".to_owned();
    assert_eq!(unknown, Judgement::State(JobState::Unknown { because }));
}

#[test]
fn a_container_that_will_not_start_is_given_up_with_the_reason() {
    for (reason, begin, is_at_once) in [
        ("InvalidImageName", "\"i:1\" is not the name of an image: words (InvalidImageName)", true),
        (
            "ErrImageNeverPull",
            "its node does not have the image i:1, and is not to pull it: words",
            true,
        ),
        ("ErrImagePull", "the image i:1 cannot be pulled: words (ErrImagePull)", false),
        ("ImagePullBackOff", "the image i:1 cannot be pulled: words (ImagePullBackOff)", false),
        (
            "CreateContainerConfigError",
            "the container cannot be created: words (CreateContainerConfigError)",
            false,
        ),
        (
            "CreateContainerError",
            "the container cannot be created: words (CreateContainerError)",
            false,
        ),
    ] {
        let given_up = |judged| matches!(judged, Judgement::GiveUp(why) if why.starts_with(begin));
        assert!(given_up(with_pod(TWO_MINUTES, &waits(reason, "words"))), "{reason}");
        let young = with_pod(JUST_NOW, &waits(reason, "words"));
        assert_eq!(given_up(young), is_at_once, "{reason}");
    }
}

#[test]
fn a_pod_that_no_node_takes_is_given_up_in_time_with_the_schedulers_words() {
    let status = json!({ "conditions": [{ "type": "PodScheduled", "status": "False",
        "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient memory." }] });
    let why = "no node takes its pod: 0/1 nodes are available: 1 Insufficient memory.";
    assert_eq!(with_pod(TWO_MINUTES, &status), PENDING);
    assert_eq!(with_pod(LONG_AGO, &status), Judgement::GiveUp(why.to_owned()));
    let sooner = job(&json!({ "metadata": { "annotations": { START_ANNOTATION: "60" } } }));
    let given_up = judged(Some(sooner), vec![pod_of(TWO_MINUTES, &status)], None);
    assert_eq!(given_up, Judgement::GiveUp(why.to_owned()));
}

#[test]
fn a_pod_that_does_not_start_is_given_up_with_the_last_complaint() {
    let status = waits("ContainerCreating", "");
    assert_eq!(with_pod(LONG_AGO, &status), Judgement::AskEvents(JobState::Pending));
    let events = [
        event("FailedMount", "no secret", JUST_NOW),
        event("FailedScheduling", "no node", LONG_AGO),
    ];
    let given_up = judged(Some(job(&json!({}))), vec![pod_of(LONG_AGO, &status)], Some(&events));
    let why = "its container did not start within 600 s: no secret (FailedMount)";
    assert_eq!(given_up, Judgement::GiveUp(why.to_owned()));
}

#[test]
fn an_image_that_only_events_tell_of_is_named() {
    let given_up = |events: &[Event]| {
        let pod = pod_of(LONG_AGO, &waits("ContainerCreating", ""));
        judged(Some(job(&json!({}))), vec![pod], Some(events))
    };
    let pulls = event("Failed", "Failed to pull image \"i:1\": no such host", LONG_AGO);
    let error = event("Failed", "Error: ErrImagePull", JUST_NOW);
    for (events, words) in [
        (vec![pulls, error.clone()], "Failed to pull image \"i:1\": no such host"),
        (vec![error], "Error: ErrImagePull"),
    ] {
        let why = format!("the image i:1 cannot be pulled: {words} (ErrImagePull)");
        assert_eq!(given_up(&events), Judgement::GiveUp(why));
    }
}

fn without_pod_since(time: &str, events: Option<&[Event]>) -> Judgement {
    let job = job(&json!({ "status": { "startTime": time } }));
    judged(Some(job), vec![], events)
}

#[test]
fn why_the_cluster_makes_no_pod() {
    let ask = without_pod_since;
    assert_eq!(ask(JUST_NOW, None), PENDING);
    assert_eq!(ask(TWO_MINUTES, None), Judgement::AskEvents(JobState::Pending));
    assert_eq!(ask(TWO_MINUTES, Some(&[])), PENDING);
    let why = "the cluster has made no pod of the Job within 600 s";
    assert_eq!(ask(LONG_AGO, Some(&[])), Judgement::GiveUp(why.to_owned()));
    for (words, what, waits) in [
        (
            "pods \"j-x\" is forbidden: exceeded quota: q, requested: pods=1",
            "the quota of its namespace is exceeded",
            true,
        ),
        (
            "admission webhook \"w\" denied the request: no",
            "an admission webhook denied its pod",
            false,
        ),
        (
            "pods \"j-x\" is forbidden: violates PodSecurity \"restricted\"",
            "the cluster forbids its pod",
            false,
        ),
        ("Internal error occurred: x", "its pod cannot be created", false),
    ] {
        let events = [event("FailedCreate", &format!("Error creating: {words}"), JUST_NOW)];
        let given_up = Judgement::GiveUp(format!("{what}: {words}"));
        let soon = ask(TWO_MINUTES, Some(&events));
        assert_eq!(soon, if waits { PENDING } else { given_up.clone() }, "{words}");
        assert_eq!(ask(LONG_AGO, Some(&events)), given_up, "{words}");
    }
    let suspended = job(&json!({ "spec": { "suspend": true } }));
    assert_eq!(judged(Some(suspended), vec![], None), PENDING);
}

fn failed(reason: &str) -> Job {
    job(&json!({ "status": { "conditions": [
        { "type": "Failed", "status": "True", "reason": reason, "message": "words" }] } }))
}

#[test]
fn a_job_that_failed() {
    let deadline =
        "the Job's deadline of 90 s has passed: all attempts, their pauses and the start together";
    assert_eq!(judged(Some(failed("DeadlineExceeded")), vec![], None), exited(None, deadline));
    let pod = || vec![pod_of(TWO_MINUTES, &ended("Failed", &json!({ "exitCode": 3 })))];
    let backoff = || Some(failed("BackoffLimitExceeded"));
    assert_eq!(judged(backoff(), pod(), None), exited(Some(3), ""));
    let ask = Judgement::AskEvents(JobState::Exited { code: None, reason: None });
    assert_eq!(judged(backoff(), vec![], None), ask);
    assert_eq!(judged(backoff(), vec![], Some(&[])), exited(None, "its pod is gone: words"));
    for (reason, what) in [
        ("Preempted", "preempted by a pod of higher priority: w"),
        ("TaintManagerEviction", "evicted, as its node was tainted: w"),
        ("NodeNotReady", "its node does not answer: w"),
        ("Evicted", "evicted by its node: w"),
    ] {
        let events = [event(reason, "w", TWO_MINUTES), event("Killing", "x", JUST_NOW)];
        assert_eq!(judged(backoff(), vec![], Some(&events)), exited(None, what));
    }
}

#[test]
fn a_job_that_was_given_up_stays_so() {
    let given_up = job(&json!({ "metadata": { "annotations": { GIVEN_UP_ANNOTATION: "why" } } }));
    let pending = pod_of(TWO_MINUTES, &json!({}));
    assert_eq!(judged(Some(given_up.clone()), vec![], None), exited(None, "why"));
    assert_eq!(judged(Some(given_up), vec![pending], None), exited(None, "why"));
}

#[test]
fn a_job_that_is_complete_has_its_pods_code() {
    let complete =
        job(&json!({ "status": { "conditions": [{ "type": "Complete", "status": "True" }] } }));
    assert_eq!(judged(Some(complete), vec![], None), exited(Some(0), ""));
}

#[test]
fn a_pod_that_failed_is_followed_by_another_where_that_is_wanted() {
    let twice = || job(&json!({ "spec": { "backoffLimit": 1 } }));
    let ended = |created: &str| pod_of(created, &ended("Failed", &json!({ "exitCode": 3 })));
    assert_eq!(judged(Some(twice()), vec![ended(LONG_AGO)], None), PENDING);
    let running = pod_of(JUST_NOW, &json!({ "phase": "Running" }));
    assert_eq!(judged(Some(twice()), vec![running, ended(LONG_AGO)], None), RUNNING);
    let both = vec![ended(TWO_MINUTES), ended(LONG_AGO)];
    assert_eq!(judged(Some(twice()), both, None), exited(Some(3), ""));
}

#[test]
fn a_pod_that_runs_although_its_job_is_over_is_asked_for_again() {
    let failed = json!({ "status": { "conditions": [
        { "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "" },
    ] } });
    let running = merged(container(&json!({ "running": {} })), &json!({ "phase": "Running" }));
    let over = ended("Failed", &json!({ "exitCode": 5 }));
    let is_torn = |job: &Value, status: &Value| {
        Seen { job: Some(self::job(job)), pods: vec![pod_of(JUST_NOW, status)] }.is_torn()
    };
    assert!(is_torn(&failed, &running));
    assert!(!is_torn(&failed, &over));
    assert!(!is_torn(&json!({}), &running));
}
