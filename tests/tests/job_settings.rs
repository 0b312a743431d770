//! Job settings: who sets them, how they go over one another, and how they reach the job.

use std::os::unix::fs::PermissionsExt as _;

use longshore_protocol::exit;
use longshore_tests::Home;
use serde_json::{Value, json};

/// A program in the runtime's place that says where it is and what it is given, and then is the runtime.
fn wrapper(home: &Home) -> String {
    let runtime = longshore_tests::runtime();
    let script = format!(
        "#!/bin/sh\necho \"in $PWD: REGION=$REGION ZONE=$ZONE HOME=$HOME\"\nexec {} \"$@\"\n",
        runtime.display()
    );
    let path = home.file("wrapper", script);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
        .expect("the script is ours");
    json!({"program": path}).to_string()
}

/// The job settings of a dry run: `key = value (who set it)`.
fn settings_of(would: &Value) -> Vec<String> {
    let settings = would["settings"].as_array().expect("a dry run has settings");
    let shown = settings.iter().map(|one| {
        let place = one["origin"]["place"].as_str().unwrap_or_default();
        let place = place.rsplit('/').next().unwrap_or_default();
        let source = one["origin"]["source"].as_str().expect("it comes from somewhere");
        format!(
            "{} = {} ({source} {place})",
            one["key"].as_str().expect("it has a key"),
            one["value"]
        )
    });
    shown.collect()
}

#[test]
fn settings_reach_the_job() {
    let home = Home::new();
    let folder = home.path("work");
    std::fs::create_dir(&folder).expect("the home can be written");
    let answer = home
        .run("streams_output")
        .args(["--set", "env.REGION=us", "--set", "env.ZONE="])
        .arg("--set")
        .arg(format!("working_dir={}", folder.display()))
        .args(["--patch", &wrapper(&home)])
        .succeeds();
    answer.says(&format!(" >| in {}: REGION=us ZONE= HOME=\n", folder.display()));
}

#[test]
fn the_jobs_own_output_is_shown_where_that_is_set() {
    let home = Home::new();
    let call = || home.run("counts").param("n", 1).args(["--patch", &wrapper(&home)]);
    call().succeeds().keeps_quiet_of(">|");
    let answer = call().args(["--set", "stream_output=true"]).json().succeeds();
    let output = answer.events().into_iter().find(|event| event["event"] == "output");
    let line = output.expect("the output is an event")["line"].clone();
    assert!(line.as_str().is_some_and(|line| line.ends_with("REGION= ZONE= HOME=")), "{line}");
}

#[test]
fn caller_goes_before_flow_and_flow_before_pool() {
    let home = Home::new();
    home.file(
        "longshore.toml",
        "[pools.team.job]\nworking_dir = \"/\"\nenv = { REGION = \"pool\", ZONE = \"pool\", RACK = \"pool\" }\n\
         [pools.team.grants]\njob = [\"env\"]\n",
    );
    let call = || home.run("sets_environment").args(["--pool", "team", "--dry-run"]).json();
    assert_eq!(
        settings_of(&call().succeeds().json()),
        [
            "env.RACK = \"pool\" (pool longshore.toml)",
            "env.REGION = \"eu\" (flow sets_environment)",
            "env.ZONE = \"1\" (flow sets_environment)",
            "working_dir = \"/\" (pool longshore.toml)",
            "stream_output = false (default )",
        ]
    );
    home.file(
        "job.toml",
        "unset = [\"working_dir\"]\nenv.REGION = \"file\"\nenv.RACK = \"file\"\n",
    );
    home.file("job.json", "{\"stream_output\": true, \"env\": {\"ZONE\": null}}");
    let answer = call()
        .args(["--set-file", "job.toml", "--set-file", "job.json", "--unset", "env.RACK"])
        .args(["--set", "env.REGION=typed"])
        .succeeds();
    let would = answer.json();
    assert_eq!(
        settings_of(&would),
        [
            "env.REGION = \"typed\" (caller --set)",
            "working_dir = null (default )",
            "stream_output = true (caller --set-file job.json)",
        ]
    );
    assert_eq!(would["plan"]["request"]["env"], json!({"REGION": "typed"}));
}

#[test]
fn what_is_set_wrongly_is_refused_before_anything_is_stored() {
    let home = Home::new();
    home.file("job.toml", "env = 5\n");
    for (arguments, lines) in [
        (
            ["--set", "workign_dir=/"],
            [
                "error: --set: process has no job setting \"workign_dir\"; did you mean \"working_dir\"?",
                "hint: longshore pool template process explains them",
            ],
        ),
        (
            ["--set", "working_dir=data"],
            [
                "error: --set: working_dir: \"data\" is not an absolute path",
                "hint: working_dir takes an absolute path: The folder in which the runtime's process starts. \
                 Default: a folder of the job.",
            ],
        ),
        (
            ["--set", "stream_output"],
            [
                "error: --set: \"stream_output\" is not a setting with its value",
                "hint: write KEY=VALUE, for example env.REGION=eu; --unset KEY takes a value away",
            ],
        ),
        (
            ["--set-file", "job.toml"],
            [
                "error: --set-file job.toml: env: 5 is not texts by names, for example {\"NAME\": \"value\"}",
                "hint: env takes texts by names, for example {\"NAME\": \"value\"}: The environment of the runtime's \
                 process, all of it: nothing is inherited. A flow sees only what it is granted.",
            ],
        ),
        (
            ["--patch", "[1]"],
            [
                "error: --patch [1]: could not read it: No such file or directory (os error 2)",
                "error: --patch [1]: could not read it: No such file or directory (os error 2)",
            ],
        ),
    ] {
        let lines = if lines[0] == lines[1] { &lines[..1] } else { &lines[..] };
        home.run("counts").param("n", 1).args(arguments).fails_with(exit::BAD_INPUT, lines);
    }
    home.run("asks_for_colour").exits(exit::BAD_INPUT).says(
        "error: the flow asks_for_colour: process has no job setting \"colour\"; it has env, working_dir, stream_output",
    );
    home.has_stored_nothing();
}

#[test]
fn a_flow_sets_the_environment_of_its_job_only_where_it_is_allowed() {
    let home = Home::new();
    home.run("sets_environment").fails_with(
        exit::BAD_INPUT,
        &[
            "error: the flow sets_environment asks for grants that the pool local does not give: job env.REGION, job env.ZONE",
            "hint: allow each, for example --allow \"job=env.REGION\", or all of them with --allow all",
        ],
    );
    home.has_stored_nothing();
    home.run("sets_environment").args(["--allow", "job=env", "--quiet"]).succeeds();
    // What the caller sets is the caller's, whatever the flow asks for.
    let call = home.run("sets_environment").args(["--set", "env.REGION=", "--set", "env.ZONE="]);
    call.args(["--quiet"]).succeeds();
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let home = Home::new();
    let text = home
        .longshore(&["submit", "--dry-run"])
        .arg(longshore_tests::fixtures())
        .args(["counts", "-p", "n=1", "--label", "team=search", "--set", "env.REGION=eu"])
        .succeeds()
        .text();
    let store = format!("store       {}", home.store().display());
    for line in [
        "flow        counts",
        "pool        local (process)",
        &store,
        "parameters  1 B, in the order",
        "label       team=search",
        "uploaded, where the store does not have it",
        "  env.REGION = \"eu\"                        # --set",
        "  working_dir = none                       # default",
        "  memory           512.0 MiB",
        "    \"env\": {",
        "      \"REGION\": \"eu\"",
    ] {
        assert!(text.lines().any(|other| other == line), "{line:?} is not in\n{text}");
    }
    assert!(!home.store().exists(), "the store was made");
    assert!(!home.path(".local/state").exists(), "a job was made");
}

#[test]
fn a_dry_run_compiles_nothing() {
    let home = Home::cold();
    let call = home.run("counts").param("n", 1).arg("--dry-run").json();
    let would = call.succeeds().json();
    let artefact = &would["uploads"][1];
    assert_eq!(
        (&artefact["what"], &artefact["bytes"]),
        (&json!("compiled artefact"), &Value::Null)
    );
    assert!(!home.path(".cache/longshore/compiled").exists());
    home.run("counts").param("n", 1).arg("--quiet").succeeds();
    let would = home.run("counts").param("n", 1).arg("--dry-run").json().succeeds().json();
    assert!(would["uploads"][1]["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{would}");
}

#[test]
fn a_dry_run_over_object_storage_contacts_nobody() {
    let home = Home::new();
    // Nobody listens there.
    let store =
        "s3://bucket/flows?aws_endpoint=http://127.0.0.1:1&aws_region=eu&aws_allow_http=true";
    let would = home
        .run("counts")
        .param("n", 1)
        .args(["--dry-run", "--store", store])
        .json()
        .env("AWS_ACCESS_KEY_ID", "id")
        .env("AWS_SECRET_ACCESS_KEY", "s3cr3t-key")
        .succeeds()
        .json();
    let arguments = &would["plan"]["request"]["arguments"];
    assert_eq!(arguments[1], "--ticket");
    let url = arguments[2].as_str().expect("it is text");
    assert!(url.starts_with("<signed address of runs/default/"), "{url}");
    assert!(!would.to_string().contains("s3cr3t-key"));
}

#[test]
fn a_patch_changes_what_no_setting_covers_but_not_what_the_run_needs() {
    let home = Home::new();
    home.file("patch.toml", "env = { FROM_FILE = \"1\" }\n");
    home.file(
        "longshore.toml",
        "[pools.local]\npatch = { env = { FROM_POOL = \"1\", GONE = \"1\" } }\n",
    );
    let call = || home.run("counts").param("n", 1);
    let would = call()
        .args(["--patch", "patch.toml", "--patch", r#"{"env": {"GONE": null}}"#, "--dry-run"])
        .json()
        .succeeds()
        .json();
    assert_eq!(would["plan"]["request"]["env"], json!({"FROM_FILE": "1", "FROM_POOL": "1"}));
    call().args(["--patch", r#"{"arguments": []}"#]).fails_with(
        exit::BAD_INPUT,
        &[
            "error: the patch changes arguments, which the launcher needs as it is",
            "hint: --dry-run shows the request that a patch applies to",
        ],
    );
    call().args(["--patch", r#"{"wroking_dir": "/"}"#]).exits(exit::BAD_INPUT).says("wroking_dir");
    home.has_stored_nothing();
}

#[test]
fn a_retry_has_the_settings_and_patches_of_its_run() {
    let home = Home::new();
    let patch = wrapper(&home);
    let call = home.run("sets_environment").args(["--allow", "job=env", "--patch", &patch]);
    call.args(["--set", "env.ZONE=2", "--set", "stream_output=true"])
        .succeeds()
        .says("REGION=eu ZONE=2");
    let job = home.only_run().record("job.json").expect("the run has a job");
    assert_eq!(
        job["settings"],
        json!({"env.REGION": "eu", "env.ZONE": "2", "stream_output": true})
    );
    home.only_run().verb("retry").succeeds().says("REGION=eu ZONE=2");
}

#[test]
fn a_template_can_be_pasted_into_a_pool() {
    let home = Home::new();
    let template = home.longshore(&["pool", "template", "process"]).succeeds().text();
    let pasted = template.replace("# job.working_dir = \"/path\"", "job.working_dir = \"/\"");
    let pasted = pasted.replace("# job.env.NAME = \"value\"", "job.env.REGION = \"eu\"");
    let pasted = pasted.replace("# job.stream_output = false", "job.stream_output = true");
    home.file(
        "longshore.toml",
        format!("[pools.team]\n{pasted}\n[pools.team.limits]\nsockets = 1\n"),
    );
    let would = home.run("counts").param("n", 1).args(["--pool", "team", "--dry-run"]).json();
    assert_eq!(
        settings_of(&would.succeeds().json()),
        [
            "env.REGION = \"eu\" (pool longshore.toml)",
            "working_dir = \"/\" (pool longshore.toml)",
            "stream_output = true (pool longshore.toml)",
        ]
    );
}

#[test]
fn a_template_is_a_schema_for_programs_and_a_slip_in_the_kind_is_named() {
    let home = Home::new();
    let schema = home.longshore(&["pool", "template", "process"]).json().succeeds().json();
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["stream_output"]["type"], "boolean");
    assert_eq!(schema["properties"]["stream_output"]["default"], false);
    home.longshore(&["pool", "template", "proces"]).fails_with(
        exit::BAD_INPUT,
        &["error: \"proces\" is not a kind of infrastructure; did you mean \"process\"?"],
    );
}

#[test]
fn inspect_shows_what_a_flow_sets() {
    let home = Home::new();
    let text = home.longshore(&["inspect"]).arg(longshore_tests::fixtures()).succeeds().text();
    assert!(text.lines().any(|line| line == "  sets job env.REGION=eu"), "{text}");
}
