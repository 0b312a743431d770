//! Runs whose store is object storage: S3, Google Cloud Storage, Azure Blob, by real servers.

use longshore_protocol::exit::{self, BAD_INPUT};
use longshore_tests::servers;
use longshore_tests::{Home, until};

/// A home over each storage: a directory as well, so that all of them pass the same tests.
fn homes() -> impl Iterator<Item = (&'static str, Home)> {
    let servers = servers::all().into_iter().chain([("s3 with users", servers::s3_with_users())]);
    let remote = servers.map(|(name, server)| (name, Home::over(&server.bucket())));
    [("a directory", Home::new())].into_iter().chain(remote)
}

/// Lets runtimes use the store by themselves.
fn ambient(home: &Home) {
    home.file(".config/longshore/config.toml", "[pools.local]\naccess = \"ambient\"\n");
}

#[test]
fn a_flow_runs_through_every_storage() {
    for (name, home) in homes() {
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
    for (_, home) in homes() {
        let content = vec![7; 3 << 20];
        let file = home.file("in.bin", &content);
        let output = home.path("out.bin");
        home.run("echo").param_file("data", &file).arg("-o").arg(&output).succeeds();
        assert!(std::fs::read(&output).unwrap() == content);
    }
}

#[test]
fn files_go_with_a_run_through_every_storage() {
    for (_, home) in homes() {
        home.file("data/a.csv", "1");
        let call = home.run("lists_files").args(["--include", "data/", "--quiet"]);
        call.succeeds().prints("[\n  [\n    \"/files/data/a.csv\",\n    \"1\"\n  ]\n]\n");
    }
}

#[test]
fn a_run_is_cancelled_retried_and_removed_in_every_storage() {
    for (name, home) in homes() {
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
    for (name, home) in homes() {
        let handed_on = |is_ambient: bool| {
            if is_ambient {
                ambient(&home);
            }
            let run = home.submitted(home.submit("add_one").param("n", 1));
            run.wait().succeeds().prints("2\n");
            let confinement = &run.shown()["outcome"]["runtime"]["confinement"];
            confinement["environment_variables"].as_u64().unwrap()
        };
        assert_eq!(handed_on(false), 0, "{name}");
        let needs_some = u64::from(name != "a directory");
        assert!(handed_on(true) >= needs_some, "{name}");
    }
}

#[test]
fn doctor_proves_what_a_run_needs_in_every_storage() {
    for (name, home) in homes() {
        let checks = home.longshore(&["doctor"]).json().succeeds().json();
        let found = |wanted: &str| {
            let check = checks.as_array().unwrap().iter().find(|check| check["name"] == wanted);
            let check = check.unwrap();
            assert_eq!(check["is_ok"], true, "{name}: {checks}");
            check["found"].as_str().unwrap().to_owned()
        };
        let access = match name {
            "a directory" => "ambient: this store signs no tickets",
            _ => "by ticket: signed URLs work, and create only",
        };
        assert_eq!(found("access"), access, "{name}");
        for wanted in ["store", "clock", "credentials"] {
            found(wanted);
        }
    }
}

/// A home whose credentials for S3 are in AWS's files, and nowhere else.
fn home_with_profile() -> Home {
    let bucket = servers::s3_with_users().bucket();
    let lines = bucket
        .variables()
        .into_iter()
        .map(|(name, value)| format!("{} = {value}\n", name.to_ascii_lowercase()));
    let content = format!("[ci]\n{}", lines.collect::<String>());
    let home = Home::at(&format!("{}&credentials=profile:ci", bucket.location()));
    home.file(".aws/credentials", content);
    home
}

#[test]
fn the_keys_of_a_profile_sign_tickets() {
    let home = home_with_profile();
    // Keys in the environment are somebody else's.
    let run = home.run("add_one").param("n", 1).env("AWS_ACCESS_KEY_ID", "AKIDOTHER");
    run.env("AWS_SECRET_ACCESS_KEY", "other").succeeds().prints("2\n");
    let checks = home.longshore(&["doctor"]).succeeds().text();
    assert!(checks.contains("the AWS profile ci"), "{checks}");
}

#[test]
fn a_profile_that_does_not_exist_is_named() {
    let home = home_with_profile();
    home.file(".aws/credentials", "[other]\naws_access_key_id = x\naws_secret_access_key = y\n");
    let answer = home.longshore(&["list"]).exits(exit::STORE).prints("");
    answer.says(": there are no credentials in the AWS profile ci\n").says("hint: check the cred");
}

#[test]
fn the_keys_of_a_profile_cannot_be_handed_on() {
    let home = home_with_profile();
    ambient(&home);
    let answer = home.run("add_one").param("n", 1).exits(BAD_INPUT).prints("");
    answer
        .says("error: runtimes of the pool local cannot use the AWS profile ci")
        .says("hint: let the pool's access be \"ticket\"");
}

#[test]
fn old_runs_are_collected_in_every_storage() {
    for (name, home) in homes() {
        home.run("add_one").param("n", 1).succeeds();
        let dry = home.longshore(&["gc", "--older-than", "1ms"]).succeeds();
        let listed = home.longshore(&["list"]).json().succeeds().json();
        assert_eq!(listed.as_array().unwrap().len(), 1, "{name}: {}", dry.text());
        home.longshore(&["gc", "--older-than", "1ms", "--yes"]).succeeds();
        home.longshore(&["list"]).json().succeeds().prints("[]\n");
        // Content that is young stays, whether somebody refers to it or not.
        home.run("add_one").param("n", 2).succeeds().prints("3\n").keeps_quiet_of("uploading");
    }
}

/// Runs a flow that returns its large parameters: the bytes of them that had arrived, as they were told.
fn echoes(home: &Home, mebibytes: u32) -> Vec<u64> {
    let content: Vec<_> =
        (0..mebibytes << 20).map(|n| n.wrapping_mul(2_654_435_761) as u8).collect();
    let (file, output) = (home.file("in.bin", &content), home.path("out.bin"));
    let limits = ["--limit", "params=80MiB", "--limit", "result=80MiB"];
    let call = home.run("echo").args(limits).param_file("data", &file).arg("-o").arg(&output);
    let events = call.json().succeeds().events();
    assert!(std::fs::read(&output).is_ok_and(|found| found == content));
    let arrived = events.iter().filter(|event| event["event"] == "arrived");
    arrived.map(|event| event["arrived"].as_u64().expect("it is a number")).collect()
}

#[test]
fn what_is_uploaded_in_parts_arrives_whole_in_every_storage() {
    for (name, home) in homes() {
        assert!(echoes(&home, 20).is_empty(), "{name}: what is smaller goes in one piece");
        let arrived = echoes(&home, 66);
        assert_eq!(arrived.len(), 5, "{name}: {arrived:?}");
        assert!(arrived[4] > 66 << 20, "{name}: {arrived:?}");
    }
}

/// A way that breaks whenever something takes long.
#[test]
fn what_does_not_arrive_in_one_piece_is_uploaded_in_small_parts_to_every_storage() {
    for (name, server) in servers::all() {
        let proxy = servers::proxy(&server);
        let home = Home::over(&server.through(&proxy).bucket());
        home.run("add_one").param("n", 0).succeeds();
        let is_whole = |request: &servers::Request| {
            let has = |what: &str| request.path.contains(what);
            request.method == "PUT" && has("params") && !has("partNumber=") && !has("comp=")
        };
        proxy.inject_where(usize::MAX, servers::Fault::ResetRequest { after: 9 << 20 }, is_whole);
        let arrived = echoes(&home, 20);
        assert_eq!(arrived.len(), 3, "{name}: {arrived:?}");
    }
}
