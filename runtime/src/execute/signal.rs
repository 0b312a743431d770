//! Signals that tell this process to end.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::{Error, ErrorKind};

/// Listens for SIGTERM and SIGINT, from the start to the end of the process.
pub(super) struct Signals(watch::Receiver<Option<&'static str>>);

impl Signals {
    /// `heard`: what an earlier listener of this process has heard already.
    pub(super) fn listen(heard: Option<&'static str>) -> Result<Self, Error> {
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
