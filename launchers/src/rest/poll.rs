//! How often something is asked that nobody tells by itself, and what it said last.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use longshore_protocol::state::JobState;
use tokio::time::Instant;

use crate::launcher::Handle;

/// Jobs that are remembered. Nobody watches as many at once.
const KNOWN_MAX: usize = 10_000;

/// Pauses between questions after a state: they grow with the time that has been waited.
///
/// A job that has just begun may end in a moment, and one that has run for an hour seldom does in the next second. The
/// outcome of a run does not wait for this: it is read from the store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pauses {
    began: Instant,
    first: Duration,
    longest: Duration,
}

impl Pauses {
    /// Pauses from now on, between these bounds.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { began: Instant::now(), first, longest }
    }

    /// How long to wait before the next question.
    pub(crate) fn next(&self) -> Duration {
        after(self.began.elapsed(), self.first, self.longest)
    }
}

/// Two thirds of the time that has been waited, within the bounds.
fn after(waited: Duration, first: Duration, longest: Duration) -> Duration {
    (waited / 3 * 2).clamp(first, longest)
}

/// What jobs were in when they were asked last. Whoever asks sooner than the pauses allow gets the same answer again:
/// several look at one run, and the limits of a cloud are for all of them together.
#[derive(Debug)]
pub(crate) struct Memory {
    first: Duration,
    longest: Duration,
    known: Mutex<HashMap<Handle, Known>>,
}

#[derive(Debug)]
struct Known {
    began: Instant,
    asked: Instant,
    state: JobState,
}

impl Memory {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Handle, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the job is not to be asked again.
    fn left(&self, known: &Known, now: Instant) -> Duration {
        let pause = after(now - known.began, self.first, self.longest);
        pause.saturating_sub(now - known.asked)
    }

    /// The state, if it need not be asked for again yet.
    pub(crate) fn state(&self, handle: &Handle, now: Instant) -> Option<JobState> {
        let known = self.known();
        let found = known.get(handle)?;
        // What is over may have been removed meanwhile by somebody else.
        if matches!(found.state, JobState::Exited { .. } | JobState::Gone) {
            return None;
        }
        (!self.left(found, now).is_zero()).then(|| found.state.clone())
    }

    /// How long to wait before the job may be asked.
    pub(crate) fn pause(&self, handle: &Handle, now: Instant) -> Duration {
        let known = self.known();
        known.get(handle).map_or(self.first, |known| self.left(known, now))
    }

    /// The job was asked, and this is what it is in.
    pub(crate) fn keep(&self, handle: &Handle, state: &JobState, now: Instant) {
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        let began = known.get(handle).map_or(now, |found| found.began);
        known.insert(handle.clone(), Known { began, asked: now, state: state.clone() });
    }

    /// The job is made another one: it is to be asked.
    pub(crate) fn forget(&self, handle: &Handle) {
        self.known().remove(handle);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The most questions in any minute, where `runs` runs are started as fast as `launches_per_minute` lets.
    pub(crate) fn questions_in_worst_minute(
        runs: u64,
        launches_per_minute: u64,
        (first, longest): (Duration, Duration),
    ) -> u64 {
        const MINUTES: usize = 60;
        let mut minutes = [0_u64; MINUTES];
        for run in 0..runs {
            let start_ms = run * 60_000 / launches_per_minute;
            let mut waited = Duration::ZERO;
            loop {
                waited += after(waited, first, longest);
                let at_ms = start_ms + u64::try_from(waited.as_millis()).unwrap();
                let Some(minute) = minutes.get_mut(usize::try_from(at_ms / 60_000).unwrap()) else {
                    break;
                };
                *minute += 1;
            }
        }
        minutes.into_iter().max().unwrap()
    }

    #[test]
    fn a_thousand_runs_stay_within_the_rate_limits() {
        // https://docs.cloud.google.com/run/quotas: 3,000 reads and 180 writes per minute and region.
        let bounds = (Duration::from_millis(250), Duration::from_secs(60));
        let most = questions_in_worst_minute(1_000, 180, bounds);
        assert!(most <= 3_000, "{most} questions in a minute");
    }

    #[test]
    fn a_thousand_container_groups_stay_within_azures_rate_limits() {
        // https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling: a bucket
        // of 250 reads that fills by 25 per second; 100 creations per 5 minutes. At the shortest interval that can be set.
        let bounds = (Duration::from_secs(1), Duration::from_secs(60));
        let most = questions_in_worst_minute(1_000, 20, bounds);
        assert!(most <= 25 * 60, "{most} questions in a minute");
    }

    #[test]
    fn a_pause_is_two_thirds_of_what_was_waited() {
        let bounds = (Duration::from_millis(250), Duration::from_secs(60));
        for (waited_ms, pause_ms) in
            [(0, 250), (300, 250), (3_000, 2_000), (90_000, 60_000), (3_600_000, 60_000)]
        {
            let pause = after(Duration::from_millis(waited_ms), bounds.0, bounds.1);
            assert_eq!(pause, Duration::from_millis(pause_ms), "{waited_ms}");
        }
    }

    #[test]
    fn whoever_asks_too_soon_gets_the_same_answer() {
        let memory = Memory::new(Duration::from_millis(250), Duration::from_secs(60));
        let (handle, began) = (Handle("x".to_owned()), Instant::now());
        let after = |ms| began + Duration::from_millis(ms);
        assert_eq!(memory.state(&handle, began), None);
        memory.keep(&handle, &JobState::Pending, began);
        assert_eq!(memory.state(&handle, after(200)), Some(JobState::Pending));
        assert_eq!(memory.state(&handle, after(250)), None);
        assert_eq!(memory.pause(&handle, after(250)), Duration::ZERO);
        memory.keep(&handle, &JobState::Running, after(9_000));
        assert_eq!(memory.state(&handle, after(12_000)), Some(JobState::Running));
        assert_eq!(memory.pause(&handle, after(12_000)), Duration::from_secs(5));
        memory.forget(&handle);
        assert_eq!(memory.state(&handle, after(12_000)), None);
    }
}
