//! What launcher, runtime and tools must agree on: ids, records, the schema codec, the storage layout, exit codes.
//!
//! **Invariant:** no I/O, no clock, no environment. Everything here is a value or a pure function, so it also
//! builds for `wasm32-wasip2`, and every rule can be tested by a table.
//!
//! Reading order: [`id`] → [`layout`] → [`record`] → [`state`] → [`descriptor`] → [`schema`].

pub mod abi;
pub mod component;
pub mod descriptor;
mod error;
pub mod exit;
pub mod grants;
pub mod id;
pub mod label;
pub mod layout;
pub mod limits;
pub mod pace;
pub mod record;
pub mod retry;
pub mod schema;
pub mod state;
pub mod suggest;
pub mod target;

pub use error::{Error, ErrorKind, chain};
pub use jiff::{SignedDuration, Timestamp};
