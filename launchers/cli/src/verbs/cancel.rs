//! `longshore cancel`

use std::time::Duration;

use clap::Args;
use longshore_launchers::engine::Silent;
use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::limits::parse_duration;
use serde_json::json;

use super::OneRun;
use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Stop a run
///
/// Asks the run to stop, and after a while makes it. Returns once it has stopped.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    run: OneRun,
    /// Why; it is kept with the run.
    #[arg(long)]
    reason: Option<String>,
    /// How long it may take to stop by itself.
    #[arg(long, value_parser = parse_duration, default_value = "10s")]
    grace: Duration,
    /// Only ask; do not wait and do not make it.
    #[arg(long)]
    no_wait: bool,
}

pub(super) async fn cancel(args: &CancelArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let CancelArgs { run, reason, grace, no_wait } = args;
    let engine = settings.engine_of_runs()?;
    let run = engine.store().find(&run.run).await?;
    let before = engine.view(&run).await?.derived.state;
    if before.is_final() {
        let text = format!("run {} has ended already: it is {before}", run.short());
        return Err(Failure::input(text).hint(format!("longshore show {}", run.short())));
    }
    engine.request_cancel(&run, reason.clone()).await?;
    let mut state = engine.view(&run).await?.derived.state;
    if !no_wait {
        let ended = match tokio::time::timeout(*grace, engine.wait(&run, &Silent)).await {
            Ok(ended) => ended?,
            Err(_) => {
                engine.end_job(&run, Duration::from_secs(1)).await?;
                engine.wait(&run, &Silent).await?
            }
        };
        state = ended.derived.state;
    }
    match settings.format {
        Format::Human => output::answer(&format!("run {} is {state}", run.short()))?,
        Format::Json => output::answer_json(&json!({"run": run, "state": state.word()}))?,
    }
    Ok(exit::OK)
}
