//! Flows that a flow calls.

use std::any::{TypeId, type_name};
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Failure};
use crate::{flows, host};

/// Calls a flow of the same component as a child: in a sandbox of its own, with the limits and grants that the caller has
/// left. The arguments are a tuple; `(argument,)` is one of one.
///
/// A child that fails, panics or takes too much memory is an error for its caller, which may go on. Only what ends the whole
/// run ends its caller as well: its timeout, a request to stop, its processor time, and more than `child_runs` children.
///
/// ```
/// use longshore_sdk::{Result, child, flow};
///
/// /// Divides.
/// #[flow]
/// fn divide(dividend: u64, divisor: u64) -> u64 {
///     dividend / divisor
/// }
///
/// /// Divides, and lives on where that is impossible.
/// #[flow(limits(child_runs = 10))]
/// fn try_to_divide(dividend: u64, divisor: u64) -> Option<u64> {
///     child(divide, (dividend, divisor)).ok()
/// }
///
/// assert_eq!(try_to_divide(7, 2), Some(3));
/// assert_eq!(try_to_divide(7, 0), None);
/// ```
///
/// Flows are called one after another: the caller waits for its child. Natively the child is called in the same process,
/// through its serialized form.
///
/// # Errors
/// The child's error with its causes, or what ended it. It is retryable where the child's is. A function that is not a flow
/// is refused.
pub fn child<F, A, T>(flow: F, arguments: A) -> Result<T, Error>
where
    F: Takes<A, Returned: Gives<T>>,
    A: Serialize,
    T: DeserializeOwned,
{
    let id = TypeId::of::<F>();
    drop(flow);
    let Some(flow) = flows().find(|flow| flow.id() == id) else {
        let name = type_name::<F>();
        return Err(Error::permanent(format!("{name} is not a flow: add `#[flow]`")));
    };
    let params = postcard::to_allocvec(&arguments).map_err(Error::permanent)?;
    let result = host::call_child(flow, params)?;
    postcard::from_bytes(&result).map_err(Error::permanent)
}

/// A function that takes arguments of these types: flows with up to twelve parameters.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be called with `{A}`",
    label = "takes other arguments",
    note = "pass the arguments as a tuple: `child(flow, (first, second))`, or `child(flow, (only,))`"
)]
pub trait Takes<A>: 'static {
    /// What it returns.
    type Returned;
}

macro_rules! takes {
    ($($argument:ident)*) => {
        impl<F, R, $($argument),*> Takes<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> R + 'static,
        {
            type Returned = R;
        }
    };
}

takes!();
takes!(A);
takes!(A B);
takes!(A B C);
takes!(A B C D);
takes!(A B C D E);
takes!(A B C D E G);
takes!(A B C D E G H);
takes!(A B C D E G H I);
takes!(A B C D E G H I J);
takes!(A B C D E G H I J K);
takes!(A B C D E G H I J K L);
takes!(A B C D E G H I J K L M);

/// What a flow returns, for who calls it: a value is itself, and a `Result` is its value.
pub trait Gives<T> {}

impl<T> Gives<T> for T {}
impl<T, E> Gives<T> for Result<T, E> {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let Failure { message, causes, retryable } = failure;
        let cause = causes
            .into_iter()
            .rev()
            .fold(None, |cause, message| Some(Box::new(Told { message, cause })));
        let told = Told { message, cause };
        if retryable { Self::new(told) } else { Self::permanent(told) }
    }
}

/// An error that somebody else has told in words.
#[derive(Debug)]
struct Told {
    message: String,
    cause: Option<Box<Self>>,
}

impl fmt::Display for Told {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Told {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn failure(retryable: bool) -> Failure {
        let causes = vec!["the middle".to_owned(), "the root".to_owned()];
        Failure { message: "the error".to_owned(), causes, retryable }
    }

    #[test]
    fn a_failure_that_was_told_has_its_causes_and_its_kind() {
        for retryable in [true, false] {
            let error = Error::from(failure(retryable));
            let middle = error.source().unwrap();
            let texts =
                [error.to_string(), middle.to_string(), middle.source().unwrap().to_string()];
            assert_eq!(texts, ["the error", "the middle", "the root"]);
            assert_eq!(error.is_retryable(), retryable);
        }
    }

    #[test]
    fn a_function_that_is_not_a_flow_is_refused() {
        fn plain() {}

        let error = child::<_, _, ()>(plain, ()).unwrap_err();
        assert!(error.to_string().ends_with("::plain is not a flow: add `#[flow]`"), "{error}");
        assert!(!error.is_retryable());
    }
}
