//! Flows that open sockets.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};

use longshore_sdk::{child, flow};

/// Connects, says something and returns the answer.
#[flow]
fn ask(address: String, text: String) -> Result<String, String> {
    let ask = || {
        let mut stream = TcpStream::connect(&address)?;
        stream.write_all(text.as_bytes())?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().map_err(|error: std::io::Error| error.to_string())
}

/// Looks a name up, several times, and each time connects to all that it leads to.
#[flow]
fn connect_by_name(name: String, port: u16, times: u32) -> Vec<String> {
    let mut outcomes = Vec::new();
    for _ in 0..times {
        match (name.as_str(), port).to_socket_addrs() {
            Ok(addresses) => outcomes.extend(addresses.map(|address| connected(address))),
            Err(error) => outcomes.push(error.to_string()),
        }
    }
    outcomes
}

/// Connects to an address without looking anything up.
#[flow]
fn connect(address: IpAddr, port: u16) -> String {
    connected(SocketAddr::new(address, port))
}

fn connected(address: SocketAddr) -> String {
    match TcpStream::connect(address) {
        Ok(_) => format!("{}: connected", address.ip()),
        Err(error) => format!("{}: {error}", address.ip()),
    }
}

/// Looks a name up.
#[flow]
fn look_up(name: String) -> Result<Vec<IpAddr>, String> {
    let found = (name, 80).to_socket_addrs().map_err(|error| error.to_string())?;
    Ok(found.map(|address| address.ip()).collect())
}

/// Sends a datagram and returns the first one that arrives.
#[flow]
fn ask_by_datagram(address: String, text: String) -> Result<String, String> {
    let ask = || {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.send_to(text.as_bytes(), &address)?;
        let mut answer = [0; 100];
        let (length, _) = socket.recv_from(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    };
    ask().map_err(|error: std::io::Error| error.to_string())
}

/// Opens connections and keeps them.
#[flow]
fn connect_at_once(address: String, sockets: u32) -> Result<u32, String> {
    let streams: Result<Vec<_>, _> = (0..sockets).map(|_| TcpStream::connect(&address)).collect();
    streams.map(|streams| streams.len() as u32).map_err(|error| error.to_string())
}

/// Opens connections and keeps them, while a child opens as many. Returns how many the child had, or what it says.
#[flow]
fn connect_with_a_child(address: String, sockets: u32) -> Result<String, String> {
    let open = || TcpStream::connect(&address).map_err(|error| error.to_string());
    let own = (0..sockets).map(|_| open()).collect::<Result<Vec<_>, _>>()?;
    let of_child = child::<_, _, u32>(connect_at_once, (address.clone(), sockets));
    let told = of_child.map_or_else(|error| error.to_string(), |count| count.to_string());
    drop(own);
    Ok(told)
}

/// Opens connections, one after another.
#[flow]
fn connect_in_turn(address: String, sockets: u32) -> Result<u32, String> {
    (0..sockets)
        .try_for_each(|_| TcpStream::connect(&address).map(drop))
        .map_err(|error| error.to_string())?;
    Ok(sockets)
}

/// Opens sockets for datagrams and keeps them.
#[flow]
fn bind_at_once(sockets: u32) -> Result<u32, String> {
    let opened: Result<Vec<_>, _> = (0..sockets).map(|_| UdpSocket::bind("0.0.0.0:0")).collect();
    opened.map(|opened| opened.len() as u32).map_err(|error| error.to_string())
}

/// Waits for others to connect.
#[flow]
fn listen(address: String) -> Result<(), String> {
    TcpListener::bind(address).map(drop).map_err(|error| error.to_string())
}

/// Waits for others to send.
#[flow]
fn bind(address: String) -> Result<(), String> {
    UdpSocket::bind(address).map(drop).map_err(|error| error.to_string())
}
