//! How flows end, and how a person is told: the verdict, its text, and the exit code.

use longshore_protocol::exit::{self, ExitCode};
use longshore_tests::{Answer, Call, Home};
use serde_json::Value;

/// Runs a flow that does not complete. Returns what is said after the state, and the verdict in the store.
#[track_caller]
fn ends(home: &Home, call: Call, code: ExitCode, state: &str) -> (Answer, Value) {
    let answer = call.answer().exits(code).prints("");
    let run = home.only_run();
    let answer = answer.says(&format!("run {} {state}: ", run.short()));
    assert_eq!(run.state(), state);
    assert!(!run.folder().join("result.bin").exists());
    (answer, run.outcome())
}

#[test]
fn an_error_comes_with_its_causes() {
    let home = Home::new();
    let call = home.run("fail_chain").param("port", "x");
    let (answer, outcome) = ends(&home, call, exit::RUN_FAILED, "Failed");
    answer.says(
        "Failed: could not read the settings\n  caused by: the port \"x\" is wrong\n  caused by: invalid digit found in string\n",
    );
    assert_eq!(outcome["retryable"], true);
}

#[test]
fn a_permanent_error_is_not_retried() {
    let home = Home::new();
    let (answer, outcome) = ends(&home, home.run("fail_permanent"), exit::RUN_FAILED, "Failed");
    answer.says("Failed: nobody lives here");
    assert_eq!((&outcome["attempt"], &outcome["retryable"]), (&1.into(), &false.into()));
}

#[test]
fn a_retryable_error_is_retried_in_a_fresh_sandbox() {
    let home = Home::new();
    let answer = home.run("flaky").succeeds().prints("3\n");
    for attempt in 1..=3 {
        let line = format!("  | this is attempt {attempt}\n");
        assert_eq!(answer.stderr.matches(&line).count(), 1, "{}", answer.stderr);
    }
    let outcome = home.only_run().outcome();
    assert_eq!(outcome["attempt"], 3);
    let failed: Vec<_> = outcome["failed_attempts"].as_array().unwrap().iter().collect();
    assert_eq!(failed.len(), 2);
    assert_eq!(failed[1]["message"], "attempt 2 has bad luck");
}

#[test]
fn the_last_attempt_decides() {
    let home = Home::new();
    let call = home.run("flaky").args(["--retries", "1"]);
    let (answer, outcome) = ends(&home, call, exit::RUN_FAILED, "Failed");
    answer.says("Failed: attempt 2 has bad luck");
    assert_eq!(outcome["attempt"], 2);
}

#[test]
fn a_panic_comes_with_its_message_and_place() {
    let home = Home::new();
    let call = home.run("panics").param("message", "no tea left");
    let (answer, _) = ends(&home, call, exit::RUN_FAILED, "Failed");
    let line = answer.stderr.lines().find(|line| line.contains("Failed: ")).unwrap();
    let (place, message) = line.split_once("panicked at ").unwrap().1.split_once(": ").unwrap();
    assert_eq!(message, "no tea left");
    let mut parts = place.rsplit(':');
    assert!(parts.by_ref().take(2).all(|number| number.parse::<u32>().is_ok()), "{place}");
    assert!(parts.next().unwrap().ends_with("ends.rs"), "{place}");
}

#[test]
fn a_division_by_zero_is_a_panic_with_its_place() {
    let home = Home::new();
    let call = home.run("divides").param("dividend", 1).param("divisor", 0);
    let (answer, _) = ends(&home, call, exit::RUN_FAILED, "Failed");
    answer.says("attempt to divide by zero");
}

#[test]
fn a_trap_is_named() {
    let home = Home::new();
    let (answer, outcome) = ends(&home, home.run("traps"), exit::RUN_FAILED, "Failed");
    answer.says("trapped: ").says("unreachable");
    assert!(outcome["verdict"]["trapped"].is_object(), "{outcome}");
}

#[test]
fn an_exit_is_a_failure_with_its_code() {
    let home = Home::new();
    let (answer, _) = ends(&home, home.run("exits").param("code", 3), exit::RUN_FAILED, "Failed");
    answer.says("ended its process instead of returning");
}

#[test]
fn an_exit_with_success_is_no_result() {
    let home = Home::new();
    ends(&home, home.run("exits").param("code", 0), exit::RUN_FAILED, "Failed");
}

#[test]
fn out_of_memory_is_named_with_its_limit() {
    let home = Home::new();
    let (answer, outcome) = ends(&home, home.run("eats_memory"), exit::RUN_OVER_LIMIT, "Failed");
    answer.says("out of memory").says("the limit is 32.0 MiB").says("--memory");
    assert_eq!(outcome["verdict"]["out_of_memory"]["limit_bytes"], 32 << 20);
    assert_eq!(outcome["retryable"], false);
    let peak = outcome["usage"]["memory_peak_bytes"].as_u64().unwrap();
    assert!((16 << 20..=32 << 20).contains(&peak), "{peak}");
}

#[test]
fn a_stack_overflow_is_named_with_its_limit() {
    let home = Home::new();
    let (answer, _) = ends(&home, home.run("deep_recursion"), exit::RUN_OVER_LIMIT, "Failed");
    answer.says("limit reached: stack size is limited to 1048576");
}

#[test]
fn a_stack_overflow_in_linear_memory_is_a_trap() {
    let home = Home::new();
    let (answer, _) = ends(&home, home.run("wide_recursion"), exit::RUN_FAILED, "Failed");
    answer.says("trapped: out of bounds memory access").says("hint: deep recursion");
}

#[test]
fn a_loop_without_end_times_out() {
    let home = Home::new();
    let call = home.run("spin").args(["--timeout", "200ms"]);
    let (answer, outcome) = ends(&home, call, exit::RUN_TIMED_OUT, "TimedOut");
    answer.says("timed out after 200ms").says("--timeout");
    assert_eq!(outcome["retryable"], true);
    let wall_ms = outcome["usage"]["wall_ms"].as_u64().unwrap();
    // The guest's own time begins a moment after the timeout's.
    assert!((100..5_000).contains(&wall_ms), "{wall_ms} ms");
}

#[test]
fn a_sleep_without_end_times_out() {
    let home = Home::new();
    let call = home.run("sleeps").param("seconds", 3600).args(["--timeout", "200ms"]);
    let (answer, _) = ends(&home, call, exit::RUN_TIMED_OUT, "TimedOut");
    answer.says("timed out after 200ms");
}

#[test]
fn the_deadline_ends_all_attempts_together() {
    let home = Home::new();
    let call = home.run("spin").args(["--deadline", "600ms", "--retries", "9", "--timeout", "1h"]);
    let (_, outcome) = ends(&home, call, exit::RUN_TIMED_OUT, "TimedOut");
    assert_eq!(outcome["attempt"], 1);
}

#[test]
fn no_attempt_is_waited_for_that_the_deadline_would_not_let_start() {
    let home = Home::new();
    let call = home.run("patient").args(["--deadline", "30s"]);
    let (answer, outcome) = ends(&home, call, exit::RUN_FAILED, "Failed");
    answer.says("Failed: not today");
    assert_eq!(outcome["attempt"], 1);
}

#[test]
fn a_deadline_that_has_passed_lets_nothing_run() {
    let home = Home::new();
    let call = home.run("sleeps").param("seconds", 5).args(["--deadline", "1ms"]);
    ends(&home, call, exit::RUN_TIMED_OUT, "TimedOut");
}

#[test]
fn what_a_guest_writes_does_not_reach_the_terminal_as_it_is() {
    let home = Home::new();
    let (answer, _) = ends(&home, home.run("escapes"), exit::RUN_FAILED, "Failed");
    assert!(!answer.stderr.contains(['\x1b', '\x07']), "{:?}", answer.stderr);
    answer.says("  | \\u{1b}[31mred\\u{7}\n").says("\\u{1b}]0;title\\u{7}gone");
    let logs = home.only_run().verb("logs").succeeds().text();
    assert!(!logs.contains('\x1b'), "{logs:?}");
}

#[test]
fn a_timeout_that_outlasts_the_calendar_is_none() {
    let home = Home::new();
    for option in ["--timeout", "--deadline"] {
        home.run("add_one").param("n", 1).args([option, "300000000y"]).succeeds().prints("2\n");
    }
}
