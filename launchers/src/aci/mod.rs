//! Runs the runtime as a container group of Azure Container Instances.
//!
//! What is created: a container group per run, `longshore-<run id>`, with tags for run, owner, pool, flow and store, and
//! one container that is never started again. It is deleted when the run has an outcome, unless `keep_container_group`.
//!
//! Permissions: `docs/aci/launcher.json`, a custom role; the container itself needs none. Limits: memory and processors,
//! derived from the flow's. See `docs/aci.md`.

mod api;
mod check;
mod client;
mod config;
mod definition;
mod launch;
mod logs;
mod place;
mod plan;
mod state;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use longshore_protocol::Timestamp;
use longshore_protocol::state::JobState;
use tokio::time::Instant;

use crate::image::RuntimeImage;
use crate::launcher::{FoundJob, Handle, Job, Launcher, Plan, Tell};
use crate::rest::{ASK_AGAIN, Kept, Memory, Pauses, changed, settled};
use crate::settings::JobSettings;
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind, clock};

use client::Client;
pub use config::AciSettings;
use definition::{KEPT, RUN, STORE, TENANT};
use place::Place;
use state::{Phase, phase};

/// The longest pause between two looks at a group: a thousand of them stay within what Azure lets be read.
const LOOK_LONGEST: Duration = Duration::from_secs(60);
/// A group that was asked to end, or is deleted, has this long.
const END_PATIENCE: Duration = Duration::from_secs(120);
/// A group that was created may not be found for a moment.
const APPEARS_WITHIN: Duration = Duration::from_secs(30);
/// Groups that are remembered. Nobody watches as many at once.
const KNOWN_MAX: usize = 10_000;

/// Launches container groups.
#[derive(Debug)]
pub struct AciLauncher {
    surroundings: Surroundings,
    /// Connections, by addresses and credentials.
    clients: Kept<String, Client>,
    known: Mutex<HashMap<Handle, Known>>,
    /// What groups were in, by the shortest pause between two looks.
    memories: Kept<Duration, Arc<Memory>>,
}

/// What is remembered of a group.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// When it was launched here, or else seen for the first time.
    since: Timestamp,
    was_seen: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AciLauncher {
    /// A launcher that finds credentials in its `surroundings`.
    pub fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            clients: Kept::default(),
            known: Mutex::default(),
            memories: Kept::default(),
        }
    }

    fn client(&self, place: &Place) -> Result<Client, Error> {
        let key = format!("{} {}", place.endpoint, place.credentials);
        self.clients.get_or(key, || Client::new(place, &self.surroundings))
    }

    fn memory(&self, place: &Place) -> Arc<Memory> {
        let memory = || Arc::new(Memory::new(place.poll, LOOK_LONGEST.max(place.poll)));
        self.memories.or_insert_with(place.poll, memory)
    }

    fn know(&self, handle: &Handle, was_seen: bool) -> Known {
        let mut known = locked(&self.known);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        let new = Known { since: clock::now(), was_seen };
        let found = known.entry(handle.clone()).or_insert(new);
        found.was_seen |= was_seen;
        *found
    }

    /// Whether it was launched here a moment ago, and nobody has seen it since.
    fn is_fresh(&self, handle: &Handle) -> bool {
        let known = locked(&self.known).get(handle).copied();
        let age = |known: Known| clock::now().duration_since(known.since).unsigned_abs();
        known.is_some_and(|known| !known.was_seen && age(known) < APPEARS_WITHIN)
    }

    fn forget(&self, place: &Place, handle: &Handle) {
        locked(&self.known).remove(handle);
        self.memory(place).forget(handle);
    }

    async fn observe(
        &self,
        client: &Client,
        place: &Place,
        handle: &Handle,
    ) -> Result<JobState, Error> {
        let Some(group) = client.group(place).await? else {
            return Ok(if self.is_fresh(handle) { JobState::Pending } else { JobState::Gone });
        };
        let since = self.know(handle, true).since;
        let output = if state::needs_last_words(&group) {
            logs::last_words(client, place).await
        } else {
            String::new()
        };
        Ok(state::state(&group, &output, (since, clock::now())))
    }

    /// Like [`Self::observe`], and keeps what is told.
    async fn settled(
        &self,
        client: &Client,
        place: &Place,
        handle: &Handle,
    ) -> Result<JobState, Error> {
        let ask = || self.observe(client, place, handle);
        settled(&self.memory(place), handle, place.is_young(clock::now()), ask).await
    }

    /// Waits until the group is as `fits` says. `None` is one that is not there.
    async fn until(
        &self,
        (client, place): (&Client, &Place),
        what: &str,
        fits: impl Fn(Option<Phase>) -> bool + Send + Sync,
    ) -> Result<(), Error> {
        let pauses = Pauses::new(Duration::from_millis(500), Duration::from_secs(5));
        let over = async {
            while !fits(client.group(place).await?.as_ref().map(phase)) {
                tokio::time::sleep(pauses.next()).await;
            }
            Ok(())
        };
        tokio::time::timeout(END_PATIENCE, over).await.unwrap_or_else(|_| {
            let seconds = END_PATIENCE.as_secs();
            let text = format!("{} {what} after {seconds} s", place.id());
            Err(Error::new(ErrorKind::Infrastructure, text)
                .hint("look at it in the Azure portal, and try again"))
        })
    }

    /// Asks the group to end, as soon as Azure has time for it.
    async fn stop(&self, client: &Client, place: &Place) -> Result<(), Error> {
        let what = format!("stop the container group {}", place.id());
        let began = Instant::now();
        loop {
            match client.stop(place).await {
                Ok(()) => return Ok(()),
                Err(failure)
                    if client::is_transitioning(&failure) && began.elapsed() < END_PATIENCE =>
                {
                    tokio::time::sleep(ASK_AGAIN).await;
                    if let None | Some(Phase::Over) = client.group(place).await?.as_ref().map(phase)
                    {
                        return Ok(());
                    }
                }
                Err(failure) => return Err(client.failed(&what, failure)),
            }
        }
    }
}

#[async_trait::async_trait]
impl Launcher for AciLauncher {
    fn plan(&self, job: &Job) -> Result<Plan, Error> {
        plan::plan(job, &self.surroundings)
    }

    fn check_patched(&self, planned: &Plan, patched: &Plan) -> Result<(), Error> {
        plan::check_patched(planned, patched)
    }

    async fn check(
        &self,
        settings: &JobSettings,
        image: Option<&RuntimeImage>,
    ) -> Result<String, Error> {
        let settings = AciSettings::of(settings)?;
        let place = plan::probe(&settings, image, &self.surroundings)?;
        check::check(&self.client(&place)?, &place, &settings).await
    }

    async fn launch(&self, plan: &Plan, _tell: &Tell<'_>) -> Result<(), Error> {
        let request = plan::request_of(plan)?;
        let place = request.place();
        let reveal = |name: &str| plan::revealed(&plan.hidden, &self.surroundings, name);
        launch::launch(&self.client(&place)?, &place, &request.body(reveal)?).await?;
        self.memory(&place).forget(&plan.handle);
        self.know(&plan.handle, false);
        Ok(())
    }

    async fn state(&self, handle: &Handle) -> Result<JobState, Error> {
        let place = Place::of(handle)?;
        if let Some(state) = self.memory(&place).state(handle, Instant::now()) {
            return Ok(state);
        }
        self.settled(&self.client(&place)?, &place, handle).await
    }

    async fn changed(&self, handle: &Handle, seen: &JobState) -> Result<JobState, Error> {
        let place = Place::of(handle)?;
        let (client, memory) = (self.client(&place)?, self.memory(&place));
        let ask = || self.settled(&client, &place, handle);
        Ok(changed(&memory, handle, seen, ask).await)
    }

    fn logs(&self, handle: &Handle) -> BoxStream<'static, Result<String, Error>> {
        let (handle, surroundings) = (handle.clone(), self.surroundings.clone());
        let connect = async move {
            let place = Place::of(&handle)?;
            // A launcher of its own: a stream outlives whoever asked for it.
            let launcher = Arc::new(Self::new(surroundings));
            let client = launcher.client(&place)?;
            Ok::<_, Error>(logs::lines(launcher, client, (place, handle)))
        };
        stream::once(connect).try_flatten().boxed()
    }

    async fn cancel(&self, handle: &Handle, _grace: Duration) -> Result<(), Error> {
        let place = Place::of(handle)?;
        let client = self.client(&place)?;
        self.memory(&place).forget(handle);
        let found = client.group(&place).await?;
        if found.as_ref().map(phase).is_none_or(|phase| phase == Phase::Over) {
            return Ok(());
        }
        // Azure decides how long a container may listen to its SIGTERM, whatever grace is asked for.
        self.stop(&client, &place).await?;
        let is_over = |phase: Option<Phase>| phase.is_none_or(|phase| phase == Phase::Over);
        self.until((&client, &place), "may still be running", is_over).await
    }

    async fn finish(&self, handle: &Handle) -> Result<(), Error> {
        let place = Place::of(handle)?;
        if place.is_kept {
            return Ok(());
        }
        self.client(&place)?.delete(&place).await?;
        self.forget(&place, handle);
        Ok(())
    }

    async fn cleanup(&self, handle: &Handle) -> Result<(), Error> {
        let place = Place::of(handle)?;
        let client = self.client(&place)?;
        // Whatever is in it ends with it.
        client.delete(&place).await?;
        let is_gone = |phase: Option<Phase>| phase.is_none();
        self.until((&client, &place), "is still there", is_gone).await?;
        self.forget(&place, handle);
        Ok(())
    }

    async fn jobs(&self, settings: &JobSettings, tenant: &str) -> Result<Vec<FoundJob>, Error> {
        let settings = AciSettings::of(settings)?;
        let place = plan::place(&settings, &self.surroundings)?;
        let client = self.client(&place)?;
        let found = client.groups(&place).await?.into_iter().filter_map(|group| {
            let says = |name: &str| group.tags.get(name).cloned();
            if says(TENANT).as_deref() != Some(tenant) {
                return None;
            }
            let run = says(RUN)?.parse().ok()?;
            let is_kept = says(KEPT).is_some();
            let at = Place { group: group.name.clone(), is_kept, ..place.clone() };
            Some(FoundJob { handle: at.handle(), run, store: says(STORE).unwrap_or_default() })
        });
        Ok(found.collect())
    }
}
