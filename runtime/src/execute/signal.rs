//! What tells a runtime from outside to end: signals to its process.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::{Error, ErrorKind};

/// Hears when this runtime is told to end. Clones hear the same.
#[derive(Debug, Clone)]
pub struct Signals(watch::Receiver<Option<&'static str>>);

impl Signals {
    /// Listens for SIGTERM and SIGINT, from now to the end of the process; `heard` is what an earlier listener of this
    /// process has heard already.
    ///
    /// # Errors
    /// When the operating system does not let it.
    pub fn listen(heard: Option<&'static str>) -> Result<Self, Error> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Error::caused(ErrorKind::Store, "could not listen for signals", error)
            })
        };
        let (mut terminate, mut interrupt) =
            (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        let (seen, signals) = watch::channel(heard);
        tokio::spawn(async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            seen.send_replace(Some(name));
            // Kept, so that those who look later still see it.
            seen.closed().await;
        });
        Ok(Self(signals))
    }

    /// What was heard until now.
    pub(super) async fn heard(&self) -> Option<&'static str> {
        // Lets the task that listens say what it has just heard.
        tokio::task::yield_now().await;
        *self.0.borrow()
    }

    /// For a runtime that is not a process of its own: whoever holds the other end tells it to end, and by what.
    pub fn of(told: watch::Receiver<Option<&'static str>>) -> Self {
        Self(told)
    }

    /// Waits for a signal; once there was one, returns at once.
    pub(super) async fn received(&self) -> &'static str {
        let seen = self.0.clone().wait_for(Option::is_some).await.map(|name| *name);
        match seen {
            Ok(name) => name.unwrap_or("a signal"),
            // The task that listens lives as long as the process: there will be no signal any more.
            Err(_) => std::future::pending().await,
        }
    }
}
