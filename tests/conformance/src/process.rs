//! Processes.

use longshore_launchers::kind::Kind;
use longshore_launchers::launcher::{Handle, Plan};
use serde_json::json;

use crate::{Hands, Stand};

/// A stand whose jobs are processes.
pub fn stand() -> Stand {
    Stand::new(Kind::Process, &[], None, Box::new(Shell))
}

#[derive(Debug)]
struct Shell;

impl Shell {
    /// Processes whose folder is the job's.
    fn processes(handle: &Handle) -> Vec<longshore_tests::Process> {
        let (_, folder) = handle.0.split_once(':').expect("it is the handle of a process");
        longshore_tests::processes_in(std::path::Path::new(folder))
    }
}

impl Hands for Shell {
    fn scripted(&self, plan: &Plan, script: &str) -> Plan {
        let mut plan = plan.clone();
        plan.request["program"] = json!("/bin/sh");
        plan.request["arguments"] = json!(["-c", script]);
        plan.request["env"] = json!({"PATH": "/usr/bin:/bin"});
        plan
    }

    fn kill(&self, handle: &Handle) {
        // The group at once: a shell that is found and killed before it starts its command may leave that behind.
        for process in Self::processes(handle) {
            process.signal_group(rustix::process::Signal::KILL);
        }
    }

    fn count(&self, handle: &Handle) -> usize {
        let (_, folder) = handle.0.split_once(':').expect("it is the handle of a process");
        usize::from(std::path::Path::new(folder).exists())
    }
}
