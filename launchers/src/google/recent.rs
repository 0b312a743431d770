//! What was launched a moment ago, and may not be found by everybody yet.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::launcher::Handle;

/// What was created may not be found for this long.
const APPEARS_WITHIN: Duration = Duration::from_secs(30);

/// When jobs were launched that nobody has seen yet.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<Handle, Instant>>);

impl Recent {
    /// Whether it was launched here a moment ago.
    pub(crate) fn has(&self, handle: &Handle) -> bool {
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get(handle).is_some_and(|launched| launched.elapsed() < APPEARS_WITHIN)
    }

    /// It is launched now.
    pub(crate) fn launched(&self, handle: &Handle) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|_, launched| launched.elapsed() < APPEARS_WITHIN);
        recent.insert(handle.clone(), Instant::now());
    }

    /// It was seen, or removed: from now on, that it is not found means that it is gone.
    pub(crate) fn seen(&self, handle: &Handle) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(handle);
    }
}
