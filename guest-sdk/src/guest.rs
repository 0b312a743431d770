//! The component's half of the guest contract.
//!
//! **Invariant:** every instance gets exactly one call of `run`, so nothing here is undone after it.

use std::io::Write as _;
use std::panic::PanicHookInfo;

use bindings::exports::longshore::flow::guest as contract;
use bindings::longshore::flow::{children, host};

use crate::error::Failure;
use crate::flow::Flow;
#[cfg(any(feature = "log", feature = "tracing"))]
use crate::logging::{self, Level, Record};
use crate::{Context, flows};

#[expect(unsafe_code, reason = "generated: calls the host through the canonical ABI")]
mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "flows",
    });

    export!(Component with_types_in self);

    struct Component;

    impl exports::longshore::flow::guest::Guest for Component {
        fn run(
            flow: String,
            params: Vec<u8>,
        ) -> Result<Vec<u8>, exports::longshore::flow::guest::Failure> {
            super::run(&flow, params)
        }
    }
}

fn run(name: &str, params: Vec<u8>) -> Result<Vec<u8>, contract::Failure> {
    std::panic::set_hook(Box::new(report_panic));
    #[cfg(any(feature = "log", feature = "tracing"))]
    logging::install();
    let ended = match flows().find(|flow| flow.name() == name) {
        Some(flow) => flow.call(params),
        None => Err(Failure::permanent(unknown(name))),
    };
    // An unfinished line would stay in the guest's buffer and be lost with it. Standard error has no buffer.
    drop(std::io::stdout().flush());
    ended.map_err(|Failure { message, causes, retryable }| contract::Failure {
        message,
        causes,
        retryable,
    })
}

fn unknown(name: &str) -> String {
    let mut text = format!("the component has no flow {name:?}; it has");
    for flow in flows() {
        text.push(' ');
        text.push_str(flow.name());
    }
    text
}

fn report_panic(panic: &PanicHookInfo<'_>) {
    // Only if the panic is not in the middle of a print: waiting for its lock would never end.
    drop(std::io::stdout().flush());
    host::report_panic(&host::PanicReport {
        message: panic.payload_as_str().unwrap_or("the panic's payload is not text").to_owned(),
        location: panic.location().map(ToString::to_string),
    });
}

pub(crate) fn context() -> Context {
    let host::Context { run_id, attempt, deadline_ms } = host::get_context();
    Context::new(run_id, attempt, deadline_ms)
}

pub(crate) fn progress(done: u64, total: Option<u64>, message: String) {
    host::report_progress(&host::ProgressReport { done, total, message });
}

pub(crate) fn call_child(flow: &Flow, params: Vec<u8>) -> Result<Vec<u8>, Failure> {
    // A line that is in the guest's own buffer was said before what the child says.
    drop(std::io::stdout().flush());
    children::call(flow.name(), &params).map_err(
        |children::Failure { message, causes, retryable }| Failure { message, causes, retryable },
    )
}

#[cfg(any(feature = "log", feature = "tracing"))]
pub(crate) fn log(record: Record) {
    let Record { level, target, message, fields } = record;
    let level = match level {
        Level::Trace => host::Level::Trace,
        Level::Debug => host::Level::Debug,
        Level::Info => host::Level::Info,
        Level::Warn => host::Level::Warn,
        Level::Error => host::Level::Error,
    };
    let fields = fields.into_iter().map(|(key, value)| host::Field { key, value }).collect();
    host::log(&host::LogRecord { level, target, message, fields });
}
