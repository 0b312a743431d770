//! Reads schemas that a stranger has written.

use std::collections::HashSet;

use postcard_schema::schema::owned::{
    OwnedDataModelType as Type, OwnedDataModelVariant as Variant, OwnedNamedType, OwnedNamedValue,
};

use super::nesting;
use crate::{Error, ErrorKind};

/// Reads the serialized schema at the beginning of `bytes`; returns it and what follows it.
///
/// # Errors
/// Says that it is no schema, is nested too deep, or has two fields or variants of one name: JSON could not tell them
/// apart.
pub fn take(bytes: &[u8]) -> Result<(OwnedNamedType, &[u8]), Error> {
    let bad = |why: String| Error::new(ErrorKind::Component, why);
    nesting::skip_schema(bytes).map_err(bad)?;
    let (schema, rest) =
        postcard::take_from_bytes(bytes).map_err(|error| bad(error.to_string()))?;
    check_names(&schema).map_err(bad)?;
    Ok((schema, rest))
}

/// The first name that stands there twice.
pub(crate) fn repeated<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = HashSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

fn check_names(schema: &OwnedNamedType) -> Result<(), String> {
    match &schema.ty {
        Type::Option(inner) | Type::NewtypeStruct(inner) | Type::Seq(inner) => check_names(inner),
        Type::Tuple(types) | Type::TupleStruct(types) => types.iter().try_for_each(check_names),
        Type::Map { key, val } => {
            check_names(key)?;
            check_names(val)
        }
        Type::Struct(fields) => check_fields(&schema.name, fields),
        Type::Enum(variants) => {
            if let Some(name) = repeated(variants.iter().map(|variant| variant.name.as_str())) {
                return Err(format!("{} has two variants named {name:?}", schema.name));
            }
            variants.iter().try_for_each(|variant| match &variant.ty {
                Variant::UnitVariant => Ok(()),
                Variant::NewtypeVariant(inner) => check_names(inner),
                Variant::TupleVariant(types) => types.iter().try_for_each(check_names),
                Variant::StructVariant(fields) => check_fields(&variant.name, fields),
            })
        }
        _ => Ok(()),
    }
}

fn check_fields(owner: &str, fields: &[OwnedNamedValue]) -> Result<(), String> {
    if let Some(name) = repeated(fields.iter().map(|field| field.name.as_str())) {
        return Err(format!("{owner} has two fields named {name:?}"));
    }
    fields.iter().try_for_each(|field| check_names(&field.ty))
}

#[cfg(test)]
mod tests {
    use super::*;
    use postcard_schema::schema::owned::OwnedNamedVariant;

    fn named(ty: Type) -> OwnedNamedType {
        OwnedNamedType { name: "T".into(), ty }
    }

    fn fields(names: [&str; 2]) -> Vec<OwnedNamedValue> {
        names.map(|name| OwnedNamedValue { name: name.into(), ty: named(Type::Bool) }).into()
    }

    fn variants(names: [&str; 2], ty: &Variant) -> Type {
        Type::Enum(names.map(|name| OwnedNamedVariant { name: name.into(), ty: ty.clone() }).into())
    }

    #[test]
    fn what_follows_a_schema_is_returned() {
        let schema = named(Type::Struct(fields(["a", "b"])));
        let mut bytes = postcard::to_allocvec(&schema).unwrap();
        bytes.extend(b"rest");
        assert_eq!(take(&bytes).unwrap(), (schema, &b"rest"[..]));
    }

    #[test]
    fn names_that_json_cannot_tell_apart_are_refused() {
        let twice = || fields(["a", "a"]);
        let table = [
            (Type::Struct(twice()), r#"T has two fields named "a""#),
            (Type::Seq(named(Type::Struct(twice())).into()), r#"T has two fields named "a""#),
            (variants(["A", "A"], &Variant::UnitVariant), r#"T has two variants named "A""#),
            (
                variants(["A", "B"], &Variant::StructVariant(twice())),
                r#"A has two fields named "a""#,
            ),
        ];
        for (ty, expected) in table {
            let bytes = postcard::to_allocvec(&named(ty)).unwrap();
            assert_eq!(take(&bytes).unwrap_err().to_string(), expected);
        }
    }
}
