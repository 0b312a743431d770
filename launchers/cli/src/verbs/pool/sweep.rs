//! `longshore pool sweep`

use std::time::Duration;

use clap::Args;
use longshore_launchers::chain;
use longshore_launchers::engine::{LeftJob, Why};
use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::limits::parse_duration;
use serde_json::json;

use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Remove jobs from the infrastructure that nobody needs any more
///
/// Says what it would remove; --yes removes it. A job is not needed when its run is over, or when the store has no such
/// run. Only jobs of this tenant and this store are looked at. A job whose run crashed explains why, and stays until
/// --keep-crashed has passed since the run was ordered.
#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// The pool. Default: as for run.
    name: Option<String>,
    /// How long the job of a run that crashed is kept.
    #[arg(long, value_name = "AGE", default_value = "1d", value_parser = parse_duration)]
    keep_crashed: Duration,
    /// Remove them.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn sweep(args: &SweepArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let settings = settings.clone().in_pool_named(args.name.as_deref()).await?;
    let engine = settings.engine_of_runs()?;
    let left = engine.left_jobs(args.keep_crashed).await?;
    let mut failed = Vec::new();
    let mut removed = Vec::new();
    for job in left {
        if args.yes
            && let Err(error) = engine.remove_job(&job).await
        {
            failed.push((job, error));
        } else {
            removed.push(job);
        }
    }
    let why = |job: &LeftJob| match job.why {
        Why::Ended(state) => format!("its run is {state}"),
        Why::NoRun => "the store has no such run".to_owned(),
    };
    match settings.format {
        Format::Json => output::answer_json(&json!({
            "removed": args.yes,
            "jobs": removed.iter().map(|job| json!({
                "run": job.run, "handle": job.handle, "why": why(job),
            })).collect::<Vec<_>>(),
            "failed": failed.iter().map(|(job, error)| json!({
                "run": job.run, "handle": job.handle, "error": chain(error),
            })).collect::<Vec<_>>(),
        }))?,
        Format::Human => {
            let verb = if args.yes { "removed" } else { "would remove" };
            for job in &removed {
                output::answer(&format!(
                    "{verb} the job of run {}: {}",
                    job.run.short(),
                    why(job)
                ))?;
            }
            for (job, error) in &failed {
                let text = output::safe(&chain(error));
                output::note(&format!("error: the job of run {} stays: {text}", job.run.short()));
            }
            if removed.is_empty() && failed.is_empty() {
                output::answer("no job is left")?;
            } else if !args.yes {
                output::answer("--yes removes them")?;
            }
        }
    }
    Ok(if failed.is_empty() { exit::OK } else { exit::INFRASTRUCTURE })
}
