//! The CLI reference is generated: this test fails when `docs/cli.md` is not what the program says of itself.

use std::path::Path;

use clap::CommandFactory as _;
use longshore_protocol::exit;

use crate::verbs::Arguments;

const HEAD: &str = "# CLI reference\n\n\
    Generated from the program. After a change: `UPDATE_DOCS=1 cargo test -p longshore reference`.\n\n\
    Results go to standard output, everything else to standard error. With `--format json`, the result is one JSON \
    value, and each line of standard error is one JSON object with a field `event`.\n";

fn reference() -> String {
    let mut command = Arguments::command().term_width(100);
    command.build();
    let mut text = format!("{HEAD}\n## longshore\n\n{}", block(command.clone()));
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        text += &section("longshore", verb);
    }
    text += "\n## Exit codes\n\n| code | meaning |\n|---|---|\n";
    for (code, meaning) in exit::TABLE {
        text += &["| ", &code.0.to_string(), " | ", meaning, " |\n"].concat();
    }
    text
}

/// A verb, then those below it.
fn section(above: &str, verb: &clap::Command) -> String {
    let name = format!("{above} {}", verb.get_name());
    let mut text = ["\n## ", &name, "\n\n", &block(verb.clone().term_width(100))].concat();
    for verb in verb.get_subcommands().filter(|verb| verb.get_name() != "help") {
        text += &section(&name, verb);
    }
    text
}

fn block(mut command: clap::Command) -> String {
    let help = command.render_long_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    ["```text\n", lines.join("\n").trim_end(), "\n```\n"].concat()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    if std::env::var("UPDATE_DOCS").is_ok() {
        std::fs::write(&path, reference()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == reference(),
        "docs/cli.md is out of date: UPDATE_DOCS=1 cargo test -p longshore reference"
    );
}

#[test]
fn the_arguments_are_well_formed() {
    Arguments::command().debug_assert();
}
