//! Long-running operations: what Google has accepted, and does afterwards.
//!
//! Source: <https://google.aip.dev/151>.

use std::time::Duration;

use serde::Deserialize;

use crate::rest::{Call, Failure, Pauses, Refusal, Rest};

/// Operations of the services here end within seconds.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What Google has accepted.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Operation {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) done: bool,
    #[serde(default)]
    error: Option<Status>,
}

/// How something went, as `google.rpc.Status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Status {
    #[serde(default)]
    pub(crate) code: i64,
    #[serde(default)]
    pub(crate) message: String,
}

impl Status {
    /// The refusal that this would have been as an answer.
    /// <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>
    fn refusal(self) -> Refusal {
        let (status, word) = match self.code {
            1 => (499, "CANCELLED"),
            3 => (400, "INVALID_ARGUMENT"),
            4 => (504, "DEADLINE_EXCEEDED"),
            5 => (404, "NOT_FOUND"),
            6 => (409, "ALREADY_EXISTS"),
            7 => (403, "PERMISSION_DENIED"),
            8 => (429, "RESOURCE_EXHAUSTED"),
            9 => (400, "FAILED_PRECONDITION"),
            10 => (409, "ABORTED"),
            13 => (500, "INTERNAL"),
            14 => (503, "UNAVAILABLE"),
            16 => (401, "UNAUTHENTICATED"),
            _ => (500, "UNKNOWN"),
        };
        Refusal { status, word: word.to_owned(), message: self.message, retry_after: None }
    }
}

impl Operation {
    /// Waits until it is done, at `path` before its name. Callers add the time limit.
    ///
    /// # Errors
    /// When it has failed, or cannot be asked.
    pub(crate) async fn done(self, rest: &Rest, version: &str) -> Result<(), Failure> {
        let pauses = Pauses::new(PAUSE_FIRST, PAUSE_MAX);
        let mut operation = self;
        while !operation.done {
            tokio::time::sleep(pauses.next()).await;
            let path = format!("/{version}/{}", operation.name);
            operation = match rest.read(&Call::get(path)).await {
                Ok(read) => read,
                // It is forgotten when what it was about is gone.
                Err(failure) if failure.is_not_found() => return Ok(()),
                Err(failure) => return Err(failure),
            };
        }
        match operation.error {
            Some(error) => Err(Failure::Refused(error.refusal())),
            None => Ok(()),
        }
    }
}
