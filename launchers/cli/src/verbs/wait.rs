//! `longshore wait`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use longshore_launchers::engine::Silent;
use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::limits::parse_duration;

use super::OneRun;
use super::result::Writer;
use crate::failure::Failure;
use crate::settings::Settings;

/// Wait until a run has ended, and print its result
///
/// Ctrl-C stops waiting; the run goes on. longshore logs --follow shows what it says meanwhile.
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    run: OneRun,
    /// Give up waiting after this time; the run goes on.
    #[arg(long, value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// Write the result to this file: bytes and text as they are, anything else as JSON.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn wait(args: &WaitArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let WaitArgs { run, timeout, output } = args;
    let engine = settings.engine_of_runs()?;
    let run = engine.store().find(&run.run).await?;
    let ended = engine.wait(&run, &Silent);
    let ending = match timeout {
        None => ended.await?,
        Some(time) => tokio::time::timeout(*time, ended).await.map_err(|_| {
            let time = humantime::format_duration(*time);
            Failure::new(
                exit::RUN_NOT_ENDED,
                format!("run {} has not ended within {time}", run.short()),
            )
            .hint(format!("it goes on; longshore cancel {} stops it", run.short()))
        })??,
    };
    Writer::new(&engine, settings, output.as_deref()).write(&run, &ending).await
}
