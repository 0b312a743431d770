//! Places the runtime on an infrastructure, watches it, and fetches what it wrote.
//!
//! Main path: [`engine::Engine::submit`] checks, uploads, orders and launches; [`engine::Engine::wait`] watches.
//!
//! **Invariant:** a launcher keeps no state. All that is known of a run is in the store and at the infrastructure, so
//! any machine can ask later.
//! **Invariant:** nothing here executes or compiles WebAssembly, and nothing prints.

#[cfg(feature = "aci")]
pub mod aci;
pub mod artefact;
mod aws;
#[cfg(feature = "aci")]
mod azure;
pub mod clock;
#[cfg(feature = "cloud-run")]
pub mod cloud_run;
#[cfg(test)]
mod counting;
#[cfg(feature = "docker")]
pub mod docker;
#[cfg(feature = "ecs")]
pub mod ecs;
mod ending;
pub mod engine;
mod error;
pub mod files;
#[cfg(test)]
mod fixture;
#[cfg(any(feature = "cloud-run", feature = "vertex-ai"))]
mod google;
pub mod image;
pub mod kind;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
pub mod launcher;
mod left_out;
pub mod needs;
pub mod pool;
pub mod process;
#[cfg(any(feature = "aci", feature = "cloud-run", feature = "vertex-ai"))]
mod rest;
pub mod settings;
pub mod store;
pub mod surroundings;
#[cfg(feature = "vertex-ai")]
pub mod vertex_ai;

pub use error::{Error, ErrorKind};
pub use longshore_protocol::chain;
