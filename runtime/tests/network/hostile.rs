//! Servers that mean no good.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use longshore_protocol::record::Verdict;

use crate::guest::Guest;
use crate::server::{Server, head};

fn guest(server: &Server) -> Guest {
    Guest::granted([format!("127.0.0.1:{}", server.port())])
}

fn url(server: &Server) -> String {
    format!("http://127.0.0.1:{}/", server.port())
}

/// Keeps a connection open until the client closes it.
fn wait(stream: &mut TcpStream) {
    drop(std::io::copy(stream, &mut std::io::sink()));
}

#[test]
fn fields_without_end_are_not_read_to_their_end() {
    let server = Server::new(|mut stream| {
        drop(head(&mut stream));
        let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while sent.is_ok() {
            sent = stream.write_all(b"x-endless: x\r\n");
        }
    });
    let answer = guest(&server).calls("fetch", ("GET", url(&server)));
    assert_eq!(answer.fails(), "ErrorCode::HttpResponseHeaderSectionSize(None)");
}

#[test]
fn a_field_without_end_is_not_read_to_its_end() {
    let server = Server::new(|mut stream| {
        drop(head(&mut stream));
        let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\nx-endless: ");
        while sent.is_ok() {
            sent = stream.write_all(&[b'x'; 1_000]);
        }
    });
    let answer = guest(&server).calls("fetch", ("GET", url(&server)));
    assert_eq!(answer.fails(), "ErrorCode::HttpResponseHeaderSectionSize(None)");
}

#[test]
fn fields_count_as_the_limit_says() {
    let server =
        Server::answering(|_| format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(5_000)));
    let roomy = guest(&server).limited(|limits| limits.http_header_bytes = 5_033);
    assert_eq!(roomy.calls("fetch", ("GET", url(&server))).returns::<(u16, String)>().0, 200);
    let tight = guest(&server).limited(|limits| limits.http_header_bytes = 5_032);
    let answer = tight.calls("fetch", ("GET", url(&server)));
    assert_eq!(answer.fails(), "ErrorCode::HttpResponseHeaderSectionSize(Some(5033))");
}

#[test]
fn what_is_no_answer_is_an_error() {
    for (said, expected) in [
        ("", "ErrorCode::HttpResponseIncomplete"),
        ("HTTP/1.1 200 OK\r\n", "ErrorCode::HttpResponseIncomplete"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "ErrorCode::HttpProtocolError"),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "ErrorCode::HttpProtocolError"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "incomplete HTTP response"),
    ] {
        let server = Server::answering(|_| said.to_owned());
        let answer = guest(&server).calls("fetch", ("GET", url(&server)));
        assert_eq!(answer.fails(), expected, "{said}");
    }
}

#[test]
fn a_server_that_dawdles_meets_the_guest_s_patience() {
    const LONG: u64 = 60_000;
    let silent = Server::new(|mut stream| wait(&mut stream));
    let dripping = Server::new(|mut stream| {
        drop(head(&mut stream));
        // A byte now and then keeps a connection alive, and not a request.
        let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ");
        while sent.is_ok() {
            std::thread::sleep(Duration::from_millis(5));
            sent = stream.write_all(b"x");
        }
    });
    let stalled = Server::new(|mut stream| {
        drop(head(&mut stream));
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx").unwrap();
        wait(&mut stream);
    });
    for (server, scheme, timeouts_ms, expected) in [
        (&silent, "https", [100, LONG, LONG], "ErrorCode::ConnectionTimeout"),
        (&silent, "http", [LONG, 100, LONG], "ErrorCode::ConnectionReadTimeout"),
        (&dripping, "http", [LONG, 100, LONG], "ErrorCode::ConnectionReadTimeout"),
        (&stalled, "http", [LONG, LONG, 100], "connection read timeout"),
        (&silent, "http", [LONG, 0, LONG], "ErrorCode::ConnectionReadTimeout"),
    ] {
        let began = Instant::now();
        let url = format!("{scheme}://127.0.0.1:{}/", server.port());
        let answer = guest(server).calls("fetch_within", (url, timeouts_ms));
        assert_eq!(answer.fails(), expected);
        assert!(began.elapsed() < Duration::from_secs(10), "{timeouts_ms:?}");
    }
}

#[test]
fn a_guest_that_waits_for_a_server_can_be_cancelled_at_once() {
    let (connected, is_connected) = mpsc::channel();
    let server = Server::new(move |mut stream| {
        drop(head(&mut stream));
        connected.send(Instant::now()).unwrap();
        wait(&mut stream);
    });
    let (cancelled, is_cancelled) = mpsc::channel();
    let answer = guest(&server).call("fetch", ("GET", url(&server)), move |stopper| {
        std::thread::spawn(move || {
            is_connected.recv().unwrap();
            cancelled.send(Instant::now()).unwrap();
            stopper.cancel();
        });
    });
    assert!(is_cancelled.recv().unwrap().elapsed() < Duration::from_secs(5));
    assert_eq!(*answer.is_ended(), Verdict::Cancelled { reason: None });
}

#[test]
fn a_body_of_any_size_takes_little_memory() {
    const PARTS: u64 = 256;
    const PART: usize = 1 << 20;
    let grown = Arc::new(AtomicU64::new(0));
    let growth = Arc::clone(&grown);
    let server = Server::new(move |mut stream| {
        drop(head(&mut stream));
        let before = resident_bytes();
        let length = PARTS * PART as u64;
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").unwrap();
        let part = vec![0; PART];
        for _ in 0..PARTS {
            stream.write_all(&part).unwrap();
            growth.fetch_max(resident_bytes().saturating_sub(before), Ordering::SeqCst);
        }
    });
    let answer = guest(&server).calls("count", (url(&server),));
    assert_eq!(answer.returns::<u64>(), PARTS * PART as u64);
    assert!(answer.ended.memory_peak_bytes < 4 << 20, "{:?}", answer.ended);
    // Other tests run beside this one; all of the body would be four times as much.
    let grown = grown.load(Ordering::SeqCst);
    assert!(grown < 64 << 20, "{grown}");
}

fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}
