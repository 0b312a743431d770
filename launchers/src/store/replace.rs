//! Objects that change: read with their version, replaced only if nobody else has done so meanwhile.

use std::fs::File;

use bytes::Bytes;
use longshore_storage::whole;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutMode, PutOptions, UpdateVersion};

use super::Store;
use super::requests::could_not;
use crate::pool::file;
use crate::{Error, ErrorKind};

/// What an object was when it was read.
#[derive(Debug, Clone)]
pub(crate) struct Versioned {
    /// Its content.
    pub(crate) content: Bytes,
    version: UpdateVersion,
}

/// What came of replacing an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// It is what we have written.
    Done,
    /// Somebody else has changed or removed it meanwhile; that stands.
    Changed,
}

impl Store {
    /// Reads an object that may be replaced later.
    pub(crate) async fn versioned(&self, key: &str) -> Result<Option<Versioned>, Error> {
        let path = Path::from(key);
        let read = || async {
            let answer = self.objects().get(&path).await?;
            let version = UpdateVersion {
                e_tag: answer.meta.e_tag.clone(),
                version: answer.meta.version.clone(),
            };
            Ok(Versioned { content: whole(answer).await?, version })
        };
        match self.patiently(read).await {
            Ok(versioned) => Ok(Some(versioned)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(could_not("read", key, error)),
        }
    }

    /// Replaces an object that is as it was read. Object storage compares and replaces in one step. A directory cannot:
    /// there, whoever replaces an object locks its folder meanwhile. On file systems without locks, of two in the same
    /// millisecond the later one stands.
    pub(crate) async fn replace(
        &self,
        key: &str,
        before: &Versioned,
        after: Bytes,
    ) -> Result<Replaced, Error> {
        let path = Path::from(key);
        let options =
            PutOptions { mode: PutMode::Update(before.version.clone()), ..PutOptions::default() };
        let replace = || self.objects().put_opts(&path, after.clone().into(), options.clone());
        match self.patiently(replace).await {
            Ok(_) => Ok(Replaced::Done),
            Err(
                object_store::Error::Precondition { .. } | object_store::Error::NotFound { .. },
            ) => {
                // What is there may be our own: then an earlier try has succeeded, and its answer was lost.
                let is_ours = self.get(key).await?.is_some_and(|there| there == after);
                Ok(if is_ours { Replaced::Done } else { Replaced::Changed })
            }
            Err(object_store::Error::NotImplemented { .. }) => {
                let _until_done = self.lock_beside(key).await?;
                if self.get(key).await?.is_none_or(|there| there != before.content) {
                    return Ok(Replaced::Changed);
                }
                self.put(key, after).await.map(|()| Replaced::Done)
            }
            Err(error) => Err(could_not("replace", key, error)),
        }
    }

    /// Keeps others from replacing objects beside this one, where these are files, for as long as the answer lives.
    async fn lock_beside(&self, key: &str) -> Result<Option<File>, Error> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let object = folder.join(key);
        let lock = move || file::lock(object.parent().unwrap_or(&object));
        let locked = tokio::task::spawn_blocking(lock).await;
        locked.map_err(|error| {
            Error::caused(ErrorKind::Store, format!("could not lock {key}"), error)
        })?
    }

    /// The names of the objects below `prefix`, without folders below it.
    pub(crate) async fn names(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let path = Path::from(prefix);
        let listed = self.patiently(|| self.objects().list_with_delimiter(Some(&path))).await;
        let listed = listed.map_err(|error| could_not("list", prefix, error))?;
        let names = listed.objects.iter().filter_map(|meta| meta.location.filename());
        Ok(names.map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surroundings::Surroundings;
    use longshore_protocol::id::Tenant;
    use object_store::ObjectStore;
    use object_store::local::LocalFileSystem;
    use object_store::memory::InMemory;
    use std::sync::Arc;

    async fn second_writer_loses(objects: Arc<dyn ObjectStore>) {
        let store = Store::new(objects, "x", Tenant::default());
        store.put("a/b", Bytes::from_static(b"1")).await.unwrap();
        let seen = store.versioned("a/b").await.unwrap().unwrap();
        let replaced = store.replace("a/b", &seen, Bytes::from_static(b"2")).await.unwrap();
        assert_eq!(replaced, Replaced::Done);
        let late = store.replace("a/b", &seen, Bytes::from_static(b"3")).await.unwrap();
        assert_eq!(late, Replaced::Changed);
        assert_eq!(store.get("a/b").await.unwrap().unwrap(), "2");
        // An answer that was lost on its way.
        let again = store.replace("a/b", &seen, Bytes::from_static(b"2")).await.unwrap();
        assert!(again == Replaced::Done || store.get("a/b").await.unwrap().unwrap() == "2");
        let seen = store.versioned("a/b").await.unwrap().unwrap();
        store.delete("a/b").await.unwrap();
        let gone = store.replace("a/b", &seen, Bytes::from_static(b"4")).await.unwrap();
        assert_eq!(gone, Replaced::Changed);
        assert!(store.names("a").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn of_two_who_replace_the_same_one_the_second_is_told() {
        second_writer_loses(Arc::new(InMemory::new())).await;
        let folder = tempfile::tempdir().unwrap();
        let local = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        second_writer_loses(Arc::new(local)).await;
    }

    /// How many replace the same object of a directory at once, each until it has succeeded once.
    const WRITERS: u8 = 8;

    #[tokio::test]
    async fn in_a_directory_no_replacement_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().to_str().unwrap();
        let open = || Store::open(location, Tenant::default(), &Surroundings::default()).unwrap();
        open().put("a/b", Bytes::new()).await.unwrap();
        let writers = (0..WRITERS).map(|writer| {
            let store = open();
            tokio::spawn(async move {
                loop {
                    let seen = store.versioned("a/b").await.unwrap().unwrap();
                    let after = [&seen.content[..], &[writer]].concat();
                    if store.replace("a/b", &seen, after.into()).await.unwrap() == Replaced::Done {
                        break;
                    }
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let mut written = open().get("a/b").await.unwrap().unwrap().to_vec();
        written.sort_unstable();
        assert_eq!(written, (0..WRITERS).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn in_a_directory_nobody_replaces_between_anothers_look_and_write() {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().display().to_string();
        let store = Store::open(&location, Tenant::default(), &Surroundings::default()).unwrap();
        store.put("a/b", Bytes::from_static(b"1")).await.unwrap();
        let seen = store.versioned("a/b").await.unwrap().unwrap();
        // Somebody else is between the two, who has looked and will write.
        let other = file::lock(&folder.path().join("a")).unwrap().unwrap();
        let replaced = async { store.replace("a/b", &seen, Bytes::from_static(b"3")).await };
        let write = async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            std::fs::write(folder.path().join("a/b"), "2").unwrap();
            drop(other);
        };
        let (replaced, ()) = tokio::join!(replaced, write);
        assert_eq!(replaced.unwrap(), Replaced::Changed);
        assert_eq!(store.get("a/b").await.unwrap().unwrap(), "2", "what the other wrote stands");
    }
}
