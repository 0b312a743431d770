//! Long-running operations: what Google has accepted, and does afterwards.
//!
//! Source: <https://google.aip.dev/151>.

use std::time::Duration;

use serde::Deserialize;

use super::status::Status;
use crate::rest::{Call, Failure, Pauses, Rest};

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
