//! What one run may use. Units are in the names; effective values are recorded in the order and the outcome.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Parses a size such as `64MiB`, `1GB` or `4096` into bytes.
///
/// # Errors
/// Names the text when it is no size, and refuses zero.
pub fn parse_size(text: &str) -> Result<u64, String> {
    match text.parse::<bytesize::ByteSize>() {
        Ok(size) if size.as_u64() > 0 => Ok(size.as_u64()),
        Ok(_) => Err(format!("{text:?} is zero; a size must be at least one byte")),
        Err(_) => Err(format!("{text:?} is not a size (write for example 64MiB)")),
    }
}

/// Parses a duration such as `30s`, `1h 30m` or `250ms`.
///
/// # Errors
/// Names the text when it is no duration, and refuses less than a millisecond.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time >= Duration::from_millis(1) => Ok(time),
        Ok(_) => Err(format!("{text:?} is less than a millisecond")),
        Err(_) => Err(format!("{text:?} is not a duration (write for example 30s or 1h 30m)")),
    }
}

/// The time that is `time` after `now`. A time beyond the year 9999 is that year's end: "never", for whoever asks.
pub fn deadline(now: Timestamp, time: Duration) -> Timestamp {
    now.saturating_add(time).unwrap_or(Timestamp::MAX)
}

/// The limits of one attempt of a run. Every one is always enforced; there is no "unlimited".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Linear memory of all the component's instances together, in bytes. Default 512 MiB: holds parameters and
    /// result of the largest size twice each, which a flow that copies them needs.
    pub memory_bytes: u64,
    /// Wall time of one attempt, in milliseconds. Default one hour: long for a function, short for a forgotten one.
    pub timeout_ms: u64,
    /// Serialized parameters, in bytes. Default 64 MiB and one KiB for their framing; larger data belongs into
    /// object storage.
    pub params_bytes: u64,
    /// Serialized result, in bytes. Default as for parameters.
    pub result_bytes: u64,
    /// Log output of one attempt, in bytes, text and fields counted. Default 16 MiB; what is beyond is dropped,
    /// and how much it was is recorded.
    pub log_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const PAYLOAD_BYTES: u64 = (64 << 20) + 1024;
        Self {
            memory_bytes: 512 << 20,
            timeout_ms: 60 * 60 * 1_000,
            params_bytes: PAYLOAD_BYTES,
            result_bytes: PAYLOAD_BYTES,
            log_bytes: 16 << 20,
        }
    }
}

/// Names a limit in a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    /// [`Limits::params_bytes`].
    ParamsBytes,
    /// [`Limits::result_bytes`].
    ResultBytes,
    /// The stack of the guest.
    StackBytes,
    /// Elements of the component's tables.
    TableElements,
    /// Instances, memories or tables of the component.
    Instances,
    /// What may cross between guest and host in one call.
    HostCallBytes,
    /// A limit that this version does not know; read, never written.
    #[serde(other)]
    Other,
}

impl LimitName {
    /// A value of this limit, with its unit.
    pub fn show(self, value: u64) -> String {
        match self {
            // Exact: what was wanted is often only a little more.
            Self::ParamsBytes | Self::ResultBytes | Self::StackBytes | Self::HostCallBytes => {
                format!("{value} bytes")
            }
            Self::TableElements | Self::Instances | Self::Other => value.to_string(),
        }
    }
}

impl std::fmt::Display for LimitName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::ParamsBytes => "parameter size",
            Self::ResultBytes => "result size",
            Self::StackBytes => "stack size",
            Self::TableElements => "table size",
            Self::Instances => "number of instances",
            Self::HostCallBytes => "data of one host call",
            Self::Other => "unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_end_ends_with_time_itself() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        assert_eq!(deadline(now, Duration::from_secs(1)), "2026-11-24T10:00:01Z".parse().unwrap());
        assert_eq!(deadline(now, Duration::MAX), Timestamp::MAX);
        assert_eq!(deadline(now, Duration::from_millis(u64::MAX)), Timestamp::MAX);
    }
}
