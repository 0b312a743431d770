//! The interfaces `longshore:flow/host` and `longshore:flow/children` themselves, without the manners of the SDK.

wit_bindgen::generate!({
    path: "../../../wit",
    inline: "
        package longshore:hostile;

        world tells {
            import longshore:flow/host@1.0.0;
            import longshore:flow/children@1.0.0;
        }
    ",
    generate_all,
});

pub(crate) use longshore::flow::children::call as call_child;
pub(crate) use longshore::flow::host::{
    Field, Level, LogRecord, PanicReport, ProgressReport, get_context, log, report_panic,
    report_progress,
};

/// A log record of which every part is given.
pub(crate) fn record(target: String, message: String, fields: Vec<Field>) -> LogRecord {
    LogRecord { level: Level::Info, target, message, fields }
}

/// Tells the host of a panic that did not happen.
pub(crate) fn lie(message: &str) {
    report_panic(&PanicReport { message: message.to_owned(), location: None });
}
