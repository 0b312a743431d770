//! What holds the runtime's process, as its outcome, `show` and `doctor` tell it, and as the kernel does.
//! What a confined process tries and does not get is tested in `runtime/tests/confine.rs`.
//!
//! Needs landlock and seccomp in the kernel.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use longshore_protocol::exit::runtime as code;
use longshore_tests::{Call, Home, Process, fixtures, processes_of, runtime, until};
use rustix::process::Signal;
use serde_json::{Value, json};

#[track_caller]
fn is_whole(confinement: &Value, network: &str) {
    assert_eq!(confinement["no_new_privs"], true, "{confinement}");
    assert_eq!(confinement["network"], network, "{confinement}");
    for (layer, what) in [("landlock", "files"), ("seccomp", " system calls")] {
        let covers = confinement[layer]["active"]["covers"].as_str();
        assert!(covers.is_some_and(|covers| covers.contains(what)), "{confinement}");
    }
}

/// What the kernel says of each thread of a process.
fn says_of_threads(process: Process, line: &str) -> Vec<bool> {
    let threads = fs::read_dir(format!("/proc/{}/task", process.pid())).unwrap().flatten();
    let status = threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
    status.map(|status| status.lines().any(|found| found == line)).collect()
}

#[test]
fn an_outcome_says_what_held_the_process() {
    let home = Home::new();
    home.run("add_one").param("n", 1).succeeds().prints("2\n");
    let run = home.only_run();
    let confinement = run.outcome()["runtime"]["confinement"].clone();
    is_whole(&confinement, "none");
    assert_eq!(confinement["environment_variables"], 0);
    let text = run.verb("show").succeeds().text();
    let line = text.lines().find(|line| line.starts_with("confined ")).unwrap();
    for what in ["landlock (ABI ", "seccomp (", "no network, no new privileges"] {
        assert!(line.contains(what), "{line}");
    }
}

#[test]
fn every_thread_is_held_while_a_guest_runs() {
    let home = Home::new();
    let run = home.submitted(home.submit("sleeps").param("seconds", 3600));
    let process = run.runtime();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        let threads = says_of_threads(process, line);
        assert!(
            !threads.is_empty() && threads.iter().all(|is_held| *is_held),
            "{line}: {threads:?}"
        );
    }
    let descriptors = format!("/proc/{}/fd", process.pid());
    let links = fs::read_dir(descriptors).unwrap().flatten();
    let files: Vec<_> = links.filter_map(|link| fs::read_link(link.path()).ok()).collect();
    let below = |folder: &Path| files.iter().filter(|file| file.starts_with(folder)).count();
    assert_eq!(below(&home.store()), 0, "nothing of the store stays open: {files:?}");
    assert_eq!(below(&home.jobs()), 3, "lock and output: {files:?}");
}

#[test]
fn a_process_can_be_required_to_be_confined() {
    let home = Home::new();
    let run = home.submitted(home.submit("add_one").param("n", 1));
    run.wait().succeeds();
    fs::remove_file(run.folder().join("outcome.json")).unwrap();
    run.runtime_again().args(["--confine", "required"]).succeeds();
    is_whole(&run.outcome()["runtime"]["confinement"], "none");
    let answer = run.runtime_again().args(["--confine", "perhaps"]).answer();
    answer.exits(code::USAGE).says("[possible values: available, required]");
}

#[test]
fn a_run_that_is_refused_says_it_as_well() {
    let home = Home::new();
    let run = home.submitted(home.submit("add_one").param("n", 1));
    run.wait().succeeds();
    fs::remove_file(run.folder().join("outcome.json")).unwrap();
    fs::remove_dir_all(home.store().join("compiled")).unwrap();
    fs::remove_dir_all(home.store().join("components")).unwrap();
    run.runtime_again().succeeds();
    assert!(run.outcome()["verdict"]["refused"].is_object(), "{}", run.outcome());
    is_whole(&run.outcome()["runtime"]["confinement"], "none");
}

#[test]
fn a_granted_network_leaves_connections() {
    let home = Home::new();
    home.run("asks_for_network").args(["--allow", "all"]).succeeds();
    is_whole(&home.only_run().outcome()["runtime"]["confinement"], "connect");
}

#[test]
fn doctor_and_facts_say_what_this_machine_has() {
    let home = Home::new();
    is_whole(&home.program(runtime()).arg("facts").succeeds().json()["confinement"], "none");
    let checks = home.longshore(&["doctor"]).json().succeeds().json();
    let checks = checks.as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "confined").unwrap();
    assert_eq!((&check["is_ok"], &check["hint"]), (&json!(true), &Value::Null));
    assert!(check["found"].as_str().unwrap().starts_with("landlock (ABI "), "{check}");
}

fn compile(home: &Home, component: &Path) -> Call {
    let call = home.program(runtime()).arg("compile").arg("--component").arg(component);
    call.arg("--output").arg(home.path("x.cwasm"))
}

#[test]
fn compiling_is_confined_as_well() {
    let home = Home::new();
    let made = compile(&home, &fixtures()).succeeds().json();
    is_whole(&made["confinement"], "none");
}

#[test]
fn compiling_does_not_overwrite_a_file() {
    let home = Home::new();
    let file = home.file("x.cwasm", "precious");
    let answer = compile(&home, &fixtures()).answer().exits(code::STORE).prints("");
    answer.says("could not write the artefact").says("File exists");
    assert_eq!(fs::read(file).unwrap(), b"precious");
}

/// A compiler that waits for its component: the other end of a pipe that nobody writes to.
fn waiting_compiler(home: &Home) -> (longshore_tests::Running, Process, fs::File) {
    let pipe = home.path("component.wasm");
    home.program("mkfifo").arg(&pipe).succeeds();
    // Open for reading as well: so that opening it waits for nobody.
    let writer = fs::File::options().read(true).write(true).open(&pipe).unwrap();
    let script = format!(
        "{} compile --component {} --output {} & wait",
        runtime().display(),
        pipe.display(),
        home.path("x.cwasm").display()
    );
    let shell = home.program("sh").arg("-c").arg(script).start();
    let compiler = until("the compiler is confined", || {
        let held = |process: &Process| says_of_threads(*process, "Seccomp:\t2").contains(&true);
        processes_of(&pipe).into_iter().find(held)
    });
    (shell, compiler, writer)
}

#[test]
fn a_compiler_ends_with_who_started_it() {
    let home = Home::new();
    let (shell, compiler, _writer) = waiting_compiler(&home);
    shell.process().signal(Signal::KILL);
    compiler.until_over();
}

#[test]
fn a_compiler_has_its_component_and_its_output_and_no_other_file() {
    let home = Home::new();
    let (_shell, compiler, _writer) = waiting_compiler(&home);
    let links = fs::read_dir(format!("/proc/{}/fd", compiler.pid())).unwrap().flatten();
    let files = links.filter_map(|link| fs::read_link(link.path()).ok());
    let mut files: Vec<_> = files.filter(|file| file.starts_with(home.path(""))).collect();
    files.sort();
    assert_eq!(files, [home.path("component.wasm"), home.path("x.cwasm")]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", compiler.pid())).unwrap();
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(limit("Max core file size"), "0");
    assert_ne!(limit("Max cpu time"), "unlimited");
    compiler.signal(Signal::KILL);
}
