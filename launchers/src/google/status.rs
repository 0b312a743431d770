//! How something went, in Google's words for all services.

use serde::Deserialize;

/// How something went, as `google.rpc.Status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Status {
    #[serde(default)]
    pub(crate) code: i64,
    #[serde(default)]
    pub(crate) message: String,
}

#[cfg(feature = "cloud-run")]
impl Status {
    /// The refusal that this would have been as an answer.
    /// <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>
    pub(super) fn refusal(self) -> crate::rest::Refusal {
        let (status, word) = match self.code {
            1 => (499, "CANCELLED"),
            3 => (400, "INVALID_ARGUMENT"),
            4 => (504, "DEADLINE_EXCEEDED"),
            5 => (404, "NOT_FOUND"),
            6 => (409, "ALREADY_EXISTS"),
            7 => (403, "PERMISSION_DENIED"),
            8 => (429, "RESOURCE_EXHAUSTED"),
            9 => (400, "FAILED_PRECONDITION"),
            10 => (409, "ABORTED"),
            13 => (500, "INTERNAL"),
            14 => (503, "UNAVAILABLE"),
            16 => (401, "UNAUTHENTICATED"),
            _ => (500, "UNKNOWN"),
        };
        let (word, message) = (word.to_owned(), self.message);
        crate::rest::Refusal { status, word, message, retry_after: None }
    }
}
