//! How a call ended, told apart by type. A pure function of what wasmtime returned and what the guest reported.

use longshore_protocol::limits::{LimitName, Limits};
use longshore_protocol::record::{ErrorText, Verdict};
use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::FieldMapError;

use super::bindings::Failure;
use super::host::HostState;
use super::limiter::{OutOfMemory, OverLimit};
use super::stop::StopReason;
use crate::chain;
use crate::secrets::Secrets;

/// A text of an error is cut after this many bytes: some pages, which is more than anybody reads.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// As many causes as the SDK names at most.
const CAUSES_MAX: usize = 64;

/// The parameters are larger than the limit.
#[derive(Debug, thiserror::Error)]
#[error("the parameters have {0} bytes")]
pub(super) struct ParamsTooLarge(pub(super) u64);

/// The guest could not even be started, for a reason that is not its own.
pub(super) fn host_fault(error: &wasmtime::Error) -> Verdict {
    Verdict::Interrupted { by: format!("a fault in the runtime: {}", chain(error.as_ref())) }
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

/// Takes the values of secrets out of all that will be written down.
pub(super) fn keep_secrets(
    result: Result<Vec<u8>, Verdict>,
    secrets: &Secrets,
) -> Result<Vec<u8>, Verdict> {
    let mut verdict = match result {
        Ok(result) => match secrets.find(&result) {
            None => return Ok(result),
            Some(name) => {
                let reason = format!("the result has the value of the secret {name} in it");
                return Err(Verdict::Refused { reason });
            }
        },
        Err(verdict) => verdict,
    };
    match &mut verdict {
        Verdict::Failed { error: ErrorText { message, causes }, .. } => {
            secrets.mask_in(message);
            causes.iter_mut().for_each(|cause| secrets.mask_in(cause));
        }
        Verdict::Panicked { message, location } => {
            secrets.mask_in(message);
            location.iter_mut().for_each(|location| secrets.mask_in(location));
        }
        // None of these has words of the guest in it.
        Verdict::Completed { .. }
        | Verdict::Trapped { .. }
        | Verdict::OutOfMemory { .. }
        | Verdict::LimitReached { .. }
        | Verdict::TimedOut { .. }
        | Verdict::Cancelled { .. }
        | Verdict::Refused { .. }
        | Verdict::Interrupted { .. } => {}
    }
    Err(verdict)
}

/// Cuts what the guest says to what somebody may read: an outcome is a record, and shown to people as a whole.
pub(super) fn shorten(result: Result<Vec<u8>, Verdict>) -> Result<Vec<u8>, Verdict> {
    result.map_err(|mut verdict| {
        match &mut verdict {
            Verdict::Failed { error: ErrorText { message, causes }, permanent: _ } => {
                causes.truncate(CAUSES_MAX);
                std::iter::once(message).chain(causes).for_each(cut);
            }
            Verdict::Panicked { message, location } => {
                cut(message);
                location.iter_mut().for_each(cut);
            }
            Verdict::Refused { reason } => cut(reason),
            Verdict::Trapped { trap } => cut(trap),
            Verdict::Completed { .. }
            | Verdict::OutOfMemory { .. }
            | Verdict::LimitReached { .. }
            | Verdict::TimedOut { .. }
            | Verdict::Cancelled { .. }
            | Verdict::Interrupted { .. } => {}
        }
        verdict
    })
}

fn cut(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        let mark = format!("… ({} bytes, cut)", text.len());
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push_str(&mark);
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
        return Verdict::LimitReached { limit: *limit, allowed: *allowed, wanted: *wanted };
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
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => reached(LimitName::StackBytes, limits),
        Some(Trap::OutOfFuel) => reached(LimitName::Fuel, limits),
        Some(trap) => trapped(*trap, state),
        None => match error.downcast_ref::<ResourceTableError>() {
            Some(ResourceTableError::Full) => reached(LimitName::Handles, limits),
            _ => match untyped(error) {
                Some(limit) => reached(limit, limits),
                None => of_words(error),
            },
        },
    }
}

/// A Rust guest that panics reports it and then executes `unreachable`; with any other trap it did not come so far.
fn trapped(trap: Trap, state: &HostState) -> Verdict {
    match state.panic() {
        Some(panic) if trap == Trap::UnreachableCodeReached => {
            Verdict::Panicked { message: panic.message.clone(), location: panic.location.clone() }
        }
        _ => {
            Verdict::Trapped { trap: trap.to_string().trim_start_matches("wasm trap: ").to_owned() }
        }
    }
}

fn reached(limit: LimitName, limits: &Limits) -> Verdict {
    Verdict::LimitReached { limit, allowed: limits.get(limit).unwrap_or_default(), wanted: None }
}

/// A host call has ended the guest, or `run` is of another type, which is only seen where it is called.
fn of_words(error: &wasmtime::Error) -> Verdict {
    let words = host_words(error);
    if words.contains("failed to convert function to given type") {
        return Verdict::Refused {
            reason: format!("the component does not fit this runtime: run: {words}"),
        };
    }
    Verdict::Trapped { trap: words }
}

/// Why a host call ended the guest, without the guest's frames that wasmtime puts before it: they are numbers.
fn host_words(error: &wasmtime::Error) -> String {
    error.downcast_ref::<WasmBacktrace>().map_or_else(
        || chain(error.as_ref()),
        |trace| {
            let text = chain(error.as_ref());
            text.strip_prefix(&format!("{trace}: ")).unwrap_or(&text).to_owned()
        },
    )
}

/// The limits for which wasmtime 48 has no type of error. Tests notice when its words change.
fn untyped(error: &wasmtime::Error) -> Option<LimitName> {
    let text = chain(error.as_ref());
    if text.contains("fuel allocated for hostcalls") {
        // The result is taken out after the guest has returned: then no guest frame is on the stack.
        let is_inside =
            error.downcast_ref::<WasmBacktrace>().is_some_and(|trace| !trace.frames().is_empty());
        return Some(if is_inside { LimitName::HostCallBytes } else { LimitName::ResultBytes });
    }
    [
        ("resource limit exceeded: instance count", LimitName::Instances),
        ("resource limit exceeded: memory count", LimitName::Memories),
        ("resource limit exceeded: table count", LimitName::Tables),
        // `wasi:random`, the only interface whose requests have a length.
        ("requested len", LimitName::RandomBytes),
    ]
    .into_iter()
    .find_map(|(words, limit)| text.contains(words).then_some(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_errors_are_cut_at_a_character() {
        let text = |count| "é".repeat(count);
        let error = ErrorText { message: text(1 << 20), causes: vec![text(3); 100_000] };
        let shortened = shorten(Err(Verdict::Failed { error, permanent: true }));
        let Err(Verdict::Failed { error, permanent: true }) = shortened else {
            panic!("{shortened:?}")
        };
        let expected = text(TEXT_BYTES_MAX / 2) + "… (2097152 bytes, cut)";
        assert_eq!(error.message, expected);
        assert_eq!(error.causes, vec![text(3); CAUSES_MAX]);
    }
}
