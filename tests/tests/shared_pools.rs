//! Pools that a team keeps in object storage, which compares and replaces in one step.

use longshore_protocol::exit::BAD_INPUT;
use longshore_tests::servers::{self, Bucket};
use longshore_tests::{Call, Home};
use serde_json::json;

/// How many change the same pool at once.
const WRITERS: usize = 4;

/// A home of somebody who shares pools in a bucket, and keeps runs at home.
fn home(bucket: &Bucket) -> Home {
    let home = Home::new();
    let shared = bucket.location();
    home.file(".config/longshore/config.toml", format!("shared_pools = {shared:?}\n"));
    home
}

fn pool(home: &Home, bucket: &Bucket, arguments: &[&str]) -> Call {
    let call = home.longshore(&["pool"]).args(arguments).json();
    bucket.variables().iter().fold(call, |call, (name, value)| call.env(name, value))
}

#[test]
fn a_pool_is_shared_through_every_storage() {
    for (name, server) in servers::all() {
        let bucket = server.bucket();
        let (mine, yours) = (home(&bucket), home(&bucket));
        let create = ["create", "team", "--type", "process", "--shared"];
        let created = pool(&mine, &bucket, &create).succeeds().json();
        let place = format!("{}/tests/pools/team.toml", bucket.url());
        assert_eq!(created["place"], json!(place), "{name}: without options");
        pool(&yours, &bucket, &create).exits(BAD_INPUT).says("there is a shared pool team already");
        pool(&yours, &bucket, &["pause", "team", "--shared"]).succeeds();
        let seen = pool(&mine, &bucket, &["inspect", "team"]).succeeds().json();
        assert_eq!(seen["paused"], true, "{name}");
        pool(&mine, &bucket, &["delete", "team", "--shared"]).succeeds();
        let left = pool(&yours, &bucket, &["list"]).succeeds().json();
        assert_eq!(left.as_array().unwrap().len(), 1, "{name}: {left}");
    }
}

#[test]
fn of_updates_at_the_same_time_none_is_lost() {
    for (name, server) in servers::all() {
        let bucket = server.bucket();
        let home = home(&bucket);
        pool(&home, &bucket, &["create", "team", "--type", "process", "--shared"]).succeeds();
        let labels: Vec<_> = (0..WRITERS).map(|n| format!("l{n}=x")).collect();
        let update = |label: &String| {
            pool(&home, &bucket, &["update", "team", "--shared", "--label", label]).start()
        };
        let running: Vec<_> = labels.iter().map(update).collect();
        running.into_iter().for_each(|one| drop(one.finish().succeeds()));
        let seen = pool(&home, &bucket, &["inspect", "team"]).succeeds().json();
        let settings = seen["settings"].as_array().unwrap();
        let is_label =
            |one: &&serde_json::Value| one["key"].as_str().unwrap().starts_with("labels.");
        assert_eq!(settings.iter().filter(is_label).count(), WRITERS, "{name}: {seen}");
    }
}
