//! `longshore-runtime`: what it refuses, with which exit code, and what a launcher makes of one that does not work.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::TcpListener;

use longshore_protocol::exit::{self, runtime as code};
use longshore_protocol::id::Digest;
use longshore_tests::{Answer, Call, Home, Run, core_module, fixtures, miscoded, runtime};
use serde_json::{Value, json};

fn compile(home: &Home) -> Call {
    let call = home.program(runtime()).arg("compile").arg("--component").arg(fixtures());
    call.arg("--output").arg(home.path("x.cwasm"))
}

/// The compiler cannot take back the file that it was given to write.
#[track_caller]
fn has_made_nothing(home: &Home) {
    assert_eq!(fs::read(home.path("x.cwasm")).unwrap(), b"");
}

/// A run that was ordered and not yet executed, with its order changed.
fn ordered<'a>(home: &'a Home, change: impl FnOnce(&mut Value)) -> Run<'a> {
    let run = home.submitted(home.submit("add_one").param("n", 1));
    run.wait().succeeds();
    again(run, change)
}

/// A run that has ended, made one that was ordered and not yet executed, with its order changed.
fn again<'a>(run: Run<'a>, change: impl FnOnce(&mut Value)) -> Run<'a> {
    fs::remove_file(run.folder().join("outcome.json")).unwrap();
    fs::remove_dir_all(run.folder().join("attempts")).unwrap();
    let mut order = run.record("order.json").unwrap();
    change(&mut order);
    fs::write(run.folder().join("order.json"), order.to_string()).unwrap();
    run
}

#[test]
fn facts_say_what_it_is() {
    let home = Home::new();
    let facts = home.program(runtime()).arg("facts").succeeds().json();
    assert_eq!(facts["abi"], json!({"major": 1, "minor": 0}));
    assert!(facts["engine"].as_str().unwrap().starts_with("wasmtime48-"), "{facts}");
}

#[test]
fn compiling_within_too_little_memory_gives_up() {
    let home = Home::new();
    let answer = compile(&home).args(["--memory-mib-max", "1"]).answer();
    let answer = answer.exits(code::COMPILE_LIMIT).prints("");
    answer.says("compiling took more than 1 MiB of memory");
    has_made_nothing(&home);
}

#[test]
fn compiling_within_too_little_time_gives_up() {
    let home = Home::new();
    let answer = compile(&home).args(["--timeout-s", "0"]).answer();
    answer.exits(code::COMPILE_LIMIT).prints("").says("compiling took longer than 0 s");
    has_made_nothing(&home);
}

#[test]
fn compiling_says_what_it_made() {
    let home = Home::new();
    let made = compile(&home).succeeds().json();
    let content = fs::read(home.path("x.cwasm")).unwrap();
    assert_eq!(made["sha256"], Digest::of(&content).to_string());
    assert_eq!(made["bytes"], content.len());
}

#[test]
fn what_is_no_component_is_not_compiled() {
    let home = Home::new();
    for content in [core_module(), b"nonsense".to_vec(), miscoded()] {
        let file = home.file("x.wasm", content);
        let call = home.program(runtime()).arg("compile").arg("--component").arg(file);
        let answer = call.arg("--output").arg(home.path("x.cwasm")).answer();
        answer.exits(code::NOT_COMPILED).prints("").says("could not compile the component");
        has_made_nothing(&home);
        fs::remove_file(home.path("x.cwasm")).unwrap();
    }
}

#[test]
fn bad_arguments() {
    let home = Home::new();
    for arguments in [&["execute"][..], &[], &["fly"], &["execute", "--run", "x"]] {
        let answer = home.program(runtime()).args(arguments).answer();
        answer.exits(code::USAGE).prints("");
    }
}

/// Starts the runtime for a run with another digest of its order.
#[track_caller]
fn with_digest(home: &Home, run: &Run<'_>, digest: &Digest) -> Answer {
    let call = home.program(runtime()).args(["execute", "--tenant", "default", "--run", run.id()]);
    call.arg("--store").arg(home.store()).args(["--order-sha256", &digest.to_string()]).answer()
}

#[test]
fn an_order_with_another_digest_is_not_executed() {
    let home = Home::new();
    let run = ordered(&home, |_| {});
    let answer = with_digest(&home, &run, &Digest::of(b"another order"));
    answer.exits(code::BAD_ORDER).prints("").says("the order does not have the digest ");
    let left: Vec<_> = fs::read_dir(run.folder()).unwrap().flatten().collect();
    assert_eq!(left.len(), 2, "order and job, and nothing written: {left:?}");
}

#[test]
fn an_order_that_is_missing_or_damaged_is_not_executed() {
    let home = Home::new();
    let run = ordered(&home, |_| {});
    let path = run.folder().join("order.json");
    fs::write(&path, "{}").unwrap();
    with_digest(&home, &run, &Digest::of(b"{}"))
        .exits(code::BAD_ORDER)
        .says("could not read the order");
    fs::remove_file(&path).unwrap();
    with_digest(&home, &run, &Digest::of(b""))
        .exits(code::BAD_ORDER)
        .says("the order is not in the store");
}

#[test]
fn an_order_of_another_run_is_not_executed() {
    let home = Home::new();
    let run = ordered(&home, |order| order["run"] = json!("019d0000-0000-7000-8000-000000000001"));
    run.runtime_again().answer().exits(code::BAD_ORDER).says("the order is for run 019d0000-");
}

#[test]
fn a_store_that_is_not_there() {
    let home = Home::new();
    let run = ordered(&home, |_| {});
    let again = run.runtime_again();
    fs::rename(home.store(), home.path("elsewhere")).unwrap();
    again.answer().exits(code::STORE).prints("").says("could not open the store");
    assert!(!home.store().exists());
}

#[test]
fn the_grants_of_the_order_are_what_a_flow_may_reach() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connects = |network: Value| {
        let address = format!("db.example:{port}");
        let run = home.submitted(home.submit("connects").param("address", address));
        run.wait().exits(exit::RUN_FAILED);
        let run = again(run, |order| order["grants"]["network"] = network);
        run.runtime_again().args(["--resolve", "db.example=127.0.0.1"]).succeeds();
        run.outcome()["verdict"].clone()
    };
    let name = format!("db.example:{port}");
    assert!(connects(json!([name, format!("127.0.0.1:{port}")]))["completed"].is_object());
    assert!(connects(json!([name]))["failed"].is_object());
}

#[test]
fn certificates_that_are_of_no_use_are_refused_at_the_start() {
    let home = Home::new();
    let run = ordered(&home, |_| {});
    let empty = home.file("empty.pem", "no certificate");
    for (file, why) in
        [(home.path("missing.pem"), "No such file"), (empty, "there is no certificate in it")]
    {
        let answer = run.runtime_again().arg("--ca-file").arg(&file).answer();
        let answer = answer.exits(code::USAGE).prints("");
        answer.says("could not use the certificates in ").says(why);
    }
}

#[track_caller]
fn refuses(home: &Home, run: &Run<'_>, because: &str) {
    run.runtime_again().succeeds();
    let reason = &run.outcome()["verdict"]["refused"]["reason"];
    assert!(reason.as_str().is_some_and(|reason| reason.contains(because)), "{}", run.outcome());
    run.wait().exits(exit::RUN_REFUSED).prints("").says(&format!("refused: {because}"));
    home.longshore(&["list", "--state", "Failed"]).succeeds();
}

#[test]
fn a_component_of_another_abi_is_refused_with_both_versions() {
    let home = Home::new();
    let run = ordered(&home, |order| order["abi"] = json!({"major": 7, "minor": 0}));
    refuses(&home, &run, "the component was built for flow ABI 7.0, this runtime executes 1.0");
}

#[test]
fn a_component_that_is_not_in_the_store_is_refused() {
    let home = Home::new();
    let run = ordered(&home, |order| order["compiled"] = Value::Null);
    fs::remove_dir_all(home.store().join("components")).unwrap();
    run.runtime_again().succeeds();
    let reason = run.outcome()["verdict"]["refused"]["reason"].clone();
    assert!(reason.as_str().unwrap().starts_with("the component is not in the store"), "{reason}");
}

#[test]
fn parameters_that_were_damaged_are_refused() {
    let home = Home::new();
    let file = home.file("in.bin", [1; 5_000]);
    let run = home.submitted(home.submit("echo").param_file("data", &file));
    run.wait().succeeds();
    fs::remove_file(run.folder().join("outcome.json")).unwrap();
    fs::write(run.folder().join("params.bin"), [2; 5_002]).unwrap();
    refuses(&home, &run, "the parameters are not in the store, or do not have the digest");
}

#[test]
fn without_an_artefact_the_runtime_compiles_itself() {
    let home = Home::new();
    let run = ordered(&home, |order| order["compiled"] = Value::Null);
    run.runtime_again().succeeds();
    let because = run.outcome()["runtime"]["code"]["compiled_here"]["because"].clone();
    assert_eq!(because, "the order names no compiled artefact");
    run.wait().succeeds().prints("2\n");
}

#[test]
fn a_runtime_that_is_missing_is_named() {
    let home = Home::new();
    let call = home.run("add_one").param("n", 1).args(["--runtime", "/no/such/runtime"]);
    call.answer().fails_with(
        exit::INFRASTRUCTURE,
        &[
            "error: could not start the runtime /no/such/runtime: No such file or directory (os error 2)",
            "hint: install longshore-runtime beside longshore, or name it with --runtime",
        ],
    );
    home.has_stored_nothing();
}

#[test]
fn a_program_that_is_no_runtime_is_named() {
    let home = Home::new();
    let plain = home.file("plain.txt", "no program");
    for program in ["/bin/true", "/bin/echo", "/bin/false", plain.to_str().unwrap()] {
        let call = home.run("add_one").param("n", 1).env("LONGSHORE_RUNTIME", program);
        let answer = call.answer().exits(exit::INFRASTRUCTURE).prints("");
        answer.says(program).says("error: ");
    }
    home.has_stored_nothing();
}

#[test]
fn a_runtime_that_dies_at_once_is_a_crash_with_its_last_words() {
    let home = Home::new();
    let facts = home.program(runtime()).arg("facts").succeeds().text();
    let script = format!(
        "#!/bin/sh\ncase $1 in\nfacts) echo '{}' ;;\ncompile) exec {} \"$@\" ;;\n*) echo 'no luck today' >&2; exit 70 ;;\nesac\n",
        facts.trim(),
        runtime().display()
    );
    let program = home.file("unlucky", script);
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let call = home.run("add_one").param("n", 1).arg("--runtime").arg(&program);
    let answer = call.answer().exits(exit::RUN_CRASHED).prints("");
    answer.says("Crashed: the runtime exited with code 70 and left no outcome: no luck today");
    home.only_run().verb("logs").arg("--job").succeeds().prints("no luck today\n");
}
