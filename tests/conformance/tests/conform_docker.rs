//! What every launcher must do, asked of Docker; and what only Docker can have happen.

use std::time::Duration;

use longshore_conformance::docker::{Docker, OwnEngine, stand, stand_at};
use longshore_conformance::{Stand, suite};
use longshore_launchers::engine::Silent;
use longshore_launchers::launcher::Plan;
use longshore_protocol::state::{JobState, State};
use rustix::process::Signal;
use serde_json::json;

longshore_conformance::conformance!(stand(&[]));

#[tokio::test]
async fn out_of_memory_is_told() {
    suite::out_of_memory_is_told(&stand(&[]), "memory").await;
}

/// What an engine says that a launch has failed for.
async fn refusal(stand: &Stand, plan: &Plan) -> String {
    let error = stand.launcher.launch(plan, &|_| ()).await.expect_err("it cannot work");
    assert_eq!(stand.state(&plan.handle).await, JobState::Gone, "nothing is left of it");
    format!("{}; hint: {}", longshore_launchers::chain(&error), error.what_to_do().unwrap_or(""))
}

#[tokio::test]
async fn an_image_that_is_missing_is_named() {
    let stand = stand(&[]);
    let mut plan = stand.script("exit 0").await;
    plan.request["create"]["Image"] = json!("127.0.0.1:1/none:1");
    let why = refusal(&stand, &plan).await;
    assert!(why.contains("has no image 127.0.0.1:1/none:1; hint: longshore image load"), "{why}");
    plan.request["image_pull_policy"] = json!("IfNotPresent");
    let why = refusal(&stand, &plan).await;
    assert!(why.contains("could not pull the image 127.0.0.1:1/none:1"), "{why}");
    assert!(why.contains("connection refused"), "{why}");
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_with_the_reason_and_leaves_nothing() {
    let stand = stand(&[]);
    let mut plan = stand.script("exit 0").await;
    plan.request["create"]["Entrypoint"] = json!(["/no/such/program"]);
    plan.request["create"]["HostConfig"]["Init"] = json!(false);
    let why = refusal(&stand, &plan).await;
    assert!(why.contains("/no/such/program"), "{why}");
    // With an init, the container starts, and it is the init that tells.
    let mut plan = stand.script("exit 0").await;
    plan.request["create"]["Entrypoint"] = json!(["/no/such/program"]);
    stand.launch(&plan).await;
    let (code, why) = stand.until_over(&plan.handle).await;
    assert_eq!(code, Some(127));
    assert!(why.contains("/no/such/program"), "{why}");
    stand.cleanup(&plan.handle).await;
    let mut plan = stand.script("exit 0").await;
    plan.request["create"]["HostConfig"]["NetworkMode"] = json!("no-such-network");
    let why = refusal(&stand, &plan).await;
    assert!(why.contains("no-such-network"), "{why}");
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named_with_what_to_do() {
    let stand = stand(&[]);
    let mut plan = stand.script("exit 0").await;
    plan.request["host"] = json!("unix:///nonexistent/docker.sock");
    let error = stand.launcher.launch(&plan, &|_| ()).await.expect_err("there is none");
    let text = longshore_launchers::chain(&error);
    assert!(text.contains("could not use the Docker engine at unix:///nonexistent"), "{text}");
    assert!(error.what_to_do().is_some_and(|hint| hint.starts_with("start Docker")));
}

#[tokio::test]
async fn a_container_that_was_created_and_never_started_is_started_by_the_next_launch() {
    let stand = stand(&[]);
    let plan = stand.script("exit 5").await;
    let name = plan.request["name"].as_str().expect("it has one").to_owned();
    let docker = Docker::here();
    let label = format!("longshore.run={}", plan.request["create"]["Labels"]["longshore.run"]);
    docker.text(&[
        "create",
        "--name",
        &name,
        "--label",
        &label,
        "longshore-test-shell:1",
        "/bin/sh",
        "-c",
        "exit 5",
    ]);
    assert_eq!(stand.state(&plan.handle).await, JobState::Pending);
    stand.launch(&plan).await;
    assert_eq!(stand.until_over(&plan.handle).await.0, Some(5));
    stand.cleanup(&plan.handle).await;

    // One that is never started is what a cancellation removes.
    docker.text(&["create", "--name", &name, "longshore-test-shell:1", "/bin/sh"]);
    stand.launcher.cancel(&plan.handle, Duration::from_secs(1)).await.expect("it can be ended");
    assert_eq!(stand.state(&plan.handle).await, JobState::Gone);
}

/// The state of a run of an engine that is killed or restarted in its midst, as a later command derives it.
async fn after_trouble(signal: Signal) -> (State, String) {
    let mut engine = OwnEngine::start();
    let stand = stand_at(&engine.host(), &[]);
    let (submitted, plan) = stand.submit("spin", &[]).await;
    stand.until_running(&plan.handle).await;
    engine.down(signal);
    let view = stand.engine.view(&submitted.run).await.expect("the store can be read");
    // An engine that ends in peace tells its containers, and the runtime says so at once.
    let is_told = view.outcome.is_some() && signal == Signal::TERM;
    let cannot_be_asked = matches!(view.job_state, Some(JobState::Unknown { .. }));
    assert!(is_told || cannot_be_asked, "{:?}", view.job_state);
    engine.up();
    let waited =
        tokio::time::timeout(Duration::from_secs(30), stand.engine.wait(&submitted.run, &Silent));
    let derived = match waited.await {
        Ok(ending) => ending.expect("the store can be read").derived,
        Err(_) => stand.engine.view(&submitted.run).await.expect("the store can be read").derived,
    };
    stand.engine.end_job(&submitted.run, Duration::from_secs(1)).await.expect("it can be ended");
    (derived.state, derived.reason.unwrap_or_default())
}

#[tokio::test]
async fn a_restarted_engine_has_interrupted_its_runs() {
    let (state, reason) = after_trouble(Signal::TERM).await;
    assert_eq!(state, State::Crashed);
    assert!(reason.contains("SIGTERM"), "{reason}");
}

#[tokio::test]
async fn a_killed_engine_leaves_a_state_with_its_reason() {
    let (state, reason) = after_trouble(Signal::KILL).await;
    assert_eq!(state, State::Crashed, "{reason}");
    assert!(reason.contains("left no outcome") || reason.contains("SIGTERM"), "{reason}");
}

#[tokio::test]
async fn a_run_outlives_an_engine_that_lets_it() {
    let mut engine = OwnEngine::start_with(&["--live-restore"]);
    let stand = stand_at(&engine.host(), &[]);
    let (submitted, plan) = stand.submit("sleeps", &[("seconds", json!(6))]).await;
    stand.until_running(&plan.handle).await;
    engine.down(Signal::TERM);
    let view = stand.engine.view(&submitted.run).await.expect("the store can be read");
    assert_eq!(view.derived.state, State::Running, "{:?}", view.derived);
    engine.up();
    let ending = stand.engine.wait(&submitted.run, &Silent).await.expect("the store can be read");
    assert_eq!(ending.derived.state, State::Completed, "{:?}", ending.derived);
}
