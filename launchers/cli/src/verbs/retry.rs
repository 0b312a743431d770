//! `longshore retry`

use clap::Args;
use longshore_launchers::engine::Request;
use longshore_launchers::files::Files;
use longshore_launchers::pool::Overrides;
use longshore_protocol::exit::{self, ExitCode};
use serde_json::json;

use super::{OneRun, result::Writer, run};
use crate::failure::Failure;
use crate::output;
use crate::report;
use crate::settings::{Format, Settings};

/// Start a new run of the same flow with the same parameters
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    run: OneRun,
    /// Return as soon as the new run is accepted, and print its id.
    #[arg(long)]
    detach: bool,
}

pub(super) async fn retry(args: &RetryArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let RetryArgs { run, detach } = args;
    let engine = settings.engine_of_runs()?;
    let old = engine.store().find(&run.run).await?;
    let view = engine.view(&old).await?;
    if !view.derived.state.is_final() {
        let text = format!("run {} has not ended: it is {}", old.short(), view.derived.state);
        return Err(Failure::new(exit::RUN_NOT_ENDED, text)
            .hint(format!("longshore cancel {} stops it", old.short())));
    }
    let order = view.order;
    let params = engine.store().params(&order).await?;
    let component = engine.store().component(&order.component.sha256).await?;
    let flow = engine.flow_of(&old).await?;
    let schema = flow.result.clone();
    let overrides = Overrides::repeating(&order, view.job.as_ref())?;
    let terms = settings.terms(&overrides);
    let mut request = Request::with_params(component, (order.abi, flow), params, &terms)?;
    request.files = order.files.map_or(Files::None, Files::Stored);
    request.retry = order.retry;
    request.labels = order.labels;
    request.deadline = order
        .deadline
        .and_then(|deadline| deadline.duration_since(order.ordered_at).try_into().ok());
    request.retry_of = Some(old);
    let reporter = report::reporter(settings);
    let submitted = engine.submit(request, &*reporter).await?;
    let new = submitted.run;
    if *detach {
        match settings.format {
            Format::Human => output::answer(&new.to_string())?,
            Format::Json => output::answer_json(&json!({"run": new, "retry_of": old}))?,
        }
        return Ok(exit::OK);
    }
    match run::attend(&engine, &submitted, &*reporter).await? {
        run::Attended::Ended(ending) => {
            drop(reporter);
            let mut writer = Writer::new(&engine, settings, None);
            writer.known_schema(schema);
            writer.write(&new, &ending).await
        }
        run::Attended::Detached => Ok(run::detached(&new)),
    }
}
