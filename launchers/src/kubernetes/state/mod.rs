//! Kubernetes' words → ours. Pure.
//!
//! The Job says whether it is over, its newest pod why, and events what kept a pod from being made. A Job that waits for
//! something that will not come is given up: the launcher writes the reason on it and lets the cluster end it, so that
//! a run which was told to have crashed cannot begin after all.

mod ends;
#[cfg(test)]
mod tests;

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStateWaiting, Event, Pod};
use k8s_openapi::jiff::Timestamp;
use longshore_protocol::state::JobState;

use super::manifest::{CONTAINER, GIVEN_UP_ANNOTATION, START_ANNOTATION};

/// What hardly ever gets better by itself is tried for this long: three times, by the kubelet's own pauses.
const HOPELESS: Duration = Duration::from_secs(60);
/// A Job has its pod within this, or there are events that say why not.
const POD_MADE: Duration = Duration::from_secs(5);
/// Where the Job does not say how long a pod may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(600);
/// A pod that should be gone for this long is on a node that does not answer.
const NODE_LOST: Duration = Duration::from_secs(60);

/// What is known of a Job.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) job: Option<Job>,
    pub(super) pods: Vec<Pod>,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It is in this state.
    State(JobState),
    /// Events would tell more. Without them, it is in this state.
    AskEvents(JobState),
    /// It waits in vain, for this reason.
    GiveUp(String),
}

impl Seen {
    /// Whether a container may be running.
    pub(super) fn is_alive(&self) -> bool {
        self.pods.iter().any(may_run)
    }

    /// Whether the Job is over while a pod, as we know it, is not: they were asked for apart, or their watches tell of the
    /// same end one after the other. Asked again, the pod says how it ended.
    pub(super) fn is_torn(&self) -> bool {
        self.job.as_ref().is_some_and(is_over) && self.is_alive()
    }

    /// Whether a Job that was deleted is over: its pods are, or are no more. Before there is a pod, one may be about to be
    /// made.
    pub(super) fn is_ended(&self) -> bool {
        !self.is_alive() && (self.job.is_none() || !self.pods.is_empty())
    }

    /// The pod that counts.
    pub(super) fn newest(&self) -> Option<&Pod> {
        let is_leaving = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
        self.pods.iter().max_by_key(|pod| (!is_leaving(pod), created(pod)))
    }

    /// The state, at the time `now`. `events`: of the Job and its pods, where they were asked for.
    pub(super) fn judge(&self, events: Option<&[Event]>, now: Timestamp) -> Judgement {
        let Some(job) = &self.job else {
            return Judgement::State(if self.is_alive() {
                JobState::Running
            } else {
                JobState::Gone
            });
        };
        if job.metadata.deletion_timestamp.is_some() {
            let state = match self.is_alive() {
                true if self.pods.iter().any(is_running) => JobState::Running,
                true => JobState::Pending,
                false => JobState::Gone,
            };
            return Judgement::State(state);
        }
        if let Some(why) = annotation(job, GIVEN_UP_ANNOTATION)
            && !self.pods.iter().any(is_running)
        {
            return over(None, Some(why.to_owned()));
        }
        if condition(job, "Complete").is_some() {
            let code = self.newest().and_then(terminated).map_or(0, |ended| ended.exit_code);
            return over(Some(code), None);
        }
        if let Some(failed) = condition(job, "Failed") {
            return self.failed(job, failed, events);
        }
        match self.newest() {
            Some(pod) => of_pod(job, pod, &self.pods, events, now),
            None => without_pod(job, events, now),
        }
    }

    fn failed(
        &self,
        job: &Job,
        (reason, message): (&str, &str),
        events: Option<&[Event]>,
    ) -> Judgement {
        if reason == "DeadlineExceeded" {
            return over(None, Some(ends::deadline(job)));
        }
        if let Some(pod) = self.newest() {
            let (code, why) = ends::of_pod(pod);
            if code.is_some() || why.is_some() {
                return over(code, why);
            }
        }
        // Its pod is gone, and took the reason with it.
        match events {
            None => Judgement::AskEvents(JobState::Exited { code: None, reason: None }),
            Some(events) => {
                let why = ends::of_events(events);
                over(None, Some(why.unwrap_or_else(|| format!("its pod is gone: {message}"))))
            }
        }
    }
}

fn over(code: Option<i32>, reason: Option<String>) -> Judgement {
    Judgement::State(JobState::Exited { code, reason })
}

fn of_pod(
    job: &Job,
    pod: &Pod,
    pods: &[Pod],
    events: Option<&[Event]>,
    now: Timestamp,
) -> Judgement {
    let should_be_gone = pod.metadata.deletion_timestamp.as_ref().map(|time| time.0);
    let is_lost = should_be_gone.is_some_and(|time| since(time, now) > NODE_LOST);
    if is_alive(pod) && (is_lost || reason_of(pod) == Some("NodeLost")) {
        return over(None, Some(ends::node_lost(pod)));
    }
    if let Some(ended) = terminated(pod) {
        return ended_pod(job, pods, ended.exit_code == 0, ends::of_pod(pod));
    }
    match phase(pod) {
        "Running" => Judgement::State(JobState::Running),
        "Succeeded" => over(Some(0), None),
        "Failed" => ended_pod(job, pods, false, ends::of_pod(pod)),
        "Unknown" => Judgement::State(JobState::Unknown { because: ends::node_lost(pod) }),
        _ => pending(job, pod, events, now),
    }
}

/// A pod that failed may be followed by another.
fn ended_pod(
    job: &Job,
    pods: &[Pod],
    is_success: bool,
    (code, why): (Option<i32>, Option<String>),
) -> Judgement {
    let has_failed =
        |pod: &&Pod| terminated(pod).map_or(phase(pod) == "Failed", |ended| ended.exit_code != 0);
    let failures = pods.iter().filter(has_failed).count();
    let backoff_limit = job.spec.as_ref().and_then(|spec| spec.backoff_limit).unwrap_or(0);
    let is_last = usize::try_from(backoff_limit).is_ok_and(|limit| failures > limit);
    if is_success || is_last { over(code, why) } else { Judgement::State(JobState::Pending) }
}

/// A pod whose container has not started.
fn pending(job: &Job, pod: &Pod, events: Option<&[Event]>, now: Timestamp) -> Judgement {
    let age = since(created(pod), now);
    let start_timeout = start_timeout(job);
    let waiting = waiting(pod).and_then(|waiting| Some((waiting.reason.as_deref()?, waiting)));
    if let Some((reason, waiting)) = waiting
        && let Some(hope) = hope(reason)
    {
        let message = waiting.message.as_deref().unwrap_or_default();
        return if age >= hope.min(start_timeout) {
            Judgement::GiveUp(ends::waiting(pod, reason, message))
        } else {
            Judgement::State(JobState::Pending)
        };
    }
    if age < start_timeout {
        return Judgement::State(JobState::Pending);
    }
    if let Some(words) = unschedulable(pod) {
        return Judgement::GiveUp(format!("no node takes its pod: {words}"));
    }
    match events {
        None => Judgement::AskEvents(JobState::Pending),
        Some(events) => Judgement::GiveUp(ends::not_started(pod, events, start_timeout.as_secs())),
    }
}

/// How long to hope that a container starts after all. `None`: nothing is wrong so far.
fn hope(reason: &str) -> Option<Duration> {
    match reason {
        "InvalidImageName" | "ErrImageNeverPull" => Some(Duration::ZERO),
        "ErrImagePull"
        | "ImagePullBackOff"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError" => Some(HOPELESS),
        _ => None,
    }
}

/// A Job of which the cluster has made no pod.
fn without_pod(job: &Job, events: Option<&[Event]>, now: Timestamp) -> Judgement {
    let spec = job.spec.as_ref();
    if spec.and_then(|spec| spec.suspend) == Some(true) {
        // By something that queues Jobs, and lets it go on.
        return Judgement::State(JobState::Pending);
    }
    let started = job.status.as_ref().and_then(|status| status.start_time.as_ref());
    let began = started.or(job.metadata.creation_timestamp.as_ref()).map(|time| time.0);
    let age = began.map_or(Duration::ZERO, |began| since(began, now));
    if age < POD_MADE {
        return Judgement::State(JobState::Pending);
    }
    let Some(events) = events else { return Judgement::AskEvents(JobState::Pending) };
    let start_timeout = start_timeout(job);
    match ends::refused_pod(events) {
        // Room comes back when other pods are over.
        Some(refused) if refused.is_quota && age < start_timeout => {
            Judgement::State(JobState::Pending)
        }
        Some(refused) if age >= HOPELESS.min(start_timeout) => Judgement::GiveUp(refused.words),
        None if age >= start_timeout => {
            let seconds = start_timeout.as_secs();
            Judgement::GiveUp(format!("the cluster has made no pod of the Job within {seconds} s"))
        }
        Some(_) | None => Judgement::State(JobState::Pending),
    }
}

/// Whether the Job itself is over.
pub(super) fn is_over(job: &Job) -> bool {
    condition(job, "Complete").is_some() || condition(job, "Failed").is_some()
}

/// Reason and message of a condition that holds.
fn condition<'a>(job: &'a Job, wanted: &str) -> Option<(&'a str, &'a str)> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let found = conditions.iter().find(|one| one.type_ == wanted && one.status == "True")?;
    Some((found.reason.as_deref().unwrap_or(""), found.message.as_deref().unwrap_or("")))
}

pub(super) fn annotation<'a>(job: &'a Job, name: &str) -> Option<&'a str> {
    job.metadata.annotations.as_ref()?.get(name).map(String::as_str)
}

fn start_timeout(job: &Job) -> Duration {
    let seconds = annotation(job, START_ANNOTATION).and_then(|text| text.parse().ok());
    seconds.map_or(START_TIMEOUT, Duration::from_secs)
}

fn unschedulable(pod: &Pod) -> Option<&str> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let found = conditions.iter().find(|one| one.type_ == "PodScheduled" && one.status == "False");
    Some(found?.message.as_deref().unwrap_or("the scheduler does not say why"))
}

pub(super) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

pub(super) fn reason_of(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.reason.as_deref()
}

pub(super) fn is_alive(pod: &Pod) -> bool {
    !matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether the runtime runs in it, or may begin to.
pub(super) fn may_run(pod: &Pod) -> bool {
    is_alive(pod) && terminated(pod).is_none()
}

/// Whether the runtime runs in it.
pub(super) fn is_running(pod: &Pod) -> bool {
    container(pod).is_some_and(|state| state.running.is_some()) && is_alive(pod)
}

fn container(pod: &Pod) -> Option<&k8s_openapi::api::core::v1::ContainerState> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == CONTAINER)?.state.as_ref()
}

/// How the runtime ended.
pub(super) fn terminated(pod: &Pod) -> Option<&ContainerStateTerminated> {
    container(pod)?.terminated.as_ref()
}

/// What the runtime waits for before it starts.
fn waiting(pod: &Pod) -> Option<&ContainerStateWaiting> {
    container(pod)?.waiting.as_ref()
}

pub(super) fn created(pod: &Pod) -> Timestamp {
    pod.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0)
}

fn since(time: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(time)).unwrap_or(Duration::ZERO)
}
