//! Why a run could not be executed at all. How an executed run ended is a verdict, not an error.

use longshore_protocol::exit::{ExitCode, runtime};

/// What a launcher can conclude from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line names something that is of no use.
    Settings,
    /// The order is missing, damaged, or not the one that was asked for.
    BadOrder,
    /// The store could not be read or written.
    Store,
    /// The component could not be compiled.
    NotCompiled,
    /// Compiling took more memory or time than it may.
    CompileLimit,
    /// The process could not be confined as it must be.
    NotConfined,
}

/// An error of the runtime: what was attempted; the cause is its source.
#[derive(Debug, thiserror::Error)]
#[error("{attempted}")]
pub struct Error {
    kind: ErrorKind,
    attempted: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Makes an error that says what was attempted, without a cause.
    pub fn new(kind: ErrorKind, attempted: impl Into<String>) -> Self {
        Self { kind, attempted: attempted.into(), source: None }
    }

    /// Makes an error that says what was attempted, with its cause.
    pub fn caused(
        kind: ErrorKind,
        attempted: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, attempted: attempted.into(), source: Some(source.into()) }
    }

    /// What a launcher can conclude.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The exit code of the process that gives up for this error.
    pub fn exit_code(&self) -> ExitCode {
        match self.kind {
            ErrorKind::Settings => runtime::USAGE,
            ErrorKind::BadOrder => runtime::BAD_ORDER,
            ErrorKind::Store => runtime::STORE,
            ErrorKind::NotCompiled => runtime::NOT_COMPILED,
            ErrorKind::CompileLimit => runtime::COMPILE_LIMIT,
            ErrorKind::NotConfined => runtime::NOT_CONFINED,
        }
    }
}
