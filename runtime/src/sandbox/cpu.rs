//! Processor time of a guest.
//!
//! A guest has a thread of its own, and only that thread can cheaply read its clock. So the guest's thread looks at the
//! clock whenever the epoch moves, and [`CpuMeter::watch`], on another thread, moves it no earlier than the limit can
//! have been reached. A guest that stays below its limit is not disturbed at all.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use longshore_protocol::limits::LimitName;
use rustix::time::{ClockId, clock_gettime};

use super::limiter::OverLimit;
use crate::engine::Engine;

/// However little is left, the guest's thread is not asked more often.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(5);

/// Counts the processor time of one call. Clones share it.
#[derive(Debug, Clone)]
pub struct CpuMeter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    allowed: Duration,
    /// What the thread had used before the call began.
    before_us: AtomicU64,
    used_us: AtomicU64,
}

impl CpuMeter {
    /// A meter for a call in `engine` that may use `cpu_ms` of processor time.
    pub fn new(engine: &Engine, cpu_ms: u64) -> Self {
        Self(Arc::new(Inner {
            engine: engine.clone(),
            allowed: Duration::from_millis(cpu_ms),
            before_us: AtomicU64::new(0),
            used_us: AtomicU64::new(0),
        }))
    }

    /// What the call had used when its thread last looked.
    fn used(&self) -> Duration {
        Duration::from_micros(self.0.used_us.load(Ordering::Relaxed))
    }

    /// Begins to count. Called on the guest's thread.
    pub(super) fn begin(&self) {
        self.0.before_us.store(thread_time_us(), Ordering::Relaxed);
    }

    /// Looks at the clock. Called on the guest's thread.
    pub(super) fn look(&self) -> Duration {
        let used_us = thread_time_us().saturating_sub(self.0.before_us.load(Ordering::Relaxed));
        self.0.used_us.store(used_us, Ordering::Relaxed);
        Duration::from_micros(used_us)
    }

    /// Looks at the clock, and says whether there is time left. Called on the guest's thread.
    pub(super) fn check(&self) -> Result<(), OverLimit> {
        if self.look() < self.0.allowed {
            return Ok(());
        }
        let allowed = self.0.allowed.as_millis().try_into().unwrap_or(u64::MAX);
        Err(OverLimit { limit: LimitName::CpuMs, allowed, wanted: None })
    }

    /// Makes the guest's thread look when the limit may have been reached. Never returns: the guest ends itself.
    pub async fn watch(&self) -> Infallible {
        loop {
            let left = self.0.allowed.saturating_sub(self.used());
            tokio::time::sleep(left.max(LOOK_EVERY_MIN)).await;
            self.0.engine.interrupt();
        }
    }
}

fn thread_time_us() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanos) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    seconds.saturating_mul(1_000_000).saturating_add(nanos / 1_000)
}
