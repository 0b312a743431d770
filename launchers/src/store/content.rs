//! Content that all tenants of a store share: components, machine code and files, named by their digests. Uploaded once, and
//! removed when no order refers to it any more.
//!
//! Stores have no conditional delete, so nothing can be removed "unless somebody has begun to rely on it". Instead:
//!
//! **Invariant:** whoever relies on content without uploading it has seen that it is younger than [`RELY_MAX`], and
//! writes the order long before it is as old as [`KEEP_MIN`]; only content that is older is removed, by references that
//! were read later.
//! **Invariant:** whoever uploads content looks for a mark *after* that; whoever removes content sets the mark *before* it
//! looks at the age a last time. So at least one of the two sees the other, however their steps mix.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use longshore_protocol::Timestamp;
use longshore_protocol::id::{Digest, RunId};
use longshore_protocol::layout;
use longshore_protocol::record::Order;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::requests::{Told, could_not};
use super::{Created, SIDE_BY_SIDE, Store};
use crate::{Error, ErrorKind, clock};

/// Content that is older is uploaded again by whoever wants to rely on it, which makes it young. Every day is seldom
/// enough for the largest component.
pub const RELY_MAX: Duration = Duration::from_hours(24);
/// Content that is younger is never removed. The difference is the time from a look at the content to the order, and
/// what two clocks may differ by: two days for what takes seconds.
pub const KEEP_MIN: Duration = Duration::from_hours(72);
/// Content is removed this long after it was marked, or not at all, …
const REMOVAL_BEGINS: Duration = Duration::from_secs(30);
/// … so a mark that is older is that of somebody who died: a request to remove is repeated for a minute and a half at
/// the most.
const MARK_LIFE: Duration = Duration::from_secs(120);
/// How often an upload looks whether a mark is gone. Removing takes two requests.
const MARK_LOOK: Duration = Duration::from_millis(100);
/// A mark of which nobody is waiting for the end is cleared away after this time.
const MARK_KEPT: Duration = Duration::from_hours(1);
/// Content that was removed while it was uploaded is uploaded again, by the second time without a remover.
const UPLOADS_MAX: u32 = 5;

/// Content in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
}

/// Content to which no order refers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreferenced {
    /// What may be removed.
    pub old: Vec<Content>,
    /// What is too young for that.
    pub young: Vec<Content>,
    /// What was written later than this is young.
    before: Timestamp,
}

impl Store {
    /// Whether content is there, and will be until an order that is written now refers to it. One request.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn can_rely_on(&self, key: &str, bytes: u64) -> Result<bool, Error> {
        let found = self.look(key).await?;
        Ok(found.is_some_and(|meta| meta.size == bytes && written_at(&meta) > ago(RELY_MAX)))
    }

    /// Uploads content under a name that follows from it. What is there is replaced: it has another size, so it is
    /// damaged, or it is the same, and young from now on.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(crate) async fn upload(
        &self,
        key: &str,
        content: Bytes,
        told: Told<'_>,
    ) -> Result<(), Error> {
        for _ in 0..UPLOADS_MAX {
            self.put_telling(key, content.clone(), told).await?;
            self.wait_for_removal(key).await?;
            if self.size(key).await? == Some(content.len() as u64) {
                return Ok(());
            }
        }
        let text = format!("{key} was uploaded {UPLOADS_MAX} times, and is not in the store");
        Err(Error::new(ErrorKind::Store, text)
            .hint("longshore doctor checks whether the store shows what was written"))
    }

    /// Whether an object was written longer ago than this. One that does not exist is not.
    pub(crate) async fn is_older(&self, key: &str, age: Duration) -> Result<bool, Error> {
        Ok(self.look(key).await?.is_some_and(|meta| written_at(&meta) < ago(age)))
    }

    /// Uploads content that is there and too old to be relied on, for who has it not.
    ///
    /// # Errors
    /// When it is missing or damaged, or the store cannot be read or written.
    pub async fn upload_again(&self, key: &str, digest: &Digest) -> Result<(), Error> {
        let content = self.verified(key, digest).await?;
        self.upload(key, content, &|_| ()).await
    }

    /// Waits until nobody is removing content, as far as that had begun.
    async fn wait_for_removal(&self, key: &str) -> Result<(), Error> {
        let (mark, began) = (layout::removing(key), Instant::now());
        while self.look(&mark).await?.is_some() {
            if began.elapsed() > self.requests.pace().of(MARK_LIFE) {
                return self.delete(&mark).await;
            }
            tokio::time::sleep(self.requests.pace().of(MARK_LOOK)).await;
        }
        Ok(())
    }

    /// The content to which no order of any tenant refers, but those of the runs `without`.
    ///
    /// # Errors
    /// When the store cannot be read, or one of the orders: what it refers to is not known then.
    pub async fn unreferenced(&self, without: &BTreeSet<RunId>) -> Result<Unreferenced, Error> {
        // Before the orders are read: see the invariants.
        let before = ago(KEEP_MIN);
        let referenced = self.references(without).await?;
        let mut found = Unreferenced { old: vec![], young: vec![], before };
        for prefix in layout::CONTENT {
            for meta in self.objects_below(prefix).await? {
                let content = Content { key: meta.location.to_string(), bytes: meta.size };
                if referenced.contains(&content.key) {
                    continue;
                }
                let list =
                    if written_at(&meta) < before { &mut found.old } else { &mut found.young };
                list.push(content);
            }
        }
        Ok(found)
    }

    async fn references(&self, without: &BTreeSet<RunId>) -> Result<BTreeSet<String>, Error> {
        let listed = self.objects_below(layout::RUNS).await?;
        let orders = listed.into_iter().map(|meta| meta.location.to_string());
        let orders = orders.filter(|key| key.ends_with("/order.json"));
        let orders: Vec<_> = orders
            .filter(|key| layout::run_of(key).is_none_or(|run| !without.contains(&run)))
            .collect();
        let read = stream::iter(&orders).map(|key| self.record::<Order>(key));
        let mut read = read.buffer_unordered(SIDE_BY_SIDE);
        let mut referenced = BTreeSet::new();
        while let Some(order) = read.try_next().await.map_err(unknown_references)? {
            // One that is missing by now was removed, and refers to nothing any more.
            referenced.extend(order.iter().flat_map(Order::content));
        }
        Ok(referenced)
    }

    /// Removes content to which nothing refers. `false`: it is left, since somebody has uploaded it again, or is
    /// removing it as well.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn remove_content(
        &self,
        content: &Content,
        among: &Unreferenced,
    ) -> Result<bool, Error> {
        let mark = layout::removing(&content.key);
        let began = Instant::now();
        if self.create(&mark, self.mark()?).await? == Created::Existed {
            return Ok(false);
        }
        // It may be young by now. Whoever uploads it from here on sees the mark.
        let found = self.look(&content.key).await?;
        let is_old = found.is_some_and(|meta| written_at(&meta) < among.before);
        let is_in_time = began.elapsed() < REMOVAL_BEGINS;
        if is_old && is_in_time {
            self.delete(&content.key).await?;
        }
        self.delete(&mark).await?;
        Ok(is_old && is_in_time)
    }

    /// Clears away the marks of removers that died.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn clear_marks(&self) -> Result<(), Error> {
        for meta in self.objects_below(layout::REMOVING).await? {
            if written_at(&meta) < ago(MARK_KEPT) {
                self.delete(meta.location.as_ref()).await?;
            }
        }
        Ok(())
    }

    /// A mark that is like no other, so that nobody takes another's for its own.
    fn mark(&self) -> Result<Bytes, Error> {
        let mut random = [0; 16];
        let filled = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
        filled.map_err(|error| {
            Error::caused(ErrorKind::Infrastructure, "could not get random bytes", error)
        })?;
        let id = u128::from_ne_bytes(random);
        let text = serde_json::json!({"since": clock::now(), "id": format!("{id:032x}")});
        Ok(format!("{text}\n").into())
    }

    pub(super) async fn objects_below(&self, prefix: &str) -> Result<Vec<ObjectMeta>, Error> {
        let path = Path::from(prefix);
        let list = || self.objects().list(Some(&path)).try_collect();
        self.patiently(list).await.map_err(|error| could_not("list", prefix, error))
    }
}

fn unknown_references(error: Error) -> Error {
    let text = "not all orders can be read, so it is not known what they refer to";
    Error::caused(ErrorKind::Store, text, error).hint(
        "nothing that they may refer to was removed; longshore rm removes a run, and --runs-only leaves content alone",
    )
}

fn written_at(meta: &ObjectMeta) -> Timestamp {
    Timestamp::from_millisecond(meta.last_modified.timestamp_millis()).unwrap_or(Timestamp::MAX)
}

fn ago(time: Duration) -> Timestamp {
    clock::now().saturating_sub(time).unwrap_or(Timestamp::MIN)
}
