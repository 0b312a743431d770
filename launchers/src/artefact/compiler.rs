//! Component → machine code, once per component and engine.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use longshore_protocol::exit;
use longshore_protocol::id::Digest;
use longshore_protocol::limits::Metering;
use longshore_protocol::record::CompiledRef;
use serde::{Deserialize, Serialize};

use super::{Cache, Code, Runtime};
use crate::{Error, ErrorKind};

/// The compiler gives up by itself before this.
const PATIENCE: Duration = Duration::from_secs(150);

/// A compiled artefact in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// What the order says of it.
    pub reference: CompiledRef,
    name: String,
}

/// What the cache notes of an artefact, and what the compiler answers.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    engine: String,
    sha256: Digest,
    bytes: u64,
}

impl Artefact {
    /// Reads the machine code and verifies it. `None`: it is missing or damaged, and has to be compiled again.
    pub fn content(&self, cache: &Cache) -> Option<Bytes> {
        let content = cache.read(&format!("{}.cwasm", self.name))?;
        (Digest::of(&content) == self.reference.sha256).then(|| content.into())
    }

    /// Forgets it, so that it is compiled again.
    pub fn forget(&self, cache: &Cache) {
        // Where it cannot be removed, it stays unbelieved: its digest does not match.
        drop(std::fs::remove_file(cache.path(&format!("{}.json", self.name))));
    }
}

/// The machine code of the component `digest` for the engine of `runtime`, if the cache has it.
pub fn find(digest: &Digest, runtime: &Runtime, code: Code, cache: &Cache) -> Option<Artefact> {
    let wanted = runtime.engine(code).ok()?;
    let name = name_of(digest, wanted);
    let text = cache.read(&format!("{name}.json"))?;
    let Note { engine, sha256, bytes } = serde_json::from_slice(&text).ok()?;
    (engine == wanted)
        .then_some(Artefact { reference: CompiledRef { engine, sha256, bytes }, name })
}

/// Compiles `component` by the runtime's `compile`, which limits its own memory and time, into the cache.
///
/// # Errors
/// When the component cannot be compiled within its limits, or the cache cannot be written.
pub async fn make(
    component: &[u8],
    digest: &Digest,
    runtime: &Runtime,
    code: Code,
    cache: &Cache,
) -> Result<Artefact, Error> {
    let name = name_of(digest, runtime.engine(code)?);
    let input = cache.unfinished(&format!("{name}.wasm"))?;
    let output = cache.unfinished(&format!("{name}.cwasm"))?;
    let made = compile(component, &input, &output, (runtime, code)).await;
    // What was prepared is of no use to anybody else.
    drop(std::fs::remove_file(&input));
    let note = made.inspect_err(|_| drop(std::fs::remove_file(&output)))?;
    cache.replace(&format!("{name}.cwasm"), |path| std::fs::rename(&output, path))?;
    let text = serde_json::to_vec(&note).expect("it has string keys only, so it is always JSON");
    cache.write(&format!("{name}.json"), &text)?;
    let Note { engine, sha256, bytes } = note;
    Ok(Artefact { reference: CompiledRef { engine, sha256, bytes }, name })
}

fn name_of(digest: &Digest, engine: &str) -> String {
    format!("compiled/{engine}/{digest}")
}

async fn compile(
    component: &[u8],
    input: &Path,
    output: &Path,
    (runtime, Code { target, metering }): (&Runtime, Code),
) -> Result<Note, Error> {
    let failed = |error| Error::caused(ErrorKind::Runtime, "could not run the compiler", error);
    std::fs::write(input, component).map_err(failed)?;
    let mut command = tokio::process::Command::new(&runtime.path);
    command.arg("compile").arg("--component").arg(input).arg("--output").arg(output);
    command.args((metering == Metering::Fuel).then_some("--metered"));
    command.arg("--target").arg(target.word());
    command.stdin(Stdio::null()).env_clear().kill_on_drop(true);
    let done = tokio::time::timeout(PATIENCE, command.output())
        .await
        .map_err(|_| Error::new(ErrorKind::Compile, "the compiler did not end in time"))?
        .map_err(failed)?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let said = said.trim().trim_start_matches("longshore-runtime: ").to_owned();
        let error = Error::new(
            ErrorKind::Compile,
            if said.is_empty() { format!("the compiler ended with {}", done.status) } else { said },
        );
        let is_limit = done.status.code() == Some(exit::runtime::COMPILE_LIMIT.0.into());
        return Err(if is_limit {
            error.hint("split the component, or build it with opt-level = \"s\"")
        } else {
            error
        });
    }
    serde_json::from_slice(&done.stdout).map_err(|error| {
        Error::caused(ErrorKind::Runtime, "the compiler's answer is not understood", error)
    })
}
