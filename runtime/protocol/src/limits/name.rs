//! The limits by name: how people write them, how a value is read and shown, how far it can go.

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::{parse_duration, parse_size};
use crate::suggest;

/// Names a limit, in a verdict and wherever one is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    /// [`Limits::memory_bytes`](super::Limits::memory_bytes).
    MemoryBytes,
    /// Elements of the component's tables.
    TableElements,
    /// Instances of the component.
    Instances,
    /// Memories of the component.
    Memories,
    /// Tables of the component.
    Tables,
    /// [`Limits::timeout_ms`](super::Limits::timeout_ms).
    TimeoutMs,
    /// [`Limits::cpu_ms`](super::Limits::cpu_ms).
    CpuMs,
    /// [`Limits::fuel`](super::Limits::fuel).
    Fuel,
    /// The stack of the guest.
    StackBytes,
    /// [`Limits::params_bytes`](super::Limits::params_bytes).
    ParamsBytes,
    /// [`Limits::result_bytes`](super::Limits::result_bytes).
    ResultBytes,
    /// [`Limits::log_bytes`](super::Limits::log_bytes).
    LogBytes,
    /// [`Limits::log_records_per_s`](super::Limits::log_records_per_s).
    LogRecordsPerS,
    /// What a guest may hand to the host in one call.
    HostCallBytes,
    /// [`Limits::handles`](super::Limits::handles).
    Handles,
    /// [`Limits::http_header_bytes`](super::Limits::http_header_bytes).
    HttpHeaderBytes,
    /// [`Limits::random_bytes`](super::Limits::random_bytes).
    RandomBytes,
    /// [`Limits::sockets`](super::Limits::sockets).
    Sockets,
    /// [`Limits::http_requests`](super::Limits::http_requests).
    HttpRequests,
    /// [`Limits::files_bytes`](super::Limits::files_bytes).
    FilesBytes,
    /// [`Limits::child_runs`](super::Limits::child_runs).
    ChildRuns,
    /// A limit that this version does not know; read, never written.
    #[serde(other)]
    Other,
}

/// What a limit's value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes: `64MiB`.
    Bytes,
    /// Milliseconds: `30s`.
    Milliseconds,
    /// Things: `100`.
    Count,
}

/// What there is to know of a limit besides its place in [`Limits`](super::Limits).
struct Facts {
    key: &'static str,
    word: &'static str,
    title: &'static str,
    unit: Unit,
    /// The highest value that can be asked for at all: what the engine and the machine can keep.
    value_max: u64,
}

impl LimitName {
    /// Every limit, in the order of [`Limits`](super::Limits).
    pub const ALL: [Self; 21] = [
        Self::MemoryBytes,
        Self::TableElements,
        Self::Instances,
        Self::Memories,
        Self::Tables,
        Self::TimeoutMs,
        Self::CpuMs,
        Self::Fuel,
        Self::StackBytes,
        Self::ParamsBytes,
        Self::ResultBytes,
        Self::LogBytes,
        Self::LogRecordsPerS,
        Self::HostCallBytes,
        Self::Handles,
        Self::HttpHeaderBytes,
        Self::RandomBytes,
        Self::Sockets,
        Self::HttpRequests,
        Self::FilesBytes,
        Self::ChildRuns,
    ];

    fn facts(self) -> Facts {
        const NO_BOUND: u64 = u64::MAX;
        const MANY: u64 = 1_000_000;
        // A 32-bit memory ends at 4 GiB, and so does what can be in it.
        const ADDRESS_SPACE: u64 = 4 << 30;
        let (key, word, title, unit, value_max) = match self {
            Self::MemoryBytes => ("memory_bytes", "memory", "memory", Unit::Bytes, NO_BOUND),
            Self::TableElements => {
                ("table_elements", "table_elements", "table size", Unit::Count, 10 * MANY)
            }
            Self::Instances => ("instances", "instances", "number of instances", Unit::Count, MANY),
            Self::Memories => ("memories", "memories", "number of memories", Unit::Count, MANY),
            Self::Tables => ("tables", "tables", "number of tables", Unit::Count, MANY),
            Self::TimeoutMs => ("timeout_ms", "timeout", "wall time", Unit::Milliseconds, NO_BOUND),
            Self::CpuMs => ("cpu_ms", "cpu", "processor time", Unit::Milliseconds, NO_BOUND),
            Self::Fuel => ("fuel", "fuel", "number of instructions", Unit::Count, NO_BOUND),
            Self::StackBytes => ("stack_bytes", "stack", "stack size", Unit::Bytes, 256 << 20),
            Self::ParamsBytes => {
                ("params_bytes", "params", "parameter size", Unit::Bytes, ADDRESS_SPACE)
            }
            Self::ResultBytes => {
                ("result_bytes", "result", "result size", Unit::Bytes, ADDRESS_SPACE)
            }
            Self::LogBytes => ("log_bytes", "log", "log size", Unit::Bytes, ADDRESS_SPACE),
            Self::LogRecordsPerS => {
                ("log_records_per_s", "log_rate", "log records per second", Unit::Count, MANY)
            }
            Self::HostCallBytes => (
                "host_call_bytes",
                "host_call",
                "data of one host call",
                Unit::Bytes,
                ADDRESS_SPACE,
            ),
            Self::Handles => ("handles", "handles", "number of open handles", Unit::Count, MANY),
            Self::HttpHeaderBytes => {
                ("http_header_bytes", "http_headers", "HTTP header size", Unit::Bytes, 64 << 20)
            }
            Self::RandomBytes => {
                ("random_bytes", "random", "random bytes at once", Unit::Bytes, 64 << 20)
            }
            Self::Sockets => ("sockets", "sockets", "number of open sockets", Unit::Count, 10_000),
            Self::HttpRequests => {
                ("http_requests", "http_requests", "number of HTTP requests", Unit::Count, 10_000)
            }
            Self::FilesBytes => {
                ("files_bytes", "files", "size of the files", Unit::Bytes, ADDRESS_SPACE)
            }
            Self::ChildRuns => {
                ("child_runs", "child_runs", "number of child runs", Unit::Count, MANY)
            }
            Self::Other => ("other", "other", "unknown", Unit::Count, NO_BOUND),
        };
        Facts { key, word, title, unit, value_max }
    }

    /// The field in records and descriptors, for example `cpu_ms`.
    pub fn key(self) -> &'static str {
        self.facts().key
    }

    /// The name that people write, for example `cpu`.
    pub fn word(self) -> &'static str {
        self.facts().word
    }

    /// What its value counts.
    pub fn unit(self) -> Unit {
        self.facts().unit
    }

    /// The limit whose field is `key`.
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.key() == key)
    }

    /// The limit that a person calls `word`.
    ///
    /// # Errors
    /// Names the nearest one, or all.
    pub fn of_word(word: &str) -> Result<Self, String> {
        if let Some(name) = Self::ALL.into_iter().find(|name| name.word() == word) {
            return Ok(name);
        }
        let words = Self::ALL.map(Self::word);
        Err(match suggest::nearest(word, words) {
            Some(near) => format!("{word:?} is not a limit; did you mean {near:?}?"),
            None => format!("{word:?} is not a limit; the limits are {}", words.join(", ")),
        })
    }

    /// Reads a value as a person writes it: `64MiB`, `30s`, `100`.
    ///
    /// # Errors
    /// Says what is wrong with it. Zero is refused: what a guest cannot have at all is not granted.
    pub fn parse(self, text: &str) -> Result<u64, String> {
        let value = match self.unit() {
            Unit::Bytes => parse_size(text)?,
            Unit::Milliseconds => parse_duration(text)?.as_millis().try_into().unwrap_or(u64::MAX),
            Unit::Count => match text.replace('_', "").parse() {
                Ok(0) | Err(_) => return Err(format!("{text:?} is not a number of 1 or more")),
                Ok(count) => count,
            },
        };
        self.check(value).map_err(|why| format!("{text:?} is {why}"))
    }

    /// Returns the value, if anybody can keep it.
    ///
    /// # Errors
    /// Says why it makes no sense.
    pub fn check(self, value: u64) -> Result<u64, String> {
        let Facts { word, value_max, .. } = self.facts();
        match value {
            0 => Err("nothing: a limit is 1 or more".to_owned()),
            _ if value > value_max => {
                Err(format!("too much: {word} ends at {}", self.show(value_max)))
            }
            _ => Ok(value),
        }
    }

    /// A value of this limit, with its unit.
    pub fn show(self, value: u64) -> String {
        match (self, self.unit()) {
            // Exact: what was wanted is often only a little more.
            (Self::ParamsBytes | Self::ResultBytes | Self::StackBytes | Self::HostCallBytes, _) => {
                format!("{value} bytes")
            }
            (_, Unit::Bytes) => ByteSize(value).to_string(),
            (_, Unit::Milliseconds) => {
                humantime::format_duration(std::time::Duration::from_millis(value)).to_string()
            }
            (_, Unit::Count) => value.to_string(),
        }
    }
}

impl std::fmt::Display for LimitName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.facts().title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_in_its_unit() {
        assert_eq!(LimitName::MemoryBytes.parse("64MiB"), Ok(64 << 20));
        assert_eq!(LimitName::CpuMs.parse("1m 30s"), Ok(90_000));
        assert_eq!(LimitName::Fuel.parse("1_000_000"), Ok(1_000_000));
        for (name, text, error) in [
            (LimitName::Sockets, "0", "\"0\" is not a number of 1 or more"),
            (LimitName::Sockets, "20000", "\"20000\" is too much: sockets ends at 10000"),
            (LimitName::MemoryBytes, "much", "\"much\" is not a size (write for example 64MiB)"),
        ] {
            assert_eq!(name.parse(text), Err(error.to_owned()));
        }
    }

    #[test]
    fn a_name_that_is_nearly_right_is_suggested() {
        assert_eq!(LimitName::of_word("cpu"), Ok(LimitName::CpuMs));
        assert_eq!(
            LimitName::of_word("socket").unwrap_err(),
            "\"socket\" is not a limit; did you mean \"sockets\"?"
        );
    }
}
