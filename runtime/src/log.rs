//! What a guest says: bounded, kept in order, taken away in segments.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use longshore_protocol::limits::Limits;
use longshore_protocol::record::{Level, LogRecord};

use crate::clock;
use crate::secrets::Secrets;

/// A message is cut after this many bytes: one record must not be the whole log.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Collects the log records of one attempt. Clones share it.
#[derive(Debug, Clone)]
pub struct LogSink {
    collected: Arc<Mutex<Collected>>,
    secrets: Secrets,
}

#[derive(Debug)]
struct Collected {
    pending: Vec<u8>,
    bytes_left: u64,
    is_full: bool,
    rate: Rate,
    usage: LogUsage,
}

/// Counts the records of one second after another.
#[derive(Debug)]
struct Rate {
    records_per_s: u64,
    second_began: Instant,
    records: u64,
}

impl Rate {
    const SECOND: Duration = Duration::from_secs(1);

    /// Whether there has been a record too many in this second.
    fn is_used_up(&self) -> bool {
        self.records > self.records_per_s && self.second_began.elapsed() < Self::SECOND
    }

    /// Counts a record. How many there have been in this second, itself included.
    fn count(&mut self) -> u64 {
        if self.second_began.elapsed() >= Self::SECOND {
            (self.second_began, self.records) = (Instant::now(), 0);
        }
        self.records += 1;
        self.records
    }
}

/// How much was said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogUsage {
    /// Bytes that were kept, as they are written.
    pub kept_bytes: u64,
    /// Bytes of text and fields that were dropped for a limit.
    pub dropped_bytes: u64,
    /// Records that were dropped for a limit, as far as they were told apart.
    pub dropped_records: u64,
}

impl LogUsage {
    fn drop_record(&mut self, bytes: u64) {
        self.dropped_bytes += bytes;
        self.dropped_records += 1;
    }
}

impl LogSink {
    /// A sink that keeps what the limits allow in all and in each second, and counts what is beyond.
    /// Values of `secrets` are masked.
    pub fn new(limits: &Limits, secrets: &Secrets) -> Self {
        let rate = Rate {
            records_per_s: limits.log_records_per_s,
            second_began: Instant::now(),
            records: 0,
        };
        let collected = Arc::new(Mutex::new(Collected {
            pending: Vec::new(),
            bytes_left: limits.log_bytes,
            is_full: false,
            rate,
            usage: LogUsage::default(),
        }));
        Self { collected, secrets: secrets.clone() }
    }

    /// Adds a record.
    pub fn push(
        &self,
        level: Level,
        target: &str,
        message: &str,
        fields: BTreeMap<String, String>,
    ) {
        let (masked_message, masked_target) =
            (self.secrets.mask(message), self.secrets.mask(target));
        let (message, target) = (
            cut(masked_message.as_deref().unwrap_or(message)),
            masked_target.as_deref().unwrap_or(target),
        );
        let fields = self.secrets.mask_fields(fields);
        let field_bytes: usize = fields.iter().map(|(key, value)| key.len() + value.len()).sum();
        let bytes = (message.len() + target.len() + field_bytes) as u64;
        let mut collected = self.lock();
        if collected.is_too_many() || collected.is_full {
            collected.usage.drop_record(bytes);
            return;
        }
        // What it takes is known once it is written: a control character becomes six.
        let before = collected.pending.len();
        write(&mut collected.pending, level, target, message, fields);
        let written = (collected.pending.len() - before) as u64;
        if written <= collected.bytes_left {
            collected.bytes_left -= written;
            collected.usage.kept_bytes += written;
            return;
        }
        collected.pending.truncate(before);
        collected.usage.drop_record(bytes);
        collected.is_full = true;
        let kept = collected.usage.kept_bytes;
        collected.note(&format!("log limit reached after {kept} bytes; what follows is dropped"));
    }

    /// Whether nothing would be kept now, and that has been said: for good, or until the next second.
    pub fn drops_all(&self) -> bool {
        let collected = self.lock();
        collected.is_full || collected.rate.is_used_up()
    }

    /// Counts lines that were dropped without having been looked at.
    pub fn drop_unread(&self, bytes: usize, lines: usize) {
        let mut collected = self.lock();
        collected.usage.dropped_bytes += bytes as u64;
        collected.usage.dropped_records += lines as u64;
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
        self.lock().usage
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Collected> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collected {
    /// Counts a record. Whether there were too many in this second; where it is the first of these, says so.
    fn is_too_many(&mut self) -> bool {
        let (in_this_second, allowed) = (self.rate.count(), self.rate.records_per_s);
        if in_this_second == allowed + 1 && !self.is_full {
            self.note(&format!("more than {allowed} records in a second; the others are dropped"));
        }
        in_this_second > allowed
    }

    fn note(&mut self, text: &str) {
        write(&mut self.pending, Level::Warn, "longshore", text, BTreeMap::new());
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

    fn sink(log_bytes: u64) -> LogSink {
        LogSink::new(&Limits { log_bytes, ..Limits::default() }, &Secrets::default())
    }

    fn lines(sink: &LogSink) -> Vec<LogRecord> {
        let text = String::from_utf8(sink.take().unwrap_or_default()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn say(sink: &LogSink, message: &str) {
        sink.push(Level::Info, "t", message, BTreeMap::new());
    }

    #[test]
    fn records_are_taken_once_and_in_order() {
        let sink = sink(1_000);
        say(&sink, "one");
        say(&sink, "two\nlines");
        let taken: Vec<_> = lines(&sink).into_iter().map(|record| record.message).collect();
        assert_eq!(taken, ["one", "two\nlines"]);
        assert_eq!(sink.take(), None);
    }

    #[test]
    fn the_limit_drops_counts_and_says_so_once() {
        // A record of eight letters takes less than 150 bytes, and two of them more.
        let sink = sink(150);
        for message in ["12345678", "too long", "x"] {
            say(&sink, message);
        }
        let LogUsage { kept_bytes, dropped_bytes, dropped_records } = sink.usage();
        assert_eq!((dropped_bytes, dropped_records), (9 + 2, 2));
        assert!(sink.drops_all());
        let text = sink.take().unwrap();
        assert_eq!(text.iter().position(|byte| *byte == b'\n'), Some(kept_bytes as usize - 1));
        let note = format!("log limit reached after {kept_bytes} bytes; what follows is dropped");
        assert!(String::from_utf8(text).unwrap().contains(&note));
    }

    #[test]
    fn what_a_record_takes_is_counted_as_it_is_written() {
        let sink = sink(500);
        say(&sink, &"\u{1}".repeat(100));
        assert_eq!(sink.usage().kept_bytes, 0, "it takes more than 600 bytes");
        say(&sink, "x");
        assert_eq!(lines(&sink).len(), 1, "only the note: the log is full");
    }

    #[test]
    fn too_many_records_in_a_second_are_dropped_until_the_next() {
        let sink = LogSink::new(
            &Limits { log_records_per_s: 3, ..Limits::default() },
            &Secrets::default(),
        );
        (0..10).for_each(|n| say(&sink, &n.to_string()));
        let messages: Vec<_> = lines(&sink).into_iter().map(|record| record.message).collect();
        let note = "more than 3 records in a second; the others are dropped";
        assert_eq!(messages, ["0", "1", "2", note]);
        assert_eq!(sink.usage().dropped_records, 7);
        sink.lock().rate.second_began -= Rate::SECOND;
        say(&sink, "later");
        assert_eq!(lines(&sink)[0].message, "later");
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let sink = sink(1 << 20);
        say(&sink, &"é".repeat(MESSAGE_BYTES_MAX));
        assert_eq!(lines(&sink)[0].message.len(), MESSAGE_BYTES_MAX);
        say(&sink, &format!("x{}", "é".repeat(MESSAGE_BYTES_MAX)));
        assert_eq!(lines(&sink)[0].message.len(), MESSAGE_BYTES_MAX - 1);
    }
}
