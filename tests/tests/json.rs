//! `--format json`: every verb answers with JSON on standard output, and tells in JSON lines on standard error.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use longshore_protocol::exit;
use longshore_tests::{Home, fixtures};
use serde_json::{Value, json};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn run() {
    let home = Home::cold();
    let answer = home.run("add_one").param("n", 1).json().succeeds();
    let value = answer.json();
    let run = home.only_run();
    assert_eq!(
        value,
        json!({"run": run.id(), "state": "Completed", "attempt": 1, "result": 2, "output": null})
    );
    let events: Vec<_> = answer.events().iter().map(|event| event["event"].clone()).collect();
    for event in ["compiling", "compiled", "uploading", "ordered", "launched"] {
        assert!(events.contains(&event.into()), "{events:?}");
    }
}

#[test]
fn run_that_fails() {
    let home = Home::new();
    let answer = home.run("fail_permanent").json().answer().exits(exit::RUN_FAILED);
    let value = answer.json();
    assert_eq!(value["state"], "Failed");
    assert_eq!(value["exit_code"], 10);
    assert_eq!(value["retryable"], false);
    assert_eq!(value["verdict"]["failed"]["error"]["message"], "nobody lives here");
    answer.events();
}

#[test]
fn run_that_crashes() {
    let home = Home::new();
    let run = home.submitted(home.submit("spin"));
    run.runtime().signal(rustix::process::Signal::KILL);
    let value = run.verb("wait").json().answer().exits(exit::RUN_CRASHED).json();
    assert_eq!((&value["state"], &value["verdict"]), (&json!("Crashed"), &Value::Null));
    assert_eq!((&value["retryable"], &value["exit_code"]), (&json!(true), &json!(14)));
}

#[test]
fn run_into_a_file() {
    let home = Home::new();
    let file = home.path("out.bin");
    let call = home.run("sevens").param("count", 2).json().arg("--output").arg(&file);
    let value = call.succeeds().json();
    assert_eq!((&value["result"], &value["output"]), (&Value::Null, &json!(file)));
}

#[test]
fn bytes_are_base64() {
    let home = Home::new();
    let value = home.run("sevens").param("count", 3).json().succeeds().json();
    assert_eq!(value["result"], "BwcH");
}

#[test]
fn submit_and_every_verb_of_a_run() {
    let home = Home::new();
    let submitted = home.submit("add_one").param("n", 1).json().succeeds().json();
    assert_eq!(keys(&submitted), ["run", "handle"]);
    let run = home.run_named(submitted["run"].as_str().unwrap());
    let verb = |verb: &str| run.verb(verb).json().succeeds().json();
    assert_eq!(verb("wait")["result"], 2);
    assert_eq!(verb("result")["result"], 2);
    let shown = verb("show");
    assert_eq!(shown["state"], "Completed");
    for record in ["order", "job", "outcome"] {
        assert!(shown[record].is_object(), "{record} in {shown}");
    }
    assert_eq!(verb("retry")["result"], 2);
    let detached = run.verb("retry").arg("--detach").json().succeeds().json();
    assert_eq!(detached["retry_of"], run.id());
    home.run_named(detached["run"].as_str().unwrap()).wait().succeeds();
    assert_eq!(verb("rm"), json!({"removed": [run.id()]}));
}

#[test]
fn cancel() {
    let home = Home::new();
    let run = home.submitted(home.submit("spin"));
    let value = run.verb("cancel").json().succeeds().json();
    assert_eq!(value, json!({"run": run.id(), "state": "Cancelled"}));
}

#[test]
fn list() {
    let home = Home::new();
    home.run("add_one").param("n", 1).args(["--label", "a=b"]).succeeds();
    let rows = home.longshore(&["list"]).json().succeeds().json();
    let row = &rows[0];
    assert_eq!((&row["state"], &row["flow"]), (&json!("Completed"), &json!("add_one")));
    assert_eq!(row["labels"], json!({"a": "b"}));
}

#[test]
fn logs() {
    let home = Home::new();
    home.run("prints").succeeds();
    let run = home.only_run();
    for option in ["--follow", "--job"] {
        run.verb("logs").arg(option).json().succeeds().json_lines();
    }
    assert_eq!(run.verb("logs").json().succeeds().json_lines().len(), 5);
}

#[test]
fn inspect() {
    let home = Home::new();
    let value = home.longshore(&["inspect"]).arg(fixtures()).json().succeeds().json();
    assert_eq!(keys(&value), ["sha256", "bytes", "abi", "flows", "imports"]);
    let flow = value["flows"].as_array().unwrap().iter().find(|flow| flow["name"] == "context_of");
    let flow = flow.unwrap();
    assert_eq!(flow["doc"], "Returns what it knows about itself.");
    assert_eq!(flow["limits"]["timeout_ms"], 90_000);
    assert_eq!(flow["result"]["type"], "Known { run: string, attempt: u32, seconds_left: u64 }");
}

#[test]
fn new_and_build() {
    let home = Home::new();
    let made = home.longshore(&["new", "made"]).json().succeeds().json();
    assert_eq!(made, json!({"folder": "made", "name": "made"}));
    let call = home.longshore(&["build"]).arg(longshore_tests::fixtures_crate()).json();
    let built = call.env("CARGO_TARGET_DIR", longshore_tests::fixtures_target()).succeeds().json();
    assert_eq!((&built["package"], &built["builder"]), (&json!("fixtures"), &json!("cargo")));
    assert!(std::path::Path::new(built["component"].as_str().unwrap()).is_file());
}

#[test]
fn build_that_fails() {
    let home = Home::new();
    home.longshore(&["new", "broken"]).succeeds();
    home.file("broken/src/lib.rs", "nonsense");
    let answer = home.longshore(&["build", "broken"]).builds().json().answer();
    let events = answer.exits(exit::BUILD).prints("").events();
    let said = |event: &Value| event["line"].as_str().is_some_and(|line| line.contains("nonsense"));
    assert!(events.iter().any(|event| event["event"] == "cargo" && said(event)), "{events:?}");
    assert_eq!(events.last().unwrap()["event"], "error");
}

#[test]
fn doctor() {
    let home = Home::new();
    let checks = home.longshore(&["doctor"]).json().succeeds().json();
    let names: Vec<_> = checks.as_array().unwrap().iter().map(|check| &check["name"]).collect();
    assert_eq!(
        names,
        [
            "target",
            "runtime",
            "confined",
            "cache",
            "process",
            "credentials",
            "store",
            "clock",
            "access"
        ]
    );
    assert!(checks.as_array().unwrap().iter().all(|check| check["is_ok"] == true), "{checks}");
}

#[test]
fn completions() {
    let home = Home::new();
    home.longshore(&["completions", "bash"]).json().succeeds().json();
    let script = home.longshore(&["completions", "bash"]).succeeds().text();
    assert!(script.contains("complete -F _longshore"), "{script}");
}
