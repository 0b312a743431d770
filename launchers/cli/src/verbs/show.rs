//! `longshore show`

use bytesize::ByteSize;
use clap::Args;
use longshore_launchers::engine::RunView;
use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::record::{CodeSource, FilesRef, Outcome};
use serde_json::json;

use super::OneRun;
use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Show all that is known of a run
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    run: OneRun,
}

pub(super) async fn show(args: &ShowArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let engine = settings.engine_of_runs()?;
    let run = engine.store().find(&args.run.run).await?;
    let view = engine.view_in_full(&run).await?;
    match settings.format {
        Format::Human => output::answer(&human(&view))?,
        Format::Json => output::answer_json(&json!({
            "run": run, "state": view.derived.state.word(), "reason": view.derived.reason, "order": view.order,
            "job": view.job, "cancel": view.cancel, "started": view.started, "beat": view.beat, "outcome": view.outcome,
        }))?,
    }
    Ok(exit::OK)
}

fn human(view: &RunView) -> String {
    let RunView { order, job, job_state: _, cancel, started, beat, outcome, derived } = view;
    let mut lines = vec![("run", order.run.to_string()), ("state", derived.state.to_string())];
    lines.extend(derived.reason.clone().map(|reason| ("reason", reason)));
    lines.push(("flow", order.flow.clone()));
    lines.push((
        "component",
        format!("sha256:{} ({})", order.component.sha256, ByteSize(order.component.bytes)),
    ));
    lines.push(("parameters", ByteSize(order.params.bytes()).to_string()));
    lines.extend(order.files.as_ref().map(|files| {
        let FilesRef { sha256, bytes, count } = files;
        ("files", format!("{count} in sha256:{sha256} ({})", ByteSize(*bytes)))
    }));
    lines.extend(order.grants.network.iter().map(|grant| ("granted", format!("network {grant}"))));
    lines.extend(order.grants.env.keys().map(|name| ("granted", format!("env {name}"))));
    lines.extend(order.grants.secrets.iter().map(|(name, secret)| {
        let place =
            secret.only_to.as_ref().map(|place| format!(" for {place}")).unwrap_or_default();
        ("granted", format!("secret {name} from {}{place}", secret.from))
    }));
    lines.push(("ordered", order.ordered_at.to_string()));
    lines.extend(order.retry_of.map(|run| ("retry of", run.to_string())));
    lines.extend(order.labels.iter().map(|(key, value)| ("label", format!("{key}={value}"))));
    lines.extend(job.as_ref().map(|job| ("job", format!("{} {}", job.kind, job.handle))));
    let set = job.iter().flat_map(|job| &job.settings);
    lines.extend(set.map(|(key, value)| ("set", format!("{key} = {value}"))));
    lines.extend(
        cancel.as_ref().map(|cancel| ("cancel", format!("requested {}", cancel.requested_at))),
    );
    if let Some(started) = started {
        let host = &started.host;
        lines.push(("attempt", format!("{} on {} (pid {})", started.attempt, host.name, host.pid)));
    }
    if let Some(progress) = beat.as_ref().and_then(|beat| beat.progress.as_ref()) {
        let total = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
        lines.push(("progress", format!("{}{total} {}", progress.done, progress.message)));
    }
    lines.extend(outcome.iter().flat_map(ending));
    lines
        .iter()
        .map(|(name, value)| format!("{name:<10}  {}", output::safe_lines(value)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// How the run ended.
fn ending(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for failed in &outcome.failed_attempts {
        lines.push(("failed", format!("attempt {}: {}", failed.attempt, failed.message)));
    }
    let usage = &outcome.usage;
    lines.push(("ended", format!("{} by attempt {}", outcome.ended_at, outcome.attempt)));
    lines.push((
        "used",
        format!(
            "{} ms, {} ms of processor time, {} of memory",
            usage.wall_ms,
            usage.cpu_ms,
            ByteSize(usage.memory_peak_bytes)
        ),
    ));
    lines.extend(usage.fuel.map(|fuel| ("fuel", format!("{fuel} instructions"))));
    if usage.child_runs > 0 {
        lines.push(("children", usage.child_runs.to_string()));
    }
    if usage.log_dropped_bytes > 0 {
        lines
            .push(("log", format!("{} bytes were dropped for the limit", usage.log_dropped_bytes)));
    }
    lines.push(("runtime", format!("{} ({})", outcome.runtime.version, outcome.runtime.engine)));
    lines.extend(outcome.runtime.confinement.as_ref().map(|by| ("confined", by.to_string())));
    if let Some(CodeSource::CompiledHere { because }) = &outcome.runtime.code {
        lines.push(("compiled", format!("by the runtime: {because}")));
    }
    lines
}
