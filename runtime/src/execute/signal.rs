//! What tells a runtime from outside to end: signals to its process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::{Error, ErrorKind};

/// The signals that end a runtime.
const ENDING: [(i32, &str); 2] = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")];

/// Notes the signals to this process from now to its end.
///
/// A listener of tokio's hears nothing while its thread is busy, and forgets what it has not heard when its runtime
/// ends. This is written by the handler itself.
#[derive(Debug, Clone)]
pub(super) struct Noted(Arc<AtomicUsize>);

impl Noted {
    pub(super) fn from_now_on() -> Result<Self, Error> {
        let noted = Arc::new(AtomicUsize::new(0));
        for (number, _) in ENDING {
            let kept = usize::try_from(number).expect("signals have positive numbers");
            flag::register_usize(number, Arc::clone(&noted), kept).map_err(failed)?;
        }
        Ok(Self(noted))
    }

    /// The newest one.
    fn name(&self) -> Option<&'static str> {
        let noted = self.0.load(Ordering::SeqCst);
        let (_, name) = ENDING.iter().find(|(number, _)| usize::try_from(*number) == Ok(noted))?;
        Some(name)
    }
}

/// Hears when this runtime is told to end. Clones hear the same.
#[derive(Debug, Clone)]
pub struct Signals(watch::Receiver<Option<&'static str>>);

impl Signals {
    /// Listens for SIGTERM and SIGINT to this process; what was noted before is heard at once.
    pub(super) fn listen(noted: &Noted) -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(failed);
        let (mut terminate, mut interrupt) =
            (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        // After that: between the two, nothing gets lost.
        let (seen, signals) = watch::channel(noted.name());
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

fn failed(error: std::io::Error) -> Error {
    Error::caused(ErrorKind::Store, "could not listen for signals", error)
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[test]
    fn what_comes_while_nobody_listens_is_heard_later() {
        let noted = Noted::from_now_on().unwrap();
        let in_tokio = |work: &dyn Fn() -> Signals| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async { work() })
        };
        // It listens, is busy when the signal comes, and ends before it has looked.
        let busy = || {
            let signals = Signals::listen(&noted).unwrap();
            kill_process(getpid(), Signal::TERM).unwrap();
            while noted.name().is_none() {
                std::thread::yield_now();
            }
            signals
        };
        drop(in_tokio(&busy));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let heard = runtime.block_on(async { Signals::listen(&noted).unwrap().received().await });
        assert_eq!(heard, "SIGTERM");
    }
}
