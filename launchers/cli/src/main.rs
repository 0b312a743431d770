//! `longshore`: runs a Rust function on any infrastructure without a deployment.

mod build;
mod config;
#[cfg(test)]
mod docs;
mod failure;
mod input;
mod job;
mod output;
mod report;
mod settings;
mod verbs;

use std::process::ExitCode;

use longshore_protocol::exit;

use failure::Failure;
use settings::{Format, Settings};
use verbs::Arguments;

fn main() -> ExitCode {
    let arguments = match verbs::arguments() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && wants_json() => {
            let text = error.render().to_string();
            let text = text.trim().trim_start_matches("error: ");
            return ExitCode::from(output::failure(&Failure::input(text), Format::Json).0);
        }
        Err(error) => {
            // There is nobody left to tell that the terminal is gone.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { exit::BAD_INPUT.0 } else { exit::OK.0 });
        }
    };
    let format = arguments.global.format;
    let done = Settings::resolve(&arguments.global).and_then(|settings| run(arguments, settings));
    let code = done.unwrap_or_else(|failure| output::failure(&failure, format));
    ExitCode::from(code.0)
}

fn run(arguments: Arguments, settings: Settings) -> Result<exit::ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(exit::INTERNAL, format!("could not start: {error}")))?;
    let code = runtime.block_on(async {
        let verb = arguments.verb;
        let settings = if verb.uses_pool() { settings.in_pool().await? } else { settings };
        verbs::dispatch(verb, &settings).await
    });
    // A file system call that hangs must not hold up the end of the program.
    runtime.shutdown_background();
    code
}

/// Whether a program reads what is wrong with the arguments, as far as arguments that are wrong can tell.
fn wants_json() -> bool {
    let arguments: Vec<_> = std::env::args_os().collect();
    arguments.iter().any(|word| word == "--format=json")
        || arguments.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json")
}
