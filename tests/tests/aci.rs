//! Flows in Azure Container Instances, as a person runs them there: in a double of it, whose containers are real.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use longshore_protocol::exit;
use longshore_tests::servers::{self, Answer, Azure, Fault, Near, Request};
use longshore_tests::{Home, InCloud, count, loaded_image, repository, until};
use serde_json::{Value, json};

/// A home with a pool in a subscription of its own, and a store that containers reach.
struct Place {
    home: Home,
    azure: Azure,
    _near: Near,
}

impl Place {
    fn new(settings: &str) -> Self {
        let near = servers::s3().near_containers();
        let azure = Azure::subscription();
        let variables = azure.variables().into_iter();
        let home =
            variables.fold(near.home(), |home, (name, value)| home.with_variable(&name, &value));
        let own = azure.settings(loaded_image());
        let own = own.iter().map(|(key, value)| format!("job.{key} = \"{value}\"\n"));
        let settings = format!("{}{settings}", own.collect::<String>());
        Self { home: home.with_pool("aci", &settings), azure, _near: near }
    }

    /// What was asked of Azure since the last time: methods and paths without what is different each time.
    fn asked(&self) -> Vec<String> {
        let requests = self.azure.proxy.take_requests();
        let shown = requests.iter().map(|request| {
            let path = request.path.split('?').next().unwrap();
            let parts = path.split('/').skip(7).map(|part| match part {
                _ if part.starts_with("longshore-") => "*",
                _ => part,
            });
            format!("{} {}", request.method, parts.collect::<Vec<_>>().join("/"))
        });
        shown.collect()
    }
}

impl InCloud for Place {
    fn home(&self) -> &Home {
        &self.home
    }

    fn containers(&self) -> Vec<String> {
        self.azure.containers("")
    }

    fn jobs(&self) -> usize {
        self.azure.starts("").len()
    }
}

fn refusal(status: u16, word: &str, message: &str) -> Fault {
    let body = json!({ "error": { "code": word, "message": message } });
    let headers = vec![("Content-Type", "application/json".to_owned())];
    Fault::Answer(Answer { status, headers, body: body.to_string() })
}

fn busy(status: u16) -> Fault {
    refusal(status, "ServerBusy", "The server is busy.")
}

fn is_put(request: &Request) -> bool {
    request.method == "PUT"
}

const GROUP: &str = "containerGroups/*";

#[test]
fn a_flow_runs_there_and_nothing_is_left() {
    let place = Place::new("");
    let run = place.home.submitted(place.home.submit("add_one").param("n", 41));
    run.wait().succeeds().prints("42\n");
    let shown = run.shown().to_string();
    assert!(shown.contains("aci") && shown.contains("precompiled"), "{shown}");
    until("the group is gone", || (place.jobs() == 0).then_some(()));

    // What it costs in requests: a look and a creation to launch, one to remove, and few to look.
    let asked = place.asked();
    assert_eq!(count(&asked, &format!("PUT {GROUP}")), 1, "{asked:?}");
    assert!(count(&asked, &format!("DELETE {GROUP}")) <= 2, "{asked:?}");
    assert!(asked.len() <= 12, "{asked:?}");
}

#[test]
fn the_container_has_a_ticket_that_nobody_is_shown() {
    let place = Place::new("job.labels.team = \"search\"");
    let run = place.home.submitted(place.home.submit("sleeps").param("seconds", 3));
    let found = place.container();
    let command = format!("{} {}", found["Path"], found["Args"]);
    let env = found["Config"]["Env"].to_string();
    assert!(command.contains("env:LONGSHORE_TICKET"), "{command}");
    assert!(!command.contains("Signature") && command.len() < 1_024, "{command}");
    assert!(env.contains("LONGSHORE_TICKET=http") && !env.contains("SECRET_ACCESS"), "{env}");
    assert!(!env.contains("hush"), "{env}");
    run.wait().succeeds().prints("slept 3 s\n");
    let shown = run.shown().to_string();
    assert!(!shown.contains("ya29") && !shown.contains("Signature"), "{shown}");
}

#[test]
fn a_run_is_stopped_and_its_container_with_it() {
    let place = Place::new("");
    place.stops_a_run_and_its_container_with_it();
    assert!(count(&place.asked(), &format!("POST {GROUP}/stop")) <= 1);
}

#[test]
fn a_container_that_was_killed_is_a_crash_with_its_reason_and_its_output() {
    let place = Place::new("job.stream_output = true");
    place.tells_of_a_container_that_was_killed();
    assert!(count(&place.asked(), &format!("GET {GROUP}/containers/runtime/logs")) >= 1);
}

#[test]
fn a_group_that_is_kept_is_there_until_it_is_swept() {
    let place = Place::new("job.keep_container_group = true");
    place.home.run("add_one").param("n", 1).succeeds().prints("2\n");
    assert_eq!(place.jobs(), 1);
    let text = place.home.longshore(&["pool", "sweep", "--yes"]).succeeds().text();
    assert!(text.contains("removed the job of run"), "{text}");
    assert_eq!(place.jobs(), 0);
}

#[test]
fn what_a_launch_would_be_is_shown_without_azure() {
    let place = Place::new("job.cpu = 2");
    let would = place.home.run("nothing").args(["--dry-run"]).json().succeeds().json();
    let request = &would["plan"]["request"];
    assert_eq!(request["definition"]["location"], "westeurope");
    assert_eq!(request["container"]["properties"]["resources"]["requests"]["cpu"], 2.0);
    assert_eq!(request["container"]["properties"]["command"][3], "env:LONGSHORE_TICKET");
    let call = place.home.run("nothing").args(["--set", "cpu=8"]);
    call.exits(exit::BAD_INPUT).says("Azure has no container group with 8 processors");
    let call = place.home.run("nothing").args(["--set", "memmory=1GiB"]);
    call.exits(exit::BAD_INPUT).says("did you mean \"memory\"?");
    assert_eq!(place.asked(), Vec::<String>::new());
}

#[test]
fn what_passes_is_waited_for_and_starts_nothing_twice() {
    let place = Place::new("");
    let proxy = &place.azure.proxy;
    // To the first look, …
    proxy.inject(1, Fault::Answer(Answer { status: 200, headers: vec![], body: "<html>".into() }));
    proxy.inject(2, busy(429));
    proxy.inject(1, busy(500));
    proxy.inject(1, Fault::ResetRequest { after: 10 });
    proxy.inject(1, Fault::Delay(Duration::from_secs(3)));
    // … and to the creation: the group is there, and nobody has heard of it.
    proxy.inject_where(1, Fault::ResetResponse { after: 0 }, is_put);
    let run = place.home.submitted(place.home.submit("sleeps").param("seconds", 2));
    until("it is started", || (place.azure.starts("") == [1]).then_some(()));
    run.wait().succeeds().prints("slept 2 s\n");
    assert_eq!(run.shown()["outcome"]["attempt"], 1, "{}", run.shown());
    assert_eq!(count(&place.asked(), &format!("PUT {GROUP}")), 1);
}

#[test]
fn a_creation_that_failed_is_made_once_more() {
    let place = Place::new("");
    place.azure.proxy.inject_where(1, busy(503), is_put);
    place.home.run("add_one").param("n", 3).succeeds().prints("4\n");
    // Also where the group cannot be seen at first.
    place.azure.set(&json!({ "hidden_s": 4 }));
    place.azure.proxy.inject_where(1, Fault::ResetResponse { after: 0 }, is_put);
    let run = place.home.submitted(place.home.submit("sleeps").param("seconds", 8));
    run.wait().succeeds().prints("slept 8 s\n");
    assert_eq!(run.shown()["outcome"]["attempt"], 1, "{}", run.shown());
}

#[test]
fn a_group_that_is_not_found_at_first_is_waited_for() {
    let place = Place::new("");
    place.azure.set(&json!({ "hidden_s": 3 }));
    place.home.run("add_one").param("n", 1).succeeds().prints("2\n");
}

#[test]
fn words_of_the_future_are_no_end() {
    let place = Place::new("");
    place.azure.set(&json!({ "future": "StateOfTheFuture" }));
    place.home.run("add_one").param("n", 1).succeeds().prints("2\n");
}

#[test]
fn a_token_that_ends_meanwhile_is_renewed() {
    let place = Place::new("");
    let run = place.home.submitted(place.home.submit("sleeps").param("seconds", 5));
    place.asked();
    let call = run.verb("wait").start();
    until("it is watched", || (!place.asked().is_empty()).then_some(()));
    place.azure.control("revoke", &json!({ "caller": place.azure.caller }));
    call.finish().succeeds().prints("slept 5 s\n");
    let used = place.azure.control("used", &json!({ "caller": place.azure.caller }));
    assert!(used["tokens"].as_u64().unwrap() >= 3, "{used}");
}

#[test]
fn what_does_not_pass_is_told_with_what_to_do() {
    let place = Place::new("");
    let run = || place.home.run("nothing");
    let denied = "The client 'x' does not have authorization to perform action 'y'";
    place.azure.proxy.inject_where(1, refusal(403, "AuthorizationFailed", denied), is_put);
    let answer = run().exits(exit::INFRASTRUCTURE);
    answer.says(denied).says("hint: docs/aci/launcher.json has the permissions");
    place.azure.set(&json!({ "quota": 0 }));
    let answer = run().exits(exit::INFRASTRUCTURE);
    answer.says("quota 'ContainerGroups' exceeded").says("hint: the quota of the region");
    place.home.longshore(&["doctor"]).exits(exit::INFRASTRUCTURE);
    place.azure.set(&json!({}));
    let call = run().args(["--set", "resource_group_name=missing"]);
    call.exits(exit::INFRASTRUCTURE).says("could not be found.").says("hint: create it");
    place.azure.control("revoke", &json!({ "caller": place.azure.caller, "forever": true }));
    let answer = run().exits(exit::INFRASTRUCTURE);
    answer
        .says("could not get a token with Azure's default credentials")
        .keeps_quiet_of("hush-hush");
    let answer =
        run().args(["--set", "endpoint=http://127.0.0.1:9", "--set", "credentials=anonymous"]);
    answer.exits(exit::INFRASTRUCTURE).says("http://127.0.0.1:9: ").says("refused");
}

#[test]
fn an_image_that_is_missing_is_named() {
    let place = Place::new("");
    let call = place.home.run("nothing").args(["--set", "image=r.example/none:1"]);
    let answer = call.exits(exit::INFRASTRUCTURE);
    let answer = answer.says("The image 'r.example/none:1' in container group");
    answer.says("is not accessible").says("hint: is the image's name right");
    // One that cannot be read later is given up when the time for the start is over.
    place.azure.set(&json!({ "cannot_pull": true }));
    let call = place.home.run("nothing").args(["--set", "task_start_timeout_seconds=2"]);
    let answer = call.exits(exit::RUN_CRASHED);
    answer.says("it has not started within 2 s").says("Azure cannot read the image");
}

#[test]
fn secrets_are_handed_on_where_nobody_sees_them() {
    let place = Place::new("");
    let registry = [
        "--set",
        "image_registry=r.azurecr.io",
        "--set",
        "image_registry_username=u",
        "--set",
        "image_registry_password=env:AZURE_CLIENT_SECRET",
        "--set",
        "keep_container_group=true",
    ];
    let would = place.home.run("nothing").args(registry).args(["--dry-run"]).json();
    let would = would.succeeds().text();
    assert!(would.contains("$(AZURE_CLIENT_SECRET)") && !would.contains("hush-hush"), "{would}");
    let run = place.home.submitted(place.home.submit("add_one").param("n", 1).args(registry));
    run.wait().succeeds().prints("2\n");
    assert!(!run.shown().to_string().contains("hush-hush"));
}

/// The actions of the role in the documentation.
fn role() -> BTreeSet<String> {
    let text = std::fs::read_to_string(repository().join("docs/aci/launcher.json")).unwrap();
    let role: Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(role["Actions"].clone()).unwrap()
}

#[test]
fn the_documented_role_is_what_a_launcher_needs_and_no_more() {
    let place = Place::new("");
    let (role, caller) = (role(), &place.azure.caller);
    place.azure.control("grant", &json!({ "caller": caller, "permissions": role }));
    let home = &place.home;
    home.longshore(&["doctor"]).succeeds();
    // With an identity and a subnet.
    let group = "/subscriptions/s/resourceGroups/g/providers";
    let identity = format!("identities={group}/Microsoft.ManagedIdentity/userAssignedIdentities/i");
    let subnet = format!("subnet_ids={group}/Microsoft.Network/virtualNetworks/v/subnets/x");
    let call = home.run("add_one").param("n", 1).args(["--set", &identity, "--set", &subnet]);
    call.succeeds().prints("2\n");
    let subnet = subnet.replace('=', "=[\"") + "\"]";
    home.longshore(&["pool", "update", "aci", "--set", &format!("job.{subnet}")]).succeeds();
    home.longshore(&["doctor"]).succeeds();
    let run = place.running(&[]);
    // A runtime that does not listen is ended by Azure.
    place.signal("STOP");
    run.verb("cancel").succeeds();
    run.verb("logs").args(["--job"]).succeeds();
    run.verb("rm").succeeds();
    home.longshore(&["pool", "sweep", "--yes"]).succeeds();
    let used = place.azure.control("used", &json!({ "caller": caller }));
    let used: BTreeSet<String> = serde_json::from_value(used["permissions"].clone()).unwrap();
    assert_eq!(used, role);
}

#[test]
fn the_doctor_looks_at_credentials_permissions_location_and_quotas() {
    let place = Place::new("");
    place.home.run("nothing").succeeds();
    let text = place.home.longshore(&["doctor"]).succeeds().text();
    assert!(text.contains("aci") && text.contains("location westeurope"), "{text}");
    assert!(text.contains("of 100 container groups are in use"), "{text}");
    for (subnet, expected) in
        [("missing", "was not found"), ("plain", "is not delegated to Microsoft.ContainerInstance")]
    {
        let network = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network";
        let set = format!("job.subnet_ids=[\"{network}/virtualNetworks/v/subnets/{subnet}\"]");
        place.home.longshore(&["pool", "update", "aci", "--set", &set]).succeeds();
        let text = place.home.longshore(&["doctor"]).exits(exit::INFRASTRUCTURE).text();
        assert!(text.contains("FAIL") && text.contains(expected), "{text}");
    }
    place.home.longshore(&["pool", "update", "aci", "--set", "job.subnet_ids=[]"]).succeeds();
    let mut permissions = role();
    permissions.remove("Microsoft.ContainerInstance/containerGroups/write");
    let grant = json!({ "caller": place.azure.caller, "permissions": permissions });
    place.azure.control("grant", &grant);
    let text = place.home.longshore(&["doctor"]).exits(exit::INFRASTRUCTURE).text();
    assert!(text.contains("FAIL") && text.contains("containerGroups/write"), "{text}");
}

#[test]
fn the_published_words_are_those_that_are_known() {
    let azure = Azure::subscription();
    let words = |name: &str| -> Vec<String> {
        let found = azure.control("aci-words", &json!({ "enum": name }));
        serde_json::from_value(found["words"].clone()).unwrap()
    };
    assert_eq!(words("GpuSku"), ["K80", "P100", "V100"]);
    assert!(words("ContainerGroupRestartPolicy").contains(&"Never".to_owned()));
    assert!(words("OperatingSystemTypes").contains(&"Linux".to_owned()));
    let identities = words("ResourceIdentityType");
    for word in ["SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned"] {
        assert!(identities.contains(&word.to_owned()), "{identities:?}");
    }
}

#[test]
fn groups_that_nobody_needs_are_swept() {
    Place::new("").sweeps_jobs_that_nobody_needs();
}
