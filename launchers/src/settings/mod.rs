//! Job settings: what can be set about a job on one kind of infrastructure, and who has set it.
//!
//! A kind declares its settings once, as a struct in `settings!` with a line for each: that makes the typed values which
//! its plan takes apart by name, and the table by which values are checked, explained and shown. So a setting that is
//! declared and never reaches the request does not compile without a warning, and a test finds it besides.
//!
//! [`resolve`] is the one place that puts values over one another: the kind's defaults, then the pool's, then those that
//! the flow asks for, then the caller's. An entry of a map (`env.REGION`) is a value of its own; a list is replaced as a
//! whole. What no typed setting covers, a [`Patch`] changes in the request itself.
//!
//! **Invariant:** a value that stands in no table is refused, with the nearest one that does.
//! **Invariant:** no secret is a setting: plans have them all, and people print plans.

mod change;
mod declare;
mod origin;
mod patch;
mod resolve;
mod table;
mod template;
mod value;

pub use change::{Change, Given, Key, table};
pub use origin::{Origin, Source};
pub use patch::{Patch, exact, readable, unchanged};
pub use resolve::{Effective, JobSettings, resolve};
pub use table::{Guard, Setting};
pub use template::{schema, toml};
pub use value::{AbsolutePath, Cpus, Integer, OneOf, SettingType, Shape, Size, Variables, Word};

pub(crate) use declare::settings;
pub(crate) use table::find;
