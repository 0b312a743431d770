//! How a guest is told to stop, from any thread, at most once.

use std::sync::{Arc, OnceLock};

use longshore_protocol::record::Verdict;
use tokio::sync::Notify;

use crate::engine::Engine;

/// Why a guest has to stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// Its time is over.
    #[error("timed out")]
    TimedOut {
        /// The time that it was given, in milliseconds.
        allowed_ms: u64,
    },
    /// Someone asked for it.
    #[error("cancelled")]
    Cancelled {
        /// Why, in their words.
        reason: Option<String>,
    },
    /// The process was told to end.
    #[error("interrupted by {by}")]
    Interrupted {
        /// By what.
        by: String,
    },
}

impl From<StopReason> for Verdict {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::TimedOut { allowed_ms } => Self::TimedOut { allowed_ms },
            StopReason::Cancelled { reason } => Self::Cancelled { reason },
            StopReason::Interrupted { by } => Self::Interrupted { by },
        }
    }
}

/// Stops one call. Clones share it; the first reason stands.
#[derive(Debug, Clone)]
pub struct Stop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    reason: OnceLock<StopReason>,
    notify: Notify,
}

impl Stop {
    /// A stop for a call in `engine` that nobody has asked for yet.
    pub fn new(engine: &Engine) -> Self {
        Self(Arc::new(Inner {
            engine: engine.clone(),
            reason: OnceLock::new(),
            notify: Notify::new(),
        }))
    }

    /// Asks the guest to stop. It does at its next loop head or function entry, or at once when it waits.
    pub fn request(&self, reason: StopReason) {
        if self.0.reason.set(reason).is_ok() {
            self.0.engine.interrupt();
            self.0.notify.notify_waiters();
        }
    }

    /// Why it has to stop, once somebody asked.
    pub fn reason(&self) -> Option<StopReason> {
        self.0.reason.get().cloned()
    }

    /// Waits until somebody asks.
    pub async fn requested(&self) -> StopReason {
        loop {
            let notified = self.0.notify.notified();
            if let Some(reason) = self.reason() {
                return reason;
            }
            notified.await;
        }
    }
}
