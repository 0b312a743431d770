//! Runs whose store is object storage: S3, Google Cloud Storage, Azure Blob, by real servers.

use longshore_protocol::exit::{self, BAD_INPUT};
use longshore_tests::servers::{self, Bucket};
use longshore_tests::{Home, until};

/// A home over each storage.
fn homes() -> impl Iterator<Item = (&'static str, Bucket, Home)> {
    let servers = servers::all().into_iter().chain([("s3 with users", servers::s3_with_users())]);
    servers.map(|(name, server)| {
        let bucket = server.bucket();
        let home = Home::over(&bucket);
        (name, bucket, home)
    })
}

/// The argument by which a pool with this name has no tickets.
fn ambient(home: &Home) {
    home.file(".config/longshore/config.toml", "[pools.local]\naccess = \"ambient\"\n");
}

#[test]
fn a_flow_runs_through_every_storage() {
    for (name, _, home) in homes() {
        home.run("add_one").param("n", 41).succeeds().prints("42\n");
        let run = home.submitted(home.submit("prints"));
        run.wait().succeeds();
        let said = run.verb("logs").succeeds().text();
        assert!(
            said.contains("to standard output") && said.contains("by the log crate"),
            "{name}: {said}"
        );
        let listed = home.longshore(&["list"]).json().succeeds().json();
        assert_eq!(listed.as_array().unwrap().len(), 2, "{name}: {listed:?}");
    }
}

#[test]
fn large_parameters_and_results_pass_through_every_storage() {
    for (_, _, home) in homes() {
        let content = vec![7; 3 << 20];
        let file = home.file("in.bin", &content);
        let output = home.path("out.bin");
        home.run("echo").param_file("data", &file).arg("-o").arg(&output).succeeds();
        assert!(std::fs::read(&output).unwrap() == content);
    }
}

#[test]
fn files_go_with_a_run_through_every_storage() {
    for (_, _, home) in homes() {
        home.file("data/a.csv", "1");
        let call = home.run("lists_files").args(["--include", "data/", "--quiet"]);
        call.succeeds().prints("[\n  [\n    \"/files/data/a.csv\",\n    \"1\"\n  ]\n]\n");
    }
}

#[test]
fn a_run_is_cancelled_retried_and_removed_in_every_storage() {
    for (name, _, home) in homes() {
        let run = home.submitted(home.submit("spin"));
        until("it runs", || (run.state() == "Running").then_some(()));
        run.verb("cancel").succeeds();
        run.wait().exits(exit::RUN_CANCELLED);
        assert_eq!(run.state(), "Cancelled", "{name}");
        run.verb("rm").succeeds();
        home.longshore(&["list"]).json().succeeds().prints("[]\n");
        run.verb("show").exits(BAD_INPUT);
    }
}

#[test]
fn a_pool_without_tickets_hands_on_credentials_in_every_storage() {
    for (_, _, home) in homes() {
        ambient(&home);
        home.run("add_one").param("n", 1).succeeds().prints("2\n");
        assert!(!home.holds("--ticket"));
    }
}

#[test]
fn doctor_writes_creates_once_and_signs() {
    for (name, _, home) in homes() {
        let checks = home.longshore(&["doctor"]).json().answer().json();
        let store = checks.as_array().unwrap().iter().find(|check| check["name"] == "store");
        assert_eq!(store.unwrap()["is_ok"], true, "{name}: {checks}");
    }
}
