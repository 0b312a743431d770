//! What can be said of a pool on a command line.

use clap::Args;
use longshore_launchers::pool::edit::Edit;
use longshore_launchers::pool::storage::Location;
use longshore_launchers::pool::{ConcurrencyLimit, Origin};
use longshore_protocol::limits::LimitSet;

use crate::failure::Failure;
use crate::input::pair;
use crate::settings::Settings;

/// What is said of a pool. Its store is the one of --store.
#[derive(Debug, Args)]
pub(super) struct DescribeArgs {
    /// What the pool is for.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How runtimes get at their runs: by a ticket, or with credentials of their own.
    #[arg(long, value_parser = ["ticket", "ambient"])]
    access: Option<String>,
    /// A label of all runs in the pool.
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// The limit of runs that ask for none, for example memory=256MiB.
    #[arg(long, value_name = "NAME=VALUE")]
    limit: Vec<String>,
    /// What a run can ask for at most, for example memory=1GiB.
    #[arg(long, value_name = "NAME=VALUE")]
    ceiling: Vec<String>,
    /// How many runs can go on at a time, or none: see set-concurrency-limit.
    #[arg(long, value_name = "N")]
    concurrency_limit: Option<ConcurrencyLimit>,
    /// Any key of the pool, with its value in TOML, for example 'grants.env=["APP_*"]'.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl DescribeArgs {
    /// The changes that say so.
    pub(super) fn edits(&self, pool: &str, settings: &Settings) -> Result<Vec<Edit>, Failure> {
        let Self { description, access, label, limit, ceiling, concurrency_limit, set } = self;
        let mut edits = Vec::new();
        for (key, value) in [("description", description), ("access", access)] {
            if let Some(value) = value {
                edits.push(Edit::set(pool, key, not_empty(key, value)?));
            }
        }
        // The variable says where runs are now, and not where those of this pool are to be for ever.
        if let Some((store, Origin::Flag(_))) = &settings.store {
            edits.push(Edit::set(pool, "store", stored(not_empty("store", store)?)?));
        }
        for text in label {
            let (key, value) = pair(text, "a label")?;
            edits.push(Edit::set_in(pool, "labels", key, value));
        }
        for (table, given) in [("limits", limit), ("ceiling", ceiling)] {
            for text in given {
                LimitSet::parse(text).map_err(Failure::input)?;
                let (name, value) = pair(text, "a limit")?;
                let key = format!("{table}.{}", name.trim());
                edits.push(Edit::typed(pool, &key, value.trim()));
            }
        }
        if let Some(limit) = concurrency_limit {
            edits.push(Edit::typed(pool, "concurrency_limit", &limit.to_string()));
        }
        for text in set {
            let (key, value) = pair(text, "a setting")?;
            edits.push(Edit::typed(pool, key, not_empty(key, value)?));
        }
        Ok(edits)
    }
}

/// A store that was typed: a relative path is meant from this folder, not from that of the file.
pub(super) fn stored(store: &str) -> Result<String, Failure> {
    let location: Location = store.parse().map_err(longshore_launchers::Error::from)?;
    Ok(location.to_string())
}

fn not_empty<'a>(key: &str, value: &'a str) -> Result<&'a str, Failure> {
    if !value.trim().is_empty() {
        return Ok(value);
    }
    Err(Failure::input(format!("the {key} of the pool is empty"))
        .hint(format!("longshore pool update NAME --unset {key} takes it away")))
}
