//! `longshore pool storage`

mod configure;
mod inspect;

use clap::{Args, Subcommand};
use longshore_protocol::exit::ExitCode;

use crate::failure::Failure;
use crate::settings::Settings;

/// Say and show where the runs of a pool are kept
#[derive(Debug, Args)]
pub(super) struct StorageArgs {
    #[command(subcommand)]
    verb: StorageVerb,
}

#[derive(Debug, Subcommand)]
enum StorageVerb {
    Configure(configure::ConfigureArgs),
    Inspect(inspect::InspectArgs),
}

pub(super) async fn storage(args: &StorageArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    match &args.verb {
        StorageVerb::Configure(args) => configure::configure(args, settings).await,
        StorageVerb::Inspect(args) => inspect::inspect(args, settings).await,
    }
}
