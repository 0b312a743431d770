//! What a guest says: bounded, kept in order, taken away in segments.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use longshore_protocol::record::{Level, LogRecord};

use crate::clock;

/// A message is cut after this many bytes: one record must not be the whole log.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Collects the log records of one attempt. Clones share it.
#[derive(Debug, Clone)]
pub struct LogSink(Arc<Mutex<Collected>>);

#[derive(Debug, Default)]
struct Collected {
    pending: Vec<u8>,
    bytes_left: u64,
    kept_bytes: u64,
    dropped_bytes: u64,
}

/// How much was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogUsage {
    /// Bytes that were kept.
    pub kept_bytes: u64,
    /// Bytes that were dropped for the limit.
    pub dropped_bytes: u64,
}

impl LogSink {
    /// A sink that keeps `log_bytes` of text and fields, and counts what is beyond.
    pub fn new(log_bytes: u64) -> Self {
        Self(Arc::new(Mutex::new(Collected { bytes_left: log_bytes, ..Collected::default() })))
    }

    /// Adds a record.
    pub fn push(
        &self,
        level: Level,
        target: &str,
        message: &str,
        fields: BTreeMap<String, String>,
    ) {
        let message = cut(message);
        let field_bytes: usize = fields.iter().map(|(key, value)| key.len() + value.len()).sum();
        let bytes = (message.len() + target.len() + field_bytes) as u64;
        let mut collected = self.lock();
        if collected.dropped_bytes > 0 || bytes > collected.bytes_left {
            let is_first = collected.dropped_bytes == 0;
            collected.dropped_bytes += bytes.max(1);
            if is_first {
                let kept = collected.kept_bytes;
                let note = format!("log limit reached after {kept} bytes; what follows is dropped");
                write(&mut collected.pending, Level::Warn, "longshore", &note, BTreeMap::new());
            }
            return;
        }
        collected.bytes_left -= bytes;
        collected.kept_bytes += bytes;
        write(&mut collected.pending, level, target, message, fields);
    }

    /// How many bytes of segment text wait to be taken.
    pub fn pending_bytes(&self) -> usize {
        self.lock().pending.len()
    }

    /// Takes what was collected since the last time: whole lines of JSON.
    pub fn take(&self) -> Option<Vec<u8>> {
        let pending = std::mem::take(&mut self.lock().pending);
        Some(pending).filter(|text| !text.is_empty())
    }

    /// How much was said so far.
    pub fn usage(&self) -> LogUsage {
        let collected = self.lock();
        LogUsage { kept_bytes: collected.kept_bytes, dropped_bytes: collected.dropped_bytes }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Collected> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(
    pending: &mut Vec<u8>,
    level: Level,
    target: &str,
    message: &str,
    fields: BTreeMap<String, String>,
) {
    let record = LogRecord {
        at: clock::now(),
        level,
        target: target.to_owned(),
        message: message.to_owned(),
        fields,
    };
    serde_json::to_writer(&mut *pending, &record)
        .expect("a log record has string keys only, so it is always JSON");
    pending.push(b'\n');
}

fn cut(message: &str) -> &str {
    let mut end = message.len().min(MESSAGE_BYTES_MAX);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(sink: &LogSink) -> Vec<LogRecord> {
        let text = String::from_utf8(sink.take().unwrap_or_default()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn say(sink: &LogSink, message: &str) {
        sink.push(Level::Info, "t", message, BTreeMap::new());
    }

    #[test]
    fn records_are_taken_once_and_in_order() {
        let sink = LogSink::new(1_000);
        say(&sink, "one");
        say(&sink, "two\nlines");
        let taken: Vec<_> = lines(&sink).into_iter().map(|record| record.message).collect();
        assert_eq!(taken, ["one", "two\nlines"]);
        assert_eq!(sink.take(), None);
    }

    #[test]
    fn the_limit_drops_counts_and_says_so_once() {
        let sink = LogSink::new(10);
        for message in ["12345678", "toolong", "x"] {
            say(&sink, message);
        }
        let records = lines(&sink);
        assert_eq!(records.len(), 2);
        assert_eq!(records[1].message, "log limit reached after 9 bytes; what follows is dropped");
        assert_eq!(sink.usage(), LogUsage { kept_bytes: 9, dropped_bytes: 8 + 2 });
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let sink = LogSink::new(1 << 20);
        say(&sink, &"é".repeat(MESSAGE_BYTES_MAX));
        assert_eq!(lines(&sink)[0].message.len(), MESSAGE_BYTES_MAX);
        say(&sink, &format!("x{}", "é".repeat(MESSAGE_BYTES_MAX)));
        assert_eq!(lines(&sink)[0].message.len(), MESSAGE_BYTES_MAX - 1);
    }
}
