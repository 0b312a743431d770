//! The runtime's half of the store: reads what was ordered, writes what happened.

use std::sync::Arc;

use bytes::Bytes;
use longshore_protocol::id::{Digest, RunId, Tenant};
use longshore_protocol::layout::{self, RunLayout};
use longshore_protocol::record::{
    Beat, CancelRequest, CompiledRef, ComponentRef, Order, Outcome, Payload, Record as _, Started,
};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};

use crate::{Error, ErrorKind};

/// Whether a conditional create found the place free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It was free, the object is ours.
    New,
    /// Another writer was first; its object stands.
    Existed,
}

/// The objects of one run, and the code that it needs.
#[derive(Debug, Clone)]
pub struct RunStore {
    store: Arc<dyn ObjectStore>,
    layout: RunLayout,
}

impl RunStore {
    /// Opens the store at `location`, a local directory, for one run.
    ///
    /// # Errors
    /// When there is no such directory.
    pub fn open(location: &str, tenant: &Tenant, run: &RunId) -> Result<Self, Error> {
        let store = LocalFileSystem::new_with_prefix(location).map_err(|error| {
            Error::caused(ErrorKind::Store, format!("could not open the store {location}"), error)
        })?;
        Ok(Self::new(Arc::new(store), tenant, run))
    }

    /// Uses an open store for one run.
    pub fn new(store: Arc<dyn ObjectStore>, tenant: &Tenant, run: &RunId) -> Self {
        Self { store, layout: RunLayout::new(tenant, run) }
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

    /// Claims the attempt.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_started(&self, started: &Started) -> Result<Created, Error> {
        self.create(&self.layout.started(started.attempt), started.to_json()).await
    }

    /// Says that the attempt is alive.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn put_beat(&self, attempt: u32, beat: &Beat) -> Result<(), Error> {
        let key = self.layout.beat(attempt);
        let put = self.store.put(&Path::from(key.as_str()), beat.to_json().into()).await;
        put.map(|_| ()).map_err(|error| could_not("write", &key, error))
    }

    /// Writes a closed segment of the log.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_log(
        &self,
        attempt: u32,
        segment: u32,
        content: Bytes,
    ) -> Result<Created, Error> {
        self.create(&self.layout.log(attempt, segment), content).await
    }

    /// Writes the result.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_result(&self, content: Bytes) -> Result<Created, Error> {
        self.create(&self.layout.result(), content).await
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
        self.create(&self.layout.outcome(), outcome.to_json()).await
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
        Ok(self.get(key).await?.filter(|content| Digest::of(content) == *expected))
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let read = async { self.store.get(&Path::from(key)).await?.bytes().await };
        match read.await {
            Ok(content) => Ok(Some(content)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(could_not("read", key, error)),
        }
    }

    async fn create(&self, key: &str, content: impl Into<Bytes>) -> Result<Created, Error> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&Path::from(key), content.into().into(), options).await {
            Ok(_) => Ok(Created::New),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Created::Existed),
            Err(error) => Err(could_not("write", key, error)),
        }
    }
}

fn could_not(verb: &str, key: &str, error: object_store::Error) -> Error {
    Error::caused(ErrorKind::Store, format!("could not {verb} {key}"), error)
}
