//! `longshore pool delete`

use clap::Args;
use longshore_launchers::pool::edit::Edit;
use longshore_launchers::pool::{LOCAL, Origin};
use longshore_protocol::exit::{self, ExitCode};
use serde_json::json;

use super::place::{Place, PlaceArgs};
use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Take away what is said of a pool
///
/// Its runs stay in its store, and jobs go on: --store shows them.
#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// The pool.
    name: String,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) async fn delete(args: &DeleteArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let DeleteArgs { name, place } = args;
    let layers = settings.layers_of(name).await?;
    let place = place.of_pool(name, &layers, settings)?;
    let rest: Vec<_> =
        layers.describing(name).filter(|layer| layer.source() != place.source()).collect();
    if rest.len() == layers.describing(name).count() {
        let text = format!("{} does not describe the pool {name}", place.shown(name));
        let hint = match rest.first() {
            Some(layer) => format!("it is in {}", layer.path().display()),
            None => format!("the pool {LOCAL} is there without being described"),
        };
        return Err(Failure::input(text).hint(hint));
    }
    // The variable and the option are of this moment; what a file says is left behind.
    let (default, origin) = settings.config.layers.default_pool();
    if default == name && name != LOCAL && rest.is_empty() && origin != Origin::Default {
        return Err(Failure::input(format!("the pool {name} is the default one, by {origin}"))
            .hint("choose another one first: longshore pool default NAME, or longshore pool default --unset"));
    }
    match &place {
        Place::File(..) => place.change(name, &[Edit::delete(name)], &layers).await?,
        Place::Shared(shared) => {
            let seen = layers.describing(name).find(|layer| layer.source() == place.source());
            shared.delete(name, seen.map_or("", |layer| layer.text())).await?;
        }
    }
    let shown = place.shown(name);
    let left: Vec<_> = rest.iter().map(|layer| layer.path().display().to_string()).collect();
    match settings.format {
        Format::Human => {
            output::answer(&format!("deleted the pool {name} from {}", output::safe_line(&shown)))?;
            if !left.is_empty() && !settings.is_quiet {
                output::note(&format!("note: {} still describes it", left.join(" and ")));
            }
        }
        Format::Json => output::answer_json(&json!({
            "pool": name, "done": "deleted", "layer": place.source().word(), "place": shown, "left": left,
        }))?,
    }
    Ok(exit::OK)
}
