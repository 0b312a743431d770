//! Why a verb failed: one sentence, perhaps a hint, and the exit code.

use longshore_launchers::chain;
use longshore_protocol::exit::{self, ExitCode};

/// A failed verb.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: ExitCode,
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: ExitCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), hint: None }
    }

    /// Bad input: nothing was stored or started.
    pub(crate) fn input(text: impl Into<String>) -> Self {
        Self::new(exit::BAD_INPUT, text)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<longshore_launchers::Error> for Failure {
    fn from(error: longshore_launchers::Error) -> Self {
        Self {
            code: error.exit_code(),
            text: chain(&error),
            hint: error.what_to_do().map(str::to_owned),
        }
    }
}

impl From<longshore_protocol::Error> for Failure {
    fn from(error: longshore_protocol::Error) -> Self {
        longshore_launchers::Error::from(error).into()
    }
}
