//! Waits for a run to end.

use std::sync::OnceLock;
use std::time::Duration;

use futures::future::FusedFuture as _;
use futures::{FutureExt as _, StreamExt as _};
use longshore_protocol::id::RunId;
use longshore_protocol::layout;
use longshore_protocol::record::{CodeSource, JobRecord, Outcome};
use longshore_protocol::state::{Derived, JobState};

use super::{Engine, Event, LogReader, Report, RunView, Submitted};
use crate::launcher::Handle;
use crate::{Error, chain};

/// News are looked for this often at first, …
const LOOK_FIRST: Duration = Duration::from_millis(250);
/// … and this often in the end: each look takes a few requests to the store.
const LOOK_LONGEST: Duration = Duration::from_secs(2);

/// What a job has put out by its end is there after this, or not at all.
const LAST_OUTPUT_PATIENCE: Duration = Duration::from_secs(1);

/// How a run that was waited for ended.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The state.
    pub derived: Derived,
    /// The outcome, if the runtime could write one.
    pub outcome: Option<Outcome>,
}

impl Engine {
    /// Like [`Engine::wait`], for a run that was just submitted: reports the job's own output as well, if that is set.
    ///
    /// # Errors
    /// As for [`Engine::wait`].
    pub async fn attend(
        &self,
        submitted: &Submitted,
        report: &dyn Report,
    ) -> Result<Ending, Error> {
        let Submitted { run, handle: _, streams_output } = submitted;
        let mut ended = Box::pin(self.wait(run, report));
        if !streams_output {
            return ended.await;
        }
        let mut told = Box::pin(self.tell_output(run, report)).fuse();
        let ending = tokio::select! {
            biased;
            () = &mut told => ended.await,
            ending = &mut ended => ending,
        };
        if !told.is_terminated() {
            // What is not there by then is still in the job's own log.
            drop(tokio::time::timeout(LAST_OUTPUT_PATIENCE, told).await);
        }
        ending
    }

    /// Reports what the job puts out until it is over. That it cannot be read is no reason to give up the run.
    async fn tell_output(&self, run: &RunId, report: &dyn Report) {
        let Ok(mut lines) = self.job_output(run).await else { return };
        while let Some(Ok(line)) = lines.next().await {
            report.hear(&Event::Output { run: *run, line: &line });
        }
    }

    /// Waits until the run is over, and reports what happens meanwhile. Callers add the time limit.
    ///
    /// # Errors
    /// When the run does not exist, or the store cannot be read.
    pub async fn wait(&self, run: &RunId, report: &dyn Report) -> Result<Ending, Error> {
        let mut log = LogReader::new(&self.store, run);
        let mut told = Told::default();
        // It is read once: each look at the store is a request.
        let job = OnceLock::new();
        let job_over = self.job_over(run, &job).fuse();
        tokio::pin!(job_over);
        let mut pause = LOOK_FIRST;
        loop {
            // Waiting comes first: most runs end before there is anything to tell.
            let is_over = tokio::select! {
                biased;
                () = &mut job_over => true,
                () = tokio::time::sleep(pause) => false,
            };
            if is_over && let Some(outcome) = self.store.outcome(run).await? {
                return self.ended_with(run, outcome, (&mut log, job.get()), report).await;
            }
            let view = self.view(run).await?;
            tell_log(run, &mut log, report).await?;
            told.tell(run, &view, report);
            if view.derived.state.is_final() {
                return match view.outcome {
                    Some(outcome) => {
                        self.ended_with(run, outcome, (&mut log, view.job.as_ref()), report).await
                    }
                    None => Ok(Ending { derived: view.derived, outcome: None }),
                };
            }
            pause = pause.mul_f64(1.25).min(LOOK_LONGEST);
        }
    }

    async fn ended_with(
        &self,
        run: &RunId,
        outcome: Outcome,
        (log, job): (&mut LogReader, Option<&JobRecord>),
        report: &dyn Report,
    ) -> Result<Ending, Error> {
        if outcome.usage.log_bytes > 0 || outcome.attempt > 1 {
            tell_log(run, log, report).await?;
        }
        for failed in &outcome.failed_attempts {
            report.hear(&Event::Repeated { run: *run, failed });
        }
        self.heal(&outcome, report).await?;
        self.finish(run, job, report).await;
        let reason = Some(outcome.verdict.sentence()).filter(|text| !text.is_empty());
        let derived = Derived { state: outcome.verdict.state(), reason };
        Ok(Ending { derived, outcome: Some(outcome) })
    }

    /// Returns when the infrastructure says that the job is over; never, where it cannot say.
    async fn job_over(&self, run: &RunId, known: &OnceLock<JobRecord>) {
        let watch = async {
            let Some(job) = self.store.job(run).await? else { return std::future::pending().await };
            let job = known.get_or_init(|| job);
            let launcher = self.launcher_of(&job.kind)?;
            let handle = Handle(job.handle.clone());
            let mut state = launcher.state(&handle).await?;
            while matches!(state, JobState::Pending | JobState::Running | JobState::Unknown { .. })
            {
                state = launcher.changed(&handle, &state).await?;
            }
            Ok::<_, Error>(())
        };
        // An infrastructure that cannot be asked only costs us the event: the loop goes on looking.
        if watch.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Lets the infrastructure remove what it need not keep. That it cannot is no fault of the run.
    async fn finish(&self, run: &RunId, known: Option<&JobRecord>, report: &dyn Report) {
        let done = async {
            let job = match known {
                Some(job) => Some(job.clone()),
                None => self.store.job(run).await?,
            };
            let Some(job) = job else { return Ok(()) };
            self.launcher_of(&job.kind)?.finish(&Handle(job.handle)).await
        };
        if let Err(error) = done.await {
            report.hear(&Event::Warning { text: &chain(&error) });
        }
    }

    /// Removes a compiled artefact from the store that the runtime could not use, so that it is uploaded again.
    async fn heal(&self, outcome: &Outcome, report: &dyn Report) -> Result<(), Error> {
        let Some(CodeSource::CompiledHere { because }) = &outcome.runtime.code else {
            return Ok(());
        };
        let order = self.store.order(&outcome.run).await?;
        if let Some(compiled) =
            order.compiled.filter(|compiled| compiled.engine == outcome.runtime.engine)
        {
            self.store.delete(&layout::compiled(&compiled.engine, &compiled.sha256)).await?;
            report.hear(&Event::Healed { because });
        }
        Ok(())
    }
}

/// What was told already.
#[derive(Default)]
struct Told {
    derived: Option<Derived>,
    progress: Option<longshore_protocol::record::Progress>,
}

impl Told {
    fn tell(&mut self, run: &RunId, view: &RunView, report: &dyn Report) {
        if self.derived.as_ref() != Some(&view.derived) {
            report.hear(&Event::State { run: *run, derived: &view.derived });
            self.derived = Some(view.derived.clone());
        }
        let progress = view.beat.as_ref().and_then(|beat| beat.progress.clone());
        if let Some(progress) = progress.filter(|progress| self.progress.as_ref() != Some(progress))
        {
            report.hear(&Event::Progress { run: *run, progress: &progress });
            self.progress = Some(progress);
        }
    }
}

async fn tell_log(run: &RunId, log: &mut LogReader, report: &dyn Report) -> Result<(), Error> {
    for (attempt, record) in log.read().await? {
        report.hear(&Event::Log { run: *run, attempt, record: &record });
    }
    Ok(())
}
