//! The console blocks of READMEs: what they show is what a reader gets.
//!
//! A block has commands, each after `$ `, and after each command what it prints, all of it.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use longshore_tests::{Home, examples_target, longshore, path_with, repository};

/// A command with what it prints.
#[derive(Debug, PartialEq)]
struct Step {
    line: usize,
    command: String,
    expected: String,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_inside = false;
    for (number, line) in text.lines().enumerate() {
        match line {
            "```console" => is_inside = true,
            "```" => is_inside = false,
            _ if !is_inside => {}
            _ => match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step {
                    line: number + 1,
                    command: command.to_owned(),
                    expected: String::new(),
                }),
                (None, Some(step)) => step.expected.extend([line, "\n"]),
                (None, None) => panic!("line {}: a block begins with a command", number + 1),
            },
        }
    }
    steps
}

/// Runs all commands of a README, one after another, from the root of the repository.
#[track_caller]
fn shows_the_truth(readme: &Path) {
    let home = Home::new();
    let text = std::fs::read_to_string(readme).unwrap();
    let steps = steps(&text);
    assert!(!steps.is_empty(), "{} has no console block", readme.display());
    for Step { line, command, expected } in steps {
        let call = home.program("bash").args(["-o", "pipefail", "-c", &command]);
        let call = call.in_folder(&repository()).env("CARGO_TARGET_DIR", examples_target());
        let programs = longshore().parent().map(Path::to_owned);
        let answer = call.env("PATH", path_with(programs)).builds().answer();
        let place = format!("{}:{line}: {command}", readme.display());
        assert_eq!(answer.text(), expected, "{place}\n{}", answer.stderr);
    }
}

fn example(name: &str) -> PathBuf {
    repository().join("examples").join(name).join("README.md")
}

#[test]
fn hello() {
    shows_the_truth(&example("hello"));
}

#[test]
fn primes() {
    shows_the_truth(&example("primes"));
}

#[test]
fn stats() {
    shows_the_truth(&example("stats"));
}

#[test]
fn thumbnail() {
    shows_the_truth(&example("thumbnail"));
}

#[test]
fn trouble() {
    shows_the_truth(&example("trouble"));
}

#[test]
fn words() {
    shows_the_truth(&example("words"));
}

#[test]
fn every_example_has_a_test_here() {
    let tested = ["hello", "primes", "stats", "thumbnail", "trouble", "words"];
    let entries = std::fs::read_dir(repository().join("examples")).unwrap().flatten();
    let mut found: Vec<_> = entries
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, tested);
}

#[test]
fn a_block_is_commands_with_what_they_print() {
    let text = "text\n```console\n$ a\n1\n2\n$ b\n```\n$ no command\n```rust\n$ x\n```\n";
    let step = |line, command: &str, expected: &str| Step {
        line,
        command: command.into(),
        expected: expected.into(),
    };
    assert_eq!(steps(text), [step(3, "a", "1\n2\n"), step(6, "b", "")]);
}
