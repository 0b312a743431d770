//! `longshore pool inspect`

use clap::Args;
use longshore_launchers::pool::{Known, Origin};
use longshore_protocol::exit::{self, ExitCode};
use serde_json::{Map, Value, json};

use super::place::{known_json, plain};
use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Show what is said of a pool, and by whom
///
/// Each value comes with the line of the file, the variable or the option that says so. JSON has all values, also those
/// that nobody has set.
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// The pool. Default: the one that a run would go to.
    name: Option<String>,
    /// Show also the limits and job settings that nobody has set.
    #[arg(long)]
    all: bool,
}

pub(super) async fn inspect(args: &InspectArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let InspectArgs { name, all } = args;
    let (chosen, _) = settings.pool_name();
    let name = name.as_ref().unwrap_or(&chosen);
    let known = known(name, settings).await?;
    match settings.format {
        Format::Json => output::answer_json(&as_json(name, *name == chosen, &known))?,
        Format::Human => output::answer(&as_text(name, &known, *all))?,
    }
    Ok(exit::OK)
}

/// All values of a pool, with the store that its runs would have now.
pub(super) async fn known(name: &str, settings: &Settings) -> Result<Vec<Known>, Failure> {
    let layers = settings.layers_of(name).await?;
    let pool = layers.pool(Some(name))?;
    let mut known = layers.explain(name)?;
    if let (store, Some(origin)) = settings.store_of(&pool)? {
        known.retain(|one| one.key != "store");
        let after_type = known.len().min(1);
        known.insert(after_type, Known { key: "store".to_owned(), value: json!(store), origin });
    }
    Ok(known)
}

fn as_text(name: &str, known: &[Known], all: bool) -> String {
    let is_shown = |one: &&Known| all || one.origin != Origin::Default || !one.key.contains('.');
    let shown: Vec<_> = known.iter().filter(is_shown).collect();
    let rows =
        shown.iter().map(|one| (one.key.as_str(), plain(&one.value), one.origin.to_string()));
    let rows: Vec<_> =
        std::iter::once(("pool", name.to_owned(), String::new())).chain(rows).collect();
    let key_width = rows.iter().map(|(key, ..)| key.chars().count()).max().unwrap_or(0);
    // One long value must not push all origins out of sight.
    let value_width =
        rows.iter().map(|(_, value, _)| value.chars().count()).max().unwrap_or(0).min(40);
    let line = |(key, value, origin): &(&str, String, String)| {
        let (key, value) = (output::safe_line(key), output::safe_line(value));
        format!("{key:<key_width$}  {value:<value_width$}  {}", output::safe_line(origin))
            .trim_end()
            .to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn as_json(name: &str, is_chosen: bool, known: &[Known]) -> Value {
    let mut pool = Map::from_iter([
        ("pool".to_owned(), json!(name)),
        ("is_default".to_owned(), json!(is_chosen)),
    ]);
    for one in known.iter().filter(|one| !one.key.contains('.')) {
        pool.insert(one.key.clone(), one.value.clone());
    }
    pool.insert("settings".to_owned(), known.iter().map(known_json).collect());
    Value::Object(pool)
}
