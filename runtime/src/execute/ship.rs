//! Ships the log of an attempt in numbered segments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::log::LogSink;
use crate::store::RunStore;

/// The first lines appear after this time, so that somebody who follows sees that it works.
const FIRST: Duration = Duration::from_millis(250);
/// The pause grows to this, so that a long run has few segments: 720 an hour at most.
const LONGEST: Duration = Duration::from_secs(5);
/// A segment this large is shipped without waiting.
const SEGMENT_BYTES: usize = 1 << 20;
/// How often the size is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What was shipped.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shipped {
    pub(super) count: u32,
    pub(super) lost_bytes: u64,
}

/// Ships until it is told that there is no more.
pub(super) struct Shipper {
    task: JoinHandle<Shipped>,
    no_more: oneshot::Sender<()>,
    segments: Arc<AtomicU32>,
}

impl Shipper {
    pub(super) fn start(store: &RunStore, attempt: u32, log: &LogSink) -> Self {
        let (no_more, ended) = oneshot::channel();
        let segments = Arc::new(AtomicU32::new(0));
        let ship = Ship {
            store: store.clone(),
            attempt,
            log: log.clone(),
            segments: Arc::clone(&segments),
            shipped: Shipped::default(),
        };
        Self { task: tokio::spawn(ship.until(ended)), no_more, segments }
    }

    /// How many segments can be read; grows.
    pub(super) fn segments(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.segments)
    }

    /// Ships the rest.
    pub(super) async fn finish(self) -> Shipped {
        drop(self.no_more);
        self.task.await.unwrap_or_default()
    }
}

struct Ship {
    store: RunStore,
    attempt: u32,
    log: LogSink,
    segments: Arc<AtomicU32>,
    shipped: Shipped,
}

impl Ship {
    async fn until(mut self, mut ended: oneshot::Receiver<()>) -> Shipped {
        let mut pause = FIRST;
        loop {
            tokio::select! {
                biased;
                _ = &mut ended => break,
                () = self.due(pause) => {}
            }
            if self.log.pending_bytes() > 0 {
                self.ship().await;
                pause = pause.mul_f64(1.5).min(LONGEST);
            }
        }
        self.ship().await;
        self.shipped
    }

    async fn due(&self, pause: Duration) {
        let mut waited = Duration::ZERO;
        while waited < pause && self.log.pending_bytes() < SEGMENT_BYTES {
            tokio::time::sleep(LOOK_EVERY).await;
            waited += LOOK_EVERY;
        }
    }

    async fn ship(&mut self) {
        let Some(text) = self.log.take() else { return };
        let bytes = text.len() as u64;
        let text = Bytes::from(text);
        for _ in 0..3 {
            match self.store.create_log(self.attempt, self.shipped.count, text.clone()).await {
                // A segment that exists is this one: its earlier try was answered by an error and yet succeeded.
                Ok(_) => {
                    self.shipped.count += 1;
                    self.segments.store(self.shipped.count, Ordering::Release);
                    return;
                }
                Err(error) => tracing::warn!("{}", crate::chain(&error)),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.shipped.lost_bytes += bytes;
    }
}
