//! Executes one run of a flow in a sandbox and writes how it ended.
//!
//! Main path: [`execute::execute`] reads the order, loads the program, runs attempts, writes the outcome.
//!
//! **Invariant:** a guest gets nothing that is not in the list of [`sandbox`].
//! **Invariant:** guests run on threads of their own; heartbeat, cancellation, deadline and log shipping do not.
//! **Invariant:** the program starts no guest and compiles nothing before its process is confined: see [`confine`].
//! **Invariant:** nothing is executed that was not verified against a digest of the order.

pub mod clock;
pub mod compile;
pub mod confine;
pub mod engine;
mod error;
pub mod execute;
pub mod facts;
pub mod files;
pub mod log;
pub mod sandbox;
pub mod secrets;
pub mod store;
pub mod ticket;

pub use error::{Error, ErrorKind};
pub use longshore_protocol::chain;
