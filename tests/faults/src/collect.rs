//! A submit and a collection of garbage, step by step between each other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use longshore_launchers::engine::{Engine, Silent};
use longshore_launchers::image::RuntimeImage;
use longshore_launchers::launcher::{FoundJob, Handle, Hidden, Job, Launcher, Plan, Tell};
use longshore_launchers::pool::Pool;
use longshore_launchers::settings::JobSettings;
use longshore_launchers::store::{KEEP_MIN, RELY_MAX, Store, Unreferenced};
use longshore_launchers::{Error, chain};
use longshore_protocol::id::{RunId, Tenant};
use longshore_protocol::state::JobState;
use object_store::ObjectStore;

use crate::flow::FLOWS;
use crate::infrastructure::PACE;
use crate::turns::{Player, Schedule, Table};
use crate::world::World;

/// How garbage is collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collector {
    /// As `longshore gc` does.
    Ours,
    /// Removes what was old when it was listed, at once: what everybody would write first.
    Hasty,
    /// As ours, but dies after so many steps.
    Dying(u32),
}

/// What a play was like.
#[derive(Debug)]
pub struct Collected {
    /// What was wrong.
    pub wrong: Vec<String>,
    /// How many objects were removed.
    pub removed: usize,
    /// How many steps the submit took.
    pub submit_steps: u32,
    /// How many steps the collector took.
    pub gc_steps: u32,
}

impl World {
    /// Orders a run of code that is `age` old and that nothing refers to, while garbage is collected.
    pub fn collect(&self, age: Duration, schedule: Schedule, collector: Collector) -> Collected {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be started");
        runtime.block_on(Box::pin(self.collect_all(age, schedule, collector)))
    }

    async fn collect_all(
        &self,
        age: Duration,
        schedule: Schedule,
        collector: Collector,
    ) -> Collected {
        let table = Table::new(schedule);
        let calm = self.engine_at(table.seat(None));
        let first = calm.submit(self.request(&FLOWS[0]), &Silent).await;
        let first = first.expect("nobody disturbs it").run;
        calm.store().remove_run(&first).await.expect("nobody disturbs it");
        table.age(age).await;

        let submit = async {
            let engine = self.engine_at(table.seat(Some(Player::Submit)));
            let submitted = engine.submit(self.request(&FLOWS[0]), &Silent).await;
            table.leave(Player::Submit);
            submitted.map(|submitted| submitted.run)
        };
        let gc = async {
            let engine = self.engine_at(table.seat(Some(Player::Gc)));
            let removed = tokio::select! {
                removed = collect(engine.store(), collector) => removed,
                () = died(&table, collector) => Ok(0),
            };
            table.leave(Player::Gc);
            removed
        };
        let (submitted, removed) = futures::join!(submit, gc);
        let mut wrong = self.missing(&calm, submitted).await;
        if let Err(error) = &removed {
            wrong.push(format!("the collector gave up: {}", chain(error)));
        }
        if let Err(error) = collect(calm.store(), Collector::Ours).await {
            wrong.push(format!("collecting cannot be repeated: {}", chain(&error)));
        }
        Collected {
            wrong,
            removed: removed.unwrap_or(0),
            submit_steps: table.steps(Player::Submit),
            gc_steps: table.steps(Player::Gc),
        }
    }

    /// What the run needs, and is not there.
    async fn missing(&self, calm: &Engine, submitted: Result<RunId, Error>) -> Vec<String> {
        let run = match submitted {
            Ok(run) => run,
            Err(error) => return vec![format!("the submit gave up: {}", chain(&error))],
        };
        let order = calm.store().order(&run).await.expect("nobody disturbs it");
        let mut wrong = Vec::new();
        for key in order.content() {
            if calm.store().size(&key).await.expect("nobody disturbs it").is_none() {
                wrong.push(format!("{key} was removed, and a run needs it"));
            }
        }
        wrong
    }

    fn engine_at(&self, objects: Arc<dyn ObjectStore>) -> Engine {
        let store = Store::new(objects, "memory:///", Tenant::default()).at_pace(PACE);
        Engine::with_launcher(store, Pool::local(), Arc::new(Nowhere), self.places())
    }
}

async fn collect(store: &Store, collector: Collector) -> Result<usize, Error> {
    let found: Unreferenced = store.unreferenced(&BTreeSet::new()).await?;
    let mut removed = 0;
    for content in &found.old {
        if collector == Collector::Hasty {
            store.delete(&content.key).await?;
            removed += 1;
        } else if store.remove_content(content, &found).await? {
            removed += 1;
        }
    }
    store.clear_marks().await?;
    Ok(removed)
}

/// Waits for the collector's last step.
async fn died(table: &Table, collector: Collector) {
    match collector {
        Collector::Dying(steps) => {
            while table.steps(Player::Gc) < steps || table.is_busy() {
                tokio::task::yield_now().await;
            }
        }
        Collector::Ours | Collector::Hasty => std::future::pending().await,
    }
}

/// Ages of code that make a difference: younger than what is relied on, than what is removed, and older.
pub const AGES: [Duration; 3] =
    [Duration::ZERO, RELY_MAX.saturating_mul(2), KEEP_MIN.saturating_mul(2)];

/// An infrastructure that starts nothing: what matters here is what a runtime would find.
#[derive(Debug)]
struct Nowhere;

#[async_trait::async_trait]
impl Launcher for Nowhere {
    fn plan(&self, job: &Job) -> Result<Plan, Error> {
        Ok(Plan {
            handle: Handle(job.run.to_string()),
            request: serde_json::Value::Null,
            streams_output: false,
            hidden: Hidden::default(),
        })
    }

    fn check_patched(&self, _: &Plan, _: &Plan) -> Result<(), Error> {
        Ok(())
    }

    async fn check(&self, _: &JobSettings, _: Option<&RuntimeImage>) -> Result<String, Error> {
        Ok("nothing".to_owned())
    }

    async fn launch(&self, _: &Plan, _: &Tell<'_>) -> Result<(), Error> {
        Ok(())
    }

    async fn state(&self, _: &Handle) -> Result<JobState, Error> {
        Ok(JobState::Running)
    }

    async fn changed(&self, _: &Handle, _: &JobState) -> Result<JobState, Error> {
        std::future::pending().await
    }

    fn logs(&self, _: &Handle) -> BoxStream<'static, Result<String, Error>> {
        Box::pin(futures::stream::empty())
    }

    async fn cancel(&self, _: &Handle, _: Duration) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(&self, _: &Handle) -> Result<(), Error> {
        Ok(())
    }

    async fn cleanup(&self, _: &Handle) -> Result<(), Error> {
        Ok(())
    }

    async fn jobs(&self, _: &JobSettings, _: &str) -> Result<Vec<FoundJob>, Error> {
        Ok(Vec::new())
    }
}
