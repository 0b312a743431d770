//! Flows that send requests.

use longshore_sdk::flow;
use wasip2::http::types::Fields;

use crate::http::{Request, read, wait};

/// A redirect leads to another at most so often.
const REDIRECTS_MAX: usize = 5;

fn get(url: &str) -> Request<'_> {
    Request { method: "GET", url, ..Request::default() }
}

fn text(request: &Request<'_>) -> Result<(u16, String), String> {
    let answer = request.send()?;
    let mut bytes = Vec::new();
    read(&answer, |part| bytes.extend_from_slice(part))?;
    Ok((answer.status(), String::from_utf8_lossy(&bytes).into_owned()))
}

/// Sends a request and returns status and body of the answer.
#[flow]
fn fetch(method: String, url: String) -> Result<(u16, String), String> {
    text(&Request { method: &method, url: &url, ..Request::default() })
}

/// Sends the same request several times, and tells what came of each.
#[flow]
fn fetch_again(url: String, times: u32) -> Vec<String> {
    let outcome = || text(&get(&url)).map_or_else(|error| error, |(_, body)| body);
    (0..times).map(|_| outcome()).collect()
}

/// Sends a text.
#[flow]
fn post(url: String, body: String) -> Result<(u16, String), String> {
    text(&Request { method: "POST", url: &url, body: Some(&body), ..Request::default() })
}

/// Sends a request with a field.
#[flow]
fn fetch_with(url: String, name: String, value: String) -> Result<(u16, String), String> {
    text(&Request { field: Some((&name, &value)), ..get(&url) })
}

/// Fetches with a secret in a field, and returns what it saw of the secret and what was answered.
#[flow]
fn fetch_with_token(url: String) -> Result<(String, String), String> {
    let token = std::env::var("TOKEN").map_err(|error| error.to_string())?;
    let (_, answer) = fetch_with(url, "x-token".to_owned(), format!("Bearer {token}"))?;
    Ok((token, answer))
}

/// Sends a request with time limits: for connecting, for the first byte, between bytes.
#[flow]
fn fetch_within(url: String, timeouts_ms: [u64; 3]) -> Result<(u16, String), String> {
    text(&Request { timeouts_ms: Some(timeouts_ms), ..get(&url) })
}

/// Goes where it is told to go.
#[flow]
fn follow(url: String) -> Result<String, String> {
    let mut url = url;
    for _ in 0..REDIRECTS_MAX {
        let answer = get(&url).send()?;
        match answer.headers().get("location").into_iter().next() {
            Some(location) => url = String::from_utf8_lossy(&location).into_owned(),
            None => return Ok(url),
        }
    }
    Err("there is no end of redirects".to_owned())
}

/// Counts the bytes of an answer without keeping them.
#[flow]
fn count(url: String) -> Result<u64, String> {
    let mut bytes = 0;
    read(&get(&url).send()?, |part| bytes += part.len() as u64)?;
    Ok(bytes)
}

/// Sends many requests before it waits for the first answer, and returns how many came.
#[flow]
fn fetch_at_once(url: String, requests: u32) -> Result<u32, String> {
    let futures: Vec<_> = (0..requests).map(|_| get(&url).start()).collect::<Result<_, _>>()?;
    Ok(futures.iter().filter(|future| wait(future).is_ok()).count() as u32)
}

/// Sends many requests and forgets each at once.
#[flow]
fn forget(url: String, requests: u32) -> Result<u32, String> {
    for _ in 0..requests {
        drop(get(&url).start()?);
    }
    Ok(requests)
}

/// Sends many requests, one after another, each with options.
#[flow]
fn fetch_in_turn(url: String, requests: u32) -> Result<u32, String> {
    for _ in 0..requests {
        text(&Request { timeouts_ms: Some([10_000; 3]), ..get(&url) })?;
    }
    Ok(requests)
}

/// Makes fields without end.
#[flow]
fn make_fields() -> Result<(), String> {
    let fields = Fields::new();
    loop {
        fields.append("x", &[b'x'; 1_000]).map_err(|error| format!("{error:?}"))?;
    }
}
