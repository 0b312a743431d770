//! Component → compiled artefact, in a process that limits itself.
//!
//! Compiling is outside of wasmtime's promise: a small component may take unbounded memory or time. So it happens in
//! `longshore-runtime compile`, which gives up by itself; its parent has a time limit as well.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use longshore_protocol::id::Digest;
use serde::{Deserialize, Serialize};

use longshore_protocol::limits::Metering;

use crate::engine::{Engine, EngineSettings};
use crate::{Error, ErrorKind};

/// What compiling one component may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Resident memory of the process. Default 2 GiB: Cranelift takes about 40 times the size of a component.
    pub memory_bytes: u64,
    /// Wall time. Default 2 minutes: a component of 10 MB takes about 5 s on two cores.
    pub timeout: Duration,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self { memory_bytes: 2 << 30, timeout: Duration::from_secs(120) }
    }
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compiled {
    /// The fingerprint of the engine that made it.
    pub engine: String,
    /// Its digest.
    pub sha256: Digest,
    /// Its size.
    pub bytes: u64,
}

/// Compiles the component in the file `component` into the file `output`, which must not exist yet.
///
/// # Errors
/// Says what is wrong with the component, or which file could not be read or written.
pub fn compile_file(
    component: &Path,
    output: &Path,
    metering: Metering,
) -> Result<Compiled, Error> {
    let bytes = fs::read(component).map_err(|error| {
        Error::caused(
            ErrorKind::Store,
            format!("could not read the component {}", component.display()),
            error,
        )
    })?;
    let engine = Engine::new(EngineSettings { metering, ..EngineSettings::default() })?;
    let content = engine.compile(&bytes)?;
    fs::write(output, &content).map_err(|error| {
        Error::caused(
            ErrorKind::Store,
            format!("could not write the artefact {}", output.display()),
            error,
        )
    })?;
    Ok(Compiled {
        engine: engine.fingerprint().to_owned(),
        sha256: Digest::of(&content),
        bytes: content.len() as u64,
    })
}

/// Watches this process from a thread of its own and calls `give_up` with the reason once a limit is reached.
///
/// Resident memory is watched rather than limited by `RLIMIT_AS`: wasmtime reserves address space that it never uses.
pub fn guard(limits: CompileLimits, give_up: impl FnOnce(Error) + Send + 'static) {
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    let began = Instant::now();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(LOOK_EVERY);
            let reason = if began.elapsed() > limits.timeout {
                format!("compiling took longer than {} s", limits.timeout.as_secs())
            } else if resident_bytes() > limits.memory_bytes {
                format!("compiling took more than {} MiB of memory", limits.memory_bytes >> 20)
            } else {
                continue;
            };
            return give_up(Error::new(ErrorKind::CompileLimit, reason));
        }
    });
}

fn resident_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0);
    pages * rustix::param::page_size() as u64
}
