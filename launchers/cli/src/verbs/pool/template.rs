//! `longshore pool template`

use clap::Args;
use longshore_launchers::kind::Kind;
use longshore_launchers::settings;
use longshore_protocol::exit::{self, ExitCode};

use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Print the job settings of a kind of infrastructure, with their defaults and what they are
///
/// As TOML to be pasted below [pools.NAME] of longshore.toml; with --format json, as a JSON schema.
#[derive(Debug, Args)]
pub(crate) struct TemplateArgs {
    /// The kind of infrastructure, for example process.
    kind: String,
}

pub(super) fn template(args: &TemplateArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let kind: Kind = args.kind.parse().map_err(Failure::input)?;
    let (word, table) = (kind.word(), kind.settings()?);
    match settings.format {
        Format::Human => output::answer(&settings::toml(word, &table))?,
        Format::Json => output::answer_json(&settings::schema(word, &table))?,
    }
    Ok(exit::OK)
}
