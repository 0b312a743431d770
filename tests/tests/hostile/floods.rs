//! Guests that talk until nobody can hear anything else: what is kept is bounded, and the rest is counted.

use std::collections::BTreeSet;
use std::fs;

use longshore_protocol::limits::LimitName;
use longshore_protocol::record::{Level, LogRecord};

use crate::guest::{Ended, Guest, commands_nobody};

include!(concat!(env!("OUT_DIR"), "/guests/floods.rs"));

/// All that was written to the log.
fn log(ended: &Ended) -> String {
    let folder = ended.home.only_run().folder().join("attempts/1/log");
    let mut segments: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.sort();
    segments.into_iter().map(|segment| fs::read_to_string(segment).unwrap()).collect()
}

fn bytes_of_log(ended: &Ended) -> u64 {
    log(ended).len() as u64
}

fn records(ended: &Ended) -> Vec<LogRecord> {
    log(ended).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Asserts that not more than `kept` bytes were kept, and at least `dropped` counted as dropped.
#[track_caller]
fn cut_at(ended: &Ended, kept: u64, dropped: u64) {
    let usage = &ended.outcome().usage;
    assert!(usage.log_bytes <= kept && usage.log_dropped_bytes >= dropped, "{usage:?}");
    let note = "log limit reached after ";
    let notes = records(ended).iter().filter(|record| record.message.starts_with(note)).count();
    assert_eq!(notes, 1, "it is said once that something is missing");
}

#[test]
fn floods_standard_output() {
    let ended = Guest::flow("floods_standard_output").spares_its_host().completes("");
    cut_at(&ended, 64 << 10, 60 << 20);
}

#[test]
fn floods_standard_error() {
    let ended = Guest::flow("floods_standard_error").spares_its_host().completes("");
    cut_at(&ended, 64 << 10, 60 << 20);
}

#[test]
fn floods_records() {
    let ended = Guest::flow("floods_records").spares_its_host().completes("");
    cut_at(&ended, 64 << 10, 60 << 20);
}

#[test]
fn never_ends_its_line() {
    let ended = Guest::flow("never_ends_its_line").spares_its_host().completes("");
    cut_at(&ended, 64 << 10, 60 << 20);
}

#[test]
fn floods_with_targets() {
    let ended = Guest::flow("floods_with_targets").spares_its_host().completes("");
    cut_at(&ended, 64 << 10, 100 << 20);
}

#[test]
fn floods_with_nothing() {
    let ended = Guest::flow("floods_with_nothing").spares_its_host().completes("");
    let usage = &ended.outcome().usage;
    assert!(usage.log_dropped_records > 900_000, "{usage:?}");
    // A hundred in each second that it took, and one that says so.
    let seconds = usize::try_from(usage.wall_ms / 1_000 + 1).unwrap();
    let records = records(&ended).len();
    assert!((101..=101 * seconds).contains(&records), "{records} records in {seconds} s");
}

#[test]
fn floods_with_line_ends() {
    let ended = Guest::flow("floods_with_line_ends").spares_its_host().completes("");
    let usage = &ended.outcome().usage;
    assert!(usage.log_dropped_records > 900_000, "{usage:?}");
    // A hundred in each second that it took, and one that says so.
    let seconds = usize::try_from(usage.wall_ms / 1_000 + 1).unwrap();
    let records = records(&ended).len();
    assert!((101..=101 * seconds).contains(&records), "{records} records in {seconds} s");
}

#[test]
fn floods_with_control_characters() {
    let ended = Guest::flow("floods_with_control_characters").spares_its_host().completes("");
    let written = bytes_of_log(&ended);
    // Whatever a record becomes in the store, all of them are not more than the limit, but for the note that says so.
    let allowed = ended.outcome().limits.log_bytes + 1_000;
    assert!(written <= allowed, "{written} bytes were written, {allowed} are allowed");
}

#[test]
fn prints_what_is_no_text() {
    let ended = Guest::flow("prints_what_is_no_text").completes("");
    let targets: BTreeSet<_> = records(&ended).into_iter().map(|record| record.target).collect();
    assert_eq!(targets, ["stderr", "stdout"].map(str::to_owned).into());
}

#[test]
fn floods_with_fields() {
    let ended = Guest::flow("floods_with_fields").spares_its_host().completes("");
    let records = records(&ended);
    assert_eq!(records[0].fields.len(), 900, "fields of one name are one");
    cut_at(&ended, 64 << 10, 100_000);
}

#[test]
fn logs_a_giant() {
    Guest::flow("logs_a_giant").spares_its_host().reaches(LimitName::HostCallBytes);
}

#[test]
fn prints_a_giant() {
    Guest::flow("prints_a_giant").spares_its_host().reaches(LimitName::HostCallBytes);
}

#[test]
fn prints_endless_zeroes() {
    Guest::flow("prints_endless_zeroes")
        .spares_its_host()
        .traps("trapped: cannot write more zeroes");
}

#[test]
fn floods_progress() {
    let ended = Guest::flow("floods_progress").spares_its_host().completes("");
    let longest = ended.answer.stderr.lines().map(|line| line.chars().count()).max();
    assert!(longest < Some(300), "a line has {longest:?} characters");
}

#[test]
fn progresses_backwards() {
    let ended = Guest::flow("progresses_backwards").completes("");
    commands_nobody(&ended.answer.stderr);
}

#[test]
fn commands_the_terminal() {
    let ended = Guest::flow("commands_the_terminal").completes("");
    commands_nobody(&ended.answer.stderr);
}

#[test]
fn forges_records() {
    let ended = Guest::flow("forges_records").completes("");
    let records = records(&ended);
    let targets: Vec<_> = records.iter().map(|record| record.target.as_str()).collect();
    assert_eq!(targets, ["stdout", "stdout", "stdout", "flow::longshore"]);
    assert_eq!(records[3].level, Level::Info);
    for line in ended.answer.stderr.lines().filter(|line| line.contains("forged")) {
        assert!(line.starts_with([' ', '|']), "{line:?} looks as if longshore had written it");
    }
}
