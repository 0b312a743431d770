//! Looks for the request to stop.

use std::time::Duration;

use crate::store::RunStore;

/// The first look. A run that ends before it costs no request.
const FIRST: Duration = Duration::from_millis(100);
/// The pause between looks grows to this: how long a long run may take to notice.
const LONGEST: Duration = Duration::from_secs(2);

/// Waits for a request to stop and returns the reason that it gives.
pub(super) async fn requested(store: &RunStore) -> Option<String> {
    let mut pause = FIRST;
    loop {
        store.pause(pause).await;
        match store.cancel_requested().await {
            Ok(Some(reason)) => return reason,
            Ok(None) => {}
            // A store that does not answer must not kill a run that computes; the next look may succeed.
            Err(error) => tracing::warn!("{}", crate::chain(&error)),
        }
        pause = pause.mul_f64(1.25).min(LONGEST);
    }
}
