//! A proxy before a server: it counts and records requests, and injects faults on command.
//!
//! Requests pass as they are, with their `Host`, so signatures stay valid: clients sign the address of the proxy, which
//! is what the server reads. Each request has a connection of its own to the server, so that a connection that the server
//! has closed for its age is never a fault that nobody asked for.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::Fault;
use super::fault::Faults;
use super::relay::{Head, Line, Side, pass};
use crate::until;

/// A proxy before a server. It ends with the test.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    listener: Mutex<Option<JoinHandle<()>>>,
}

/// A request that came to the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The status that the client got, if it got one.
    pub status: Option<u16>,
    /// Bytes of the request's body that came.
    pub sent: u64,
    /// Bytes of the response's body that the client got.
    pub received: u64,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    away: bool,
    faults: Faults,
    requests: Vec<Request>,
    /// Requests that were taken: a request keeps its number.
    taken: usize,
    under_way: usize,
    /// Connections of clients, to be closed when the server goes away.
    clients: Vec<TcpStream>,
}

impl Proxy {
    /// A proxy before the server at this URL.
    pub fn before(url: &str) -> Self {
        Self::on("127.0.0.1", url)
    }

    /// The same at another address of this machine: one that containers reach.
    pub fn on(address: &str, url: &str) -> Self {
        let upstream = url.strip_prefix("http://").expect("servers of tests speak HTTP").to_owned();
        let shared = Arc::new(Shared { upstream, state: Mutex::default() });
        let listener = TcpListener::bind((address, 0)).expect("the address has a free port");
        let address = listener.local_addr().expect("it is bound");
        let thread = listen(listener, &shared);
        Self { shared, address, listener: Mutex::new(Some(thread)) }
    }

    /// Its URL, which takes the place of the server's.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets the next requests suffer from a fault. Of several faults, each request gets the oldest.
    pub fn inject(&self, times: usize, fault: Fault) {
        self.inject_where(times, fault, |_| true);
    }

    /// Lets the next requests of this kind suffer from a fault.
    pub fn inject_where(
        &self,
        times: usize,
        fault: Fault,
        concerns: impl Fn(&Request) -> bool + Send + 'static,
    ) {
        assert_ne!(times, 0, "a fault that never happens");
        self.shared.state().faults.add(times, fault, concerns);
    }

    /// Forgets faults that have not happened.
    pub fn heal(&self) {
        self.shared.state().faults.clear();
    }

    /// Takes the server away, as if its process had been killed: connections are closed, new ones refused.
    pub fn go_away(&self) {
        let thread = self.listener().take().expect("a server goes away once");
        let clients = {
            let mut state = self.shared.state();
            state.away = true;
            std::mem::take(&mut state.clients)
        };
        // The listener waits for a connection, so it gets one.
        drop(TcpStream::connect(self.address));
        thread.join().expect("the listener only listens");
        for client in clients {
            close(&client);
        }
    }

    /// Lets the server come back at the same address.
    pub fn come_back(&self) {
        let listener = TcpListener::bind(self.address).expect("nobody else has taken the port");
        self.shared.state().away = false;
        let before = self.listener().replace(listen(listener, &self.shared));
        assert!(before.is_none(), "a server comes back once");
    }

    /// The requests since the last time, in the order in which they came. Waits for those that are under way.
    #[track_caller]
    pub fn take_requests(&self) -> Vec<Request> {
        until("no request is under way", || {
            let mut state = self.shared.state();
            if state.under_way > 0 {
                return None;
            }
            let requests = std::mem::take(&mut state.requests);
            state.taken += requests.len();
            Some(requests)
        })
    }

    fn listener(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if self.listener().is_some() {
            self.go_away();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(listener: TcpListener, shared: &Arc<Shared>) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let shared = Arc::clone(&shared);
            let Ok(handle) = client.try_clone() else { continue };
            {
                let mut state = shared.state();
                if state.away {
                    return;
                }
                state.clients.push(handle);
            }
            std::thread::spawn(move || serve(client, &shared));
        }
    })
}

/// Serves a client for as long as its connection lasts.
fn serve(client: TcpStream, shared: &Shared) {
    let peer = client.peer_addr();
    let mut client = Side::new(client);
    match serve_requests(&mut client, shared) {
        Ok(Next::Reset) | Err(_) => reset(client.get_ref()),
        Ok(Next::Close | Next::Request) => close(client.get_ref()),
    }
    if let Ok(peer) = peer {
        shared.state().clients.retain(|other| other.peer_addr().is_ok_and(|other| other != peer));
    }
}

fn serve_requests(client: &mut Side, shared: &Shared) -> io::Result<Next> {
    // Heads and bodies are written apart, and none of them may wait for the other side's delayed acknowledgement.
    client.get_ref().set_nodelay(true)?;
    while let Some(mut exchange) = Exchange::begin(client, shared)? {
        match exchange.run(client)? {
            Next::Request => {}
            end => return Ok(end),
        }
    }
    Ok(Next::Close)
}

/// What becomes of a client's connection after a request.
enum Next {
    Request,
    Close,
    Reset,
}

/// One request and its response.
struct Exchange<'a> {
    shared: &'a Shared,
    /// How many requests came before.
    number: usize,
    head: Head,
    method: String,
    fault: Option<Fault>,
}

impl<'a> Exchange<'a> {
    /// Reads the head of a request, and decides what will happen to it.
    fn begin(client: &mut Side, shared: &'a Shared) -> io::Result<Option<Self>> {
        let Some(head) = Head::of_request(client)? else { return Ok(None) };
        let Line::Request { method, target } = &head.line else { return Ok(None) };
        let (method, path) = (method.clone(), target.clone());
        let request = Request { method: method.clone(), path, status: None, sent: 0, received: 0 };
        let mut state = shared.state();
        let fault = state.faults.take(&request);
        let number = state.taken + state.requests.len();
        state.requests.push(request);
        state.under_way += 1;
        drop(state);
        Ok(Some(Self { shared, number, head, method, fault }))
    }

    fn run(&mut self, client: &mut Side) -> io::Result<Next> {
        if self.head.expects_continue {
            client.get_ref().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        match self.fault.take() {
            None => self.forward(client, u64::MAX, u64::MAX, |_| {}),
            Some(Fault::Answer(answer)) => {
                let sent = pass(client, None, self.head.body, u64::MAX)?;
                let to_head = self.method == "HEAD";
                client.get_ref().write_all(&answer.bytes(to_head))?;
                let received = if to_head { 0 } else { answer.body.len() as u64 };
                self.record(|request| {
                    *request =
                        Request { status: Some(answer.status), sent, received, ..request.clone() };
                });
                Ok(if self.head.closes { Next::Close } else { Next::Request })
            }
            Some(Fault::ResetRequest { after }) => self.forward(client, after, u64::MAX, |_| {}),
            Some(Fault::ResetResponse { after }) => self.forward(client, u64::MAX, after, |_| {}),
            Some(Fault::Delay(time)) => {
                std::thread::sleep(time);
                self.forward(client, u64::MAX, u64::MAX, |_| {})
            }
            Some(Fault::Skew(by)) => self.forward(client, u64::MAX, u64::MAX, |head| head.skew(by)),
        }
    }

    /// Forwards the request and its response, or the first bytes of their bodies.
    fn forward(
        &self,
        client: &mut Side,
        request_limit: u64,
        response_limit: u64,
        change: impl FnOnce(&mut Head),
    ) -> io::Result<Next> {
        let server = TcpStream::connect(&self.shared.upstream)?;
        server.set_nodelay(true)?;
        let mut server = Side::new(server);
        self.head.send(&server)?;
        let sent = pass(client, Some(&server), self.head.body, request_limit)?;
        self.record(|request| request.sent = sent);
        if request_limit != u64::MAX {
            reset(server.get_ref());
            return Ok(Next::Reset);
        }
        let mut head = Head::of_response(&mut server, self.method == "HEAD")?;
        if response_limit == 0 {
            return Ok(Next::Reset);
        }
        change(&mut head);
        let Line::Response { status } = head.line else { return Ok(Next::Reset) };
        self.record(|request| request.status = Some(status));
        head.send(client)?;
        let received = pass(&mut server, Some(client), head.body, response_limit)?;
        self.record(|request| request.received = received);
        Ok(match response_limit {
            u64::MAX if self.head.closes || head.closes => Next::Close,
            u64::MAX => Next::Request,
            _ => Next::Reset,
        })
    }

    fn record(&self, change: impl FnOnce(&mut Request)) {
        let mut state = self.shared.state();
        // Nobody takes requests while one is under way.
        let index = self.number - state.taken;
        change(&mut state.requests[index]);
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        self.shared.state().under_way -= 1;
    }
}

/// Ends a connection as a program does that ends.
fn close(stream: &TcpStream) {
    // Other handles of the same connection do not hold it open. Whoever has closed it before has closed it as well.
    drop(stream.shutdown(std::net::Shutdown::Both));
}

/// Ends a connection as a machine does that has lost it.
fn reset(stream: &TcpStream) {
    // Dissolving the association is how Linux sends a reset at once. A connection that has ended already has none.
    drop(rustix::net::connect_unspec(stream).map_err(io::Error::from));
}
