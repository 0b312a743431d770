//! What every launcher must do, asked of ECS; and what only ECS can have happen.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use longshore_conformance::Stand;
use longshore_conformance::ecs::{Cluster, run, stand};
use longshore_launchers::chain;
use longshore_launchers::launcher::Plan;
use longshore_protocol::state::JobState;
use longshore_tests::servers::Ecs;
use serde_json::{Value, json};

longshore_conformance::conformance!(stand(&[]));

/// A stand, and the server that it talks to.
fn place(settings: &[(&str, &str)]) -> (Stand, Arc<Ecs>) {
    let cluster = Cluster::new();
    let ecs = Arc::clone(&cluster.ecs);
    (cluster.stand(settings), ecs)
}

/// What a launch is refused with.
async fn refusal(stand: &Stand, plan: &Plan) -> String {
    let error = stand.launcher.launch(plan, &|_| ()).await.unwrap_err();
    format!("{}; hint: {}", chain(&error), error.what_to_do().unwrap_or_default())
}

/// A job with some script ends as it should, and was started once.
async fn ends_well(stand: &Stand, ecs: &Ecs, plan: &Plan) {
    assert_eq!(stand.until_over(&plan.handle).await.0, Some(7));
    assert_eq!(ecs.tasks(run(&plan.handle)).len(), 1);
    stand.cleanup(&plan.handle).await;
}

const SUBNETS: (&str, &str) = ("subnets", "subnet-00000001");

#[tokio::test]
async fn a_launch_takes_one_request_and_the_first_one_four() {
    let (stand, ecs) = place(&[]);
    let first = stand.launched("exit 7").await;
    let expected = ["DescribeSubnets", "RunTask", "RegisterTaskDefinition", "RunTask"];
    assert_eq!(ecs.take_operations(), expected);
    let second = stand.launched("exit 7").await;
    assert_eq!(ecs.take_operations(), ["RunTask"]);
    for plan in [first, second] {
        ends_well(&stand, &ecs, &plan).await;
    }
    // What waits and explains only reads.
    let rest = ecs.take_operations();
    let reads = ["DescribeTasks", "ListTasks", "DescribeTaskDefinition", "GetLogEvents"];
    assert!(rest.iter().all(|operation| reads.contains(&operation.as_str())), "{rest:?}");
    assert!(rest.len() < 40, "{rest:?}");
}

#[tokio::test]
async fn a_definition_is_registered_when_its_content_has_changed_and_not_before() {
    let (stand, ecs) = place(&[SUBNETS]);
    let usual = stand.launched("exit 7").await;
    assert_eq!(ecs.take_operations(), ["RunTask", "RegisterTaskDefinition", "RunTask"]);
    // Another machine knows it as well.
    let again = stand.script("exit 7").await;
    stand.another_launcher().launch(&again, &|_| ()).await.unwrap();
    assert_eq!(ecs.take_operations(), ["RunTask"]);
    let other = stand.script_with(&[("memory", "4GiB")], "exit 7").await;
    stand.launch(&other).await;
    assert_eq!(ecs.take_operations(), ["RunTask", "RegisterTaskDefinition", "RunTask"]);
    for plan in [usual, again, other] {
        ends_well(&stand, &ecs, &plan).await;
    }
}

#[tokio::test]
async fn a_family_of_ones_own_has_a_revision_for_each_content() {
    let family = format!("flows-{}", std::process::id());
    let settings =
        [SUBNETS, ("family", family.as_str()), ("match_latest_revision_in_family", "true")];
    let (stand, ecs) = place(&settings);
    let launch = async |more: &[(&str, &str)]| {
        let plan = stand.script_with(more, "exit 7").await;
        stand.launch(&plan).await;
        let task = &ecs.tasks(run(&plan.handle))[0];
        let arn = task["taskDefinitionArn"].as_str().unwrap().to_owned();
        ends_well(&stand, &ecs, &plan).await;
        arn.rsplit('/').next().unwrap().to_owned()
    };
    ecs.take_operations();
    assert_eq!(launch(&[]).await, format!("{family}:1"));
    let asked = ecs.take_operations();
    assert_eq!(asked[..3], ["DescribeTaskDefinition", "RegisterTaskDefinition", "RunTask"]);
    assert_eq!(launch(&[]).await, format!("{family}:1"));
    assert_eq!(ecs.take_operations()[..2], ["DescribeTaskDefinition", "RunTask"]);
    assert_eq!(launch(&[("memory", "4GiB")]).await, format!("{family}:2"));
    assert_eq!(launch(&[]).await, format!("{family}:3"));
}

#[tokio::test]
async fn a_definition_that_is_gone_is_registered_again() {
    let settings = [SUBNETS, ("auto_deregister_task_definition", "true")];
    let (stand, ecs) = place(&settings);
    for _ in 0..2 {
        let plan = stand.launched("exit 7").await;
        let asked = ecs.take_operations();
        assert_eq!(asked, ["RunTask", "RegisterTaskDefinition", "RunTask"]);
        let task = &ecs.tasks(run(&plan.handle))[0];
        let arn = task["taskDefinitionArn"].as_str().unwrap().to_owned();
        stand.until_over(&plan.handle).await;
        assert_eq!(ecs.definition(&arn)["status"], "ACTIVE");
        for _ in 0..2 {
            stand.launcher.finish(&plan.handle).await.unwrap();
            assert_eq!(ecs.definition(&arn)["status"], "INACTIVE");
        }
        ecs.take_operations();
    }
}

#[tokio::test]
async fn a_definition_of_somebody_else_is_run_as_it_is() {
    let (stand, ecs) = place(&[SUBNETS]);
    let plan = stand.script("exit 7").await;
    // As somebody registers one: without our container's name.
    let mut definition = plan.request["task_definition"].clone();
    let mut container = plan.request["container"].clone();
    container["name"] = json!("main");
    definition["family"] = json!(format!("theirs-{}", std::process::id()));
    definition["containerDefinitions"] = json!([container]);
    ecs.ask("RegisterTaskDefinition", &definition);
    ecs.take_operations();
    let mut foreign = plan;
    let request = &mut foreign.request;
    request["task_definition"] = Value::Null;
    request["container"] = Value::Null;
    request["container_name"] = json!("main");
    request["environment"] = json!({ "GREETING": "hello" });
    request["run_task"]["taskDefinition"] = definition["family"].clone();
    request["arguments"] = json!(["echo $GREETING; exit 7"]);
    stand.launch(&foreign).await;
    assert_eq!(ecs.take_operations(), ["RunTask"]);
    let lines: Vec<_> =
        futures::TryStreamExt::try_collect(stand.launcher.logs(&foreign.handle)).await.unwrap();
    assert_eq!(lines, ["hello"]);
    ends_well(&stand, &ecs, &foreign).await;
}

#[tokio::test]
async fn what_passes_is_outlasted_and_starts_one_task() {
    let busy = (400, "ThrottlingException");
    for (status, code) in [
        busy,
        (500, "ServerException"),
        (503, "ServiceUnavailable"),
        (429, "TooManyRequestsException"),
    ] {
        let (stand, ecs) = place(&[SUBNETS]);
        ecs.refuse("RunTask", 2, (status, code), "Rate exceeded");
        ecs.refuse("RegisterTaskDefinition", 2, (status, code), "Rate exceeded");
        ecs.refuse("DescribeTasks", 1, (status, code), "Rate exceeded");
        let plan = stand.launched("exit 7").await;
        ends_well(&stand, &ecs, &plan).await;
    }
}

#[tokio::test]
async fn a_connection_that_breaks_starts_one_task() {
    for when in ["before", "after"] {
        let (stand, ecs) = place(&[SUBNETS]);
        // So that it is the task that is asked for twice.
        ends_well(&stand, &ecs, &stand.launched("exit 7").await).await;
        ecs.inject("RunTask", 1, &json!({ "reset": when }));
        ecs.inject("ListTasks", 1, &json!({ "reset": when }));
        ecs.inject("DescribeTasks", 1, &json!({ "reset": when }));
        let plan = stand.launched("exit 7").await;
        ends_well(&stand, &ecs, &plan).await;
    }
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let (stand, ecs) = place(&[SUBNETS]);
    ecs.inject("RunTask", 1, &json!({ "delay_s": 5 }));
    let plan = stand.launched("exit 7").await;
    ends_well(&stand, &ecs, &plan).await;
}

#[tokio::test]
async fn a_task_that_is_not_found_yet_is_not_held_for_gone() {
    let (stand, ecs) = place(&[SUBNETS]);
    let plan = stand.launched("sleep 1; exit 7").await;
    let missing =
        json!({ "tasks": [], "failures": [{ "arn": "x", "reason": "MISSING" }] }).to_string();
    ecs.answer("DescribeTasks", 1, &missing);
    assert_eq!(stand.state(&plan.handle).await, JobState::Pending);
    // Nor does another machine, which asks by the run.
    ecs.answer("ListTasks", 2, &json!({ "taskArns": [] }).to_string());
    let other = stand.another_launcher();
    assert_eq!(other.state(&plan.handle).await.unwrap(), JobState::Pending);
    ends_well(&stand, &ecs, &plan).await;
}

#[tokio::test]
async fn a_cancellation_finds_a_task_that_is_not_found_yet() {
    let (stand, ecs) = place(&[SUBNETS]);
    let plan = stand.launched("sleep 600").await;
    let other = stand.another_launcher();
    ecs.answer("ListTasks", 2, &json!({ "taskArns": [] }).to_string());
    other.cancel(&plan.handle, Duration::from_secs(1)).await.unwrap();
    let tasks = ecs.tasks(run(&plan.handle));
    assert_eq!(tasks[0]["lastStatus"], "STOPPED", "{tasks:?}");
}

#[tokio::test]
async fn who_may_not_is_told_what_is_missing() {
    let (stand, ecs) = place(&[SUBNETS]);
    let words =
        "User: arn:aws:iam::1:user/u is not authorized to perform: ecs:RunTask on resource: x";
    ecs.refuse("RunTask", 1, (400, "AccessDeniedException"), words);
    let plan = stand.script("exit 0").await;
    let why = refusal(&stand, &plan).await;
    assert!(why.contains(words) && why.contains("hint: docs/ecs/launcher.json has"), "{why}");
    ecs.refuse("RunTask", 1, (400, "ExpiredTokenException"), "The security token is expired");
    let why = refusal(&stand, &plan).await;
    assert!(why.contains("hint: the credentials have expired"), "{why}");
    let quota = "You've reached the limit on the number of vCPUs you can run concurrently";
    // The client repeats it.
    ecs.refuse("RunTask", 9, (400, "LimitExceededException"), quota);
    let why = refusal(&stand, &plan).await;
    assert!(why.contains("hint: a quota of the account is used up"), "{why}");
    assert_eq!(stand.hands.count(&plan.handle), 0);
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_an_error_and_loses_no_run() {
    for nonsense in ["<html>no</html>", "{\"tasks\": 5}", "{}", "", "{\"tasks\": [{}"] {
        let (stand, ecs) = place(&[SUBNETS]);
        ends_well(&stand, &ecs, &stand.launched("exit 7").await).await;
        ecs.answer("RunTask", 9, nonsense);
        let why = refusal(&stand, &stand.script("exit 0").await).await;
        assert!(why.starts_with("could not run a task with ECS at http://"), "{nonsense}: {why}");
    }
    // While a run is watched, too.
    let (stand, ecs) = place(&[SUBNETS]);
    let (submitted, _) = stand.submit("add_one", &[("n", json!(41))]).await;
    ecs.answer("DescribeTasks", 3, "<html>no</html>");
    assert_eq!(stand.result(&submitted).await, json!(42));
}

#[tokio::test]
async fn words_of_the_future_are_told_as_they_are() {
    let (stand, ecs) = place(&[SUBNETS]);
    let plan = stand.launched("sleep 1; exit 7").await;
    let mut task = ecs.tasks(run(&plan.handle))[0].clone();
    task["lastStatus"] = json!("HIBERNATING");
    task["launchType"] = json!("MOON");
    task["newField"] = json!({ "a": [1] });
    ecs.answer("DescribeTasks", 1, &json!({ "tasks": [task] }).to_string());
    let expected =
        JobState::Unknown { because: "ECS says HIBERNATING, which is not known here".into() };
    assert_eq!(stand.state(&plan.handle).await, expected);
    ends_well(&stand, &ecs, &plan).await;
}

#[tokio::test]
async fn room_that_is_missing_is_waited_for() {
    let (stand, ecs) = place(&[SUBNETS]);
    ends_well(&stand, &ecs, &stand.launched("exit 7").await).await;
    let failure =
        |reason: &str| json!({ "tasks": [], "failures": [{ "reason": reason }] }).to_string();
    ecs.answer("RunTask", 1, &failure("RESOURCE:MEMORY"));
    let words = "Capacity is unavailable at this time. Please try again later";
    ecs.refuse("RunTask", 1, (400, "ClientException"), words);
    let told = Mutex::new(Vec::new());
    let plan = stand.script("exit 7").await;
    let tell = |text: &str| told.lock().unwrap().push(text.to_owned());
    let began = Instant::now();
    stand.launcher.launch(&plan, &tell).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(6), "{:?}", began.elapsed());
    let told = told.into_inner().unwrap();
    assert_eq!(
        told[0],
        "there is no room for the task: no machine of the cluster has enough memory left (RESOURCE:MEMORY); trying again in 2 s"
    );
    assert_eq!(told[1], format!("there is no room for the task: {words}; trying again in 4 s"));
    ends_well(&stand, &ecs, &plan).await;
    ecs.answer("RunTask", 1, &failure("ATTRIBUTE"));
    let why = refusal(&stand, &stand.script("exit 0").await).await;
    assert!(
        why.contains("no machine of the cluster has what the task definition asks for (ATTRIBUTE)"),
        "{why}"
    );
}

#[tokio::test]
async fn a_cluster_that_is_missing_is_named() {
    let (stand, _) = place(&[SUBNETS, ("cluster", "no-such-cluster")]);
    let why = refusal(&stand, &stand.script("exit 0").await).await;
    assert!(why.contains("Cluster not found") && why.contains("hint: create it: aws ecs"), "{why}");
    let found = stand.engine.doctor().await;
    let bad = found.iter().find(|check| check.name == "ecs").unwrap();
    assert!(
        !bad.is_ok && bad.found.starts_with("there is no cluster no-such-cluster in ECS"),
        "{bad:?}"
    );
}

#[tokio::test]
async fn an_image_that_is_missing_is_told() {
    let (stand, _) = place(&[SUBNETS]);
    let mut plan = stand.script("exit 0").await;
    plan.request["container"]["image"] = json!("127.0.0.1:1/none:1");
    stand.launch(&plan).await;
    let (code, why) = stand.until_over(&plan.handle).await;
    assert_eq!(code, None);
    assert!(
        why.starts_with("what the task needs could not be prepared: unable to pull image"),
        "{why}"
    );
}

#[tokio::test]
async fn a_task_that_does_not_start_is_stopped_and_everybody_is_told_why() {
    let (stand, ecs) = place(&[SUBNETS, ("task_start_timeout", "2m")]);
    let plan = stand.launched("sleep 600").await;
    stand.until_running(&plan.handle).await;
    let mut task = ecs.tasks(run(&plan.handle))[0].clone();
    assert!(task["tags"].to_string().contains("longshore.start-timeout"), "{task}");
    task["lastStatus"] = json!("PENDING");
    task["createdAt"] = json!(1_000_000_000);
    task["containers"][0]["exitCode"] = Value::Null;
    ecs.answer("DescribeTasks", 1, &json!({ "tasks": [task] }).to_string());
    let other = stand.another_launcher();
    let reason = Some("the task did not start within 120 s: it is PENDING".to_owned());
    let state = other.state(&plan.handle).await.unwrap();
    assert_eq!(state, JobState::Exited { code: None, reason: reason.clone() });
    let (_, later) = stand.until_over(&plan.handle).await;
    assert_eq!(Some(later), reason);
}

#[tokio::test]
async fn jobs_are_those_of_the_owner_that_run() {
    let (stand, ecs) = place(&[SUBNETS]);
    let over = stand.launched("exit 7").await;
    let alive = stand.launched("sleep 600").await;
    stand.until_over(&over.handle).await;
    stand.until_running(&alive.handle).await;
    let settings = stand.request("nothing", &[]).settings;
    let found = stand.launcher.jobs(&settings, "default").await.unwrap();
    let handles: Vec<_> = found.iter().map(|job| &job.handle).collect();
    assert_eq!(handles, [&alive.handle]);
    assert!(stand.launcher.jobs(&settings, "another").await.unwrap().is_empty());
    stand.cleanup(&alive.handle).await;
    assert_eq!(ecs.tasks(run(&alive.handle))[0]["lastStatus"], "STOPPED");
}
