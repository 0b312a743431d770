//! Gathers all that is known of a run, and derives its state.

use longshore_protocol::id::RunId;
use longshore_protocol::record::{Beat, CancelRequest, JobRecord, Order, Outcome, Started};
use longshore_protocol::state::{Derived, Evidence, JobState, State, derive};

use super::Engine;
use crate::launcher::Handle;
use crate::{Error, chain, clock};

/// All that is known of a run, at one moment.
#[derive(Debug, Clone)]
pub struct RunView {
    /// What was asked for.
    pub order: Order,
    /// Where it went.
    pub job: Option<JobRecord>,
    /// What the infrastructure says; asked only while there is no outcome.
    pub job_state: Option<JobState>,
    /// The request to stop.
    pub cancel: Option<CancelRequest>,
    /// The newest attempt.
    pub started: Option<Started>,
    /// Its newest sign of life.
    pub beat: Option<Beat>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The state that follows.
    pub derived: Derived,
}

impl Engine {
    /// All that is known of `run` now.
    ///
    /// # Errors
    /// When the run does not exist, or the store cannot be read. That the infrastructure cannot be asked is no error:
    /// it is part of what is known.
    pub async fn view(&self, run: &RunId) -> Result<RunView, Error> {
        let (order, outcome) = futures::try_join!(self.store.order(run), self.store.outcome(run))?;
        self.view_from(order, outcome).await
    }

    /// Like [`Engine::view`], for who has read the order already.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn view_of(&self, order: Order) -> Result<RunView, Error> {
        let outcome = self.store.outcome(&order.run).await?;
        self.view_from(order, outcome).await
    }

    async fn view_from(&self, order: Order, outcome: Option<Outcome>) -> Result<RunView, Error> {
        let run = order.run;
        let mut view = RunView {
            order,
            job: None,
            job_state: None,
            cancel: None,
            started: None,
            beat: None,
            outcome,
            derived: Derived { state: State::Scheduled, reason: None },
        };
        if view.outcome.is_some() {
            view.job = self.store.job(&run).await?;
        } else {
            self.gather(&run, &mut view).await?;
        }
        view.derive();
        Ok(view)
    }

    /// Like [`Engine::view`], with what an outcome makes unnecessary for the state: the request to stop and the attempt.
    ///
    /// # Errors
    /// As for [`Engine::view`].
    pub async fn view_in_full(&self, run: &RunId) -> Result<RunView, Error> {
        let mut view = self.view(run).await?;
        if let Some(attempt) = view.outcome.as_ref().map(|outcome| outcome.attempt) {
            (view.cancel, view.started, view.beat) = futures::try_join!(
                self.store.cancel(run),
                self.store.started(run, attempt),
                self.store.beat(run, attempt)
            )?;
        }
        Ok(view)
    }

    async fn gather(&self, run: &RunId, view: &mut RunView) -> Result<(), Error> {
        let (job, cancel, attempts) = futures::try_join!(
            self.store.job(run),
            self.store.cancel(run),
            self.store.attempts(run)
        )?;
        (view.job, view.cancel) = (job, cancel);
        if attempts > 0 {
            (view.started, view.beat) = futures::try_join!(
                self.store.started(run, attempts),
                self.store.beat(run, attempts)
            )?;
        }
        let Some(job) = &view.job else { return Ok(()) };
        view.job_state = Some(self.ask(job).await);
        // The run may have ended between the first look and the infrastructure's answer.
        view.outcome = self.store.outcome(run).await?;
        Ok(())
    }

    async fn ask(&self, job: &JobRecord) -> JobState {
        let asked = async { self.launcher_of(&job.kind)?.state(&Handle(job.handle.clone())).await };
        asked.await.unwrap_or_else(|error: Error| JobState::Unknown { because: chain(&error) })
    }
}

impl RunView {
    fn derive(&mut self) {
        let Self { order, job, job_state, cancel, started, beat, outcome, derived: _ } = &*self;
        let evidence = Evidence {
            order,
            outcome: outcome.as_ref(),
            started: started.as_ref(),
            beat: beat.as_ref(),
            cancel: cancel.as_ref(),
            job: job.as_ref(),
            job_state: job_state.as_ref(),
        };
        self.derived = derive(&evidence, clock::now());
    }
}
