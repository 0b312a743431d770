//! From a component to something that can be shipped: the runtime that will execute it, and its machine code.

mod cache;
mod compiler;
mod runtime;

pub use cache::Cache;
pub use compiler::{Artefact, find, make};
pub use runtime::{Code, Runtime, confinement};
