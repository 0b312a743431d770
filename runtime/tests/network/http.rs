//! Requests that are granted, and requests that are not.

use crate::guest::Guest;
use crate::server::{CERTIFICATE, Server, head, ok};

/// A guest that may send any request to `a.example`, which is this machine.
fn guest(server: &Server) -> Guest {
    let port = server.port();
    Guest::granted([format!("a.example:{port}"), format!("127.0.0.1:{port}")])
        .where_name("a.example=127.0.0.1")
}

#[test]
fn a_granted_request_is_answered() {
    let server = Server::answering(|_| ok("hello"));
    let port = server.port();
    for host in ["a.example", "A.Example", "a.example.", "127.0.0.1"] {
        let answer = guest(&server).calls("fetch", ("GET", format!("http://{host}:{port}/x?y=1")));
        assert_eq!(answer.returns::<(u16, String)>(), (200, "hello".to_owned()), "{host}");
        answer.warns([""; 0]);
    }
}

#[test]
fn a_request_has_a_body_and_the_host_that_was_checked() {
    let server = Server::new(|mut stream| {
        use std::io::{Read as _, Write as _};
        let head = head(&mut stream);
        let mut body = [0; 100];
        let length = stream.read(&mut body).unwrap();
        let text = format!("{head}{}", String::from_utf8_lossy(&body[..length]));
        stream.write_all(ok(&text).as_bytes()).unwrap();
    });
    let port = server.port();
    let url = format!("http://A.Example:{port}/path?query");
    let (_, said) = guest(&server).calls("post", (url, "body")).returns::<(u16, String)>();
    assert!(said.starts_with("POST /path?query HTTP/1.1\r\n"), "{said}");
    assert!(said.contains(&format!("host: a.example:{port}\r\n")), "{said}");
    assert!(said.contains("body"), "{said}");
}

#[test]
fn an_encrypted_request_is_answered_by_whom_the_operator_trusts() {
    let server = Server::encrypted(|_| ok("hello"));
    let port = server.port();
    let guest = guest(&server);
    for host in ["a.example", "a.example.", "127.0.0.1"] {
        let url = format!("https://{host}:{port}/");
        let answer = guest.clone().trusting(CERTIFICATE).calls("fetch", ("GET", url));
        assert_eq!(answer.returns::<(u16, String)>(), (200, "hello".to_owned()), "{host}");
    }
    let stranger = guest.calls("fetch", ("GET", format!("https://a.example:{port}/")));
    assert_eq!(stranger.fails(), "ErrorCode::TlsCertificateError");
    stranger.warns_of("could not set up TLS with a.example: invalid peer certificate");
}

#[test]
fn a_certificate_is_for_its_own_name() {
    let server = Server::encrypted(|_| ok("hello"));
    let port = server.port();
    let guest = Guest::granted([format!("b.example:{port}"), format!("127.0.0.1:{port}")])
        .where_name("b.example=127.0.0.1")
        .trusting(CERTIFICATE);
    let answer = guest.calls("fetch", ("GET", format!("https://b.example:{port}/")));
    assert_eq!(answer.fails(), "ErrorCode::TlsCertificateError");
}

#[test]
fn nothing_is_sent_without_a_grant() {
    let server = Server::answering(|_| ok("hello"));
    let port = server.port();
    let granted = [format!("GET a.example:{port}"), format!("127.0.0.1:{port}")];
    for (grants, method, host, port, why) in [
        (&granted[..0], "GET", "a.example", port, format!("GET to a.example:{port}")),
        (&granted[..], "POST", "a.example", port, format!("POST to a.example:{port}")),
        (&granted, "get", "a.example", port, format!("get to a.example:{port}")),
        (&granted, "GET", "a.example", 1, "GET to a.example:1".to_owned()),
        (&granted, "GET", "b.example", port, format!("GET to b.example:{port}")),
        (&granted, "GET", "x.a.example", port, format!("GET to x.a.example:{port}")),
        (&granted, "GET", "127.0.0.2", port, format!("GET to 127.0.0.2:{port}")),
    ] {
        let guest = Guest::granted(grants).where_name("a.example=127.0.0.1");
        let answer = guest.calls("fetch", (method, format!("http://{host}:{port}/")));
        answer.is_denied().warns([format!("no grant allows {why}")]);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn an_address_needs_a_grant_in_whatever_form_it_is_written() {
    let server = Server::answering(|_| ok("hello"));
    let port = server.port();
    for (host, address) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("0", "0.0.0.0"),
    ] {
        // Every name is granted, and these are none.
        let answer =
            Guest::granted(["*:*"]).calls("fetch", ("GET", format!("http://{host}:{port}/")));
        answer.is_denied().warns([format!("no grant allows GET to {address}:{port}")]);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_host_with_a_user_is_refused() {
    let server = Server::answering(|_| ok("hello"));
    let port = server.port();
    for host in ["a.example@127.0.0.1", "127.0.0.1@a.example", "a.example:1@127.0.0.1"] {
        let answer = guest(&server).calls("fetch", ("GET", format!("http://{host}:{port}/")));
        assert_eq!(answer.fails(), "ErrorCode::HttpRequestUriInvalid");
        answer.warns_of("…@");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_redirect_leads_only_to_where_it_is_granted() {
    let other = Server::answering(|_| ok("secret"));
    let location = format!("http://127.0.0.1:{}/", other.port());
    let server =
        Server::answering(move |_| format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n"));
    let port = server.port();
    let answer = guest(&server).calls("follow", (format!("http://a.example:{port}/"),));
    answer.is_denied().warns([format!("no grant allows GET to 127.0.0.1:{}", other.port())]);
    assert_eq!((server.connections(), other.connections()), (1, 0));
}

#[test]
fn there_are_no_tunnels_and_no_fields_of_the_connection() {
    let server = Server::answering(|_| ok("hello"));
    let url = format!("http://a.example:{}/", server.port());
    let tunnel = guest(&server).calls("fetch", ("CONNECT", &url));
    assert_eq!(tunnel.fails(), "ErrorCode::HttpRequestMethodInvalid");
    for name in ["Host", "connection", "Transfer-Encoding", "upgrade", "proxy-authorization"] {
        let answer = guest(&server).calls("fetch_with", (&url, name, "x"));
        assert_eq!(answer.fails(), "HeaderError::Forbidden", "{name}");
    }
    let answer = guest(&server).calls("fetch_with", (&url, "x-a", "a\r\nx-b: b"));
    assert_eq!(answer.fails(), "HeaderError::InvalidSyntax");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_secret_reaches_its_host_and_neither_the_guest_nor_another_host() {
    let server = Server::answering(ok);
    let port = server.port();
    let guest = Guest::granted([format!("127.0.0.1:{port}"), format!("a.example:{port}")])
        .where_name("a.example=127.0.0.1")
        .with_token("s3cr3t-value", &format!("127.0.0.1:{port}"));
    let fetch = |host: &str| {
        let url = format!("http://{host}:{port}/");
        guest.calls("fetch_with_token", url).returns::<(String, String)>()
    };
    let (seen, sent) = fetch("a.example");
    assert!(seen.starts_with("longshore-secret-"), "{seen}");
    assert!(sent.contains(&format!("x-token: Bearer {seen}\r\n")), "{sent}");
    // This server echoes what it gets: the value arrives there, and the result that would hold it is refused.
    let answer = guest.calls("fetch_with_token", format!("http://127.0.0.1:{port}/"));
    assert_eq!(answer.is_ended().word(), "refused");
}
