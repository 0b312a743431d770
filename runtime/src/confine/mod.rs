//! The box around the box: what holds this process if a guest breaks out of wasmtime, or a component takes over the
//! compiler.
//!
//! A guest's own sandbox is [`crate::sandbox`]; nothing here is for guests that stay in it. From [`begin`] on, where a
//! process starts, each line with a test in `runtime/tests/confine.rs`:
//!
//! - it has no descriptors but standard input, output and error: what a launcher leaves open is closed;
//! - it leaves no core dump, which would have parameters and secrets in it;
//! - nobody else may write the files that it makes.
//!
//! From [`confine`] on, before the first instruction of a guest or of a compiler that works for one:
//!
//! - it gets no new privileges, whatever it may execute;
//! - it reads and writes files only below the folder of its own run: not those of other runs, not those of the machine,
//!   not its own `/proc/self/mem`; where the order has files, it reads and removes them, and cannot write them;
//! - it makes no links, devices, sockets or pipes in the file system, and changes no modes and owners;
//! - it executes no program, and starts no process, only threads;
//! - it makes no memory executable: what was loaded before is all the machine code that there will be;
//! - it opens no sockets; where the order grants a network, it opens sockets for TCP and UDP that connect, never ones
//!   that listen;
//! - it neither traces other processes nor reads their memory, and sends no signals to them;
//! - it does not let go of its launcher: the lock on standard input, the process group and the session stay;
//! - it mounts nothing, enters no namespace, loads no module or BPF program, and has no `io_uring`, `userfaultfd`,
//!   `perf`, keyring or terminal control: what is not in the list of `calls.rs` fails with `EPERM`.
//!
//! Three of the kernel's means do this: `no_new_privs`, landlock and seccomp. Where a kernel lacks one, the run goes on
//! without it, and its outcome says so, unless [`Demand::Required`]. Where a kernel has it and it fails, the process
//! ends before the guest starts.
//!
//! # When
//!
//! Landlock holds the thread that asks for it and those that it starts, not those that are there already. So a process
//! is confined between two halves of its work, while it has one thread. In the first half, it reads the order, its
//! parameters, secrets and code, and has the component compiled by a child where that must be. All of that came from
//! the launcher or was verified. The second half has the guest, and nothing to do with the file system but its run.
//! Compiling is the same in small: component and output are opened, then the file system is given up.
//!
//! # What is not here
//!
//! - The environment is not cleared: the process launcher passes none but variables that hold granted secrets, nothing
//!   hands them to a guest, and one who reads this process's memory finds the secrets there anyway. The outcome counts
//!   the variables.
//! - To remove the folder of its files in the end, it may remove folders beside it: empty ones of its own user.
//! - The process stays dumpable. Otherwise its `/proc/<pid>/fd` would belong to root, and the process launcher, which
//!   finds its jobs there, could not end them. So others of the same user may look into this process, as they may look
//!   into the store.
//! - Landlock does not hide that a path exists, and limits neither UDP nor to whom a connection is made: who may be
//!   connected to is for the sandbox to say.
//! - With a network and glibc, files that may be read may also be mapped as code: resolving a name loads modules. The
//!   static binary has none.
//! - Others may *read* what a run writes, as far as the umask that the process was started with lets them: a launcher of
//!   another user, for example outside of a container, must.

mod begin;
mod calls;
mod landlock;
mod seccomp;

use std::path::PathBuf;
use std::time::Duration;

use longshore_protocol::record::{Confinement, Layer};

use crate::{Error, ErrorKind};

pub use begin::begin;
pub use longshore_protocol::record::Network;

/// What becomes of a process whose kernel lacks something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Demand {
    /// It is confined by what there is.
    #[default]
    Available,
    /// It does not go on.
    Required,
}

/// What a confined process still needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Folders below which it reads, makes, replaces and removes files.
    pub writes: Vec<PathBuf>,
    /// Files and folders that it reads. Those that do not exist are left out.
    pub reads: Vec<PathBuf>,
    /// A folder that it has made, reads, and removes in the end.
    pub temporary: Option<PathBuf>,
    /// What it needs of the network.
    pub network: Network,
}

impl Needs {
    /// Nothing: it computes, with what it has opened already.
    pub fn nothing() -> Self {
        Self { writes: vec![], reads: vec![], temporary: None, network: Network::None }
    }
}

/// Confines this process for the rest of its life. It must have one thread.
///
/// # Errors
/// When the kernel has the means and they fail, or lacks what is required. The process may then be confined in part.
pub fn confine(needs: &Needs, demand: Demand) -> Result<Confinement, Error> {
    be_alone()?;
    // Reads the auxiliary vector, once and for all: later it could not, and clocks would be slower.
    rustix::param::page_size();
    // Counted before, since it is not of this process's own making.
    let environment_variables = std::env::vars_os().count() as u64;
    let (landlock, no_new_privs) = landlock::restrict(needs).map_err(failed("landlock"))?;
    let seccomp = seccomp::restrict(needs.network).map_err(failed("seccomp"))?;
    for (name, layer) in [("landlock", &landlock), ("seccomp", &seccomp)] {
        if let (Layer::Missing { because }, Demand::Required) = (layer, demand) {
            let attempted = format!("{name} is required here, and {because}");
            return Err(Error::new(ErrorKind::NotConfined, attempted));
        }
    }
    let network = needs.network;
    Ok(Confinement { no_new_privs, landlock, seccomp, network, environment_variables })
}

fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    means: &'static str,
) -> impl FnOnce(E) -> Error {
    move |error| {
        Error::caused(ErrorKind::NotConfined, format!("could not confine by {means}"), error)
    }
}

/// Waits until this process has one thread.
fn be_alone() -> Result<(), Error> {
    // A thread that was joined may be listed for a moment longer.
    const PATIENCE: Duration = Duration::from_secs(1);
    const LOOK_EVERY: Duration = Duration::from_micros(50);
    let attempted = |error| {
        Error::caused(ErrorKind::NotConfined, "could not count the threads of this process", error)
    };
    let mut waited = Duration::ZERO;
    loop {
        let threads = std::fs::read_dir("/proc/self/task").map_err(attempted)?.count();
        if threads == 1 {
            return Ok(());
        }
        if waited >= PATIENCE {
            let attempted = format!("{threads} threads are there already, and would stay free");
            return Err(Error::new(ErrorKind::NotConfined, attempted));
        }
        std::thread::sleep(LOOK_EVERY);
        waited += LOOK_EVERY;
    }
}
