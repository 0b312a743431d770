//! The body of an answer, on its way to the guest.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::Error;

use super::exchange::{Ticket, error_of};

/// Waits for each part for a bounded time, and gives the request's ticket back at its end.
pub(super) struct AnswerBody {
    incoming: Incoming,
    between_parts: Duration,
    /// Runs while the guest waits for a part.
    patience: Option<Pin<Box<Sleep>>>,
    ticket: Option<Arc<Ticket>>,
}

impl AnswerBody {
    pub(super) fn new(incoming: Incoming, between_parts: Duration, ticket: Arc<Ticket>) -> Self {
        Self { incoming, between_parts, patience: None, ticket: Some(ticket) }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let part = match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(part) => part.map(|part| part.map_err(|error| error_of(&error))),
            Poll::Pending => {
                let between_parts = self.between_parts;
                let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(between_parts)));
                ready!(patience.as_mut().poll(cx));
                Some(Err(Error::ConnectionReadTimeout))
            }
        };
        self.patience = None;
        if !matches!(part, Some(Ok(_))) {
            self.ticket = None;
        }
        Poll::Ready(part)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
