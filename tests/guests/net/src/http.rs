//! A small client for `wasi:http`, without any check of its own.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

/// A request.
#[derive(Default)]
pub struct Request<'a> {
    pub method: &'a str,
    pub url: &'a str,
    pub field: Option<(&'a str, &'a str)>,
    pub body: Option<&'a str>,
    /// For connecting, for the first byte, between bytes: in milliseconds.
    pub timeouts_ms: Option<[u64; 3]>,
}

impl Request<'_> {
    /// Sends it, and waits for nothing.
    pub fn start(&self) -> Result<FutureIncomingResponse, String> {
        let fields = Fields::new();
        if let Some((name, value)) = self.field {
            fields.append(name, value.as_bytes()).map_err(|error| format!("{error:?}"))?;
        }
        let request = OutgoingRequest::new(fields);
        let (scheme, rest) = self.url.split_once("://").ok_or("no scheme")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
        request.set_method(&method(self.method)).map_err(|()| "the method is invalid")?;
        request.set_scheme(Some(&scheme)).map_err(|()| "the scheme is invalid")?;
        request.set_authority(Some(authority)).map_err(|()| "the authority is invalid")?;
        request.set_path_with_query(Some(path)).map_err(|()| "the path is invalid")?;
        let body = request.body().expect("it was not taken yet");
        let future = outgoing_handler::handle(request, self.options())
            .map_err(|error| format!("{error:?}"))?;
        if let Some(text) = self.body {
            let stream = body.write().expect("it was not taken yet");
            stream.blocking_write_and_flush(text.as_bytes()).map_err(|error| error.to_string())?;
        }
        OutgoingBody::finish(body, None).map_err(|error| format!("{error:?}"))?;
        Ok(future)
    }

    /// Sends it and waits for the head of the answer.
    pub fn send(&self) -> Result<IncomingResponse, String> {
        wait(&self.start()?)
    }

    fn options(&self) -> Option<RequestOptions> {
        let [connect, first_byte, between_bytes] =
            self.timeouts_ms?.map(|timeout| Some(timeout * 1_000_000));
        let options = RequestOptions::new();
        options.set_connect_timeout(connect).expect("the host knows it");
        options.set_first_byte_timeout(first_byte).expect("the host knows it");
        options.set_between_bytes_timeout(between_bytes).expect("the host knows it");
        Some(options)
    }
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "CONNECT" => Method::Connect,
        other => Method::Other(other.to_owned()),
    }
}

/// Waits for the head of an answer.
pub fn wait(future: &FutureIncomingResponse) -> Result<IncomingResponse, String> {
    future.subscribe().block();
    let answer = future.get().expect("it is ready").expect("it was not taken yet");
    answer.map_err(|error| format!("{error:?}"))
}

/// Reads the body, part by part.
pub fn read(answer: &IncomingResponse, mut part: impl FnMut(&[u8])) -> Result<(), String> {
    let body: IncomingBody = answer.consume().expect("it was not taken yet");
    let stream = body.stream().expect("it was not taken yet");
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(bytes) => part(&bytes),
            Err(StreamError::Closed) => return Ok(()),
            Err(StreamError::LastOperationFailed(error)) => {
                // `http_error_code` finds none in wasmtime 48, which has wrapped it once too often.
                return Err(error.to_debug_string());
            }
        }
    }
}
