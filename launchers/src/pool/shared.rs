//! Pools that a team keeps in a store: one object each, below all files.

use std::time::Duration;

use bytes::Bytes;
use longshore_protocol::layout;
use longshore_storage::Location;

use super::{LOCAL, Layer, Source};
use crate::store::{Created, Replaced, Store};
use crate::{Error, ErrorKind};

/// How often an update starts anew since somebody else has made one meanwhile.
const TRIES: u32 = 5;
/// A description is a page of text. What is larger is something else.
const BYTES_MAX: usize = 256 << 10;
/// What stands in the place of a pool while it is being removed.
const REMOVED: &[u8] = b"# This pool was removed.\n";
/// Who has not finished a removal by then has died: its last request is repeated for a minute and a half at the most.
const REMOVAL_MAX: Duration = Duration::from_secs(120);

/// The store in which a team keeps pools.
#[derive(Debug, Clone)]
pub struct SharedPools {
    store: Store,
    location: Location,
}

impl SharedPools {
    /// Those in an open store.
    ///
    /// # Errors
    /// When the store's name cannot be read.
    pub fn new(store: Store) -> Result<Self, Error> {
        let location = store.location().parse()?;
        Ok(Self { store, location })
    }

    /// Where a pool is, as people read it: without options.
    pub fn place(&self, name: &str) -> String {
        let (location, key) = (&self.location, layout::pool(name));
        let parts = [location.bucket(), location.prefix(), &key];
        let path = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        match location.provider().scheme() {
            Some(scheme) => format!("{scheme}://{path}"),
            None => path,
        }
    }

    /// The names of all of them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn names(&self) -> Result<Vec<String>, Error> {
        let names = self.store.names(layout::POOLS).await?;
        let mut names: Vec<_> = names
            .iter()
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .filter(|name| check_name(name).is_ok())
            .collect();
        names.sort();
        Ok(names)
    }

    /// The layer of a pool, if it is there.
    ///
    /// # Errors
    /// When the store cannot be read, or what is there is no pool.
    pub async fn layer(&self, name: &str) -> Result<Option<Layer>, Error> {
        if name == LOCAL || check_name(name).is_err() {
            return Ok(None);
        }
        let found = self.store.versioned(&layout::pool(name)).await?;
        let found = found.filter(|found| found.content != REMOVED);
        found.map(|found| self.parse(name, &self.text(name, &found.content)?)).transpose()
    }

    /// Puts a pool there.
    ///
    /// # Errors
    /// When there is one of this name, or the text describes none.
    pub async fn create(&self, name: &str, text: &str) -> Result<(), Error> {
        check_shareable(name)?;
        self.parse(name, text)?;
        let key = layout::pool(name);
        let exists = || {
            let text = format!("there is a shared pool {name} already: {}", self.place(name));
            Error::new(ErrorKind::BadInput, text)
                .hint(format!("longshore pool update {name} --shared changes it"))
        };
        // One with the same content would be taken for our own, whose creation was repeated.
        if let Some(found) = self.store.versioned(&key).await? {
            if found.content != REMOVED {
                return Err(exists());
            }
            if !self.store.is_older(&key, REMOVAL_MAX).await? {
                let text = format!("{} is just being removed", self.place(name));
                return Err(Error::new(ErrorKind::Store, text).hint("try again in two minutes"));
            }
            self.store.delete(&key).await?;
        }
        match self.store.create(&key, Bytes::from(text.to_owned())).await? {
            Created::New => Ok(()),
            Created::Existed => Err(exists()),
        }
    }

    /// Changes a pool. An update that somebody else makes meanwhile is not lost: `edit` is made again, of what is there
    /// then.
    ///
    /// # Errors
    /// When there is none, `edit` refuses, or others change it again and again.
    pub async fn update(
        &self,
        name: &str,
        edit: impl Fn(&str) -> Result<String, Error>,
    ) -> Result<(), Error> {
        check_shareable(name)?;
        let key = layout::pool(name);
        for _ in 0..TRIES {
            let found = self.store.versioned(&key).await?;
            let found = found.filter(|found| found.content != REMOVED);
            let found = found.ok_or_else(|| self.absent(name))?;
            let after = edit(&self.text(name, &found.content)?)?;
            self.parse(name, &after)?;
            if after.as_bytes() == found.content {
                return Ok(());
            }
            if self.store.replace(&key, &found, after.into()).await? == Replaced::Done {
                return Ok(());
            }
        }
        let text = format!("others change {} all the time", self.place(name));
        Err(Error::new(ErrorKind::Store, text).hint("try again"))
    }

    /// Removes a pool that is as `seen`: its text.
    ///
    /// Stores remove whatever is there. So the pool is first replaced by a text that is none, if nobody has changed it:
    /// over that, nobody writes. A removal that was cut off there is as good as done.
    ///
    /// # Errors
    /// When there is none, somebody has changed it, or the store cannot be written.
    pub async fn delete(&self, name: &str, seen: &str) -> Result<(), Error> {
        check_shareable(name)?;
        let key = layout::pool(name);
        let found = self.store.versioned(&key).await?.ok_or_else(|| self.absent(name))?;
        let is_as_seen = found.content == seen.as_bytes();
        let removed = Bytes::from_static(REMOVED);
        if !is_as_seen || self.store.replace(&key, &found, removed).await? == Replaced::Changed {
            let text = format!("somebody has just changed {}", self.place(name));
            let hint =
                format!("look at it again, longshore pool inspect {name}, and then delete it");
            return Err(Error::new(ErrorKind::Store, text).hint(hint));
        }
        self.store.delete(&key).await
    }

    fn absent(&self, name: &str) -> Error {
        Error::new(
            ErrorKind::BadInput,
            format!("there is no shared pool {name}: {}", self.place(name)),
        )
        .hint(format!("longshore pool create {name} --type KIND --shared makes one"))
    }

    fn text(&self, name: &str, content: &Bytes) -> Result<String, Error> {
        let text = (content.len() <= BYTES_MAX).then(|| String::from_utf8(content.to_vec()).ok());
        text.flatten().ok_or_else(|| {
            Error::new(
                ErrorKind::Store,
                format!("{} is no description of a pool", self.place(name)),
            )
        })
    }

    fn parse(&self, name: &str, text: &str) -> Result<Layer, Error> {
        let layer = Layer::parse(Source::Shared, self.place(name), text)?;
        layer.check_only(name)?;
        Ok(layer)
    }
}

/// Checks a name for a new pool, which becomes part of keys and commands.
///
/// # Errors
/// Says what names look like.
pub fn check_name(name: &str) -> Result<(), Error> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let begins = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if begins && name.len() <= 63 && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::BadInput, format!("{name:?} is not a name for a pool"))
        .hint("names have up to 63 letters, digits, dashes and underscores, and begin with a letter or digit"))
}

fn check_shareable(name: &str) -> Result<(), Error> {
    check_name(name)?;
    if name != LOCAL {
        return Ok(());
    }
    let text = format!("the pool {LOCAL} is this machine, so it is not shared");
    Err(Error::new(ErrorKind::BadInput, text).hint("give it another name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::edit::{Edit, edited};
    use futures::FutureExt as _;
    use longshore_protocol::id::Tenant;
    use object_store::memory::InMemory;
    use std::sync::Arc;

    fn shared() -> SharedPools {
        let store =
            Store::new(Arc::new(InMemory::new()), "s3://team/x?aws_region=eu", Tenant::default());
        SharedPools::new(store).unwrap()
    }

    #[tokio::test]
    async fn a_pool_is_created_once_updated_and_deleted() {
        let shared = shared();
        let text = "[pools.a] # ours\ntype = \"process\"\n";
        shared.create("a", text).await.unwrap();
        let error = shared.create("a", text).await.unwrap_err().to_string();
        assert_eq!(error, "there is a shared pool a already: s3://team/x/pools/a.toml");
        shared.update("a", |text| edited(text, &[Edit::set("a", "paused", true)])).await.unwrap();
        let layer = shared.layer("a").await.unwrap().unwrap();
        assert_eq!(layer.text(), format!("{text}paused = true\n"));
        assert_eq!(shared.names().await.unwrap(), ["a"]);
        let error = shared.delete("a", text).await.unwrap_err().to_string();
        assert_eq!(error, "somebody has just changed s3://team/x/pools/a.toml");
        shared.delete("a", layer.text()).await.unwrap();
        assert!(shared.layer("a").await.unwrap().is_none());
        for error in [
            shared.delete("a", layer.text()).await.unwrap_err(),
            shared.update("a", |text| Ok(text.to_owned())).await.unwrap_err(),
        ] {
            assert!(error.to_string().starts_with("there is no shared pool a"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_pool_that_is_being_removed_is_gone_and_nobody_writes_over_it() {
        let shared = shared();
        shared.store.put(&layout::pool("a"), Bytes::from_static(REMOVED)).await.unwrap();
        assert!(shared.layer("a").await.unwrap().is_none());
        let text = "[pools.a]\n";
        let error = shared.create("a", text).await.unwrap_err().to_string();
        assert_eq!(error, "s3://team/x/pools/a.toml is just being removed");
        let error = shared.update("a", |text| Ok(text.to_owned())).await.unwrap_err().to_string();
        assert!(error.starts_with("there is no shared pool a"), "{error}");
    }

    #[tokio::test]
    async fn updates_at_the_same_time_are_both_kept() {
        let shared = shared();
        shared.create("a", "[pools.a]\n").await.unwrap();
        let key = layout::pool("a");
        let is_first = std::cell::Cell::new(true);
        let theirs = Bytes::from_static(b"[pools.a]\npaused = true\n");
        let store = shared.store.clone();
        let seen = store.versioned(&key).await.unwrap().unwrap();
        shared
            .update("a", |text| {
                if is_first.replace(false) {
                    let replaced = store.replace(&key, &seen, theirs.clone());
                    let replaced = replaced.now_or_never().expect("memory answers at once");
                    assert_eq!(replaced.unwrap(), Replaced::Done);
                }
                edited(text, &[Edit::set("a", "labels.x", "1")])
            })
            .await
            .unwrap();
        let text = shared.layer("a").await.unwrap().unwrap().text().to_owned();
        assert_eq!(text, "[pools.a]\npaused = true\n\n[pools.a.labels]\nx = \"1\"\n");
    }

    #[tokio::test]
    async fn an_object_describes_its_own_pool_and_nothing_else() {
        let shared = shared();
        for text in [
            "[pools.b]\n",
            "[pools.a]\n[pools.b]\n",
            "default_pool = \"a\"\n[pools.a]\n",
            "shared_pools = \"s3://evil\"\n[pools.a]\n",
            "",
        ] {
            let error = shared.create("a", text).await.unwrap_err().to_string();
            assert!(error.ends_with("has to describe the pool a, and nothing else"), "{error}");
        }
        let relative = shared.create("a", "[pools.a]\nstore = \"data\"\n").await;
        relative.unwrap();
        let layer = shared.layer("a").await.unwrap().unwrap();
        let error = crate::pool::Layers(vec![layer]).pool(Some("a")).unwrap_err().to_string();
        assert_eq!(error, "s3://team/x/pools/a.toml:2: \"data\" is not the name of a store");
        assert!(shared.create("local", "[pools.local]\n").await.is_err());
        for name in ["", "../a", "a/b", "-a", "a b", &"a".repeat(64)] {
            assert!(
                shared.create(name, "").await.unwrap_err().to_string().contains("is not a name")
            );
        }
    }
}
