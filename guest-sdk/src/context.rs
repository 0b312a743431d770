//! What a flow may ask of its run.

use std::time::{Duration, SystemTime};

use crate::host;

/// What a run may know about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Context {
    /// The run: a UUID in its hyphenated form, or `local` where the flow is not run but called.
    pub run_id: String,
    /// The attempt, counted from 1. It grows when a retryable failure is repeated.
    pub attempt: u32,
    /// When this attempt is stopped at the latest.
    pub deadline: SystemTime,
}

impl Context {
    #[cfg(target_family = "wasm")]
    pub(crate) fn new(run_id: String, attempt: u32, deadline_ms: u64) -> Self {
        let deadline = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(deadline_ms));
        Self { run_id, attempt, deadline: deadline.unwrap_or_else(far) }
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn local() -> Self {
        Self { run_id: "local".to_owned(), attempt: 1, deadline: far() }
    }
}

/// The end of the year 9999, the last moment that every date format can show.
fn far() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799)
}

/// Returns what the run may know about itself.
///
/// ```
/// let context = longshore_sdk::context();
/// assert_eq!((context.run_id.as_str(), context.attempt), ("local", 1));
/// ```
pub fn context() -> Context {
    host::context()
}

/// Tells how far the flow is: `done` of `total` units of work, where the total is known. It is cheap.
///
/// ```
/// use longshore_sdk::progress;
///
/// progress(3, 10, "resizing");
/// progress(4, None, "");
/// ```
pub fn progress(done: u64, total: impl Into<Option<u64>>, message: impl Into<String>) {
    host::progress(done, total.into(), message.into());
}
