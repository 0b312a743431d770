//! Why something could not be done: what was attempted, why not, what to do.

use longshore_protocol::exit::{self, ExitCode};

/// What a caller can conclude from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// What was asked for is wrong: component, flow, parameters, a name that does not exist.
    BadInput,
    /// The store could not be read or written, or holds something damaged.
    Store,
    /// The infrastructure refused or could not be reached.
    Infrastructure,
    /// The runtime is missing on this machine, or does not work.
    Runtime,
    /// The component could not be compiled.
    Compile,
}

/// An error that says what was attempted. The cause is its source; hints say what to do.
#[derive(Debug, thiserror::Error)]
#[error("{attempted}")]
pub struct Error {
    kind: ErrorKind,
    attempted: String,
    hint: Option<String>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Makes an error without a cause.
    pub fn new(kind: ErrorKind, attempted: impl Into<String>) -> Self {
        Self { kind, attempted: attempted.into(), hint: None, source: None }
    }

    /// Makes an error with its cause.
    pub fn caused(
        kind: ErrorKind,
        attempted: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, attempted: attempted.into(), hint: None, source: Some(source.into()) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What a caller can conclude.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to do about it, where we know.
    pub fn what_to_do(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The exit code of a program that gives up for this error.
    pub fn exit_code(&self) -> ExitCode {
        match self.kind {
            ErrorKind::BadInput => exit::BAD_INPUT,
            ErrorKind::Store => exit::STORE,
            ErrorKind::Infrastructure | ErrorKind::Runtime => exit::INFRASTRUCTURE,
            ErrorKind::Compile => exit::BAD_INPUT,
        }
    }
}

impl From<longshore_protocol::Error> for Error {
    fn from(error: longshore_protocol::Error) -> Self {
        let kind = match error.kind() {
            longshore_protocol::ErrorKind::Record => ErrorKind::Store,
            longshore_protocol::ErrorKind::Text
            | longshore_protocol::ErrorKind::Component
            | longshore_protocol::ErrorKind::Value => ErrorKind::BadInput,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<longshore_storage::Error> for Error {
    fn from(error: longshore_storage::Error) -> Self {
        let hint = error.what_to_do().map(str::to_owned);
        let text = error.to_string();
        let error = match std::error::Error::source(&error) {
            Some(source) => Self::caused(ErrorKind::BadInput, text, crate::chain(source)),
            None => Self::new(ErrorKind::BadInput, text),
        };
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
