//! The sudden end of one side.

use std::sync::Arc;

use tokio::sync::watch;

/// Whether somebody has been killed. Clones are about the same one.
#[derive(Debug, Clone)]
pub(crate) struct Death(Arc<watch::Sender<bool>>);

impl Death {
    pub(crate) fn not_yet() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Kills. What was under way is never heard of again.
    pub(crate) fn strike(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn is_dead(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for it.
    pub(crate) async fn happened(&self) {
        let mut seen = self.0.subscribe();
        // The sender is held by `self`, so this only ends when it has happened.
        drop(seen.wait_for(|is_dead| *is_dead).await);
    }
}
