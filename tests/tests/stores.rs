//! A store that does not work: a clear error or an honest state, and nothing half-written taken for a result.

use std::fs;

use longshore_protocol::exit::{self, BAD_INPUT};
use longshore_tests::{Home, Mount, until};

#[test]
fn a_store_that_is_a_file() {
    let home = Home::new();
    let file = home.file("store", "");
    let answer = home.run("add_one").param("n", 1).arg("--store").arg(&file).answer();
    answer.exits(exit::STORE).prints("").says("error: could not open the store ").says("hint: ");
    assert_eq!(fs::read(&file).unwrap(), b"");
}

#[test]
fn a_store_of_a_kind_that_does_not_exist() {
    let home = Home::new();
    let answer = home.run("nothing").args(["--store", "gopher://x"]).answer();
    answer
        .exits(BAD_INPUT)
        .prints("")
        .says("error: gopher:// is no storage that is known")
        .says("hint: s3://");
}

#[test]
fn a_store_may_be_named_by_variable_url_or_relative_path() {
    let home = Home::new();
    home.run("nothing").env("LONGSHORE_STORE", home.path("a")).succeeds();
    home.run("nothing").arg(format!("--store=file://{}", home.path("b").display())).succeeds();
    home.run("nothing").args(["--store", "c"]).succeeds();
    for name in ["a", "b", "c"] {
        assert!(home.path(name).join("runs").exists(), "{name}");
    }
}

#[test]
fn a_store_that_is_read_only_is_named_and_can_be_read() {
    let home = Home::new();
    let mount = Mount::new(&home.store(), 64);
    home.run("add_one").param("n", 1).succeeds();
    let run = home.only_run();
    mount.make_read_only();
    let answer = home.run("add_one").param("n", 2).answer().exits(exit::STORE).prints("");
    answer
        .says("error: could not write ")
        .says("Read-only file system")
        .says("hint: name a store ");
    run.verb("result").succeeds().prints("2\n");
    run.verb("rm").answer().exits(exit::STORE).prints("").says("error: could not remove ");
    run.verb("show").succeeds();
    home.only_run();
}

#[test]
fn a_store_that_becomes_read_only_meanwhile_is_a_crash_with_its_reason() {
    let home = Home::new();
    let mount = Mount::new(&home.store(), 64);
    let run = home.submitted(home.submit("sleeps").param("seconds", 1));
    let runtime = run.runtime();
    mount.make_read_only();
    runtime.until_over();
    let answer = run.wait().exits(exit::RUN_CRASHED).prints("");
    answer.says("Crashed: ").says("outcome.json").says("Read-only file system");
}

#[test]
fn a_full_store_is_named_and_nothing_is_ordered() {
    let home = Home::new();
    let mount = Mount::new(&home.store(), 32);
    home.run("nothing").succeeds();
    home.only_run().verb("rm").succeeds();
    mount.fill(8 << 10);
    let file = home.file("in.bin", vec![1; 16 << 20]);
    let answer = home.run("echo").param_file("data", &file).answer();
    let answer = answer.exits(exit::STORE).prints("");
    answer
        .says("error: could not write ")
        .says("No space left on device")
        .says("hint: the disk is full");
    home.longshore(&["list"]).succeeds().prints("");
}

#[test]
fn a_store_without_room_for_the_result_is_a_crash_and_no_result() {
    let home = Home::new();
    let mount = Mount::new(&home.store(), 32);
    home.run("nothing").succeeds();
    mount.fill(8 << 10);
    let run = home.submitted(home.submit("sevens").param("count", 16 << 20));
    let answer = run.wait().exits(exit::RUN_CRASHED).prints("");
    answer.says("Crashed: the runtime ").says("result.bin").says("No space left on device");
    assert!(!run.folder().join("result.bin").exists());
    assert!(run.record("outcome.json").is_none());
    run.verb("result").answer().exits(exit::RUN_CRASHED).prints("");
}

#[test]
fn a_store_that_has_room_again_gets_the_outcome() {
    let home = Home::new();
    let mount = Mount::new(&home.store(), 32);
    home.run("nothing").succeeds();
    let call = home.submit("dice_later").param("seconds", 1).param("count", 1_000_000);
    let run = home.submitted(call);
    run.runtime();
    mount.fill(256);
    until("the runtime has tried to write the result", || {
        let said = fs::read_to_string(run.job().join("output.log")).unwrap_or_default();
        said.contains("No space left").then_some(())
    });
    fs::remove_file(home.store().join("ballast")).unwrap();
    assert_eq!(run.wait().succeeds().stdout.len(), 1_000_000);
}

#[test]
fn a_store_that_is_gone_halfway_leaves_no_result() {
    let home = Home::new();
    let launcher = home.run("sleeps").param("seconds", 1).start();
    launcher.until_says("started\n");
    let run = home.only_run();
    let runtime = run.runtime();
    fs::rename(home.store(), home.path("elsewhere")).unwrap();
    let answer = launcher.finish().exits(exit::STORE).prints("");
    answer.says("error: ");
    runtime.until_over();
    // What was moved away is as it was: ordered, begun, and not ended.
    let elsewhere = home.path("elsewhere");
    let show = run.verb("show").json().arg("--store").arg(&elsewhere).succeeds().json();
    assert_eq!(show["state"], "Crashed");
    // A listing of what the runtime may have written since shows no run that nobody ordered.
    if home.store().exists() {
        home.longshore(&["list"]).succeeds().prints("");
    }
}

#[test]
fn a_component_that_is_gone_is_named() {
    let home = Home::new();
    home.run("add_one").param("n", 1).succeeds();
    fs::remove_dir_all(home.store().join("components")).unwrap();
    let answer = home.only_run().verb("result").answer().exits(exit::STORE).prints("");
    answer.says("is missing in the store");
    home.run("add_one").param("n", 1).succeeds();
    home.longshore(&["list"]).succeeds();
}

#[test]
fn a_record_of_another_major_version_is_refused_with_both_versions() {
    let home = Home::new();
    home.run("add_one").param("n", 1).succeeds();
    let run = home.only_run();
    let mut outcome = run.outcome();
    outcome["format"] = "2.0".into();
    fs::write(run.folder().join("outcome.json"), outcome.to_string()).unwrap();
    let answer = run.verb("result").answer().exits(exit::STORE).prints("");
    answer.says("2.0").says("1.");
}

#[test]
fn half_of_an_outcome_is_no_outcome() {
    let home = Home::new();
    home.run("add_one").param("n", 1).succeeds();
    let run = home.only_run();
    let path = run.folder().join("outcome.json");
    let content = fs::read(&path).unwrap();
    fs::write(&path, &content[..content.len() / 2]).unwrap();
    let answer = run.verb("result").answer().exits(exit::STORE).prints("");
    answer.says("the outcome is damaged");
}
