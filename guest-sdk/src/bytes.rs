//! A byte string that crosses the border of a flow by reference where it can.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};
use std::sync::Arc;

use postcard_schema::Schema;
use postcard_schema::schema::{DataModelType, NamedType};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::params;

/// A serialized length: 64 bits, seven to a byte.
const LENGTH_BYTES_MAX: usize = 10;

/// An owned, immutable byte string. Neither as a parameter nor as a result is it copied, unless
/// something else shares its buffer.
///
/// A `Vec<u8>` works as well, but is a *sequence of numbers*: it is decoded and encoded one byte at a time.
///
/// A parameter shares the memory of all parameters of its run, so keeping a small one keeps all. Turning it into a
/// `Vec<u8>` needs no second buffer as long as nothing else shares it.
///
/// ```
/// use longshore_sdk::{Bytes, flow};
///
/// /// Counts the zero bytes.
/// #[flow]
/// fn zeros(data: Bytes) -> u64 {
///     data.iter().filter(|byte| **byte == 0).count() as u64
/// }
///
/// assert_eq!(zeros(Bytes::from(vec![0, 1, 0])), 2);
/// ```
#[derive(Clone, Default)]
pub struct Bytes {
    buffer: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl Bytes {
    /// Returns a byte string without bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The serialized form: the length, then the bytes. It takes the buffer that the bytes are in, where that is not
    /// shared: for a byte string that came as a parameter, the length stands before it already.
    pub(crate) fn into_serialized(self) -> Vec<u8> {
        let mut length = [0; LENGTH_BYTES_MAX];
        let length =
            postcard::to_slice(&(self.len() as u64), &mut length).expect("no length is longer");
        let Self { buffer, range } = self;
        match Arc::try_unwrap(buffer) {
            Ok(mut buffer) => {
                buffer.truncate(range.end);
                buffer.splice(..range.start, length.iter().copied());
                buffer
            }
            Err(shared) => [&*length, shared.get(range).unwrap_or_default()].concat(),
        }
    }

    /// Copies `bytes`.
    pub fn copy_from_slice(bytes: &[u8]) -> Self {
        Self::from(bytes.to_vec())
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buffer.get(self.range.clone()).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self { range: 0..bytes.len(), buffer: Arc::new(bytes) }
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self::copy_from_slice(bytes)
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        let Bytes { buffer, range } = bytes;
        match Arc::try_unwrap(buffer) {
            Ok(mut buffer) => {
                buffer.truncate(range.end);
                buffer.drain(..range.start);
                buffer
            }
            Err(shared) => shared.get(range).unwrap_or_default().to_vec(),
        }
    }
}

impl FromIterator<u8> for Bytes {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Self {
        let bytes = bytes.into_iter();
        // With room for the length that a result begins with, so that it need not move.
        let mut buffer = Vec::with_capacity(bytes.size_hint().0 + LENGTH_BYTES_MAX);
        buffer.extend(bytes);
        Self::from(buffer)
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Bytes {}

impl PartialEq<[u8]> for Bytes {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}

impl Hash for Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Bytes {
    /// Shows the length only: byte strings are long, and a log has a limit.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Bytes({} bytes)", self.len())
    }
}

impl Schema for Bytes {
    const SCHEMA: &'static NamedType = &NamedType { name: "Bytes", ty: &DataModelType::ByteArray };
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for a byte *buffer*, postcard would hide from the visitor that the bytes are borrowed.
        deserializer.deserialize_bytes(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a byte string")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Bytes, E> {
        Ok(match params::source_of(bytes) {
            Some((buffer, range)) => Bytes { buffer, range },
            None => Bytes::copy_from_slice(bytes),
        })
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes::copy_from_slice(bytes))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(Bytes::from(bytes))
    }

    /// For formats without byte strings, such as JSON.
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = elements.next_element()? {
            bytes.push(byte);
        }
        Ok(Bytes::from(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_byte_string_becomes_a_vec_by_copying() {
        let bytes = Bytes::from(vec![1, 2, 3]);
        let other = bytes.clone();
        assert_eq!(Vec::from(bytes), [1, 2, 3]);
        assert_eq!(Vec::from(other), [1, 2, 3]);
    }

    #[test]
    fn outside_of_a_flow_it_is_decoded_by_copying() {
        let encoded = postcard::to_allocvec(&Bytes::from(vec![1, 2, 3])).unwrap();
        assert_eq!(encoded, [3, 1, 2, 3]);
        assert_eq!(*postcard::from_bytes::<Bytes>(&encoded).unwrap(), [1, 2, 3]);
    }
}
