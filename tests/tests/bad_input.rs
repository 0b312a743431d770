//! Bad input: one clear error, exit code 2, and nothing in the store.

use longshore_protocol::exit::BAD_INPUT;
use longshore_tests::{Call, Home, core_module, damaged, miscoded, of_other_abi, without_section};

/// Runs a file that is no component of flows.
#[track_caller]
fn refuses_component(content: &[u8], lines: &[&str]) {
    let home = Home::new();
    let file = home.file("x.wasm", content);
    for verb in ["run", "submit", "inspect"] {
        home.longshore(&[verb]).arg(&file).answer().fails_with(BAD_INPUT, lines);
    }
    home.has_stored_nothing();
}

#[track_caller]
fn refuses(call: impl FnOnce(&Home) -> Call, lines: &[&str]) {
    let home = Home::new();
    call(&home).answer().fails_with(BAD_INPUT, lines);
    home.has_stored_nothing();
}

#[test]
fn a_file_that_does_not_exist() {
    refuses(
        |home| home.longshore(&["run", "no.wasm"]),
        &[
            "error: could not read no.wasm: No such file or directory (os error 2)",
            "hint: name a component (.wasm) or the folder of a crate; longshore new makes such a crate",
        ],
    );
}

#[test]
fn a_file_that_is_no_component() {
    const HINT: &str =
        "hint: longshore build makes a component from a crate; longshore new makes such a crate";
    refuses_component(b"#!/bin/sh\n", &["error: the file is not WebAssembly", HINT]);
    refuses_component(b"", &["error: the file is not WebAssembly", HINT]);
}

#[test]
fn a_core_module() {
    refuses_component(
        &core_module(),
        &[
            "error: the file is a WebAssembly core module, not a component",
            "hint: build it for wasm32-wasip2: longshore build, or cargo build --release --target wasm32-wasip2",
        ],
    );
}

#[test]
fn a_component_without_our_section() {
    refuses_component(
        &without_section(),
        &[
            "error: the component has no section longshore:flows: it was not built with longshore-sdk",
            "hint: mark a function with #[flow] from longshore-sdk, and build the crate as a cdylib",
        ],
    );
}

#[test]
fn a_component_of_another_abi() {
    refuses_component(
        &of_other_abi(7),
        &[
            "error: the component was built for flow ABI 7.0, and this version of longshore executes 1.0",
            "hint: rebuild the component with the version of longshore-sdk that belongs to this longshore",
        ],
    );
}

#[test]
fn a_component_that_is_cut_off() {
    let home = Home::new();
    let file = home.file("x.wasm", damaged());
    let answer = home.longshore(&["run"]).arg(&file).arg("nothing").answer();
    answer.exits(BAD_INPUT).prints("").says("error: the component is damaged: ");
    home.has_stored_nothing();
}

#[test]
fn a_component_whose_code_is_damaged() {
    let home = Home::new();
    let file = home.file("x.wasm", miscoded());
    let answer = home.longshore(&["run"]).arg(&file).arg("nothing").answer();
    answer.exits(BAD_INPUT).prints("").says("error: could not compile the component: ");
    home.has_stored_nothing();
}

#[test]
fn a_flow_that_is_not_there_with_the_nearest_one() {
    refuses(
        |home| home.run("add_noe").param("n", 1),
        &["error: the component has no flow \"add_noe\"; did you mean \"add_one\"?"],
    );
}

#[test]
fn no_flow_where_there_are_several() {
    let home = Home::new();
    let answer = home.longshore(&["run"]).arg(longshore_tests::fixtures()).answer();
    let answer = answer.exits(BAD_INPUT).prints("");
    answer.says("error: the component has several flows, name one: add_one, ");
    home.has_stored_nothing();
}

#[test]
fn a_parameter_that_is_missing() {
    refuses(
        |home| home.run("add_one"),
        &["error: the flow add_one needs the parameter n: i64", "hint: add -p n=…"],
    );
}

#[test]
fn a_parameter_that_the_flow_does_not_have() {
    refuses(
        |home| home.run("greet").param("name", "x").param("tittle", "y"),
        &["error: the flow greet has no parameter \"tittle\"", "hint: did you mean \"title\"?"],
    );
    refuses(
        |home| home.run("nothing").param("x", 1),
        &["error: the flow nothing has no parameter \"x\"", "hint: it takes none"],
    );
}

#[test]
fn a_parameter_of_another_type() {
    refuses(
        |home| home.run("add_one").param("n", "\"1\""),
        &["error: params.n: expected i64, got string \"1\""],
    );
    refuses(
        |home| home.run("add_one").param("n", "1.5"),
        &[
            "error: params.n: expected i64 (-9223372036854775808 to 9223372036854775807), got number 1.5",
        ],
    );
    refuses(
        |home| home.run("sum").param("lines", r#"[{"name": "a", "price": "x", "count": 1}]"#),
        &["error: params.lines[0].price: expected f64, got string \"x\""],
    );
}

#[test]
fn a_parameter_that_is_no_json() {
    let home = Home::new();
    let answer = home.run("add_one").param("n", "one").answer().exits(BAD_INPUT).prints("");
    answer.says("error: params.n: expected i64 as JSON, got \"one\"");
    home.has_stored_nothing();
}

#[test]
fn a_field_that_is_missing_or_unknown() {
    let home = Home::new();
    let table = [
        (r#"[{"name": "a", "price": 1.0}]"#, "params.lines[0]", "count"),
        (r#"[{"name": "a", "price": 1.0, "count": 1, "colour": 2}]"#, "params.lines[0]", "colour"),
    ];
    for (lines, place, field) in table {
        let answer = home.run("sum").param("lines", lines).answer().exits(BAD_INPUT).prints("");
        answer.says(&format!("error: {place}")).says(field);
    }
    home.has_stored_nothing();
}

#[test]
fn a_number_out_of_range() {
    let home = Home::new();
    for (flow, name, number) in [
        ("add_one", "n", "9223372036854775808"),
        ("add_one", "n", "-9223372036854775809"),
        ("sevens", "count", "-1"),
        ("sevens", "count", "4294967296"),
        ("sleeps", "seconds", "1e999"),
    ] {
        let answer = home.run(flow).param(name, number).answer().exits(BAD_INPUT).prints("");
        answer.says(&format!("error: params.{name}: "));
    }
    home.has_stored_nothing();
}

#[test]
fn a_parameter_that_is_given_twice() {
    refuses(
        |home| home.run("add_one").param("n", 1).param("n", 2),
        &["error: the parameter n is given twice"],
    );
}

#[test]
fn a_parameter_without_a_name_or_a_value() {
    for text in ["n", "=1", ""] {
        refuses(
            |home| home.run("add_one").args(["-p", text]),
            &[&format!("error: {text:?} is not a parameter"), "hint: write NAME=VALUE"],
        );
    }
}

#[test]
fn a_text_file_that_is_not_utf8() {
    let home = Home::new();
    let file = home.file("latin1.txt", b"caf\xe9");
    home.run("echo_text").param_file("text", &file).answer().fails_with(
        BAD_INPUT,
        &[
            "error: params.text: the file is not UTF-8 text: incomplete utf-8 byte sequence from index 3",
            "hint: only parameters of type bytes take any file",
        ],
    );
    home.has_stored_nothing();
}

#[test]
fn a_parameter_file_that_does_not_exist() {
    refuses(
        |home| home.run("echo").param("data", "@none"),
        &[
            "error: parameter data: could not read the file \"none\": No such file or directory (os error 2)",
            "hint: write @@ for a value that begins with an @",
        ],
    );
}

#[test]
fn parameters_that_are_no_json_object() {
    let home = Home::new();
    let read = |content: &str| home.run("greet").args(["--params", "-"]).input(content).answer();
    read("[1]").fails_with(
        BAD_INPUT,
        &[
            "error: the parameters in standard input are not a JSON object",
            "hint: write {\"name\": value, …}",
        ],
    );
    read("{").exits(BAD_INPUT).says("error: the parameters in standard input are not JSON: ");
    let latin1 = home.run("greet").args(["--params", "-"]).input(b"{\"name\": \"\xe9\"}");
    latin1.answer().exits(BAD_INPUT).says("the parameters in standard input are not UTF-8 text");
    home.has_stored_nothing();
}

#[test]
fn an_option_that_makes_no_sense() {
    let home = Home::new();
    for (option, value) in [
        ("--timeout", "soon"),
        ("--timeout", "0s"),
        ("--memory", "much"),
        ("--memory", "0"),
        ("--retries", "-1"),
        ("--format", "xml"),
        ("--tenant", "../other"),
        ("--label", "plain"),
    ] {
        let answer = home.run("add_one").param("n", 1).arg(format!("{option}={value}")).answer();
        let answer = answer.exits(BAD_INPUT).prints("");
        assert!(answer.stderr.starts_with("error: "), "{}", answer.stderr);
    }
    home.has_stored_nothing();
}

#[test]
fn a_verb_that_does_not_exist() {
    let home = Home::new();
    home.longshore(&["inspec"]).answer().exits(BAD_INPUT).prints("").says("'inspect'");
    home.longshore(&[]).answer().exits(BAD_INPUT).prints("").says("Usage: longshore");
}

#[test]
fn an_error_is_json_for_a_program() {
    let home = Home::new();
    let answer = home.run("add_one").json().answer().exits(BAD_INPUT).prints("");
    let expected = serde_json::json!({
        "event": "error", "error": "the flow add_one needs the parameter n: i64",
        "hint": "add -p n=…", "exit_code": 2,
    });
    assert_eq!(answer.events(), [expected]);
}
