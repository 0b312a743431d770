//! `longshore rm`

use clap::Args;
use longshore_protocol::exit::{self, ExitCode};
use serde_json::json;

use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Remove runs that have ended, with all their records
#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    /// The runs: any unique endings of their ids.
    #[arg(required = true)]
    runs: Vec<String>,
}

pub(super) async fn rm(args: &RmArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let engine = settings.engine_of_runs()?;
    // All is looked at before anything is removed: a slip must not leave half of the work done.
    let mut runs = Vec::new();
    for ending in &args.runs {
        let run = engine.store().find(ending).await?;
        engine.view_of_ended(&run).await?;
        if !runs.contains(&run) {
            runs.push(run);
        }
    }
    for run in &runs {
        engine.remove(run).await?;
        if settings.format == Format::Human {
            output::answer(&format!("removed {run}"))?;
        }
    }
    if settings.format == Format::Json {
        output::answer_json(&json!({"removed": runs}))?;
    }
    Ok(exit::OK)
}
