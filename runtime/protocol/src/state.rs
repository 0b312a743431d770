//! The state of a run. It is derived, never stored.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::record::{Beat, CancelRequest, JobRecord, Order, Outcome, Started};

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Ordered, not launched yet.
    Scheduled,
    /// Launched; no runtime has picked it up yet.
    Pending,
    /// A runtime executes it.
    Running,
    /// Someone asked it to stop, and it has not stopped yet.
    Cancelling,
    /// The flow returned a value.
    Completed,
    /// The flow failed, hit a limit, or was refused.
    Failed,
    /// It took longer than it was given.
    TimedOut,
    /// It stopped because someone asked.
    Cancelled,
    /// It ended without saying how, or was interrupted.
    Crashed,
}

impl State {
    /// Every state, in the order of a run's life.
    pub const ALL: [Self; 9] = [
        Self::Scheduled,
        Self::Pending,
        Self::Running,
        Self::Cancelling,
        Self::Completed,
        Self::Failed,
        Self::TimedOut,
        Self::Cancelled,
        Self::Crashed,
    ];

    /// Whether the run is over.
    pub fn is_final(self) -> bool {
        match self {
            Self::Scheduled | Self::Pending | Self::Running | Self::Cancelling => false,
            Self::Completed | Self::Failed | Self::TimedOut | Self::Cancelled | Self::Crashed => {
                true
            }
        }
    }

    /// The name that people know.
    pub fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "Scheduled",
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Cancelling => "Cancelling",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::TimedOut => "TimedOut",
            Self::Cancelled => "Cancelled",
            Self::Crashed => "Crashed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|state| state.word().eq_ignore_ascii_case(text)).ok_or_else(
            || {
                let words: Vec<_> = Self::ALL.iter().map(|state| state.word()).collect();
                format!("{text:?} is not a state; the states are {}", words.join(", "))
            },
        )
    }
}

/// What the infrastructure says about the job of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Accepted, not started.
    Pending,
    /// Started.
    Running,
    /// Over.
    Exited {
        /// The exit code, where the infrastructure knows it.
        code: Option<i32>,
        /// Why, in the infrastructure's words, where it says.
        reason: Option<String>,
    },
    /// The infrastructure does not know the job (any more).
    Gone,
    /// The infrastructure cannot be asked from here, or not now.
    Unknown {
        /// Why not.
        because: String,
    },
}

/// All that is known of a run.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The order.
    pub order: &'a Order,
    /// The outcome, if there is one. Read it *after* the job state: a run may end between the two.
    pub outcome: Option<&'a Outcome>,
    /// The newest attempt, if there is one.
    pub started: Option<&'a Started>,
    /// That attempt's newest beat.
    pub beat: Option<&'a Beat>,
    /// A request to stop.
    pub cancel: Option<&'a CancelRequest>,
    /// Where the run went.
    pub job: Option<&'a JobRecord>,
    /// What the infrastructure says of it.
    pub job_state: Option<&'a JobState>,
}

/// A state with the reason for it, where it needs one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    /// The state.
    pub state: State,
    /// One sentence.
    pub reason: Option<String>,
}

/// A launcher writes the job record within moments of the order. An order without one that is older than this was
/// left by a launcher that died: long enough for a slow upload queue, short enough for a person to wait.
pub const LAUNCH_TIME_MAX: Duration = Duration::from_secs(300);

/// Where the infrastructure cannot say whether the job runs, a runtime that has been silent for this long is held for
/// dead: twelve heartbeats.
pub const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Derives the state of a run from all that is known, at the time `now`.
///
/// The outcome decides. Without one, the infrastructure explains why it is missing; only where it cannot, the
/// heartbeat is asked. A clock that jumped back makes silence look shorter, never a live run dead.
pub fn derive(evidence: &Evidence<'_>, now: Timestamp) -> Derived {
    if let Some(outcome) = evidence.outcome {
        let sentence = outcome.verdict.sentence();
        return Derived {
            state: outcome.verdict.state(),
            reason: Some(sentence).filter(|text| !text.is_empty()),
        };
    }
    match evidence.job_state {
        Some(JobState::Exited { code, reason }) => {
            over(evidence, &exit_sentence(*code, reason.as_deref()))
        }
        Some(JobState::Gone) => over(evidence, "the job is gone and left no outcome"),
        Some(JobState::Running) => alive(
            evidence,
            if evidence.started.is_some() { State::Running } else { State::Pending },
        ),
        Some(JobState::Pending) => alive(evidence, State::Pending),
        Some(JobState::Unknown { because }) => silent_or_alive(evidence, because, now),
        None => not_launched(evidence, now),
    }
}

fn alive(evidence: &Evidence<'_>, state: State) -> Derived {
    let state = if evidence.cancel.is_some() { State::Cancelling } else { state };
    Derived { state, reason: None }
}

fn over(evidence: &Evidence<'_>, why: &str) -> Derived {
    match evidence.cancel {
        Some(cancel) => Derived { state: State::Cancelled, reason: cancel.reason.clone() },
        None => Derived { state: State::Crashed, reason: Some(why.to_owned()) },
    }
}

fn exit_sentence(code: Option<i32>, reason: Option<&str>) -> String {
    let how = match code {
        Some(code) => format!("the runtime exited with code {code} and left no outcome"),
        None => "the runtime is gone and left no outcome".to_owned(),
    };
    match reason {
        Some(reason) => format!("{how}: {reason}"),
        None => how,
    }
}

fn silent_or_alive(evidence: &Evidence<'_>, because: &str, now: Timestamp) -> Derived {
    let Some(started) = evidence.started else {
        return not_launched(evidence, now);
    };
    let heard = evidence.beat.map_or(started.started_at, |beat| beat.at);
    let silence = now.duration_since(heard);
    if is_longer(silence, SILENCE_MAX) {
        let seconds = silence.as_secs();
        return over(
            evidence,
            &format!(
                "no heartbeat for {seconds} s, and the infrastructure cannot be asked: {because}"
            ),
        );
    }
    alive(evidence, State::Running)
}

fn not_launched(evidence: &Evidence<'_>, now: Timestamp) -> Derived {
    if evidence.started.is_some() {
        return silent_or_alive(evidence, "there is no record of its job", now);
    }
    let state = if evidence.job.is_some() { State::Pending } else { State::Scheduled };
    let since = evidence.job.map_or(evidence.order.ordered_at, |job| job.launched_at);
    if is_longer(now.duration_since(since), LAUNCH_TIME_MAX) {
        return over(evidence, "no runtime has picked it up, and nothing is known of a job");
    }
    alive(evidence, state)
}

fn is_longer(time: SignedDuration, than: Duration) -> bool {
    SignedDuration::try_from(than).is_ok_and(|than| time > than)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Abi;
    use crate::id::{Digest, RunId, Tenant};
    use crate::record::{ComponentRef, FormatVersion, Host, Payload, Record as _};

    const ORDERED: &str = "2026-11-24T10:00:00Z";

    fn after(seconds: i64) -> Timestamp {
        ORDERED.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
    }

    fn order() -> Order {
        Order {
            format: FormatVersion::CURRENT,
            run: RunId::new(after(0), [1; 10]),
            tenant: Tenant::default(),
            abi: Abi::CURRENT,
            component: ComponentRef { sha256: Digest::of(b""), bytes: 0 },
            compiled: None,
            flow: "hello".into(),
            params: Payload::of(b""),
            files: None,
            limits: crate::limits::Limits::default(),
            grants: crate::grants::Grants::default(),
            retry: crate::retry::RetryPolicy::default(),
            deadline: None,
            labels: std::collections::BTreeMap::new(),
            ordered_at: after(0),
            retry_of: None,
        }
    }

    fn job() -> JobRecord {
        let format = FormatVersion::CURRENT;
        JobRecord {
            settings: serde_json::Map::new(),
            patches: Vec::new(),
            format,
            kind: "process".into(),
            pool: None,
            handle: "h".into(),
            launcher: "0".into(),
            launched_at: after(1),
        }
    }

    fn started() -> Started {
        let format = FormatVersion::CURRENT;
        Started {
            format,
            attempt: 1,
            started_at: after(2),
            host: Host::default(),
            runtime: "0".into(),
        }
    }

    fn cancel() -> CancelRequest {
        CancelRequest {
            format: FormatVersion::CURRENT,
            requested_at: after(5),
            reason: Some("enough".into()),
        }
    }

    fn exited() -> JobState {
        JobState::Exited { code: Some(137), reason: Some("killed".into()) }
    }

    /// What is known, in the order of the table below: started, beat age, cancel, job record, job state.
    fn state(
        started: Option<&Started>,
        cancel: Option<&CancelRequest>,
        job: Option<&JobRecord>,
        said: Option<JobState>,
    ) -> State {
        let order = order();
        let evidence = Evidence {
            order: &order,
            outcome: None,
            started,
            beat: None,
            cancel,
            job,
            job_state: said.as_ref(),
        };
        derive(&evidence, after(10)).state
    }

    #[test]
    fn the_infrastructure_explains_a_missing_outcome() {
        let (started, cancel, job) = (started(), cancel(), job());
        let (s, c, j) = (Some(&started), Some(&cancel), Some(&job));
        let table = [
            (State::Scheduled, state(None, None, None, None)),
            (State::Pending, state(None, None, j, None)),
            (State::Pending, state(None, None, j, Some(JobState::Pending))),
            (State::Pending, state(None, None, j, Some(JobState::Running))),
            (State::Running, state(s, None, j, Some(JobState::Running))),
            (State::Running, state(s, None, None, None)),
            (State::Cancelling, state(s, c, j, Some(JobState::Running))),
            (State::Cancelling, state(None, c, j, Some(JobState::Pending))),
            (State::Crashed, state(s, None, j, Some(exited()))),
            (State::Crashed, state(None, None, j, Some(JobState::Gone))),
            (State::Cancelled, state(s, c, j, Some(exited()))),
            (State::Cancelled, state(s, c, j, Some(JobState::Gone))),
        ];
        for (row, (expected, derived)) in table.into_iter().enumerate() {
            assert_eq!(expected, derived, "row {row}");
        }
    }

    #[test]
    fn silence_alone_never_kills_a_job_that_runs() {
        let (order, started, job) = (order(), started(), job());
        let said = JobState::Running;
        let evidence = Evidence {
            order: &order,
            outcome: None,
            started: Some(&started),
            beat: None,
            cancel: None,
            job: Some(&job),
            job_state: Some(&said),
        };
        assert_eq!(derive(&evidence, after(100_000)).state, State::Running);
    }

    #[test]
    fn silence_decides_where_nobody_can_be_asked() {
        let (order, started, job) = (order(), started(), job());
        let said = JobState::Unknown { because: "another host".into() };
        let beat =
            Beat { format: FormatVersion::CURRENT, at: after(100), progress: None, segments: 0 };
        let evidence = Evidence {
            order: &order,
            outcome: None,
            started: Some(&started),
            beat: Some(&beat),
            cancel: None,
            job: Some(&job),
            job_state: Some(&said),
        };
        assert_eq!(derive(&evidence, after(160)).state, State::Running);
        assert_eq!(derive(&evidence, after(161)).state, State::Crashed);
        let unrecorded = Evidence { job: None, job_state: None, ..evidence };
        assert_eq!(derive(&unrecorded, after(160)).state, State::Running);
        assert_eq!(derive(&unrecorded, after(161)).state, State::Crashed);
        // A clock that jumped back must not kill it.
        assert_eq!(derive(&evidence, after(-5_000)).state, State::Running);
    }

    #[test]
    fn an_order_that_nobody_launched_does_not_stay_for_ever() {
        let order = order();
        let evidence = Evidence {
            order: &order,
            outcome: None,
            started: None,
            beat: None,
            cancel: None,
            job: None,
            job_state: None,
        };
        assert_eq!(derive(&evidence, after(300)).state, State::Scheduled);
        assert_eq!(derive(&evidence, after(301)).state, State::Crashed);
    }

    #[test]
    fn a_stored_outcome_decides() {
        let (order, cancel, job) = (order(), cancel(), job());
        let text = format!(
            r#"{{"format":"1.0","run":"{}","verdict":{{"completed":{{"result":{{"inline":""}}}}}},"retryable":false,
               "attempt":1,"started_at":"{ORDERED}","ended_at":"{ORDERED}","limits":{{}},
               "runtime":{{"version":"0","engine":"e"}},"a field of the future":1}}"#,
            order.run
        );
        let outcome = Outcome::from_json(text.as_bytes()).unwrap();
        let said = exited();
        let evidence = Evidence {
            order: &order,
            outcome: Some(&outcome),
            started: None,
            beat: None,
            cancel: Some(&cancel),
            job: Some(&job),
            job_state: Some(&said),
        };
        assert_eq!(derive(&evidence, after(10)), Derived { state: State::Completed, reason: None });
    }
}
