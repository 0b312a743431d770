//! Flows in tasks of AWS ECS, as a person runs them there: with a store that is S3, and tickets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use longshore_protocol::exit;
use longshore_tests::servers::{self, EXECUTION_ROLE, Ecs, Near, REGION};
use longshore_tests::{Home, Run, loaded_image, repository, until};
use serde_json::{Value, json};

/// A home with a cluster, and a store that its tasks reach by another address than the home.
struct Place {
    home: Home,
    ecs: Ecs,
    near: Near,
}

impl Place {
    fn new(settings: &str) -> Self {
        Self::with_image(&format!("job.image = \"{}\"\n{settings}", loaded_image()))
    }

    fn with_image(settings: &str) -> Self {
        let near = servers::s3().near_containers();
        let ecs = Ecs::new();
        let pool = format!(
            "job.region = \"{REGION}\"\njob.endpoint_url = \"{}\"\njob.cluster = \"{}\"\njob.family = \"{}\"\njob.execution_role_arn = \"{EXECUTION_ROLE}\"\n{settings}",
            ecs.endpoint(),
            ecs.cluster(),
            // Definitions are the account's: those of other tests would be found.
            ecs.cluster()
        );
        Self { home: near.home().with_pool("ecs", &pool), ecs, near }
    }

    fn task(&self, run: &Run<'_>) -> Value {
        let tasks = self.ecs.tasks(run.id());
        assert_eq!(tasks.len(), 1, "{tasks:?}");
        tasks.into_iter().next().unwrap()
    }
}

#[test]
fn a_flow_runs_in_a_task_and_its_result_comes_back() {
    let place = Place::new("");
    place.home.run("add_one").param("n", 41).succeeds().prints("42\n");
    let run = place.home.newest_listed();
    let outcome = &run.shown()["outcome"];
    assert_eq!(outcome["runtime"]["code"], json!("precompiled"), "nothing is compiled in there");
    let task = place.task(&run);
    assert_eq!(task["startedBy"], format!("longshore-{}", run.id()));
    let tag = |key: &str| {
        let tags = task["tags"].as_array().unwrap();
        let found = tags.iter().find(|tag| tag["key"] == format!("longshore.{key}"));
        found.unwrap()["value"].as_str().unwrap().to_owned()
    };
    assert_eq!((tag("run").as_str(), tag("pool").as_str()), (run.id(), "ecs"));
    assert_eq!((tag("tenant").as_str(), tag("flow").as_str()), ("default", "add_one"));
}

#[test]
fn a_run_asks_for_little() {
    let place = Place::new("job.subnets = [\"subnet-00000001\"]");
    place.home.run("add_one").param("n", 1).succeeds();
    let first = place.ecs.take_operations();
    assert_eq!(first[..3], ["RunTask", "RegisterTaskDefinition", "RunTask"]);
    place.home.run("add_one").param("n", 2).succeeds();
    let second = place.ecs.take_operations();
    let polls = second.iter().filter(|operation| *operation == "DescribeTasks").count();
    assert_eq!(second[0], "RunTask");
    assert!(second.len() - polls <= 4, "{second:?}");
    assert!(polls <= 15, "{second:?}");
}

#[test]
fn nobody_but_ecs_sees_the_address_of_the_ticket() {
    let place = Place::new("");
    let answer = place.home.run("add_one").param("n", 1).json().succeeds();
    let said = format!("{:?}", answer.events());
    assert!(said.contains("launched") && !said.contains("Signature"), "{said}");
    let run = place.home.newest_listed();
    assert!(!run.shown()["job"].to_string().contains("Signature"));
    let task = place.task(&run);
    let command = &task["overrides"]["containerOverrides"][0]["command"];
    assert!(command[2].as_str().unwrap().contains("Signature"), "{command}");
}

#[test]
fn what_a_launch_would_be_is_shown_without_asking_anybody() {
    let place = Place::new("");
    let would = place.home.run("nothing").args(["--dry-run"]).json().succeeds().json();
    let request = &would["plan"]["request"];
    assert_eq!(request["run_task"]["launchType"], "FARGATE");
    assert_eq!(request["task_definition"]["memory"], "2048");
    assert_eq!(request["arguments"][2], "$(LONGSHORE_TICKET)");
    assert!(place.ecs.take_operations().is_empty());
}

#[test]
fn the_output_of_the_container_is_shown_where_it_is_wanted() {
    let place = Place::new("");
    let run = place.home.submitted(place.home.submit("add_one").param("n", 1));
    run.wait().succeeds();
    // The runtime itself is silent where all is well: there is nothing to show, and that is no error.
    run.verb("logs").args(["--job"]).succeeds();
}

#[test]
fn a_run_that_is_cancelled_ends_with_its_task() {
    let place = Place::new("");
    let run = place.home.submitted(place.home.submit("spin"));
    until("it runs", || (run.state() == "Running").then_some(()));
    run.verb("cancel").succeeds().prints(&format!("run {} is Cancelled\n", run.short()));
    let task = place.task(&run);
    assert_eq!(task["desiredStatus"], "STOPPED", "{task}");
}

#[test]
fn a_task_that_is_killed_is_a_crash_with_its_reason() {
    let place = Place::new("");
    let run = place.home.submitted(place.home.submit("spin"));
    until("it runs", || (run.state() == "Running").then_some(()));
    place.ecs.kill(run.id());
    run.wait().exits(exit::RUN_CRASHED).says("SIGKILL");
    assert!(run.reason().contains("exited with code 137"), "{}", run.reason());
    run.verb("rm").succeeds();
}

#[test]
fn tasks_that_nobody_needs_are_swept() {
    let place = Place::new("");
    let going_on = place.home.submitted(place.home.submit("sleeps").param("seconds", 60));
    until("it runs", || (going_on.state() == "Running").then_some(()));
    place.home.longshore(&["pool", "sweep", "--yes"]).succeeds();
    assert_eq!(going_on.state(), "Running");
    going_on.verb("cancel").succeeds();
}

#[test]
fn the_doctor_looks_at_cluster_network_logs_and_image() {
    let place = Place::new("");
    let text = place.home.longshore(&["doctor"]).succeeds().text();
    let cluster = format!("cluster {} in ECS at {}", place.ecs.cluster(), place.ecs.endpoint());
    assert!(text.contains(&cluster), "{text}");
    assert!(text.contains("3 subnets of the default VPC; "), "{text}");
    assert!(text.contains("log group longshore; "), "{text}");
    assert!(text.contains(&format!("the image {}", loaded_image())), "{text}");
    let asked = place.ecs.take_operations();
    assert_eq!(asked, ["DescribeClusters", "DescribeSubnets", "DescribeLogGroups"]);
    place.ecs.refuse("DescribeClusters", 1, (400, "AccessDeniedException"), "no");
    let refused = place.home.longshore(&["doctor"]).answer();
    assert!(refused.text().contains("docs/ecs/launcher.json"), "{refused:?}");
}

#[test]
fn what_cannot_run_there_is_refused_with_what_to_do() {
    let place = Place::with_image("");
    let answer = place.home.run("nothing").exits(exit::BAD_INPUT);
    answer
        .says("tasks of ECS fetch the runtime's image from a registry")
        .says("longshore image build");
    let home = Home::new().with_pool("ecs", "job.region = \"x\"\njob.image = \"x:1\"");
    let answer = home.run("nothing").exits(exit::BAD_INPUT);
    answer.says("the store is a directory of this machine, and tasks of ECS run elsewhere");
    home.has_stored_nothing();
    let place = Place::new("");
    let set =
        |setting: &str| place.home.run("nothing").args(["--set", setting]).exits(exit::BAD_INPUT);
    set("cpu=0.3").says("Fargate has no task").says("hint: the nearest that it has is");
    set("launch_typ=EC2").says("did you mean \"launch_type\"?");
    set("launch_type=MOON").says("one of FARGATE, FARGATE_SPOT, EC2, EXTERNAL");
    let secret = place.home.run("sees_placeholder").env("TOKEN", "hush").args(["--allow", "all"]);
    secret.exits(exit::BAD_INPUT).says("--set secrets.TOKEN=arn:aws");
    assert!(place.ecs.take_operations().is_empty());
}

#[test]
fn a_secret_comes_from_secrets_manager_and_is_written_down_nowhere() {
    let place = Place::new("");
    let secret = "s3cr3t-value-of-the-key";
    let set = format!("secrets.API_KEY={}", place.ecs.secret(secret));
    let spills = |into: &str, set: &str| {
        let call = place.home.run("spills_secret").param("into", into);
        call.args(["--allow", "secret=API_KEY", "--set", set])
    };
    spills("nothing", &set).succeeds().prints("23\n").keeps_quiet_of(secret);
    let answer = spills("error", &set).exits(exit::RUN_FAILED);
    answer.keeps_quiet_of(secret).says("***");
    let run = place.home.newest_listed();
    assert!(
        !run.shown().to_string().contains(secret)
            && !place.near.bucket.holds(secret)
            && !place.home.holds(secret)
    );
    assert!(!place.task(&run).to_string().contains(secret));
    let none = "secrets.API_KEY=arn:aws:secretsmanager:us-east-1:000000000000:secret:none-AbCdEf";
    spills("nothing", none).exits(exit::RUN_CRASHED).says("unable to pull secrets");
}

#[test]
fn other_machines_than_fargates_are_asked_for_in_their_own_way() {
    let place = Place::new("");
    let run = |settings: &[&str]| {
        let sets = settings.iter().flat_map(|setting| ["--set", setting]);
        place.home.run("add_one").param("n", 1).args(sets).succeeds().prints("2\n");
    };
    run(&["launch_type=EC2"]);
    run(&["launch_type=EC2", "subnets=subnet-00000001", "security_groups=sg-00000001"]);
    run(&["launch_type=EXTERNAL"]);
    run(&["launch_type=FARGATE_SPOT"]);
    run(&["capacity_provider_strategy=FARGATE_SPOT:4,FARGATE:1:1"]);
}

/// What patches are checked against is what AWS's model has.
#[test]
fn the_shapes_are_those_of_the_model() {
    let known =
        std::fs::read_to_string(repository().join("launchers/src/ecs/shapes.json")).unwrap();
    assert_eq!(known, servers::ecs_shapes(), "write it anew: tests/servers/ecs_shapes.py");
}

/// Nothing is done that the policy does not allow.
#[test]
fn the_policy_in_the_documentation_is_enough() {
    let place = Place::new("job.auto_deregister_task_definition = true");
    place.home.longshore(&["doctor"]).succeeds();
    place.home.run("add_one").param("n", 1).succeeds();
    let run = place.home.submitted(place.home.submit("spin"));
    until("it runs", || (run.state() == "Running").then_some(()));
    run.verb("cancel").succeeds();
    run.verb("logs").args(["--job"]).succeeds();
    place.home.longshore(&["pool", "sweep", "--yes"]).succeeds();
    let text = std::fs::read_to_string(repository().join("docs/ecs/launcher.json")).unwrap();
    let policy: Value = serde_json::from_str(&text).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let actions = statements.iter().flat_map(|one| one["Action"].as_array().unwrap());
    let allowed: BTreeSet<_> =
        actions.map(|action| action.as_str().unwrap().split(':').nth(1).unwrap()).collect();
    let asked: BTreeSet<_> = place.ecs.take_operations().into_iter().collect();
    let missing: Vec<_> = asked.iter().filter(|one| !allowed.contains(one.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?} of {asked:?}");
    assert!(asked.contains("DeregisterTaskDefinition"), "{asked:?}");
}
