//! From an empty folder to a result: `new`, `build`, `cargo test`, `run`, and what a build can lack.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use longshore_protocol::exit::{self, BAD_INPUT};
use longshore_tests::{Home, scaffold_target, tools};
use serde_json::json;

/// A crate with a flow, made by `longshore new`.
#[track_caller]
fn scaffold(home: &Home, name: &str) -> PathBuf {
    home.longshore(&["new", name]).succeeds();
    home.path(name)
}

/// Replaces a text in a file of a crate.
#[track_caller]
fn change(file: &Path, old: &str, new: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(old), "{text}");
    std::fs::write(file, text.replace(old, new)).unwrap();
}

/// A folder with programs, for PATH.
fn programs(home: &Home, scripts: &[(&str, &str)]) -> PathBuf {
    for (name, script) in scripts {
        let path = home.file(&format!("bin/{name}"), script);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    home.path("bin")
}

#[test]
fn a_new_crate_tests_builds_and_runs_as_it_is() {
    let home = Home::new();
    let answer = home.longshore(&["new", "my-flow"]).succeeds().prints("made my-flow\n");
    answer.says("try: longshore run my-flow -p name=World");
    let folder = home.path("my-flow");
    home.program("cargo").args(["test", "--quiet"]).in_folder(&folder).builds().succeeds();
    let component = home.path("my-flow.wasm");
    let build = home.longshore(&["build", "my-flow", "-o"]).arg(&component).builds().succeeds();
    build.prints(&format!("{}\n", component.display()));
    let size = std::fs::metadata(&component).unwrap().len();
    assert!(size <= 100 << 10, "the component has {size} bytes");
    let run = home.longshore(&["run", ".", "-p", "name=World"]).in_folder(&folder).succeeds();
    run.prints("Hello, World!\n");
    let run = home.longshore(&["run"]).arg(&component).arg("-p").arg("name=").answer();
    run.exits(exit::RUN_FAILED).says("Failed: there is nobody to greet");
    let inspect = home.longshore(&["inspect", "my-flow"]).succeeds().text();
    assert!(
        inspect.contains("\nflow hello\n  Greets somebody.\n  -p name=<string>\n"),
        "{inspect}"
    );
}

#[test]
fn a_new_crate_needs_a_folder_that_does_not_exist() {
    let home = Home::new();
    home.file("mine/notes.txt", "mine");
    home.longshore(&["new", "mine"]).answer().fails_with(
        BAD_INPUT,
        &["error: mine exists already", "hint: name a folder that does not"],
    );
    let left: Vec<_> = std::fs::read_dir(home.path("mine")).unwrap().flatten().collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn a_new_crate_needs_a_name() {
    let home = Home::new();
    for name in ["1st", "with space", "a.b", "ä", "test", ""] {
        let answer = home.longshore(&["new", "made", "--name", name]).answer();
        let answer = answer.exits(BAD_INPUT).prints("");
        answer
            .says(&format!("error: {name:?} cannot be the name of a crate"))
            .says("hint: use letters");
        assert!(!home.path("made").exists());
    }
    home.longshore(&["new", "1st", "--name", "first"]).succeeds();
}

#[test]
fn a_new_crate_depends_on_the_sdk_that_is_named() {
    let home = Home::new();
    let answer = home.longshore(&["new", "made", "--sdk", "nowhere"]).answer();
    answer.exits(BAD_INPUT).says("error: there is no longshore-sdk in nowhere");
    assert!(!home.path("made").exists());
}

#[test]
fn a_folder_without_a_crate() {
    let home = Home::new();
    std::fs::create_dir(home.path("empty")).unwrap();
    for verb in ["build", "run", "inspect"] {
        home.longshore(&[verb, "empty"]).answer().fails_with(
            BAD_INPUT,
            &[
                "error: empty is not the folder of a crate: it has no Cargo.toml",
                "hint: longshore new makes a crate with a flow",
            ],
        );
    }
    home.has_stored_nothing();
}

#[test]
fn a_crate_that_makes_no_component() {
    let home = Home::new();
    home.file("plain/Cargo.toml", "[package]\nname = \"plain\"\nedition = \"2024\"\n[workspace]\n");
    home.file("plain/src/lib.rs", "");
    home.longshore(&["build", "plain"]).answer().fails_with(
        BAD_INPUT,
        &[
            "error: the crate plain makes no component",
            "hint: add to its Cargo.toml: [lib] crate-type = [\"cdylib\", \"rlib\"]",
        ],
    );
}

#[test]
fn a_crate_whose_manifest_is_wrong() {
    let home = Home::new();
    home.file("wrong/Cargo.toml", "[package\n");
    let answer = home.longshore(&["build", "wrong"]).answer().exits(exit::BUILD).prints("");
    answer.says("error: cargo does not understand wrong/Cargo.toml");
}

#[test]
fn a_workspace_names_its_crates() {
    let home = Home::new();
    home.file("many/Cargo.toml", "[workspace]\nmembers = [\"one\"]\nresolver = \"3\"\n");
    home.file("many/one/Cargo.toml", "[package]\nname = \"one\"\nedition = \"2024\"\n");
    home.file("many/one/src/lib.rs", "");
    let answer = home.longshore(&["build", "many"]).answer().exits(BAD_INPUT).prints("");
    answer.says("error: many is a workspace, not a crate").says("one");
    let answer = home.longshore(&["build", "many", "-P", "two"]).answer().exits(BAD_INPUT);
    answer.says("error: the workspace has no package \"two\"; it has one");
}

#[test]
fn a_crate_that_does_not_compile() {
    let home = Home::new();
    let folder = scaffold(&home, "broken-flow");
    change(&folder.join("src/lib.rs"), "Ok(format!", "Ok(5, format!");
    for verb in ["build", "run"] {
        let answer =
            home.longshore(&[verb, "broken-flow"]).builds().answer().exits(exit::BUILD).prints("");
        answer.says("src/lib.rs").says("error: building broken-flow failed");
    }
    home.has_stored_nothing();
}

#[test]
fn a_crate_without_flows() {
    let home = Home::new();
    let folder = scaffold(&home, "no-flow");
    std::fs::write(folder.join("src/lib.rs"), "").unwrap();
    let answer =
        home.longshore(&["build", "no-flow"]).builds().answer().exits(BAD_INPUT).prints("");
    answer
        .says("error: the component has no section longshore:flows")
        .says("hint: mark a function with #[flow]");
}

#[test]
fn a_target_that_is_missing_comes_with_the_command_that_installs_it() {
    let home = Home::new();
    scaffold(&home, "my-flow");
    std::fs::create_dir(home.path("sysroot")).unwrap();
    let rustc = format!("#!/bin/sh\necho '{}'\n", home.path("sysroot").display());
    let cargo = "#!/bin/sh\nexec \"$REAL_CARGO\" \"$@\"\n";
    let path = programs(&home, &[("rustc", &rustc), ("cargo", cargo)]);
    let real = home.program("sh").args(["-c", "command -v cargo"]).succeeds().text();
    let call = home.longshore(&["build", "my-flow"]).env("REAL_CARGO", real.trim());
    call.env("PATH", format!("{}:/usr/bin:/bin", path.display())).answer().fails_with(
        exit::BUILD,
        &[
            "error: the Rust target wasm32-wasip2 is not installed",
            "hint: rustup target add wasm32-wasip2",
        ],
    );
}

#[test]
fn cargo_that_is_missing_is_named() {
    let home = Home::new();
    scaffold(&home, "my-flow");
    let empty = programs(&home, &[]);
    let answer = home.longshore(&["build", "my-flow"]).env("PATH", empty).answer();
    let answer = answer.exits(exit::BUILD).prints("");
    answer.says("error: ").says("cargo").says("hint: install Rust with rustup");
}

#[test]
fn doctor_names_what_is_missing() {
    let home = Home::new();
    home.longshore(&["doctor"]).succeeds();
    let empty = programs(&home, &[]);
    let call = home.longshore(&["doctor", "--runtime", "/no/such/runtime"]).env("PATH", empty);
    let text = call.answer().exits(exit::INFRASTRUCTURE).text();
    let failed: Vec<_> = text.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert_eq!(failed.len(), 2, "{text}");
    assert!(failed[0].contains("target") && failed[1].contains("runtime"), "{text}");
    assert_eq!(text.matches("hint: ").count(), 2, "{text}");
}

/// Marks a crate as one that is built with `cargo-component`.
fn for_cargo_component(folder: &Path) {
    let manifest = folder.join("Cargo.toml");
    change(&manifest, "[dependencies]", "[package.metadata.component]\n\n[dependencies]");
}

#[test]
fn the_second_builder_that_is_missing_comes_with_the_command_that_installs_it() {
    let home = Home::new();
    for_cargo_component(&scaffold(&home, "my-flow"));
    // Rust as it is installed, but none of the commands that were added to cargo.
    std::fs::create_dir(home.path("bin")).unwrap();
    for program in ["cargo", "rustc", "rustup"] {
        let find = home.program("sh").args(["-c", &format!("command -v {program}")]).answer();
        if find.code == Some(0) {
            symlink(find.text().trim(), home.path("bin").join(program)).unwrap();
        }
    }
    let path = format!("{}:/usr/bin:/bin", home.path("bin").display());
    let call = home.longshore(&["build", "my-flow"]).env("PATH", path);
    let call = call.env("CARGO_HOME", home.path(".cargo"));
    call.answer().fails_with(
        exit::BUILD,
        &[
            "error: cargo-component is not installed, and the crate asks for it",
            "hint: cargo install cargo-component --locked, or build with --builder cargo",
        ],
    );
}

#[test]
fn the_first_builder_builds_a_crate_for_the_second() {
    let home = Home::new();
    for_cargo_component(&scaffold(&home, "my-flow"));
    let built = home
        .longshore(&["build", "my-flow", "--builder", "cargo"])
        .json()
        .builds()
        .succeeds()
        .json();
    assert_eq!((&built["builder"], &built["flows"]), (&json!("cargo"), &json!(["hello"])));
}

#[test]
fn the_second_builder_builds_the_same_flow() {
    let home = Home::new();
    for_cargo_component(&scaffold(&home, "my-flow"));
    let path = longshore_tests::path_with(tools());
    let target = scaffold_target().join("component");
    let call = home.longshore(&["run", "my-flow", "-p", "name=World"]).env("PATH", path);
    call.env("CARGO_TARGET_DIR", target).builds().succeeds().prints("Hello, World!\n");
}
