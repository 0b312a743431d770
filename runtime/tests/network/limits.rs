//! How many at once, and how large.

use longshore_protocol::limits::LimitName;
use longshore_protocol::record::Verdict;

use crate::guest::Guest;
use crate::server::{Server, head, ok};

fn guest(server: &Server) -> Guest {
    Guest::granted([format!("127.0.0.1:{}", server.port())])
}

fn url(server: &Server) -> String {
    format!("http://127.0.0.1:{}/", server.port())
}

fn reached(limit: LimitName, allowed: u64, wanted: Option<u64>) -> Verdict {
    Verdict::LimitReached { limit, allowed, wanted }
}

#[test]
fn too_many_requests_at_once_end_the_run() {
    let server = Server::answering(|_| ok("hello"));
    let guest = guest(&server).limited(|limits| limits.http_requests = 5);
    assert_eq!(guest.calls("fetch_at_once", (url(&server), 5_u32)).returns::<u32>(), 5);
    let answer = guest.calls("fetch_at_once", (url(&server), 6_u32));
    assert_eq!(*answer.is_ended(), reached(LimitName::HttpRequests, 5, Some(6)));
}

#[test]
fn requests_that_are_over_or_forgotten_do_not_count() {
    let server = Server::answering(|_| ok("hello"));
    let guest = guest(&server).limited(|limits| limits.http_requests = 2);
    assert_eq!(guest.calls("fetch_in_turn", (url(&server), 20_u32)).returns::<u32>(), 20);
    let stuck = Server::new(|mut stream| drop(head(&mut stream)));
    let guest = Guest::granted([format!("127.0.0.1:{}", stuck.port())])
        .limited(|limits| limits.http_requests = 2);
    assert_eq!(guest.calls("forget", (url(&stuck), 20_u32)).returns::<u32>(), 20);
}

#[test]
fn requests_leave_nothing_behind() {
    let server = Server::answering(|_| ok("hello"));
    // More than there may be handles.
    assert_eq!(
        guest(&server).calls("fetch_in_turn", (url(&server), 1_100_u32)).returns::<u32>(),
        1_100
    );
}

#[test]
fn fields_without_end_end_the_run() {
    let answer = Guest::default().calls("make_fields", ());
    assert_eq!(*answer.is_ended(), reached(LimitName::HttpHeaderBytes, 128 << 10, None));
}

#[test]
fn too_many_sockets_end_the_run() {
    let server = Server::new(|mut stream| drop(std::io::copy(&mut stream, &mut std::io::sink())));
    let address = format!("127.0.0.1:{}", server.port());
    let guest = Guest::granted([address.clone(), "udp 127.0.0.1:*".to_owned()])
        .limited(|limits| limits.sockets = 3);
    assert_eq!(guest.calls("connect_at_once", (&address, 3_u32)).returns::<u32>(), 3);
    for (flow, answer) in [
        ("connect_at_once", guest.calls("connect_at_once", (&address, 4_u32))),
        ("bind_at_once", guest.calls("bind_at_once", (4_u32,))),
    ] {
        assert_eq!(*answer.is_ended(), reached(LimitName::Sockets, 3, Some(4)), "{flow}");
    }
    assert_eq!(guest.calls("connect_in_turn", (&address, 20_u32)).returns::<u32>(), 20);
    for (sockets, told) in
        [(1_u32, "1"), (2, "limit reached: number of open sockets is limited to 1, 2 wanted")]
    {
        let answer = guest.calls("connect_with_a_child", (&address, sockets));
        assert_eq!(answer.returns::<String>(), told);
    }
}
