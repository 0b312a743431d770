//! Looks how deep a serialized schema is nested, before serde recurses into it.
//!
//! A component is a stranger's file. Serde follows its nesting without a bound, so some hundred kilobytes of it would
//! overflow the stack of whoever only wants to look at it.

use super::DEPTH_MAX;

/// Reads over the serialized `OwnedNamedType` at the beginning of `bytes` and returns what follows it.
///
/// # Errors
/// Says that it is nested too deep, or is no schema.
pub(crate) fn skip_schema(bytes: &[u8]) -> Result<&[u8], String> {
    named_type(bytes, 0)
}

/// Reads over a serialized string.
fn skip_text(bytes: &[u8]) -> Result<&[u8], String> {
    let (length, rest) = number(bytes)?;
    let length = usize::try_from(length).map_err(|_| ENDS)?;
    Ok(rest.split_at_checked(length).ok_or(ENDS)?.1)
}

/// Reads a serialized length.
fn number(bytes: &[u8]) -> Result<(u64, &[u8]), String> {
    postcard::take_from_bytes::<u64>(bytes).map_err(|error| error.to_string())
}

const ENDS: &str = "it ends in the middle of a schema";

fn named_type(bytes: &[u8], depth: usize) -> Result<&[u8], String> {
    if depth > DEPTH_MAX {
        return Err(format!("a schema is nested more than {DEPTH_MAX} levels deep"));
    }
    // The discriminants of postcard-schema's `OwnedDataModelType`, in the order of its declaration.
    let (ty, rest) = number(skip_text(bytes)?)?;
    match ty {
        0..=17 | 19 | 20 | 28 => Ok(rest),
        18 | 21 | 22 => named_type(rest, depth + 1),
        23 | 24 => repeated(rest, |rest| named_type(rest, depth + 1)),
        25 => named_type(named_type(rest, depth + 1)?, depth + 1),
        26 => repeated(rest, |rest| named_type(skip_text(rest)?, depth + 1)),
        27 => repeated(rest, |rest| variant(skip_text(rest)?, depth + 1)),
        other => Err(format!("there is no type number {other}")),
    }
}

fn variant(bytes: &[u8], depth: usize) -> Result<&[u8], String> {
    let (kind, rest) = number(bytes)?;
    match kind {
        0 => Ok(rest),
        1 => named_type(rest, depth),
        2 => repeated(rest, |rest| named_type(rest, depth)),
        3 => repeated(rest, |rest| named_type(skip_text(rest)?, depth)),
        other => Err(format!("there is no variant number {other}")),
    }
}

fn repeated<'a>(
    bytes: &'a [u8],
    skip: impl Fn(&'a [u8]) -> Result<&'a [u8], String>,
) -> Result<&'a [u8], String> {
    let (count, mut rest) = number(bytes)?;
    for _ in 0..count {
        rest = skip(rest)?;
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postcard_schema::Schema;
    use postcard_schema::schema::owned::{OwnedDataModelType, OwnedNamedType};
    use std::collections::BTreeMap;

    #[derive(Schema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Every {
        Unit,
        Newtype(Option<u128>),
        Tuple(i8, Vec<(char, f32)>),
        Struct { map: BTreeMap<String, Result<bool, ()>>, bytes: &'static [u8] },
    }

    #[test]
    fn every_type_is_read_over_to_its_end() {
        let mut bytes = postcard::to_allocvec(&OwnedNamedType::from(Every::SCHEMA)).unwrap();
        bytes.extend_from_slice(b"rest");
        assert_eq!(skip_schema(&bytes).unwrap(), b"rest");
        for cut in 0..bytes.len() - 4 {
            assert!(skip_schema(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_before_anybody_recurses() {
        // An option in an option, 100,000 times: an empty name and the discriminant.
        let deep: Vec<u8> = [0, 18].repeat(100_000);
        assert_eq!(skip_schema(&deep).unwrap_err(), "a schema is nested more than 128 levels deep");
        let mut fine = [0, 18].repeat(DEPTH_MAX);
        fine.extend([0, 0]);
        assert_eq!(skip_schema(&fine).unwrap(), b"");
        assert!(matches!(
            postcard::from_bytes::<OwnedNamedType>(&fine).unwrap().ty,
            OwnedDataModelType::Option(_)
        ));
    }
}
