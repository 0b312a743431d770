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
//! - [`child`] calls another flow in a sandbox of its own, and gets an error where that fails.
//! - [`Bytes`] is a byte string that is not copied on its way in.
//!
//! Natively there is no run: a flow stays a plain function for `cargo test`, [`context`] is a placeholder, and
//! [`Flow::call`] runs a flow through its serialized form.
//!
//! **Invariant:** an author depends on this crate only. What the attributes expand to is reached through it, and
//! nothing of the guest contract (WIT, exports, sections) is visible in an author's source.

mod bytes;
mod child;
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
pub use child::{Gives, Takes, child};
pub use context::{Context, context, progress};
pub use error::{Error, Failure, permanent};
pub use flow::{Flow, flows};
/// Makes a struct or an enum of your own a parameter or a result of flows, or a part of one.
///
/// It derives `Serialize`, `Deserialize` and `Schema`, without a dependency on the crates that they are from.
///
/// ```
/// use longshore_sdk::{data, flow};
///
/// #[data]
/// #[derive(Debug, Clone)]
/// struct Order {
///     item: String,
///     #[serde(default)]
///     quantity: u32,
///     delivery: Option<Delivery>,
/// }
///
/// #[data]
/// #[derive(Debug, Clone)]
/// enum Delivery {
///     Pickup,
///     #[serde(rename = "ship")]
///     Ship { street: String, days: u8 },
/// }
///
/// #[flow]
/// fn price(order: Order) -> u32 {
///     order.quantity * 3
/// }
/// ```
///
/// Values are written by position, and callers learn the names from the schema. So of serde's attributes only
/// `rename`, `alias`, `default`, `bound`, `deny_unknown_fields` and `expecting` are allowed; those that change what is
/// written (`skip`, `flatten`, `tag`, `with` and others) are errors.
///
/// What it cannot be:
/// - generic over a lifetime: data owns what it holds;
/// - recursive, also through a `Box` or a `Vec`: a schema is finite. The compiler reports a *cycle*. Put the nodes into
///   one `Vec` and let them refer to each other by position;
/// - with `usize` or `isize`: they have another size on the caller's side.
pub use longshore_sdk_macros::data;
/// Makes a function a flow.
///
/// The function stays what it is, and can be called and tested natively. Its doc comment becomes the flow's
/// description, its parameters' names and types the flow's schema.
///
/// ```
/// use longshore_sdk::{Result, flow, permanent};
///
/// /// Divides, and says how often.
/// #[flow(timeout = "30s", memory = "64MiB", retries = 3, retry_delay = "1s")]
/// fn divide(dividend: u64, divisor: u64) -> Result<u64> {
///     Ok(dividend.checked_div(divisor).ok_or_else(|| permanent("the divisor is zero"))?)
/// }
///
/// assert_eq!(divide(7, 2).unwrap(), 3);
/// ```
///
/// # Options
///
/// | option | example | what the flow asks for |
/// |---|---|---|
/// | `timeout` | `"30s"` | wall time of one attempt |
/// | `memory` | `"256MiB"` | memory of the sandbox |
/// | `log_limit` | `"1MiB"` | log output of one attempt |
/// | `retries` | `3` | how often a retryable failure is repeated |
/// | `retry_delay` | `"1s"` | the pause before the first repetition |
/// | `retry_delay_max` | `"1m"` | the longest pause |
/// | `limits(..)` | `limits(cpu = "10s", sockets = 4)` | any limit, by the names that `longshore inspect` shows |
/// | `network` | `["GET api.example.com:443"]` | hosts to reach: methods or `tcp` or `udp`, then host and port |
/// | `env` | `["REGION"]` | environment variables to read |
/// | `secrets` | `["API_KEY"]` | secrets, as environment variables; `"API_KEY@api.example.com:443"` for requests there only |
/// | `files` | `["data/", "*.csv", "!x.csv"]` | files of the crate to read below `/files`: patterns as in `.gitignore` |
/// | `name` | `"word-count"` | another name than the function's |
///
/// A pool refuses what it does not allow, and the flow then does not start.
///
/// # Signature
///
/// Any number of parameters with names, of types that implement [`Param`]; a result that implements [`Value`], or
/// `Result<T, E>` where `T` does. Whether a flow may fail is seen by the last word of its result type, which must be
/// `Result`: `std::io::Result<T>`, `anyhow::Result<T>` and [`Result`] are. `E` is anything that converts into a boxed
/// error: errors of the standard library and of crates, `anyhow::Error`, `String`, `&str`.
///
/// A panic ends the run with the panic's message and location. Not supported, with an error that says what to do:
/// `async`, generics, lifetimes, `impl Trait`, methods, references, patterns, `usize` and `isize`.
///
/// The name of a flow is unique in a component, also across modules and crates. A component with two of a name is
/// refused before it is run.
pub use longshore_sdk_macros::flow;
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
    pub use crate::value::part;

    /// The type of a function, by which its flow is found.
    pub fn id_of<F: 'static>(_: F) -> std::any::TypeId {
        std::any::TypeId::of::<F>()
    }

    /// The version of this crate, for the descriptor.
    pub const VERSION: &str = env!("CARGO_PKG_VERSION");
}
