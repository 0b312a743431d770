//! `longshore gc`

use std::collections::BTreeSet;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;
use longshore_launchers::engine::{Engine, OldRun, OldVerdict};
use longshore_launchers::store::{Content, KEEP_MIN, Unreferenced};
use longshore_launchers::{Error, chain, clock};
use longshore_protocol::Timestamp;
use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::limits::parse_duration;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Remove runs that ended long ago, and code that no run needs any more
///
/// Says what it would remove; --yes removes it. Runs are those of the tenant. One that is not over is never removed.
///
/// Components, machine code and files are shared by all tenants of a store, so to know which of them nobody needs, this
/// reads the orders of all tenants: it needs permission to list the whole store, to read all of runs/, and to write and
/// remove below components/, compiled/, files/ and removing/. Who may not, or need not, leaves code alone with --runs-only. Code of the
/// last three days always stays, so runs can be started meanwhile. What is cut off can be repeated.
#[derive(Debug, Args)]
pub(crate) struct GcArgs {
    /// How long ago a run must have ended, for example 30d.
    #[arg(long, value_name = "AGE", value_parser = parse_duration)]
    older_than: Duration,
    /// Remove it.
    #[arg(long)]
    yes: bool,
    /// Only say what would be removed. The default.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Only remove runs.
    #[arg(long)]
    runs_only: bool,
}

pub(super) async fn gc(args: &GcArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let engine = settings.engine_of_runs()?;
    let mut report = Report { is_done: args.yes, tells: tells(settings), ..Report::default() };
    let before = clock::now().saturating_sub(args.older_than).unwrap_or(Timestamp::MIN);
    for old in engine.old_runs(before).await? {
        report.take_run(&engine, old).await?;
    }
    if !args.runs_only {
        let removed =
            if args.yes { BTreeSet::new() } else { report.runs.iter().copied().collect() };
        match engine.store().unreferenced(&removed).await {
            Ok(found) => report.take_content(&engine, found).await,
            Err(error) => report.problems.push(error),
        }
    }
    report.print(args, settings.format)
}

fn tells(settings: &Settings) -> bool {
    settings.format == Format::Human && !settings.is_quiet
}

/// What was removed, or would be, and what stays.
#[derive(Default)]
struct Report {
    is_done: bool,
    /// Whether a person reads what happens meanwhile.
    tells: bool,
    runs: Vec<longshore_protocol::id::RunId>,
    run_bytes: u64,
    run_objects: u64,
    content: Vec<Content>,
    young: Vec<Content>,
    not_over: Vec<Value>,
    problems: Vec<Error>,
}

impl Report {
    async fn take_run(&mut self, engine: &Engine, old: OldRun) -> Result<(), Failure> {
        match &old.verdict {
            OldVerdict::Over => {}
            OldVerdict::NotOver(state) => {
                self.stays(&format!("run {} is not over: it is {state}", old.run.short()));
                self.not_over.push(json!({"run": old.run, "state": state.word()}));
                return Ok(());
            }
            OldVerdict::Unreadable(_) => {}
        }
        let removed = match old.verdict {
            OldVerdict::Unreadable(error) => Err(error),
            _ if self.is_done => engine.remove_old(&old).await,
            _ => Ok(()),
        };
        match removed {
            Ok(()) => {
                self.runs.push(old.run);
                self.run_bytes += old.files.bytes;
                self.run_objects += old.files.objects;
            }
            // The others can be removed nevertheless.
            Err(error) => self.problems.push(error),
        }
        Ok(())
    }

    async fn take_content(&mut self, engine: &Engine, mut found: Unreferenced) {
        self.young = std::mem::take(&mut found.young);
        if !self.is_done {
            self.content = found.old;
            return;
        }
        for content in &found.old {
            match engine.store().remove_content(content, &found).await {
                Ok(true) => self.content.push(content.clone()),
                Ok(false) => self.stays(&format!("{} is in use again", content.key)),
                Err(error) => self.problems.push(error),
            }
        }
        self.problems.extend(engine.store().clear_marks().await.err());
    }

    fn stays(&self, text: &str) {
        if self.tells {
            output::note(text);
        }
    }

    fn print(mut self, args: &GcArgs, format: Format) -> Result<ExitCode, Failure> {
        match format {
            Format::Json => output::answer_json(&self.json())?,
            Format::Human => self.lines(args)?,
        }
        // What is about code comes last, and says most of what to do.
        let Some(last) = self.problems.pop() else { return Ok(exit::OK) };
        for error in &self.problems {
            self.stays(&format!("error: {}", output::safe(&chain(error))));
        }
        Err(last.into())
    }

    fn lines(&self, args: &GcArgs) -> Result<(), Failure> {
        let verb = if self.is_done { "removed" } else { "would remove" };
        let size = ByteSize(self.run_bytes);
        let (runs, objects) = (self.runs.len(), self.run_objects);
        output::answer(&format!("{verb} {runs} runs ({objects} objects, {size})"))?;
        if !args.runs_only {
            let (count, size) = sum(&self.content);
            output::answer(&format!("{verb} {count} components, artefacts and archives ({size})"))?;
            let (count, size) = sum(&self.young);
            if count > 0 {
                let days = KEEP_MIN.as_secs() / 86_400;
                self.stays(&format!(
                    "{count} more ({size}) stay, since they were uploaded within {days} days"
                ));
            }
        }
        if !self.is_done {
            let age = humantime::format_duration(args.older_than);
            let only = if args.runs_only { " --runs-only" } else { "" };
            let age = age.to_string().replace(' ', "");
            self.stays(&format!("to remove it: longshore gc --older-than {age}{only} --yes"));
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let keys: Vec<_> = self.content.iter().map(|content| &content.key).collect();
        let bytes = |list: &[Content]| list.iter().map(|content| content.bytes).sum::<u64>();
        json!({
            "removed": self.is_done,
            "runs": {"ids": self.runs, "objects": self.run_objects, "bytes": self.run_bytes},
            "content": {"keys": keys, "bytes": bytes(&self.content)},
            "young": {"count": self.young.len(), "bytes": bytes(&self.young)},
            "not_over": self.not_over,
            "problems": self.problems.iter().map(|error| chain(error)).collect::<Vec<_>>(),
        })
    }
}

fn sum(list: &[Content]) -> (usize, ByteSize) {
    (list.len(), ByteSize(list.iter().map(|content| content.bytes).sum()))
}
