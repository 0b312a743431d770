//! Waiting for what must happen, and not longer than it may take.

use std::time::{Duration, Instant};

/// Nothing that a test waits for takes this long on a machine that is not broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// But a build does, where nothing of it is there yet.
pub(crate) const PATIENCE_OF_BUILDS: Duration = Duration::from_secs(900);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until `look` finds something, and returns it.
#[track_caller]
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, look)
}

#[track_caller]
pub(crate) fn within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < patience, "waited {} s in vain until {what}", patience.as_secs());
        std::thread::sleep(LOOK_EVERY);
    }
}
