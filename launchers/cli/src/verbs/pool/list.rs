//! `longshore pool list`

use clap::Args;
use futures::{StreamExt as _, stream};
use longshore_launchers::pool::{Layers, Pool};
use longshore_protocol::exit::{self, ExitCode};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings, Shared};

/// How many shared pools are read side by side.
const SIDE_BY_SIDE: usize = 16;

/// List the pools
#[derive(Debug, Args)]
pub(super) struct ListArgs {}

/// A pool, or why it cannot be used.
struct Row {
    name: String,
    layers: Vec<&'static str>,
    pool: Result<Pool, Failure>,
}

pub(super) async fn list(_: &ListArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let default = settings.pool_name().0;
    let rows = rows(settings).await?;
    match settings.format {
        Format::Json => {
            let rows: Vec<_> = rows.iter().map(|row| row.json(&default)).collect();
            output::answer_json(&Value::Array(rows))?;
        }
        Format::Human => {
            output::answer(&format!(
                "  {:<20}  {:<10}  {:<10}  {:<16}  STORE",
                "POOL", "TYPE", "STATE", "LAYERS"
            ))?;
            for row in &rows {
                output::answer(&row.human(&default))?;
            }
        }
    }
    Ok(exit::OK)
}

async fn rows(settings: &Settings) -> Result<Vec<Row>, Failure> {
    let mut names: Vec<_> = settings.config.layers.names().into_iter().map(str::to_owned).collect();
    if let Some(shared) = settings.shared_pools(Shared::MustExist)? {
        names.extend(shared.names().await?);
    }
    // The one that is always there is the first.
    names[1..].sort();
    names.dedup();
    let read = |name: String| async {
        match settings.layers_of(&name).await {
            Ok(layers) => Row::of(name, &layers),
            Err(failure) => Row { name, layers: vec![], pool: Err(failure) },
        }
    };
    Ok(stream::iter(names).map(read).buffered(SIDE_BY_SIDE).collect().await)
}

impl Row {
    fn of(name: String, layers: &Layers) -> Self {
        let pool = layers.pool(Some(&name)).map_err(Failure::from);
        let mut words: Vec<_> =
            layers.describing(&name).map(|layer| layer.source().word()).collect();
        words.reverse();
        Self { name, layers: words, pool }
    }

    fn human(&self, default: &str) -> String {
        let Self { name, layers, pool } = self;
        let mark = if name == default { '*' } else { ' ' };
        let name = output::safe_line(name);
        let layers = layers.join(" ");
        match pool {
            Ok(pool) => {
                let state = if pool.is_paused { "paused" } else { "" };
                let store = output::safe_line(pool.store.as_deref().unwrap_or(""));
                let kind = pool.kind.word();
                format!("{mark} {name:<20}  {kind:<10}  {state:<10}  {layers:<16}  {store}")
            }
            Err(failure) => {
                format!("{mark} {name:<20}  error: {}", output::safe_line(&failure.text))
            }
        }
        .trim_end()
        .to_owned()
    }

    fn json(&self, default: &str) -> Value {
        let Self { name, layers, pool } = self;
        let is_default = name == default;
        match pool {
            Ok(pool) => json!({
                "pool": name, "type": pool.kind.word(), "description": pool.description, "store": pool.store,
                "paused": pool.is_paused, "layers": layers, "is_default": is_default,
            }),
            Err(failure) => json!({
                "pool": name, "layers": layers, "is_default": is_default, "error": failure.text,
            }),
        }
    }
}
