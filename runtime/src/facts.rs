//! What this runtime is: version, ABI, engine, platform.

use longshore_protocol::abi::Abi;
use longshore_protocol::record::Host;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;

/// The version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a launcher must know of a runtime before it ships a compiled artefact to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The version of the runtime.
    pub version: String,
    /// The guest contract that it executes.
    pub abi: Abi,
    /// The fingerprint of its engine: artefacts of another one cannot be loaded.
    pub engine: String,
    /// Architecture and operating system.
    pub platform: String,
}

impl Facts {
    /// The facts of a runtime that uses `engine`.
    pub fn of(engine: &Engine) -> Self {
        Self {
            version: VERSION.to_owned(),
            abi: Abi::CURRENT,
            engine: engine.fingerprint().to_owned(),
            platform: platform(),
        }
    }
}

/// Where this process runs.
pub fn host() -> Host {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Host { name, pid: std::process::id(), platform: platform() }
}

fn platform() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}
