//! `longshore pool storage inspect`

use clap::Args;
use longshore_launchers::Error;
use longshore_launchers::pool::storage::{Location, facts};
use longshore_launchers::pool::{Known, Origin};
use longshore_protocol::exit::{self, ExitCode};
use serde_json::{Map, Value, json};

use super::super::inspect::known;
use super::super::place::plain;
use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Show where the runs of a pool are kept, and who says so
#[derive(Debug, Args)]
pub(in super::super) struct InspectArgs {
    /// The pool. Default: the one that a run would go to.
    pool: Option<String>,
    /// How to write it; the same as --format.
    #[arg(long, value_enum)]
    output: Option<Format>,
}

pub(in super::super) async fn inspect(
    args: &InspectArgs,
    settings: &Settings,
) -> Result<ExitCode, Failure> {
    let InspectArgs { pool, output: format } = args;
    let name = pool.clone().unwrap_or_else(|| settings.pool_name().0);
    let all = known(&name, settings).await?;
    let value = |key: &str| all.iter().find(|one| one.key == key);
    let Some(Known { value: Value::String(store), origin, .. }) = value("store") else {
        return Err(Failure::new(exit::INTERNAL, "a pool without a store"));
    };
    let location: Location = store.parse().map_err(Error::from)?;
    let mut facts = facts(&location);
    let access = value("access").map_or(Value::Null, |one| one.value.clone());
    facts.push(("access", access));
    let is_own = matches!(origin, Origin::Written { .. });
    match format.unwrap_or(settings.format) {
        Format::Human => output::answer(&as_text(&name, is_own, origin, &facts))?,
        Format::Json => {
            let mut object: Map<_, _> =
                facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            object.insert("pool".to_owned(), json!(name));
            object.insert("store".to_owned(), json!(location.to_string()));
            object.insert("is_own".to_owned(), json!(is_own));
            object.insert("layer".to_owned(), json!(origin.layer()));
            object.insert("place".to_owned(), json!(origin.to_string()));
            output::answer_json(&Value::Object(object))?;
        }
    }
    Ok(exit::OK)
}

fn as_text(name: &str, is_own: bool, origin: &Origin, facts: &[(&str, Value)]) -> String {
    let mut lines = vec![("pool", name.to_owned()), ("set by", origin.to_string())];
    for (name, value) in facts {
        match value {
            Value::Object(options) => lines.extend(
                options.iter().map(|(key, value)| ("option", format!("{key}={}", plain(value)))),
            ),
            Value::Null if *name == "runtime_endpoint" => {}
            Value::Null if *name == "access" => {
                lines.push(("access", "ticket, where the storage can sign".to_owned()));
            }
            Value::String(text) if text.is_empty() => {}
            value => lines.push((name, plain(value))),
        }
    }
    if !is_own {
        lines.push((
            "note",
            "the pool has no storage of its own; these are its runs' now".to_owned(),
        ));
    }
    let line = |(name, value): &(&str, String)| format!("{name:<16}  {}", output::safe_line(value));
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}
