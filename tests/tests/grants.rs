//! Grants: asked for by the flow, allowed by the pool or the command line, and nothing besides.

use longshore_protocol::exit;
use longshore_tests::Home;

#[test]
fn nothing_is_granted_unless_it_is_allowed() {
    let home = Home::new();
    home.run("reads_region").env("REGION", "eu").fails_with(
        exit::BAD_INPUT,
        &[
            "error: the flow reads_region asks for grants that the pool local does not give: env REGION",
            "hint: allow each, for example --allow \"env=REGION\", or all of them with --allow all",
        ],
    );
    assert!(home.runs().is_empty());
}

#[test]
fn a_variable_that_is_allowed_is_read_and_recorded() {
    let home = Home::new();
    let call = || home.run("reads_region").args(["--allow", "env=REGION", "--quiet"]);
    call().env("REGION", "eu").env("OTHER", "x").succeeds().prints("eu\n");
    assert_eq!(
        home.only_run().record("order.json").unwrap()["grants"]["env"],
        serde_json::json!({"REGION": "eu"})
    );
    call().env("REGION", "eu").args(["--env", "REGION=us"]).succeeds().prints("us\n");
    call().fails_with(
        exit::BAD_INPUT,
        &[
            "error: the flow reads_region reads the environment variable REGION, which has no value here",
            "hint: set it, or give it with --env REGION=VALUE",
        ],
    );
}

#[test]
fn a_child_has_what_its_caller_was_granted() {
    let home = Home::new();
    let run = |flow| home.run(flow).env("REGION", "eu").args(["--allow", "all", "--quiet"]);
    run("reads_region_by_a_child").succeeds().prints("null\n");
    run("lets_a_child_read_region").succeeds().prints("eu\n");
    let outcome = home.newest_run().record("outcome.json").unwrap();
    assert_eq!(outcome["usage"]["child_runs"], 1);
}

#[test]
fn a_secret_is_read_and_written_down_nowhere() {
    let home = Home::new();
    let secret = "s3cr3t-value-of-the-key";
    for (into, code) in [
        ("nothing", exit::OK),
        ("result", exit::RUN_REFUSED),
        ("error", exit::RUN_FAILED),
        ("panic", exit::RUN_FAILED),
    ] {
        let call =
            home.run("spills_secret").param("into", into).args(["--allow", "secret=API_KEY"]);
        let answer = call.env("API_KEY", secret).exits(code);
        assert!(!answer.stderr.contains(secret), "{}", answer.stderr);
        assert!(answer.stderr.contains("  | the key is ***!"), "{}", answer.stderr);
        assert!(!answer.text().contains(secret));
    }
    home.newest_run().verb("show").succeeds();
    assert!(!home.holds(secret), "the secret is in a file below the home");
}

#[test]
fn a_secret_in_the_result_is_refused_by_name() {
    let home = Home::new();
    let call = home.run("spills_secret").param("into", "result").args(["--allow", "all"]);
    call.env("API_KEY", "s3cr3t-value")
        .exits(exit::RUN_REFUSED)
        .says("refused: the result has the value of the secret API_KEY in it");
}

#[test]
fn a_secret_can_be_read_from_a_file() {
    let home = Home::new();
    let file = home.file("key", "s3cr3t-value\n");
    let place = format!("API_KEY=file:{}", file.display());
    let call =
        home.run("spills_secret").param("into", "nothing").args(["--allow", "all", "--quiet"]);
    call.args(["--secret", &place]).succeeds().prints("12\n");
    let from =
        &home.only_run().record("order.json").unwrap()["grants"]["secrets"]["API_KEY"]["from"];
    assert_eq!(from.as_str().unwrap(), format!("file:{}", file.display()));
}

#[test]
fn a_value_where_a_place_belongs_is_not_repeated() {
    let home = Home::new();
    let call =
        home.run("spills_secret").param("into", "nothing").args(["--secret", "API_KEY=hunter22"]);
    let answer = call.exits(exit::BAD_INPUT).keeps_quiet_of("hunter22");
    answer.says("--secret API_KEY=… does not say where the secret is");
}

#[test]
fn a_secret_for_a_host_is_a_placeholder_for_the_flow() {
    let home = Home::new();
    let call = home.run("sees_placeholder").args(["--allow", "all", "--quiet"]);
    let seen = call.env("TOKEN", "s3cr3t-value").succeeds().text();
    assert!(seen.starts_with("longshore-secret-"), "{seen}");
}

#[test]
fn a_pools_policy_is_not_widened_by_the_command_line() {
    let home = Home::new();
    home.file("longshore.toml", "[pools.team.grants]\nnetwork = [\"*.example.com:443\"]\n");
    home.run("asks_for_network").args(["--pool", "team"]).succeeds();
    let network = home.only_run().record("order.json").unwrap()["grants"]["network"].clone();
    assert_eq!(network, serde_json::json!(["api.example.com:443"]));
    home.run("reads_region").env("REGION", "eu").args(["--pool", "team", "--allow", "all"]).fails_with(
        exit::BAD_INPUT,
        &[
            "error: the flow reads_region asks for grants that the pool team does not give: env REGION",
            "hint: have them added to [pools.team.grants]",
        ],
    );
}

#[test]
fn a_retry_has_the_grants_of_its_run() {
    let home = Home::new();
    let call = home.run("reads_region").args(["--allow", "all", "--quiet"]);
    call.env("REGION", "eu").succeeds();
    home.only_run().verb("retry").arg("--quiet").succeeds().prints("eu\n");
}

#[test]
fn inspect_shows_what_a_flow_asks_for() {
    let home = Home::new();
    let text = home.longshore(&["inspect"]).arg(longshore_tests::fixtures()).succeeds().text();
    for line in [
        "  asks for env REGION",
        "  asks for secret API_KEY",
        "  asks for network api.example.com:443",
    ] {
        assert!(text.lines().any(|other| other == line), "{text}");
    }
}
