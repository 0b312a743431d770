//! A run's life without anybody attached: submit, list, show, logs, wait, result, cancel, retry, rm.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::time::{Duration, Instant};

use longshore_protocol::exit::{self, BAD_INPUT};
use longshore_tests::{Answer, Home, Run, until};
use serde_json::{Value, json};

/// A run that does not end by itself, and has said so.
#[track_caller]
fn spinning(home: &Home) -> Run<'_> {
    let run = home.submitted(home.submit("spin"));
    run.until_says("spinning");
    run
}

/// A run that has ended.
#[track_caller]
fn ended<'a>(home: &'a Home, flow: &str) -> Run<'a> {
    let run = home.submitted(home.submit(flow));
    until("the run has an outcome", || run.record("outcome.json"));
    run
}

#[test]
fn submit_prints_the_run_and_does_not_wait() {
    let home = Home::new();
    let began = Instant::now();
    let run = home.submitted(home.submit("sleeps").param("seconds", 3600));
    assert!(began.elapsed() < Duration::from_secs(10));
    let answer = run.verb("show").succeeds();
    assert!(answer.text().starts_with(&format!("run         {}\nstate       ", run.id())));
}

#[test]
fn wait_prints_the_result() {
    let home = Home::new();
    let run = home.submitted(home.submit("add_one").param("n", 41));
    run.wait().succeeds().prints("42\n");
    run.wait().succeeds().prints("42\n");
    run.verb("result").succeeds().prints("42\n");
}

#[test]
fn wait_gives_up_after_its_timeout_and_the_run_goes_on() {
    let home = Home::new();
    let run = spinning(&home);
    run.verb("wait").args(["--timeout", "100ms"]).answer().fails_with(
        exit::RUN_NOT_ENDED,
        &[
            &format!("error: run {} has not ended within 100ms", run.short()),
            &format!("hint: it goes on; longshore cancel {} stops it", run.short()),
        ],
    );
    assert!(!run.runtime().is_over());
}

#[test]
fn wait_ends_as_the_run_ended() {
    let home = Home::new();
    let run = home.submitted(home.submit("panics").param("message", "oh"));
    run.wait().exits(exit::RUN_FAILED).prints("").says("Failed: panicked at ").says(": oh\n");
    run.verb("result").answer().exits(exit::RUN_FAILED).prints("").says(": oh\n");
}

#[test]
fn there_is_no_result_before_the_end() {
    let home = Home::new();
    let run = spinning(&home);
    run.verb("result").answer().fails_with(
        exit::RUN_NOT_ENDED,
        &[
            &format!("error: run {} has not ended: it is Running", run.short()),
            &format!("hint: longshore wait {}", run.short()),
        ],
    );
}

#[test]
fn the_result_can_be_written_to_a_file_later() {
    let home = Home::new();
    let run = home.submitted(home.submit("sevens").param("count", 5_000));
    run.wait().succeeds();
    let file = home.path("sevens.bin");
    run.verb("result").arg("--output").arg(&file).succeeds().prints("");
    assert_eq!(fs::read(file).unwrap(), [7; 5_000]);
}

#[test]
fn logs_follow_a_run_while_it_runs() {
    let home = Home::new();
    let run = home.submitted(home.submit("progresses").param("steps", 12));
    let mut following = run.verb("logs").arg("--follow").start();
    following.until_prints("step 1 of 12");
    assert_eq!(run.state(), "Running");
    assert!(following.is_running());
    let lines: String = (1..=12).map(|step| format!("  | step {step} of 12\n")).collect();
    following.finish().succeeds().prints(&lines);
    assert_eq!(run.state(), "Completed");
    run.verb("logs").succeeds().prints(&lines);
}

#[test]
fn logs_without_follow_do_not_wait() {
    let home = Home::new();
    let run = spinning(&home);
    run.verb("logs").succeeds().prints("  | spinning\n");
    assert_eq!(run.state(), "Running");
}

#[test]
fn cancel_ends_a_flow_that_computes() {
    let home = Home::new();
    let run = spinning(&home);
    cancel_ends(&run);
}

#[test]
fn cancel_ends_a_flow_that_waits() {
    let home = Home::new();
    let run = home.submitted(home.submit("sleeps").param("seconds", 3600));
    run.until_says("sleeping");
    cancel_ends(&run);
}

#[track_caller]
fn cancel_ends(run: &Run<'_>) {
    let runtime = run.runtime();
    let began = Instant::now();
    let answer = run.verb("cancel").args(["--reason", "not needed"]).succeeds();
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    answer.prints(&format!("run {} is Cancelled\n", run.short()));
    runtime.until_over();
    assert_eq!(run.outcome()["verdict"], json!({"cancelled": {"reason": "not needed"}}));
    assert_eq!((run.state(), run.reason()), ("Cancelled".into(), "not needed".into()));
    run.wait().exits(exit::RUN_CANCELLED).prints("").says("Cancelled: not needed");
}

#[test]
fn cancel_between_two_attempts_ends_the_run() {
    let home = Home::new();
    let run = home.submitted(home.submit("patient"));
    let runtime = run.runtime();
    run.verb("cancel").succeeds().prints(&format!("run {} is Cancelled\n", run.short()));
    runtime.until_over();
    assert_eq!(run.outcome()["failed_attempts"][0]["message"], "not today");
}

#[test]
fn what_has_ended_is_not_cancelled() {
    let home = Home::new();
    let run = ended(&home, "nothing");
    run.verb("cancel").answer().fails_with(
        BAD_INPUT,
        &[
            &format!("error: run {} has ended already: it is Completed", run.short()),
            &format!("hint: longshore show {}", run.short()),
        ],
    );
    assert!(run.record("cancel.json").is_none());
}

#[test]
fn to_cancel_twice_is_to_cancel_once() {
    let home = Home::new();
    let run = spinning(&home);
    run.verb("cancel").arg("--no-wait").args(["--reason", "first"]).succeeds();
    let second = run.verb("cancel").args(["--reason", "second"]).answer();
    // The run may have ended before the second request.
    assert!([Some(0), Some(2)].contains(&second.code), "{second:?}");
    until("the run is cancelled", || run.record("outcome.json"));
    assert_eq!(run.outcome()["verdict"], json!({"cancelled": {"reason": "first"}}));
    run.verb("cancel").answer().exits(BAD_INPUT).says("has ended already: it is Cancelled");
}

#[test]
fn retry_starts_the_same_anew() {
    let home = Home::new();
    let call = home.submit("fail_chain").param("port", "x").args(["--label", "a=b"]);
    let run = home.submitted(call.args(["--retries", "1", "--timeout", "7s"]));
    run.wait().exits(exit::RUN_FAILED);
    run.verb("retry")
        .answer()
        .exits(exit::RUN_FAILED)
        .prints("")
        .says("could not read the settings");
    let other = home.runs().into_iter().find(|id| id != run.id()).unwrap();
    let (old, new) = (&run.shown()["order"], &home.run_named(&other).shown()["order"]);
    for same in ["component", "flow", "params", "limits", "retry", "labels"] {
        assert_eq!(old[same], new[same], "{same}");
    }
    assert_eq!(new["retry_of"], run.id());
}

#[test]
fn retry_can_be_detached() {
    let home = Home::new();
    let run = home.submitted(home.submit("add_one").param("n", 1));
    run.wait().succeeds();
    let id = run.verb("retry").arg("--detach").succeeds().text();
    home.run_named(id.trim()).wait().succeeds().prints("2\n");
}

#[test]
fn what_runs_is_not_retried_and_not_removed() {
    let home = Home::new();
    let run = spinning(&home);
    let said = format!("run {} has not ended: it is Running", run.short());
    run.verb("retry").answer().exits(exit::RUN_NOT_ENDED).prints("").says(&said);
    run.verb("rm").answer().fails_with(
        BAD_INPUT,
        &[
            &format!("error: run {} is Running, so it is not removed", run.short()),
            &format!("hint: cancel it first: longshore cancel {}", run.short()),
        ],
    );
    assert_eq!(run.state(), "Running");
}

#[test]
fn rm_leaves_nothing_of_a_run() {
    let home = Home::new();
    let (gone, stays) = (ended(&home, "prints"), ended(&home, "nothing"));
    gone.verb("wait").succeeds();
    gone.verb("rm").succeeds().prints(&format!("removed {}\n", gone.id()));
    assert!(!gone.folder().exists() && !gone.job().exists());
    assert!(stays.folder().exists() && stays.job().exists());
    gone.verb("show").answer().exits(BAD_INPUT).says("there is no run ");
    stays.verb("show").succeeds();
}

#[test]
fn rm_can_be_repeated_where_it_was_cut_off() {
    let home = Home::new();
    let run = ended(&home, "nothing");
    run.verb("wait").succeeds();
    // What goes first is the order: without it, nobody could say what state the rest is in.
    fs::remove_file(run.folder().join("order.json")).unwrap();
    run.verb("rm").succeeds().prints(&format!("removed {}\n", run.id()));
    assert!(!run.folder().exists());
}

#[test]
fn rm_removes_all_or_nothing_where_a_name_is_wrong() {
    let home = Home::new();
    let run = ended(&home, "nothing");
    run.verb("rm").arg("ffffffff").answer().exits(BAD_INPUT).prints("");
    assert!(run.folder().exists());
}

#[test]
fn rm_removes_all_or_nothing_where_a_run_has_not_ended() {
    let home = Home::new();
    let (over, runs) = (ended(&home, "nothing"), spinning(&home));
    over.verb("rm").arg(runs.id()).answer().exits(BAD_INPUT).prints("").says("is not removed");
    assert!(over.folder().exists() && runs.folder().exists());
}

#[test]
fn rm_of_a_run_that_is_named_twice_removes_it_once() {
    let home = Home::new();
    let run = ended(&home, "nothing");
    run.verb("wait").succeeds();
    run.verb("rm").arg(run.short()).succeeds().prints(&format!("removed {}\n", run.id()));
}

#[test]
fn a_run_is_named_by_any_unique_ending() {
    let home = Home::new();
    let run = home.submitted(home.submit("add_one").param("n", 1));
    run.wait().succeeds();
    for ending in [run.short(), &run.id()[30..], &run.id()[9..], &run.id().to_uppercase()] {
        home.longshore(&["result", ending]).succeeds().prints("2\n");
    }
}

#[test]
fn an_ending_of_several_runs_or_of_none_names_none() {
    let home = Home::new();
    let runs: Vec<_> = (0..17).map(|_| home.submitted(home.submit("nothing"))).collect();
    // Of seventeen hexadecimal digits, two are the same.
    let last = |run: &Run<'_>| run.id()[35..].to_owned();
    let digit = runs
        .iter()
        .map(last)
        .find(|digit| runs.iter().filter(|run| last(run) == *digit).count() > 1);
    let digit = digit.unwrap();
    let answer = home.longshore(&["show", &digit]).answer().exits(BAD_INPUT).prints("");
    answer
        .says(&format!("runs have an id that ends with {digit:?}"))
        .says("hint: give more of the id: ");
    let answer = home.longshore(&["show", "ffffffffffff"]).answer().exits(BAD_INPUT);
    answer
        .says("has an id that ends with \"ffffffffffff\"")
        .says("hint: longshore list shows the runs");
    let answer = home.longshore(&["show", "last"]).answer().exits(BAD_INPUT);
    answer.says("error: \"last\" is not a run id or the ending of one");
}

#[test]
fn a_whole_id_that_does_not_exist() {
    let home = Home::new();
    ended(&home, "nothing");
    for verb in ["show", "wait", "logs", "result", "cancel", "retry", "rm"] {
        let answer = home.longshore(&[verb, "019d0000-0000-7000-8000-000000000001"]).answer();
        answer
            .exits(BAD_INPUT)
            .prints("")
            .says("there is no run 019d0000-0000-7000-8000-000000000001");
    }
}

#[test]
fn a_store_that_does_not_exist_is_not_made_by_looking() {
    let home = Home::new();
    for call in [&["list"][..], &["show", "ab"], &["wait", "ab"], &["rm", "ab"]] {
        home.longshore(call)
            .answer()
            .exits(BAD_INPUT)
            .prints("")
            .says("error: there is no store at ");
    }
    assert!(!home.store().exists());
}

/// The flows in a listing, as they are listed.
fn flows(listed: &Answer) -> Vec<Value> {
    listed.json().as_array().unwrap().iter().map(|row| row["flow"].clone()).collect()
}

#[test]
fn list_shows_the_newest_first_and_filters() {
    let home = Home::new();
    ended(&home, "nothing");
    home.run("panics").param("message", "x").answer().exits(exit::RUN_FAILED);
    home.run("add_one").param("n", 1).args(["--label", "team=green"]).succeeds();
    let running = spinning(&home);
    let list = |filter: &[&str]| flows(&home.longshore(&["list"]).args(filter).json().succeeds());
    assert_eq!(list(&[]), ["spin", "add_one", "panics", "nothing"]);
    assert_eq!(list(&["-n", "2"]), ["spin", "add_one"]);
    assert_eq!(list(&["-n", "0"]), [""; 0]);
    assert_eq!(list(&["--state", "completed"]), ["add_one", "nothing"]);
    assert_eq!(list(&["--state", "Failed"]), ["panics"]);
    assert_eq!(list(&["--state", "Running"]), ["spin"]);
    assert_eq!(list(&["--flow", "panics"]), ["panics"]);
    assert_eq!(list(&["--label", "team=green"]), ["add_one"]);
    assert_eq!(list(&["--label", "team=red"]), [""; 0]);
    let text = home.longshore(&["list"]).succeeds().text();
    let first = text.lines().nth(1).unwrap();
    assert!(first.starts_with(&format!("{}  Running     spin ", running.short())), "{text}");
    let wrong = home.longshore(&["list", "--state", "Sleeping"]).answer().exits(BAD_INPUT);
    wrong.says("the states are Scheduled, Pending, Running");
}

#[test]
fn an_empty_store_lists_no_runs() {
    let home = Home::new();
    ended(&home, "nothing").verb("rm").succeeds();
    home.longshore(&["list"]).succeeds().prints("").says("no runs");
    assert_eq!(home.longshore(&["list"]).json().succeeds().json(), json!([]));
}

#[test]
fn tenants_do_not_see_each_other() {
    let home = Home::new();
    let run = ended(&home, "nothing");
    let other = home.longshore(&["list", "--tenant", "other"]).json().succeeds();
    assert_eq!(other.json(), json!([]));
    run.verb("show").args(["--tenant", "other"]).answer().exits(BAD_INPUT).says("there is no run ");
}
