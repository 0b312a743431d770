//! `longshore pool pause` and `longshore pool resume`

use clap::Args;
use longshore_launchers::pool::edit::Edit;
use longshore_protocol::exit::ExitCode;

use super::place::{Changed, PlaceArgs};
use crate::failure::Failure;
use crate::settings::Settings;

/// Let a pool take no runs for now
///
/// run, submit and retry are refused until longshore pool resume: there is no queue in which they would wait. Runs that
/// go on already are not touched.
#[derive(Debug, Args)]
pub(super) struct PauseArgs {
    /// The pool.
    name: String,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Let a paused pool take runs again
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// The pool.
    name: String,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn pause(args: &PauseArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let PauseArgs { name, place } = args;
    let layers = settings.layers_of(name).await?;
    let place = place.of_pool(name, &layers, settings)?;
    let edits = [Edit::set(name, "paused", true)];
    place.change(name, &edits, &layers).await?;
    Changed { pool: name, done: "paused", place: &place, edits: &edits }.answer(settings).await
}

pub(super) async fn resume(args: &ResumeArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let ResumeArgs { name, place } = args;
    let layers = settings.layers_of(name).await?;
    let place = place.of_pool(name, &layers, settings)?;
    // What a layer below says would come to light again.
    let below = layers.below(place.source()).pool(Some(name));
    let edit = match below {
        Ok(pool) if pool.is_paused => Edit::set(name, "paused", false),
        Ok(_) | Err(_) => Edit::unset(name, "paused"),
    };
    place.change(name, std::slice::from_ref(&edit), &layers).await?;
    Changed { pool: name, done: "resumed", place: &place, edits: &[edit] }.answer(settings).await
}
