//! Why a call has failed, and what is said of it. Pure.

use std::time::Duration;

use serde_json::Value;

use crate::{Error, ErrorKind};

/// An answer that is no JSON is shown up to here.
const SHOWN_MAX: usize = 300;

/// Why a call has failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server says no.
    Refused(Refusal),
    /// There was no answer, or a part of one.
    Broken {
        /// In words.
        why: String,
        /// Whether the server cannot have heard of the request.
        is_unsent: bool,
    },
    /// What came is no answer of this API.
    Malformed(String),
    /// There is no token to ask with.
    Token(Box<Error>),
}

/// That a server says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The provider's word for it: `RESOURCE_EXHAUSTED`, `ResourceGroupNotFound`. Empty: none.
    pub(crate) word: String,
    /// The provider's sentence.
    pub(crate) message: String,
    /// How long to wait before asking again.
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    /// Reads an error in the form that Google and Azure share: `{"error": {"code", "message", "status"}}`.
    pub(super) fn read(status: u16, retry_after: Option<Duration>, content: &[u8]) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let body: Value = serde_json::from_slice(content).unwrap_or_default();
        let error = body.get("error");
        let of_error = |name: &str| text(error.and_then(|error| error.get(name)));
        let word = of_error("status").or_else(|| of_error("code")).unwrap_or_default();
        let message = of_error("message").unwrap_or_else(|| shown(content));
        Self { status, word, message: message.trim().to_owned(), retry_after }
    }

    /// In one line.
    pub(crate) fn words(&self) -> String {
        let Self { status, word, message, retry_after: _ } = self;
        match (word.is_empty(), message.is_empty()) {
            (_, true) => format!("status {status} {word}").trim_end().to_owned(),
            (true, false) => format!("status {status}: {message}"),
            (false, false) => format!("{message} ({word})"),
        }
    }
}

fn shown(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl Failure {
    /// A failure of the connection. Addresses have no secrets in them here, and are named by whoever attempts.
    pub(super) fn of_connection(error: &reqwest::Error) -> Self {
        let mut next: Option<&dyn std::error::Error> = std::error::Error::source(error);
        let mut words = Vec::new();
        while let Some(cause) = next {
            words.push(cause.to_string());
            next = cause.source();
        }
        words.dedup();
        let why = match (error.is_timeout(), words.pop()) {
            (true, _) => format!("no answer within {} s", super::ANSWER_TIMEOUT.as_secs()),
            (false, Some(last)) => last,
            (false, None) => "the connection broke".to_owned(),
        };
        Self::Broken { why, is_unsent: error.is_connect() }
    }

    /// The HTTP status, where the server has refused.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            Self::Broken { .. } | Self::Malformed(_) | Self::Token(_) => None,
        }
    }

    /// Whether what was asked for is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// The error of an attempt to do `what`, such as "create the job x in y". `hint` knows the provider's words.
    pub(crate) fn error(
        self,
        what: &str,
        base: &str,
        hint: impl FnOnce(&Refusal) -> Option<String>,
    ) -> Error {
        let text = format!("could not {what} at {base}");
        match self {
            Self::Refused(refusal) => {
                let found = hint(&refusal);
                let error = Error::caused(ErrorKind::Infrastructure, text, refusal.words());
                match found {
                    Some(found) => error.hint(found),
                    None => error,
                }
            }
            Self::Broken { why, is_unsent: _ } => {
                Error::caused(ErrorKind::Infrastructure, text, why)
                    .hint("is there a network, and is this the right address of the API?")
            }
            Self::Malformed(why) => {
                let why = format!("the answer cannot be understood: {why}");
                Error::caused(ErrorKind::Infrastructure, text, why).hint(
                    "is this the right address of the API, without a proxy that answers instead?",
                )
            }
            Self::Token(error) => *error,
        }
    }
}
