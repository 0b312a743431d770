//! `longshore pool default`

use clap::Args;
use longshore_launchers::pool::edit::Edit;
use longshore_launchers::pool::{LOCAL, Origin};
use longshore_protocol::exit::{self, ExitCode};
use serde_json::json;

use super::place::{Place, PlaceArgs};
use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Show or choose the pool of runs for which none is named
#[derive(Debug, Args)]
pub(super) struct DefaultArgs {
    /// The pool to choose. Without one, show which it is.
    #[arg(conflicts_with = "unset")]
    name: Option<String>,
    /// Choose none: then it is that of the next layer, or local.
    #[arg(long)]
    unset: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn default(args: &DefaultArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let DefaultArgs { name, unset, place } = args;
    if place.is_shared() {
        return Err(Failure::input("which pool is the default one is not shared")
            .hint("--user or --project choose it"));
    }
    let edit = match name {
        Some(name) => {
            settings.layers_of(name).await?.pool(Some(name))?;
            Edit::set_top("default_pool", name.as_str())
        }
        None if *unset => Edit::unset_top("default_pool"),
        None => return show(settings, None),
    };
    let place = place.for_new(settings)?;
    place.change(LOCAL, &[edit], &settings.config.layers).await?;
    let settings = settings.with_files_as_they_are_now()?;
    show(&settings, Some((&place, name.as_deref())))
}

fn show(settings: &Settings, changed: Option<(&Place, Option<&str>)>) -> Result<ExitCode, Failure> {
    let (pool, origin) = settings.pool_name();
    match settings.format {
        Format::Human => {
            output::answer(&format!("{}  ({origin})", output::safe_line(&pool)))?;
            let is_other = changed.is_some_and(|(_, name)| name.is_some_and(|name| name != pool));
            if is_other && !settings.is_quiet {
                let whole =
                    if matches!(origin, Origin::Written { .. }) { "file" } else { "setting" };
                output::note(&format!("note: that {whole} goes before what was written now"));
            }
        }
        Format::Json => output::answer_json(&json!({
            "pool": pool, "layer": origin.layer(), "place": origin.to_string(),
            "written": changed.map(|(place, _)| place.shown(LOCAL)),
        }))?,
    }
    Ok(exit::OK)
}
