//! The runtime's half of the store: reads what was ordered, writes what happened.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use longshore_protocol::id::{Digest, RunId, Tenant};
use longshore_protocol::layout::{self, RunLayout};
use longshore_protocol::pace::Pace;
use longshore_protocol::record::{
    Beat, CancelRequest, CompiledRef, ComponentRef, FilesRef, Order, Outcome, Payload, Record as _,
    Started, Ticket,
};
use longshore_storage::{Location, Requests, Retry};
use object_store::ObjectStore;

pub use longshore_storage::Created;

use crate::ticket::TicketStore;
use crate::{Error, ErrorKind};

/// The objects of one run, and the code that it needs.
#[derive(Debug, Clone)]
pub struct RunStore {
    requests: Requests,
    layout: RunLayout,
    bounds: Bounds,
}

/// How much of a run the store takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// How many attempts may be started.
    pub(crate) attempts_max: u32,
    /// How many segments of log each may write.
    pub(crate) log_segments_max: u32,
}

impl Bounds {
    /// How often a container may be restarted before nobody believes in the run any more.
    const USUAL: Self = Self { attempts_max: 1_000, log_segments_max: u32::MAX };
}

impl RunStore {
    /// Opens the store at `location` for one run.
    ///
    /// # Errors
    /// When the text names no place, there is no such directory, or credentials are not there.
    pub fn open(location: &Location, tenant: &Tenant, run: &RunId) -> Result<Self, Error> {
        let objects = longshore_storage::open(location, &variables()).map_err(|error| {
            let attempted = error.to_string();
            match std::error::Error::source(&error) {
                Some(source) => Error::caused(ErrorKind::Store, attempted, crate::chain(source)),
                None => Error::new(ErrorKind::Store, attempted),
            }
        })?;
        Ok(Self::new(objects.store, tenant, run))
    }

    /// Uses an open store for one run.
    pub fn new(store: Arc<dyn ObjectStore>, tenant: &Tenant, run: &RunId) -> Self {
        let layout = RunLayout::new(tenant, run);
        Self { requests: Requests::new(store), layout, bounds: Bounds::USUAL }
    }

    /// Uses what a ticket lets its holder use.
    pub fn of_ticket(store: TicketStore) -> Self {
        let Ticket { tenant, run, attempts_max, log_segments_max, .. } = store.ticket();
        let layout = RunLayout::new(tenant, run);
        let bounds = Bounds { attempts_max: *attempts_max, log_segments_max: *log_segments_max };
        Self { requests: Requests::new(Arc::new(store)), layout, bounds }
    }

    /// How much of a run the store takes.
    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Repeats requests at another pace.
    #[must_use]
    pub fn at_pace(self, pace: Pace) -> Self {
        Self { requests: self.requests.at_pace(pace), ..self }
    }

    /// Takes no more of a run than this.
    #[cfg(test)]
    pub(crate) fn bounded(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// Whether this is the store of the run that `order` is for.
    pub fn is_of(&self, order: &Order) -> bool {
        self.layout == RunLayout::new(&order.tenant, &order.run)
    }

    /// Waits between two requests.
    pub(crate) async fn pause(&self, time: Duration) {
        self.requests.pause(time).await;
    }

    /// Reads the order, which must be the one that the infrastructure was told to execute.
    ///
    /// # Errors
    /// When it is missing, damaged, or has another digest than `expected`.
    pub async fn read_order(&self, expected: &Digest) -> Result<Order, Error> {
        let bad = |attempted: String, source| Error::caused(ErrorKind::BadOrder, attempted, source);
        let content = self.get(&self.layout.order()).await?;
        let content = content
            .ok_or_else(|| Error::new(ErrorKind::BadOrder, "the order is not in the store"))?;
        if Digest::of(&content) != *expected {
            return Err(Error::new(
                ErrorKind::BadOrder,
                format!("the order does not have the digest {expected}"),
            ));
        }
        Order::from_json(&content)
            .map_err(|error| bad("could not read the order".into(), Box::new(error)))
    }

    /// Reads the parameters. `None`: they are not in the store, or not what the order says.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read_params(&self, payload: &Payload) -> Result<Option<Bytes>, Error> {
        match payload {
            Payload::Inline(content) => Ok(Some(Bytes::copy_from_slice(content))),
            Payload::Object { sha256, bytes: _ } => {
                self.get_verified(&self.layout.params(), sha256).await
            }
        }
    }

    /// Reads the component. `None`: it is not in the store, or not what the order says.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read_component(&self, component: &ComponentRef) -> Result<Option<Bytes>, Error> {
        self.get_verified(&layout::component(&component.sha256), &component.sha256).await
    }

    /// Reads the compiled artefact. `None`: it is not in the store, or not what the order says.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read_compiled(&self, compiled: &CompiledRef) -> Result<Option<Bytes>, Error> {
        self.get_verified(&layout::compiled(&compiled.engine, &compiled.sha256), &compiled.sha256)
            .await
    }

    /// Reads the archive of files. `None`: it is not in the store, or not what the order says.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read_files(&self, files: &FilesRef) -> Result<Option<Bytes>, Error> {
        self.get_verified(&layout::files(&files.sha256), &files.sha256).await
    }

    /// Claims the attempt.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_started(&self, started: &Started) -> Result<Created, Error> {
        let key = self.layout.started(started.attempt);
        self.create(&key, started.to_json(), Retry::Transient).await
    }

    /// Says that the attempt is alive.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn put_beat(&self, attempt: u32, beat: &Beat) -> Result<(), Error> {
        let key = self.layout.beat(attempt);
        let put = self.requests.put(&key, beat.to_json().into()).await;
        put.map_err(|error| could_not("write", &key, error))
    }

    /// Writes a closed segment of the log. Tries once: whoever ships a log has more to ship, and knows when to.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_log(
        &self,
        attempt: u32,
        segment: u32,
        content: Bytes,
    ) -> Result<Created, Error> {
        self.create(&self.layout.log(attempt, segment), content, Retry::None).await
    }

    /// Writes the result.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_result(&self, content: Bytes) -> Result<Created, Error> {
        self.create(&self.layout.result(), content, Retry::All).await
    }

    /// The result that is in the store, if there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read_result(&self) -> Result<Option<Payload>, Error> {
        Ok(self.get(&self.layout.result()).await?.map(|content| Payload::of(&content)))
    }

    /// Ends the run, unless it has ended already.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_outcome(&self, outcome: &Outcome) -> Result<Created, Error> {
        self.create(&self.layout.outcome(), outcome.to_json(), Retry::All).await
    }

    /// Whether the run has ended.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn has_outcome(&self) -> Result<bool, Error> {
        Ok(self.get(&self.layout.outcome()).await?.is_some())
    }

    /// The request to stop, if there is one. A damaged request is still a request.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn cancel_requested(&self) -> Result<Option<Option<String>>, Error> {
        let content = self.get(&self.layout.cancel()).await?;
        Ok(content.map(|content| {
            CancelRequest::from_json(&content).ok().and_then(|request| request.reason)
        }))
    }

    async fn get_verified(&self, key: &str, expected: &Digest) -> Result<Option<Bytes>, Error> {
        let found = self.requests.get_with_digest(key).await;
        let found = found.map_err(|error| could_not("read", key, error))?;
        Ok(found.and_then(|(content, digest)| (digest == *expected).then_some(content)))
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        self.requests.get(key).await.map_err(|error| could_not("read", key, error))
    }

    async fn create(
        &self,
        key: &str,
        content: impl Into<Bytes>,
        retry: Retry,
    ) -> Result<Created, Error> {
        let created = self.requests.create(key, content.into(), retry).await;
        created.map_err(|error| could_not("write", key, error))
    }
}

/// The provider's variables: an infrastructure gives a job its credentials by them.
pub(crate) fn variables() -> longshore_storage::Variables {
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

fn could_not(verb: &str, key: &str, error: object_store::Error) -> Error {
    let attempted = format!("could not {verb} {key}");
    match longshore_storage::explain(&error) {
        Some(explained) => Error::caused(ErrorKind::Store, attempted, explained.text),
        None => Error::caused(ErrorKind::Store, attempted, error),
    }
}
