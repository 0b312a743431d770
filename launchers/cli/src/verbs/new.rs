//! `longshore new`

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use longshore_protocol::exit::{self, ExitCode};
use serde_json::json;

use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Where the SDK lies when this program was built from a checkout.
const SDK_IN_CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk");

/// Make a crate with a flow that builds and tests as it is
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The folder to make; its name becomes the crate's.
    folder: PathBuf,
    /// The crate's name, where it is not the folder's.
    #[arg(long)]
    name: Option<String>,
    /// A folder with longshore-sdk to depend on, instead of the published version.
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

pub(super) fn new(args: &NewArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let NewArgs { folder, name, sdk } = args;
    let of_folder =
        || folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.clone().unwrap_or_else(of_folder);
    check_name(&name)?;
    if folder.exists() {
        return Err(Failure::input(format!("{} exists already", folder.display()))
            .hint("name a folder that does not"));
    }
    let sdk = sdk_dependency(sdk.as_deref())?;
    let fill = |text: &str| text.replace("{{name}}", &name).replace("{{sdk}}", &sdk);
    let files = [
        ("Cargo.toml", fill(include_str!("../../templates/new/Cargo.toml"))),
        ("README.md", fill(include_str!("../../templates/new/README.md"))),
        ("src/lib.rs", fill(include_str!("../../templates/new/lib.rs"))),
        (".gitignore", "/target\n".to_owned()),
    ];
    write(folder, &files)?;
    match settings.format {
        Format::Human => {
            output::answer(&format!("made {}", folder.display()))?;
            output::note(&format!("try: longshore run {} -p name=World", folder.display()));
        }
        Format::Json => output::answer_json(&json!({"folder": folder, "name": name}))?,
    }
    Ok(exit::OK)
}

/// Cargo's rules for names of packages that are also crates.
fn check_name(name: &str) -> Result<(), Failure> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let begins_well = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    if begins_well && name.chars().all(is_word) && name != "test" && name != "core" && name != "std"
    {
        return Ok(());
    }
    Err(Failure::input(format!("{name:?} cannot be the name of a crate"))
        .hint("use letters, digits, - and _, beginning with a letter; --name gives another name than the folder's"))
}

fn sdk_dependency(folder: Option<&Path>) -> Result<String, Failure> {
    let published = || Ok(format!("{:?}", env!("CARGO_PKG_VERSION")));
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None if Path::new(SDK_IN_CHECKOUT).is_dir() => PathBuf::from(SDK_IN_CHECKOUT),
        None => return published(),
    };
    let found = folder.canonicalize().map_err(|error| {
        Failure::input(format!("there is no longshore-sdk in {}: {error}", folder.display()))
    })?;
    let manifest = fs::read_to_string(found.join("Cargo.toml")).unwrap_or_default();
    if !manifest.contains("name = \"longshore-sdk\"") {
        return Err(Failure::input(format!("there is no longshore-sdk in {}", found.display())));
    }
    Ok(format!("{{ path = {:?} }}", found.to_string_lossy()))
}

/// Writes all files, or leaves nothing.
fn write(folder: &Path, files: &[(&str, String)]) -> Result<(), Failure> {
    let written = files.iter().try_for_each(|(name, content)| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, content)
    });
    written.map_err(|error| {
        // It may be the disk that fails; then there is nothing to clean up either.
        drop(fs::remove_dir_all(folder));
        Failure::input(format!("could not make {}: {error}", folder.display()))
    })
}
