//! What a person sets about the job of a run: single settings, files of them, patches of the request.

use std::path::Path;

use clap::Args;
use longshore_launchers::settings::{self, Change, Origin, Patch};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// Settings of the job.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// A job setting, for example working_dir=/data or env.REGION=eu; longshore pool template KIND explains all.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A file with job settings, in TOML or JSON. --set overrides it.
    #[arg(long, value_name = "FILE")]
    set_file: Vec<String>,
    /// Take a job setting away that the pool or the flow has set: KEY, or KEY.NAME for an entry of a map.
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    /// A JSON merge patch onto the job's request, or a file with one, for what no job setting covers.
    #[arg(long, value_name = "JSON|FILE")]
    patch: Vec<String>,
}

impl JobArgs {
    /// The job settings, in the order in which they go over one another.
    pub(crate) fn changes(&self) -> Result<Vec<Change>, Failure> {
        let Self { set, set_file, unset, patch: _ } = self;
        let mut changes = Vec::new();
        for file in set_file {
            let origin = Origin::caller(format!("--set-file {file}"));
            let wrong = |why| Failure::input(format!("{origin}: {why}"));
            changes.extend(Change::of_table(&table(file, "--set-file")?, &origin).map_err(wrong)?);
        }
        for key in unset {
            let change = Change::unset(key, Origin::caller("--unset"));
            changes.push(change.map_err(|why| Failure::input(format!("--unset: {why}")))?);
        }
        let first = changes.len();
        for text in set {
            let how = |why| {
                Failure::input(format!("--set: {why}")).hint(
                    "write KEY=VALUE, for example env.REGION=eu; --unset KEY takes a value away",
                )
            };
            let (key, value) = text
                .split_once('=')
                .ok_or_else(|| how(format!("{text:?} is not a setting with its value")))?;
            let change = Change::typed(key, value, Origin::caller("--set")).map_err(how)?;
            if changes[first..].iter().any(|other| other.key == change.key) {
                return Err(Failure::input(format!("--set: {key} is given twice")));
            }
            changes.push(change);
        }
        Ok(changes)
    }

    /// The patches, one after another.
    pub(crate) fn patches(&self) -> Result<Vec<Patch>, Failure> {
        let patch = |text: &String| {
            let value = match text.trim_start().starts_with('{') {
                true => Value::String(text.clone()),
                false => Value::Object(table(text, "--patch")?),
            };
            Ok(Patch::new(&value, Origin::caller("--patch"))?)
        };
        self.patch.iter().map(patch).collect()
    }
}

/// The table in a file.
fn table(file: &str, option: &str) -> Result<Map<String, Value>, Failure> {
    let wrong = |why: String| Failure::input(format!("{option} {file}: {why}"));
    let text = std::fs::read_to_string(Path::new(file))
        .map_err(|error| wrong(format!("could not read it: {error}")))?;
    settings::table(&text).map_err(wrong)
}
