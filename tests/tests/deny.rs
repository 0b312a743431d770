//! What a flow reaches for and does not get: the list of `runtime/src/sandbox/mod.rs`, a test for each line.

use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use longshore_protocol::exit;
use longshore_tests::{Answer, Home};
use serde_json::json;

/// Runs a flow that tries something, with one text to try it with.
#[track_caller]
fn tries(home: &Home, flow: &str, name: &str, value: &str) -> Answer {
    home.run(flow).param(name, value).answer().exits(exit::RUN_FAILED).prints("")
}

#[test]
fn no_files_are_read() {
    let home = Home::new();
    let secret = home.file("secret.txt", "secret");
    let secret = secret.to_str().unwrap();
    for path in ["/etc/passwd", "/proc/self/environ", secret, "secret.txt", ".", "../order.json"] {
        tries(&home, "reads_file", "path", path).says("Failed: No such file or directory");
    }
}

#[test]
fn no_files_are_written() {
    let home = Home::new();
    let file = home.path("new.txt");
    for path in [file.to_str().unwrap(), "new.txt", "/tmp/longshore-was-here", "/dev/shm/x"] {
        tries(&home, "writes_file", "path", path);
    }
    assert!(!file.exists());
}

#[test]
fn no_directories_are_listed() {
    let home = Home::new();
    for path in ["/", ".", "/proc/self/fd"] {
        tries(&home, "lists_directory", "path", path);
    }
}

#[test]
fn no_environment_and_no_arguments() {
    let home = Home::new();
    let call = home.run("surroundings").env("SECRET", "secret").env("RUST_BACKTRACE", "1");
    assert_eq!(call.succeeds().json(), json!([[], []]));
}

#[test]
fn no_standard_input() {
    let home = Home::new();
    home.run("reads_input").input("secret").succeeds().prints("\n");
}

#[test]
fn no_connection_is_made() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tries(&home, "connects", "address", &address);
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "somebody connected");
}

#[test]
fn nobody_listens() {
    let home = Home::new();
    for address in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
        tries(&home, "listens", "address", address);
    }
}

#[test]
fn no_datagram_is_sent() {
    let home = Home::new();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    tries(&home, "sends", "address", &socket.local_addr().unwrap().to_string());
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert!(socket.recv(&mut [0; 8]).is_err(), "something arrived");
}

#[test]
fn no_name_is_looked_up() {
    let home = Home::new();
    tries(&home, "looks_up", "name", "localhost");
}

#[test]
fn the_runtime_itself_gets_no_environment() {
    let home = Home::new();
    let run = home.submitted(home.submit("sleeps").param("seconds", 3600).env("SECRET", "secret"));
    let environment = std::fs::read(format!("/proc/{}/environ", run.runtime().pid())).unwrap();
    assert_eq!(String::from_utf8_lossy(&environment), "");
}
