//! Runs the runtime as a process on this machine. Linux only: it relies on `flock` and `/proc`.
//!
//! What is created: one folder per job, `<state folder>/jobs/<run id>/`, with a lock file and the process's own
//! output, and one process in a process group of its own, so that signals for a terminal's foreground group do not
//! reach it. Permissions: those of the user. Limits: none besides the flow's own, which the runtime enforces.
//!
//! The process holds an exclusive `flock` on its lock file, which it gets as standard input. The kernel gives the lock
//! back when the process ends, however it ends. So the lock *is* the state of the job: no process id that may be
//! reused has to be trusted, and a launcher that is killed at any moment leaves nothing that could be misread.

mod client;
mod config;
mod plan;
mod state;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::stream::BoxStream;
use longshore_protocol::state::JobState;

use crate::Error;
use crate::image::RuntimeImage;
use crate::launcher::{FoundJob, Handle, Job, Launcher, Plan, Tell, cannot_reach};
use crate::settings::JobSettings;
use crate::surroundings::Surroundings;

pub use config::ProcessSettings;

/// Launches processes.
#[derive(Debug)]
pub struct ProcessLauncher {
    state_folder: PathBuf,
    surroundings: Surroundings,
    /// Our own children, so that their exit codes are known and they do not stay zombies.
    children: Mutex<HashMap<Handle, Child>>,
}

impl ProcessLauncher {
    /// A launcher that keeps the folders of its jobs in `state_folder`, and hands on variables for secrets from its
    /// `surroundings`.
    pub fn new(state_folder: PathBuf, surroundings: Surroundings) -> Self {
        Self { state_folder, surroundings, children: Mutex::default() }
    }

    /// The exit code of a job that is our own child and over.
    fn exit_of_child(&self, handle: &Handle) -> Option<std::process::ExitStatus> {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        let child = children.get_mut(handle)?;
        // The lock is free, so the process is ending if it has not ended: this wait takes no time.
        child.wait().ok()
    }

    fn observe(&self, handle: &Handle) -> Result<JobState, Error> {
        let folder = plan::folder_of(handle)?;
        let state = match client::look(&folder)? {
            client::Lock::Held => JobState::Running,
            client::Lock::Missing => JobState::Gone,
            client::Lock::Free => {
                state::exited(self.exit_of_child(handle), &client::last_output(&folder))
            }
        };
        Ok(state)
    }
}

#[async_trait::async_trait]
impl Launcher for ProcessLauncher {
    fn plan(&self, job: &Job) -> Result<Plan, Error> {
        plan::plan(&self.state_folder, job)
    }

    fn check_patched(&self, planned: &Plan, patched: &Plan) -> Result<(), Error> {
        plan::check_patched(planned, patched)
    }

    async fn check(&self, _: &JobSettings, _: Option<&RuntimeImage>) -> Result<String, Error> {
        let folder = &self.state_folder;
        client::check(folder)?;
        Ok(format!("jobs are kept in {}", folder.join("jobs").display()))
    }

    async fn launch(&self, plan: &Plan, _: &Tell<'_>) -> Result<(), Error> {
        let mut command = plan::command_of(plan)?;
        for name in std::mem::take(&mut command.env_from_launcher) {
            let value = self.surroundings.required(&name)?.to_owned();
            command.env.insert(name, value);
        }
        let Some(child) = client::start(&plan::folder_of(&plan.handle)?, &command)? else {
            return Ok(());
        };
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.insert(plan.handle.clone(), child);
        Ok(())
    }

    async fn state(&self, handle: &Handle) -> Result<JobState, Error> {
        if let Some(because) = plan::not_from_here(handle)? {
            return Ok(JobState::Unknown { because });
        }
        self.observe(handle)
    }

    async fn changed(&self, handle: &Handle, seen: &JobState) -> Result<JobState, Error> {
        if let Some(because) = plan::not_from_here(handle)? {
            std::future::pending::<()>().await;
            return Ok(JobState::Unknown { because });
        }
        if *seen == JobState::Running {
            client::lock_free(&plan::folder_of(handle)?).await?;
        }
        let state = self.observe(handle)?;
        if state == *seen {
            // Over, and nothing more will ever happen.
            std::future::pending::<()>().await;
        }
        Ok(state)
    }

    fn logs(&self, handle: &Handle) -> BoxStream<'static, Result<String, Error>> {
        client::output_lines(plan::folder_of(handle))
    }

    async fn cancel(&self, handle: &Handle, grace: Duration) -> Result<(), Error> {
        if let Some(because) = plan::not_from_here(handle)? {
            return Err(cannot_reach(handle, &because));
        }
        client::end(&plan::folder_of(handle)?, grace).await
    }

    async fn finish(&self, _: &Handle) -> Result<(), Error> {
        // Its folder has the output, which people ask for; it goes with the run.
        Ok(())
    }

    async fn cleanup(&self, handle: &Handle) -> Result<(), Error> {
        client::remove(&plan::folder_of(handle)?)?;
        self.children.lock().unwrap_or_else(PoisonError::into_inner).remove(handle);
        Ok(())
    }

    async fn jobs(&self, _: &JobSettings, _: &str) -> Result<Vec<FoundJob>, Error> {
        // A process that is over is nothing, and its folder goes with the run.
        Ok(Vec::new())
    }
}
