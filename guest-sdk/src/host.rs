//! The host's side of a run. Natively there is none: nothing is reported, and the context is a placeholder.

#[cfg(target_family = "wasm")]
pub(crate) use crate::guest::{context, progress};
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{context, progress};

#[cfg(not(target_family = "wasm"))]
mod native {
    use crate::Context;

    pub(crate) fn context() -> Context {
        Context::local()
    }

    pub(crate) fn progress(_done: u64, _total: Option<u64>, _message: String) {}
}
