//! Signals that tell this process to end.

use std::sync::Mutex;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{Error, ErrorKind};

/// Listens for SIGTERM and SIGINT. A second one is not handled: then the guest is being stopped already.
pub(super) struct Signals {
    terminate: tokio::sync::Mutex<Signal>,
    interrupt: tokio::sync::Mutex<Signal>,
    seen: Mutex<Option<&'static str>>,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, Error> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Error::caused(ErrorKind::Store, "could not listen for signals", error)
            })
        };
        Ok(Self {
            terminate: tokio::sync::Mutex::new(listen(SignalKind::terminate())?),
            interrupt: tokio::sync::Mutex::new(listen(SignalKind::interrupt())?),
            seen: Mutex::new(None),
        })
    }

    /// Waits for a signal; once there was one, returns at once.
    pub(super) async fn received(&self) -> &'static str {
        if let Some(seen) = *self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return seen;
        }
        let name = tokio::select! {
            _ = async { self.terminate.lock().await.recv().await } => "SIGTERM",
            _ = async { self.interrupt.lock().await.recv().await } => "SIGINT",
        };
        *self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(name);
        name
    }
}
