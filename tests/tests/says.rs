//! What flows say while they run: logs, progress, and what they know about themselves.

use longshore_tests::Home;
use serde_json::{Value, json};

/// The log of a run, each record as `(level, target, message, fields)`.
fn records(home: &Home) -> Vec<Value> {
    let lines = home.only_run().verb("logs").json().succeeds().json_lines();
    let record = |line: &Value| {
        assert_eq!(line["attempt"], 1);
        let record = &line["record"];
        json!([record["level"], record["target"], record["message"], record["fields"]])
    };
    lines.iter().map(record).collect()
}

#[test]
fn every_output_reaches_the_log_in_order() {
    let home = Home::new();
    let answer = home.run("prints").succeeds().prints("");
    answer.says(concat!(
        "  | to standard output\n",
        " !| to standard error\n",
        " WARN shop: by the log crate\n",
        " INFO shop: by the tracing crate items=3 user=ada\n",
        "  | without an end of line\n",
    ));
    assert_eq!(
        records(&home),
        [
            json!(["info", "stdout", "to standard output", null]),
            json!(["warn", "stderr", "to standard error", null]),
            json!(["warn", "shop", "by the log crate", null]),
            json!(["info", "shop", "by the tracing crate", {"items": "3", "user": "ada"}]),
            json!(["info", "stdout", "without an end of line", null]),
        ]
    );
}

#[test]
fn a_log_over_its_limit_is_cut_counted_and_marked() {
    let home = Home::new();
    home.run("floods_log").param("bytes", 100_000).succeeds().prints("100000\n");
    let usage = home.only_run().outcome()["usage"].clone();
    let (kept, dropped) = (usage["log_bytes"].as_u64(), usage["log_dropped_bytes"].as_u64());
    assert!(kept.unwrap() <= 10 << 10 && dropped.unwrap() > 80_000, "{usage}");
    let records = records(&home);
    let last = records.last().unwrap();
    let note = format!("log limit reached after {} bytes; what follows is dropped", kept.unwrap());
    assert_eq!(*last, json!(["warn", "longshore", note, null]));
    home.only_run()
        .verb("show")
        .succeeds()
        .text()
        .lines()
        .find(|line| {
            *line == format!("log         {} bytes were dropped for the limit", dropped.unwrap())
        })
        .unwrap();
}

#[test]
fn progress_is_told_while_the_flow_runs() {
    let home = Home::new();
    let running = home.run("progresses").param("steps", 8).start();
    running.until_says("of 8");
    running.until_says("/8 step ");
    let answer = running.finish().succeeds().prints("8\n");
    for step in 1..=8 {
        let line = format!("  | step {step} of 8\n");
        assert_eq!(answer.stderr.matches(&line).count(), 1, "{}", answer.stderr);
    }
}

#[test]
fn progress_is_an_event_for_programs() {
    let home = Home::new();
    let answer = home.run("progresses").param("steps", 6).json().succeeds();
    let events = answer.events();
    let progress: Vec<_> = events.iter().filter(|event| event["event"] == "progress").collect();
    assert!(!progress.is_empty(), "{events:?}");
    assert!(progress.iter().all(|event| event["progress"]["total"] == 6), "{progress:?}");
    assert_eq!(events.iter().filter(|event| event["event"] == "log").count(), 6);
}

#[test]
fn a_flow_knows_its_run() {
    let home = Home::new();
    let known = home.run("context_of").succeeds().json();
    assert_eq!(known["run"], home.only_run().id());
    assert_eq!(known["attempt"], 1);
    let left = known["seconds_left"].as_u64().unwrap();
    assert!((60..=90).contains(&left), "{left} s left of 90");
}

#[test]
fn a_flow_does_not_speak_for_the_runtime() {
    let home = Home::new();
    let answer = home.run("poses").succeeds();
    answer.says(" WARN flow::longshore: all is well").says(" INFO flow::stdout: this was never");
}
