//! For people: lines, and on a terminal one line of progress that is drawn over itself.

use std::sync::{Mutex, PoisonError};

use bytesize::ByteSize;
use longshore_launchers::engine::{Event, Report};
use longshore_protocol::record::{Level, LogRecord, Progress};

use crate::output::{draw, note, safe, safe_line, safe_lines};
use crate::settings::Settings;

pub(super) struct Human {
    has_terminal: bool,
    /// What stands on the progress line.
    drawn: Mutex<String>,
}

impl Human {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { has_terminal: settings.has_terminal, drawn: Mutex::default() }
    }

    fn line(&self, text: &str) {
        let drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.is_empty() {
            note(text);
        } else {
            draw("");
            note(text);
            draw(&drawn);
        }
    }

    fn progress(&self, text: String) {
        if self.has_terminal {
            draw(&text);
            *self.drawn.lock().unwrap_or_else(PoisonError::into_inner) = text;
        } else {
            note(&text);
        }
    }
}

impl Drop for Human {
    fn drop(&mut self) {
        if !self.drawn.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            draw("");
        }
    }
}

impl Report for Human {
    fn hear(&self, event: &Event<'_>) {
        match event {
            Event::Compiling { bytes } => {
                self.line(&format!("compiling the component ({})", ByteSize(*bytes)));
            }
            Event::Compiled { took_ms } => {
                self.line(&format!("compiled in {took_ms} ms; later runs skip this"));
            }
            // The component of a small flow is there before the line could be read.
            Event::Uploading { bytes, .. } if *bytes < 1 << 20 => {}
            Event::Files { count, bytes, .. } => {
                let files = if *count == 1 { "file" } else { "files" };
                self.line(&format!("with {count} {files} ({})", ByteSize(*bytes)));
            }
            Event::Warning { text } => self.line(&format!("warning: {}", safe_lines(text))),
            Event::Preparing { text } => self.progress(safe_lines(text)),
            Event::Uploading { what, bytes } => {
                self.line(&format!("uploading the {what} ({})", ByteSize(*bytes)));
            }
            Event::Arrived { what, arrived, bytes } => {
                let (arrived, bytes) = (ByteSize(*arrived), ByteSize(*bytes));
                self.progress(format!("uploading the {what}: {arrived} of {bytes}"));
            }
            Event::Ordered { .. } => {}
            Event::Launched { run, .. } => self.line(&format!("run {} started", run.short())),
            Event::State { .. } => {}
            Event::Progress { progress, .. } => self.progress(bar(progress)),
            Event::Log { record, .. } => self.line(&log_line(record)),
            Event::Output { line, .. } => self.line(&format!(" >| {}", safe_lines(line))),
            Event::Repeated { failed, .. } => {
                self.line(&format!(
                    "attempt {} {}: {}",
                    failed.attempt,
                    failed.verdict,
                    safe_lines(&failed.message)
                ));
            }
            Event::Healed { because } => {
                self.line(&format!(
                    "the runtime compiled the component itself: {}",
                    safe_lines(because)
                ));
            }
        }
    }
}

fn bar(progress: &Progress) -> String {
    const WIDTH: u64 = 20;
    let Progress { done, total, message } = progress;
    let message = safe(&message.replace('\n', " "));
    match total {
        Some(total) if *total > 0 => {
            let filled =
                (u128::from(*done.min(total)) * u128::from(WIDTH) / u128::from(*total)) as usize;
            let bar = "#".repeat(filled) + &"-".repeat(WIDTH as usize - filled);
            format!("[{bar}] {done}/{total} {message}").trim_end().to_owned()
        }
        _ => format!("{done} {message}").trim_end().to_owned(),
    }
}

/// A log record as one line, or several where its message has several.
pub(crate) fn log_line(record: &LogRecord) -> String {
    let LogRecord { at: _, level, target, message, fields } = record;
    let mark = match (target.as_str(), level) {
        ("stdout", _) => return format!("  | {}", safe_lines(message)),
        ("stderr", _) => return format!(" !| {}", safe_lines(message)),
        (_, Level::Trace) => "TRACE",
        (_, Level::Debug) => "DEBUG",
        (_, Level::Info) => " INFO",
        (_, Level::Warn) => " WARN",
        (_, Level::Error) => "ERROR",
    };
    let fields: String = fields
        .iter()
        .map(|(key, value)| format!(" {}={}", safe_line(key), safe_line(value)))
        .collect();
    format!("{mark} {}: {}{fields}", safe_line(target), safe_lines(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_one_line() {
        let progress = |done, total| bar(&Progress { done, total, message: "two\nlines".into() });
        assert_eq!(progress(5, Some(10)), "[##########----------] 5/10 two lines");
        assert_eq!(progress(20, Some(10)), "[####################] 20/10 two lines");
        assert_eq!(progress(7, None), "7 two lines");
    }
}
