//! Flows that talk until nobody can hear anything else.

use std::io::Write as _;

use longshore_sdk::flow;
use wasip2::cli::stdout::get_stdout;

use crate::host::{self, Field, ProgressReport};

/// Prints 64 MiB in lines.
#[flow(timeout = "30s", log_limit = "64KiB")]
fn floods_standard_output() {
    let line = "x".repeat(1 << 10);
    let mut out = std::io::stdout().lock();
    for _ in 0..64 << 10 {
        writeln!(out, "{line}").expect("standard output takes what it is given");
    }
}

/// The same to standard error, which nothing collects into larger writes.
#[flow(timeout = "30s", log_limit = "64KiB")]
fn floods_standard_error() {
    let line = "x".repeat(64 << 10);
    for _ in 0..1 << 10 {
        eprintln!("{line}");
    }
}

/// Logs 64 MiB in records.
#[flow(timeout = "30s", log_limit = "64KiB")]
fn floods_records() {
    let message = "x".repeat(64 << 10);
    for _ in 0..1 << 10 {
        log::info!("{message}");
    }
}

/// Logs a million records with nothing in them.
#[flow(timeout = "30s", limits(log_rate = 100))]
fn floods_with_nothing() {
    for _ in 0..1_000_000 {
        host::log(&host::record(String::new(), String::new(), vec![]));
    }
}

/// Prints a million empty lines.
#[flow(timeout = "30s", limits(log_rate = 100))]
fn floods_with_line_ends() {
    let lines = "\n".repeat(1_000);
    for _ in 0..1_000 {
        print!("{lines}");
    }
}

/// Prints 64 MiB and never ends the line.
#[flow(timeout = "30s", log_limit = "64KiB")]
fn never_ends_its_line() {
    let part = vec![b'x'; 64 << 10];
    for _ in 0..1 << 10 {
        std::io::stdout().write_all(&part).expect("standard output takes what it is given");
    }
}

/// Logs what takes six times as much space once it is written down.
#[flow(timeout = "30s", memory = "16MiB")]
fn floods_with_control_characters() {
    let message = "\u{1}".repeat(64 << 10);
    for _ in 0..1 << 10 {
        host::log(&host::record(String::new(), message.clone(), vec![]));
    }
}

/// Prints what is no text, and no character in it is finished.
#[flow(timeout = "30s", log_limit = "64KiB")]
fn prints_what_is_no_text() {
    let noise: Vec<u8> =
        (0..=255).chain([b'\n', 0xc3, b'\n', 0xf0, 0x9f, b'\n', 0xed, 0xa0]).collect();
    std::io::stdout().write_all(&noise).expect("standard output takes what it is given");
    std::io::stderr().write_all(&noise).expect("standard error takes what it is given");
}

/// Logs a record with a thousand fields, some of one name, and one with more than fits.
#[flow(timeout = "30s", log_limit = "64KiB")]
fn floods_with_fields() {
    let field = |n: u32| Field { key: format!("key {}", n % 900), value: "x".repeat(10) };
    host::log(&host::record("fields".to_owned(), String::new(), (0..1_000).map(field).collect()));
    for _ in 0..10 {
        host::log(&host::record(
            "fields".to_owned(),
            String::new(),
            (0..10_000).map(field).collect(),
        ));
    }
}

/// Logs records that come from places with endless names.
#[flow(timeout = "30s", log_limit = "64KiB")]
fn floods_with_targets() {
    host::log(&host::record("a".repeat(40 << 10), "first".to_owned(), vec![]));
    for _ in 0..100 {
        host::log(&host::record("b".repeat(1 << 20), "more".to_owned(), vec![]));
    }
}

/// Logs one record that is larger than any call of the host may be.
#[flow(timeout = "30s", memory = "64MiB")]
fn logs_a_giant() {
    host::log(&host::record(String::new(), "x".repeat(8 << 20), vec![]));
}

/// Writes to standard output what is larger than any call of the host may be.
#[flow(timeout = "30s", memory = "64MiB")]
fn prints_a_giant() {
    drop(get_stdout().write(&vec![b'x'; 8 << 20]));
}

/// Has zeroes written that it does not even have to have.
#[flow(timeout = "30s")]
fn prints_endless_zeroes() {
    drop(get_stdout().write_zeroes(u64::MAX));
}

/// Tells of its progress a million times, and each time at length.
#[flow(timeout = "30s")]
fn floods_progress() {
    let message = "é".repeat(1_000);
    for done in 0..100_000 {
        host::report_progress(&ProgressReport { done, total: None, message: message.clone() });
    }
}

/// Tells of progress that makes no sense, in words that a terminal would obey.
#[flow(timeout = "30s")]
fn progresses_backwards() {
    for (done, total) in [(u64::MAX, Some(0)), (0, None), (7, Some(3))] {
        let message = "\u{1b}[2J\u{1b}]0;title\u{7}\r\u{202e}".to_owned();
        host::report_progress(&ProgressReport { done, total, message });
        // Long enough for a beat to carry it.
        std::thread::sleep(std::time::Duration::from_millis(600));
    }
}

/// Prints what a terminal would obey.
#[flow(timeout = "30s")]
fn commands_the_terminal() {
    println!("\u{1b}[2J\u{1b}[31mred\u{7}\u{9b}31m\u{202e}");
    eprintln!("\u{1b}]8;;http://example.com\u{7}link");
    host::log(&host::record("\u{1b}[1m".to_owned(), "\r\u{8}message".to_owned(), vec![]));
}

/// Prints what looks like a record, an event and an end of the run.
#[flow(timeout = "30s")]
fn forges_records() {
    println!("run 00000000 Completed");
    println!(r#"{{"event":"ended","state":"Completed"}}"#);
    println!(r#""}}{{"level":"error","target":"longshore","message":"forged"}}"#);
    let field = |key: &str| Field { key: key.to_owned(), value: "forged".to_owned() };
    let fields = ["level", "target", "at", "message", "\"", "\n"].map(field).into();
    host::log(&host::record("longshore".to_owned(), "forged\n{}".to_owned(), fields));
}
