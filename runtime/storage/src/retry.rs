//! How long a client tries, and what is worth trying again.

use std::time::{Duration, Instant};

use object_store::client::HttpError;
use object_store::{BackoffConfig, RetryConfig};

/// How long a client repeats a request that fails for reasons that pass (a server's 5xx, throttling, a connection that
/// breaks), with growing pauses of random length. What then still fails is better explained to a person.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn config() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(4),
            base: 2.0,
        },
        max_retries: 12,
        retry_timeout: PATIENCE,
    }
}

/// Whether the same request may succeed a moment later, for a reason that its client has not tried already.
///
/// Clients repeat what a server refuses, and reads over connections that break. They do not repeat writes over
/// connections that break, as they cannot know what became of them. Who can look, may.
pub fn may_pass(error: &object_store::Error) -> bool {
    let object_store::Error::Generic { store, source: _ } = error else { return false };
    if is_of_connection(error) {
        return true;
    }
    // By the names that object_store's clients give themselves.
    !matches!(*store, "S3" | "GCS" | "MicrosoftAzure") && longshore_protocol::pace::may_pass(error)
}

fn is_of_connection(error: &object_store::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if cause.is::<HttpError>() {
            return true;
        }
        next = cause.source();
    }
    false
}

/// Counts the time for which somebody has tried.
#[derive(Debug, Clone, Copy)]
pub struct Patience(Instant);

impl Patience {
    /// From now on.
    pub fn new() -> Self {
        Self(Instant::now())
    }

    /// Whether there is no time for another try.
    pub fn is_over(self) -> bool {
        self.0.elapsed() >= PATIENCE
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self::new()
    }
}
