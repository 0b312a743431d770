//! What must be installed to build, and the command that installs it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use longshore_protocol::exit;

use crate::failure::Failure;

/// The target of components.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Whether the toolchain that `folder` uses can build components.
pub(crate) fn check_target(folder: &Path) -> Result<PathBuf, Failure> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "sysroot"]).current_dir(folder).stdin(Stdio::null());
    let answer = rustc.output().map_err(|error| not_found("rustc", &error))?;
    if !answer.status.success() {
        let said = String::from_utf8_lossy(&answer.stderr);
        let said = said.trim().lines().next().unwrap_or_default();
        return Err(Failure::new(exit::BUILD, format!("rustc does not work: {said}")));
    }
    let sysroot = PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim());
    let library = sysroot.join("lib/rustlib").join(TARGET);
    if library.is_dir() {
        return Ok(library);
    }
    Err(Failure::new(exit::BUILD, format!("the Rust target {TARGET} is not installed"))
        .hint(format!("rustup target add {TARGET}")))
}

/// Whether the second builder is there.
pub(super) fn check_cargo_component() -> Result<(), Failure> {
    let mut command = Command::new("cargo");
    command.args(["component", "--version"]).stdin(Stdio::null());
    let answer = command.output().map_err(|error| not_found("cargo", &error))?;
    if answer.status.success() {
        return Ok(());
    }
    Err(Failure::new(exit::BUILD, "cargo-component is not installed, and the crate asks for it")
        .hint("cargo install cargo-component --locked, or build with --builder cargo"))
}

/// A program that could not be started.
pub(super) fn not_found(program: &str, error: &std::io::Error) -> Failure {
    let failure = Failure::new(exit::BUILD, format!("could not start {program}: {error}"));
    match error.kind() {
        ErrorKind::NotFound => {
            failure.hint("install Rust with rustup, and put its bin folder on PATH")
        }
        _ => failure,
    }
}
