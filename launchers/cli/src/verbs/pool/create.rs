//! `longshore pool create`

use clap::Args;
use longshore_launchers::pool::check_name;
use longshore_launchers::pool::edit::{Edit, edited};
use longshore_launchers::pool::{LOCAL, Layer, Source};
use longshore_protocol::exit::ExitCode;

use super::describe::DescribeArgs;
use super::place::{Changed, Place, PlaceArgs};
use crate::failure::Failure;
use crate::settings::Settings;

/// Describe a new pool
///
/// --store names where its runs are kept; see also: storage configure.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// The name: letters, digits, dashes, underscores.
    name: String,
    /// The kind of infrastructure, for example process.
    #[arg(long = "type", value_name = "KIND")]
    kind: String,
    #[command(flatten)]
    describe: DescribeArgs,
    /// Let it be the pool of runs for which none is named.
    #[arg(long, conflicts_with = "shared")]
    default: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn create(args: &CreateArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let CreateArgs { name, kind, describe, default, place } = args;
    check_name(name)?;
    let mut edits = vec![Edit::describe(name), Edit::set(name, "type", kind.as_str())];
    edits.extend(describe.edits(name, settings)?);
    let place = place.for_new(settings)?;
    // What others share may be overridden here, and what is here may be shared: neither is the same pool twice.
    let layers = match &place {
        Place::File(..) => settings.layers_of(name).await?,
        Place::Shared(_) => settings.config.layers.clone(),
    };
    check_is_new(name, layers.describing(name).find(|layer| layer.source() == place.source()))?;
    if place.source() != Source::Shared {
        check_is_new(name, layers.describing(name).next())?;
    }
    if *default {
        edits.push(Edit::set_top("default_pool", name.as_str()));
    }
    match &place {
        Place::File(..) => place.change(name, &edits, &layers).await?,
        Place::Shared(shared) => {
            let text = edited("", &edits)?;
            let layer = Layer::parse(Source::Shared, place.shown(name), &text)?;
            layers.with(layer).pool(Some(name))?;
            shared.create(name, &text).await?;
        }
    }
    Changed { pool: name, done: "created", place: &place, edits: &edits }.answer(settings).await
}

fn check_is_new(name: &str, there: Option<&Layer>) -> Result<(), Failure> {
    let Some(layer) = there else { return Ok(()) };
    let text = format!("there is a pool {name} already, in {}", layer.path().display());
    Err(Failure::input(text).hint(if name == LOCAL {
        format!("longshore pool update {name} changes it; {name} is there without being created")
    } else {
        format!("longshore pool update {name} changes it")
    }))
}
