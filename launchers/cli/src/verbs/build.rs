//! `longshore build`

use std::path::PathBuf;

use clap::Args;
use longshore_launchers::engine::describe;
use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::id::Digest;
use serde_json::json;

use crate::build::{self, Builder, Options};
use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Build a crate into a component
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The folder of the crate.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The package, where the folder is a workspace with several.
    #[arg(short = 'P', long)]
    package: Option<String>,
    /// Who builds. Default: cargo, or cargo-component where the crate has [package.metadata.component].
    #[arg(long, value_enum)]
    builder: Option<Builder>,
    /// The profile of cargo.
    #[arg(long, default_value = "release")]
    profile: String,
    /// Copy the component to this file.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn build(args: &BuildArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let BuildArgs { folder, package, builder, profile, output } = args;
    let options =
        Options { package: package.clone(), builder: *builder, profile: Some(profile.clone()) };
    let built = build::build(folder, &options, settings)?;
    let mut path = built.component;
    let content = std::fs::read(&path).map_err(|error| {
        Failure::new(exit::BUILD, format!("could not read {}: {error}", path.display()))
    })?;
    // A component that cannot be run should fail here, not later.
    let described = describe(&content)?;
    if let Some(output) = output {
        std::fs::write(output, &content).map_err(|error| {
            Failure::input(format!("could not write {}: {error}", output.display()))
        })?;
        path.clone_from(output);
    }
    let flows: Vec<_> = described.flows.iter().map(|flow| flow.name.as_str()).collect();
    match settings.format {
        Format::Human => output::answer(&path.display().to_string())?,
        Format::Json => output::answer_json(&json!({
            "component": path, "package": built.package, "builder": built.builder.word(),
            "sha256": Digest::of(&content), "bytes": content.len(), "flows": flows,
        }))?,
    }
    Ok(exit::OK)
}
