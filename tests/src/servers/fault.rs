//! What can go wrong between a client and a server.

use std::time::Duration;

use jiff::SignedDuration;

use super::Request;

/// What a [`Proxy`](super::Proxy) does to a request, instead of only forwarding it.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The server never hears of the request: the client gets this.
    Answer(Answer),
    /// The connections are reset in the middle of the request: the server gets half of it.
    ResetRequest {
        /// Bytes of the body that the server still gets. It gets the whole request where the body has no more.
        after: u64,
    },
    /// The server does what it was asked to, and the connections are reset in the middle of its answer.
    ResetResponse {
        /// Bytes of the body that the client still gets. With 0, it does not even get the status.
        after: u64,
    },
    /// The request waits for this long.
    Delay(Duration),
    /// The server's clock is wrong by this, as far as the `Date` of its answer tells.
    Skew(SignedDuration),
}

/// An answer that no server gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers besides those that say how long the body is.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Fault {
    /// S3's way to say that there are too many requests. `Retry-After` is in seconds.
    pub fn slow_down(retry_after_s: Option<u32>) -> Self {
        let mut answer = Answer::of_s3(503, "SlowDown", "Please reduce your request rate.");
        answer.headers.extend(retry_after_s.map(|wait_s| ("Retry-After", wait_s.to_string())));
        Self::Answer(answer)
    }

    /// S3's way to say that it has failed.
    pub fn internal_error() -> Self {
        let message = "We encountered an internal error. Please try again.";
        Self::Answer(Answer::of_s3(500, "InternalError", message))
    }

    /// S3's way to say that the clock of the client is wrong.
    pub fn time_too_skewed() -> Self {
        let message = "The difference between the request time and the current time is too large.";
        Self::Answer(Answer::of_s3(403, "RequestTimeTooSkewed", message))
    }
}

impl Answer {
    /// An error in S3's form.
    pub fn of_s3(status: u16, code: &str, message: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        Self { status, headers: vec![("Content-Type", "application/xml".to_owned())], body }
    }

    pub(super) fn bytes(&self, head_only: bool) -> Vec<u8> {
        let Self { status, headers, body } = self;
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let (headers, length) = (headers.collect::<String>(), body.len());
        let body = if head_only { "" } else { body };
        format!("HTTP/1.1 {status} Injected\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
            .into_bytes()
    }
}

/// Faults that are still to come, in the order in which they were asked for.
#[derive(Debug, Default)]
pub(super) struct Faults {
    planned: Vec<Planned>,
}

struct Planned {
    left: usize,
    fault: Fault,
    concerns: Box<dyn Fn(&Request) -> bool + Send>,
}

impl Faults {
    pub(super) fn add(
        &mut self,
        times: usize,
        fault: Fault,
        concerns: impl Fn(&Request) -> bool + Send + 'static,
    ) {
        self.planned.push(Planned { left: times, fault, concerns: Box::new(concerns) });
    }

    /// Takes the fault for this request. A request suffers from one at most.
    pub(super) fn take(&mut self, request: &Request) -> Option<Fault> {
        let planned = self.planned.iter_mut().find(|planned| (planned.concerns)(request))?;
        planned.left -= 1;
        let fault = planned.fault.clone();
        self.planned.retain(|planned| planned.left > 0);
        Some(fault)
    }

    pub(super) fn clear(&mut self) {
        self.planned.clear();
    }
}

impl std::fmt::Debug for Planned {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { left, fault, concerns: _ } = self;
        write!(formatter, "{left} x {fault:?}")
    }
}
