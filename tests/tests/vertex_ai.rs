//! Flows in Vertex AI, as a person runs them there: in a double of it, whose containers are real.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use longshore_protocol::exit;
use longshore_tests::servers::{self, Answer, Cloud, Fault, Near, Request, busy, refusal, role};
use longshore_tests::{Home, InCloud, count, repository, until};
use serde_json::{Value, json};

const ROLE_FILE: &str = "docs/vertex-ai/launcher.yaml";

/// A home with a pool in a project of its own, and a store that containers reach.
struct Place {
    home: Home,
    cloud: Cloud,
    _near: Near,
}

impl Place {
    fn new(settings: &str) -> Self {
        let near = servers::s3().near_containers();
        let home = near.home();
        let cloud = Cloud::project();
        // The double's machines are there at once.
        let soon = "job.job_watch_poll_interval = \"250ms\"\n";
        let settings = format!("{}{soon}{settings}", cloud.pool(&home));
        Self { home: home.with_pool("vertex_ai", &settings), cloud, _near: near }
    }

    fn found(&self, what: &str) -> Vec<Value> {
        let found = self.cloud.control("custom_jobs", &json!({ "project": self.cloud.project }));
        found[what].as_array().unwrap().clone()
    }

    /// What was asked of Google since the last time: methods and paths without what is different each time.
    fn asked(&self) -> Vec<String> {
        let requests = self.cloud.proxy.take_requests();
        requests.iter().map(|request| format!("{} {}", request.method, short(request))).collect()
    }
}

impl InCloud for Place {
    fn home(&self) -> &Home {
        &self.home
    }

    fn jobs(&self) -> usize {
        self.found("jobs").len()
    }

    fn containers(&self) -> Vec<String> {
        let found = self.found("containers");
        found.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }
}

fn short(request: &Request) -> &'static str {
    let path = request.path.split('?').next().unwrap();
    match path.rsplit('/').next().unwrap() {
        "entries:list" => "entries:list",
        "customJobs" => "jobs",
        name if name.ends_with(":cancel") => "jobs/*:cancel",
        _ => "jobs/*",
    }
}

fn is_creation(request: &Request) -> bool {
    request.method == "POST" && short(request) == "jobs"
}

#[test]
fn a_flow_runs_there_and_nothing_is_left() {
    let place = Place::new("");
    let run = place.home.submitted(place.home.submit("add_one").param("n", 41));
    // It is looked for before, started, and looked for after.
    assert_eq!(place.asked(), ["GET jobs", "POST jobs", "GET jobs"]);
    run.wait().succeeds().prints("42\n");
    let shown = run.shown().to_string();
    assert!(shown.contains("vertex_ai") && shown.contains("precompiled"), "{shown}");
    until("the job is gone", || (place.jobs() == 0).then_some(()));
    let asked = place.asked();
    assert_eq!(count(&asked, "POST jobs"), 0, "{asked:?}");
    assert!(count(&asked, "DELETE jobs/*") <= 2, "{asked:?}");
    assert!(asked.len() <= 12, "{asked:?}");
}

#[test]
fn the_container_has_a_ticket_and_nothing_else() {
    let place = Place::new("job.labels.team = \"search\"");
    let run = place.home.submitted(place.home.submit("sleeps").param("seconds", 3));
    let job = &place.found("jobs")[0];
    assert_eq!(job["labels"]["team"], "search");
    let found = place.container();
    let (command, env) = (found["Config"]["Cmd"].to_string(), found["Config"]["Env"].to_string());
    assert!(command.contains("--ticket") && command.len() < 1_024, "{command}");
    assert!(!env.contains("AWS") && !env.contains("KEY") && !env.contains("hush"), "{env}");
    run.wait().succeeds().prints("slept 3 s\n");
    let shown = run.shown().to_string();
    assert!(!shown.contains("ya29") && !shown.contains("Signature"), "{shown}");
}

#[test]
fn a_run_is_stopped_and_its_container_with_it() {
    let place = Place::new("");
    place.stops_a_run_and_its_container_with_it();
    assert!(count(&place.asked(), "POST jobs/*:cancel") <= 1);
}

#[test]
fn a_container_that_was_killed_is_a_crash_with_its_reason_and_its_output() {
    let place = Place::new("job.stream_output = true");
    place.tells_of_a_container_that_was_killed();
    assert!(count(&place.asked(), "POST entries:list") >= 1);
}

#[test]
fn what_a_launch_would_be_is_shown_without_google() {
    let place = Place::new("job.region = \"europe-west1\"");
    let would = place.home.run("nothing").args(["--dry-run"]).json().succeeds().json();
    let request = &would["plan"]["request"];
    assert_eq!(request["region"], "europe-west1");
    assert_eq!(request["worker_pool"]["machineSpec"]["machineType"], "n1-standard-4");
    assert_eq!(request["container"]["args"][2], "$(LONGSHORE_TICKET)");
    for (setting, says) in [
        ("accelerator_type=NVIDIA_TESLA_T44", "did you mean \"NVIDIA_TESLA_T4\"?"),
        ("accelerator_type=NVIDIA_TESLA_T4", "accelerator_count is not"),
        ("scheduling.stratgy=SPOT", "did you mean \"strategy\"?"),
        ("machine_tipe=e2-standard-4", "did you mean \"machine_type\"?"),
    ] {
        place.home.run("nothing").args(["--set", setting]).exits(exit::BAD_INPUT).says(says);
    }
    assert_eq!(place.asked(), Vec::<String>::new());
}

#[test]
fn what_passes_is_waited_for_and_starts_nothing_twice() {
    let place = Place::new("");
    let proxy = &place.cloud.proxy;
    proxy.inject(2, busy(429));
    proxy.inject(1, busy(500));
    proxy.inject(1, busy(503));
    proxy.inject(1, Fault::ResetRequest { after: 10 });
    proxy.inject(1, Fault::Delay(Duration::from_secs(3)));
    proxy.inject(1, Fault::Answer(Answer { status: 200, headers: vec![], body: "<html>".into() }));
    let run = place.home.submitted(place.home.submit("sleeps").param("seconds", 2));
    assert_eq!(place.jobs(), 1);
    run.wait().succeeds().prints("slept 2 s\n");
    assert_eq!(run.shown()["outcome"]["attempt"], 1, "{}", run.shown());
}

#[test]
fn a_job_is_started_once_though_the_answer_is_lost() {
    for fault in [
        // The job is there, and nobody has heard of it.
        || Fault::ResetResponse { after: 0 },
        // It is not there.
        || busy(503),
        || busy(429),
        || Fault::ResetRequest { after: 10 },
        || Fault::Answer(Answer { status: 200, headers: vec![], body: "<html>".into() }),
    ] {
        let place = Place::new("");
        place.cloud.proxy.inject_where(1, fault(), is_creation);
        let run = place.home.submitted(place.home.submit("sleeps").param("seconds", 2));
        assert_eq!(place.jobs(), 1);
        run.wait().succeeds().prints("slept 2 s\n");
    }
}

#[test]
fn a_job_that_is_not_found_at_first_is_waited_for() {
    let place = Place::new("");
    place.cloud.control("hide", &json!({ "project": place.cloud.project, "seconds": 3 }));
    place.home.run("add_one").param("n", 1).succeeds().prints("2\n");
    // Nor is it started twice where its answer is lost as well.
    place.cloud.control("hide", &json!({ "project": place.cloud.project, "seconds": 1 }));
    place.cloud.proxy.inject_where(1, Fault::ResetResponse { after: 0 }, is_creation);
    let run = place.home.submitted(place.home.submit("sleeps").param("seconds", 2));
    assert_eq!(place.jobs(), 1);
    run.wait().succeeds().prints("slept 2 s\n");
}

#[test]
fn words_of_the_future_are_no_end() {
    let place = Place::new("");
    let state = json!({ "project": place.cloud.project, "state": "JOB_STATE_OF_THE_FUTURE" });
    place.cloud.control("future", &state);
    place.home.run("add_one").param("n", 1).succeeds().prints("2\n");
}

#[test]
fn a_token_that_ends_meanwhile_is_renewed() {
    let place = Place::new("");
    let run = place.home.submitted(place.home.submit("sleeps").param("seconds", 4));
    place.asked();
    let call = run.verb("wait").start();
    until("it is watched", || (!place.asked().is_empty()).then_some(()));
    place.cloud.control("revoke", &json!({ "caller": place.cloud.caller }));
    call.finish().succeeds().prints("slept 4 s\n");
    let used = place.cloud.control("used", &json!({ "caller": place.cloud.caller }));
    assert!(used["tokens"].as_u64().unwrap() >= 3, "{used}");
}

#[test]
fn what_does_not_pass_is_told_with_what_to_do() {
    let place = Place::new("");
    let run = || place.home.run("nothing");
    let permission = "Permission 'aiplatform.customJobs.create' denied on resource";
    let denied = || refusal(403, "PERMISSION_DENIED", permission);
    place.cloud.proxy.inject_where(1, denied(), is_creation);
    let answer = run().exits(exit::INFRASTRUCTURE);
    answer.says(permission).says("hint: docs/vertex-ai/launcher.yaml has the permissions");
    let quota = "The following quota metrics exceed quota limits: custom_model_training_cpus";
    let used_up = || refusal(400, "RESOURCE_EXHAUSTED", quota);
    place.cloud.proxy.inject_where(1, used_up(), is_creation);
    run().exits(exit::INFRASTRUCTURE).says(quota).says("hint: the quota of the project");
    let call = place.home.run("spills_secret").param("into", "nothing");
    let answer = call.args(["--allow", "secret=API_KEY"]).exits(exit::BAD_INPUT);
    answer.says("API_KEY, which holds a secret, and whoever may look at jobs of Vertex AI sees");
    place.cloud.control("revoke", &json!({ "caller": place.cloud.caller, "forever": true }));
    let answer = run().exits(exit::INFRASTRUCTURE);
    answer.says("could not get a token with the credentials in").keeps_quiet_of("hush-hush");
}

#[test]
fn an_image_that_is_missing_is_named() {
    let place = Place::new("");
    let call = place.home.run("nothing").args(["--set", "image=r.example/none:1"]);
    call.exits(exit::RUN_CRASHED).says("the image cannot be pulled: Failed to pull image: r.exam");
}

#[test]
fn the_documented_role_is_what_a_launcher_needs_and_no_more() {
    let place = Place::new("");
    let role = role(ROLE_FILE);
    let caller = &place.cloud.caller;
    place.cloud.control("grant", &json!({ "caller": caller, "permissions": role }));
    let home = &place.home;
    home.longshore(&["doctor"]).succeeds();
    home.run("add_one").param("n", 1).succeeds().prints("2\n");
    let run = place.running(&[]);
    // A runtime that does not listen is ended by Vertex AI.
    place.signal("STOP");
    run.verb("cancel").succeeds();
    run.verb("logs").args(["--job"]).succeeds();
    run.verb("rm").succeeds();
    home.longshore(&["pool", "sweep", "--yes"]).succeeds();
    let used = place.cloud.control("used", &json!({ "caller": caller }));
    let used: BTreeSet<String> = serde_json::from_value(used["permissions"].clone()).unwrap();
    assert_eq!(used, role);
}

#[test]
fn the_doctor_looks_at_credentials_permissions_region_and_logs() {
    let place = Place::new("");
    let text = place.home.longshore(&["doctor"]).succeeds().text();
    assert!(text.contains("vertex_ai") && text.contains("region us-central1"), "{text}");
    assert!(text.contains("jobs may be started and ended"), "{text}");
    // Each of them is missed.
    for missing in role(ROLE_FILE) {
        let mut permissions = role(ROLE_FILE);
        permissions.remove(&missing);
        let grant = json!({ "caller": place.cloud.caller, "permissions": permissions });
        place.cloud.control("grant", &grant);
        let text = place.home.longshore(&["doctor"]).exits(exit::INFRASTRUCTURE).text();
        assert!(text.contains("FAIL") && text.contains(&format!("'{missing}' denied")), "{text}");
    }
}

#[test]
fn the_doctor_says_where_nobody_tells_it_of_permissions() {
    let place = Place::new("");
    let message =
        "Cloud Resource Manager API has not been used in project 1 before or it is disabled.";
    place.cloud.proxy.inject_where(1, refusal(403, "PERMISSION_DENIED", message), |request| {
        request.path.ends_with(":testIamPermissions")
    });
    let text = place.home.longshore(&["doctor"]).succeeds().text();
    assert!(text.contains("whether jobs may be started and ended is not known: "), "{text}");
    assert!(text.contains(message), "{text}");
}

#[test]
fn the_published_words_are_those_that_are_known() {
    let cloud = Cloud::project();
    let words = |schema: &str, field: &str| {
        cloud.words("vertex", &format!("GoogleCloudAiplatformV1{schema}"), field)
    };
    let source = |file: &str| {
        let path = repository().join("launchers/src/vertex_ai").join(file);
        std::fs::read_to_string(path).unwrap()
    };
    let is_in = |file: &str, words: Vec<String>, but: &[&str]| {
        let source = source(file);
        for word in words.iter().filter(|word| !but.contains(&word.as_str())) {
            assert!(source.contains(&format!("\"{word}\"")), "{word} is not in {file}");
        }
    };
    is_in("state_tests.rs", words("CustomJob", "state"), &[]);
    let unspecified = "ACCELERATOR_TYPE_UNSPECIFIED";
    is_in("machine.rs", words("MachineSpec", "acceleratorType"), &[unspecified]);
    let deprecated = ["STRATEGY_UNSPECIFIED", "ON_DEMAND", "LOW_COST"];
    is_in("scheduling.rs", words("Scheduling", "strategy"), &deprecated);
}

#[test]
fn jobs_that_nobody_needs_are_swept() {
    Place::new("").sweeps_jobs_that_nobody_needs();
}
