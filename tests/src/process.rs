//! Processes, seen from outside.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::until;

/// A process that a test, or a program under test, has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    pid: i32,
}

impl Process {
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid: pid.try_into().expect("process ids are small") }
    }

    /// Its id.
    pub fn pid(self) -> i32 {
        self.pid
    }

    /// Sends a signal; to a process that has ended, none.
    pub fn signal(self, signal: Signal) {
        let pid = Pid::from_raw(self.pid).expect("process ids are not zero");
        match kill_process(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => panic!("could not send a signal to {}: {error}", self.pid),
        }
    }

    /// Sends a signal to the process group that it leads; to one that has ended, none.
    pub fn signal_group(self, signal: Signal) {
        let pid = Pid::from_raw(self.pid).expect("process ids are not zero");
        match kill_process_group(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => panic!("could not send a signal to the group of {}: {error}", self.pid),
        }
    }

    /// Whether it has ended. One that nobody has waited for has ended as well.
    pub fn is_over(self) -> bool {
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.pid)) else { return true };
        // The state comes after the name, which stands in brackets and may have brackets in it.
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
    }

    /// Waits until it has ended.
    #[track_caller]
    pub fn until_over(self) {
        until(&format!("process {} is over", self.pid), || self.is_over().then_some(()));
    }
}

/// The processes that have `path` in their command line and have not ended.
pub fn processes_of(path: &Path) -> Vec<Process> {
    let path = path.to_str().expect("the paths of tests are text");
    processes_with(|pid| {
        fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(path))
    })
}

/// The processes whose working folder is `folder` and that have not ended.
pub fn processes_in(folder: &Path) -> Vec<Process> {
    processes_with(|pid| {
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|place| place == folder)
    })
}

fn processes_with(fits: impl Fn(u32) -> bool) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return vec![] };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| fits(*pid))
        .map(Process::new)
        .filter(|process| !process.is_over())
        .collect()
}
