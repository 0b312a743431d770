//! The launcher's half of the store: writes what is ordered, reads what happened.

mod listing;

use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use longshore_protocol::id::{Digest, RunId, Tenant};
use longshore_protocol::layout::{self, RunLayout};
use longshore_protocol::record::{
    Beat, CancelRequest, JobRecord, LogRecord, Order, Outcome, Payload, Record, Started,
};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions};

use crate::{Error, ErrorKind};

pub use listing::Day;

/// Whether a conditional create found the place free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It was free, the object is ours.
    New,
    /// Another writer was first; its object stands.
    Existed,
}

/// An open store, seen by one tenant.
#[derive(Debug, Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    location: String,
    tenant: Tenant,
}

impl Store {
    /// Opens the store at `location`, a local directory, which is made if it does not exist.
    ///
    /// # Errors
    /// When it cannot be made or opened.
    pub fn open(location: &str, tenant: Tenant) -> Result<Self, Error> {
        let folder = local_folder(location)?;
        let failed = |error: io::Error| {
            Error::caused(
                ErrorKind::Store,
                format!("could not open the store {}", folder.display()),
                error,
            )
            .hint("name a directory that you may write with --store, or set LONGSHORE_STORE")
        };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let folder = folder.canonicalize().map_err(failed)?;
        let objects = LocalFileSystem::new_with_prefix(&folder)
            .map_err(|error| failed(io::Error::other(error)))?;
        let location = folder
            .to_str()
            .ok_or_else(|| failed(io::Error::other("its path is not Unicode text")))?;
        Ok(Self {
            objects: Arc::new(objects.with_automatic_cleanup(true)),
            location: location.to_owned(),
            tenant,
        })
    }

    /// Where the store is, as the runtime finds it.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Whose runs are seen.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The keys of `run`.
    pub fn layout(&self, run: &RunId) -> RunLayout {
        RunLayout::new(&self.tenant, run)
    }

    /// Uploads content under a name that follows from it, unless it is there already.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn upload_once(&self, key: &str, content: Bytes) -> Result<Created, Error> {
        if self.size(key).await? == Some(content.len() as u64) {
            return Ok(Created::Existed);
        }
        // What is there with another size is damaged. What we write has the right name, so it may replace it.
        self.put(key, content).await?;
        Ok(Created::New)
    }

    /// The size of an object, if it exists.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn size(&self, key: &str) -> Result<Option<u64>, Error> {
        match self.objects.head(&Path::from(key)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(could_not("look at", key, error)),
        }
    }

    /// Creates an object that says nothing, to see what the store does.
    pub(crate) async fn create_probe(&self, key: &str, content: Bytes) -> Result<Created, Error> {
        self.create(key, content).await
    }

    /// Writes the order.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_order(&self, order: &Order) -> Result<Digest, Error> {
        let content = order.to_json();
        let digest = Digest::of(&content);
        self.create_new(&self.layout(&order.run).order(), content.into()).await.map(|()| digest)
    }

    /// Writes the parameters.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_params(&self, run: &RunId, content: Bytes) -> Result<(), Error> {
        self.create_new(&self.layout(run).params(), content).await
    }

    /// Writes where the run went.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_job(&self, run: &RunId, job: &JobRecord) -> Result<(), Error> {
        self.create_new(&self.layout(run).job(), job.to_json().into()).await
    }

    /// Asks a run to stop. The first request stands.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn create_cancel(
        &self,
        run: &RunId,
        request: &CancelRequest,
    ) -> Result<Created, Error> {
        self.create(&self.layout(run).cancel(), request.to_json().into()).await
    }

    /// Reads the order. Every run has one.
    ///
    /// # Errors
    /// When the run does not exist, or the store cannot be read.
    pub async fn order(&self, run: &RunId) -> Result<Order, Error> {
        self.record(&self.layout(run).order()).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::BadInput,
                format!("there is no run {run} in the store {}", self.location),
            )
            .hint("longshore list shows the runs")
        })
    }

    /// Reads where the run went.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn job(&self, run: &RunId) -> Result<Option<JobRecord>, Error> {
        self.record(&self.layout(run).job()).await
    }

    /// Reads the request to stop.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn cancel(&self, run: &RunId) -> Result<Option<CancelRequest>, Error> {
        self.record(&self.layout(run).cancel()).await
    }

    /// Reads the outcome.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn outcome(&self, run: &RunId) -> Result<Option<Outcome>, Error> {
        self.record(&self.layout(run).outcome()).await
    }

    /// Reads who picked an attempt up.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn started(&self, run: &RunId, attempt: u32) -> Result<Option<Started>, Error> {
        self.record(&self.layout(run).started(attempt)).await
    }

    /// Reads the newest sign of life of an attempt.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn beat(&self, run: &RunId, attempt: u32) -> Result<Option<Beat>, Error> {
        self.record(&self.layout(run).beat(attempt)).await
    }

    /// Reads a segment of an attempt's log. `None`: it is not closed yet.
    ///
    /// # Errors
    /// When the store cannot be read, or a line is damaged.
    pub async fn log(
        &self,
        run: &RunId,
        attempt: u32,
        segment: u32,
    ) -> Result<Option<Vec<LogRecord>>, Error> {
        let key = self.layout(run).log(attempt, segment);
        let Some(content) = self.get(&key).await? else { return Ok(None) };
        let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let records = lines.map(|line| {
            serde_json::from_slice(line).map_err(|error| {
                Error::caused(ErrorKind::Store, format!("the log segment {key} is damaged"), error)
            })
        });
        records.collect::<Result<_, _>>().map(Some)
    }

    /// Reads the parameters of an order.
    ///
    /// # Errors
    /// When they are missing or damaged.
    pub async fn params(&self, order: &Order) -> Result<Bytes, Error> {
        self.payload(&order.params, &self.layout(&order.run).params()).await
    }

    /// Reads a result.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub async fn result(&self, run: &RunId, payload: &Payload) -> Result<Bytes, Error> {
        self.payload(payload, &self.layout(run).result()).await
    }

    /// Reads a component.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub async fn component(&self, digest: &Digest) -> Result<Bytes, Error> {
        self.verified(&layout::component(digest), digest).await
    }

    /// Removes one object; that it does not exist is no error.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        match self.objects.delete(&Path::from(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(could_not("remove", key, error)),
        }
    }

    /// Removes all of a run. The order goes last: until then the run can be found, and removing be repeated.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn remove_run(&self, run: &RunId) -> Result<(), Error> {
        let layout = self.layout(run);
        let prefix = layout.prefix();
        let found: Vec<_> = self
            .objects
            .list(Some(&Path::from(prefix)))
            .map_ok(|meta| meta.location)
            .try_collect()
            .await
            .map_err(|error| could_not("list", prefix, error))?;
        for location in found.iter().filter(|location| location.as_ref() != layout.order()) {
            self.delete(location.as_ref()).await?;
        }
        self.delete(&layout.order()).await
    }

    async fn payload(&self, payload: &Payload, key: &str) -> Result<Bytes, Error> {
        match payload {
            Payload::Inline(content) => Ok(Bytes::copy_from_slice(content)),
            Payload::Object { sha256, bytes: _ } => self.verified(key, sha256).await,
        }
    }

    async fn verified(&self, key: &str, digest: &Digest) -> Result<Bytes, Error> {
        let content = self.get(key).await?;
        let content = content.ok_or_else(|| {
            Error::new(ErrorKind::Store, format!("{key} is missing in the store"))
        })?;
        if Digest::of(&content) == *digest {
            return Ok(content);
        }
        Err(Error::new(
            ErrorKind::Store,
            format!("{key} is damaged: it does not have the digest {digest}"),
        ))
    }

    async fn record<R: Record>(&self, key: &str) -> Result<Option<R>, Error> {
        let Some(content) = self.get(key).await? else { return Ok(None) };
        R::from_json(&content).map(Some).map_err(|error| {
            Error::caused(ErrorKind::Store, format!("could not understand {key}"), error)
        })
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let read = async { self.objects.get(&Path::from(key)).await?.bytes().await };
        match read.await {
            Ok(content) => Ok(Some(content)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(could_not("read", key, error)),
        }
    }

    async fn put(&self, key: &str, content: Bytes) -> Result<(), Error> {
        let put = self.objects.put(&Path::from(key), content.into()).await;
        put.map(|_| ()).map_err(|error| could_not("write", key, error))
    }

    async fn create(&self, key: &str, content: Bytes) -> Result<Created, Error> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.objects.put_opts(&Path::from(key), content.into(), options).await {
            Ok(_) => Ok(Created::New),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Created::Existed),
            Err(error) => Err(could_not("write", key, error)),
        }
    }

    /// Creates an object that nobody else may have: its key has the run's id in it.
    async fn create_new(&self, key: &str, content: Bytes) -> Result<(), Error> {
        match self.create(key, content).await? {
            Created::New => Ok(()),
            Created::Existed => Err(Error::new(ErrorKind::Store, format!("{key} exists already"))),
        }
    }
}

fn could_not(verb: &str, key: &str, error: object_store::Error) -> Error {
    let said = crate::chain(&error);
    let caused =
        Error::caused(ErrorKind::Store, format!("could not {verb} {key} in the store"), error);
    if said.contains("No space left") {
        caused.hint("the disk is full: free some space, or name another store with --store")
    } else if said.contains("Read-only file system") || said.contains("Permission denied") {
        caused.hint("name a store that you may write with --store, or set LONGSHORE_STORE")
    } else {
        caused
    }
}

fn local_folder(location: &str) -> Result<PathBuf, Error> {
    let path = match location.split_once("://") {
        Some(("file", path)) => path,
        Some((scheme, _)) => {
            return Err(Error::new(
                ErrorKind::BadInput,
                format!("{scheme}:// stores are not supported by this version"),
            )
            .hint("name a local directory with --store"));
        }
        None => location,
    };
    std::path::absolute(FilePath::new(path)).map_err(|error| {
        Error::caused(ErrorKind::BadInput, format!("{location:?} is not a directory name"), error)
    })
}
