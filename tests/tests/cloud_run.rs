//! Flows in Cloud Run, as a person runs them there: in a double of it, whose containers are real.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use longshore_protocol::exit;
use longshore_tests::servers::{self, Answer, Cloud, Fault, Near, busy, refusal, role};
use longshore_tests::{Home, InCloud, count, repository, until};
use serde_json::json;

/// A home with a pool in a project of its own, and a store that containers reach.
struct Place {
    home: Home,
    cloud: Cloud,
    near: Near,
}

impl Place {
    fn new(settings: &str) -> Self {
        let near = servers::s3().near_containers();
        let home = near.home();
        let cloud = Cloud::project();
        let settings = format!("{}{settings}", cloud.pool(&home));
        Self { home: home.with_pool("cloud_run", &settings), cloud, near }
    }

    /// How many executions there are.
    fn executions(&self) -> usize {
        let name = format!("projects/{}/", self.cloud.project);
        let found = self.cloud.control("containers", &json!({ "name": name }));
        found["executions"].as_array().unwrap().len()
    }

    /// What was asked of Google since the last time: methods and paths without what is different each time.
    fn asked(&self) -> Vec<String> {
        let requests = self.cloud.proxy.take_requests();
        let shown = requests.iter().map(|request| {
            let path = request.path.split('?').next().unwrap();
            let parts = path.split('/').skip(6).map(|part| match part.split_once(':') {
                Some((_, verb)) => format!("*:{verb}"),
                None if part.contains("longshore-") || part.contains('-') => "*".to_owned(),
                None => part.to_owned(),
            });
            let rest = parts.collect::<Vec<_>>().join("/");
            let rest = if path.contains("entries:list") { "entries:list".to_owned() } else { rest };
            format!("{} {rest}", request.method)
        });
        shown.collect()
    }
}

impl InCloud for Place {
    fn home(&self) -> &Home {
        &self.home
    }

    fn containers(&self) -> Vec<String> {
        let name = format!("projects/{}/", self.cloud.project);
        let found = self.cloud.control("containers", &json!({ "name": name }));
        let all = found["containers"].as_array().unwrap().iter();
        all.map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    fn jobs(&self) -> usize {
        self.executions()
    }
}

#[test]
fn a_flow_runs_there_and_nothing_is_left() {
    let place = Place::new("");
    let run = place.home.submitted(place.home.submit("add_one").param("n", 41));
    run.wait().succeeds().prints("42\n");
    let shown = run.shown().to_string();
    assert!(shown.contains("cloud_run") && shown.contains("precompiled"), "{shown}");
    until("the job is gone", || (place.executions() == 0).then_some(()));

    // What it costs in requests: one to launch, one to remove, and few to look.
    let asked = place.asked();
    assert_eq!(count(&asked, "POST jobs"), 1, "{asked:?}");
    assert_eq!(count(&asked, "POST jobs/*:run"), 0, "{asked:?}");
    assert!(count(&asked, "DELETE jobs/*") <= 2, "{asked:?}");
    assert!(asked.len() <= 12, "{asked:?}");
}

#[test]
fn runs_with_a_kept_job_share_it() {
    let place = Place::new("job.keep_job = true");
    for n in [1, 2] {
        place.home.run("add_one").param("n", n).succeeds().prints(&format!("{}\n", n + 1));
        let asked = place.asked();
        let is_first = usize::from(n == 1);
        assert_eq!(count(&asked, "POST jobs"), is_first, "{asked:?}");
        assert_eq!(count(&asked, "POST jobs/*:run"), 1, "{asked:?}");
        assert_eq!(count(&asked, "PATCH jobs/*"), 0, "{asked:?}");
        assert_eq!(count(&asked, "DELETE jobs/*"), 0, "{asked:?}");
    }
    assert_eq!(place.executions(), 2);
    // What a patch makes of it is an update, once.
    let patch = r#"{"definition": {"template": {"template": {"executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2"}}}}"#;
    for updates in [1, 0] {
        let call = place.home.run("add_one").param("n", 3).args(["--patch", patch]);
        call.succeeds().prints("4\n");
        let asked = place.asked();
        assert_eq!(count(&asked, "PATCH jobs/*"), updates, "{asked:?}");
        assert_eq!(count(&asked, "POST jobs"), 0, "{asked:?}");
    }
    let swept = place.home.longshore(&["pool", "sweep", "--yes"]).succeeds().text();
    assert_eq!(swept.matches("removed the job").count(), 4, "{swept}");
    assert_eq!(place.executions(), 0);
}

#[test]
fn the_container_has_a_ticket_and_nothing_else() {
    let place = Place::new("job.labels.team = \"search\"");
    let run = place.home.submitted(place.home.submit("sleeps").param("seconds", 3));
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
    assert!(count(&place.asked(), "POST jobs/*/executions/*:cancel") <= 1);
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
    assert_eq!(request["container"]["resources"]["limits"]["cpu"], "1");
    assert_eq!(request["container"]["args"][2], "$(LONGSHORE_TICKET)");
    assert_eq!(place.asked(), Vec::<String>::new());
    let call = place.home.run("nothing").args(["--set", "cpu=3"]);
    call.exits(exit::BAD_INPUT).says("Cloud Run has no jobs with 3 processors");
    let call = place.home.run("nothing").args(["--set", "memmory=1GiB"]);
    call.exits(exit::BAD_INPUT).says("did you mean \"memory\"?");
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
    // The job is there, and nobody has heard of it.
    proxy.inject(1, Fault::ResetResponse { after: 0 });
    proxy.inject(1, Fault::Delay(Duration::from_secs(3)));
    proxy.inject(1, Fault::Answer(Answer { status: 200, headers: vec![], body: "<html>".into() }));
    let run = place.home.submitted(place.home.submit("sleeps").param("seconds", 2));
    until("it is started", || (place.executions() == 1).then_some(()));
    run.wait().succeeds().prints("slept 2 s\n");
    assert_eq!(run.shown()["outcome"]["attempt"], 1, "{}", run.shown());
}

#[test]
fn a_kept_job_is_run_once_though_an_answer_is_lost() {
    let place = Place::new("job.keep_job = true");
    place.home.run("add_one").param("n", 1).succeeds();
    let is_run = |request: &servers::Request| request.path.ends_with(":run");
    place.cloud.proxy.inject_where(1, Fault::ResetResponse { after: 0 }, is_run);
    place.home.run("add_one").param("n", 2).succeeds().prints("3\n");
    assert_eq!(place.executions(), 2);
    place.cloud.proxy.inject_where(1, busy(503), is_run);
    place.home.run("add_one").param("n", 3).succeeds().prints("4\n");
    assert_eq!(place.executions(), 3);
}

#[test]
fn a_job_that_is_not_found_at_first_is_waited_for() {
    let place = Place::new("");
    place.cloud.control("hide", &json!({ "project": place.cloud.project, "seconds": 3 }));
    place.home.run("add_one").param("n", 1).succeeds().prints("2\n");
}

#[test]
fn words_of_the_future_are_no_end() {
    let place = Place::new("");
    let state = json!({ "project": place.cloud.project, "state": "CONDITION_OF_THE_FUTURE" });
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
    let permission = "Permission 'run.jobs.create' denied on resource";
    place.cloud.proxy.inject(1, refusal(403, "PERMISSION_DENIED", permission));
    let answer = run().exits(exit::INFRASTRUCTURE);
    answer.says(permission).says("hint: docs/cloud-run/launcher.yaml has the permissions");
    let quota = "Quota exceeded for total allowable CPU per project per region.";
    place.cloud.proxy.inject(1, refusal(400, "RESOURCE_EXHAUSTED", quota));
    run().exits(exit::INFRASTRUCTURE).says(quota).says("hint: the quota of the project");
    place.cloud.control("revoke", &json!({ "caller": place.cloud.caller, "forever": true }));
    let answer = run().exits(exit::INFRASTRUCTURE);
    answer.says("could not get a token with the credentials in").keeps_quiet_of("hush-hush");
    let answer =
        run().args(["--set", "endpoint=http://127.0.0.1:9", "--set", "credentials=anonymous"]);
    answer.exits(exit::INFRASTRUCTURE).says("http://127.0.0.1:9: ").says("refused");
}

#[test]
fn a_secret_comes_from_secret_manager_and_is_written_down_nowhere() {
    let place = Place::new("");
    let secret = "s3cr3t-value-of-the-key";
    let made = json!({ "project": place.cloud.project, "name": "report-key", "value": secret });
    place.cloud.control("secret", &made);
    let spills = |into: &str, set: &str| {
        let call = place.home.run("spills_secret").param("into", into);
        call.args(["--allow", "secret=API_KEY", "--set", set])
    };
    let set = "env_from_secrets.API_KEY=report-key";
    spills("nothing", set).succeeds().prints("23\n").keeps_quiet_of(secret);
    spills("error", set).exits(exit::RUN_FAILED).keeps_quiet_of(secret).says("***");
    assert!(!place.home.newest_listed().shown().to_string().contains(secret));
    assert!(!place.near.bucket.holds(secret) && !place.home.holds(secret));
    let answer = spills("nothing", "env_from_secrets.API_KEY=none").exits(exit::RUN_CRASHED);
    answer.says("a secret of env_from_secrets is not there");
}

#[test]
fn an_image_that_is_missing_is_named() {
    let place = Place::new("");
    let call = place.home.run("nothing").args(["--set", "image=r.example/none:1"]);
    let answer = call.exits(exit::RUN_CRASHED);
    answer.says("the image is not in its registry: Image 'r.example/none:1' not found.");
}

/// What has the permissions of a launcher.
const ROLE: &str = "docs/cloud-run/launcher.yaml";

#[test]
fn the_documented_role_is_what_a_launcher_needs_and_no_more() {
    let place = Place::new("");
    let role = role(ROLE);
    let caller = &place.cloud.caller;
    place.cloud.control("grant", &json!({ "caller": caller, "permissions": role }));
    let home = &place.home;
    home.longshore(&["doctor"]).succeeds();
    home.run("add_one").param("n", 1).succeeds().prints("2\n");
    // A crash is explained, cancelled, cleaned up; with a job of its own, and a shared one.
    for keep in ["keep_job=false", "keep_job=true"] {
        let run = place.running(&["--set", keep]);
        // A runtime that does not listen is ended by Cloud Run.
        place.signal("STOP");
        run.verb("cancel").succeeds();
        run.verb("logs").args(["--job"]).succeeds();
        run.verb("rm").succeeds();
    }
    let patch = r#"{"container": {"workingDir": "/"}}"#;
    let call = home.run("add_one").param("n", 1).args(["--set", "keep_job=true", "--patch", patch]);
    call.succeeds();
    home.longshore(&["pool", "sweep", "--yes"]).succeeds();
    let used = place.cloud.control("used", &json!({ "caller": caller }));
    let used: BTreeSet<String> = serde_json::from_value(used["permissions"].clone()).unwrap();
    assert_eq!(used, role);
}

#[test]
fn the_doctor_looks_at_credentials_permissions_region_and_logs() {
    let place = Place::new("");
    place.home.run("nothing").succeeds();
    let text = place.home.longshore(&["doctor"]).succeeds().text();
    assert!(text.contains("cloud_run") && text.contains("region us-central1"), "{text}");
    assert!(text.contains("jobs may be started and ended"), "{text}");
    // Each of them is missed: two only where jobs are kept.
    let keeping = Place::new("job.keep_job = true\n");
    let without = |place: &Place, missing: &str| {
        let mut permissions = role(ROLE);
        permissions.remove(missing);
        let grant = json!({ "caller": place.cloud.caller, "permissions": permissions });
        place.cloud.control("grant", &grant);
        place.home.longshore(&["doctor"])
    };
    for missing in ["run.jobs.runWithOverrides", "run.jobs.update"] {
        without(&place, missing).succeeds();
    }
    for missing in role(ROLE) {
        let text = without(&keeping, &missing).exits(exit::INFRASTRUCTURE).text();
        assert!(text.contains("FAIL") && text.contains(&format!("'{missing}' denied")), "{text}");
    }
}

#[test]
fn the_published_words_are_those_that_are_known() {
    let cloud = Cloud::project();
    let words = |field: &str| cloud.words("run", "GoogleCloudRunV2Condition", field);
    let source = repository().join("launchers/src/cloud_run/state_tests.rs");
    let source = std::fs::read_to_string(source).unwrap();
    for field in ["state", "executionReason", "reason"] {
        for word in words(field) {
            assert!(source.contains(&format!("\"{word}\"")), "{field} {word} is in no table");
        }
    }
    let stages = cloud.words("run", "GoogleCloudRunV2Job", "launchStage");
    assert!(["ALPHA", "BETA", "GA"].iter().all(|stage| stages.contains(&(*stage).to_owned())));
}

#[test]
fn jobs_that_nobody_needs_are_swept() {
    Place::new("").sweeps_jobs_that_nobody_needs();
}
