//! Forwards records of the `log` and `tracing` crates to the run's log.
//!
//! Everything is forwarded, whatever its level: a reader of the log filters, and the log limit bounds what a
//! chatty dependency can write. `log::set_max_level`, or the `max_level_*` features of `log` and `tracing`, make
//! records that nobody wants cost nothing.
//!
//! **Invariant:** natively nothing is installed, so a test's own logger stays the only one.

#[cfg(feature = "log")]
mod facade;
#[cfg(feature = "tracing")]
mod subscriber;

/// How serious a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// A record as the host takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) level: Level,
    pub(crate) target: String,
    pub(crate) message: String,
    pub(crate) fields: Vec<(String, String)>,
}

/// Where records go: to the host, or to a test.
type Sink = fn(Record);

/// Makes records of both crates go to the host. A logger that is there already stays.
#[cfg(target_family = "wasm")]
pub(crate) fn install() {
    #[cfg(feature = "log")]
    facade::install();
    #[cfg(feature = "tracing")]
    subscriber::install(crate::guest::log);
}
