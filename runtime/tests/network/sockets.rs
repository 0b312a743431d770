//! Sockets that are granted, and sockets that are not.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, UdpSocket};

use crate::guest::Guest;
use crate::server::Server;

const DENIED: &str = "Permission denied (os error 2)";

/// Says what it is told, backwards.
fn mirror(ip: &str) -> Server {
    Server::at(ip, |mut stream| {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let backwards: String = text.chars().rev().collect();
        stream.write_all(backwards.as_bytes()).unwrap();
    })
}

#[test]
fn a_granted_name_or_address_is_connected_to() {
    let server = mirror("127.0.0.1");
    let port = server.port();
    let guest = Guest::granted([format!("tcp db.example:{port}"), format!("127.0.0.1:{port}")])
        .where_name("db.example=127.0.0.1");
    for host in ["db.example", "DB.example.", "127.0.0.1"] {
        let answer = guest.calls("ask", (format!("{host}:{port}"), "abc"));
        assert_eq!(answer.returns::<String>(), "cba", "{host}");
    }
}

#[test]
fn nothing_else_is_connected_to() {
    let server = mirror("127.0.0.1");
    let port = server.port();
    let localhost: IpAddr = "127.0.0.1".parse().unwrap();
    for (grant, why) in [
        ("db.example:1", format!("no grant allows tcp to 127.0.0.1:{port}")),
        ("127.0.0.1:1", format!("no grant allows tcp to 127.0.0.1:{port}")),
        ("*:*", format!("no grant allows tcp to 127.0.0.1:{port}")),
        ("udp 127.0.0.1:*", "no grant allows tcp".to_owned()),
        ("GET 127.0.0.1:*", "no grant allows tcp".to_owned()),
    ] {
        let answer = Guest::granted([grant]).calls("connect", (localhost, port));
        assert_eq!(answer.returns::<String>(), format!("127.0.0.1: {DENIED}"), "{grant}");
        answer.warns([why]);
    }
    let answer = Guest::default().calls("connect", (localhost, port));
    answer.warns(["no grant allows tcp"]);
    assert_eq!(server.connections(), 0);
}

#[test]
fn only_names_with_a_grant_for_sockets_are_looked_up() {
    let guest = Guest::granted(["GET web.example:80", "db.example:1", "udp time.example:1"]);
    let names = ["web.example", "db.example", "time.example", "other.example"];
    let guest =
        names.iter().fold(guest, |guest, name| guest.where_name(&format!("{name}=8.8.8.8")));
    for name in ["db.example", "time.example"] {
        let found = guest.calls("look_up", (name,)).returns::<Vec<IpAddr>>();
        assert_eq!(found, ["8.8.8.8".parse::<IpAddr>().unwrap()], "{name}");
    }
    for name in ["web.example", "other.example"] {
        let answer = guest.calls("look_up", (name,));
        answer.fails();
        answer.warns([format!("no grant allows tcp or udp to {name}, so it is not looked up")]);
    }
}

#[test]
fn a_name_does_not_open_special_addresses() {
    for address in ["169.254.169.254", "10.0.0.1", "::1", "fd00:ec2::254", "127.0.0.1"] {
        let guest = Guest::granted(["db.example:80"]).where_name(&format!("db.example={address}"));
        let answer = guest.calls("connect_by_name", ("db.example", 80_u16, 1_u32));
        assert_eq!(answer.returns::<Vec<String>>(), [format!("{address}: {DENIED}")]);
        answer.warns_of(&format!("db.example leads to {address}, which is "));
    }
}

#[test]
fn a_name_that_leads_elsewhere_opens_nothing_new() {
    let server = mirror("0.0.0.0");
    let port = server.port();
    let guest = Guest::granted([format!("db.example:{port}"), format!("127.0.0.1:{port}")])
        .where_name("db.example=127.0.0.1|127.0.0.2");
    let answer = guest.calls("connect_by_name", ("db.example", port, 2_u32));
    let expected = ["127.0.0.1: connected".to_owned(), format!("127.0.0.2: {DENIED}")];
    assert_eq!(answer.returns::<Vec<String>>(), expected);
}

#[test]
fn an_address_that_was_looked_up_opens_one_port() {
    let server = mirror("127.0.0.1");
    let guest = Guest::granted(["db.example:1", "127.0.0.1:1"]);
    let guest = guest.where_name("db.example=127.0.0.1");
    let answer = guest.calls("connect_by_name", ("db.example", server.port(), 1_u32));
    assert_eq!(answer.returns::<Vec<String>>(), [format!("127.0.0.1: {DENIED}")]);
    answer.warns([format!("no grant allows tcp to db.example:{}", server.port())]);
}

#[test]
fn an_address_in_another_form_is_another_address() {
    let server = mirror("127.0.0.1");
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    let guest = Guest::granted(["127.0.0.1:*"]);
    let said = guest.calls("connect", (mapped, server.port())).returns::<String>();
    assert!(!said.ends_with("connected"), "{said}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_datagram_goes_where_it_is_granted() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    std::thread::spawn(move || {
        let mut text = [0; 100];
        let (length, from) = server.recv_from(&mut text).unwrap();
        stranger.send_to(b"not me", from).unwrap();
        server.send_to(&text[..length], from).unwrap();
    });
    let guest =
        Guest::granted([format!("udp time.example:{port}"), format!("udp 127.0.0.1:{port}")])
            .where_name("time.example=127.0.0.1");
    let answer = guest.calls("ask_by_datagram", (format!("time.example:{port}"), "abc"));
    assert_eq!(answer.returns::<String>(), "abc");
}

#[test]
fn no_datagram_goes_elsewhere() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let address = server.local_addr().unwrap();
    for (grant, why) in [
        ("127.0.0.1:*", "no grant allows udp".to_owned()),
        ("udp 127.0.0.1:1", format!("no grant allows udp to {address}")),
    ] {
        let answer = Guest::granted([grant]).calls("ask_by_datagram", (address.to_string(), "abc"));
        assert_eq!(answer.fails(), DENIED);
        answer.warns([why]);
    }
    assert!(server.recv(&mut [0; 8]).is_err(), "something arrived");
}

#[test]
fn nobody_reaches_a_guest() {
    let guest = Guest::granted(["*:*", "0.0.0.0/0:*", "udp 0.0.0.0/0:*", "[::]/0:*"]);
    for (flow, address) in [
        ("listen", "127.0.0.1:0"),
        ("listen", "0.0.0.0:0"),
        ("listen", "0.0.0.0:8080"),
        ("bind", "127.0.0.1:0"),
        ("bind", "0.0.0.0:8080"),
    ] {
        let answer = guest.calls(flow, (address,));
        assert_eq!(answer.fails(), DENIED, "{flow} {address}");
        answer.warns_of("a flow connects to others and cannot be reached at ");
    }
}
