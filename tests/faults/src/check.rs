//! What has to hold after every play.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use longshore_launchers::engine::RunView;
use longshore_protocol::Timestamp;
use longshore_protocol::id::Digest;
use longshore_protocol::record::{Outcome, Payload, Record as _, Verdict};
use longshore_protocol::state::{Derived, Evidence, State, derive};

use crate::SECRET;
use crate::journal::Line;
use crate::operation::{Side, name_of};
use crate::play::{Played, REASON};
use crate::trouble::{Fault, Trouble};

/// After this time everybody agrees that who has not been heard of is gone.
const LATER: Duration = Duration::from_secs(600);

/// Something that must not happen, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Collects what is wrong.
#[derive(Default)]
struct Wrong(Vec<Violation>);

impl Wrong {
    fn unless(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Violation(what()));
        }
    }
}

impl Played {
    /// All that was wrong. Empty, when everything held.
    pub fn violations(&self) -> Vec<Violation> {
        let mut wrong = Wrong::default();
        self.check_objects(&mut wrong);
        self.check_jobs(&mut wrong);
        self.check_state(&mut wrong);
        self.check_launcher(&mut wrong);
        self.check_removal(&mut wrong);
        wrong.0
    }

    /// Every object of a run but the beat is created once and stays as it is; nothing has a secret in it.
    fn check_objects(&self, wrong: &mut Wrong) {
        let mut first = HashMap::new();
        for effect in self.journal.effects() {
            let name = name_of(&effect.key);
            let is_secret = |window| window == SECRET.as_bytes();
            let has_secret = effect.content.windows(SECRET.len()).any(is_secret);
            wrong.unless(!has_secret, || format!("{name} has the secret in it"));
            let is_shared = ["component", "artefact", "files"].contains(&name.as_str());
            if is_shared || name.ends_with("/beat.json") {
                continue;
            }
            let is_new = first.insert(effect.key, effect.content).is_none();
            wrong.unless(is_new, || format!("{name} was written twice"));
        }
        for (key, content) in &self.left {
            let is_changed = first.get(key).is_some_and(|first| first != content);
            wrong.unless(!is_changed, || format!("{key} is not what was first written"));
        }
        wrong.unless(self.found.len() <= 1, || "one submission made several runs".into());
    }

    /// There is no job that nobody knows of, and none that does not end.
    fn check_jobs(&self, wrong: &mut Wrong) {
        wrong.unless(self.is_over, || "a job does not end".into());
        for run in &self.jobs {
            for record in ["order.json", "job.json"] {
                let was_written = self.journal.effects().iter().any(|effect| {
                    effect.key.contains(&run.to_string()) && name_of(&effect.key) == record
                });
                wrong.unless(was_written, || format!("there is a job without {record}"));
            }
        }
    }

    /// What another machine makes of it is final, and right.
    fn check_state(&self, wrong: &mut Wrong) {
        let view = match &self.view {
            None => return,
            // A submission that was cut off before its order has left parameters at the most.
            Some(Err(_)) if self.jobs.is_empty() && self.seen.submitted.is_none() => return,
            Some(Err(error)) => {
                wrong.unless(false, || format!("the run cannot be looked at: {error}"));
                return;
            }
            Some(Ok(view)) => view,
        };
        let Derived { state, reason } = later(view);
        wrong.unless(state.is_final(), || format!("it stays {state}"));
        match &view.outcome {
            Some(outcome) => self.check_outcome(outcome, state, wrong),
            None if view.cancel.is_some() => {
                let is_right = state == State::Cancelled && reason.as_deref() == Some(REASON);
                wrong.unless(is_right, || format!("without an outcome it is {state}: {reason:?}"));
            }
            None => {
                let is_right = state == State::Crashed && reason.is_some();
                wrong.unless(is_right, || format!("without an outcome it is {state}: {reason:?}"));
            }
        }
        let is_decided = view.outcome.is_some() || !self.combination.can_succeed();
        wrong.unless(is_decided, || format!("a runtime was left, and yet it is {state}"));
    }

    fn check_outcome(&self, outcome: &Outcome, state: State, wrong: &mut Wrong) {
        let verdict = &outcome.verdict;
        wrong.unless(state == verdict.state(), || format!("{state} after {}", verdict.word()));
        let result = self.result.as_ref().and_then(|result| result.as_ref().ok());
        let is_right = (self.combination.flow.is_right)(verdict, result.map(Vec::as_slice))
            // Who is told to end, and is not shown why, can only say by what. Such a store is not ours to mend.
            || matches!(verdict, Verdict::Interrupted { .. }) && self.was_not_shown_the_request();
        wrong.unless(is_right, || format!("a wrong outcome: {}", verdict.sentence()));
        if let Some(Err(error)) = &self.result {
            wrong.unless(false, || format!("the result cannot be read: {error}"));
        }
        if let Verdict::Completed { result: Payload::Object { sha256, .. } } = verdict {
            let stored = self.left.iter().find(|(key, _)| name_of(key) == "result.bin");
            let matches = stored.is_some_and(|(_, content)| Digest::of(content) == *sha256);
            wrong.unless(matches, || "the outcome has another digest than the result".into());
        }
        let (attempts, needed) = (outcome.attempt, self.combination.flow.attempts);
        wrong.unless(!self.combination.is_harmless() || attempts == needed, || {
            format!("{attempts} attempts where {needed} were needed")
        });
    }

    fn was_not_shown_the_request(&self) -> bool {
        self.journal.lines().iter().any(|Line { operation, trouble }| {
            operation.key == "cancel.json"
                && operation.side != Side::Engine
                && *trouble == Some(Trouble::Fault(Fault::Stale))
        })
    }

    /// What the launcher told its user was true.
    fn check_launcher(&self, wrong: &mut Wrong) {
        if let Some(run) = &self.seen.submitted {
            let is_there = self.found.contains(run) || self.seen.is_removed;
            // A removal that was cut off may have come far enough.
            wrong.unless(is_there || self.combination.flow.is_removed, || {
                format!("run {run} was submitted, and cannot be found")
            });
            wrong.unless(self.jobs.contains(run) || self.combination.flow.is_removed, || {
                format!("run {run} was submitted, and has no job")
            });
        }
        if let Some(ending) = &self.seen.ending {
            let told = ending.outcome.as_ref().map(Outcome::to_json);
            let written = self.journal.effects();
            let written = written.iter().find(|effect| name_of(&effect.key) == "outcome.json");
            // Where the newest object is not seen again and again, a crash is told that is none: such a store is not
            // ours to mend, and asking later tells the truth.
            let is_true = match (told, written) {
                (Some(told), Some(written)) => told == *written.content,
                (None, None) => true,
                (Some(_), None) => false,
                (None, Some(_)) => self.combination.is_storm(),
            };
            wrong.unless(is_true, || format!("it was told that the run is {:?}", ending.derived));
        }
        if self.combination.is_harmless() {
            let error = self.seen.error.as_deref().unwrap_or_default();
            wrong.unless(error.is_empty(), || format!("the launcher gave up: {error}"));
            wrong.unless(self.seen.ending.is_some(), || "the launcher saw no end".into());
        }
    }

    /// A removal that was cut off can be repeated, and then nothing is left.
    fn check_removal(&self, wrong: &mut Wrong) {
        let is_gone = !self.seen.is_removed || self.found.is_empty();
        wrong.unless(is_gone, || "a run that was removed can be found".into());
        if let Some(Err(error)) = &self.removal {
            wrong.unless(false, || format!("removing cannot be repeated: {error}"));
        }
        if self.seen.is_removed || self.removal.is_some() {
            for (key, _) in self.left.iter().filter(|(key, _)| key.starts_with("runs/")) {
                wrong.unless(false, || format!("{key} is left of a run that was removed"));
            }
        }
    }
}

/// The state when time enough has passed for everybody to be sure.
fn later(view: &RunView) -> Derived {
    let RunView { order, job, job_state, cancel, started, beat, outcome, derived: _ } = view;
    let evidence = Evidence {
        order,
        outcome: outcome.as_ref(),
        started: started.as_ref(),
        beat: beat.as_ref(),
        cancel: cancel.as_ref(),
        job: job.as_ref(),
        job_state: job_state.as_ref(),
    };
    derive(&evidence, Timestamp::now() + LATER)
}
