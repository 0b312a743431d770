//! `longshore logs`

use std::time::Duration;

use clap::Args;
use futures::StreamExt as _;
use longshore_launchers::engine::{Engine, LogReader};
use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::id::RunId;
use serde_json::json;

use super::OneRun;
use crate::failure::Failure;
use crate::output;
use crate::report::log_line;
use crate::settings::{Format, Settings};

/// How often new segments are looked for; the runtime closes one after a quarter of a second at first.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The first line of a job's own output comes within this: some infrastructures keep it elsewhere, a few requests away.
const FIRST_LINE: Duration = Duration::from_secs(5);

/// Print what a run said
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    run: OneRun,
    /// Go on until the run has ended.
    #[arg(short, long)]
    follow: bool,
    /// The output of the runtime itself: what there is when it could not speak.
    #[arg(long)]
    job: bool,
}

pub(super) async fn logs(args: &LogsArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let LogsArgs { run, follow, job } = args;
    let engine = settings.engine_of_runs()?;
    let run = engine.store().find(&run.run).await?;
    engine.store().order(&run).await?;
    if *job {
        return job_output(&engine, &run, *follow, settings).await;
    }
    let mut reader = LogReader::new(engine.store(), &run);
    loop {
        // Looked at before reading: what is said after an end that was seen does not exist.
        let is_over = !follow || engine.view(&run).await?.derived.state.is_final();
        for (attempt, record) in reader.read().await? {
            match settings.format {
                Format::Human => output::answer(&log_line(&record))?,
                Format::Json => {
                    output::answer_json(&json!({"attempt": attempt, "record": record}))?;
                }
            }
        }
        if is_over {
            return Ok(exit::OK);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn job_output(
    engine: &Engine,
    run: &RunId,
    follow: bool,
    settings: &Settings,
) -> Result<ExitCode, Failure> {
    let mut lines = engine.job_output(run).await?;
    let mut patience = FIRST_LINE;
    loop {
        let line = if follow {
            lines.next().await
        } else {
            // What is there comes at once; what is not there yet was not asked for.
            tokio::time::timeout(patience, lines.next()).await.ok().flatten()
        };
        let Some(line) = line else { return Ok(exit::OK) };
        patience = LOOK_EVERY;
        match settings.format {
            Format::Human => output::answer(&output::safe(&line?))?,
            Format::Json => output::answer_json(&json!({"line": line?}))?,
        }
    }
}
