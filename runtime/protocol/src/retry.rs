//! When a failed attempt is followed by another.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often and after which pause a retryable failure is tried again, each time in a fresh sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetryPolicy {
    /// Further attempts after the first. 0: none.
    pub retries: u32,
    /// Pause before the first retry, in milliseconds; it doubles before each further one.
    pub delay_ms: u64,
    /// The longest pause, in milliseconds.
    pub delay_max_ms: u64,
}

impl Default for RetryPolicy {
    /// No retries; where some are asked for: after 1 s, doubling up to 5 minutes.
    fn default() -> Self {
        Self { retries: 0, delay_ms: 1_000, delay_max_ms: 300_000 }
    }
}

impl RetryPolicy {
    /// The pause after the failed `attempt` (from 1), with `jitter` (0 to 1) taking off up to a quarter of it,
    /// so that runs which failed together do not come back together.
    pub fn pause_after(&self, attempt: u32, jitter: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(32);
        let full = self.delay_ms.saturating_mul(1 << doublings).min(self.delay_max_ms);
        Duration::from_millis(full).mul_f64(1.0 - 0.25 * jitter.clamp(0.0, 1.0))
    }

    /// Whether the failed `attempt` (from 1) is followed by another.
    pub fn allows_after(&self, attempt: u32) -> bool {
        attempt <= self.retries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_its_maximum() {
        let policy = RetryPolicy { retries: 9, delay_ms: 100, delay_max_ms: 1_000 };
        let pauses: Vec<_> =
            (1..=6).map(|attempt| policy.pause_after(attempt, 0.0).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(policy.pause_after(1, 1.0).as_millis(), 75);
        assert_eq!(policy.pause_after(u32::MAX, 0.0).as_millis(), 1_000);
    }

    #[test]
    fn retries_count_after_the_first_attempt() {
        let policy = RetryPolicy { retries: 2, ..RetryPolicy::default() };
        assert_eq!([1, 2, 3].map(|attempt| policy.allows_after(attempt)), [true, true, false]);
    }
}
