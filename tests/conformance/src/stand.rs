//! A launcher with an infrastructure behind it, and an engine in front.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use longshore_launchers::chain;
use longshore_launchers::engine::{
    Engine, Event, Params, Places, Report, Request, Silent, Submitted, Terms,
};
use longshore_launchers::kind::Kind;
use longshore_launchers::launcher::{Handle, Launcher, Plan};
use longshore_launchers::pool::{Overrides, Pool};
use longshore_launchers::settings::{Change, Origin};
use longshore_launchers::store::Store;
use longshore_launchers::surroundings::Surroundings;
use longshore_protocol::id::Tenant;
use longshore_protocol::state::JobState;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

/// A state that does not come within this does not come.
const PATIENCE: Duration = Duration::from_secs(180);

/// What somebody beside the launcher can do with its infrastructure.
pub trait Hands: fmt::Debug + Send + Sync {
    /// The same job, but what it starts is a shell with this script.
    fn scripted(&self, plan: &Plan, script: &str) -> Plan;

    /// Kills the job's first process.
    fn kill(&self, handle: &Handle);

    /// How many jobs there are of this name.
    fn count(&self, handle: &Handle) -> usize;

    /// Whether a job that is over can be removed. Where it cannot, the infrastructure forgets it by itself.
    fn removes(&self) -> bool {
        true
    }

    /// Whether the output of a job that is over is kept, however much it is. Where it is not, whoever follows the job while
    /// it runs has all of it.
    fn keeps_output_of_the_past(&self) -> bool {
        true
    }

    /// Whether a last line that has no end is kept. A server that stands for an infrastructure may follow containers as
    /// Docker lets it, which may leave such a line out.
    fn keeps_lines_without_end(&self) -> bool {
        true
    }
}

/// A launcher with an infrastructure behind it, and an engine in front.
#[derive(Debug)]
pub struct Stand {
    /// The launcher.
    pub launcher: Arc<dyn Launcher>,
    /// Whoever stands beside it.
    pub hands: Box<dyn Hands>,
    /// The engine over it.
    pub engine: Engine,
    kind: Kind,
    pool: Pool,
    surroundings: Surroundings,
    folder: TempDir,
}

impl Stand {
    /// A stand for a kind whose jobs have these settings. `store`: where runs are kept, if not in a directory.
    pub fn new(
        kind: Kind,
        settings: &[(&str, &str)],
        store: Option<(String, Surroundings)>,
        hands: Box<dyn Hands>,
    ) -> Self {
        let change = |(key, value): &(&str, &str)| {
            Change::typed(key, value, Origin::pool("conformance")).expect("it is a setting")
        };
        let pool = Pool {
            name: "conformance".to_owned(),
            kind,
            job: settings.iter().map(change).collect(),
            ..Pool::default()
        };
        let folder = tempfile::Builder::new().prefix("longshore-stand-").tempdir();
        let folder = folder.expect("there is a folder for temporary files");
        let (store, surroundings) =
            store.map_or_else(Default::default, |(store, around)| (Some(store), around));
        let state = folder.path().join("state");
        let launcher: Arc<dyn Launcher> = Arc::from(kind.launcher(&state, &surroundings));
        let location = store.unwrap_or_else(|| folder.path().join("store").display().to_string());
        let store = Store::open(&location, Tenant::default(), &surroundings);
        let places = Places {
            runtime: longshore_tests::runtime().to_owned(),
            image_runtime: Some(longshore_tests::image_runtime().to_owned()),
            cache: folder.path().join("cache"),
            state,
            surroundings: surroundings.clone(),
        };
        let engine = Engine::with_launcher(
            store.expect("the store can be opened"),
            pool.clone(),
            Arc::clone(&launcher),
            places,
        );
        Self { launcher, hands, engine, kind, pool, surroundings, folder }
    }

    /// Another launcher over the same infrastructure, as another machine or a later command has it.
    pub fn another_launcher(&self) -> Box<dyn Launcher> {
        self.kind.launcher(&self.folder.path().join("state"), &self.surroundings)
    }

    /// A request for a run of a fixture.
    pub fn request(&self, flow: &str, params: &[(&str, Value)]) -> Request {
        let component =
            std::fs::read(longshore_tests::fixtures()).expect("the fixtures were built");
        let params: BTreeMap<_, _> = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Params::Json(value.clone())))
            .collect();
        let overrides = Overrides { allow_all: true, ..Overrides::default() };
        let terms =
            Terms { pool: &self.pool, overrides: &overrides, surroundings: &self.surroundings };
        let folder = self.folder.path();
        Request::new(Bytes::from(component), Some(flow), params, folder, &terms)
            .unwrap_or_else(|error| panic!("{flow}: {}", chain(&error)))
    }

    /// Starts a run of a fixture; also returns what was requested.
    pub async fn submit(&self, flow: &str, params: &[(&str, Value)]) -> (Submitted, Plan) {
        let heard = Heard::default();
        let submitted = self.engine.submit(self.request(flow, params), &heard).await;
        let submitted = submitted.unwrap_or_else(|error| panic!("{flow}: {}", chain(&error)));
        let plan = heard.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        (submitted, plan.expect("a launch is told"))
    }

    /// A job that nobody has launched: a shell with this script.
    pub async fn script(&self, script: &str) -> Plan {
        self.script_with(&[], script).await
    }

    /// The same with other settings.
    pub async fn script_with(&self, settings: &[(&str, &str)], script: &str) -> Plan {
        let mut request = self.request("nothing", &[]);
        let own = settings.iter().map(|(key, value)| {
            Change::typed(key, value, Origin::caller("--set")).expect("it is a setting")
        });
        let own: Vec<_> = own.collect();
        request.settings = self.kind.resolve(self.pool.job.iter().chain(&own)).expect("they fit");
        let would = self.engine.dry_run(&request).await;
        let would = would.unwrap_or_else(|error| panic!("{}", chain(&error)));
        self.hands.scripted(&would.plan, script)
    }

    /// Launches a job.
    pub async fn launch(&self, plan: &Plan) {
        let launched = self.launcher.launch(plan, &|_| ()).await;
        launched.unwrap_or_else(|error| panic!("{}", chain(&error)));
    }

    /// Launches a shell with this script.
    pub async fn launched(&self, script: &str) -> Plan {
        let plan = self.script(script).await;
        self.launch(&plan).await;
        plan
    }

    /// The state of a job.
    pub async fn state(&self, handle: &Handle) -> JobState {
        let state = self.launcher.state(handle).await;
        state.unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    /// Waits, as the engine does, until the job is in a state that `fits`.
    pub async fn until(
        &self,
        handle: &Handle,
        fits: impl Fn(&JobState) -> bool + Send + Sync,
    ) -> JobState {
        let watch = async {
            let mut state = self.state(handle).await;
            while !fits(&state) {
                let changed = self.launcher.changed(handle, &state).await;
                state = changed.unwrap_or_else(|error| panic!("{}", chain(&error)));
            }
            state
        };
        let watched = timeout(PATIENCE, watch).await;
        match watched {
            Ok(state) => state,
            Err(_) => panic!("{handle} stays in {:?}", self.state(handle).await),
        }
    }

    /// Waits until the job runs.
    pub async fn until_running(&self, handle: &Handle) {
        self.until(handle, |state| *state == JobState::Running).await;
    }

    /// Waits until the job is over: its exit code, and why.
    pub async fn until_over(&self, handle: &Handle) -> (Option<i32>, String) {
        let is_over = |state: &JobState| matches!(state, JobState::Exited { .. } | JobState::Gone);
        match self.until(handle, is_over).await {
            JobState::Exited { code, reason } => (code, reason.unwrap_or_default()),
            other => panic!("{handle} is {other:?}"),
        }
    }

    /// Asserts that nothing is left of a job, or nothing but the memory of it.
    pub async fn is_removed(&self, handle: &Handle) {
        let state = self.state(handle).await;
        if self.hands.removes() {
            assert_eq!(state, JobState::Gone);
            assert_eq!(self.hands.count(handle), 0);
        } else {
            assert!(matches!(state, JobState::Gone | JobState::Exited { .. }), "{state:?}");
        }
    }

    /// Removes what is left of a job.
    pub async fn cleanup(&self, handle: &Handle) {
        let done = self.launcher.cleanup(handle).await;
        done.unwrap_or_else(|error| panic!("{}", chain(&error)));
    }

    /// Waits for the end of a run, and returns its result.
    pub async fn result(&self, submitted: &Submitted) -> Value {
        let ending = timeout(PATIENCE, self.engine.wait(&submitted.run, &Silent)).await;
        let ending =
            ending.expect("a run ends").unwrap_or_else(|error| panic!("{}", chain(&error)));
        let outcome = ending.outcome.unwrap_or_else(|| panic!("{:?}", ending.derived));
        let result = self.engine.result_json(&outcome).await;
        result.unwrap_or_else(|error| panic!("{}: {:?}", chain(&error), ending.derived))
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        // Whatever became of its infrastructure: a runtime that spins would do so for an hour.
        for process in longshore_tests::processes_of(self.folder.path()) {
            process.signal(rustix::process::Signal::KILL);
        }
    }
}

/// Keeps the plan of the launch.
#[derive(Default)]
struct Heard(Mutex<Option<Plan>>);

impl Report for Heard {
    fn hear(&self, event: &Event<'_>) {
        if let Event::Launched { plan, run: _ } = event {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((*plan).clone());
        }
    }
}
