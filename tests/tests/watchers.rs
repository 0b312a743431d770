//! Heartbeat, log shipping, cancellation and deadline go on whatever the guest does.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Instant;

use longshore_protocol::exit;
use longshore_tests::{Home, until};

/// The flow runs for ever in its own way, and says `says` before it does.
fn goes_on(flow: &str, arguments: &[&str], says: &str) {
    let home = Home::new();
    let run = home.submitted(home.submit(flow).args(arguments));
    run.until_says(says);
    let beat = || run.record("attempts/1/beat.json");
    let first = until("there is a heartbeat", beat)["at"].clone();
    until("there is another heartbeat", || beat().filter(|beat| beat["at"] != first));
    assert_eq!(run.state(), "Running");

    let asked = Instant::now();
    run.verb("cancel").args(["--grace", "30s"]).succeeds();
    let outcome = run.outcome();
    assert!(outcome["verdict"]["cancelled"].is_object(), "{outcome}");
    // The runtime looks for the request every two seconds at most, and stops the guest at once.
    let took = asked.elapsed();
    assert!(took.as_secs() < 10, "cancelling took {took:?}");

    let call = home.run(flow).args(arguments).args(["--timeout", "300ms"]);
    call.exits(exit::RUN_TIMED_OUT).says("timed out after 300ms");
    let wall_ms = home.newest_run().outcome()["usage"]["wall_ms"].as_u64().unwrap();
    assert!(wall_ms < 3_000, "{wall_ms} ms");
}

#[test]
fn while_the_guest_spins() {
    goes_on("spin", &[], "spinning");
}

#[test]
fn while_the_guest_sleeps() {
    goes_on("sleeps", &["-p", "seconds=3600"], "sleeping");
}

#[test]
fn while_the_guest_nags_its_host() {
    goes_on("nags", &[], "nagging");
}

#[test]
fn while_the_guest_moves_memory() {
    goes_on("moves_memory", &[], "moving");
}

#[test]
fn while_the_guest_floods_its_log() {
    goes_on("floods_for_ever", &[], "log limit reached");
}
