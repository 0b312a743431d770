//! Requests to the object store: whole answers, and patience with errors that may be over the next time.

use bytes::Bytes;
use futures::{StreamExt as _, TryFutureExt as _, TryStreamExt as _, stream};
use longshore_protocol::id::Digest;
use longshore_protocol::record::{Payload, Record};
use longshore_storage::{Explanation, Retry};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use super::{Created, Store};
use crate::{Error, ErrorKind};

/// What is larger is uploaded in parts of this size.
pub(super) const PART_BYTES: usize = 16 << 20;
/// Hears how many bytes of an upload have arrived.
pub(crate) type Told<'a> = &'a (dyn Fn(u64) + Sync);
/// So many parts are under way at once.
const PARTS_AT_ONCE: usize = 4;

impl Store {
    pub(super) async fn payload(&self, payload: &Payload, key: &str) -> Result<Bytes, Error> {
        match payload {
            Payload::Inline(content) => Ok(Bytes::copy_from_slice(content)),
            Payload::Object { sha256, bytes: _ } => self.verified(key, sha256).await,
        }
    }

    pub(super) async fn verified(&self, key: &str, digest: &Digest) -> Result<Bytes, Error> {
        let found = self.requests.get_with_digest(key).await;
        let found = found.map_err(|error| could_not("read", key, error))?;
        let (content, found) = found.ok_or_else(|| {
            Error::new(ErrorKind::Store, format!("{key} is missing in the store"))
        })?;
        if found == *digest {
            return Ok(content);
        }
        Err(Error::new(
            ErrorKind::Store,
            format!("{key} is damaged: it does not have the digest {digest}"),
        ))
    }

    pub(super) async fn record<R: Record>(&self, key: &str) -> Result<Option<R>, Error> {
        let Some(content) = self.get(key).await? else { return Ok(None) };
        R::from_json(&content).map(Some).map_err(|error| {
            Error::caused(ErrorKind::Store, format!("could not understand {key}"), error)
        })
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        self.requests.get(key).await.map_err(|error| could_not("read", key, error))
    }

    pub(crate) async fn put(&self, key: &str, content: Bytes) -> Result<(), Error> {
        self.put_telling(key, content, &|_| ()).await
    }

    /// The same, and tells how much of what is large has arrived.
    pub(super) async fn put_telling(
        &self,
        key: &str,
        content: Bytes,
        told: Told<'_>,
    ) -> Result<(), Error> {
        let path = Path::from(key);
        let put = async || {
            if content.len() <= PART_BYTES {
                return self.objects().put(&path, content.clone().into()).await.map(drop);
            }
            self.put_in_parts(&path, &content, told).await
        };
        self.patiently(put).await.map_err(|error| could_not("write", key, error))
    }

    /// What is large goes in parts side by side, each of which is repeated by itself; the object is there when all
    /// parts are. A part that arrived damaged is found by whoever reads: all that is large is named by its digest.
    async fn put_in_parts(
        &self,
        path: &Path,
        content: &Bytes,
        told: Told<'_>,
    ) -> object_store::Result<()> {
        let mut upload = self.objects().put_multipart(path).await?;
        let parts = (0..content.len()).step_by(PART_BYTES);
        let parts = parts.map(|from| content.slice(from..content.len().min(from + PART_BYTES)));
        let sent: Vec<_> = parts
            .map(|part| {
                let bytes = part.len() as u64;
                upload.put_part(part.into()).map_ok(move |()| bytes)
            })
            .collect();
        let sent = stream::iter(sent).buffer_unordered(PARTS_AT_ONCE);
        let sent = sent.try_fold(0, |arrived, bytes| async move {
            told(arrived + bytes);
            Ok(arrived + bytes)
        });
        let sent = sent.await;
        let done = match sent {
            Ok(_) => upload.complete().await.map(drop),
            Err(error) => Err(error),
        };
        if done.is_err() {
            // What is left of it costs money until somebody removes it; why it failed is worth more to tell.
            drop(upload.abort().await);
        }
        done
    }

    pub(crate) async fn create(&self, key: &str, content: Bytes) -> Result<Created, Error> {
        let created = self.requests.create(key, content, Retry::Transient).await;
        created.map_err(|error| could_not("write", key, error))
    }

    /// Tries again for a while what may succeed the next time.
    pub(super) async fn patiently<T, F: Future<Output = object_store::Result<T>>>(
        &self,
        request: impl Fn() -> F,
    ) -> object_store::Result<T> {
        self.requests.patiently(Retry::Transient, request).await
    }

    /// Creates an object that nobody else may have: its key has the run's id in it.
    pub(super) async fn create_new(&self, key: &str, content: Bytes) -> Result<(), Error> {
        match self.create(key, content).await? {
            Created::New => Ok(()),
            Created::Existed => Err(Error::new(ErrorKind::Store, format!("{key} exists already"))),
        }
    }
}

pub(super) fn could_not(verb: &str, key: &str, error: object_store::Error) -> Error {
    let attempted = format!("could not {verb} {key} in the store");
    if let Some(Explanation { text, hint }) = longshore_storage::explain(&error) {
        let error = Error::caused(ErrorKind::Store, attempted, text);
        return match hint {
            Some(hint) => error.hint(hint),
            None => error,
        };
    }
    let said = crate::chain(&error);
    let caused = Error::caused(ErrorKind::Store, attempted, error);
    if said.contains("No space left") {
        caused.hint("the disk is full: free some space, or name another store with --store")
    } else if said.contains("Read-only file system") || said.contains("Permission denied") {
        caused.hint("name a store that you may write with --store, or set LONGSHORE_STORE")
    } else {
        caused
    }
}
