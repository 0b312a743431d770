//! `longshore result`, and how a run's end is written by every verb that waits for it.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;
use longshore_launchers::engine::{Ending, Engine};
use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::id::RunId;
use longshore_protocol::record::{Outcome, Verdict};
use longshore_protocol::schema;
use longshore_protocol::state::State;
use postcard_schema::schema::owned::{OwnedDataModelType, OwnedNamedType};
use serde_json::{Value, json};

use super::OneRun;
use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// What to do where a result could not be written.
const KEPT: &str = "the run has completed; longshore result prints its result again";

/// Print the result of a run that has ended
#[derive(Debug, Args)]
pub(crate) struct ResultArgs {
    #[command(flatten)]
    run: OneRun,
    /// Write the result to this file: bytes and text as they are, anything else as JSON.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn result(args: &ResultArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let engine = settings.engine_of_runs()?;
    let run = engine.store().find(&args.run.run).await?;
    let view = engine.view(&run).await?;
    if !view.derived.state.is_final() {
        let text = format!("run {} has not ended: it is {}", run.short(), view.derived.state);
        return Err(
            Failure::new(exit::RUN_NOT_ENDED, text).hint(format!("longshore wait {}", run.short()))
        );
    }
    let ending = Ending { derived: view.derived, outcome: view.outcome };
    Writer::new(&engine, settings, args.output.as_deref()).write(&run, &ending).await
}

/// Writes how a run ended.
pub(super) struct Writer<'a> {
    engine: &'a Engine,
    settings: &'a Settings,
    file: Option<&'a Path>,
    schema: Option<OwnedNamedType>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(engine: &'a Engine, settings: &'a Settings, file: Option<&'a Path>) -> Self {
        Self { engine, settings, file, schema: None }
    }

    /// Spares reading the component again.
    pub(super) fn known_schema(&mut self, schema: OwnedNamedType) {
        self.schema = Some(schema);
    }

    pub(super) async fn write(&self, run: &RunId, ending: &Ending) -> Result<ExitCode, Failure> {
        match &ending.outcome {
            Some(outcome) if outcome.verdict.state() == State::Completed => {
                self.completed(outcome).await
            }
            outcome => self.failed(run, ending, outcome.as_ref()),
        }
    }

    async fn completed(&self, outcome: &Outcome) -> Result<ExitCode, Failure> {
        let schema = match &self.schema {
            Some(schema) => schema.clone(),
            None => self.engine.flow_of(&outcome.run).await?.result,
        };
        let content = self.engine.result(outcome).await?;
        let raw = schema::decode_bytes(&content).filter(|_| schema::is_bytes(&schema));
        if let Some(file) = self.file {
            let bytes = match raw {
                Some(bytes) => bytes.to_vec(),
                None => text_of(&value_of(&schema, &content)?).into_bytes(),
            };
            write_file(file, &bytes)?;
        }
        let written = match (self.settings.format, raw) {
            (Format::Json, _) => {
                let value = match self.file {
                    Some(_) => Value::Null,
                    None => value_of(&schema, &content)?,
                };
                output::answer_json(&json!({
                    "run": outcome.run, "state": State::Completed.word(), "attempt": outcome.attempt,
                    "result": value, "output": self.file,
                }))
            }
            (Format::Human, _) if self.file.is_some() => Ok(()),
            (Format::Human, Some(bytes)) if std::io::stdout().is_terminal() => {
                output::note(&format!(
                    "the result is {} bytes; write them to a file with --output",
                    bytes.len()
                ));
                Ok(())
            }
            (Format::Human, Some(bytes)) => output::answer_bytes(bytes),
            (Format::Human, None) => match value_of(&schema, &content)? {
                // A flow without a value has nothing to say.
                Value::Null if schema.ty == OwnedDataModelType::Unit => Ok(()),
                value if std::io::stdout().is_terminal() => {
                    output::answer(&output::safe(&text_of(&value)))
                }
                value => output::answer(&text_of(&value)),
            },
        };
        written.map_err(|failure| failure.hint(KEPT))?;
        Ok(exit::OK)
    }

    fn failed(
        &self,
        run: &RunId,
        ending: &Ending,
        outcome: Option<&Outcome>,
    ) -> Result<ExitCode, Failure> {
        let Ending { derived, outcome: _ } = ending;
        let code = outcome.map_or_else(
            || {
                if derived.state == State::Cancelled {
                    exit::RUN_CANCELLED
                } else {
                    exit::RUN_CRASHED
                }
            },
            |outcome| outcome.verdict.exit_code(),
        );
        match self.settings.format {
            Format::Human => {
                let reason = derived
                    .reason
                    .as_ref()
                    .map(|reason| format!(": {}", output::safe_lines(reason)));
                let reason = reason.unwrap_or_default();
                output::note(&format!("run {} {}{reason}", run.short(), derived.state));
                for cause in causes(outcome) {
                    output::note(&format!("  caused by: {}", output::safe_lines(cause)));
                }
                if let Some(hint) = hint(run, outcome) {
                    output::note(&format!("hint: {hint}"));
                }
            }
            Format::Json => output::answer_json(&json!({
                "run": run, "state": derived.state.word(), "reason": derived.reason,
                "verdict": outcome.map(|outcome| &outcome.verdict), "attempt": outcome.map(|outcome| outcome.attempt),
                "retryable": outcome.is_none_or(|outcome| outcome.retryable), "exit_code": code.0,
            }))?,
        }
        Ok(code)
    }
}

fn causes(outcome: Option<&Outcome>) -> &[String] {
    match outcome.map(|outcome| &outcome.verdict) {
        Some(Verdict::Failed { error, .. }) => &error.causes,
        _ => &[],
    }
}

fn hint(run: &RunId, outcome: Option<&Outcome>) -> Option<String> {
    let run = run.short();
    match outcome.map(|outcome| &outcome.verdict) {
        None => Some(format!(
            "longshore logs {run} --job shows what the runtime itself said; longshore retry {run} starts anew"
        )),
        Some(Verdict::OutOfMemory { .. }) => {
            Some("give it more: --memory, or memory = … on the flow".to_owned())
        }
        Some(Verdict::TimedOut { .. }) => {
            Some("give it more: --timeout, --deadline, or timeout = … on the flow".to_owned())
        }
        Some(Verdict::Trapped { trap }) if trap.contains("out of bounds memory access") => Some(
            "deep recursion or large local variables overflow a guest's own stack like this"
                .to_owned(),
        ),
        Some(Verdict::Interrupted { .. }) => Some(format!("longshore retry {run} starts it anew")),
        Some(_) => None,
    }
}

/// The launcher cannot know before whether a guest returns what it describes: its run has completed all the same.
fn value_of(schema: &OwnedNamedType, content: &[u8]) -> Result<Value, Failure> {
    schema::decode(schema, content, "result").map_err(|error| {
        Failure::new(
            exit::RUN_FAILED,
            format!("the flow returned what it does not describe: {error}"),
        )
    })
}

/// A value as a person wants to read it: text without quotes, everything else as JSON.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).expect("a JSON value is always JSON"),
    }
}

/// Writes a file as a whole, so that nobody takes half of a result for it.
fn write_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let unfinished = path.with_file_name(format!(
        ".{}.{}.tmp",
        path.file_name().unwrap_or_default().to_string_lossy(),
        std::process::id()
    ));
    let written =
        std::fs::write(&unfinished, content).and_then(|()| std::fs::rename(&unfinished, path));
    written.map_err(|error| {
        // It may not have been made at all.
        drop(std::fs::remove_file(&unfinished));
        Failure::input(format!("could not write the result to {}: {error}", path.display()))
            .hint(KEPT)
    })
}
