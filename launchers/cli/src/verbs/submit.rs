//! `longshore submit`

use clap::Args;
use longshore_protocol::exit::{self, ExitCode};
use serde_json::json;

use super::dry_run;
use crate::failure::Failure;
use crate::input::FlowArgs;
use crate::output;
use crate::report;
use crate::settings::{Format, Settings};

/// Start a run and return as soon as it is accepted
///
/// Prints the id of the run. See also: wait, logs, result, cancel.
#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    flow: FlowArgs,
}

pub(super) async fn submit(args: &SubmitArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let request = args.flow.request(settings)?;
    if let Some(shown) = args.flow.dry_run() {
        return dry_run::dry_run(&request, shown, settings).await;
    }
    let reporter = report::reporter(settings);
    let submitted = settings.engine()?.submit(request, &*reporter).await?;
    drop(reporter);
    match settings.format {
        Format::Human => output::answer(&submitted.run.to_string())?,
        Format::Json => {
            output::answer_json(&json!({"run": submitted.run, "handle": submitted.handle}))?;
        }
    }
    Ok(exit::OK)
}
