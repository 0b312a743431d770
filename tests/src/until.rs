//! Waiting for what must happen, and not longer than it may take.

use std::time::{Duration, Instant};

/// Nothing that a test waits for takes this long on a machine that is not broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until `look` finds something, and returns it.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {} s in vain until {what}", PATIENCE.as_secs());
        std::thread::sleep(LOOK_EVERY);
    }
}
