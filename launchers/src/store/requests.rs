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

/// What is larger is uploaded in parts. Amazon advises them from 100 MB on: what is smaller is there sooner in one piece.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>
const WHOLE_BYTES_MAX: usize = 64 << 20;
/// Hears how many bytes of an upload have arrived.
pub(crate) type Told<'a> = &'a (dyn Fn(u64) + Sync);

/// How something is cut into parts.
#[derive(Debug, Clone, Copy)]
struct Cut {
    part_bytes: usize,
    /// So many parts are under way at once.
    at_once: usize,
}

/// For a connection that is as wide as it can be used.
const FAST: Cut = Cut { part_bytes: 16 << 20, at_once: 4 };
/// For one that breaks, or that does not take more within the half minute that a request has: 2.2 Mbit/s are enough.
const CAREFUL: Cut = Cut { part_bytes: 8 << 20, at_once: 1 };

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
            if content.len() <= WHOLE_BYTES_MAX {
                return self.objects().put(&path, content.clone().into()).await.map(drop);
            }
            self.put_in_parts(&path, &content, FAST, told).await
        };
        let done = self.requests.patiently(first_try(&content), put).await;
        let done = self.or_carefully(done, &path, &content, told).await;
        done.map_err(|error| could_not("write", key, error))
    }

    /// Creates what may be large and nobody else may have, and tells how much of it has arrived.
    pub(super) async fn create_telling(
        &self,
        key: &str,
        content: Bytes,
        told: Told<'_>,
    ) -> Result<(), Error> {
        if content.len() > WHOLE_BYTES_MAX {
            // Parts know no condition. The key has the run's new id in it, so there is nothing to overwrite.
            return self.put_telling(key, content, told).await;
        }
        let created = self.requests.create(key, content.clone(), first_try(&content)).await;
        if matches!(created, Ok(Created::Existed)) {
            return Err(exists_already(key));
        }
        let path = Path::from(key);
        let done = self.or_carefully(created.map(drop), &path, &content, told).await;
        done.map_err(|error| could_not("write", key, error))
    }

    /// What a connection did not take at the first try goes in small parts, one after another.
    async fn or_carefully(
        &self,
        done: object_store::Result<()>,
        path: &Path,
        content: &Bytes,
        told: Told<'_>,
    ) -> object_store::Result<()> {
        match done {
            Err(error) if is_large(content) && longshore_storage::may_pass(&error) => {
                self.patiently(async || self.put_in_parts(path, content, CAREFUL, told).await).await
            }
            done => done,
        }
    }

    /// Parts are repeated each by itself; the object is there when all of them are. A part that arrived damaged is found
    /// by whoever reads: all that is large is named by its digest.
    async fn put_in_parts(
        &self,
        path: &Path,
        content: &Bytes,
        Cut { part_bytes, at_once }: Cut,
        told: Told<'_>,
    ) -> object_store::Result<()> {
        let mut upload = self.objects().put_multipart(path).await?;
        let parts = (0..content.len()).step_by(part_bytes);
        let parts = parts.map(|from| content.slice(from..content.len().min(from + part_bytes)));
        let sent: Vec<_> = parts
            .map(|part| {
                let bytes = part.len() as u64;
                upload.put_part(part.into()).map_ok(move |()| bytes)
            })
            .collect();
        let sent = stream::iter(sent).buffer_unordered(at_once);
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
            Created::Existed => Err(exists_already(key)),
        }
    }
}

fn is_large(content: &Bytes) -> bool {
    content.len() > CAREFUL.part_bytes
}

/// What is large is not sent once more as it is over a connection that broke.
fn first_try(content: &Bytes) -> Retry {
    if is_large(content) { Retry::None } else { Retry::Transient }
}

fn exists_already(key: &str) -> Error {
    Error::new(ErrorKind::Store, format!("{key} exists already"))
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
