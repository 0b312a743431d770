//! The codec between JSON and postcard, led by a schema. Exact, or refused with the path of the field.
//!
//! `postcard-dyn` does the same without a path and not exactly, so it serves as the oracle of a property test instead (`docs/design.md`, "Own schema codec").
//!
//! JSON as people write it, by schema:
//!
//! | schema | JSON |
//! |---|---|
//! | bool, integers, floats, string | the same; 128-bit integers beyond 64 bits, `"NaN"`, `"Infinity"` and `"-Infinity"` as strings |
//! | bytes | base64 text |
//! | option | `null` or the value; a `Some` whose content is `null` as well is refused |
//! | unit | `null` |
//! | sequence, tuple | array |
//! | map | object where keys are strings, integers, bools or chars; else an array of pairs |
//! | struct | object |
//! | enum | `"Variant"`, or `{"Variant": value}`, as serde writes it |

mod decode;
mod describe;
mod encode;
pub(crate) mod nesting;
mod path;
pub(crate) mod read;

pub use decode::{decode, decode_bytes};
pub use describe::describe;
pub use encode::{LENGTH_BYTES_MAX, encode, encode_bytes, length};
pub use path::Path;
pub use read::take;

use postcard_schema::schema::owned::{OwnedDataModelType, OwnedNamedType};

/// Nesting beyond this is refused, in either direction: it guards the stack of the reader.
pub(crate) const DEPTH_MAX: usize = 128;

/// The type under any newtype wrappers: those have no form of their own, in JSON or in postcard.
pub(crate) fn unwrap_newtypes(schema: &OwnedNamedType) -> &OwnedDataModelType {
    let mut ty = &schema.ty;
    while let OwnedDataModelType::NewtypeStruct(inner) = ty {
        ty = &inner.ty;
    }
    ty
}

/// Whether a bare word on a command line is taken as the string itself.
pub fn is_text(schema: &OwnedNamedType) -> bool {
    match unwrap_newtypes(schema) {
        OwnedDataModelType::String | OwnedDataModelType::Char => true,
        OwnedDataModelType::Option(inner) => is_text(inner),
        OwnedDataModelType::Enum(variants) => variants.iter().any(|variant| {
            matches!(variant.ty, postcard_schema::schema::owned::OwnedDataModelVariant::UnitVariant)
        }),
        _ => false,
    }
}

/// Whether values are byte strings, whose JSON form is base64 text.
pub fn is_byte_string(schema: &OwnedNamedType) -> bool {
    matches!(unwrap_newtypes(schema), OwnedDataModelType::ByteArray)
}

/// Whether values are raw bytes: `bytes`, or a sequence of `u8`.
pub fn is_bytes(schema: &OwnedNamedType) -> bool {
    match unwrap_newtypes(schema) {
        OwnedDataModelType::ByteArray => true,
        OwnedDataModelType::Seq(item) => matches!(item.ty, OwnedDataModelType::U8),
        _ => false,
    }
}

/// Whether a value may be left out: it is then `None`.
pub fn is_optional(schema: &OwnedNamedType) -> bool {
    matches!(unwrap_newtypes(schema), OwnedDataModelType::Option(_))
}
