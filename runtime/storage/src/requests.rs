//! Requests that launcher and runtime make alike: whole answers, creation once, and patience with errors that may be over
//! the next time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use longshore_protocol::chain;
use longshore_protocol::id::{Digest, Hasher};
use longshore_protocol::pace::Pace;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetResult, GetResultPayload, ObjectStore, ObjectStoreExt as _, PutMode,
    PutOptions, Result,
};

use crate::filling::Filling;
use crate::{Patience, may_pass};

/// Whether a conditional create found the place free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It was free, the object is ours.
    New,
    /// Another writer was first; its object stands.
    Existed,
}

/// Which failed requests are tried again for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// None: whoever asks will ask again.
    None,
    /// Those that may succeed the next time, without anybody doing something about it.
    Transient,
    /// All: a run's whole work would be lost, and somebody may make room for it.
    All,
}

impl Retry {
    fn is_due(self, error: &Error) -> bool {
        match (self, error) {
            (_, Error::AlreadyExists { .. }) | (Self::None, _) => false,
            (Self::Transient, _) => may_pass(error),
            (Self::All, _) => true,
        }
    }
}

/// Objects, asked for patiently. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Requests {
    store: Arc<dyn ObjectStore>,
    pace: Pace,
}

impl Requests {
    /// Requests to an open store.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, pace: Pace::NORMAL }
    }

    /// Repeats requests at another pace.
    #[must_use]
    pub fn at_pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// The store, for requests that need neither.
    pub fn store(&self) -> &dyn ObjectStore {
        &*self.store
    }

    /// Waits between two requests.
    pub async fn pause(&self, time: Duration) {
        tokio::time::sleep(self.pace.of(time)).await;
    }

    /// How long a pause is at this pace.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// The content of an object. `None`: it does not exist.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let path = Path::from(key);
        let read = || async {
            let answer = self.store.get_opts(&path, GetOptions::default()).await?;
            whole(answer).await
        };
        match self.patiently(Retry::Transient, read).await {
            Ok(content) => Ok(Some(content)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The content of an object, with its digest. `None`: it does not exist.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn get_with_digest(&self, key: &str) -> Result<Option<(Bytes, Digest)>> {
        let path = Path::from(key);
        let read = || async {
            let answer = self.store.get_opts(&path, GetOptions::default()).await?;
            // While the next piece is on its way.
            let mut hasher = Hasher::default();
            let content = collected(answer, |piece| hasher.update(piece)).await?;
            Ok((content, hasher.finish()))
        };
        match self.patiently(Retry::Transient, read).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an object. What exists already may be our own: then an earlier try has succeeded, and its answer was
    /// lost.
    ///
    /// # Errors
    /// When the store cannot be written, or what is there not read.
    pub async fn create(&self, key: &str, content: Bytes, retry: Retry) -> Result<Created> {
        let path = Path::from(key);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let create = || self.store.put_opts(&path, content.clone().into(), options.clone());
        match self.patiently(retry, create).await {
            Ok(_) => Ok(Created::New),
            Err(Error::AlreadyExists { .. }) => {
                let is_ours = self.get(key).await?.is_some_and(|there| there == content);
                Ok(if is_ours { Created::New } else { Created::Existed })
            }
            Err(error) => Err(error),
        }
    }

    /// Writes an object, whether it exists or not, once.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn put(&self, key: &str, content: Bytes) -> Result<()> {
        self.store.put(&Path::from(key), content.into()).await.map(drop)
    }

    /// Tries again for a while what is worth it.
    ///
    /// # Errors
    /// That of the last try.
    pub async fn patiently<T, F: Future<Output = Result<T>>>(
        &self,
        retry: Retry,
        request: impl Fn() -> F,
    ) -> Result<T> {
        let (mut failures, patience) = (0, Patience::new());
        loop {
            let error = match request().await {
                Err(error) if retry.is_due(&error) && !patience.is_over() => error,
                done => return done,
            };
            failures += 1;
            let Some(pause) = self.pace.before_retry(failures) else { return Err(error) };
            tracing::warn!("{}", chain(&error));
            tokio::time::sleep(pause).await;
        }
    }
}

/// The content of an answer. What was cut off on its way is none: half of a result is a result, too, of something else.
///
/// # Errors
/// When the answer breaks off, or has fewer bytes than it says.
pub async fn whole(answer: GetResult) -> Result<Bytes> {
    collected(answer, |_| ()).await
}

/// The same; `heard` is shown each piece, in their order.
async fn collected(answer: GetResult, mut heard: impl FnMut(&[u8])) -> Result<Bytes> {
    let size = answer.meta.size;
    let whole = match answer.payload {
        GetResultPayload::Stream(mut pieces) => {
            // At once as large as it gets: to collect pieces and then join them would take twice the memory.
            let mut content = Filling::of_size(size);
            while let Some(piece) = pieces.try_next().await? {
                heard(&piece);
                content.push(&piece);
            }
            content.whole(size)
        }
        GetResultPayload::File(..) => {
            let content = answer.bytes().await?;
            heard(&content);
            if content.len() as u64 == size { Ok(content) } else { Err(content.len()) }
        }
    };
    whole.map_err(|arrived| Error::Generic {
        store: "cut off",
        source: format!("{arrived} of {size} bytes arrived").into(),
    })
}
