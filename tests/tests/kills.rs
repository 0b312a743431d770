//! What is left when a process is killed: an honest state, and never half of a result.

use longshore_protocol::exit;
use longshore_tests::{Home, Run, Running, fixtures, longshore};
use rustix::process::Signal;
use serde_json::json;

/// An attached run of a flow that has begun.
#[track_caller]
fn attached<'a>(home: &'a Home, flow: &str, seconds: Option<f64>) -> (Running, Run<'a>) {
    let call = home.run(flow);
    let running = match seconds {
        Some(seconds) => call.param("seconds", seconds).start(),
        None => call.start(),
    };
    running.until_says("started\n");
    let run = home.only_run();
    run.runtime();
    (running, run)
}

#[test]
fn a_run_survives_its_launcher() {
    let home = Home::new();
    let (launcher, run) = attached(&home, "sleeps", Some(1.0));
    launcher.signal(Signal::KILL);
    assert_eq!(launcher.finish().code, None);
    assert_eq!(run.state(), "Running");
    run.wait().succeeds().prints("slept 1 s\n");
    assert_eq!(run.state(), "Completed");
}

#[test]
fn a_killed_runtime_is_a_crash_with_its_reason() {
    let home = Home::new();
    let (launcher, run) = attached(&home, "spin", None);
    run.runtime().signal(Signal::KILL);
    let answer = launcher.finish().exits(exit::RUN_CRASHED).prints("");
    answer.says("Crashed: the runtime is gone and left no outcome: killed by signal 9 (SIGKILL");
    assert_eq!(run.state(), "Crashed");
    assert!(
        run.reason().starts_with("the runtime is gone and left no outcome"),
        "{}",
        run.reason()
    );
    assert!(run.record("outcome.json").is_none());
    run.verb("result").answer().exits(exit::RUN_CRASHED).prints("");
    run.wait().exits(exit::RUN_CRASHED).prints("").says("longshore retry");
    run.verb("rm").succeeds();
}

#[test]
fn both_killed_is_a_crash() {
    let home = Home::new();
    let (launcher, run) = attached(&home, "spin", None);
    let runtime = run.runtime();
    launcher.signal(Signal::KILL);
    runtime.signal(Signal::KILL);
    launcher.finish();
    runtime.until_over();
    run.wait().exits(exit::RUN_CRASHED).prints("");
    assert_eq!(run.state(), "Crashed");
}

#[test]
fn what_was_said_before_a_crash_is_kept() {
    let home = Home::new();
    let run = home.submitted(home.submit("spin"));
    run.until_says("spinning");
    run.runtime().signal(Signal::KILL);
    run.wait().exits(exit::RUN_CRASHED);
    run.verb("logs").succeeds().prints("  | spinning\n");
}

#[test]
fn a_crashed_run_is_retried_as_a_new_one() {
    let home = Home::new();
    let run = home.submitted(home.submit("sleeps").param("seconds", 1));
    run.runtime().signal(Signal::KILL);
    run.wait().exits(exit::RUN_CRASHED);
    run.verb("retry").succeeds().prints("slept 1 s\n");
    assert_eq!(run.state(), "Crashed");
}

#[test]
fn a_terminated_runtime_says_so() {
    let home = Home::new();
    let (launcher, run) = attached(&home, "spin", None);
    run.runtime().signal(Signal::TERM);
    let answer = launcher.finish().exits(exit::RUN_INTERRUPTED).prints("");
    answer
        .says("Crashed: interrupted by SIGTERM before the flow had ended")
        .says("longshore retry");
    assert_eq!(run.outcome()["verdict"], json!({"interrupted": {"by": "SIGTERM"}}));
    assert_eq!(run.outcome()["retryable"], true);
}

#[test]
fn a_runtime_that_does_not_react_is_killed_for_certain() {
    let home = Home::new();
    let run = home.submitted(home.submit("spin"));
    let runtime = run.runtime();
    runtime.signal(Signal::STOP);
    let answer = run.verb("cancel").args(["--grace", "200ms"]).succeeds();
    answer.prints(&format!("run {} is Cancelled\n", run.short()));
    assert!(runtime.is_over());
    assert!(run.record("outcome.json").is_none());
    run.wait().exits(exit::RUN_CANCELLED).prints("");
}

#[test]
fn ctrl_c_stops_the_run() {
    let home = Home::new();
    let (launcher, run) = attached(&home, "spin", None);
    launcher.signal(Signal::INT);
    let answer = launcher.finish().exits(exit::RUN_CANCELLED).prints("");
    answer.says("asking the run to stop; Ctrl-C again detaches").says("Cancelled: Ctrl-C");
    assert_eq!(run.state(), "Cancelled");
}

#[test]
fn ctrl_c_twice_detaches() {
    let home = Home::new();
    // The kernel sends SIGHUP to a stopped process whose parent ends; here nobody minds.
    let program = home.program("nohup").arg(longshore()).arg("run").arg(fixtures()).arg("spin");
    let launcher = program.start();
    launcher.until_says("started\n");
    let run = home.only_run();
    // A runtime that cannot answer: else the run would be over before the second signal.
    run.runtime().signal(Signal::STOP);
    launcher.signal(Signal::INT);
    launcher.until_says("Ctrl-C again detaches");
    launcher.signal(Signal::INT);
    let answer = launcher.finish().exits(exit::DETACHED).prints("");
    answer.says(&format!("longshore wait {}", run.short()));
    run.runtime().signal(Signal::CONT);
    run.wait().exits(exit::RUN_CANCELLED).says("Cancelled: Ctrl-C");
    assert!(run.record("outcome.json").is_some());
}

#[test]
fn a_signal_for_the_terminals_group_does_not_reach_the_runtime() {
    let home = Home::new();
    let (launcher, run) = attached(&home, "sleeps", Some(1.0));
    launcher.signal(Signal::KILL);
    launcher.finish();
    let stat = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let group =
        |pid: i32| stat(pid).rsplit(") ").next().unwrap().split(' ').nth(2).map(str::to_owned);
    let runtime = run.runtime().pid();
    assert_eq!(group(runtime), Some(runtime.to_string()));
    run.wait().succeeds();
}

#[test]
fn two_runtimes_for_one_order_write_one_outcome() {
    let home = Home::new();
    let run = home.submitted(home.submit("dice_later").param("seconds", 1).param("count", 100_000));
    let others = [run.runtime_again().start(), run.runtime_again().start()];
    let result = run.wait().succeeds();
    for other in others {
        other.finish().succeeds();
    }
    let outcome = run.outcome();
    assert_eq!(result.stdout.len(), 100_000);
    assert_eq!(run.verb("result").succeeds().stdout, result.stdout);
    assert_eq!(run.outcome(), outcome);
    // A container that is restarted after the end changes nothing either.
    run.runtime_again().succeeds();
    assert_eq!(run.outcome(), outcome);
}

#[test]
fn a_result_that_a_dead_runtime_left_stands() {
    let home = Home::new();
    let run =
        home.submitted(home.submit("dice_later").param("seconds", 3600).param("count", 9_000));
    let runtime = run.runtime();
    runtime.signal(Signal::KILL);
    runtime.until_over();
    // It died after it had written its result and before it could write its outcome.
    let left = [&[0x88, 0x27], [9; 5_000].as_slice()].concat();
    std::fs::write(run.folder().join("result.bin"), left).unwrap();
    assert_eq!(run.state(), "Crashed");
    run.verb("result").answer().exits(exit::RUN_CRASHED).prints("");
}

#[test]
fn a_restarted_runtime_does_not_mix_two_results() {
    let home = Home::new();
    let run = home.submitted(home.submit("dice_later").param("seconds", 0.5).param("count", 9_000));
    let runtime = run.runtime();
    runtime.signal(Signal::KILL);
    runtime.until_over();
    let left = [&[0x88, 0x27], [9; 5_000].as_slice()].concat();
    std::fs::write(run.folder().join("result.bin"), left).unwrap();
    // The infrastructure starts the container once more; the flow's result is another one this time.
    run.runtime_again().succeeds();
    let answer = run.verb("result").succeeds();
    assert!(answer.stdout == [9; 5_000] || answer.stdout.len() == 9_000, "{}", answer.stdout.len());
}

#[test]
fn a_restarted_runtime_goes_on_with_the_next_attempt() {
    let home = Home::new();
    let run = home.submitted(home.submit("sleeps").param("seconds", 0.5));
    let runtime = run.runtime();
    runtime.signal(Signal::KILL);
    runtime.until_over();
    run.runtime_again().succeeds();
    assert_eq!(run.outcome()["attempt"], 2);
    run.wait().succeeds().prints("slept 0 s\n");
    assert_eq!(run.state(), "Completed");
}

#[test]
fn whoever_cancels_while_the_run_ends_sees_what_all_see() {
    for round in 0..20 {
        let home = Home::new();
        let seconds = 0.1 + f64::from(round) * 0.01;
        let run = home.submitted(home.submit("sleeps").param("seconds", seconds));
        run.runtime();
        let cancels = [run.verb("cancel").start(), run.verb("cancel").start()];
        let waits = run.verb("wait").start();
        let waited = waits.finish();
        for cancel in cancels {
            let answer = cancel.finish();
            assert!([Some(0), Some(2)].contains(&answer.code), "{answer:?}");
        }
        let state = run.state();
        let expected = match state.as_str() {
            "Completed" => exit::OK,
            "Cancelled" => exit::RUN_CANCELLED,
            other => panic!("{other}"),
        };
        let waited = waited.exits(expected);
        assert_eq!(waited.text().is_empty(), state == "Cancelled");
        run.wait().exits(expected);
        run.runtime().until_over();
        assert_eq!(run.state(), state);
    }
}

#[test]
fn a_clock_that_was_set_back_leaves_a_live_run_alive() {
    let home = Home::new();
    let run = home.submitted(home.submit("spin"));
    run.until_says("spinning");
    // The record as a clock that was an hour ahead would have written it, and one that was an hour behind.
    for began in ["2100-01-01T00:00:00Z", "2000-01-01T00:00:00Z"] {
        let path = run.folder().join("attempts/1/started.json");
        let mut started = run.record("attempts/1/started.json").unwrap();
        started["started_at"] = json!(began);
        std::fs::write(path, started.to_string()).unwrap();
        assert_eq!(run.state(), "Running", "started at {began}");
    }
    run.verb("cancel").succeeds();
    run.runtime().until_over();
}
