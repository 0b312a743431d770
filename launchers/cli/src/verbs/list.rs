//! `longshore list`

use clap::Args;
use longshore_launchers::clock;
use longshore_launchers::engine::{Filter, RunView};
use longshore_launchers::store::Period;
use longshore_protocol::Timestamp;
use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::label;
use longshore_protocol::limits::parse_duration;
use longshore_protocol::state::State;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// List runs, the newest first
///
/// Looks at no more days and runs than it needs to find enough.
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
    /// Only runs that went through this work pool.
    #[arg(long, value_name = "NAME")]
    of_pool: Option<String>,
    /// Only runs with this label; several must all be there.
    #[arg(long, value_name = "KEY=VALUE", value_parser = label::parse)]
    label: Vec<(String, String)>,
    /// Only runs ordered at or after this time: 2026-11-24, 2026-11-24T10:00:00Z, or how long ago, for example 2h.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only runs ordered before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
}

pub(super) async fn list(args: &ListArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let engine = settings.engine_of_runs()?;
    let views = engine.list(&args.filter(), args.limit).await?;
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

impl ListArgs {
    fn filter(&self) -> Filter {
        let Self { limit: _, state, flow, of_pool, label, since, until } = self;
        Filter {
            period: Period { since: *since, until: *until },
            flow: flow.clone(),
            labels: label.iter().cloned().collect(),
            pool: of_pool.clone(),
            state: *state,
        }
    }
}

/// A time, a day (UTC), or how long ago it is.
fn moment(text: &str) -> Result<Timestamp, String> {
    let time = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse());
    if let Ok(time) = time {
        return Ok(time);
    }
    let ago = parse_duration(text).map_err(|_| {
        format!("{text:?} is no time (write 2026-11-24, 2026-11-24T10:00:00Z, or how long ago: 2h)")
    })?;
    Ok(clock::now().saturating_sub(ago).unwrap_or(Timestamp::MIN))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_day_a_time_or_an_age() {
        for (text, expected) in [
            ("2026-11-24", "2026-11-24T00:00:00Z"),
            ("2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z"),
            ("2026-11-24T10:00:00+02:00", "2026-11-24T08:00:00Z"),
        ] {
            assert_eq!(moment(text).unwrap(), expected.parse::<Timestamp>().unwrap(), "{text}");
        }
        let ago = clock::now().duration_since(moment("2h").unwrap());
        assert!((7_200..7_260).contains(&ago.as_secs()), "{ago}");
        for text in ["", "yesterday", "2026-13-01", "-2h"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
