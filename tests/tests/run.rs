//! `longshore run`: a flow, from its parameters to its result.

use longshore_protocol::exit;
use longshore_tests::{Call, Home, fixtures, fixtures_crate, fixtures_target, longshore};
use serde_json::json;

#[test]
fn the_result_is_on_standard_output_and_everything_else_on_standard_error() {
    let home = Home::new();
    // The first run also says what it uploads.
    home.run("nothing").succeeds();
    let answer = home.run("add_one").param("n", 41).succeeds().prints("42\n");
    assert_eq!(answer.stderr, format!("run {} started\n", home.newest_run().short()));
}

#[test]
fn quiet_leaves_only_the_result() {
    let home = Home::new();
    let answer = home.run("prints").arg("--quiet").succeeds().prints("");
    assert_eq!(answer.stderr, "");
    let answer = home.run("add_one").param("n", 1).arg("-q").succeeds().prints("2\n");
    assert_eq!(answer.stderr, "");
}

#[test]
fn a_flow_without_a_value_prints_nothing() {
    Home::new().run("nothing").succeeds().prints("");
}

#[test]
fn a_structured_result_is_json() {
    let home = Home::new();
    let lines = json!([
        {"name": "tea", "price": 2.5, "count": 2},
        {"name": "salt", "price": 0.25, "count": 4},
    ]);
    let answer = home.run("sum").param("lines", lines).succeeds();
    assert_eq!(answer.json(), json!({"total": 6.0, "items": 6}));
}

#[test]
fn every_type_comes_back_as_it_went_in() {
    let home = Home::new();
    let value = json!({
        "flag": true,
        "small": -128,
        "large": u64::MAX,
        "wide": i128::MIN.to_string(),
        "widest": u128::MAX.to_string(),
        "length": 0.1,
        "precise": "-Infinity",
        "letter": "é",
        "unit": null,
        "bytes": "AAH/",
        "maybe": 7,
        "shapes": ["Empty", {"Named": "x\n"}, {"Pair": [255, -32768]}, {"Sized": {"width": 1, "height": 2}}],
        "by_name": {"a": 1, "ß": -2},
        "by_number": {"-1": true, "2": false},
        "tuple": [65535, ""],
        "array": [i64::MIN, 0, i64::MAX],
    });
    let answer = home.run("everything").param("value", &value).succeeds();
    assert_eq!(answer.json(), value);
}

#[test]
fn text_is_taken_as_it_is_typed() {
    let home = Home::new();
    let echo = |text: &str| home.run("echo_text").param("text", text).succeeds().text();
    assert_eq!(echo("two words"), "two words\n");
    assert_eq!(echo("5"), "5\n");
    assert_eq!(echo("true"), "true\n");
    assert_eq!(echo(""), "\n");
    assert_eq!(echo("\"quoted\\n\""), "quoted\n\n");
    assert_eq!(echo("a=b"), "a=b\n");
    assert_eq!(echo("@@home"), "@home\n");
}

#[test]
fn a_parameter_is_taken_from_a_file() {
    let home = Home::new();
    let text = home.file("text.txt", "5 words, not a number");
    home.run("echo_text").param_file("text", &text).succeeds().prints("5 words, not a number\n");
    let number = home.file("number.json", " 41\n");
    home.run("add_one").param_file("n", &number).succeeds().prints("42\n");
    let bytes = home.file("bytes.bin", [0, 255, 10, 13]);
    let answer = home.run("echo").param_file("data", &bytes).succeeds();
    assert_eq!(answer.stdout, [0, 255, 10, 13]);
}

#[test]
fn bytes_are_typed_as_base64() {
    let answer = Home::new().run("echo").param("data", "\"AAEC\"").succeeds();
    assert_eq!(answer.stdout, [0, 1, 2]);
}

#[test]
fn all_parameters_are_taken_from_a_json_file_or_from_standard_input() {
    let home = Home::new();
    let file = home.file("params.json", json!({"name": "Ada", "title": "Dr."}).to_string());
    let from_file = |call: Call| call.arg("--params").arg(&file);
    from_file(home.run("greet")).succeeds().prints("Hello, Dr. Ada!\n");
    // What is named on its own goes before.
    from_file(home.run("greet")).param("name", "Eve").succeeds().prints("Hello, Dr. Eve!\n");
    let typed = home.run("greet").args(["--params", "-"]).input(r#"{"name": "Bo"}"#);
    typed.succeeds().prints("Hello, Bo!\n");
}

#[test]
fn an_optional_parameter_may_be_left_out_or_null() {
    let home = Home::new();
    home.run("greet").param("name", "Ada").succeeds().prints("Hello, Ada!\n");
    let null = home.run("greet").param("name", "Ada").param("title", "null");
    null.succeeds().prints("Hello, Ada!\n");
    let given = home.run("greet").param("name", "Ada").param("title", "Dr.");
    given.succeeds().prints("Hello, Dr. Ada!\n");
}

#[test]
fn the_result_is_written_to_a_file() {
    let home = Home::new();
    let (bytes, text, json) = (home.path("a.bin"), home.path("a.txt"), home.path("a.json"));
    home.run("sevens").param("count", 3).arg("-o").arg(&bytes).succeeds().prints("");
    home.run("echo_text").param("text", "hi").arg("--output").arg(&text).succeeds().prints("");
    home.run("sum").param("lines", "[]").arg("-o").arg(&json).succeeds().prints("");
    assert_eq!(std::fs::read(bytes).unwrap(), [7, 7, 7]);
    assert_eq!(std::fs::read_to_string(text).unwrap(), "hi");
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert_eq!(json, serde_json::json!({"total": 0.0, "items": 0}));
}

#[test]
fn a_result_that_cannot_be_written_is_not_lost() {
    let home = Home::new();
    let call = home.run("add_one").param("n", 1).arg("--output").arg(home.path("no/such/folder"));
    let answer = call.answer().exits(exit::BAD_INPUT).prints("");
    assert!(answer.stderr.contains("hint: the run has completed"), "{}", answer.stderr);
    home.only_run().verb("result").succeeds().prints("2\n");
}

/// `longshore run` of the flow `add_one` with its outputs redirected by a shell.
fn redirected(home: &Home, redirection: &str) -> Call {
    let script = format!("\"$@\" {redirection}");
    let call = home.program("sh").args(["-c", &script, "sh"]).arg(longshore()).arg("run");
    call.arg(fixtures()).arg("add_one").param("n", 1)
}

#[test]
fn a_result_that_standard_output_does_not_take_is_an_error() {
    for format in ["human", "json"] {
        let home = Home::new();
        let call = redirected(&home, ">/dev/full").args(["--format", format]);
        let answer = call.answer().exits(exit::INTERNAL);
        answer.says("could not write to standard output: No space left").says("longshore result");
        home.only_run().verb("result").succeeds().prints("2\n");
    }
}

#[test]
fn a_result_does_not_need_anybody_who_reads_standard_error() {
    let home = Home::new();
    redirected(&home, "2>/dev/full").succeeds().prints("2\n");
    redirected(&home, "2>/dev/full").json().succeeds();
}

#[test]
fn labels_stay_with_the_run() {
    let home = Home::new();
    home.run("nothing").args(["--label", "team=green", "--label", "n=1"]).succeeds();
    assert_eq!(home.only_run().shown()["order"]["labels"], json!({"team": "green", "n": "1"}));
}

#[test]
fn limits_on_the_command_line_go_before_those_of_the_flow() {
    let home = Home::new();
    let call = home.run("context_of").args(["--timeout", "20s", "--memory", "64MiB"]);
    let left = call.succeeds().json()["seconds_left"].as_u64().unwrap();
    assert!((15..=20).contains(&left), "{left} s left");
    let limits = &home.only_run().outcome()["limits"];
    assert_eq!(
        (&limits["timeout_ms"], &limits["memory_bytes"]),
        (&json!(20_000), &json!(64 << 20))
    );
}

#[test]
fn a_crate_is_built_and_run() {
    let home = Home::new();
    let call = home.longshore(&["run"]).arg(fixtures_crate()).arg("add_one").param("n", 1);
    call.env("CARGO_TARGET_DIR", fixtures_target()).succeeds().prints("2\n");
}

#[test]
fn the_second_run_of_a_component_compiles_nothing() {
    let home = Home::cold();
    let first = home.run("add_one").param("n", 1).succeeds().prints("2\n");
    first.says("compiling the component").says("later runs skip this");
    let second = home.run("add_one").param("n", 2).succeeds().prints("3\n");
    second.keeps_quiet_of("compil");
    for run in home.runs() {
        assert_eq!(home.run_named(&run).outcome()["runtime"]["code"], "precompiled");
    }
}
