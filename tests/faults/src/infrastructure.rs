//! An infrastructure whose containers are threads of this process.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::{self, BoxStream, StreamExt as _};
use longshore_launchers::image::RuntimeImage;
use longshore_launchers::launcher::{
    self, FoundJob, Handle, Hidden, Job, Launcher, Plan as LaunchPlan, Tell,
};
use longshore_launchers::settings::JobSettings;
use longshore_launchers::{Error, ErrorKind};
use longshore_protocol::id::{Digest, RunId, Tenant};
use longshore_protocol::pace::Pace;
use longshore_protocol::state::JobState;
use longshore_runtime::execute::{Signals, execute_in};
use longshore_runtime::sandbox::Network;
use longshore_runtime::store::RunStore;
use object_store::ObjectStore;
use tokio::sync::watch;

use crate::death::Death;
use crate::flaw::Flaw;
use crate::journal::Journal;
use crate::operation::Side;
use crate::plan::Plan;
use crate::store::FaultyStore;
use crate::trouble::Trouble;

/// Nothing here is across a network.
pub(crate) const PACE: Pace = Pace::faster(200);
/// How often a killed container is started again.
const LIVES_MAX: u32 = 3;
/// The exit code of a process that was killed, as infrastructures tell it.
const KILLED: i32 = 137;

/// The infrastructure: it outlives every launcher. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Infrastructure(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    objects: Arc<dyn ObjectStore>,
    journal: Journal,
    plan: Plan,
    jobs: Mutex<HashMap<Handle, Container>>,
}

/// A job's container, through all of its lives.
#[derive(Debug)]
struct Container {
    run: RunId,
    told: watch::Sender<Option<&'static str>>,
    killed: Death,
    exited: watch::Receiver<Option<Exit>>,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exit {
    code: i32,
    said: Option<String>,
}

/// What one life of a container is about.
#[derive(Debug, Clone)]
struct Task {
    tenant: Tenant,
    run: RunId,
    order: Digest,
    signals: Signals,
    killed: Death,
    lives: Arc<AtomicU32>,
}

impl Infrastructure {
    /// An infrastructure whose runtimes find `objects`, with the trouble that the plan has for them.
    pub(crate) fn new(objects: &Arc<dyn ObjectStore>, journal: &Journal, plan: &Plan) -> Self {
        let jobs = Mutex::default();
        let (objects, journal, plan) = (Arc::clone(objects), journal.clone(), plan.clone());
        Self(Arc::new(Inner { objects, journal, plan, jobs }))
    }

    /// The runs for which there ever was a job.
    pub(crate) fn runs(&self) -> Vec<RunId> {
        self.jobs(|jobs| jobs.values().map(|container| container.run).collect())
    }

    /// Waits until nothing runs any more.
    pub(crate) async fn all_over(&self) {
        let exits: Vec<_> =
            self.jobs(|jobs| jobs.values().map(|container| container.exited.clone()).collect());
        for mut exited in exits {
            // The sender is gone only after it has said how its container ended.
            drop(exited.wait_for(Option::is_some).await);
        }
    }

    /// Kills what still runs.
    pub(crate) fn kill_all(&self) {
        self.jobs(|jobs| jobs.values().for_each(|container| container.killed.strike()));
    }

    fn jobs<T>(&self, look: impl FnOnce(&mut HashMap<Handle, Container>) -> T) -> T {
        look(&mut self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn start(&self, handle: &Handle, run: RunId, tenant: Tenant, order: Digest) {
        let told = watch::Sender::new(None);
        let (exit, exited) = watch::channel(None);
        let killed = Death::not_yet();
        let signals = Signals::of(told.subscribe());
        let lives = Arc::default();
        let task = Task { tenant, run, order, signals, killed: killed.clone(), lives };
        self.jobs(|jobs| {
            if let Entry::Vacant(place) = jobs.entry(handle.clone()) {
                place.insert(Container { run, told, killed, exited });
                let infrastructure = self.clone();
                std::thread::spawn(move || {
                    exit.send_replace(Some(infrastructure.live(&task)));
                });
            }
        });
    }

    /// All lives of a container, one after the other.
    fn live(&self, task: &Task) -> Exit {
        loop {
            let (life, exit) = self.live_once(task);
            let is_restarted = self.0.journal.lines().iter().any(|line| {
                line.operation.side == Side::Runtime { life }
                    && matches!(line.trouble, Some(Trouble::Restarts(_)))
            });
            if exit.code != KILLED || !is_restarted || life >= LIVES_MAX || task.killed.is_dead() {
                return exit;
            }
        }
    }

    fn live_once(&self, task: &Task) -> (u32, Exit) {
        let life = 1 + task.lives.fetch_add(1, Ordering::SeqCst);
        let Inner { objects, journal, plan, jobs: _ } = &*self.0;
        let death = Death::not_yet();
        let side = Side::Runtime { life };
        let (infrastructure, other) = (self.clone(), task.clone());
        let store = FaultyStore::new(objects, side, plan, journal, &death).with_overtake(Arc::new(
            move || {
                let (infrastructure, other) = (infrastructure.clone(), other.clone());
                let (over, heard) = tokio::sync::oneshot::channel();
                std::thread::spawn(move || drop(over.send(infrastructure.live_once(&other))));
                heard.map(drop).boxed()
            },
        ));
        let Task { tenant, run, order, signals, killed, lives: _ } = task;
        let store = RunStore::new(Arc::new(store), tenant, run).at_pace(PACE);
        let network = Network::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let exit = runtime.expect("a runtime can be started").block_on(async {
            tokio::select! {
                biased;
                () = death.happened() => Exit { code: KILLED, said: None },
                () = killed.happened() => Exit { code: KILLED, said: None },
                done = Box::pin(execute_in(&store, order, &network, signals)) => match done {
                    Ok(()) => Exit { code: 0, said: None },
                    Err(error) => Exit {
                        code: error.exit_code().0.into(),
                        said: Some(longshore_runtime::chain(&error)),
                    },
                },
            }
        });
        // What this life has left behind in its own process asks for nothing any more.
        death.strike();
        (life, exit)
    }
}

/// A launcher for the infrastructure. There may be several, as there may be several machines.
#[derive(Debug, Clone)]
pub struct InProcess {
    infrastructure: Infrastructure,
}

impl InProcess {
    /// A launcher of this infrastructure's jobs.
    pub fn new(infrastructure: &Infrastructure) -> Self {
        Self { infrastructure: infrastructure.clone() }
    }

    fn exited(&self, handle: &Handle) -> Option<watch::Receiver<Option<Exit>>> {
        let jobs = |jobs: &mut HashMap<Handle, Container>| {
            jobs.get(handle).map(|container| container.exited.clone())
        };
        self.infrastructure.jobs(jobs)
    }
}

/// A run that nobody has ordered.
fn another(run: RunId) -> RunId {
    RunId::new(run.ordered_at(), [7; 10])
}

#[async_trait::async_trait]
impl Launcher for InProcess {
    fn plan(&self, job: &Job) -> Result<LaunchPlan, Error> {
        let launcher::Entry::Store { tenant, run, order, .. } = &job.entry else {
            return Err(Error::new(
                ErrorKind::Infrastructure,
                "a store in memory signs no tickets",
            ));
        };
        let request = serde_json::json!({
            "run": run.to_string(),
            "tenant": tenant.as_str(),
            "order": order.to_string(),
        });
        Ok(LaunchPlan {
            handle: Handle(format!("thread:{run}")),
            request,
            streams_output: false,
            hidden: Hidden::default(),
        })
    }

    fn check_patched(&self, _: &LaunchPlan, _: &LaunchPlan) -> Result<(), Error> {
        Ok(())
    }

    async fn check(&self, _: &JobSettings, _: Option<&RuntimeImage>) -> Result<String, Error> {
        Ok("threads of this process".to_owned())
    }

    async fn launch(&self, plan: &LaunchPlan, _: &Tell<'_>) -> Result<(), Error> {
        let text = |name: &str| plan.request[name].as_str().unwrap_or_default();
        let bad = |what| Error::new(ErrorKind::Infrastructure, format!("the plan has no {what}"));
        let run = text("run").parse().map_err(|_| bad("run"))?;
        let tenant: Tenant = text("tenant").parse().map_err(|_| bad("tenant"))?;
        let order = text("order").parse().map_err(|_| bad("order"))?;
        match self.infrastructure.0.plan.flaw() {
            Some(Flaw::StartsNothing) => return Ok(()),
            Some(Flaw::StartsAnother) => {
                let (handle, run) = (Handle(format!("{} again", plan.handle)), another(run));
                self.infrastructure.start(&handle, run, tenant.clone(), order);
            }
            _ => {}
        }
        self.infrastructure.start(&plan.handle, run, tenant, order);
        Ok(())
    }

    async fn state(&self, handle: &Handle) -> Result<JobState, Error> {
        let Some(exited) = self.exited(handle) else { return Ok(JobState::Gone) };
        let exit = exited.borrow().clone();
        Ok(match exit {
            None => JobState::Running,
            Some(Exit { code, said }) => JobState::Exited { code: Some(code), reason: said },
        })
    }

    async fn changed(&self, handle: &Handle, seen: &JobState) -> Result<JobState, Error> {
        if *seen == JobState::Running
            && let Some(mut exited) = self.exited(handle)
        {
            drop(exited.wait_for(Option::is_some).await);
            return self.state(handle).await;
        }
        std::future::pending().await
    }

    fn logs(&self, _: &Handle) -> BoxStream<'static, Result<String, Error>> {
        stream::empty().boxed()
    }

    async fn cancel(&self, handle: &Handle, grace: Duration) -> Result<(), Error> {
        let Some(mut exited) = self.exited(handle) else { return Ok(()) };
        let (told, killed) = self.infrastructure.jobs(|jobs| {
            let container = &jobs[handle];
            (container.told.clone(), container.killed.clone())
        });
        told.send_replace(Some("SIGTERM"));
        if tokio::time::timeout(grace, exited.wait_for(Option::is_some)).await.is_err() {
            killed.strike();
            drop(exited.wait_for(Option::is_some).await);
        }
        Ok(())
    }

    async fn finish(&self, _: &Handle) -> Result<(), Error> {
        Ok(())
    }

    async fn cleanup(&self, handle: &Handle) -> Result<(), Error> {
        self.infrastructure.jobs(|jobs| jobs.remove(handle));
        Ok(())
    }

    async fn jobs(&self, _: &JobSettings, _: &str) -> Result<Vec<FoundJob>, Error> {
        Ok(Vec::new())
    }
}
