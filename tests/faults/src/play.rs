//! Plays one combination: a launcher submits, cancels, waits and removes, a runtime executes, and the plan has its way
//! with both. Then another machine, without trouble, looks at what is left.

use std::sync::Arc;
use std::time::Duration;

use longshore_launchers::engine::{Ending, Engine, RunView, Silent};
use longshore_launchers::pool::Pool;
use longshore_launchers::store::Store;
use longshore_launchers::{Error, chain};
use longshore_protocol::id::{RunId, Tenant};
use longshore_protocol::record::Outcome;
use object_store::ObjectStore;
use object_store::memory::InMemory;

use crate::combination::Combination;
use crate::death::Death;
use crate::infrastructure::{InProcess, Infrastructure, PACE};
use crate::journal::Journal;
use crate::operation::Side;
use crate::store::FaultyStore;
use crate::world::World;

/// Nothing that is played takes this long on a machine that is not broken.
const PATIENCE: Duration = Duration::from_secs(30);
/// Why somebody wants a run to stop.
pub(crate) const REASON: &str = "enough";

/// What a launcher saw before it ended.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The run that it was told it has.
    pub(crate) submitted: Option<RunId>,
    /// How it was told that the run ended.
    pub(crate) ending: Option<Ending>,
    /// Whether it was told that the run is removed.
    pub(crate) is_removed: bool,
    /// The error that it was told, which is the last thing that it saw.
    pub(crate) error: Option<String>,
}

/// A combination that was played, and what is left of it.
#[derive(Debug)]
pub struct Played {
    pub(crate) combination: Combination,
    pub(crate) journal: Journal,
    pub(crate) seen: Seen,
    /// Whether all jobs ended by themselves, or by being asked to.
    pub(crate) is_over: bool,
    /// The runs for which there was a job.
    pub(crate) jobs: Vec<RunId>,
    /// The runs that another machine finds.
    pub(crate) found: Vec<RunId>,
    /// What it finds out about the run.
    pub(crate) view: Option<Result<RunView, String>>,
    /// The result, where there is one.
    pub(crate) result: Option<Result<Vec<u8>, String>>,
    /// Whether it could remove the run, where that was tried.
    pub(crate) removal: Option<Result<(), String>>,
    /// All that is left in the store.
    pub(crate) left: Vec<(String, Vec<u8>)>,
}

impl Played {
    /// What was asked of the store, and what happened.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Whether what was planned for one operation came to pass.
    pub fn has_struck(&self) -> bool {
        self.journal.lines().iter().any(|line| line.trouble.is_some())
    }

    /// In one word, how the run ended: for the summary.
    pub fn ended(&self) -> &'static str {
        match &self.view {
            Some(Ok(view)) => view.derived.state.word(),
            Some(Err(_)) => "unreadable",
            None if self.seen.is_removed || self.removal.is_some() => "removed",
            None => "never ordered",
        }
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.view.as_ref()?.as_ref().ok()?.outcome.as_ref()
    }
}

impl World {
    /// Plays a combination.
    pub fn play(&self, combination: &Combination) -> Played {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be started");
        runtime.block_on(Box::pin(self.play_all(combination)))
    }

    async fn play_all(&self, combination: &Combination) -> Played {
        let stage = Stage::new(combination);
        let Stage { combination: _, objects, journal, infrastructure } = &stage;
        let death = Death::not_yet();
        let faulty = FaultyStore::new(objects, Side::Engine, &combination.plan, journal, &death);
        let engine = self.engine(Arc::new(faulty), infrastructure);
        let mut seen = Seen::default();
        let acted = tokio::select! {
            biased;
            () = death.happened() => Ok(()),
            acted = Box::pin(self.act(&engine, infrastructure, combination, &mut seen)) => acted,
        };
        seen.error = acted.err().map(|error| chain(&error));
        let other = self.engine(Arc::clone(objects), infrastructure);
        stage.look(&other, seen).await
    }

    fn engine(&self, objects: Arc<dyn ObjectStore>, infrastructure: &Infrastructure) -> Engine {
        let store = Store::new(objects, "memory:///", Tenant::default()).at_pace(PACE);
        let launcher = Arc::new(InProcess::new(infrastructure));
        Engine::with_launcher(store, Pool::local(), launcher, self.places())
    }

    async fn act(
        &self,
        engine: &Engine,
        infrastructure: &Infrastructure,
        combination: &Combination,
        seen: &mut Seen,
    ) -> Result<(), Error> {
        let flow = combination.flow;
        let run = engine.submit(self.request(flow), &Silent).await?.run;
        seen.submitted = Some(run);
        if flow.is_cancelled {
            engine.request_cancel(&run, Some(REASON.to_owned())).await?;
        }
        if flow.is_terminated {
            engine.end_job(&run, PATIENCE).await?;
        }
        // Waiting for the job first makes the number of looks the same each time.
        infrastructure.all_over().await;
        seen.ending = Some(engine.wait(&run, &Silent).await?);
        if flow.is_removed {
            engine.remove(&run).await?;
            seen.is_removed = true;
        }
        Ok(())
    }
}

/// Where one combination is played.
struct Stage<'a> {
    combination: &'a Combination,
    objects: Arc<dyn ObjectStore>,
    journal: Journal,
    infrastructure: Infrastructure,
}

impl<'a> Stage<'a> {
    fn new(combination: &'a Combination) -> Self {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let journal = Journal::default();
        let infrastructure = Infrastructure::new(&objects, &journal, &combination.plan);
        Self { combination, objects, journal, infrastructure }
    }

    /// Looks as another machine, later, when nobody of this play is alive any more.
    async fn look(self, engine: &Engine, seen: Seen) -> Played {
        let Self { combination, objects, journal, infrastructure } = self;
        let flow = combination.flow;
        let found = runs(engine).await;
        let run = found.first().copied();
        if let Some(run) = run.filter(|_| flow.is_cancelled) {
            // Where there is no order, there is nobody to be stopped.
            drop(engine.request_cancel(&run, Some(REASON.to_owned())).await);
        }
        let is_over = tokio::time::timeout(PATIENCE, infrastructure.all_over()).await.is_ok();
        infrastructure.kill_all();
        let mut played = Played {
            combination: combination.clone(),
            journal,
            seen,
            is_over,
            jobs: infrastructure.runs(),
            found,
            view: None,
            result: None,
            removal: None,
            left: vec![],
        };
        if let Some(run) = run {
            played.view = Some(engine.view(&run).await.map_err(|error| chain(&error)));
            if let Some(outcome) = played.outcome()
                && outcome.verdict.word() == "completed"
                && !flow.is_removed
            {
                let result = engine.result(outcome).await.map(Vec::from);
                played.result = Some(result.map_err(|error| chain(&error)));
            }
            if flow.is_removed && played.seen.ending.is_some() {
                played.removal = Some(engine.remove(&run).await.map_err(|error| chain(&error)));
                played.view = None;
            }
        }
        played.left = content(&objects).await;
        played
    }
}

async fn runs(engine: &Engine) -> Vec<RunId> {
    let store = engine.store();
    let mut runs = Vec::new();
    for day in store.days().await.expect("this view has no trouble") {
        runs.extend(store.runs_of(&day).await.expect("this view has no trouble"));
    }
    runs
}

async fn content(objects: &Arc<dyn ObjectStore>) -> Vec<(String, Vec<u8>)> {
    use futures::TryStreamExt as _;
    use object_store::ObjectStoreExt as _;
    let listed: Vec<_> = objects.list(None).try_collect().await.expect("a listing of memory");
    let mut content = Vec::new();
    for meta in listed {
        let object = objects.get(&meta.location).await.expect("it was just listed");
        let bytes = object.bytes().await.expect("it is in memory");
        content.push((meta.location.to_string(), bytes.to_vec()));
    }
    content
}
