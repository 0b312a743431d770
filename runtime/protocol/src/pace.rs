//! How fast things are repeated that wait for a store, and which are worth it.

use std::error::Error;
use std::io;
use std::time::Duration;

/// How long a pause between two requests to a store really is.
///
/// Pauses are constants with their reasons, made for a store across a network that many share. A store that is nearer
/// than that, for example in this process's own memory, may be asked more often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    times: u32,
}

impl Pace {
    /// Pauses are as long as they say.
    pub const NORMAL: Self = Self { times: 1 };

    /// Pauses are shorter by the factor `times`, which counts as 1 where it is 0.
    pub const fn faster(times: u32) -> Self {
        Self { times: if times == 0 { 1 } else { times } }
    }

    /// How long to wait before a request is tried again that has failed `failures` times; `None`: not any more.
    ///
    /// About 6 s in all: a store that is away for longer is better explained to a person than waited for.
    pub fn before_retry(self, failures: usize) -> Option<Duration> {
        const PAUSES_MS: [u64; 6] = [50, 150, 450, 1_000, 2_000, 2_500];
        let pause = failures.checked_sub(1).and_then(|number| PAUSES_MS.get(number));
        pause.map(|ms| self.of(Duration::from_millis(*ms)))
    }

    /// How long `pause` is at this pace.
    pub fn of(self, pause: Duration) -> Duration {
        pause / self.times
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::NORMAL
    }
}

/// Whether the same request may succeed a moment later, going by the causes of its error. What only a person can change
/// is better told at once.
pub fn may_pass(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return !needs_a_person(cause.kind());
        }
        next = cause.source();
    }
    true
}

fn needs_a_person(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::NotFound
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::InvalidFilename
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_over_is_tried_again() {
        #[derive(Debug, thiserror::Error)]
        #[error("could not write x")]
        struct Outer(#[source] io::Error);
        let table = [
            (io::Error::other("503 Service Unavailable"), true),
            (io::ErrorKind::TimedOut.into(), true),
            (io::ErrorKind::ConnectionReset.into(), true),
            (io::ErrorKind::StorageFull.into(), false),
            (io::ErrorKind::ReadOnlyFilesystem.into(), false),
            (io::ErrorKind::PermissionDenied.into(), false),
        ];
        for (error, expected) in table {
            let outer = Outer(error);
            assert_eq!(may_pass(&outer), expected, "{outer:?}");
        }
        assert!(may_pass(&std::fmt::Error), "nothing is known of it");
    }

    #[test]
    fn a_faster_pace_shortens_every_pause() {
        let pause = Duration::from_millis(300);
        let table = [(Pace::NORMAL, 300), (Pace::faster(0), 300), (Pace::faster(100), 3)];
        for (pace, ms) in table {
            assert_eq!(pace.of(pause).as_millis(), ms, "{pace:?}");
        }
    }

    #[test]
    fn retries_end_after_about_six_seconds() {
        let pauses: Vec<_> = (1..).map_while(|n| Pace::NORMAL.before_retry(n)).collect();
        assert_eq!(pauses.len(), 6);
        assert_eq!(pauses.iter().sum::<Duration>(), Duration::from_millis(6_150));
        assert_eq!(Pace::NORMAL.before_retry(0), None, "what has not failed is not repeated");
    }
}
