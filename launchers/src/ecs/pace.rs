//! How often tasks are looked at, so that many runs at once stay within what AWS lets an account ask. Pure.
//!
//! Source: request throttling in the developer guide of ECS. Requests that read clusters come from a bucket of 50, which is
//! filled with 20 a second; all launchers of an account and region share it. That a run is over is seen in the store
//! within two seconds, whatever ECS says, so ECS is asked less and less often.

use std::time::Duration;

/// The shortest pause: a start takes longer.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest: a thousand runs ask 15 times a second then, each by itself.
pub(super) const LONGEST: Duration = Duration::from_secs(60);
/// A task is looked at again after this part of its age.
const PART: u32 = 4;

/// The pause before the next look at a task of this age. `seed`, of the run, keeps many from asking in step.
pub(super) fn pause(age: Duration, seed: u64) -> Duration {
    let usual = (age / PART).clamp(SHORTEST, LONGEST);
    // Up to a quarter longer.
    let longer = u32::try_from(seed % 256).unwrap_or(0);
    usual + usual / 4 * longer / 256
}

/// The pause after a look that has failed for the `times`th time in a row.
pub(super) fn after_failure(pause: Duration, times: u32) -> Duration {
    pause.saturating_mul(2_u32.saturating_pow(times.min(10))).min(LONGEST.max(pause))
}

/// A seed that follows from a run.
pub(super) fn seed(text: &str) -> u64 {
    // FNV-1a.
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use super::*;

    /// AWS's bucket.
    struct Bucket {
        tokens: f64,
        at_ms: u64,
    }

    impl Bucket {
        const SIZE: f64 = 50.0;
        const A_SECOND: f64 = 20.0;

        fn takes(&mut self, now_ms: u64) -> bool {
            let filled = (now_ms - self.at_ms) as f64 / 1_000.0 * Self::A_SECOND;
            (self.tokens, self.at_ms) = ((self.tokens + filled).min(Self::SIZE), now_ms);
            let takes = self.tokens >= 1.0;
            self.tokens -= f64::from(u8::from(takes));
            takes
        }
    }

    /// How many looks are made, how many of them are refused, and how late the latest end is told, where this many
    /// launchers start a run each, 20 a second as ECS lets them, and each run takes `work_ms`.
    fn watched(runs: u64, work_ms: u64) -> (u32, u32, Duration) {
        let mut bucket = Bucket { tokens: Bucket::SIZE, at_ms: 0 };
        let mut next = BinaryHeap::new();
        for run in 0..runs {
            next.push(Reverse((run * 50 + 1_000, run, 0_u32)));
        }
        let (mut looks, mut refused, mut latest_ms) = (0, 0, 0);
        while let Some(Reverse((now_ms, run, failures))) = next.pop() {
            let began_ms = run * 50;
            let age = Duration::from_millis(now_ms - began_ms);
            let usual = pause(age, seed(&format!("019d0000-0000-7000-8000-{run:012}")));
            looks += 1;
            let (again, failures) = if bucket.takes(now_ms) {
                if now_ms >= began_ms + work_ms {
                    latest_ms = latest_ms.max(now_ms - began_ms - work_ms);
                    continue;
                }
                (usual, 0)
            } else {
                refused += 1;
                (after_failure(usual, failures + 1), failures + 1)
            };
            let again_ms = u64::try_from(again.as_millis()).unwrap();
            next.push(Reverse((now_ms + again_ms, run, failures)));
        }
        (looks, refused, Duration::from_millis(latest_ms))
    }

    #[test]
    fn the_first_looks_are_quick_and_later_ones_rare() {
        for (age_s, pause_s) in [(0, 1.0), (4, 1.0), (20, 5.0), (300, 60.0), (86_400, 60.0)] {
            assert_eq!(pause(Duration::from_secs(age_s), 0).as_secs_f64(), pause_s);
            let longest = pause(Duration::from_secs(age_s), 255).as_secs_f64();
            assert!(longest < pause_s * 1.25 && longest > pause_s * 1.2, "{longest}");
        }
        let second = Duration::from_secs(1);
        assert_eq!(after_failure(second, 1), 2 * second);
        assert_eq!(after_failure(second, 40), LONGEST);
        assert_eq!(after_failure(2 * LONGEST, 1), 2 * LONGEST);
    }

    #[test]
    fn a_thousand_long_runs_stay_within_what_an_account_may_ask() {
        let steady = 1_000.0 / pause(Duration::from_secs(600), 0).as_secs_f64();
        assert!(steady < Bucket::A_SECOND, "{steady} a second");
    }

    #[test]
    fn a_thousand_launchers_with_a_run_each_hear_of_the_end_though_they_are_throttled_at_first() {
        for (work_s, looks_max, refused_max, latest_s) in
            [(60, 16_000, 0.60, 150), (1_800, 60_000, 0.25, 150)]
        {
            let (looks, refused, latest) = watched(1_000, work_s * 1_000);
            assert!(looks < looks_max, "{work_s} s: {looks} looks");
            let part = f64::from(refused) / f64::from(looks);
            assert!(part < refused_max, "{work_s} s: {part} of {looks} looks are refused");
            assert!(latest < Duration::from_secs(latest_s), "{work_s} s: {latest:?}");
        }
    }

    #[test]
    fn ten_launchers_with_a_run_each_are_never_refused() {
        let (_, refused, latest) = watched(10, 600_000);
        assert_eq!(refused, 0);
        assert!(latest < Duration::from_secs(76), "{latest:?}");
    }
}
