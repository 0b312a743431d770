//! Postcard → JSON.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postcard_schema::schema::owned::{
    OwnedDataModelType as Type, OwnedDataModelVariant as Variant, OwnedNamedType, OwnedNamedValue,
    OwnedNamedVariant,
};
use serde::Deserialize;
use serde_json::{Map, Number, Value};

use super::path::Path;
use super::{DEPTH_MAX, describe, unwrap_newtypes};
use crate::{Error, ErrorKind};

/// What a value may take in memory as JSON, whatever its size. Items without content can be claimed in any number by a
/// length alone, and a schema may have thousands of fields without content: a few bytes must not become gigabytes.
const MEMORY_BASE_BYTES: usize = 16 << 20;

/// What it may take beyond that for each byte of content. A field of one byte takes about 200 bytes as JSON.
const MEMORY_PER_BYTE: usize = 256;

/// About what an entry of an object takes beside its name and its value.
const ENTRY_BYTES: usize = 64;

/// Reads the value that `content` holds, all of it, as `schema` says. `name` is what errors call the value.
///
/// # Errors
/// Names the place at which the content does not fit the schema.
pub fn decode(schema: &OwnedNamedType, content: &[u8], name: &str) -> Result<Value, Error> {
    let mut reader = Reader {
        rest: content,
        path: Path::root(name),
        memory_left: content
            .len()
            .saturating_mul(MEMORY_PER_BYTE)
            .saturating_add(MEMORY_BASE_BYTES),
    };
    let value = reader.value(schema)?;
    if reader.rest.is_empty() {
        return Ok(value);
    }
    Err(Error::new(
        ErrorKind::Value,
        format!("{name}: {} bytes are left after the value", reader.rest.len()),
    ))
}

/// The raw bytes of a value whose schema [`super::is_bytes`]. `None`: it is damaged.
pub fn decode_bytes(content: &[u8]) -> Option<&[u8]> {
    match postcard::take_from_bytes::<&[u8]>(content) {
        Ok((bytes, [])) => Some(bytes),
        Ok(_) | Err(_) => None,
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    path: Path,
    memory_left: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, schema: &OwnedNamedType) -> Result<Value, Error> {
        if self.path.depth() > DEPTH_MAX {
            return Err(self.bad(&format!("nested more than {DEPTH_MAX} levels deep")));
        }
        self.spend(size_of::<Value>())?;
        Ok(match &schema.ty {
            Type::Bool => Value::Bool(self.take(schema)?),
            Type::I8 => self.take::<i8>(schema)?.into(),
            Type::I16 => self.take::<i16>(schema)?.into(),
            // Guests are 32-bit.
            Type::I32 | Type::Isize => self.take::<i32>(schema)?.into(),
            Type::I64 => self.take::<i64>(schema)?.into(),
            Type::I128 => {
                let wide = self.take::<i128>(schema)?;
                i64::try_from(wide).map_or_else(|_| wide.to_string().into(), Value::from)
            }
            Type::U8 => self.take::<u8>(schema)?.into(),
            Type::U16 => self.take::<u16>(schema)?.into(),
            Type::U32 | Type::Usize => self.take::<u32>(schema)?.into(),
            Type::U64 => self.take::<u64>(schema)?.into(),
            Type::U128 => {
                let wide = self.take::<u128>(schema)?;
                u64::try_from(wide).map_or_else(|_| wide.to_string().into(), Value::from)
            }
            Type::F32 => {
                let narrow = self.take::<f32>(schema)?;
                // Through its shortest text, so that 0.1 stays 0.1 and does not become 0.10000000149011612.
                float(narrow.to_string().parse().unwrap_or(f64::NAN))
            }
            Type::F64 => float(self.take(schema)?),
            Type::Char => Value::String(self.char(schema)?.into()),
            Type::String => Value::String(self.take::<&str>(schema)?.to_owned()),
            Type::ByteArray => Value::String(STANDARD.encode(self.take::<&[u8]>(schema)?)),
            Type::Option(inner) => match self.take::<bool>(schema)? {
                false => Value::Null,
                true => match self.value(inner)? {
                    Value::Null => {
                        return Err(self.bad("some null cannot be told from none in JSON"));
                    }
                    value => value,
                },
            },
            Type::Unit | Type::UnitStruct => Value::Null,
            Type::NewtypeStruct(inner) => self.value(inner)?,
            Type::Seq(item) => {
                let count = self.take::<u64>(schema)?;
                self.items(count, item)?
            }
            Type::Tuple(types) | Type::TupleStruct(types) => self.tuple(types)?,
            Type::Map { key, val } => self.map(schema, key, val)?,
            Type::Struct(fields) => self.fields(fields)?,
            Type::Enum(variants) => self.variant(schema, variants)?,
            Type::Schema => return Err(self.bad("schemas cannot be results")),
        })
    }

    fn take<T: Deserialize<'a>>(&mut self, schema: &OwnedNamedType) -> Result<T, Error> {
        let (value, rest) = postcard::take_from_bytes(self.rest)
            .map_err(|error| self.bad(&format!("expected {}: {error}", describe(schema))))?;
        self.rest = rest;
        Ok(value)
    }

    /// Postcard's own reader takes the first of several letters and drops the others.
    fn char(&mut self, schema: &OwnedNamedType) -> Result<char, Error> {
        let text = self.take::<&str>(schema)?;
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) => Ok(letter),
            _ => Err(self.bad("expected char, got a text of another length")),
        }
    }

    /// Accounts for memory that is about to be taken.
    fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        self.memory_left = self
            .memory_left
            .checked_sub(bytes)
            .ok_or_else(|| self.bad("as JSON it would take far more memory than its content"))?;
        Ok(())
    }

    fn bad(&self, why: &str) -> Error {
        Error::new(ErrorKind::Value, format!("{}: {why}", self.path))
    }

    fn at_field<T>(
        &mut self,
        name: &str,
        visit: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.spend(ENTRY_BYTES + name.len())?;
        self.path.enter_field(name);
        let result = visit(self);
        self.path.leave();
        result
    }

    fn at_item<T>(
        &mut self,
        index: u64,
        visit: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.path.enter_item(index);
        let result = visit(self);
        self.path.leave();
        result
    }

    fn items(&mut self, count: u64, item: &OwnedNamedType) -> Result<Value, Error> {
        (0..count).map(|index| self.at_item(index, |reader| reader.value(item))).collect()
    }

    fn tuple(&mut self, types: &[OwnedNamedType]) -> Result<Value, Error> {
        (0..).zip(types).map(|(index, ty)| self.at_item(index, |reader| reader.value(ty))).collect()
    }

    fn map(
        &mut self,
        schema: &OwnedNamedType,
        key: &OwnedNamedType,
        val: &OwnedNamedType,
    ) -> Result<Value, Error> {
        let count = self.take::<u64>(schema)?;
        if has_text_form(key) {
            let mut entries = Map::new();
            for index in 0..count {
                let [name, value] = self.entry(index, key, val)?;
                let name = match name {
                    Value::String(name) => name,
                    other => other.to_string(),
                };
                if entries.contains_key(&name) {
                    return Err(self.bad(&format!("the key {name:?} stands there twice")));
                }
                entries.insert(name, value);
            }
            return Ok(Value::Object(entries));
        }
        let mut pairs = Vec::new();
        let mut seen = HashSet::new();
        for index in 0..count {
            let pair = self.entry(index, key, val)?;
            let name = pair[0].to_string();
            if seen.contains(&name) {
                return Err(self.bad(&format!("the key {name} stands there twice")));
            }
            seen.insert(name);
            pairs.push(pair.into());
        }
        Ok(Value::Array(pairs))
    }

    /// The key and the value of a map's entry, whose places are those of a pair in a list.
    fn entry(
        &mut self,
        index: u64,
        key: &OwnedNamedType,
        val: &OwnedNamedType,
    ) -> Result<[Value; 2], Error> {
        self.spend(ENTRY_BYTES + size_of::<Value>())?;
        self.at_item(index, |reader| {
            Ok([
                reader.at_item(0, |reader| reader.value(key))?,
                reader.at_item(1, |reader| reader.value(val))?,
            ])
        })
    }

    fn fields(&mut self, fields: &[OwnedNamedValue]) -> Result<Value, Error> {
        let mut entries = Map::new();
        for field in fields {
            let value = self.at_field(&field.name, |reader| reader.value(&field.ty))?;
            entries.insert(field.name.clone(), value);
        }
        Ok(Value::Object(entries))
    }

    fn variant(
        &mut self,
        schema: &OwnedNamedType,
        variants: &[OwnedNamedVariant],
    ) -> Result<Value, Error> {
        let index = self.take::<u32>(schema)?;
        let Some(variant) = variants.get(index as usize) else {
            return Err(self.bad(&format!("{} has no variant number {index}", schema.name)));
        };
        let content = self.at_field(&variant.name, |reader| match &variant.ty {
            Variant::UnitVariant => Ok(None),
            Variant::NewtypeVariant(inner) => reader.value(inner).map(Some),
            Variant::TupleVariant(types) => reader.tuple(types).map(Some),
            Variant::StructVariant(fields) => reader.fields(fields).map(Some),
        })?;
        Ok(match content {
            None => Value::String(variant.name.clone()),
            Some(content) => Value::Object(Map::from_iter([(variant.name.clone(), content)])),
        })
    }
}

fn float(number: f64) -> Value {
    match Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None if number.is_nan() => "NaN".into(),
        None if number > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

/// Whether keys of this type can be the keys of a JSON object without two of them looking alike.
fn has_text_form(key: &OwnedNamedType) -> bool {
    match unwrap_newtypes(key) {
        Type::String
        | Type::Char
        | Type::Bool
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Isize
        | Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::Usize => true,
        Type::Enum(variants) => {
            variants.iter().all(|variant| matches!(variant.ty, Variant::UnitVariant))
        }
        _ => false,
    }
}
