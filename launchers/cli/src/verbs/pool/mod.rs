//! `longshore pool`: one file per verb, as everywhere; what is common to those that change something is in `place.rs`.

mod create;
mod default;
mod delete;
mod describe;
mod inspect;
mod limit;
mod list;
mod pause;
mod place;
mod storage;
mod sweep;
mod template;
mod update;

use clap::{Args, Subcommand};
use longshore_protocol::exit::ExitCode;

use crate::failure::Failure;
use crate::settings::Settings;

/// Describe infrastructures by name, and show who says what of them
#[derive(Debug, Args)]
pub(crate) struct PoolArgs {
    #[command(subcommand)]
    verb: PoolVerb,
}

#[derive(Debug, Subcommand)]
enum PoolVerb {
    Create(create::CreateArgs),
    List(list::ListArgs),
    Inspect(inspect::InspectArgs),
    Update(update::UpdateArgs),
    Delete(delete::DeleteArgs),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    SetConcurrencyLimit(limit::LimitArgs),
    Default(default::DefaultArgs),
    Storage(storage::StorageArgs),
    Sweep(sweep::SweepArgs),
    Template(template::TemplateArgs),
}

pub(super) async fn pool(args: &PoolArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    match &args.verb {
        PoolVerb::Create(args) => create::create(args, settings).await,
        PoolVerb::List(args) => list::list(args, settings).await,
        PoolVerb::Inspect(args) => inspect::inspect(args, settings).await,
        PoolVerb::Update(args) => update::update(args, settings).await,
        PoolVerb::Delete(args) => delete::delete(args, settings).await,
        PoolVerb::Pause(args) => pause::pause(args, settings).await,
        PoolVerb::Resume(args) => pause::resume(args, settings).await,
        PoolVerb::SetConcurrencyLimit(args) => limit::set(args, settings).await,
        PoolVerb::Default(args) => default::default(args, settings).await,
        PoolVerb::Storage(args) => storage::storage(args, settings).await,
        PoolVerb::Sweep(args) => sweep::sweep(args, settings).await,
        PoolVerb::Template(args) => template::template(args, settings),
    }
}
