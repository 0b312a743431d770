//! `longshore pool`

mod template;

use clap::{Args, Subcommand};
use longshore_protocol::exit::ExitCode;

use crate::failure::Failure;
use crate::settings::Settings;

/// Work pools: where runs go
#[derive(Debug, Args)]
pub(crate) struct PoolArgs {
    #[command(subcommand)]
    verb: PoolVerb,
}

#[derive(Debug, Subcommand)]
enum PoolVerb {
    Template(template::TemplateArgs),
}

pub(super) fn pool(args: &PoolArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    match &args.verb {
        PoolVerb::Template(args) => template::template(args, settings),
    }
}
