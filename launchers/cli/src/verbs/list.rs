//! `longshore list`

use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use longshore_launchers::engine::{Engine, RunView};
use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::id::RunId;
use longshore_protocol::state::State;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// How many runs are looked at side by side: enough to hide a store's latency, few enough for its rate limits.
const SIDE_BY_SIDE: usize = 16;

/// List runs, the newest first
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// How many at the most.
    #[arg(short = 'n', long, default_value_t = 20)]
    limit: usize,
    /// Only runs in this state: Scheduled, Pending, Running, Cancelling, Completed, Failed, TimedOut, Cancelled, Crashed.
    #[arg(long)]
    state: Option<State>,
    /// Only runs of this flow.
    #[arg(long)]
    flow: Option<String>,
    /// Only runs with this label.
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<String>,
}

pub(super) async fn list(args: &ListArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let engine = settings.engine_of_runs()?;
    let views = find(args, &engine).await?;
    match settings.format {
        Format::Json => output::answer_json(&Value::Array(views.iter().map(row_json).collect()))?,
        Format::Human if views.is_empty() => output::note("no runs"),
        Format::Human => {
            output::answer(&format!(
                "{:<8}  {:<10}  {:<20}  {:<20}  REASON",
                "RUN", "STATE", "FLOW", "ORDERED"
            ))?;
            for view in &views {
                output::answer(&row(view))?;
            }
        }
    }
    Ok(exit::OK)
}

async fn find(args: &ListArgs, engine: &Engine) -> Result<Vec<RunView>, Failure> {
    let mut found = Vec::new();
    for day in engine.store().days().await? {
        let runs = engine.store().runs_of(&day).await?;
        let mut views = stream::iter(runs).map(|run| look(engine, run)).buffered(SIDE_BY_SIDE);
        while let Some(view) = views.try_next().await? {
            if found.len() == args.limit {
                return Ok(found);
            }
            found.extend(view.filter(|view| args.wants(view)));
        }
    }
    found.truncate(args.limit);
    Ok(found)
}

/// `None`: the run is being removed, or was never ordered.
async fn look(engine: &Engine, run: RunId) -> Result<Option<RunView>, Failure> {
    match engine.view(&run).await {
        Ok(view) => Ok(Some(view)),
        Err(error) if error.kind() == longshore_launchers::ErrorKind::BadInput => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl ListArgs {
    fn wants(&self, view: &RunView) -> bool {
        let Self { limit: _, state, flow, label } = self;
        let has_label = |text: &String| {
            text.split_once('=')
                .is_some_and(|(key, value)| view.order.labels.get(key).is_some_and(|v| v == value))
        };
        state.is_none_or(|state| view.derived.state == state)
            && flow.as_ref().is_none_or(|flow| view.order.flow == *flow)
            && label.iter().all(has_label)
    }
}

fn row(view: &RunView) -> String {
    let ordered = view.order.ordered_at.strftime("%Y-%m-%dT%H:%M:%SZ");
    let reason = view.derived.reason.as_deref().unwrap_or("").lines().next().unwrap_or("");
    let short: String = reason.chars().take(60).collect();
    let flow = output::safe_line(&view.order.flow);
    format!(
        "{}  {:<10}  {flow:<20}  {ordered:<20}  {}",
        view.order.run.short(),
        view.derived.state,
        output::safe(&short)
    )
    .trim_end()
    .to_owned()
}

fn row_json(view: &RunView) -> Value {
    json!({
        "run": view.order.run, "state": view.derived.state.word(), "reason": view.derived.reason,
        "flow": view.order.flow, "ordered_at": view.order.ordered_at, "labels": view.order.labels,
        "ended_at": view.outcome.as_ref().map(|outcome| outcome.ended_at),
    })
}
