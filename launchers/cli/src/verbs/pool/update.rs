//! `longshore pool update`

use clap::Args;
use longshore_launchers::pool::edit::Edit;
use longshore_protocol::exit::ExitCode;

use super::describe::DescribeArgs;
use super::place::{Changed, PlaceArgs};
use crate::failure::Failure;
use crate::settings::Settings;

/// Change what is said of a pool
///
/// Everything else in its file stays as it is, comments and order too. --store names where its runs are kept.
#[derive(Debug, Args)]
pub(super) struct UpdateArgs {
    /// The pool.
    name: String,
    /// Another kind of infrastructure, for example process.
    #[arg(long = "type", value_name = "KIND")]
    kind: Option<String>,
    #[command(flatten)]
    describe: DescribeArgs,
    /// A key to take away, for example store or limits.memory: then the next layer counts, or the default.
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn update(args: &UpdateArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let UpdateArgs { name, kind, describe, unset, place } = args;
    let mut edits: Vec<_> =
        kind.iter().map(|kind| Edit::set(name, "type", kind.as_str())).collect();
    edits.extend(describe.edits(name, settings)?);
    if edits.is_empty() && unset.is_empty() {
        return Err(Failure::input("nothing is to be changed")
            .hint("say what: for example --ceiling memory=1GiB, --set KEY=VALUE or --unset KEY"));
    }
    let layers = settings.layers_of(name).await?;
    let place = place.of_pool(name, &layers, settings)?;
    let known = layers.explain(name)?;
    for key in unset {
        let is_within = |one: &str| {
            one == key || one.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))
        };
        if key.is_empty() || !known.iter().any(|one| is_within(&one.key)) {
            return Err(Failure::input(format!("the pool {name} has no value for {key:?}"))
                .hint(format!("longshore pool inspect {name} shows what it has")));
        }
        edits.push(Edit::unset(name, key));
    }
    place.change(name, &edits, &layers).await?;
    Changed { pool: name, done: "updated", place: &place, edits: &edits }.answer(settings).await
}
