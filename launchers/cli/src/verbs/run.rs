//! `longshore run`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use longshore_launchers::engine::{CANCEL_GRACE, Ending, Engine, Report, Submitted};
use longshore_launchers::{Error, ErrorKind};
use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::id::RunId;
use tokio::signal::unix::{SignalKind, signal};

use super::{dry_run, result};
use crate::failure::Failure;
use crate::input::FlowArgs;
use crate::output;
use crate::report;
use crate::settings::Settings;

/// Run a flow and wait for its result
///
/// The result goes to standard output, everything else to standard error. Ctrl-C asks the run to stop; a second
/// Ctrl-C does not wait for that. To leave a run going, start it with longshore submit.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    flow: FlowArgs,
    /// Write the result to this file: bytes and text as they are, anything else as JSON.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn run(args: &RunArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let RunArgs { flow, output } = args;
    let request = flow.request(settings)?;
    if let Some(shown) = flow.dry_run() {
        return dry_run::dry_run(&request, shown, settings).await;
    }
    let schema = request.flow.result.clone();
    let engine = settings.engine()?;
    let reporter = report::reporter(settings);
    let submitted = engine.submit(request, &*reporter).await?;
    let attended = attend(&engine, &submitted, &*reporter).await?;
    drop(reporter);
    match attended {
        Attended::Ended(ending) => {
            let mut writer = result::Writer::new(&engine, settings, output.as_deref());
            writer.known_schema(schema);
            writer.write(&submitted.run, &ending).await
        }
        Attended::Detached => Ok(detached(&submitted.run)),
    }
}

/// Says how to come back to a run that may still be stopping.
pub(super) fn detached(run: &RunId) -> ExitCode {
    let run = run.short();
    output::note(&format!(
        "detached; the run was asked to stop: longshore wait {run} tells when it has"
    ));
    exit::DETACHED
}

/// What came of attending a run.
pub(super) enum Attended {
    /// It is over.
    Ended(Box<Ending>),
    /// The user went away.
    Detached,
}

/// Waits for a run and obeys Ctrl-C: once asks it to stop, twice detaches.
pub(super) async fn attend(
    engine: &Engine,
    submitted: &Submitted,
    reporter: &dyn Report,
) -> Result<Attended, Failure> {
    let run = &submitted.run;
    // One listener for all of it, so that none is lost that comes while the request is written.
    let mut ctrl_c = signal(SignalKind::interrupt()).map_err(|error| {
        Failure::new(exit::INTERNAL, format!("could not listen for Ctrl-C: {error}"))
    })?;
    let ended = async { engine.attend(submitted, reporter).await.map_err(lost) };
    tokio::pin!(ended);
    tokio::select! {
        biased;
        ending = &mut ended => return Ok(Attended::Ended(Box::new(ending?))),
        _ = ctrl_c.recv() => {}
    }
    output::note("asking the run to stop; Ctrl-C again detaches");
    engine.request_cancel(run, Some("Ctrl-C".to_owned())).await?;
    let insist = async {
        tokio::time::sleep(CANCEL_GRACE).await;
        engine.end_job(run, Duration::from_secs(1)).await
    };
    tokio::pin!(insist);
    tokio::select! {
        biased;
        ending = &mut ended => return Ok(Attended::Ended(Box::new(ending?))),
        _ = ctrl_c.recv() => return Ok(Attended::Detached),
        done = &mut insist => done?,
    }
    tokio::select! {
        ending = &mut ended => Ok(Attended::Ended(Box::new(ending?))),
        _ = ctrl_c.recv() => Ok(Attended::Detached),
    }
}

/// Why a run that was ordered a moment ago cannot be waited for. That it does not exist is no slip of the user here.
fn lost(error: Error) -> Failure {
    let is_gone = error.kind() == ErrorKind::BadInput;
    let mut failure = Failure::from(error);
    if is_gone {
        failure.code = exit::STORE;
    }
    failure
}
