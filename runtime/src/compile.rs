//! Component → compiled artefact, in a process that limits itself.
//!
//! Compiling is outside of wasmtime's promise: a small component may take unbounded memory or time. So it happens in
//! `longshore-runtime compile`, which gives up by itself; its parent has a time limit as well, and takes the process
//! with it when it dies. A component that took over the compiler could write its own artefact, and nothing else: see
//! [`crate::confine`].

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::num::NonZero;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use longshore_protocol::id::Digest;
use longshore_protocol::limits::Metering;
use longshore_protocol::record::Confinement;
use longshore_protocol::target::Target;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use serde::{Deserialize, Serialize};

use crate::confine::{Demand, Needs, confine};
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

/// Which machine code is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Code {
    /// Whether it counts its instructions.
    pub metering: Metering,
    /// For which processors it is made.
    pub target: Target,
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
    /// What held the process that made it.
    pub confinement: Confinement,
}

/// Compiles the component in the file `component` into the file `output`, which must not exist yet, and is empty where
/// that fails. This process is confined before it reads the component; a limit that is reached is told to `give_up`,
/// from a thread of its own.
///
/// # Errors
/// Says what is wrong with the component, or which file could not be read or written.
pub fn compile_file(
    component: &Path,
    output: &Path,
    (code, limits): (Code, CompileLimits),
    give_up: impl FnOnce(Error) + Send + 'static,
) -> Result<Compiled, Error> {
    let unreadable = failed("read the component", component);
    let unwritable = failed("write the artefact", output);
    // Opened while there is a file system: all that the compiler can write is this one file.
    let mut input = File::open(component).map_err(&unreadable)?;
    let mut file = File::create_new(output).map_err(&unwritable)?;
    let confinement = hold(limits, give_up)?;
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(&unreadable)?;
    let Code { metering, target } = code;
    let engine = Engine::new(EngineSettings { metering, target, ..EngineSettings::default() })?;
    let content = engine.compile(&bytes)?;
    file.write_all(&content).map_err(&unwritable)?;
    Ok(Compiled {
        engine: engine.fingerprint().to_owned(),
        sha256: Digest::of(&content),
        bytes: content.len() as u64,
        confinement,
    })
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    let attempted = format!("could not {what} {}", path.display());
    move |error| Error::caused(ErrorKind::Store, attempted.clone(), error)
}

/// Confines and limits this process.
fn hold(
    limits: CompileLimits,
    give_up: impl FnOnce(Error) + Send + 'static,
) -> Result<Confinement, Error> {
    let refused = |error: Errno| {
        let attempted = "could not limit the compiler";
        Error::caused(ErrorKind::NotConfined, attempted, io::Error::from(error))
    };
    // Nobody else needs what it makes. What counts is the thread that started it, which waits for it.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(refused)?;
    setrlimit(Resource::Cpu, cpu_limit(limits.timeout)).map_err(refused)?;
    let memory = File::open("/proc/self/statm");
    let confinement = confine(&needs(), Demand::Available)?;
    guard(limits, memory.ok(), give_up);
    Ok(confinement)
}

/// Only how many processors its container gives it: it starts as many threads.
fn needs() -> Needs {
    Needs { reads: vec!["/proc/self/cgroup".into(), "/sys/fs/cgroup".into()], ..Needs::nothing() }
}

/// The kernel ends what the guard does not: all threads together have computed for longer than they may.
fn cpu_limit(timeout: Duration) -> Rlimit {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let seconds = (timeout.as_secs() + 1).saturating_mul(threads);
    Rlimit { current: Some(seconds), maximum: Some(seconds) }
}

/// Watches this process from a thread of its own and calls `give_up` with the reason once a limit is reached.
///
/// Resident memory is watched rather than limited by `RLIMIT_AS`: wasmtime reserves address space that it never uses.
fn guard(
    limits: CompileLimits,
    memory: Option<File>,
    give_up: impl FnOnce(Error) + Send + 'static,
) {
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    let began = Instant::now();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(LOOK_EVERY);
            let reason = if began.elapsed() > limits.timeout {
                format!("compiling took longer than {} s", limits.timeout.as_secs())
            } else if memory.as_ref().is_some_and(|file| resident_bytes(file) > limits.memory_bytes)
            {
                format!("compiling took more than {} MiB of memory", limits.memory_bytes >> 20)
            } else {
                continue;
            };
            return give_up(Error::new(ErrorKind::CompileLimit, reason));
        }
    });
}

/// From `/proc/self/statm`, which tells anew each time that it is read.
fn resident_bytes(statm: &File) -> u64 {
    const LINE_BYTES_MAX: usize = 256;
    let mut line = [0; LINE_BYTES_MAX];
    let pages = statm.read_at(&mut line, 0).ok().and_then(|length| {
        let text = std::str::from_utf8(&line[..length]).ok()?;
        text.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}
