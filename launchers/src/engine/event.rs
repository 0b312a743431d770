//! What the engine tells while it works.

use longshore_protocol::id::RunId;
use longshore_protocol::record::{AttemptSummary, LogRecord, Progress};
use longshore_protocol::state::Derived;
use serde::Serialize;

use crate::launcher::Plan;

/// Something happened.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// The component is being compiled for the first time.
    Compiling {
        /// Its size.
        bytes: u64,
    },
    /// It was compiled.
    Compiled {
        /// How long that took.
        took_ms: u64,
    },
    /// These files go with the run.
    Files {
        /// How many.
        count: u64,
        /// Their sizes together.
        bytes: u64,
        /// What they have in the store, packed.
        packed_bytes: u64,
    },
    /// Something is not as whoever asked may think.
    Warning {
        /// What.
        text: &'a str,
    },
    /// The infrastructure is being prepared for the job: an image is on its way, for example.
    Preparing {
        /// What goes on.
        text: &'a str,
    },
    /// Something is being uploaded that the store did not have.
    Uploading {
        /// What.
        what: &'static str,
        /// Its size.
        bytes: u64,
    },
    /// A part of what is being uploaded has arrived; only told of what is uploaded in parts.
    Arrived {
        /// What.
        what: &'static str,
        /// How many bytes of it.
        arrived: u64,
        /// Its size.
        bytes: u64,
    },
    /// The order is in the store.
    Ordered {
        /// The run.
        run: RunId,
    },
    /// The infrastructure has accepted the job.
    Launched {
        /// The run.
        run: RunId,
        /// What was requested.
        plan: &'a Plan,
    },
    /// The run has another state.
    State {
        /// The run.
        run: RunId,
        /// The state.
        derived: &'a Derived,
    },
    /// The flow is further on.
    Progress {
        /// The run.
        run: RunId,
        /// How far.
        progress: &'a Progress,
    },
    /// The flow said something.
    Log {
        /// The run.
        run: RunId,
        /// The attempt that said it.
        attempt: u32,
        /// What.
        record: &'a LogRecord,
    },
    /// The job itself has put something out.
    Output {
        /// The run.
        run: RunId,
        /// One line.
        line: &'a str,
    },
    /// An attempt failed, and another one followed.
    Repeated {
        /// The run.
        run: RunId,
        /// The attempt that failed.
        failed: &'a AttemptSummary,
    },
    /// An artefact in the store was damaged and has been removed; the next run uploads it again.
    Healed {
        /// What was wrong.
        because: &'a str,
    },
}

/// Hears events.
pub trait Report: Send + Sync {
    /// Hears one.
    fn hear(&self, event: &Event<'_>);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Silent;

impl Report for Silent {
    fn hear(&self, _: &Event<'_>) {}
}
