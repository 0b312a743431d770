//! Takes a run's parameters apart.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use crate::error::Failure;
use crate::value::Param;

thread_local! {
    /// The parameters that are being decoded on this thread, so that a byte string in them can be shared.
    static SOURCE: RefCell<Option<Arc<Vec<u8>>>> = const { RefCell::new(None) };
}

/// A run's parameters: postcard values one after another, without anything between them.
#[derive(Debug)]
pub struct Params {
    buffer: Arc<Vec<u8>>,
    position: usize,
}

impl Params {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { buffer: Arc::new(bytes), position: 0 }
    }

    /// Decodes the next parameter.
    ///
    /// # Errors
    /// Names the parameter when the bytes are not a value of its type.
    pub fn take<T: Param>(&mut self, name: &str) -> Result<T, Failure> {
        let rest = self.buffer.get(self.position..).unwrap_or_default();
        let lent = Lent::new(&self.buffer);
        let taken = postcard::take_from_bytes(rest);
        drop(lent);
        match taken {
            Ok((value, rest)) => {
                self.position = self.buffer.len() - rest.len();
                Ok(value)
            }
            Err(error) => {
                Err(Failure::of_params(format!("could not decode parameter {name}"), &error))
            }
        }
    }

    /// Lets go of the parameters, so that the flow is the only owner of what it got.
    ///
    /// # Errors
    /// Refuses bytes after the last parameter: the caller meant another flow, or another version of this one.
    pub fn end(self) -> Result<(), Failure> {
        match self.buffer.len() - self.position {
            0 => Ok(()),
            more => Err(Failure::permanent(format!(
                "the parameters are {more} bytes longer than the flow takes"
            ))),
        }
    }
}

/// Returns the buffer that is being decoded and where in it `part` lies, if it does.
pub(crate) fn source_of(part: &[u8]) -> Option<(Arc<Vec<u8>>, Range<usize>)> {
    SOURCE.with_borrow(|source| {
        let source = source.as_ref()?;
        // The buffer is alive and immutable, so memory at an address inside of it can be nothing else.
        let start = part.as_ptr().addr().checked_sub(source.as_ptr().addr())?;
        let end = start.checked_add(part.len())?;
        (end <= source.len()).then(|| (Arc::clone(source), start..end))
    })
}

/// Makes a buffer known to [`source_of`] until it is dropped.
struct Lent;

impl Lent {
    fn new(buffer: &Arc<Vec<u8>>) -> Self {
        SOURCE.set(Some(Arc::clone(buffer)));
        Self
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        SOURCE.set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bytes;

    #[test]
    fn parameters_are_taken_one_after_another() {
        let mut params = Params::new(postcard::to_allocvec(&(7_u32, "text", true)).unwrap());
        assert_eq!(params.take::<u32>("n").unwrap(), 7);
        assert_eq!(params.take::<String>("text").unwrap(), "text");
        assert!(params.take::<bool>("flag").unwrap());
        params.end().unwrap();
    }

    #[test]
    fn a_parameter_that_cannot_be_decoded_is_named_and_not_retryable() {
        let mut params = Params::new(vec![200, 1]);
        let failure = params.take::<String>("name").unwrap_err();
        assert_eq!(failure.message, "could not decode parameter name");
        assert_eq!(failure.causes.len(), 1);
        assert!(!failure.retryable);
    }

    #[test]
    fn bytes_after_the_last_parameter_are_refused() {
        let mut params = Params::new(vec![1, 2, 3]);
        assert!(params.take::<bool>("flag").unwrap());
        let failure = params.end().unwrap_err();
        assert_eq!(failure.message, "the parameters are 2 bytes longer than the flow takes");
        assert!(!failure.retryable);
    }

    #[test]
    fn a_byte_string_shares_the_parameters_and_can_become_their_only_owner() {
        let bytes = postcard::to_allocvec(&(9_u8, Bytes::from(vec![5; 1000]))).unwrap();
        let buffer = bytes.as_ptr();
        let mut params = Params::new(bytes);
        params.take::<u8>("n").unwrap();
        let data = params.take::<Bytes>("data").unwrap();
        params.end().unwrap();
        assert_eq!(data.as_ptr(), buffer.wrapping_add(3));
        let owned = Vec::from(data);
        assert_eq!((owned.as_ptr(), owned), (buffer, vec![5; 1000]));
    }

    #[test]
    fn nothing_is_shared_outside_of_decoding() {
        assert!(source_of(&[1, 2, 3]).is_none());
    }
}
