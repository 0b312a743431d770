//! From a crate to a component.

mod cargo;
mod tools;

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::settings::Settings;

pub(crate) use tools::{TARGET, check_target};

/// Who builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Builder {
    /// `cargo build`.
    Cargo,
    /// `cargo component build`.
    CargoComponent,
}

impl Builder {
    /// The name on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::CargoComponent => "cargo-component",
        }
    }
}

/// How to build.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// The package, where the crate's workspace has several.
    pub(crate) package: Option<String>,
    /// The builder; by default the one that the crate asks for.
    pub(crate) builder: Option<Builder>,
    /// The profile; by default `release`.
    pub(crate) profile: Option<String>,
}

/// What was built.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(crate) component: PathBuf,
    pub(crate) package: String,
    pub(crate) builder: Builder,
}

/// Builds the crate in `folder`.
pub(crate) fn build(
    folder: &Path,
    options: &Options,
    settings: &Settings,
) -> Result<Built, Failure> {
    let package = cargo::package(folder, options.package.as_deref())?;
    let wanted = if package.metadata.get("component").is_some() {
        Builder::CargoComponent
    } else {
        Builder::Cargo
    };
    let builder = options.builder.unwrap_or(wanted);
    check_target(folder)?;
    if builder == Builder::CargoComponent {
        tools::check_cargo_component()?;
    }
    let component = cargo::compile(&package, builder, options, settings)?;
    Ok(Built { component, package: package.name.to_string(), builder })
}
