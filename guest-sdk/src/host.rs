//! The host's side of a run. Natively there is none: nothing is reported, and the context is a placeholder.

#[cfg(target_family = "wasm")]
pub(crate) use crate::guest::{call_child, context, progress};
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{call_child, context, progress};

#[cfg(not(target_family = "wasm"))]
mod native {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use crate::Context;
    use crate::error::Failure;
    use crate::flow::Flow;

    /// A panic is an error for the caller, as it is where the child has an instance of its own.
    pub(crate) fn call_child(flow: &Flow, params: Vec<u8>) -> Result<Vec<u8>, Failure> {
        catch_unwind(AssertUnwindSafe(|| flow.call(params))).unwrap_or_else(|panic| {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
            let message = message.unwrap_or("the panic's payload is not text");
            Err(Failure {
                message: format!("panicked: {message}"),
                causes: vec![],
                retryable: true,
            })
        })
    }

    pub(crate) fn context() -> Context {
        Context::local()
    }

    pub(crate) fn progress(_done: u64, _total: Option<u64>, _message: String) {}
}
