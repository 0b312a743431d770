//! Errors of flows: what an author marks, and what a run ends with.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Deref;

type BoxError = Box<dyn StdError + Send + Sync>;

/// How many causes a failure names at most. More than a reader can use; it ends a chain that runs in a circle.
const CAUSES_MAX: usize = 64;

/// An error that knows whether another attempt may end differently.
///
/// It shows, and has the causes of, the error that it was made from. A flow may return any error: only one that is
/// in its chain as an `Error` made by [`permanent`] keeps a run from being retried.
#[derive(Debug)]
pub struct Error {
    inner: BoxError,
    retryable: bool,
}

impl Error {
    /// Makes an error that is worth another attempt, unless `error` says otherwise.
    pub fn new(error: impl Into<BoxError>) -> Self {
        let inner = error.into();
        let retryable = is_retryable(&*inner);
        Self { inner, retryable }
    }

    /// Makes an error that another attempt would only repeat.
    pub fn permanent(error: impl Into<BoxError>) -> Self {
        Self { inner: error.into(), retryable: false }
    }

    /// Whether another attempt may end differently.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }
}

/// Marks an error that another attempt would only repeat: a wrong parameter, a file that does not exist.
///
/// It is also found under further context, for example that of `anyhow`.
///
/// ```
/// use longshore_sdk::{Result, flow, permanent};
///
/// /// Parses a port.
/// #[flow(retries = 3)]
/// fn port(text: String) -> Result<u16> {
///     let port = text.parse().map_err(permanent)?;
///     if port < 1024 {
///         return Err(permanent("ports below 1024 are reserved").into());
///     }
///     Ok(port)
/// }
///
/// assert!(port("80".to_owned()).is_err());
/// ```
pub fn permanent(error: impl Into<BoxError>) -> Error {
    Error::permanent(error)
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, out)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source()
    }
}

/// How a flow failed, as its run records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error.
    pub message: String,
    /// Its causes, the root last.
    pub causes: Vec<String>,
    /// Whether another attempt may end differently.
    pub retryable: bool,
}

impl Failure {
    /// Makes a failure of what is wrong with the call: no attempt will end differently.
    pub(crate) fn permanent(message: String) -> Self {
        Self { message, causes: Vec::new(), retryable: false }
    }

    pub(crate) fn of_params(message: String, error: &postcard::Error) -> Self {
        Self { message, causes: vec![error.to_string()], retryable: false }
    }

    fn of(error: &(dyn StdError + 'static)) -> Self {
        let causes = chain(error).skip(1).take(CAUSES_MAX).map(ToString::to_string).collect();
        Self { message: error.to_string(), causes, retryable: is_retryable(error) }
    }
}

fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn is_retryable(error: &(dyn StdError + 'static)) -> bool {
    chain(error)
        .take(CAUSES_MAX)
        .filter_map(|error| error.downcast_ref::<Error>())
        .all(|error| error.retryable)
}

/// How an error is looked into. Method resolution picks it by the error's type: [`ObjectKind`] is tried first. The
/// method has a name that no error's own method has, since that would be tried before both.
pub trait ErrorKind<E> {
    /// Makes the error a failure.
    fn failure(&self, error: E) -> Failure;
}

/// Errors that are pointers to any error: `anyhow::Error`, `eyre::Report`, `Box<dyn Error>`.
///
/// Looking through the pointer keeps the type of the outermost error, by which [`permanent`] is found; when
/// `anyhow::Error` is converted into a `Box<dyn Error>`, that type is lost.
pub trait ObjectKind {
    /// Returns the kind.
    fn __longshore_kind(&self) -> Object {
        Object
    }
}

impl<E: Deref<Target: ErrorObject>> ObjectKind for E {}

/// All other errors: those of the standard library and of crates, `String`, `&str`.
pub trait AnyKind {
    /// Returns the kind.
    fn __longshore_kind(&self) -> Any {
        Any
    }
}

impl<E> AnyKind for &E {}

/// See [`ObjectKind`].
#[derive(Debug)]
pub struct Object;

impl<E: Deref<Target: ErrorObject>> ErrorKind<E> for Object {
    fn failure(&self, error: E) -> Failure {
        Failure::of(error.as_error())
    }
}

/// See [`AnyKind`].
#[derive(Debug)]
pub struct Any;

impl<E: FlowError> ErrorKind<E> for Any {
    fn failure(&self, error: E) -> Failure {
        Failure::of(&*error.into())
    }
}

/// An error of a flow: everything that converts into a `Box<dyn Error + Send + Sync>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a flow",
    label = "not an error",
    note = "return a type that implements `std::error::Error`, a `String`, or any error as `longshore_sdk::Result<T>`"
)]
pub trait FlowError: Into<BoxError> {}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> FlowError for E {}

/// The error types that a pointer can point to.
pub trait ErrorObject {
    /// Returns the error.
    fn as_error(&self) -> &(dyn StdError + 'static);
}

impl ErrorObject for dyn StdError {
    fn as_error(&self) -> &(dyn StdError + 'static) {
        self
    }
}

impl ErrorObject for dyn StdError + Send {
    fn as_error(&self) -> &(dyn StdError + 'static) {
        self
    }
}

impl ErrorObject for dyn StdError + Send + Sync {
    fn as_error(&self) -> &(dyn StdError + 'static) {
        self
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    /// Fails as the expansion of `#[flow]` does.
    macro_rules! failure {
        ($error:expr) => {{
            let error = $error;
            (&error).__longshore_kind().failure(error)
        }};
    }

    fn no_number() -> std::num::ParseIntError {
        "x".parse::<u8>().unwrap_err()
    }

    fn texts(failure: &Failure) -> Vec<&str> {
        std::iter::once(&failure.message).chain(&failure.causes).map(String::as_str).collect()
    }

    #[test]
    fn every_kind_of_error_becomes_a_retryable_failure() {
        let boxed: Box<dyn StdError> = Box::new(no_number());
        let table = [
            (failure!(String::from("text")), vec!["text"]),
            (failure!("text"), vec!["text"]),
            (failure!(no_number()), vec!["invalid digit found in string"]),
            (failure!(BoxError::from("text")), vec!["text"]),
            (failure!(boxed), vec!["invalid digit found in string"]),
            (failure!(anyhow::Error::from(no_number())), vec!["invalid digit found in string"]),
            (
                failure!(anyhow::Error::from(no_number()).context("port")),
                vec!["port", "invalid digit found in string"],
            ),
            (failure!(Error::new(no_number())), vec!["invalid digit found in string"]),
        ];
        for (failure, expected) in table {
            assert_eq!(texts(&failure), expected);
            assert!(failure.retryable, "{failure:?}");
        }
    }

    #[test]
    fn a_permanent_error_is_found_wherever_it_is() {
        let wrapped: Result<(), _> = Err(permanent(no_number())).context("port");
        let converted = (|| -> anyhow::Result<()> { Err(permanent("text"))? })().unwrap_err();
        let boxed = (|| -> crate::Result<()> { Err(permanent("text"))? })().unwrap_err();
        let table = [
            (failure!(permanent("text")), vec!["text"]),
            (failure!(boxed), vec!["text"]),
            (failure!(converted), vec!["text"]),
            (failure!(wrapped.unwrap_err()), vec!["port", "invalid digit found in string"]),
            (
                failure!(anyhow::Error::from(permanent("text")).context("a").context("b")),
                vec!["b", "a", "text"],
            ),
            (failure!(Error::new(permanent("text"))), vec!["text"]),
        ];
        for (failure, expected) in table {
            assert_eq!(texts(&failure), expected);
            assert!(!failure.retryable, "{failure:?}");
        }
    }

    #[test]
    fn a_chain_that_runs_in_a_circle_ends() {
        #[derive(Debug)]
        struct Circle;

        impl fmt::Display for Circle {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("circle")
            }
        }

        impl StdError for Circle {
            fn source(&self) -> Option<&(dyn StdError + 'static)> {
                Some(self)
            }
        }

        assert_eq!(failure!(Circle).causes.len(), CAUSES_MAX);
    }
}
