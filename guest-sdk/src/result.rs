//! Makes what a flow returned into what its run ends with.

use std::any::Any;

use postcard::ser_flavors::{Flavor, Size};

use crate::bytes::Bytes;
use crate::error::{ErrorKind, Failure};
use crate::value::Value;

/// Serializes the result of a flow: a byte string within its own buffer, anything else into one of exactly its size.
///
/// # Errors
/// A value whose `Serialize` refuses it, or a sequence that does not know its length.
pub fn encode<T: Value + 'static>(value: T) -> Result<Vec<u8>, Failure> {
    // `Bytes` is the type for large results. Asked for at run time, because stable Rust cannot specialize.
    let mut value = Some(value);
    if let Some(bytes) = (&mut value as &mut dyn Any).downcast_mut::<Option<Bytes>>() {
        return Ok(bytes.take().unwrap_or_default().into_serialized());
    }
    let Some(value) = &value else { return Ok(Vec::new()) };
    let failed = |error| Failure::of_params("could not encode the result".to_owned(), &error);
    // Counting first costs a pass over the value, and saves a growing buffer from being copied and from needing
    // up to three times the memory of a large result.
    let size = postcard::serialize_with_flavor(value, Size::default()).map_err(failed)?;
    postcard::serialize_with_flavor(value, Buffer(Vec::with_capacity(size))).map_err(failed)
}

/// Makes the error of a flow a failure.
///
/// # Errors
/// Always: it is the last expression of a flow that failed.
pub fn fail<E, K: ErrorKind<E>>(kind: &K, error: E) -> Result<Vec<u8>, Failure> {
    Err(kind.failure(error))
}

/// Postcard's own `Vec` flavor appends slices byte by byte unless the optimizer sees through it.
struct Buffer(Vec<u8>);

impl Flavor for Buffer {
    type Output = Vec<u8>;

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_fills_its_buffer_exactly() {
        let bytes = encode((Bytes::from(vec![7; 100_000]), true)).unwrap();
        assert_eq!((bytes.len(), bytes.capacity()), (100_004, 100_004));
        assert_eq!(
            encode(("text", 300_u32)).unwrap(),
            postcard::to_allocvec(&("text", 300_u32)).unwrap()
        );
    }

    #[test]
    fn a_byte_string_is_serialized_within_its_own_buffer() {
        for length in [0, 1, 127, 128, 70_000] {
            let content = vec![7; length];
            let expected = postcard::to_allocvec(&Bytes::from(content.clone())).unwrap();
            assert_eq!(encode(Bytes::from(content.clone())).unwrap(), expected, "alone, {length}");
            let shared = Bytes::from(content);
            let other = shared.clone();
            assert_eq!(encode(shared).unwrap(), expected, "shared with {other:?}");
        }
    }
}
