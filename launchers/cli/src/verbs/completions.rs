//! `longshore completions`

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use longshore_protocol::exit::{self, ExitCode};
use serde_json::json;

use super::Arguments;
use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Print completions for a shell
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn completions(
    args: &CompletionsArgs,
    settings: &Settings,
) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "longshore", &mut script);
    match settings.format {
        Format::Human => output::answer_bytes(&script)?,
        Format::Json => output::answer_json(&json!({
            "shell": args.shell.to_string(), "script": String::from_utf8_lossy(&script),
        }))?,
    }
    Ok(exit::OK)
}
