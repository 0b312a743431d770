//! Makes what a flow returned into what its run ends with.

use postcard::ser_flavors::{Flavor, Size};

use crate::error::{ErrorKind, Failure};
use crate::value::Value;

/// Serializes the result of a flow into a buffer of exactly its size.
///
/// # Errors
/// A value whose `Serialize` refuses it, or a sequence that does not know its length.
pub fn encode<T: Value>(value: &T) -> Result<Vec<u8>, Failure> {
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
    use crate::Bytes;

    #[test]
    fn a_result_fills_its_buffer_exactly() {
        let bytes = encode(&Bytes::from(vec![7; 100_000])).unwrap();
        assert_eq!((bytes.len(), bytes.capacity()), (100_003, 100_003));
        assert_eq!(
            encode(&("text", 300_u32)).unwrap(),
            postcard::to_allocvec(&("text", 300_u32)).unwrap()
        );
    }
}
