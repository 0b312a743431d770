//! Asks cargo what there is to build, has it built, and takes the artefact from its JSON messages.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{CrateType, Message, MetadataCommand, Package};
use longshore_protocol::exit;
use serde_json::json;

use super::tools::{TARGET, not_found};
use super::{Builder, Options};
use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// The package to build: the named one, else the one in `folder`.
pub(super) fn package(folder: &Path, name: Option<&str>) -> Result<Package, Failure> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(Failure::input(format!(
            "{} is not the folder of a crate: it has no Cargo.toml",
            folder.display()
        ))
        .hint("longshore new makes a crate with a flow"));
    }
    let metadata =
        MetadataCommand::new().manifest_path(&manifest).no_deps().exec().map_err(|error| {
            match error {
                cargo_metadata::Error::Io(error) => not_found("cargo", &error),
                error => Failure::new(
                    exit::BUILD,
                    format!(
                        "cargo does not understand {}: {}",
                        manifest.display(),
                        first_lines(&error)
                    ),
                ),
            }
        })?;
    let manifest = manifest.canonicalize().unwrap_or(manifest);
    let is_wanted = |package: &&Package| match name {
        Some(name) => package.name.as_str() == name,
        None => package.manifest_path.as_std_path() == manifest,
    };
    let names = || {
        metadata
            .packages
            .iter()
            .map(|package| package.name.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let package = metadata.packages.iter().find(is_wanted).ok_or_else(|| match name {
        Some(name) => {
            Failure::input(format!("the workspace has no package {name:?}; it has {}", names()))
        }
        None => Failure::input(format!("{} is a workspace, not a crate", folder.display()))
            .hint(format!("name the folder of one of its crates: {}", names())),
    })?;
    let is_component =
        |target: &cargo_metadata::Target| target.crate_types.contains(&CrateType::CDyLib);
    if package.targets.iter().any(is_component) {
        return Ok(package.clone());
    }
    Err(Failure::input(format!("the crate {} makes no component", package.name))
        .hint("add to its Cargo.toml: [lib] crate-type = [\"cdylib\", \"rlib\"]"))
}

fn first_lines(error: &cargo_metadata::Error) -> String {
    error.to_string().lines().take(4).collect::<Vec<_>>().join(" ")
}

/// Builds the package and returns its component.
pub(super) fn compile(
    package: &Package,
    builder: Builder,
    options: &Options,
    settings: &Settings,
) -> Result<PathBuf, Failure> {
    let mut command = Command::new("cargo");
    if builder == Builder::CargoComponent {
        command.arg("component");
    }
    command.args([
        "build",
        "--lib",
        "--target",
        TARGET,
        "--message-format",
        "json-render-diagnostics",
    ]);
    command.args(["--profile", options.profile.as_deref().unwrap_or("release")]);
    command.arg("--manifest-path").arg(&package.manifest_path);
    if settings.is_quiet || settings.format == Format::Json {
        command.arg("--quiet");
    }
    // Errors go to the terminal as cargo draws them, or to a program as events; standard output is ours.
    let stderr = match settings.format {
        Format::Human => Stdio::inherit(),
        Format::Json => Stdio::piped(),
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .map_err(|error| not_found("cargo", &error))?;
    let out = child.stdout.take().expect("it was asked to be piped");
    // A thread, since cargo waits for whoever does not read.
    let relay = child.stderr.take().map(|said| std::thread::spawn(|| relay(said)));
    let component = component_of(package, BufReader::new(out), settings.format);
    let status = child
        .wait()
        .map_err(|error| Failure::new(exit::BUILD, format!("lost track of cargo: {error}")))?;
    if let Some(relay) = relay {
        relay.join().expect("it only reads and writes");
    }
    if !status.success() {
        return Err(Failure::new(
            exit::BUILD,
            format!("building {} failed; see above", package.name),
        ));
    }
    component.ok_or_else(|| {
        Failure::new(exit::BUILD, format!("cargo built no component of {}", package.name))
    })
}

fn component_of(
    package: &Package,
    messages: BufReader<std::process::ChildStdout>,
    format: Format,
) -> Option<PathBuf> {
    let mut component = None;
    for message in Message::parse_stream(messages) {
        match message {
            Ok(Message::CompilerArtifact(artifact)) if artifact.package_id == package.id => {
                let found =
                    artifact.filenames.into_iter().find(|file| file.extension() == Some("wasm"));
                component = found.map(PathBuf::from).or(component);
            }
            // cargo-component prints text of its own between the messages.
            Ok(Message::TextLine(line)) if !line.trim().is_empty() => match format {
                Format::Human => output::note(&output::safe(&line)),
                Format::Json => said(&line),
            },
            Ok(_) | Err(_) => {}
        }
    }
    component
}

/// Passes on what cargo says to people, until it has said all.
fn relay(stderr: impl Read) {
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        said(&String::from_utf8_lossy(&line));
    }
}

fn said(line: &str) {
    output::note_json(&json!({"event": "cargo", "line": line}));
}
