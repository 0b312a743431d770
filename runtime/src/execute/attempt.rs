//! One attempt: the guest on a thread of its own, its watchers on this one.

use std::time::Duration;

use bytes::Bytes;
use longshore_protocol::Timestamp;
use longshore_protocol::limits::deadline;
use longshore_protocol::record::{FormatVersion, Order, Payload, Started, Usage, Verdict};
use tokio::sync::oneshot;

use super::program::Loaded;
use super::signal::Signals;
use super::{beat, cancel, ship};
use crate::engine::Engine;
use crate::log::LogSink;
use crate::sandbox::{Call, CpuMeter, Ended, Program, ProgressCell, RunContext, Stop, StopReason};
use crate::store::{Created, RunStore};
use crate::{Error, ErrorKind, clock, facts};

/// For what a guest does not wait for itself: lookups of names and reads of files under way at once.
const GUEST_BLOCKING_THREADS_MAX: usize = 32;
/// A stopped guest ends within milliseconds. One that does not is held by a fault of the host.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// All that the attempts of a run share.
pub(super) struct Run<'a> {
    pub(super) store: &'a RunStore,
    pub(super) order: &'a Order,
    pub(super) engine: &'a Engine,
    pub(super) loaded: &'a Loaded,
    pub(super) signals: &'a Signals,
}

/// How an attempt ended, its log shipped.
pub(super) struct Finished {
    pub(super) verdict: Verdict,
    /// The result, where it is too large for the outcome.
    pub(super) result: Option<Bytes>,
    pub(super) usage: Usage,
    pub(super) segments: u32,
}

/// Claims the first attempt from `number` on that nobody has. `None`: the run has ended.
pub(super) async fn claim(store: &RunStore, number: u32) -> Result<Option<u32>, Error> {
    let attempts_max = store.bounds().attempts_max;
    for attempt in number..=attempts_max {
        let started = Started {
            format: FormatVersion::CURRENT,
            attempt,
            started_at: clock::now(),
            host: facts::host(),
            runtime: facts::VERSION.to_owned(),
        };
        match store.create_started(&started).await? {
            Created::New => return Ok(Some(attempt)),
            // Somebody was here before: a runtime that died, or one that is ahead of us.
            Created::Existed if store.has_outcome().await? => return Ok(None),
            Created::Existed => {}
        }
    }
    Err(Error::new(
        ErrorKind::BadOrder,
        format!(
            "{attempts_max} attempts were started, which is all there may be, and none has ended"
        ),
    ))
}

/// What a pause between attempts came to.
pub(super) enum Pause {
    /// It is over: the next attempt may start.
    Over,
    /// The deadline would pass before it is over.
    NoTimeLeft,
    /// The run must stop.
    Stopped(StopReason),
}

/// Waits before the attempt after `attempt`.
pub(super) async fn pause(run: &Run<'_>, attempt: u32) -> Pause {
    let jitter = f64::from(std::process::id() % 100) / 100.0;
    let pause = run.order.retry.pause_after(attempt, jitter);
    if run.order.deadline.is_some_and(|deadline| remaining(deadline) <= pause) {
        return Pause::NoTimeLeft;
    }
    tokio::select! {
        () = tokio::time::sleep(pause) => Pause::Over,
        reason = cancel::requested(run.store) => Pause::Stopped(StopReason::Cancelled { reason }),
        by = run.signals.received() => Pause::Stopped(why_signalled(run.store, by).await),
    }
}

/// Runs attempt `number`.
pub(super) async fn attempt(run: &Run<'_>, number: u32) -> Finished {
    let Run { store, order, engine, loaded, signals } = run;
    let allowed = allowed_time(order);
    let call = Call {
        flow: order.flow.clone(),
        limits: order.limits.clone(),
        grants: order.grants.clone(),
        secrets: loaded.secrets.clone(),
        context: RunContext {
            run: order.run,
            attempt: number,
            deadline: deadline(clock::now(), allowed),
        },
        log: LogSink::new(&order.limits, &loaded.secrets),
        progress: ProgressCell::default(),
        stop: Stop::new(engine),
        cpu: CpuMeter::new(engine, order.limits.cpu_ms),
    };
    let guest = spawn_guest(&loaded.program, &call, &loaded.params);
    let watched = Watched(&call.stop);
    let shipper = ship::Shipper::start(store, number, &call.log);
    let beats = beat::start(store, number, &call.progress, shipper.segments());
    let ended = watch(guest, store, &call, allowed, signals).await;
    drop(watched);
    beats.abort();
    let segments = shipper.finish().await;
    finished(ended, &call, segments)
}

/// A guest ends with the attempt that watches it, also where that is dropped halfway: nobody would stop it later.
struct Watched<'a>(&'a Stop);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        // Of a guest that has ended, nobody looks at the reason any more.
        self.0.request(StopReason::Interrupted { by: "the end of its runtime".to_owned() });
    }
}

fn spawn_guest(program: &Program, call: &Call, params: &Bytes) -> oneshot::Receiver<Ended> {
    let (done, ended) = oneshot::channel();
    let (program, call, params) = (program.clone(), call.clone(), params.clone());
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(GUEST_BLOCKING_THREADS_MAX).build();
        let runtime =
            runtime.expect("the main thread has started such a runtime with the same means");
        let ended = runtime.block_on(program.call(&call, &params));
        // Nobody listens any more only when the process is about to end.
        drop(done.send(ended));
    });
    ended
}

/// Waits for the guest to end, and stops it when there is a reason to.
async fn watch(
    mut guest: oneshot::Receiver<Ended>,
    store: &RunStore,
    call: &Call,
    allowed: Duration,
    signals: &Signals,
) -> Ended {
    let reason = tokio::select! {
        biased;
        ended = &mut guest => return ended.unwrap_or_else(|_| host_fault()),
        never = call.cpu.watch() => match never {},
        () = tokio::time::sleep(allowed) => StopReason::TimedOut { allowed_ms: millis(allowed) },
        reason = cancel::requested(store) => StopReason::Cancelled { reason },
        by = signals.received() => why_signalled(store, by).await,
    };
    call.stop.request(reason.clone());
    match tokio::time::timeout(STOP_PATIENCE, guest).await {
        Ok(ended) => ended.unwrap_or_else(|_| host_fault()),
        Err(_) => {
            tracing::error!("the guest did not stop within {} s", STOP_PATIENCE.as_secs());
            Ended::without_usage(reason.into())
        }
    }
}

/// A launcher that cancels writes the request first and sends the signal to make sure.
async fn why_signalled(store: &RunStore, by: &'static str) -> StopReason {
    match store.cancel_requested().await {
        Ok(Some(reason)) => StopReason::Cancelled { reason },
        Ok(None) | Err(_) => StopReason::Interrupted { by: by.to_owned() },
    }
}

/// The guest's thread is gone without an answer: a panic in this runtime, not in the guest.
fn host_fault() -> Ended {
    Ended::without_usage(Verdict::Interrupted { by: "a fault in the runtime".to_owned() })
}

fn finished(ended: Ended, call: &Call, segments: ship::Shipped) -> Finished {
    let verdict = ended.verdict();
    let said = call.log.usage();
    let usage = Usage {
        wall_ms: ended.wall_ms,
        cpu_ms: ended.cpu_ms,
        fuel: ended.fuel,
        memory_peak_bytes: ended.memory_peak_bytes,
        child_runs: ended.child_runs,
        log_bytes: said.kept_bytes,
        log_dropped_bytes: said.dropped_bytes + segments.lost_bytes,
        log_dropped_records: said.dropped_records,
    };
    let result = match (&verdict, ended.result) {
        (Verdict::Completed { result: Payload::Object { .. } }, Ok(content)) => {
            Some(Bytes::from(content))
        }
        _ => None,
    };
    Finished { verdict, result, usage, segments: segments.count }
}

fn allowed_time(order: &Order) -> Duration {
    let timeout = Duration::from_millis(order.limits.timeout_ms);
    order.deadline.map_or(timeout, |deadline| timeout.min(remaining(deadline)))
}

fn remaining(deadline: Timestamp) -> Duration {
    Duration::try_from(deadline.duration_since(clock::now())).unwrap_or(Duration::ZERO)
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}
