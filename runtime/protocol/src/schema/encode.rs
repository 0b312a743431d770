//! JSON → postcard.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postcard_schema::schema::owned::{
    OwnedDataModelType as Type, OwnedDataModelVariant as Variant, OwnedNamedType, OwnedNamedValue,
    OwnedNamedVariant,
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::path::Path;
use super::{DEPTH_MAX, describe, is_optional};
use crate::{Error, ErrorKind, suggest};

/// Serializes `value`, which stands at `path`, as `schema` says.
///
/// # Errors
/// Names the place, what was expected there and what was found.
pub fn encode(schema: &OwnedNamedType, value: &Value, path: &mut Path) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    put(schema, value, path, &mut out)?;
    Ok(out)
}

/// Serializes raw bytes for a schema for which [`super::is_bytes`] holds: both of its forms are a length and the bytes.
///
/// In place, since bytes may be many: to move them costs less than a second buffer.
pub fn encode_bytes(mut content: Vec<u8>) -> Vec<u8> {
    let length = length(content.len());
    content.reserve_exact(length.len());
    content.splice(0..0, length);
    content
}

/// What stands before this many bytes, for whoever has them behind room for it already.
pub fn length(bytes: usize) -> Vec<u8> {
    let mut length = Vec::new();
    put_length(bytes, &mut length);
    length
}

/// No length is longer: seven bits of a 64-bit number are in each byte.
pub const LENGTH_BYTES_MAX: usize = 10;

fn put(
    schema: &OwnedNamedType,
    value: &Value,
    path: &mut Path,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    if path.depth() > DEPTH_MAX {
        return Err(Error::new(
            ErrorKind::Value,
            format!("{path}: nested more than {DEPTH_MAX} levels deep"),
        ));
    }
    match &schema.ty {
        Type::Bool => {
            put_serde(&value.as_bool().ok_or_else(|| mismatch(schema, value, path))?, out);
        }
        Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::I128 | Type::Isize => {
            put_signed(schema, value, path, out)?;
        }
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::U128 | Type::Usize => {
            put_unsigned(schema, value, path, out)?;
        }
        Type::F32 | Type::F64 => put_float(schema, value, path, out)?,
        Type::Char => {
            let text = value.as_str().filter(|text| text.chars().count() == 1);
            put_serde(&text.ok_or_else(|| mismatch(schema, value, path))?, out);
        }
        Type::String => {
            put_serde(&value.as_str().ok_or_else(|| mismatch(schema, value, path))?, out);
        }
        Type::ByteArray => put_bytes(schema, value, path, out)?,
        Type::Option(_) if value.is_null() => out.push(0),
        Type::Option(inner) => {
            out.push(1);
            put(inner, value, path, out)?;
        }
        Type::Unit | Type::UnitStruct if value.is_null() => {}
        Type::Unit | Type::UnitStruct => return Err(mismatch(schema, value, path)),
        Type::NewtypeStruct(inner) => put(inner, value, path, out)?,
        Type::Seq(item) => {
            let items = value.as_array().ok_or_else(|| mismatch(schema, value, path))?;
            put_length(items.len(), out);
            put_items(items.iter().map(|value| (&**item, value)), path, out)?;
        }
        Type::Tuple(types) | Type::TupleStruct(types) => {
            put_tuple(schema, types, value, path, out)?;
        }
        Type::Map { key, val } => put_map((key, val), schema, value, path, out)?,
        Type::Struct(fields) => put_fields(schema, fields, value, path, out)?,
        Type::Enum(variants) => put_variant(schema, variants, value, path, out)?,
        Type::Schema => {
            return Err(Error::new(
                ErrorKind::Value,
                format!("{path}: schemas cannot be parameters"),
            ));
        }
    }
    Ok(())
}

fn mismatch(schema: &OwnedNamedType, value: &Value, path: &Path) -> Error {
    Error::new(
        ErrorKind::Value,
        format!("{path}: expected {}, got {}", describe(schema), found(value)),
    )
}

fn found(value: &Value) -> String {
    const SHOWN_MAX: usize = 40;
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => format!("bool {value}"),
        Value::Number(number) => format!("number {number}"),
        Value::String(text) if text.chars().count() > SHOWN_MAX => {
            format!("string {:?}…", text.chars().take(SHOWN_MAX).collect::<String>())
        }
        Value::String(text) => format!("string {text:?}"),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(fields) => format!("an object of {} fields", fields.len()),
    }
}

fn put_serde(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    let bytes = postcard::to_allocvec(value).expect("a scalar is always serializable into memory");
    out.extend_from_slice(&bytes);
}

fn put_length(length: usize, out: &mut Vec<u8>) {
    put_serde(&(length as u64), out);
}

fn put_signed(
    schema: &OwnedNamedType,
    value: &Value,
    path: &Path,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let (low, high) = match schema.ty {
        Type::I8 => (i128::from(i8::MIN), i128::from(i8::MAX)),
        Type::I16 => (i128::from(i16::MIN), i128::from(i16::MAX)),
        // Guests are 32-bit.
        Type::I32 | Type::Isize => (i128::from(i32::MIN), i128::from(i32::MAX)),
        Type::I64 => (i128::from(i64::MIN), i128::from(i64::MAX)),
        _ => (i128::MIN, i128::MAX),
    };
    let number = match value {
        Value::Number(number) => number.as_i128(),
        Value::String(text) if matches!(schema.ty, Type::I128) => text.parse().ok(),
        _ => None,
    };
    let number = in_range(number, low..=high, schema, value, path)?;
    match schema.ty {
        Type::I8 => out.push(number.to_le_bytes()[0]),
        // All wider ones share one variable-length form, whatever their width.
        _ => put_serde(&number, out),
    }
    Ok(())
}

fn put_unsigned(
    schema: &OwnedNamedType,
    value: &Value,
    path: &Path,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let high = match schema.ty {
        Type::U8 => u128::from(u8::MAX),
        Type::U16 => u128::from(u16::MAX),
        Type::U32 | Type::Usize => u128::from(u32::MAX),
        Type::U64 => u128::from(u64::MAX),
        _ => u128::MAX,
    };
    let number = match value {
        Value::Number(number) => number.as_u128(),
        Value::String(text) if matches!(schema.ty, Type::U128) => text.parse().ok(),
        _ => None,
    };
    let number = in_range(number, 0..=high, schema, value, path)?;
    match schema.ty {
        Type::U8 => out.push(number.to_le_bytes()[0]),
        _ => put_serde(&number, out),
    }
    Ok(())
}

fn in_range<T: PartialOrd + std::fmt::Display>(
    number: Option<T>,
    range: std::ops::RangeInclusive<T>,
    schema: &OwnedNamedType,
    value: &Value,
    path: &Path,
) -> Result<T, Error> {
    if let Some(number) = number
        && range.contains(&number)
    {
        return Ok(number);
    }
    let (low, high) = range.into_inner();
    let ty = describe(schema);
    let text = if value.is_number() {
        format!("{path}: expected {ty} ({low} to {high}), got {}", found(value))
    } else {
        format!("{path}: expected {ty}, got {}", found(value))
    };
    Err(Error::new(ErrorKind::Value, text))
}

fn put_float(
    schema: &OwnedNamedType,
    value: &Value,
    path: &Path,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    };
    let number = number.ok_or_else(|| mismatch(schema, value, path))?;
    if matches!(schema.ty, Type::F64) {
        put_serde(&number, out);
        return Ok(());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to the nearest f32 is what writing 0.1 means"
    )]
    let narrow = number as f32;
    if narrow.is_infinite() && number.is_finite() {
        return Err(mismatch(schema, value, path));
    }
    put_serde(&narrow, out);
    Ok(())
}

fn put_bytes(
    schema: &OwnedNamedType,
    value: &Value,
    path: &Path,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let content = match value {
        Value::String(text) => STANDARD.decode(text).map_err(|error| {
            Error::new(
                ErrorKind::Value,
                format!("{path}: expected bytes as base64 text (or @FILE on a command line), got {}: {error}", found(value)),
            )
        })?,
        Value::Array(items) => {
            let byte = |item: &Value| item.as_u64().and_then(|number| u8::try_from(number).ok());
            items
                .iter()
                .map(byte)
                .collect::<Option<_>>()
                .ok_or_else(|| mismatch(schema, value, path))?
        }
        _ => return Err(mismatch(schema, value, path)),
    };
    put_length(content.len(), out);
    out.extend_from_slice(&content);
    Ok(())
}

fn put_items<'a>(
    items: impl Iterator<Item = (&'a OwnedNamedType, &'a Value)>,
    path: &mut Path,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    for (index, (schema, value)) in (0..).zip(items) {
        path.in_item(index, |path| put(schema, value, path, out))?;
    }
    Ok(())
}

fn put_tuple(
    schema: &OwnedNamedType,
    types: &[OwnedNamedType],
    value: &Value,
    path: &mut Path,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let items = value.as_array().filter(|items| items.len() == types.len());
    let items = items.ok_or_else(|| mismatch(schema, value, path))?;
    put_items(types.iter().zip(items), path, out)
}

fn put_map(
    (key, val): (&OwnedNamedType, &OwnedNamedType),
    schema: &OwnedNamedType,
    value: &Value,
    path: &mut Path,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let mut seen = HashSet::new();
    match value {
        Value::Object(entries) => {
            put_length(entries.len(), out);
            for (name, value) in entries {
                path.in_field(name, |path| {
                    put_key(key, &key_value(key, name), &mut seen, path, out)?;
                    put(val, value, path, out)
                })?;
            }
            Ok(())
        }
        Value::Array(pairs) => {
            put_length(pairs.len(), out);
            for (index, pair) in (0..).zip(pairs) {
                path.in_item(index, |path| match pair.as_array().map(Vec::as_slice) {
                    Some([name, value]) => {
                        path.in_item(0, |path| put_key(key, name, &mut seen, path, out))?;
                        path.in_item(1, |path| put(val, value, path, out))
                    }
                    _ => Err(Error::new(
                        ErrorKind::Value,
                        format!("{path}: expected a pair [key, value], got {}", found(pair)),
                    )),
                })?;
            }
            Ok(())
        }
        _ => Err(mismatch(schema, value, path)),
    }
}

/// Different texts may be the same key, `1` and ` 1`: keys are compared as they are serialized. A guest would silently
/// keep one of the values.
fn put_key(
    key: &OwnedNamedType,
    value: &Value,
    seen: &mut HashSet<Vec<u8>>,
    path: &mut Path,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let start = out.len();
    put(key, value, path, out)?;
    if seen.insert(out[start..].to_vec()) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Value, format!("{path}: the key stands there twice")))
}

/// The key of a JSON object as the value that it stands for: a number where the schema wants one.
fn key_value(key: &OwnedNamedType, name: &str) -> Value {
    match super::unwrap_newtypes(key) {
        Type::String | Type::Char | Type::Enum(_) | Type::ByteArray => {
            Value::String(name.to_owned())
        }
        _ => serde_json::from_str(name).unwrap_or_else(|_| Value::String(name.to_owned())),
    }
}

fn put_fields(
    schema: &OwnedNamedType,
    fields: &[OwnedNamedValue],
    value: &Value,
    path: &mut Path,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let entries = value.as_object().ok_or_else(|| mismatch(schema, value, path))?;
    refuse_unknown(entries, fields, path)?;
    for field in fields {
        path.in_field(&field.name, |path| match entries.get(&field.name) {
            Some(value) => put(&field.ty, value, path, out),
            None if is_optional(&field.ty) => put(&field.ty, &Value::Null, path, out),
            None => Err(Error::new(
                ErrorKind::Value,
                format!("{path}: missing, expected {}", describe(&field.ty)),
            )),
        })?;
    }
    Ok(())
}

fn refuse_unknown(
    entries: &Map<String, Value>,
    fields: &[OwnedNamedValue],
    path: &Path,
) -> Result<(), Error> {
    let names = || fields.iter().map(|field| field.name.as_str());
    let Some(unknown) = entries.keys().find(|name| names().all(|known| known != name.as_str()))
    else {
        return Ok(());
    };
    let hint = match suggest::nearest(unknown, names()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("the fields are {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(Error::new(ErrorKind::Value, format!("{path}: unknown field {unknown:?}; {hint}")))
}

fn put_variant(
    schema: &OwnedNamedType,
    variants: &[OwnedNamedVariant],
    value: &Value,
    path: &mut Path,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let (name, content) = match value {
        Value::String(name) => (name, &Value::Null),
        Value::Object(entries) if entries.len() == 1 => {
            entries.iter().next().expect("its length is one")
        }
        _ => return Err(mismatch(schema, value, path)),
    };
    let names = || variants.iter().map(|variant| variant.name.as_str());
    let Some(index) = names().position(|known| known == name) else {
        let hint = match suggest::nearest(name, names()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("the variants are {}", names().collect::<Vec<_>>().join(", ")),
        };
        return Err(Error::new(
            ErrorKind::Value,
            format!("{path}: {} has no variant {name:?}; {hint}", schema.name),
        ));
    };
    put_length(index, out);
    path.in_field(name, |path| match &variants[index].ty {
        Variant::UnitVariant if content.is_null() => Ok(()),
        Variant::UnitVariant => Err(Error::new(
            ErrorKind::Value,
            format!("{path}: expected no content, got {}", found(content)),
        )),
        Variant::NewtypeVariant(inner) => put(inner, content, path, out),
        Variant::TupleVariant(types) => put_tuple(schema, types, content, path, out),
        Variant::StructVariant(fields) => put_fields(schema, fields, content, path, out),
    })
}
