//! `longshore pool set-concurrency-limit`

use clap::Args;
use longshore_launchers::pool::ConcurrencyLimit;
use longshore_launchers::pool::edit::Edit;
use longshore_protocol::exit::ExitCode;

use super::place::{Changed, PlaceArgs};
use crate::failure::Failure;
use crate::settings::Settings;

/// Say how many runs of a pool can go on at a time
///
/// A submit is refused while so many go on. It looks at the 500 newest runs of its tenant in the store. That is a look
/// and no lock: two submits in the same moment do not see each other.
#[derive(Debug, Args)]
pub(super) struct LimitArgs {
    /// The pool.
    name: String,
    /// A number of runs, or none.
    #[arg(value_name = "N")]
    limit: ConcurrencyLimit,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn set(args: &LimitArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let LimitArgs { name, limit, place } = args;
    let layers = settings.layers_of(name).await?;
    let place = place.of_pool(name, &layers, settings)?;
    let key = "concurrency_limit";
    let below = layers.below(place.source()).pool(Some(name));
    let is_limited_below = below.is_ok_and(|pool| pool.concurrency_limit.is_some());
    let edit = match limit {
        ConcurrencyLimit::Unlimited if !is_limited_below => Edit::unset(name, key),
        limit => Edit::typed(name, key, &limit.to_string()),
    };
    place.change(name, std::slice::from_ref(&edit), &layers).await?;
    let done = "set the concurrency limit of";
    Changed { pool: name, done, place: &place, edits: &[edit] }.answer(settings).await
}
