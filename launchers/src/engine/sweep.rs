//! Finds jobs on an infrastructure that nobody needs any more, and removes them.
//!
//! **Invariant:** only what carries this store's mark is touched: a job of another store is somebody else's.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use longshore_protocol::id::RunId;
use longshore_protocol::state::{JobState, LAUNCH_TIME_MAX, State};

use super::{CANCEL_GRACE, Engine};
use crate::launcher::{FoundJob, Handle};
use crate::store::SIDE_BY_SIDE;
use crate::{Error, ErrorKind, clock};

/// A job that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftJob {
    /// The run.
    pub run: RunId,
    /// The job.
    pub handle: Handle,
    /// Why nobody needs it.
    pub why: Why,
}

/// Why nobody needs a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its run ended in this state.
    Ended(State),
    /// The store has no such run.
    NoRun,
}

impl Engine {
    /// The pool's jobs that nobody needs: their runs are over, or there are none. A run that crashed is left alone until
    /// `keep_crashed` has passed since it was ordered, since its job explains why.
    ///
    /// # Errors
    /// When the infrastructure or the store cannot be asked.
    pub async fn left_jobs(&self, keep_crashed: Duration) -> Result<Vec<LeftJob>, Error> {
        let settings = self.pool.job_settings()?;
        let tenant = self.store.tenant().as_str();
        let mark = self.store_mark();
        let jobs = self.launcher.jobs(&settings, tenant).await?;
        let ours = jobs.into_iter().filter(|job| job.store == mark);
        let judged = stream::iter(ours).map(|job| self.judge_job(job, keep_crashed));
        let judged: Vec<_> = judged.buffered(SIDE_BY_SIDE).collect().await;
        judged.into_iter().filter_map(Result::transpose).collect()
    }

    /// `None`: it is needed.
    async fn judge_job(&self, job: FoundJob, keep: Duration) -> Result<Option<LeftJob>, Error> {
        let FoundJob { run, handle, store: _ } = job;
        let age = clock::now().duration_since(run.ordered_at());
        let age = Duration::try_from(age).unwrap_or(Duration::ZERO);
        let left = |why| Ok(Some(LeftJob { run, handle: handle.clone(), why }));
        let view = match self.view(&run).await {
            Ok(view) => view,
            // An order is written before its job is launched, so this one is not on its way.
            Err(error) if error.kind() == ErrorKind::BadInput && age > LAUNCH_TIME_MAX => {
                return left(Why::NoRun);
            }
            Err(error) if error.kind() == ErrorKind::BadInput => return Ok(None),
            Err(error) => return Err(error),
        };
        match view.derived.state {
            state if !state.is_final() => Ok(None),
            State::Crashed if view.outcome.is_none() && age < keep => Ok(None),
            state => left(Why::Ended(state)),
        }
    }

    /// Ends and removes a job that is left.
    ///
    /// # Errors
    /// When something is left of it.
    pub async fn remove_job(&self, job: &LeftJob) -> Result<(), Error> {
        let LeftJob { run: _, handle, why: _ } = job;
        if matches!(self.launcher.state(handle).await?, JobState::Pending | JobState::Running) {
            self.launcher.cancel(handle, CANCEL_GRACE).await?;
        }
        self.launcher.cleanup(handle).await
    }
}
