//! What can cross the border of a flow, with errors that say what to do where something cannot.

use postcard_schema::Schema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that can be a parameter of a flow.
///
/// Implemented for everything that can be deserialized and has a schema: numbers, `String`, `bool`, tuples, `Vec`,
/// `Option`, maps, [`Bytes`](crate::Bytes), and structs and enums with [`data`](crate::data).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a flow",
    label = "not a parameter type",
    note = "add `#[longshore_sdk::data]` to the struct or enum; it must own what it holds",
    note = "`usize` and `isize` have another size on the caller's side: take `u32` or `u64`, `i32` or `i64`"
)]
pub trait Param: DeserializeOwned + Schema {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Schema> Param for T {}

/// A type that can be the result of a flow.
///
/// Implemented for everything that can be serialized and has a schema, as for [`Param`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a flow",
    label = "not a result type",
    note = "add `#[longshore_sdk::data]` to the struct or enum",
    note = "`usize` and `isize` have another size on the caller's side: return `u32` or `u64`, `i32` or `i64`",
    note = "a flow that may fail returns `Result<..>`: an alias must have `Result` as its last word"
)]
pub trait Value: Serialize + Schema {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Schema> Value for T {}

/// A type that can be part of a struct or an enum with [`data`](crate::data).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of data",
    label = "not data",
    note = "add `#[longshore_sdk::data]` to the struct or enum"
)]
pub trait Part: Param + Value {}

#[diagnostic::do_not_recommend]
impl<T: Param + Value> Part for T {}

/// Does nothing; it can be called for what can be part of data.
pub const fn part<T: Part>() {}
