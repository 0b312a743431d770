//! Whose keys a launcher of AWS ECS signs with: named ones, those of a role, and those that end while a run goes on.

use std::collections::BTreeSet;

use longshore_protocol::exit;
use longshore_tests::servers::{self, EXECUTION_ROLE, Ecs, Near, REGION};
use longshore_tests::{Home, loaded_image};

/// A home whose pool has a cluster of its own.
struct Place {
    home: Home,
    ecs: Ecs,
    _near: Near,
}

impl Place {
    fn new(settings: &str) -> Self {
        let near = servers::s3().near_containers();
        let ecs = Ecs::new();
        let pool = format!(
            "job.region = \"{REGION}\"\njob.endpoint_url = \"{}\"\njob.cluster = \"{}\"\njob.execution_role_arn = \"{EXECUTION_ROLE}\"\njob.image = \"{}\"\n{settings}",
            ecs.endpoint(),
            ecs.cluster(),
            loaded_image(),
        );
        Self { home: near.home().with_pool("ecs", &pool), ecs, _near: near }
    }

    /// The keys that a look at everything is signed with.
    fn keys(&self) -> BTreeSet<String> {
        self.home.longshore(&["doctor"]).env("TEAM_AWS_ACCESS_KEY_ID", "AKIATEAM").answer();
        let keys = self.ecs.take_keys().into_iter();
        keys.filter(|(operation, _)| operation != "AssumeRole").map(|(_, key)| key).collect()
    }
}

fn only(key: &str) -> BTreeSet<String> {
    BTreeSet::from([key.to_owned()])
}

#[test]
fn keys_are_those_that_are_named() {
    let place = Place::new("job.credentials = \"profile:team\"");
    place.home.file(
        ".aws/config",
        "[profile team]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = hush-hush\n",
    );
    assert_eq!(place.keys(), only("AKIAPROFILE"));

    let file = place.home.file("keys", "");
    let pool = |reference: &str| {
        let set = format!("job.credentials={reference}");
        place.home.longshore(&["pool", "update", "ecs", "--set", &set]).succeeds();
    };
    pool(&format!("file:{}", file.display()));
    let answer = place.home.longshore(&["doctor"]).exits(exit::INFRASTRUCTURE).text();
    let why = "does not have AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    assert!(answer.contains(why), "{answer}");
    place.home.file("keys", "AWS_ACCESS_KEY_ID=AKIAFILE\nAWS_SECRET_ACCESS_KEY=hush-hush\n");
    assert_eq!(place.keys(), only("AKIAFILE"));

    pool("env:TEAM_");
    let call = place.home.longshore(&["doctor"]).env("TEAM_AWS_ACCESS_KEY_ID", "AKIATEAM");
    call.env("TEAM_AWS_SECRET_ACCESS_KEY", "hush-hush").answer();
    let keys: BTreeSet<_> = place.ecs.take_keys().into_iter().map(|(_, key)| key).collect();
    assert_eq!(keys, only("AKIATEAM"));
}

#[test]
fn a_role_is_assumed_and_its_keys_are_used() {
    let place = Place::new("job.assume_role_arn = \"arn:aws:iam::000000000000:role/launchers\"");
    place.home.run("nothing").succeeds();
    let asked = place.ecs.take_keys();
    let (assumes, others): (Vec<_>, Vec<_>) =
        asked.into_iter().partition(|(operation, _)| operation == "AssumeRole");
    assert_eq!(assumes.len(), 1, "the role's keys are good for the whole run");
    let own = &assumes[0].1;
    assert!(others.iter().any(|(operation, _)| operation == "RunTask"), "{others:?}");
    assert!(others.iter().all(|(_, key)| key != own), "{others:?}");
}

#[test]
fn keys_that_end_while_a_run_goes_on_are_fetched_again() {
    let place = Place::new("job.credentials = \"profile:team\"");
    let asked = place.home.path("asked");
    // Good for a few seconds: a launcher fetches others before they end.
    let script = format!(
        "echo x >>{asked}\nn=$(wc -l <{asked})\nends=$(date -u -d '+13 seconds' +%Y-%m-%dT%H:%M:%SZ)\n\
         echo '{{\"Version\": 1, \"AccessKeyId\": \"AKIA'$n'\", \"SecretAccessKey\": \"hush-hush\", \"SessionToken\": \"geheim\", \"Expiration\": \"'$ends'\"}}'\n",
        asked = asked.display(),
    );
    let script = place.home.file("keys.sh", script);
    let config = format!("[profile team]\ncredential_process = sh {}\n", script.display());
    place.home.file(".aws/config", config);
    let answer = place.home.run("sleeps").param("seconds", 8).json().succeeds();
    answer.keeps_quiet_of("hush-hush").keeps_quiet_of("geheim");
    let asked = place.ecs.take_keys();
    let keys: BTreeSet<_> = asked.iter().map(|(_, key)| key.as_str()).collect();
    assert!(keys.len() > 1, "{asked:?}");
    let stored = place.home.longshore(&["list"]).json().succeeds().text();
    assert!(!stored.contains("hush-hush") && !stored.contains("geheim"), "{stored}");
}
