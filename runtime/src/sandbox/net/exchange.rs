//! One request and its answer.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, Uri, header};
use hyper::client::conn::http1;
use longshore_protocol::grants::Access;
use tokio::time::timeout;
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::body::AnswerBody;
use super::connect::connect;
use super::place::Place;
use super::reach::Reach;

/// For a lookup, a connection and a handshake, unless the guest says otherwise: several lost packets each.
const CONNECT: Duration = Duration::from_secs(30);
/// For the answer's head. Long, since it may be the result of a computation; the run's own time ends it anyway.
const FIRST_BYTE: Duration = Duration::from_secs(600);
/// For each further part of an answer that has begun.
const BETWEEN_BYTES: Duration = Duration::from_secs(120);
/// hyper has no smaller buffer than this.
const BUFFER_BYTES_MIN: usize = 8 << 10;
/// What a field takes besides its text, as HTTP/2 counts it (RFC 9113, 6.5.2).
const FIELD_BYTES: usize = 32;

/// Exists while a request is under way.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    is_answered: AtomicBool,
}

impl Ticket {
    /// Whether the answer has come; its body may still be under way.
    pub(super) fn is_answered(&self) -> bool {
        self.is_answered.load(Ordering::Relaxed)
    }
}

/// Keeps a connection going; ends it when dropped.
pub(super) type Connection = AbortOnDropJoinHandle<()>;

/// What it takes to send a request.
pub(super) struct Exchange {
    pub(super) reach: Reach,
    pub(super) field_bytes_max: usize,
    pub(super) ticket: Arc<Ticket>,
}

impl Exchange {
    pub(super) async fn send(
        self,
        mut request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<(Response<AnswerBody>, Connection), Error> {
        let place = self.prepare(&mut request)?;
        let method = request.method().clone();
        let access = Access::Http(method.as_str());
        let host = place.host.to_string();
        if !self.reach.passes(self.reach.grants().check_host(access, &host, place.port)) {
            return Err(Error::HttpRequestDenied);
        }
        let RequestOptions { connect_timeout, first_byte_timeout, between_bytes_timeout } = options;
        let connect_timeout = connect_timeout.unwrap_or(CONNECT);
        let stream = connect(&self.reach, access, &place, connect_timeout).await?;
        for value in request.headers_mut().values_mut() {
            if let Some(revealed) = self.reach.reveal(value, access, (&host, place.port)) {
                *value = revealed;
            }
        }
        let mut client = http1::Builder::new();
        client.max_buf_size(self.field_bytes_max.max(BUFFER_BYTES_MIN));
        let (mut sender, connection) =
            client.handshake(TokioIo::new(stream)).await.map_err(|error| error_of(&error))?;
        let connection = spawn(async {
            // Whoever waits for the answer or its body gets the same error.
            drop(connection.await);
        });
        let answer =
            timeout(first_byte_timeout.unwrap_or(FIRST_BYTE), sender.send_request(request));
        let answer = answer
            .await
            .map_err(|_| Error::ConnectionReadTimeout)?
            .map_err(|error| error_of(&error))?;
        let bytes = field_bytes(answer.headers());
        if bytes > self.field_bytes_max {
            let bytes = u32::try_from(bytes).ok();
            return Err(Error::HttpResponseHeaderSectionSize(bytes));
        }
        self.ticket.is_answered.store(true, Ordering::Relaxed);
        let between_bytes = between_bytes_timeout.unwrap_or(BETWEEN_BYTES);
        let answer = answer.map(|body| AnswerBody::new(body, between_bytes, self.ticket));
        Ok((answer, connection))
    }

    /// Makes the request's target and its field `Host` of the place that will be checked.
    fn prepare(&self, request: &mut Request<WasiBody>) -> Result<Place, Error> {
        // A tunnel would lead to where nobody checks.
        if request.method() == Method::CONNECT {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let place = Place::of(request.uri()).and_then(|place| Some((place.header()?, place)));
        let Some((host, place)) = place else {
            self.reach
                .warn(&format!("{} is not a host to send a request to", named(request.uri())));
            return Err(Error::HttpRequestUriInvalid);
        };
        request.headers_mut().insert(header::HOST, host);
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        *request.uri_mut() = Uri::try_from(target).map_err(|_| Error::HttpRequestUriInvalid)?;
        Ok(place)
    }
}

/// The place as the guest wrote it, without a password that may be in it.
fn named(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => format!("{authority:?}"),
    }
}

fn field_bytes(fields: &HeaderMap) -> usize {
    fields.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD_BYTES).sum()
}

/// What a guest learns of a failed exchange.
pub(super) fn error_of(error: &hyper::Error) -> Error {
    if error.is_parse_too_large() {
        Error::HttpResponseHeaderSectionSize(None)
    } else if error.is_incomplete_message() || is_cut_off(error) {
        Error::HttpResponseIncomplete
    } else if error.is_parse() {
        Error::HttpProtocolError
    } else {
        Error::ConnectionTerminated
    }
}

/// Whether a body ended before its length.
fn is_cut_off(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::UnexpectedEof)
}
