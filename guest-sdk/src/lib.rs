//! Write a Longshore *flow*: a Rust function that runs on any infrastructure.
//!
//! ```
//! use longshore_sdk::flow;
//!
//! /// Greets somebody.
//! #[flow(timeout = "30s", memory = "64MiB")]
//! fn hello(name: String) -> String {
//!     format!("Hello, {name}!")
//! }
//!
//! assert_eq!(hello("Ada".to_owned()), "Hello, Ada!");
//! ```
//!
//! A crate with `crate-type = ["cdylib"]` that is built with `cargo build --release --target wasm32-wasip2` is a
//! component with all flows of the crate. `README.md` beside the manifest has the whole of an example.
//!
//! - [`flow`] makes a function a flow, [`data`] makes a struct or an enum a parameter or a result.
//! - [`permanent`] marks an error that another attempt would only repeat.
//! - [`progress`] and [`context`] talk with the run; records of the `log` and `tracing` crates go to its log.
//! - [`Bytes`] is a byte string that is not copied on its way in.
//!
//! Natively there is no run: a flow stays a plain function for `cargo test`, [`context`] is a placeholder, and
//! [`Flow::call`] runs a flow through its serialized form.
//!
//! **Invariant:** an author depends on this crate only. What the attributes expand to is reached through it, and
//! nothing of the guest contract (WIT, exports, sections) is visible in an author's source.

mod bytes;
mod context;
mod descriptor;
mod error;
mod flow;
#[cfg(target_family = "wasm")]
mod guest;
mod host;
#[cfg(all(any(target_family = "wasm", test), any(feature = "log", feature = "tracing")))]
mod logging;
mod params;
mod result;
mod value;

pub use bytes::Bytes;
pub use context::{Context, context, progress};
pub use error::{Error, Failure, permanent};
pub use flow::{Flow, flows};
pub use longshore_sdk_macros::{data, flow};
pub use value::{Param, Value};

/// The result of a flow that may fail with any error.
///
/// ```
/// use longshore_sdk::{Result, flow};
///
/// /// Adds what stands on the lines of a text.
/// #[flow]
/// fn sum(text: String) -> Result<i64> {
///     let mut sum = 0_i64;
///     for line in text.lines() {
///         sum = sum.checked_add(line.parse()?).ok_or("the sum is too large")?;
///     }
///     Ok(sum)
/// }
///
/// assert_eq!(sum("1\n2".to_owned()).unwrap(), 3);
/// assert!(sum("one".to_owned()).is_err());
/// ```
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// What `#[flow]` and `#[data]` expand to. Not for authors: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use {inventory, postcard_schema, serde};

    pub use crate::descriptor::{
        Descriptor, ParamDescriptor, fallible_schema, param_schema, result_schema,
    };
    pub use crate::error::{AnyKind, ErrorKind, ObjectKind};
    pub use crate::params::Params;
    pub use crate::result::{encode, fail};

    /// The version of this crate, for the descriptor.
    pub const VERSION: &str = env!("CARGO_PKG_VERSION");
}
