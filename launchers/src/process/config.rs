//! Settings of jobs that are processes.

use crate::settings::{AbsolutePath, Variables, settings};

settings! {
    /// What can be set about a process.
    pub struct ProcessSettings {
        /// The environment of the runtime's process, all of it: nothing is inherited. A flow sees only what it is granted.
        guarded env: Variables = Variables::default(),
        /// The folder in which the runtime's process starts. Default: a folder of the job.
        guarded working_dir: Option<AbsolutePath> = None,
        /// Whether longshore run shows the output of the runtime's process itself. The log of the flow is always shown.
        free stream_output: bool = false,
    }
}
