//! The runtime's binary on this machine, and what it says of itself.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use longshore_protocol::abi::Abi;
use longshore_protocol::limits::Metering;
use longshore_protocol::record::Confinement;
use longshore_protocol::target::Target;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Cache;
use crate::{Error, ErrorKind};

/// Which machine code is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code {
    /// For which processors.
    pub target: Target,
    /// Whether it counts its instructions.
    pub metering: Metering,
}

/// A runtime that was asked what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Its binary.
    pub path: PathBuf,
    /// Its version.
    pub version: String,
    /// The guest contract that it executes.
    pub abi: Abi,
    engines: BTreeMap<Code, String>,
}

/// What the binary answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Facts {
    version: String,
    abi: Abi,
    engine: String,
    metered_engine: String,
    #[serde(default)]
    portable_engines: Vec<PortableEngine>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PortableEngine {
    target: Target,
    engine: String,
    metered_engine: String,
}

/// An answer that was kept, with what tells that the binary is still the same one.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    identity: (u64, u64, i64, i64),
    facts: Facts,
}

impl Runtime {
    /// Asks the binary at `path`, or remembers what it answered.
    ///
    /// # Errors
    /// When there is no such binary, or it is none of ours.
    pub async fn ask(path: &Path, cache: &Cache) -> Result<Self, Error> {
        let meta = std::fs::metadata(path).map_err(|error| missing(path, error))?;
        let identity = (meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec());
        let key = longshore_protocol::id::Digest::of(path.as_os_str().as_encoded_bytes()).short();
        let name = format!("runtimes/{key}.json");
        let kept =
            cache.read(&name).and_then(|content| serde_json::from_slice::<Kept>(&content).ok());
        let facts = match kept.filter(|kept| kept.identity == identity) {
            Some(kept) => kept.facts,
            None => {
                let facts: Facts = ask_now(path).await?;
                let kept = Kept { identity, facts: facts.clone() };
                let content = serde_json::to_vec(&kept)
                    .expect("it has string keys only, so it is always JSON");
                cache.write(&name, &content)?;
                facts
            }
        };
        let Facts { version, abi, engine, metered_engine, portable_engines } = facts;
        let native = PortableEngine { target: Target::Native, engine, metered_engine };
        let engines = portable_engines.into_iter().chain([native]).flat_map(
            |PortableEngine { target, engine, metered_engine }| {
                let code = |metering| Code { target, metering };
                [(code(Metering::Off), engine), (code(Metering::Fuel), metered_engine)]
            },
        );
        Ok(Self { path: path.to_owned(), version, abi, engines: engines.collect() })
    }
}

impl Runtime {
    /// The fingerprint of its engine for such code.
    ///
    /// # Errors
    /// When the runtime is older than the target.
    pub fn engine(&self, code: Code) -> Result<&str, Error> {
        self.engines.get(&code).map(String::as_str).ok_or_else(|| {
            let (version, target) = (&self.version, code.target);
            let text = format!("the runtime {version} makes no machine code for {target}");
            Error::new(ErrorKind::Runtime, text).hint("install both from the same release")
        })
    }
}

/// What the binary answers of the machine.
#[derive(Debug, Deserialize)]
struct Machine {
    confinement: Option<Confinement>,
    not_confined: Option<String>,
}

/// What confines a run of the runtime at `path` on this machine. Asked afresh each time: the binary may be the same one,
/// and the kernel another.
///
/// # Errors
/// When there is no such binary, or it could not confine itself.
pub async fn confinement(path: &Path) -> Result<Confinement, Error> {
    let Machine { confinement, not_confined } = ask_now(path).await?;
    confinement.ok_or_else(|| {
        let why = not_confined.unwrap_or_else(|| "it does not say why".to_owned());
        Error::new(ErrorKind::Runtime, format!("a run cannot be confined here: {why}"))
            .hint("no run will start; look at what surrounds this process, such as a container")
    })
}

async fn ask_now<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let mut command = tokio::process::Command::new(path);
    command.arg("facts").stdin(Stdio::null()).kill_on_drop(true);
    let answer = tokio::time::timeout(PATIENCE, command.output())
        .await
        .map_err(|_| {
            Error::new(
                ErrorKind::Runtime,
                format!("the runtime {} does not answer", path.display()),
            )
        })?
        .map_err(|error| missing(path, error))?;
    serde_json::from_slice(&answer.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
        let attempted =
            format!("{} is not a longshore-runtime of this version ({said})", path.display());
        Error::caused(ErrorKind::Runtime, attempted, error)
    })
}

fn missing(path: &Path, error: std::io::Error) -> Error {
    Error::caused(
        ErrorKind::Runtime,
        format!("could not start the runtime {}", path.display()),
        error,
    )
    .hint("install longshore-runtime beside longshore, or name it with --runtime")
}
