//! What this runtime is: version, ABI, engine, platform, and what confines it.

use longshore_protocol::abi::Abi;
use longshore_protocol::limits::Metering;
use longshore_protocol::record::{Confinement, Host};
use longshore_protocol::target::Target;
use serde::{Deserialize, Serialize};

use crate::confine::{Demand, Needs, confine};
use crate::engine::{Engine, EngineSettings};
use crate::{Error, chain};

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
    /// The fingerprint of its engine for code that counts its instructions.
    pub metered_engine: String,
    /// The fingerprints of engines for processors of other machines.
    pub portable_engines: Vec<PortableEngine>,
    /// Architecture and operating system.
    pub platform: String,
    /// What confines a run on this machine, today: the kernel may be another one tomorrow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confinement: Option<Confinement>,
    /// Why a run cannot be confined on this machine, and so will not be executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_confined: Option<String>,
}

/// An engine whose code runs on any processor of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortableEngine {
    /// The kind of processor.
    pub target: Target,
    /// The fingerprint of the engine.
    pub engine: String,
    /// The fingerprint of the engine for code that counts its instructions.
    pub metered_engine: String,
}

impl Facts {
    /// The facts of this runtime.
    ///
    /// # Errors
    /// When the machine cannot support an engine.
    pub fn gather() -> Result<Self, Error> {
        let engine = |target, metering| {
            let settings = EngineSettings { metering, target, ..EngineSettings::default() };
            Ok(Engine::new(settings)?.fingerprint().to_owned())
        };
        let portable = [Target::X86_64, Target::Aarch64].into_iter().map(|target| {
            Ok(PortableEngine {
                target,
                engine: engine(target, Metering::Off)?,
                metered_engine: engine(target, Metering::Fuel)?,
            })
        });
        Ok(Self {
            version: VERSION.to_owned(),
            abi: Abi::CURRENT,
            engine: engine(Target::Native, Metering::Off)?,
            metered_engine: engine(Target::Native, Metering::Fuel)?,
            portable_engines: portable.collect::<Result<_, Error>>()?,
            platform: platform(),
            confinement: None,
            not_confined: None,
        })
    }

    /// Adds what confines a run here. The only proof is in the doing: this process is confined from then on.
    #[must_use]
    pub fn confined(mut self) -> Self {
        match confine(&Needs::nothing(), Demand::Available) {
            Ok(confinement) => self.confinement = Some(confinement),
            Err(error) => self.not_confined = Some(chain(&error)),
        }
        self
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
