//! How a run ended.

use bytesize::ByteSize;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Confinement, FormatVersion, Payload, Record};
use crate::exit::{self, ExitCode};
use crate::id::RunId;
use crate::limits::{LimitName, Limits};
use crate::state::State;

/// An error with the causes that led to it, outermost first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorText {
    /// The error itself.
    pub message: String,
    /// Its causes, the root last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The flow returned a value.
    Completed {
        /// The value.
        result: Payload,
    },
    /// The flow returned an error.
    Failed {
        /// The error.
        error: ErrorText,
        /// The flow marked it as permanent: another attempt would fail as well.
        #[serde(default)]
        permanent: bool,
    },
    /// The flow panicked.
    Panicked {
        /// The panic's message.
        message: String,
        /// `file:line:column`, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        location: Option<String>,
    },
    /// The guest executed a WebAssembly instruction that traps, without a panic: division by zero and the like.
    Trapped {
        /// The trap in wasmtime's words.
        trap: String,
    },
    /// The flow asked for more memory than its limit.
    OutOfMemory {
        /// The limit in bytes.
        limit_bytes: u64,
        /// What it had, in bytes, when it asked.
        peak_bytes: u64,
        /// What it would have had, in bytes.
        wanted_bytes: u64,
    },
    /// Another limit was reached.
    LimitReached {
        /// Which one.
        limit: LimitName,
        /// Its value.
        allowed: u64,
        /// What was asked for, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wanted: Option<u64>,
    },
    /// The attempt took longer than its timeout, or the run passed its deadline.
    TimedOut {
        /// The time that it was given, in milliseconds.
        allowed_ms: u64,
    },
    /// Someone asked for it.
    Cancelled {
        /// Why, in their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The runtime would not execute it: another ABI, a digest that does not match, imports that nobody grants.
    Refused {
        /// Why.
        reason: String,
    },
    /// The runtime was told to stop before the flow had ended.
    Interrupted {
        /// By what, for example `SIGTERM`.
        by: String,
    },
}

impl Verdict {
    /// The verdict in one word, as people and filters know it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
            Self::Panicked { .. } => "panicked",
            Self::Trapped { .. } => "trapped",
            Self::OutOfMemory { .. } => "out of memory",
            Self::LimitReached { .. } => "limit reached",
            Self::TimedOut { .. } => "timed out",
            Self::Cancelled { .. } => "cancelled",
            Self::Refused { .. } => "refused",
            Self::Interrupted { .. } => "interrupted",
        }
    }

    /// Whether another attempt may end differently.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Failed { permanent, error: _ } => !permanent,
            Self::Panicked { .. }
            | Self::Trapped { .. }
            | Self::TimedOut { .. }
            | Self::Interrupted { .. } => true,
            Self::Completed { .. }
            | Self::OutOfMemory { .. }
            | Self::LimitReached { .. }
            | Self::Cancelled { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// The state of a run that ended like this.
    pub fn state(&self) -> State {
        match self {
            Self::Completed { .. } => State::Completed,
            Self::TimedOut { .. } => State::TimedOut,
            Self::Cancelled { .. } => State::Cancelled,
            Self::Interrupted { .. } => State::Crashed,
            Self::Failed { .. }
            | Self::Panicked { .. }
            | Self::Trapped { .. }
            | Self::OutOfMemory { .. }
            | Self::LimitReached { .. }
            | Self::Refused { .. } => State::Failed,
        }
    }

    /// The exit code of a program that waited for the run.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Completed { .. } => exit::OK,
            Self::Failed { .. } | Self::Panicked { .. } | Self::Trapped { .. } => exit::RUN_FAILED,
            Self::OutOfMemory { .. } | Self::LimitReached { .. } => exit::RUN_OVER_LIMIT,
            Self::TimedOut { .. } => exit::RUN_TIMED_OUT,
            Self::Cancelled { .. } => exit::RUN_CANCELLED,
            Self::Refused { .. } => exit::RUN_REFUSED,
            Self::Interrupted { .. } => exit::RUN_INTERRUPTED,
        }
    }

    /// What happened, in one sentence without its causes; empty where the state says it all.
    pub fn sentence(&self) -> String {
        match self {
            Self::Completed { .. } => String::new(),
            Self::Failed { error, permanent: _ } => error.message.clone(),
            Self::Panicked { message, location: Some(location) } => {
                format!("panicked at {location}: {message}")
            }
            Self::Panicked { message, location: None } => format!("panicked: {message}"),
            Self::Trapped { trap } => format!("trapped: {trap}"),
            Self::OutOfMemory { limit_bytes, peak_bytes, wanted_bytes } => format!(
                "out of memory: {} wanted, the limit is {} ({} in use)",
                ByteSize(*wanted_bytes),
                ByteSize(*limit_bytes),
                ByteSize(*peak_bytes)
            ),
            Self::LimitReached { limit, allowed, wanted: Some(wanted) } => {
                let (allowed, wanted) = (limit.show(*allowed), limit.show(*wanted));
                format!("limit reached: {limit} is limited to {allowed}, {wanted} wanted")
            }
            Self::LimitReached { limit, allowed, wanted: None } => {
                format!("limit reached: {limit} is limited to {}", limit.show(*allowed))
            }
            Self::TimedOut { allowed_ms } => {
                format!(
                    "timed out after {}",
                    humantime::format_duration(std::time::Duration::from_millis(*allowed_ms))
                )
            }
            // The state says that it was cancelled.
            Self::Cancelled { reason } => reason.clone().unwrap_or_default(),
            Self::Refused { reason } => format!("refused: {reason}"),
            Self::Interrupted { by } => format!("interrupted by {by} before the flow had ended"),
        }
    }
}

/// Where the machine code that was executed came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeSource {
    /// The compiled artefact of the order.
    Precompiled,
    /// The runtime compiled the component itself.
    CompiledHere {
        /// Why the order's artefact was not used.
        because: String,
    },
}

/// What executed the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeFacts {
    /// The version of the runtime.
    pub version: String,
    /// The fingerprint of its engine.
    pub engine: String,
    /// Where the machine code came from; absent where it came to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeSource>,
    /// What held its process, beside the sandbox; absent where it was not the process of one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confinement: Option<Confinement>,
}

/// What the last attempt used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Wall time of the attempt in milliseconds.
    pub wall_ms: u64,
    /// Processor time of the guest in milliseconds.
    pub cpu_ms: u64,
    /// WebAssembly instructions, as wasmtime counts fuel, where they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// The most linear memory it had, in bytes, together with its children.
    pub memory_peak_bytes: u64,
    /// Flows that it called as its children, theirs included.
    pub child_runs: u64,
    /// Log output that was kept, in bytes.
    pub log_bytes: u64,
    /// Log output that was dropped for a limit, in bytes.
    pub log_dropped_bytes: u64,
    /// Log records that were dropped for a limit.
    pub log_dropped_records: u64,
}

/// An attempt that was followed by another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptSummary {
    /// Counted from 1.
    pub attempt: u32,
    /// How it ended, in one word.
    pub verdict: String,
    /// How it ended, in one sentence.
    pub message: String,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// The record that ends a run. Written last, once, by the runtime: a run without it has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The version of this record's format.
    pub format: FormatVersion,
    /// The run.
    pub run: RunId,
    /// How it ended.
    pub verdict: Verdict,
    /// Whether a new run of the same order may end differently.
    pub retryable: bool,
    /// The attempt that decided, counted from 1; 0 where it came to none.
    pub attempt: u32,
    /// The attempts before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_attempts: Vec<AttemptSummary>,
    /// When the first attempt started.
    pub started_at: Timestamp,
    /// When the last one ended.
    pub ended_at: Timestamp,
    /// The limits that were in force.
    pub limits: Limits,
    /// What the last attempt used.
    #[serde(default)]
    pub usage: Usage,
    /// How many log segments each attempt wrote, the first attempt first.
    #[serde(default)]
    pub log_segments: Vec<u32>,
    /// What executed it.
    pub runtime: RuntimeFacts,
}

impl Record for Outcome {
    const NAME: &'static str = "outcome";

    fn format(&self) -> FormatVersion {
        self.format
    }
}
