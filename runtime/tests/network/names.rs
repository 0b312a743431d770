//! Names, and where they lead.

use crate::guest::Guest;
use crate::server::{Server, ok};

#[test]
fn a_name_does_not_lead_to_special_addresses() {
    let server = Server::answering(|_| ok("hello"));
    let port = server.port();
    for (address, class) in [
        ("127.0.0.1", "loopback"),
        ("127.9.9.9", "loopback"),
        ("0.0.0.0", "reserved"),
        ("169.254.169.254", "link-local"),
        ("10.0.0.1", "private"),
        ("100.100.100.200", "private"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "an IPv4 address in another form"),
        ("64:ff9b::7f00:1", "an IPv4 address in another form"),
        ("fd00:ec2::254", "private"),
        ("fe80::1", "link-local"),
    ] {
        let guest = Guest::granted(["*:*", "a.example:*"]);
        let guest = guest.where_name(&format!("a.example={address}"));
        let answer = guest.calls("fetch", ("GET", format!("http://a.example:{port}/")));
        answer.is_denied().warns([format!(
            "a.example leads to {address}, which is {class}; a grant for a name does not reach it"
        )]);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_name_leads_to_a_special_address_that_is_granted_as_such() {
    for (ip, granted) in [("127.0.0.1", "127.0.0.0/8"), ("::1", "[::1]")] {
        if std::net::TcpListener::bind((ip, 0)).is_err() {
            eprintln!("left out: needs {ip} on this machine");
            continue;
        }
        let server = Server::at(ip, |mut stream| {
            use std::io::Write as _;
            drop(crate::server::head(&mut stream));
            stream.write_all(ok("hello").as_bytes()).unwrap();
        });
        let port = server.port();
        let guest = Guest::granted([format!("a.example:{port}"), format!("{granted}:{port}")]);
        let guest = guest.where_name(&format!("a.example={}", server.ip()));
        let answer = guest.calls("fetch", ("GET", format!("http://a.example:{port}/")));
        assert_eq!(answer.returns::<(u16, String)>().1, "hello", "{ip}");
    }
}

#[test]
fn a_name_that_leads_elsewhere_the_second_time_is_checked_again() {
    let server = Server::at("0.0.0.0", |mut stream| {
        use std::io::Write as _;
        drop(crate::server::head(&mut stream));
        stream.write_all(ok("hello").as_bytes()).unwrap();
    });
    let port = server.port();
    // 127.0.0.1 takes the place of a public address, 127.0.0.2 is the victim.
    let guest = Guest::granted([format!("a.example:{port}"), format!("127.0.0.1:{port}")])
        .where_name("a.example=127.0.0.1|127.0.0.2");
    let answer = guest.calls("fetch_again", (format!("http://a.example:{port}/"), 3_u32));
    let denied = "ErrorCode::HttpRequestDenied";
    assert_eq!(answer.returns::<Vec<String>>(), ["hello", denied, denied]);
    assert_eq!(server.connections(), 1);
}

#[test]
fn of_several_addresses_only_those_are_tried_that_may_be_reached() {
    let server = Server::answering(|_| ok("hello"));
    let port = server.port();
    let guest = Guest::granted([format!("a.example:{port}"), format!("127.0.0.1:{port}")])
        .where_name("a.example=10.0.0.1,::1,127.0.0.1");
    let answer = guest.calls("fetch", ("GET", format!("http://a.example:{port}/")));
    assert_eq!(answer.returns::<(u16, String)>().1, "hello");
    answer.warns_of("a.example leads to 10.0.0.1, which is private");
    answer.warns_of("a.example leads to ::1, which is loopback");
}

#[test]
fn the_system_knows_localhost() {
    let server = Server::answering(|_| ok("hello"));
    let port = server.port();
    let guest = Guest::granted([format!("localhost:{port}")]);
    let answer = guest.calls("fetch", ("GET", format!("http://localhost:{port}/")));
    assert_eq!(answer.returns::<(u16, String)>().1, "hello");
}
