//! Says from time to time that the attempt is alive, and how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use longshore_protocol::record::{Beat, FormatVersion};
use tokio::task::JoinHandle;

use crate::clock;
use crate::sandbox::ProgressCell;
use crate::store::RunStore;

/// A launcher that cannot ask the infrastructure gives up after twelve of these.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// New progress or a new log segment is told sooner, but not more often than this.
const NEWS_EVERY: Duration = Duration::from_millis(500);

/// Starts beating; the returned task is to be aborted when the attempt ends.
pub(super) fn start(
    store: &RunStore,
    attempt: u32,
    progress: &ProgressCell,
    segments: Arc<AtomicU32>,
) -> JoinHandle<()> {
    let (store, progress) = (store.clone(), progress.clone());
    tokio::spawn(async move {
        let mut told = (0, 0);
        let mut silent_for = Duration::ZERO;
        loop {
            store.pause(NEWS_EVERY).await;
            silent_for += NEWS_EVERY;
            let (version, newest) = progress.get();
            let news = (version, segments.load(Ordering::Acquire));
            if news == told && silent_for < BEAT_EVERY {
                continue;
            }
            let beat = Beat {
                format: FormatVersion::CURRENT,
                at: clock::now(),
                progress: newest,
                segments: news.1,
            };
            match store.put_beat(attempt, &beat).await {
                Ok(()) => (told, silent_for) = (news, Duration::ZERO),
                Err(error) => tracing::warn!("{}", crate::chain(&error)),
            }
        }
    })
}
