//! How often something is asked that nobody tells by itself. Pure.

use std::time::Duration;

use tokio::time::Instant;

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

/// Half of the time that has been waited, within the bounds.
fn after(waited: Duration, first: Duration, longest: Duration) -> Duration {
    (waited / 2).clamp(first, longest)
}

#[cfg(test)]
mod tests {
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
        let bounds = (Duration::from_secs(1), Duration::from_secs(60));
        let most = questions_in_worst_minute(1_000, 180, bounds);
        assert!(most <= 3_000, "{most} questions in a minute");
    }

    #[test]
    fn a_pause_is_half_of_what_was_waited() {
        let bounds = |waited| {
            after(Duration::from_secs(waited), Duration::from_secs(1), Duration::from_secs(60))
        };
        for (waited, pause) in [(0, 1), (2, 1), (10, 5), (120, 60), (3_600, 60)] {
            assert_eq!(bounds(waited), Duration::from_secs(pause), "{waited}");
        }
    }
}
