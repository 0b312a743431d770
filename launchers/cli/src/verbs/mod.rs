//! One file per verb: a struct whose documentation is the help, and one function.

mod build;
mod cancel;
mod completions;
mod doctor;
mod dry_run;
mod gc;
mod image;
mod inspect;
mod list;
mod logs;
mod new;
mod pool;
mod result;
mod retry;
mod rm;
mod run;
mod show;
mod submit;
mod wait;

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use longshore_protocol::exit::ExitCode;
use longshore_protocol::id::Tenant;

use crate::failure::Failure;
use crate::settings::{Format, Settings};

/// Runs a Rust function on any infrastructure without a deployment.
#[derive(Debug, Parser)]
#[command(name = "longshore", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What every verb takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The store: a directory, or s3://, gs://, az://. Default: that of the pool, else longshore/store in the user's data
    /// directory.
    #[arg(
        long,
        global = true,
        env = "LONGSHORE_STORE",
        hide_env_values = true,
        value_name = "STORE"
    )]
    pub(crate) store: Option<String>,
    /// The owner of the runs: each owner has a part of the store, and sees no other.
    #[arg(long, global = true, env = "LONGSHORE_TENANT", hide_env_values = true, default_value_t)]
    pub(crate) tenant: Tenant,
    /// The work pool: where runs go, and what they may use. Default: the settings' default_pool, else local.
    #[arg(
        long,
        global = true,
        env = "LONGSHORE_POOL",
        hide_env_values = true,
        value_name = "NAME"
    )]
    pub(crate) pool: Option<String>,
    /// The runtime's binary. Default: longshore-runtime beside this program.
    #[arg(
        long,
        global = true,
        env = "LONGSHORE_RUNTIME",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(crate) runtime: Option<PathBuf>,
    /// The runtime's binary for images: a static one. Default: the one beside this program.
    #[arg(
        long,
        global = true,
        env = "LONGSHORE_IMAGE_RUNTIME",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(crate) image_runtime: Option<PathBuf>,
    /// How to write results.
    #[arg(long, global = true, value_enum, default_value = "human")]
    pub(crate) format: Format,
    /// Write results and errors only.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Which of these were typed; what is set and was not is from the environment.
    #[arg(skip)]
    pub(crate) typed: Typed,
}

/// Which options were typed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Typed {
    pub(crate) store: bool,
    pub(crate) pool: bool,
}

/// Reads the command line.
pub(crate) fn arguments() -> Result<Arguments, clap::Error> {
    let matches = Arguments::command().try_get_matches()?;
    let mut arguments = Arguments::from_arg_matches(&matches)?;
    let is_typed = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
    arguments.global.typed = Typed { store: is_typed("store"), pool: is_typed("pool") };
    Ok(arguments)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    New(new::NewArgs),
    Build(build::BuildArgs),
    Inspect(inspect::InspectArgs),
    Run(run::RunArgs),
    Submit(submit::SubmitArgs),
    List(list::ListArgs),
    Show(show::ShowArgs),
    Logs(logs::LogsArgs),
    Wait(wait::WaitArgs),
    Result(result::ResultArgs),
    Cancel(cancel::CancelArgs),
    Retry(retry::RetryArgs),
    Rm(rm::RmArgs),
    Gc(gc::GcArgs),
    Pool(pool::PoolArgs),
    Image(image::ImageArgs),
    Doctor(doctor::DoctorArgs),
    Completions(completions::CompletionsArgs),
}

impl Verb {
    /// Whether it is about the runs of a pool. Others work also where the settings of pools are wrong.
    pub(crate) fn uses_pool(&self) -> bool {
        !matches!(
            self,
            Self::New(_)
                | Self::Build(_)
                | Self::Inspect(_)
                | Self::Pool(_)
                | Self::Image(_)
                | Self::Completions(_)
        )
    }
}

pub(crate) async fn dispatch(verb: Verb, settings: &Settings) -> Result<ExitCode, Failure> {
    match verb {
        Verb::New(args) => new::new(&args, settings),
        Verb::Build(args) => build::build(&args, settings),
        Verb::Inspect(args) => inspect::inspect(&args, settings),
        Verb::Run(args) => run::run(&args, settings).await,
        Verb::Submit(args) => submit::submit(&args, settings).await,
        Verb::List(args) => list::list(&args, settings).await,
        Verb::Show(args) => show::show(&args, settings).await,
        Verb::Logs(args) => logs::logs(&args, settings).await,
        Verb::Wait(args) => wait::wait(&args, settings).await,
        Verb::Result(args) => result::result(&args, settings).await,
        Verb::Cancel(args) => cancel::cancel(&args, settings).await,
        Verb::Retry(args) => retry::retry(&args, settings).await,
        Verb::Rm(args) => rm::rm(&args, settings).await,
        Verb::Gc(args) => gc::gc(&args, settings).await,
        Verb::Pool(args) => pool::pool(&args, settings).await,
        Verb::Image(args) => image::image(&args, settings).await,
        Verb::Doctor(args) => doctor::doctor(&args, settings).await,
        Verb::Completions(args) => completions::completions(&args, settings),
    }
}

/// A run, named on the command line.
#[derive(Debug, Args)]
pub(crate) struct OneRun {
    /// The run: any unique ending of its id.
    run: String,
}
