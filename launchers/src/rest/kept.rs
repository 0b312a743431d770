//! What is found or made once, and kept by what leads to it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Error;

/// Values that are cheap to clone, such as connections. Clones are given away, so nobody holds the lock for long.
#[derive(Debug)]
pub(crate) struct Kept<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    fn all(&self) -> MutexGuard<'_, HashMap<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(any(feature = "cloud-run", feature = "vertex-ai"))]
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.all().get(key).cloned()
    }

    /// The value that is there, or the one that is made now.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn get_or(
        &self,
        key: K,
        make: impl FnOnce() -> Result<V, Error>,
    ) -> Result<V, Error> {
        let mut all = self.all();
        if let Some(found) = all.get(&key) {
            return Ok(found.clone());
        }
        let made = make()?;
        all.insert(key, made.clone());
        Ok(made)
    }

    /// The same, where nothing can fail.
    #[cfg(any(feature = "aci", feature = "vertex-ai"))]
    pub(crate) fn or_insert_with(&self, key: K, make: impl FnOnce() -> V) -> V {
        self.all().entry(key).or_insert_with(make).clone()
    }

    #[cfg(any(feature = "cloud-run", feature = "vertex-ai"))]
    pub(crate) fn insert(&self, key: K, value: V) {
        self.all().insert(key, value);
    }

    #[cfg(any(feature = "cloud-run", feature = "vertex-ai"))]
    pub(crate) fn remove(&self, key: &K) {
        self.all().remove(key);
    }
}
