//! How a call ended, told apart by type. A pure function of what wasmtime returned and what the guest reported.

use longshore_protocol::limits::{LimitName, Limits};
use longshore_protocol::record::{ErrorText, Verdict};
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::FieldMapError;

use super::bindings::Failure;
use super::host::HostState;
use super::limiter::{OutOfMemory, OverLimit};
use super::stop::StopReason;
use crate::engine::STACK_BYTES;

/// The parameters are larger than the limit.
#[derive(Debug, thiserror::Error)]
#[error("the parameters have {0} bytes")]
pub(super) struct ParamsTooLarge(pub(super) u64);

/// What may cross between guest and host in one call, in bytes: a result of the largest size, or a log record.
pub(super) fn host_call_bytes(limits: &Limits) -> usize {
    const OTHER_BYTES: u64 = 1 << 20;
    usize::try_from(limits.result_bytes.saturating_add(OTHER_BYTES)).unwrap_or(usize::MAX)
}

pub(super) fn judge(
    returned: Result<Result<Vec<u8>, Failure>, wasmtime::Error>,
    state: &HostState,
    limits: &Limits,
) -> Result<Vec<u8>, Verdict> {
    match returned {
        Ok(Ok(result)) if result.len() as u64 > limits.result_bytes => Err(Verdict::LimitReached {
            limit: LimitName::ResultBytes,
            allowed: limits.result_bytes,
            wanted: Some(result.len() as u64),
        }),
        Ok(Ok(result)) => Ok(result),
        Ok(Err(Failure { message, causes, retryable })) => {
            Err(Verdict::Failed { error: ErrorText { message, causes }, permanent: !retryable })
        }
        Err(error) => Err(of_error(&error, state, limits)),
    }
}

fn of_error(error: &wasmtime::Error, state: &HostState, limits: &Limits) -> Verdict {
    if let Some(reason) = error.downcast_ref::<StopReason>() {
        return reason.clone().into();
    }
    if let Some(OutOfMemory { in_use_bytes, wanted_bytes }) = error.downcast_ref() {
        return Verdict::OutOfMemory {
            limit_bytes: limits.memory_bytes,
            peak_bytes: *in_use_bytes,
            wanted_bytes: *wanted_bytes,
        };
    }
    if let Some(OverLimit { limit, allowed, wanted }) = error.downcast_ref() {
        return Verdict::LimitReached { limit: *limit, allowed: *allowed, wanted: Some(*wanted) };
    }
    if error.is::<FieldMapError>() {
        let allowed = limits.http_header_bytes;
        return Verdict::LimitReached { limit: LimitName::HttpHeaderBytes, allowed, wanted: None };
    }
    if let Some(ParamsTooLarge(bytes)) = error.downcast_ref() {
        return Verdict::LimitReached {
            limit: LimitName::ParamsBytes,
            allowed: limits.params_bytes,
            wanted: Some(*bytes),
        };
    }
    if error.is::<I32Exit>() {
        // WASI 0.2 knows only success and failure, so the code itself would be wrong.
        let message = "the flow ended its process instead of returning".to_owned();
        return Verdict::Failed { error: ErrorText { message, causes: vec![] }, permanent: false };
    }
    if let Some(panic) = state.panic() {
        return Verdict::Panicked {
            message: panic.message.clone(),
            location: panic.location.clone(),
        };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => Verdict::LimitReached {
            limit: LimitName::StackBytes,
            allowed: STACK_BYTES as u64,
            wanted: None,
        },
        Some(trap) => {
            Verdict::Trapped { trap: trap.to_string().trim_start_matches("wasm trap: ").to_owned() }
        }
        None if is_host_call_fuel(error) => over_host_call_bytes(error, limits),
        None => Verdict::Trapped { trap: crate::chain(error.as_ref()) },
    }
}

/// wasmtime 48 has no type for this error; a test notices when its words change.
fn is_host_call_fuel(error: &wasmtime::Error) -> bool {
    crate::chain(error.as_ref()).contains("fuel allocated for hostcalls")
}

fn over_host_call_bytes(error: &wasmtime::Error, limits: &Limits) -> Verdict {
    // The result is taken out after the guest has returned: then no guest frame is on the stack.
    if error.downcast_ref::<WasmBacktrace>().is_none_or(|trace| trace.frames().is_empty()) {
        return Verdict::LimitReached {
            limit: LimitName::ResultBytes,
            allowed: limits.result_bytes,
            wanted: None,
        };
    }
    let allowed = host_call_bytes(limits) as u64;
    Verdict::LimitReached { limit: LimitName::HostCallBytes, allowed, wanted: None }
}
