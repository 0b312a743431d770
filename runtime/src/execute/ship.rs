//! Ships the log of an attempt in numbered segments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::log::LogSink;
use crate::store::{Created, RunStore};

/// The first lines appear after this time, so that somebody who follows sees that it works.
const FIRST: Duration = Duration::from_millis(250);
/// The pause grows to this, so that a long run has few segments: 720 an hour at most.
const LONGEST: Duration = Duration::from_secs(5);
/// A segment this large is shipped without waiting.
const SEGMENT_BYTES: usize = 1 << 20;
/// Where segments are few, each waits this many times longer and may be this many times larger than the one before.
const GROWTH_OF_FEW: u32 = 2;
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

/// When the next segment is due.
#[derive(Debug, Clone, Copy)]
struct Due {
    pause: Duration,
    bytes: usize,
}

impl Due {
    fn next(self, segments_max: u32) -> Self {
        if segments_max == u32::MAX {
            return Self { pause: self.pause.mul_f64(1.5).min(LONGEST), ..self };
        }
        let bytes = self.bytes.saturating_mul(GROWTH_OF_FEW as usize);
        Self { pause: self.pause * GROWTH_OF_FEW, bytes }
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
        let mut due = Due { pause: FIRST, bytes: SEGMENT_BYTES };
        let segments_max = self.store.bounds().log_segments_max;
        loop {
            tokio::select! {
                biased;
                _ = &mut ended => break,
                () = self.due(due) => {}
            }
            // The last one is for what there is in the end.
            if self.log.pending_bytes() > 0 && self.shipped.count.saturating_add(1) < segments_max {
                self.ship().await;
                due = due.next(segments_max);
            }
        }
        self.ship().await;
        self.shipped
    }

    async fn due(&self, due: Due) {
        let mut waited = Duration::ZERO;
        while waited < due.pause && self.log.pending_bytes() < due.bytes {
            self.store.pause(LOOK_EVERY).await;
            waited += LOOK_EVERY;
        }
        // Full, and not to be shipped yet: the look must not become a spin.
        if waited.is_zero() {
            self.store.pause(LOOK_EVERY).await;
        }
    }

    async fn ship(&mut self) {
        let Some(text) = self.log.take() else { return };
        let bytes = text.len() as u64;
        let text = Bytes::from(text);
        for _ in 0..3 {
            match self.store.create_log(self.attempt, self.shipped.count, text.clone()).await {
                Ok(created) => {
                    self.shipped.count += 1;
                    self.segments.store(self.shipped.count, Ordering::Release);
                    if created == Created::New {
                        return;
                    }
                    // What was counted as lost has arrived after all. It keeps its number, this one gets the next.
                    continue;
                }
                Err(error) => tracing::warn!("{}", crate::chain(&error)),
            }
            self.store.pause(LOOK_EVERY).await;
        }
        self.shipped.lost_bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use longshore_protocol::id::{RunId, Tenant};
    use longshore_protocol::limits::Limits;
    use longshore_protocol::record::Level;
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use object_store::{ObjectStore, ObjectStoreExt as _};

    use longshore_protocol::pace::Pace;

    use super::*;
    use crate::clock;
    use crate::secrets::Secrets;
    use crate::store::Bounds;

    #[tokio::test(flavor = "current_thread")]
    async fn few_segments_hold_all_that_was_said() {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let run = RunId::new(clock::now(), [0; 10]);
        let bounds = Bounds { attempts_max: 1, log_segments_max: 3 };
        let store = RunStore::new(Arc::clone(&objects), &Tenant::default(), &run);
        let store = store.at_pace(Pace::faster(100)).bounded(bounds);
        let log = LogSink::new(&Limits::default(), &Secrets::default());
        let shipper = Shipper::start(&store, 1, &log);
        let layout = longshore_protocol::layout::RunLayout::new(&Tenant::default(), &run);
        for number in 0..40 {
            log.push(Level::Info, "stdout", &format!("<{number}>"), BTreeMap::new());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let shipped = shipper.finish().await;
        assert_eq!((shipped.count, shipped.lost_bytes), (3, 0));
        let mut said = String::new();
        for segment in 0..3 {
            let object = objects.get(&Path::from(layout.log(1, segment))).await.unwrap();
            said += std::str::from_utf8(&object.bytes().await.unwrap()).unwrap();
        }
        assert!((0..40).all(|number| said.contains(&format!("<{number}>"))), "{said}");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_segment_that_arrived_late_does_not_swallow_the_next() {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let run = RunId::new(clock::now(), [0; 10]);
        let store = RunStore::new(Arc::clone(&objects), &Tenant::default(), &run);
        let log = LogSink::new(&Limits::default(), &Secrets::default());
        let segments = Arc::default();
        let shipped = Shipped::default();
        let mut ship =
            Ship { store: store.clone(), attempt: 1, log: log.clone(), segments, shipped };
        // Its answer was lost each time, so it was counted as lost, and its number was not taken.
        store.create_log(1, 0, Bytes::from("late\n")).await.unwrap();
        log.push(Level::Info, "stdout", "next", BTreeMap::new());
        ship.ship().await;
        assert_eq!(ship.shipped.count, 2);
        let layout = longshore_protocol::layout::RunLayout::new(&Tenant::default(), &run);
        let segment = objects.get(&Path::from(layout.log(1, 1))).await.unwrap();
        let text = String::from_utf8(segment.bytes().await.unwrap().to_vec()).unwrap();
        assert!(text.contains("\"next\""), "{text}");
    }
}
