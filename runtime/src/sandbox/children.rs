//! `longshore:flow/children`: flows that a flow calls, each in an instance of its own.
//!
//! **Invariant:** a run and its children together keep the limits of the run. A caller waits while its child runs, so what
//! it has left when it calls is all that the child gets, and nothing has to be counted across instances but the children.
//! **Invariant:** what ends the run ends every caller on the way to it, with the same verdict.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use longshore_protocol::limits::{LimitName, Limits};
use longshore_protocol::record::{ErrorText, Verdict};
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use super::bindings::longshore::flow::children::Failure;
use super::host::HostState;
use super::limiter::OverLimit;
use super::stop::StopReason;
use super::{Call, Program, ProgressCell, verdict};

/// The interface, as components import it.
pub(super) const INTERFACE: &str = "longshore:flow/children@1.0.0";
/// Each caller on the way down keeps an instance and a stack. Nobody nests work by hand as deep as this.
const DEPTH_MAX: u32 = 32;

/// A call's place among all that belong to its run.
#[derive(Debug, Clone, Default)]
pub(super) struct Kin {
    depth: u32,
    /// All children of the run so far.
    count: Arc<AtomicU64>,
}

impl Kin {
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// What an instance needs to call flows of its component.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    program: Program,
    call: Call,
    kin: Kin,
}

impl Caller {
    pub(super) fn new(program: &Program, call: &Call, kin: &Kin) -> Self {
        Self { program: program.clone(), call: call.clone(), kin: kin.clone() }
    }

    /// The place of the next child. The inner error is for the guest, the outer one ends it.
    fn next(&self) -> Result<Result<Kin, Failure>, OverLimit> {
        let (limit, allowed) = (LimitName::ChildRuns, self.call.limits.child_runs);
        // All of a run share one thread, so nothing comes between looking and counting. A call that is refused counts as
        // well: who ignores that it was would call for ever.
        if self.kin.count() >= allowed {
            return Err(OverLimit { limit, allowed, wanted: None });
        }
        self.kin.count.fetch_add(1, Ordering::Relaxed);
        if self.kin.depth == DEPTH_MAX {
            let message = format!("children call children {DEPTH_MAX} deep at most");
            return Ok(Err(Failure { message, causes: vec![], retryable: false }));
        }
        Ok(Ok(Kin { depth: self.kin.depth + 1, count: Arc::clone(&self.kin.count) }))
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<HostState>) -> Result<(), wasmtime::Error> {
    linker.instance(INTERFACE)?.func_wrap_async("call", |store, (flow, params)| {
        Box::new(async move { Ok((call(store, flow, params).await?,)) })
    })
}

/// The inner error is for the guest, the outer one ends it.
async fn call(
    mut store: StoreContextMut<'_, HostState>,
    flow: String,
    params: Vec<u8>,
) -> Result<Result<Vec<u8>, Failure>, wasmtime::Error> {
    let state = store.data_mut();
    let caller = state.caller.clone().expect("a component that imports this gets a caller");
    let kin = match caller.next().map_err(wasmtime::Error::new)? {
        Ok(kin) => kin,
        Err(failure) => return Ok(Err(failure)),
    };
    let Caller { program, call, kin: _ } = caller;
    let mut left = state.limits_left(&call.limits);
    if left.fuel.is_some() {
        left.fuel = Some(store.get_fuel()?);
    }
    let progress = ProgressCell::default();
    let child = Call { flow, limits: left, progress, ..call.clone() };
    let ran = program.run(&child, &kin, &params).await;
    if let Some(left) = ran.fuel_left {
        store.set_fuel(left)?;
    }
    store.data_mut().limiter().held_by_child(ran.memory_peak_bytes);
    // Cut only where secrets were taken out: half of one would not be found any more. A result goes to who may know them.
    let masked = match ran.result {
        Ok(result) => return Ok(Ok(result)),
        failed @ Err(_) => verdict::keep_secrets(failed, &call.secrets),
    };
    match verdict::shorten(masked) {
        Ok(result) => Ok(Ok(result)),
        Err(verdict) => failure(verdict, &call.limits).map(Err),
    }
}

/// What a caller with these limits is told of its child, where it is told anything.
fn failure(verdict: Verdict, limits: &Limits) -> Result<Failure, wasmtime::Error> {
    let retryable = verdict.is_retryable();
    let ErrorText { message, causes } = match verdict {
        Verdict::TimedOut { allowed_ms } => return stop(StopReason::TimedOut { allowed_ms }),
        Verdict::Cancelled { reason } => return stop(StopReason::Cancelled { reason }),
        Verdict::Interrupted { by } => return stop(StopReason::Interrupted { by }),
        Verdict::LimitReached { limit, .. } if is_shared(limit) => {
            // The child knew what was left; whoever reads the verdict knows what was allowed.
            let allowed = limits.get(limit).unwrap_or_default();
            return Err(wasmtime::Error::new(OverLimit { limit, allowed, wanted: None }));
        }
        Verdict::Failed { error, permanent: _ } => error,
        Verdict::Completed { .. }
        | Verdict::Panicked { .. }
        | Verdict::Trapped { .. }
        | Verdict::OutOfMemory { .. }
        | Verdict::LimitReached { .. }
        | Verdict::Refused { .. } => ErrorText { message: verdict.sentence(), causes: vec![] },
    };
    Ok(Failure { message, causes, retryable })
}

fn stop<T>(reason: StopReason) -> Result<T, wasmtime::Error> {
    Err(wasmtime::Error::new(reason))
}

/// Whether nothing of the limit is left for the caller either.
fn is_shared(limit: LimitName) -> bool {
    matches!(limit, LimitName::CpuMs | LimitName::Fuel | LimitName::ChildRuns)
}
