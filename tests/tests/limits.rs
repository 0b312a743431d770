//! Limits: who sets them, how each is named when it is reached, what is recorded.

use longshore_protocol::exit;
use longshore_tests::Home;

#[test]
fn processor_time_is_limited_and_waiting_is_free() {
    let home = Home::new();
    home.run("burns")
        .exits(exit::RUN_OVER_LIMIT)
        .says("limit reached: processor time is limited to 100ms");
    let usage = home.only_run().outcome()["usage"].clone();
    let cpu_ms = usage["cpu_ms"].as_u64().unwrap();
    assert!((100..1_000).contains(&cpu_ms), "{cpu_ms} ms");
    let home = Home::new();
    home.run("dozes").succeeds();
    assert!(home.only_run().outcome()["usage"]["cpu_ms"].as_u64().unwrap() < 100);
}

#[test]
fn fuel_is_counted_the_same_each_time() {
    let home = Home::new();
    let fuel = || {
        let call = home.run("counts").param("n", 10_000).args(["--limit", "fuel=1_000_000_000"]);
        call.succeeds().prints("49995000\n");
        home.newest_run().outcome()["usage"]["fuel"].as_u64().unwrap()
    };
    let first = fuel();
    assert!(first > 10_000, "{first}");
    assert_eq!(fuel(), first);
    home.run("counts")
        .param("n", 10_000)
        .args(["--limit", "fuel=1000"])
        .exits(exit::RUN_OVER_LIMIT)
        .says("limit reached: number of instructions is limited to 1000");
}

#[test]
fn the_stack_is_as_large_as_it_is_asked_for() {
    let home = Home::new();
    home.run("deep_recursion")
        .args(["--limit", "stack=64KiB"])
        .exits(exit::RUN_OVER_LIMIT)
        .says("stack size is limited to 65536 bytes");
    home.run("add_one").param("n", 1).args(["--limit", "stack=8MiB"]).succeeds().prints("2\n");
}

#[test]
fn records_in_a_second_are_limited_and_counted() {
    let home = Home::new();
    home.run("chatters").param("count", 5_000).succeeds().says("more than 100 records in a second");
    let usage = home.only_run().outcome()["usage"].clone();
    let dropped = usage["log_dropped_records"].as_u64().unwrap();
    assert!((4_000..=4_900).contains(&dropped), "{usage}");
}

#[test]
fn what_is_handed_over_at_once_is_limited() {
    let home = Home::new();
    home.run("shouts").param("bytes", 1_000_000).args(["--quiet"]).succeeds();
    home.run("shouts")
        .param("bytes", 3_000_000)
        .exits(exit::RUN_OVER_LIMIT)
        .says("limit reached: data of one host call is limited to 2097152 bytes");
    home.run("shouts")
        .param("bytes", 100_000)
        .args(["--limit", "host_call=64KiB"])
        .exits(exit::RUN_OVER_LIMIT)
        .says("limited to 65536 bytes");
}

#[test]
fn instances_and_tables_are_counted() {
    let home = Home::new();
    for (limit, text) in [
        ("instances=1", "number of instances is limited to 1"),
        ("tables=1", "number of tables is limited to 1"),
        ("table_elements=2", "table size is limited to 2"),
        ("handles=1", "number of open handles is limited to 1"),
    ] {
        home.run("prints").args(["--limit", limit]).exits(exit::RUN_OVER_LIMIT).says(text);
    }
}

#[test]
fn effective_limits_are_recorded() {
    let home = Home::new();
    home.run("add_one")
        .param("n", 1)
        .args(["--limit", "sockets=3", "--memory", "64MiB"])
        .succeeds();
    let outcome = home.only_run().outcome();
    assert_eq!(outcome["limits"]["sockets"], 3);
    assert_eq!(outcome["limits"]["memory_bytes"], 64 << 20);
    assert_eq!(outcome["limits"]["handles"], 1_000);
    assert!(outcome["limits"].get("fuel").is_none(), "it was not counted");
}

#[test]
fn a_limit_that_is_none_is_bad_input() {
    let home = Home::new();
    for (limit, text) in [
        ("socket=3", "\"socket\" is not a limit; did you mean \"sockets\"?"),
        ("sockets=many", "\"many\" is not a number of 1 or more"),
        ("cpu=5", "\"5\" is not a duration"),
        ("sockets", "is not a limit (write for example sockets=4)"),
    ] {
        home.run("add_one")
            .param("n", 1)
            .args(["--limit", limit])
            .exits(exit::BAD_INPUT)
            .says(text);
    }
    assert!(home.runs().is_empty());
}

#[test]
fn a_pool_has_the_last_word() {
    let home = Home::new();
    let file = home.file(
        "longshore.toml",
        "[pools.team]\nlimits = { sockets = 5 }\nceiling = { memory = \"64MiB\", fuel = 500_000_000 }\n",
    );
    let team = ["--pool", "team"];
    home.run("add_one").param("n", 1).args(team).succeeds();
    let limits = home.only_run().outcome()["limits"].clone();
    assert_eq!(limits["memory_bytes"], 64 << 20, "the default is lowered to the ceiling");
    assert_eq!((&limits["sockets"], &limits["fuel"]), (&5.into(), &500_000_000.into()));
    assert_eq!(home.only_run().record("job.json").unwrap()["pool"], "team");
    home.run("add_one").param("n", 1).args(team).args(["--memory", "65MiB"]).fails_with(
        exit::BAD_INPUT,
        &[
            "error: the command line asks for 65.0 MiB of memory, and the pool team allows 64.0 MiB at most",
            "hint: ask for less, or have [pools.team.ceiling] raised",
        ],
    );
    home.run("add_one").param("n", 1).args(["--pool", "taem"]).fails_with(
        exit::BAD_INPUT,
        &[
            "error: there is no pool \"taem\"; did you mean \"team\"?",
            &format!("hint: describe it in {}: [pools.taem]", file.display()),
        ],
    );
    assert_eq!(home.runs().len(), 1);
}
