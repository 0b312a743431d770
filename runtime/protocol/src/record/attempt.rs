//! What the runtime writes while it executes: who, alive, how far, and what the flow says.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FormatVersion, Record};

/// Where an attempt runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The host name.
    #[serde(default)]
    pub name: String,
    /// The process id of the runtime there.
    #[serde(default)]
    pub pid: u32,
    /// Architecture and operating system, for example `x86_64-linux`.
    #[serde(default)]
    pub platform: String,
}

/// Who picked an attempt up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The version of this record's format.
    pub format: FormatVersion,
    /// Counted from 1.
    pub attempt: u32,
    /// When.
    pub started_at: Timestamp,
    /// Where.
    pub host: Host,
    /// The version of the runtime.
    pub runtime: String,
}

impl Record for Started {
    const NAME: &'static str = "start record";

    fn format(&self) -> FormatVersion {
        self.format
    }
}

/// How far a flow says it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Units of work done.
    pub done: u64,
    /// Units of work in all, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// What it is doing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Liveness and progress of an attempt; overwritten while it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beat {
    /// The version of this record's format.
    pub format: FormatVersion,
    /// When the runtime was last known to be alive.
    pub at: Timestamp,
    /// The newest progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// How many log segments are closed: `0..segments` can be read.
    #[serde(default)]
    pub segments: u32,
}

impl Record for Beat {
    const NAME: &'static str = "heartbeat";

    fn format(&self) -> FormatVersion {
        self.format
    }
}

/// How serious a log record is; the levels of the `log` and `tracing` crates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Everything.
    Trace,
    /// For the author.
    Debug,
    /// For the user.
    Info,
    /// Should be looked at.
    Warn,
    /// Something failed.
    Error,
}

/// One line of a log segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecord {
    /// When the runtime received it.
    pub at: Timestamp,
    /// How serious it is. Lines of standard output are `info`, of standard error `warn`.
    pub level: Level,
    /// Where it came from: a module path, `stdout`, `stderr`, or `longshore` for the runtime itself.
    pub target: String,
    /// The text.
    pub message: String,
    /// Structured fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}
