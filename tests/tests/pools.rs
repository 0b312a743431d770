//! Work pools: what is said of them, by whom, and how the command line changes it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use longshore_protocol::exit::{BAD_INPUT, OK};
use longshore_tests::{Answer, Call, Home};
use serde_json::{Value, json};

const USER_FILE: &str = ".config/longshore/config.toml";

fn pool(home: &Home, arguments: &[&str]) -> Call {
    home.longshore(&["pool"]).args(arguments)
}

fn text(home: &Home, name: &str) -> String {
    fs::read_to_string(home.path(name)).unwrap_or_default()
}

/// A key of a pool, as `pool inspect` tells it: its value and who says so.
fn told(inspected: &Value, key: &str) -> (Value, String) {
    let settings = inspected["settings"].as_array().unwrap();
    let one = settings.iter().find(|one| one["key"] == key).unwrap();
    let place = one["place"].as_str().map(|place| place.rsplit('/').next().unwrap().to_owned());
    let line = one["line"].as_u64().map(|line| format!(":{line}")).unwrap_or_default();
    let layer = one["layer"].as_str().unwrap();
    (one["value"].clone(), format!("{layer} {}{line}", place.unwrap_or_default()))
}

fn inspected(home: &Home, name: &str) -> Value {
    pool(home, &["inspect", name]).json().succeeds().json()
}

#[test]
fn a_pool_is_created_inspected_listed_and_deleted() {
    let home = Home::new();
    let file = home.path(USER_FILE);
    pool(
        &home,
        &[
            "create",
            "team",
            "--type",
            "process",
            "--description",
            "for all",
            "--limit",
            "memory=64MiB",
            "--ceiling",
            "sockets=4",
            "--label",
            "team=search",
            "--access",
            "ambient",
            "--store",
            "/data/team",
        ],
    )
    .succeeds()
    .prints(&format!("created the pool team in {}\n", file.display()));
    assert_eq!(
        text(&home, USER_FILE),
        "[pools.team]\ntype = \"process\"\ndescription = \"for all\"\naccess = \"ambient\"\nstore = \"/data/team\"\n\n\
         [pools.team.labels]\nteam = \"search\"\n\n[pools.team.limits]\nmemory = \"64MiB\"\n\n[pools.team.ceiling]\nsockets = 4\n"
    );
    let team = inspected(&home, "team");
    assert_eq!(team["description"], "for all");
    assert_eq!(told(&team, "store"), (json!("/data/team"), "user config.toml:5".to_owned()));
    assert_eq!(told(&team, "limits.memory"), (json!("64MiB"), "user config.toml:11".to_owned()));
    assert_eq!(told(&team, "limits.timeout").1, "default ");
    assert_eq!(told(&team, "paused"), (json!(false), "default ".to_owned()));
    let listed = pool(&home, &["list"]).json().succeeds().json();
    assert_eq!(listed[0]["pool"], "local");
    assert_eq!(listed[0]["is_default"], true);
    assert_eq!((&listed[1]["pool"], &listed[1]["layers"]), (&json!("team"), &json!(["user"])));
    let human = pool(&home, &["list"]).succeeds().text();
    assert!(human.contains("* local ") && human.contains("  team "), "{human}");
    let deleted = pool(&home, &["delete", "team"]).json().succeeds().json();
    assert_eq!((&deleted["done"], &deleted["layer"]), (&json!("deleted"), &json!("user")));
    assert_eq!(text(&home, USER_FILE), "");
    pool(&home, &["inspect", "team"]).exits(BAD_INPUT).says("there is no pool \"team\"");
}

#[test]
fn inspect_shows_a_person_who_says_what() {
    let home = Home::new();
    home.file(
        USER_FILE,
        "[pools.team]\nstore = \"/data\"\n[pools.team.limits]\nmemory = \"64MiB\"\n",
    );
    home.file("longshore.toml", "default_pool = \"team\"\n[pools.team]\npaused = true\n");
    let (user, project) = (home.path(USER_FILE), home.path("longshore.toml"));
    let (user, project) = (user.display(), project.display());
    pool(&home, &["inspect"]).succeeds().prints(&format!(
        "pool               team\n\
         type               process  default\n\
         store              /data    {user}:2\n\
         access             none     default\n\
         target             native   default\n\
         paused             true     {project}:3\n\
         concurrency_limit  none     default\n\
         limits.memory      64MiB    {user}:4\n"
    ));
    let all = pool(&home, &["inspect", "--all"]).succeeds().text();
    assert!(all.contains("limits.sockets"), "{all}");
}

#[test]
fn each_verb_refuses_what_is_wrong_and_says_what_to_do() {
    let home = Home::new();
    let config = "[pools.team]\ntype = \"process\"\n";
    home.file(USER_FILE, config);
    let file = home.path(USER_FILE);
    let file = file.display();
    for (arguments, lines) in [
        (&["create", "team", "--type", "process"][..], [format!("error: there is a pool team already, in {file}"), "hint: longshore pool update team changes it".into()]),
        (&["create", "a/b", "--type", "process"], ["error: \"a/b\" is not a name for a pool".into(), "hint: names have up to 63 letters, digits, dashes and underscores, and begin with a letter or digit".into()]),
        (&["create", "x", "--type", "process", "--description", " "], ["error: the description of the pool is empty".into(), "hint: longshore pool update NAME --unset description takes it away".into()]),
        (&["create", "x", "--type", "process", "--label", "=x"], ["error: \"=x\" is not a label".into(), "hint: write NAME=VALUE".into()]),
        (&["create", "x", "--type", "process", "--store", "gcs://b"], ["error: gcs:// is no storage that is known".into(), "hint: did you mean gs://?".into()]),
        (&["inspect", "taem"], ["error: there is no pool \"taem\"; did you mean \"team\"?".into(), format!("hint: describe it in {file}: [pools.taem]")]),
        (&["update", "team"], ["error: nothing is to be changed".into(), "hint: say what: for example --ceiling memory=1GiB, --set KEY=VALUE or --unset KEY".into()]),
        (&["update", "team", "--unset", "store.x"], ["error: the pool team has no value for \"store.x\"".into(), "hint: longshore pool inspect team shows what it has".into()]),
        (&["update", "taem", "--description", "x"], ["error: there is no pool \"taem\"; did you mean \"team\"?".into(), format!("hint: describe it in {file}: [pools.taem]")]),
        (&["delete", "local"], [format!("error: {file} does not describe the pool local"), "hint: the pool local is there without being described".into()]),
        (&["delete", "taem"], ["error: there is no pool \"taem\"; did you mean \"team\"?".into(), format!("hint: describe it in {file}: [pools.taem]")]),
        (&["pause", "taem"], ["error: there is no pool \"taem\"; did you mean \"team\"?".into(), format!("hint: describe it in {file}: [pools.taem]")]),
        (&["resume", "taem"], ["error: there is no pool \"taem\"; did you mean \"team\"?".into(), format!("hint: describe it in {file}: [pools.taem]")]),
        (&["set-concurrency-limit", "taem", "2"], ["error: there is no pool \"taem\"; did you mean \"team\"?".into(), format!("hint: describe it in {file}: [pools.taem]")]),
        (&["default", "taem"], ["error: there is no pool \"taem\"; did you mean \"team\"?".into(), format!("hint: describe it in {file}: [pools.taem]")]),
        (&["default", "team", "--shared"], ["error: which pool is the default one is not shared".into(), "hint: --user or --project choose it".into()]),
        (&["pause", "team", "--shared"], ["error: no store with shared pools is named".into(), "hint: write shared_pools = \"s3://…\" into the user's or the project's file, or set LONGSHORE_SHARED_POOLS".into()]),
        (&["storage", "inspect", "taem"], ["error: there is no pool \"taem\"; did you mean \"team\"?".into(), format!("hint: describe it in {file}: [pools.taem]")]),
    ] {
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        pool(&home, arguments).fails_with(BAD_INPUT, &lines);
    }
    for (arguments, part) in [
        (&["create", "x", "--type", "k9s"][..], "\"k9s\" is not a kind of infrastructure"),
        (&["create", "x"], "--type"),
        (
            &["create", "x", "--type", "process", "--access", "all"],
            "[possible values: ticket, ambient]",
        ),
        (&["create", "x", "--type", "process", "--limit", "memroy=1"], "did you mean \"memory\"?"),
        (
            &["update", "team", "--set", "limts.memory=1"],
            "there is no setting pools.team.limts; did you mean limits?",
        ),
        (&["update", "team", "--set", "access=5"], "could not read the settings"),
        (
            &["update", "team", "--set", "type.x=5"],
            "there is no place for x: what has it is no table",
        ),
        (&["update", "team", "--user", "--project", "--unset", "type"], "cannot be used with"),
        (&["set-concurrency-limit", "team", "0"], "a pool that takes no runs is a paused one"),
        (
            &["set-concurrency-limit", "team", "many"],
            "\"many\" is neither a number of runs nor none",
        ),
        (&["set-concurrency-limit", "team"], "<N>"),
    ] {
        pool(&home, arguments).exits(BAD_INPUT).says(part);
    }
    assert_eq!(text(&home, USER_FILE), config, "a refusal changes nothing");
}

#[test]
fn an_edit_keeps_comments_order_and_permissions() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let before = "# ours\ndefault_pool = \"b\" # for now\n\n[pools.b]   # big\nstore = \"/b\"     # moved in May\ntype = \"process\"\n\n# small\n[pools.a]\n";
    let path = home.file("longshore.toml", before);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    pool(&home, &["update", "b", "--store", "/c"]).succeeds();
    assert_eq!(text(&home, "longshore.toml"), before.replace("\"/b\"", "\"/c\""));
    pool(&home, &["pause", "b"]).succeeds();
    pool(&home, &["resume", "b"]).succeeds();
    assert_eq!(text(&home, "longshore.toml"), before.replace("\"/b\"", "\"/c\""));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    pool(&home, &["default", "a"]).succeeds();
    assert!(text(&home, "longshore.toml").contains("default_pool = \"a\" # for now\n"));
}

#[test]
fn a_change_goes_where_the_pool_is_described_or_where_it_is_told_to() {
    let home = Home::new();
    home.file(USER_FILE, "[pools.mine]\n");
    home.file("longshore.toml", "[pools.ours]\n");
    let place = |arguments: &[&str]| {
        let done = pool(&home, arguments).json().succeeds().json();
        done["layer"].as_str().unwrap().to_owned()
    };
    assert_eq!(place(&["pause", "mine"]), "user");
    assert_eq!(place(&["pause", "ours"]), "project");
    assert_eq!(place(&["create", "new", "--type", "process"]), "project");
    assert_eq!(place(&["create", "own", "--type", "process", "--user"]), "user");
    assert_eq!(place(&["pause", "local"]), "project");
    assert_eq!(place(&["resume", "mine", "--project"]), "project");
    assert_eq!(inspected(&home, "mine")["paused"], false, "what is written has its effect");
    assert!(text(&home, "longshore.toml").contains("[pools.mine]\npaused = false\n"));
    let folder = home.path("elsewhere");
    fs::create_dir_all(&folder).unwrap();
    let other = home.longshore(&["pool", "create", "x", "--type", "process"]).in_folder(&folder);
    assert_eq!(other.json().succeeds().json()["layer"], "project", "the file is above");
}

#[test]
fn a_change_that_another_layer_hides_is_told() {
    let home = Home::new();
    home.file(USER_FILE, "[pools.a]\n");
    home.file("longshore.toml", "[pools.a]\npaused = false\n");
    let project = home.path("longshore.toml");
    let note = format!("note: here, paused is false by {}:2", project.display());
    pool(&home, &["pause", "a", "--user"]).succeeds().says(&note);
    let done = pool(&home, &["pause", "a", "--user"]).json().succeeds().json();
    assert_eq!(done["overridden"][0]["key"], "paused");
    pool(&home, &["delete", "a"]).succeeds().says("config.toml still describes it");
}

#[test]
fn a_default_is_chosen_shown_and_not_deleted() {
    let home = Home::new();
    pool(&home, &["default"]).succeeds().prints("local  (default)\n");
    pool(&home, &["create", "team", "--type", "process", "--default"]).succeeds();
    let file = home.path(USER_FILE);
    let file = file.display();
    pool(&home, &["default"]).succeeds().prints(&format!("team  ({file}:1)\n"));
    pool(&home, &["default"]).env("LONGSHORE_POOL", "x").succeeds().prints("x  (LONGSHORE_POOL)\n");
    pool(&home, &["default"]).args(["--pool", "y"]).succeeds().prints("y  (--pool)\n");
    pool(&home, &["delete", "team"]).fails_with(
        BAD_INPUT,
        &[
            &format!("error: the pool team is the default one, by {file}:1"),
            "hint: choose another one first: longshore pool default NAME, or longshore pool default --unset",
        ],
    );
    let shown = pool(&home, &["default", "--unset"]).json().succeeds().json();
    assert_eq!((&shown["pool"], &shown["layer"]), (&json!("local"), &json!("default")));
    pool(&home, &["delete", "team"]).succeeds();
}

#[test]
fn verbs_of_pools_repair_a_default_that_is_gone() {
    let home = Home::new();
    home.file(USER_FILE, "default_pool = \"gone\"\n");
    home.longshore(&["list"]).exits(BAD_INPUT).says("there is no pool \"gone\"");
    pool(&home, &["default", "local"]).succeeds();
    home.longshore(&["doctor"]).answer().keeps_quiet_of("gone");
}

#[test]
fn a_paused_pool_takes_no_runs_and_has_stored_nothing() {
    let home = Home::new();
    pool(&home, &["pause", "local"]).succeeds();
    for call in [home.run("add_one"), home.submit("add_one")] {
        call.param("n", 1).fails_with(
            BAD_INPUT,
            &[
                "error: the pool local is paused, so it takes no runs",
                "hint: longshore pool resume local, or name another pool with --pool",
            ],
        );
    }
    home.has_stored_nothing();
    pool(&home, &["resume", "local"]).succeeds();
    home.run("add_one").param("n", 1).succeeds().prints("2\n");
}

#[test]
fn a_pool_at_its_concurrency_limit_refuses_until_a_run_has_ended() {
    let home = Home::new();
    home.file(USER_FILE, "[pools.other]\n");
    pool(&home, &["set-concurrency-limit", "local", "1"]).succeeds();
    home.run("add_one").param("n", 1).succeeds();
    let spinning = home.submitted(home.submit("spin"));
    home.run("add_one").param("n", 1).fails_with(
        BAD_INPUT,
        &[
            "error: the pool local takes 1 runs at a time, and so many go on",
            "hint: wait for one of them to end: longshore list --pool local; the limit: longshore pool set-concurrency-limit local N",
        ],
    );
    home.run("add_one").param("n", 1).args(["--pool", "other"]).succeeds();
    spinning.verb("cancel").succeeds();
    home.run("add_one").param("n", 1).succeeds();
    pool(&home, &["set-concurrency-limit", "local", "none"]).succeeds();
    assert_eq!(inspected(&home, "local")["concurrency_limit"], Value::Null);
}

#[test]
fn runs_go_to_the_store_of_their_pool_and_are_found_there() {
    let home = Home::new();
    pool(
        &home,
        &["create", "team", "--type", "process", "--label", "team=search", "--label", "kind=x"],
    )
    .succeeds();
    pool(&home, &["storage", "configure", "local", "team", "--path", "data/team"]).succeeds();
    let flow = || home.run("add_one").param("n", 1);
    let in_team = |call: Call| call.args(["--pool", "team"]);
    in_team(home.longshore(&["list"]))
        .exits(BAD_INPUT)
        .says("hint: the first run in the pool team makes it");
    in_team(flow()).args(["--label", "kind=y"]).succeeds().prints("2\n");
    let listed = in_team(home.longshore(&["list"])).json().succeeds().json();
    assert_eq!(listed[0]["labels"], json!({"team": "search", "kind": "y"}));
    assert!(home.path("data/team/runs").is_dir() && home.runs().is_empty());
    let run = listed[0]["run"].as_str().unwrap();
    in_team(home.longshore(&["show", run])).succeeds();
    in_team(home.longshore(&["result", run])).succeeds().prints("2\n");
    let other = home.path("other");
    in_team(flow()).arg("--store").arg(&other).succeeds();
    assert!(other.join("runs").is_dir());
    in_team(flow()).env("LONGSHORE_STORE", home.path("third")).succeeds();
    assert!(home.path("third/runs").is_dir());
    let team =
        pool(&home, &["inspect", "team"]).env("LONGSHORE_STORE", "/x").json().succeeds().json();
    assert_eq!(told(&team, "store"), (json!("/x"), "environment LONGSHORE_STORE".to_owned()));
}

fn configured(home: &Home, arguments: &[&str]) -> Answer {
    let arguments = ["storage", "configure"].iter().chain(arguments).copied();
    pool(home, &arguments.collect::<Vec<_>>()).answer()
}

fn storage(home: &Home, name: &str) -> Value {
    pool(home, &["storage", "inspect", name, "--output", "json"]).succeeds().json()
}

/// What is said of the storage, one after the other, and the store that it comes to.
fn kinds_of_storage() -> [(&'static [&'static str], &'static str); 6] {
    [
        (
            &[
                "s3",
                "a",
                "--bucket",
                "b",
                "--prefix",
                "runs/",
                "--region",
                "eu",
                "--endpoint",
                "http://localhost:9000",
                "--runtime-endpoint",
                "http://minio:9000",
                "--credentials",
                "profile:ci",
                "--option",
                "aws_virtual_hosted_style_request=false",
            ],
            "s3://b/runs?allow_http=true&aws_endpoint=http%3A%2F%2Flocalhost%3A9000&aws_region=eu&aws_virtual_hosted_style_request=false&credentials=profile%3Aci&runtime_endpoint=http%3A%2F%2Fminio%3A9000",
        ),
        (&["s3", "a", "--bucket", "b"], "s3://b"),
        (
            &["gcs", "a", "--bucket", "b", "--credentials", "file:/etc/key.json"],
            "gs://b?credentials=file%3A%2Fetc%2Fkey.json",
        ),
        (&["gcs", "a", "--bucket", "b", "--credentials", "default"], "gs://b"),
        (
            &[
                "azure",
                "a",
                "--container",
                "c",
                "--account",
                "acme",
                "--prefix",
                "p",
                "--access",
                "ambient",
            ],
            "az://c/p?azure_storage_account_name=acme",
        ),
        (&["local", "a", "--path", "/data"], "/data"),
    ]
}

#[test]
fn storage_of_each_kind_is_configured_and_inspected() {
    let home = Home::new();
    home.file("longshore.toml", "[pools.a] # mine\ntype = \"process\"\nlabels = { x = \"1\" }\n");
    let default = home.store();
    let none = storage(&home, "a");
    assert_eq!(
        (&none["type"], &none["path"], &none["is_own"], &none["layer"]),
        (&json!("local"), &json!(default), &json!(false), &json!("default"))
    );
    let human = pool(&home, &["storage", "inspect", "a"]).succeeds().text();
    assert!(human.contains("has no storage of its own"), "{human}");
    for (arguments, store) in kinds_of_storage() {
        configured(&home, arguments).succeeds();
        let shown = storage(&home, "a");
        assert_eq!((&shown["store"], &shown["is_own"]), (&json!(store), &json!(true)));
        let text = text(&home, "longshore.toml");
        assert!(
            text.starts_with("[pools.a] # mine\ntype = \"process\"\nlabels = { x = \"1\" }\n"),
            "{text}"
        );
    }
    assert_eq!(storage(&home, "a")["access"], "ambient", "what was said elsewhere stays");
    configured(&home, &["s3", "a", "--bucket", "b", "--credentials", "env:TEAM_"]).succeeds();
    let human = pool(&home, &["storage", "inspect", "a"]).succeeds().text();
    for line in ["type              s3", "bucket            b", "credentials       env:TEAM_"] {
        assert!(human.contains(line), "{human}");
    }
}

#[test]
fn storage_takes_nothing_empty_unknown_or_secret() {
    let home = Home::new();
    let config = "[pools.a]\naccess = \"ticket\"\n";
    home.file("longshore.toml", config);
    let s3 = |arguments: &[&str]| {
        let all: Vec<_> = ["s3", "a", "--bucket", "b"].iter().chain(arguments).copied().collect();
        configured(&home, &all).exits(BAD_INPUT).keeps_quiet_of("geheim")
    };
    for (arguments, part) in [
        (&["--credentials", ""][..], "the credentials of the storage is empty"),
        (&["--credentials"], "a value is required"),
        (&["--credentials", "me"], "\"me\" is not a reference to credentials"),
        (&["--prefix", ""], "the prefix of the storage is empty"),
        (&["--region", ""], "the aws_region of the storage is empty"),
        (&["--endpoint", " "], "the aws_endpoint of the storage is empty"),
        (&["--option", "aws_regoin=x"], "hint: did you mean aws_region?"),
        (&["--option", "geheim"], "--option does not have a name and a value"),
        (
            &["--option", "aws_secret_access_key=geheim"],
            "holds a secret, which is not written down",
        ),
        (&["--region", "eu", "--option", "aws_region=us"], "is given twice"),
    ] {
        s3(arguments).says(part);
    }
    configured(&home, &["s3", "a", "--bucket", ""])
        .exits(BAD_INPUT)
        .says("is not the name of a bucket");
    configured(&home, &["s3", "a"]).exits(BAD_INPUT).says("--bucket");
    configured(&home, &["azure", "a", "--container", "A B"])
        .exits(BAD_INPUT)
        .says("name of a container");
    configured(&home, &["local", "a", "--path", ""]).exits(BAD_INPUT);
    configured(&home, &["local", "a", "--path", "/x"])
        .exits(BAD_INPUT)
        .says("a directory cannot sign tickets");
    configured(&home, &["s3", "b", "--bucket", "b"])
        .exits(BAD_INPUT)
        .says("there is no pool \"b\"");
    configured(&home, &["ftp", "a"]).exits(BAD_INPUT).says("ftp");
    assert_eq!(text(&home, "longshore.toml"), config);
}

/// Two people with homes of their own, who share pools.
fn team() -> (Home, Home, String) {
    let (mine, yours) = (Home::new(), Home::new());
    let shared = mine.path("shared").display().to_string();
    for home in [&mine, &yours] {
        home.file(USER_FILE, format!("shared_pools = {shared:?}\n"));
    }
    (mine, yours, shared)
}

#[test]
fn a_shared_pool_is_seen_by_all_and_overridden_by_each() {
    let (mine, yours, shared) = team();
    pool(&yours, &["list"])
        .exits(BAD_INPUT)
        .says(&format!("there is no store at {shared}, where shared pools are"));
    pool(&mine, &["create", "team", "--type", "process", "--ceiling", "memory=64MiB", "--shared"])
        .succeeds()
        .prints(&format!("created the pool team in {shared}/pools/team.toml\n"));
    let seen = inspected(&yours, "team");
    assert_eq!(told(&seen, "ceiling.memory"), (json!("64MiB"), "shared team.toml:5".to_owned()));
    let listed = pool(&yours, &["list"]).json().succeeds().json();
    assert_eq!((&listed[1]["pool"], &listed[1]["layers"]), (&json!("team"), &json!(["shared"])));
    yours
        .run("add_one")
        .param("n", 1)
        .args(["--pool", "team", "--memory", "1GiB"])
        .exits(BAD_INPUT);
    yours.run("add_one").param("n", 1).args(["--pool", "team"]).succeeds();
    pool(&yours, &["pause", "team"]).fails_with(BAD_INPUT, &[
        &format!("error: the pool team is shared: {shared}/pools/team.toml"),
        "hint: --shared changes it for everybody; --user or --project lay your own value over it",
    ]);
    pool(&mine, &["pause", "team", "--shared"]).succeeds();
    yours.run("add_one").param("n", 1).args(["--pool", "team"]).exits(BAD_INPUT).says("is paused");
    pool(&yours, &["resume", "team", "--user"]).succeeds();
    yours.run("add_one").param("n", 1).args(["--pool", "team"]).succeeds();
    pool(&mine, &["create", "team", "--type", "process", "--shared"])
        .exits(BAD_INPUT)
        .says("there is a shared pool team already");
    pool(&mine, &["delete", "team", "--shared"]).succeeds();
    pool(&mine, &["inspect", "team"]).exits(BAD_INPUT);
    pool(&mine, &["delete", "team", "--shared"]).exits(BAD_INPUT);
    pool(&mine, &["create", "local", "--type", "process", "--shared"])
        .exits(BAD_INPUT)
        .says("is this machine");
}

#[test]
fn the_local_pool_needs_no_shared_store() {
    let home = Home::new();
    let call = home.run("add_one").param("n", 1).env("LONGSHORE_SHARED_POOLS", "/does/not/exist");
    call.exits(OK);
}
