//! HTTP/1.1 as the proxy needs it: heads that are passed on as they came, and bodies that can break off.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use jiff::SignedDuration;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

/// Longer heads are no test's business.
const HEAD_BYTES_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 100;

/// One side of a relay.
pub(super) type Side = BufReader<TcpStream>;

/// The head of a request or of a response.
#[derive(Debug)]
pub(super) struct Head {
    bytes: Vec<u8>,
    /// Method and target, or nothing and the status.
    pub(super) line: Line,
    pub(super) body: Body,
    pub(super) expects_continue: bool,
    pub(super) closes: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Request { method: String, target: String },
    Response { status: u16 },
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Length(u64),
    Chunked,
    UntilClosed,
}

impl Head {
    /// Reads the head of a request. There is none where the client has closed the connection.
    pub(super) fn of_request(side: &mut Side) -> io::Result<Option<Self>> {
        let bytes = read_head(side)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        request.parse(&bytes).map_err(io::Error::other)?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let line = Line::Request { method: text(request.method), target: text(request.path) };
        let body = framing(request.headers).unwrap_or(Body::Length(0));
        let expects_continue = has(request.headers, "expect", "100-continue");
        let closes = has(request.headers, "connection", "close") || request.version == Some(0);
        Ok(Some(Self { bytes, line, body, expects_continue, closes }))
    }

    /// Reads the head of the final response.
    pub(super) fn of_response(side: &mut Side, to_head: bool) -> io::Result<Self> {
        loop {
            let bytes = read_head(side)?;
            let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut response = httparse::Response::new(&mut headers);
            response.parse(&bytes).map_err(io::Error::other)?;
            let Some(status) = response.code else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            if (100..200).contains(&status) {
                // The proxy has told the client itself to continue.
                continue;
            }
            let body = match status {
                204 | 304 => Body::Length(0),
                _ if to_head => Body::Length(0),
                _ => framing(response.headers).unwrap_or(Body::UntilClosed),
            };
            let closes = body == Body::UntilClosed || has(response.headers, "connection", "close");
            let line = Line::Response { status };
            return Ok(Self { bytes, line, body, expects_continue: false, closes });
        }
    }

    pub(super) fn send(&self, side: &Side) -> io::Result<()> {
        side.get_ref().write_all(&self.bytes)
    }

    /// Moves the `Date`, where there is one.
    pub(super) fn skew(&mut self, by: SignedDuration) {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        let skewed =
            text.split("\r\n").map(|line| skewed(line, by).unwrap_or_else(|| line.to_owned()));
        self.bytes = skewed.collect::<Vec<_>>().join("\r\n").into_bytes();
    }
}

fn skewed(line: &str, by: SignedDuration) -> Option<String> {
    let (name, value) = line.split_once(':')?;
    if !name.eq_ignore_ascii_case("date") {
        return None;
    }
    let date = DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    let date = date.checked_add(by).ok()?;
    Some(format!("{name}: {}", DateTimePrinter::new().timestamp_to_rfc9110_string(&date).ok()?))
}

/// Everything up to the empty line, or nothing where the other side has closed the connection.
fn read_head(side: &mut Side) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    while !bytes.ends_with(b"\r\n\r\n") {
        let count = side.read_until(b'\n', &mut bytes)?;
        if count == 0 && bytes.is_empty() {
            break;
        }
        if count == 0 || bytes.len() > HEAD_BYTES_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(bytes)
}

fn framing(headers: &[httparse::Header<'_>]) -> Option<Body> {
    if has(headers, "transfer-encoding", "chunked") {
        return Some(Body::Chunked);
    }
    let length =
        headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"))?;
    Some(Body::Length(std::str::from_utf8(length.value).ok()?.trim().parse().ok()?))
}

fn has(headers: &[httparse::Header<'_>], name: &str, value: &str) -> bool {
    headers.iter().any(|header| {
        header.name.eq_ignore_ascii_case(name)
            && header.value.eq_ignore_ascii_case(value.as_bytes())
    })
}

/// Passes a body on, or its first `limit` bytes, and returns how many they were. Errors of reading end it; those of writing
/// do not, so that a server that answers before it has read everything is heard.
pub(super) fn pass(from: &mut Side, to: Option<&Side>, body: Body, limit: u64) -> io::Result<u64> {
    let mut to = Sink { side: to, passed: 0, limit };
    match body {
        Body::Length(length) => to.take(from, length)?,
        Body::UntilClosed => to.take(from, u64::MAX)?,
        Body::Chunked => while to.take_chunk(from)? {},
    }
    Ok(to.passed)
}

/// Where a body goes, if anywhere.
struct Sink<'a> {
    side: Option<&'a Side>,
    passed: u64,
    limit: u64,
}

impl Sink<'_> {
    fn is_full(&self) -> bool {
        self.passed >= self.limit
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(side) = self.side
            && side.get_ref().write_all(bytes).is_err()
        {
            self.side = None;
        }
    }

    /// Passes on what counts as the body.
    fn take(&mut self, from: &mut Side, length: u64) -> io::Result<()> {
        let mut left = length;
        while left > 0 && !self.is_full() {
            let buffer = from.fill_buf()?;
            if buffer.is_empty() {
                let until_closed = length == u64::MAX;
                return if until_closed {
                    Ok(())
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
            let most = left.min(self.limit - self.passed).min(buffer.len() as u64);
            let count = usize::try_from(most).expect("it is not more than the buffer");
            let bytes = buffer[..count].to_vec();
            self.write(&bytes);
            from.consume(count);
            self.passed += most;
            left -= most;
        }
        Ok(())
    }

    /// Passes a chunk on as it is framed, and says whether there are more.
    fn take_chunk(&mut self, from: &mut Side) -> io::Result<bool> {
        let size_line = read_line(from)?;
        let size = String::from_utf8_lossy(&size_line);
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
        self.write(&size_line);
        if size == 0 {
            loop {
                let trailer = read_line(from)?;
                self.write(&trailer);
                if trailer == b"\r\n" {
                    return Ok(false);
                }
            }
        }
        self.take(from, size)?;
        if self.is_full() {
            return Ok(false);
        }
        let mut end = [0; 2];
        from.read_exact(&mut end)?;
        self.write(&end);
        Ok(true)
    }
}

fn read_line(from: &mut Side) -> io::Result<Vec<u8>> {
    let mut line = vec![];
    match from.read_until(b'\n', &mut line)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line),
    }
}
