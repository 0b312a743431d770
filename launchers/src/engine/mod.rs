//! What is the same on every infrastructure: check, upload, order, launch, watch, read.
//!
//! **Invariant:** the engine emits events and prints nothing.

mod content;
mod doctor;
mod event;
mod evidence;
mod gc;
mod list;
mod logs;
mod open;
mod plan;
mod request;
mod submit;
mod sweep;
mod ticket;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use longshore_protocol::id::RunId;
use longshore_protocol::limits::Metering;
use longshore_protocol::record::{CancelRequest, FormatVersion, Outcome, Payload, Verdict};
use longshore_protocol::schema;
use serde_json::Value;

use crate::artefact::{Cache, Code};
use crate::kind::Kind;
use crate::launcher::{Handle, Launcher};
use crate::pool::Pool;
use crate::store::Store;
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind, clock};

pub use content::FileContent;
pub use doctor::Check;
pub use event::{Event, Report, Silent};
pub use evidence::RunView;
pub use gc::{OldRun, OldVerdict};
pub use list::Filter;
pub use logs::{Cursor, LogReader};
pub use plan::{DryRun, Upload};
pub use request::{Params, Request, Terms, describe};
pub use submit::Submitted;
pub use sweep::{LeftJob, Why};
pub use watch::Ending;

/// A run gets this long to end by itself once it was asked to, before it is made to.
pub const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// Where an engine keeps things on this machine.
#[derive(Debug, Clone)]
pub struct Places {
    /// The runtime's binary.
    pub runtime: PathBuf,
    /// The runtime's binary for images. `None`: what is found beside the other one.
    pub image_runtime: Option<PathBuf>,
    /// For files that can be made again.
    pub cache: PathBuf,
    /// For files of running jobs.
    pub state: PathBuf,
    /// The environment variables around this program.
    pub surroundings: Surroundings,
}

/// Runs flows: one store, one pool.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    pool: Pool,
    launcher: Arc<dyn Launcher>,
    cache: Cache,
    places: Places,
}

impl Engine {
    /// An engine for runs in `store` on the infrastructure of `pool`.
    pub fn new(store: Store, pool: Pool, places: Places) -> Self {
        let launcher = Arc::from(pool.kind.launcher(&places.state, &places.surroundings));
        Self::with_launcher(store, pool, launcher, places)
    }

    /// An engine whose jobs are those of a given launcher, which stands for the infrastructure of `pool`.
    pub fn with_launcher(
        store: Store,
        pool: Pool,
        launcher: Arc<dyn Launcher>,
        places: Places,
    ) -> Self {
        Self { store, pool, launcher, cache: Cache::new(&places.cache), places }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The machine code that runs in this pool.
    fn code(&self, metering: Metering) -> Code {
        Code { target: self.pool.target.unwrap_or(self.pool.kind.target()), metering }
    }

    /// A launcher for a job that may be of another kind than ours. Jobs of our kind may be those that our own launcher
    /// has started, and it knows more of them than any other.
    fn launcher_of(&self, kind: &str) -> Result<Arc<dyn Launcher>, Error> {
        if kind == self.pool.kind.word() {
            return Ok(Arc::clone(&self.launcher));
        }
        let kind: Kind =
            kind.parse().map_err(|error: String| Error::new(ErrorKind::BadInput, error))?;
        Ok(Arc::from(kind.launcher(&self.places.state, &self.places.surroundings)))
    }

    /// Asks a run to stop. The request is in the store afterwards; what comes of it, [`Engine::wait`] tells.
    ///
    /// # Errors
    /// When the run does not exist, or the store cannot be written.
    pub async fn request_cancel(&self, run: &RunId, reason: Option<String>) -> Result<(), Error> {
        self.store.order(run).await?;
        let request =
            CancelRequest { format: FormatVersion::CURRENT, requested_at: clock::now(), reason };
        self.store.create_cancel(run, &request).await.map(|_| ())
    }

    /// Makes a run stop that was asked to and did not.
    ///
    /// # Errors
    /// When the job may still be running.
    pub async fn end_job(&self, run: &RunId, grace: Duration) -> Result<(), Error> {
        let Some(job) = self.store.job(run).await? else { return Ok(()) };
        self.launcher_of(&job.kind)?.cancel(&Handle(job.handle), grace).await
    }

    /// All that is known of a run that may be removed. `None`: somebody has begun to remove it, and was cut off.
    ///
    /// # Errors
    /// When it is not over, does not exist, or the store cannot be read.
    pub async fn view_of_ended(&self, run: &RunId) -> Result<Option<RunView>, Error> {
        if self.store.is_half_removed(run).await? {
            return Ok(None);
        }
        let view = self.view(run).await?;
        if !view.derived.state.is_final() {
            let state = view.derived.state;
            return Err(Error::new(
                ErrorKind::BadInput,
                format!("run {} is {state}, so it is not removed", run.short()),
            )
            .hint(format!("cancel it first: longshore cancel {}", run.short())));
        }
        Ok(Some(view))
    }

    /// Removes a run that is over: what is left of its job, and all of its records.
    ///
    /// # Errors
    /// When it is not over, or something is left.
    pub async fn remove(&self, run: &RunId) -> Result<(), Error> {
        let view = self.view_of_ended(run).await?;
        if let Some(job) = view.and_then(|view| view.job) {
            self.launcher_of(&job.kind)?.cleanup(&Handle(job.handle)).await?;
        }
        self.store.remove_run(run).await
    }

    /// The container's own output, as far as there is any: for when the runtime could not speak.
    ///
    /// # Errors
    /// When the run does not exist.
    pub async fn job_output(
        &self,
        run: &RunId,
    ) -> Result<futures::stream::BoxStream<'static, Result<String, Error>>, Error> {
        self.store.order(run).await?;
        let Some(job) = self.store.job(run).await? else {
            return Ok(Box::pin(futures::stream::empty()));
        };
        Ok(self.launcher_of(&job.kind)?.logs(&Handle(job.handle)))
    }

    /// Reads the serialized result of a run that completed.
    ///
    /// # Errors
    /// When the outcome has none, or it is missing or damaged.
    pub async fn result(&self, outcome: &Outcome) -> Result<bytes::Bytes, Error> {
        match &outcome.verdict {
            Verdict::Completed { result } => self.payload(outcome, result).await,
            other => Err(Error::new(
                ErrorKind::BadInput,
                format!("the run has no result: {}", other.sentence()),
            )),
        }
    }

    async fn payload(&self, outcome: &Outcome, payload: &Payload) -> Result<bytes::Bytes, Error> {
        self.store.result(&outcome.run, payload).await
    }

    /// The result as JSON, as the flow's own schema says: it is read from the component that was executed.
    ///
    /// # Errors
    /// When component or result are missing or damaged.
    pub async fn result_json(&self, outcome: &Outcome) -> Result<Value, Error> {
        let content = self.result(outcome).await?;
        let flow = self.flow_of(&outcome.run).await?;
        Ok(schema::decode(&flow.result, &content, "result")?)
    }

    /// The descriptor of the flow that a run executes.
    ///
    /// # Errors
    /// When order or component are missing or damaged.
    pub async fn flow_of(
        &self,
        run: &RunId,
    ) -> Result<longshore_protocol::descriptor::FlowDescriptor, Error> {
        let order = self.store.order(run).await?;
        let component = self.store.component(&order.component.sha256).await?;
        Ok(longshore_protocol::component::describe(&component)?.flow(Some(&order.flow))?.clone())
    }
}
