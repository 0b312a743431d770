//! `longshore completions`

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use longshore_protocol::exit::{self, ExitCode};

use super::Arguments;
use crate::failure::Failure;
use crate::output;

/// Print completions for a shell
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "longshore", &mut script);
    output::answer_bytes(&script);
    Ok(exit::OK)
}
