//! The only place that reads the wall clock. Durations are measured by the monotonic clock instead.

use longshore_protocol::Timestamp;

/// The time now, to the millisecond: what records hold.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
