//! What one run may use. Units are in the names; effective values are recorded in the order and the outcome.

mod name;
mod set;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use name::{LimitName, Unit};
pub use set::{LimitSet, Origin, resolve};

/// Parses a size such as `64MiB`, `1GB` or `4096` into bytes.
///
/// # Errors
/// Names the text when it is no size, and refuses zero and what no number of 64 bits can hold.
pub fn parse_size(text: &str) -> Result<u64, String> {
    match text.parse::<bytesize::ByteSize>() {
        // What is larger than the largest number becomes that one on the way.
        Ok(size) if size.as_u64() == u64::MAX && text.parse::<u64>().is_err() => {
            Err(format!("{text:?} is more bytes than fit into 64 bits"))
        }
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

/// The limits of one attempt of a run. Every one but `fuel` is always enforced; there is no "unlimited".
///
/// [`LimitName`] lists them for whoever sets, compares or shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Linear memory of all the component's instances together, in bytes. Default 512 MiB: holds parameters and
    /// result of the largest size twice each, which a flow that copies them needs.
    pub memory_bytes: u64,
    /// Elements of all tables together. Default 100,000: function pointers of a component with as many functions.
    pub table_elements: u64,
    /// Core instances of the component. Default 100: those that `wit-component` makes have fewer than ten.
    pub instances: u64,
    /// Memories of the component. Default 10: components of Rust have one.
    pub memories: u64,
    /// Tables of the component. Default 100: one for each instance.
    pub tables: u64,
    /// Wall time of one attempt, in milliseconds. Default one hour: long for a function, short for a forgotten one.
    pub timeout_ms: u64,
    /// Processor time of one attempt, in milliseconds. Default one hour, the same as wall time: a guest has one
    /// thread, so a lower value bounds what it computes and not how long it waits.
    pub cpu_ms: u64,
    /// WebAssembly instructions of one attempt, as wasmtime counts fuel. Default: not counted, since it takes machine
    /// code of its own. Unlike time it is the same on every machine and at every repetition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// The guest's call stack, in bytes. Default 1 MiB, as of a process's main thread in many languages; a component
    /// has a second stack in its memory, whose size its linker decides.
    pub stack_bytes: u64,
    /// Serialized parameters, in bytes. Default 64 MiB and one KiB for their framing; larger data belongs into
    /// object storage.
    pub params_bytes: u64,
    /// Serialized result, in bytes. Default as for parameters.
    pub result_bytes: u64,
    /// Log of one attempt, in bytes as they are written to the store. Default 16 MiB; what is beyond is dropped, and
    /// how much it was is recorded.
    pub log_bytes: u64,
    /// Log records in a second. Default 20,000: more than anybody reads, and what the store takes with ease. What is
    /// beyond is dropped and counted.
    pub log_records_per_s: u64,
    /// What a guest may hand to the host in one call, in bytes, a result excepted. Default 2 MiB: twice the largest
    /// piece of an HTTP body.
    pub host_call_bytes: u64,
    /// Resources of the host that a guest holds at once: streams, sockets, requests, pollables. Default 1,000.
    pub handles: u64,
    /// The fields of one HTTP message, in bytes, as they take memory. Default 128 KiB: servers refuse more than 8 to
    /// 64 KiB on the wire.
    pub http_header_bytes: u64,
    /// Random bytes that are given at once. Default 64 KiB; keys and seeds take a few dozen.
    pub random_bytes: u64,
    /// Sockets that are open at once. Default 32.
    pub sockets: u64,
    /// Outgoing HTTP requests that are under way at once. Default 32.
    pub http_requests: u64,
    /// The files that a run has with it, packed, in bytes. Default 64 MiB, as for parameters: launcher and runtime hold
    /// them in memory while they pack and unpack; larger data belongs into object storage.
    pub files_bytes: u64,
    /// Flows that one attempt calls as its children, and these as theirs, all together. Default 1,000: more
    /// than a flow splits its work into by accident, and few enough that a mistake ends soon.
    pub child_runs: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const PAYLOAD_BYTES: u64 = (64 << 20) + 1024;
        const HOUR_MS: u64 = 60 * 60 * 1_000;
        Self {
            memory_bytes: 512 << 20,
            table_elements: 100_000,
            instances: 100,
            memories: 10,
            tables: 100,
            timeout_ms: HOUR_MS,
            cpu_ms: HOUR_MS,
            fuel: None,
            stack_bytes: 1 << 20,
            params_bytes: PAYLOAD_BYTES,
            result_bytes: PAYLOAD_BYTES,
            log_bytes: 16 << 20,
            log_records_per_s: 20_000,
            host_call_bytes: 2 << 20,
            handles: 1_000,
            http_header_bytes: 128 << 10,
            random_bytes: 64 << 10,
            sockets: 32,
            http_requests: 32,
            files_bytes: 64 << 20,
            child_runs: 1_000,
        }
    }
}

impl Limits {
    /// Whether the code must count instructions, which is decided when it is compiled.
    pub fn metering(&self) -> Metering {
        if self.fuel.is_some() { Metering::Fuel } else { Metering::Off }
    }

    /// The value of a limit. `None`: it is not counted, which only fuel can be.
    pub fn get(&self, name: LimitName) -> Option<u64> {
        let mut copy = self.clone();
        match copy.place(name) {
            Place::Always(value) => Some(*value),
            Place::Optional(value) => *value,
            Place::Nowhere => None,
        }
    }

    /// All values, as a set.
    pub fn to_set(&self) -> LimitSet {
        LimitName::ALL.into_iter().filter_map(|name| Some((name, self.get(name)?))).collect()
    }

    /// Sets a limit.
    pub fn set(&mut self, name: LimitName, value: u64) {
        match self.place(name) {
            Place::Always(place) => *place = value,
            Place::Optional(place) => *place = Some(value),
            Place::Nowhere => {}
        }
    }

    fn place(&mut self, name: LimitName) -> Place<'_> {
        Place::Always(match name {
            LimitName::MemoryBytes => &mut self.memory_bytes,
            LimitName::TableElements => &mut self.table_elements,
            LimitName::Instances => &mut self.instances,
            LimitName::Memories => &mut self.memories,
            LimitName::Tables => &mut self.tables,
            LimitName::TimeoutMs => &mut self.timeout_ms,
            LimitName::CpuMs => &mut self.cpu_ms,
            LimitName::Fuel => return Place::Optional(&mut self.fuel),
            LimitName::StackBytes => &mut self.stack_bytes,
            LimitName::ParamsBytes => &mut self.params_bytes,
            LimitName::ResultBytes => &mut self.result_bytes,
            LimitName::LogBytes => &mut self.log_bytes,
            LimitName::LogRecordsPerS => &mut self.log_records_per_s,
            LimitName::HostCallBytes => &mut self.host_call_bytes,
            LimitName::Handles => &mut self.handles,
            LimitName::HttpHeaderBytes => &mut self.http_header_bytes,
            LimitName::RandomBytes => &mut self.random_bytes,
            LimitName::Sockets => &mut self.sockets,
            LimitName::HttpRequests => &mut self.http_requests,
            LimitName::FilesBytes => &mut self.files_bytes,
            LimitName::ChildRuns => &mut self.child_runs,
            LimitName::Other => return Place::Nowhere,
        })
    }
}

/// Whether machine code counts the instructions that it executes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metering {
    /// It does not, which is faster.
    #[default]
    Off,
    /// It does, as wasmtime's fuel.
    Fuel,
}

enum Place<'a> {
    Always(&'a mut u64),
    Optional(&'a mut Option<u64>),
    Nowhere,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_exact_or_refused() {
        for (text, size) in [("64MiB", Some(64 << 20)), ("18446744073709551615", Some(u64::MAX))] {
            assert_eq!(parse_size(text).ok(), size);
        }
        for text in ["0", "much", "64E", "99999999999999999999", "18446744073709551615 KB"] {
            assert!(parse_size(text).unwrap_err().contains(&format!("{text:?}")), "{text}");
        }
    }

    #[test]
    fn a_time_without_end_ends_with_time_itself() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        assert_eq!(deadline(now, Duration::from_secs(1)), "2026-11-24T10:00:01Z".parse().unwrap());
        assert_eq!(deadline(now, Duration::MAX), Timestamp::MAX);
        assert_eq!(deadline(now, Duration::from_millis(u64::MAX)), Timestamp::MAX);
    }

    #[test]
    fn every_limit_can_be_set_and_stands_under_its_own_key() {
        for name in LimitName::ALL {
            let mut limits = Limits::default();
            limits.set(name, 12_345_678);
            assert_eq!(limits.get(name), Some(12_345_678));
            let json = serde_json::to_value(&limits).unwrap();
            assert_eq!(json[name.key()], 12_345_678, "{name:?}");
            let changed = json.as_object().unwrap().values().filter(|value| **value == 12_345_678);
            assert_eq!(changed.count(), 1, "{name:?}");
        }
        let fields = serde_json::to_value(Limits { fuel: Some(1), ..Limits::default() }).unwrap();
        assert_eq!(fields.as_object().unwrap().len(), LimitName::ALL.len());
    }
}
