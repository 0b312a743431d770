//! The proxy, before a server that answers everything alike and remembers what it got.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::{Fault, Proxy, Request};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\nContent-Length: 10\r\n\r\n0123456789";
const GET: &str = "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n";
const PUT: &str = "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabcdef";
const CHUNKED: &str = "PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";

/// A proxy, and what the server behind it gets: one text for each connection.
fn behind(answer: &'static str) -> (Proxy, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::before(&format!("http://{}", listener.local_addr().unwrap()));
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut got = vec![];
                let mut buffer = [0; 1024];
                while !is_whole(&got) {
                    match connection.read(&mut buffer) {
                        Ok(count @ 1..) => got.extend(&buffer[..count]),
                        Ok(0) | Err(_) => break,
                    }
                }
                drop(sender.send(String::from_utf8(got).unwrap()));
                drop(connection.write_all(answer.as_bytes()));
            });
        }
    });
    (proxy, receiver)
}

fn is_whole(request: &[u8]) -> bool {
    request.ends_with(b"\r\n\r\n") && !request.starts_with(b"PUT")
        || request.ends_with(b"abcdef")
        || request.ends_with(b"0\r\n\r\n")
}

fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.url().strip_prefix("http://").unwrap()).unwrap()
}

/// What the client gets for a request, and whether the connection was reset.
fn ask(proxy: &Proxy, request: &str) -> (String, bool) {
    let mut connection = connect(proxy);
    connection.write_all(request.as_bytes()).unwrap();
    connection.shutdown(Shutdown::Write).unwrap();
    let mut got = vec![];
    let ended = connection.read_to_end(&mut got);
    (String::from_utf8(got).unwrap(), ended.is_err())
}

fn request(method: &str, path: &str, status: Option<u16>, sent: u64, received: u64) -> Request {
    Request { method: method.to_owned(), path: path.to_owned(), status, sent, received }
}

#[test]
fn requests_and_responses_pass_as_they_are_and_are_recorded() {
    let (proxy, server) = behind(ANSWER);
    for (text, expected) in [
        (GET, request("GET", "/a?b=c", Some(200), 0, 10)),
        (PUT, request("PUT", "/a", Some(200), 6, 10)),
        (CHUNKED, request("PUT", "/a", Some(200), 6, 10)),
    ] {
        assert_eq!(ask(&proxy, text), (ANSWER.to_owned(), false));
        assert_eq!(server.recv().unwrap(), text);
        assert_eq!(proxy.take_requests(), [expected]);
    }
}

#[test]
fn responses_of_any_framing_pass() {
    for answer in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n0123\r\n6\r\n456789\r\n0\r\nA: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n0123456789",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
    ] {
        let (proxy, _server) = behind(answer);
        assert_eq!(ask(&proxy, GET), (answer.to_owned(), false));
    }
}

#[test]
fn an_answer_to_head_has_a_length_and_no_body() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    let (proxy, _server) = behind(answer);
    assert_eq!(ask(&proxy, "HEAD /a HTTP/1.1\r\n\r\n"), (answer.to_owned(), false));
}

#[test]
fn a_connection_serves_many_requests() {
    let (proxy, server) = behind(ANSWER);
    let mut connection = connect(&proxy);
    for _ in 0..3 {
        connection.write_all(PUT.as_bytes()).unwrap();
        let mut got = vec![0; ANSWER.len()];
        connection.read_exact(&mut got).unwrap();
        assert_eq!(server.recv().unwrap(), PUT);
    }
    assert_eq!(proxy.take_requests().len(), 3);
}

#[test]
fn a_client_that_asks_whether_to_continue_is_told_to() {
    let (proxy, _server) = behind(ANSWER);
    let text = "PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\nabcdef";
    let (got, _) = ask(&proxy, text);
    assert_eq!(got, format!("HTTP/1.1 100 Continue\r\n\r\n{ANSWER}"));
}

#[test]
fn a_throttled_request_never_reaches_the_server() {
    let (proxy, server) = behind(ANSWER);
    proxy.inject(1, Fault::slow_down(None));
    proxy.inject(1, Fault::slow_down(Some(7)));
    proxy.inject(1, Fault::internal_error());
    let [first, second, third] = [PUT, PUT, GET].map(|text| ask(&proxy, text).0);
    assert!(first.starts_with("HTTP/1.1 503 ") && first.contains("<Code>SlowDown</Code>"));
    assert!(!first.contains("Retry-After"));
    assert!(second.contains("\r\nRetry-After: 7\r\n"));
    assert!(third.starts_with("HTTP/1.1 500 ") && third.contains("<Code>InternalError</Code>"));
    assert!(server.try_recv().is_err());
    assert_eq!(ask(&proxy, GET).0, ANSWER);
    let statuses: Vec<_> = proxy.take_requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(503), Some(503), Some(500), Some(200)]);
}

#[test]
fn a_fault_may_concern_only_some_requests_and_be_called_off() {
    let (proxy, _server) = behind(ANSWER);
    let is_put = |request: &Request| request.method == "PUT";
    proxy.inject_where(2, Fault::internal_error(), is_put);
    assert_eq!(ask(&proxy, GET).0, ANSWER);
    assert_ne!(ask(&proxy, PUT).0, ANSWER);
    proxy.heal();
    assert_eq!(ask(&proxy, PUT).0, ANSWER);
}

#[test]
fn a_reset_in_a_request_lets_the_server_have_its_beginning() {
    for (text, rest) in [(PUT, "def"), (CHUNKED, "\r\n3\r\ndef\r\n0\r\n\r\n")] {
        let (proxy, server) = behind(ANSWER);
        proxy.inject(1, Fault::ResetRequest { after: 3 });
        assert_eq!(ask(&proxy, text), (String::new(), true));
        assert_eq!(server.recv().unwrap(), text.strip_suffix(rest).unwrap());
        assert_eq!(proxy.take_requests(), [request("PUT", "/a", None, 3, 0)]);
    }
}

#[test]
fn a_reset_in_a_response_lets_the_client_have_its_beginning() {
    let (proxy, server) = behind(ANSWER);
    proxy.inject(1, Fault::ResetResponse { after: 4 });
    assert_eq!(ask(&proxy, PUT), (ANSWER.strip_suffix("456789").unwrap().to_owned(), true));
    assert_eq!(server.recv().unwrap(), PUT);
    assert_eq!(proxy.take_requests(), [request("PUT", "/a", Some(200), 6, 4)]);
}

#[test]
fn a_response_that_is_lost_leaves_the_client_without_a_status() {
    let (proxy, server) = behind(ANSWER);
    proxy.inject(1, Fault::ResetResponse { after: 0 });
    assert_eq!(ask(&proxy, PUT), (String::new(), true));
    assert_eq!(server.recv().unwrap(), PUT);
    assert_eq!(proxy.take_requests(), [request("PUT", "/a", None, 6, 0)]);
}

#[test]
fn a_delayed_request_takes_its_time() {
    let (proxy, _server) = behind(ANSWER);
    let time = Duration::from_millis(50);
    proxy.inject(1, Fault::Delay(time));
    let began = Instant::now();
    assert_eq!(ask(&proxy, GET).0, ANSWER);
    assert!(began.elapsed() >= time);
}

#[test]
fn a_skewed_clock_shows_in_the_date() {
    let (proxy, _server) = behind(ANSWER);
    proxy.inject(1, Fault::Skew(SignedDuration::from_mins(-75)));
    let expected = ANSWER.replace("10:00:00", "08:45:00");
    assert_eq!(ask(&proxy, GET).0, expected);
    assert_eq!(ask(&proxy, GET).0, ANSWER);
}

#[test]
fn a_server_that_goes_away_comes_back_at_the_same_address() {
    let (proxy, _server) = behind(ANSWER);
    let mut idle = connect(&proxy);
    idle.write_all(GET.as_bytes()).unwrap();
    idle.read_exact(&mut vec![0; ANSWER.len()]).unwrap();
    proxy.go_away();
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    let address = proxy.url();
    let refused = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    proxy.come_back();
    assert_eq!(proxy.url(), address);
    assert_eq!(ask(&proxy, GET).0, ANSWER);
}

#[test]
fn a_server_that_does_not_exist_is_a_reset() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Proxy::before(&format!("http://{nobody}"));
    assert_eq!(ask(&proxy, GET), (String::new(), true));
}
