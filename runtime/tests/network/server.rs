//! The other end: servers that do what a test wants, well or badly.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The certificate of `a.example` and of 127.0.0.1, which no one has signed but itself. Made by
/// `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=a.example
/// -addext subjectAltName=DNS:a.example,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE`.
pub(crate) const CERTIFICATE: &[u8] = include_bytes!("certificate.pem");
const KEY: &[u8] = include_bytes!("key.pem");

/// A server on this machine. It ends with the test program.
pub(crate) struct Server {
    address: SocketAddr,
    connections: Arc<AtomicU32>,
}

impl Server {
    /// Handles each connection in a thread of its own.
    pub(crate) fn at(ip: &str, handle: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicU32::new(0));
        let (count, handle) = (Arc::clone(&connections), Arc::new(handle));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let handle = Arc::clone(&handle);
                std::thread::spawn(move || handle(stream));
            }
        });
        Self { address, connections }
    }

    pub(crate) fn new(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1", handle)
    }

    /// Answers each request, of which it gets the head, with the text as it stands.
    pub(crate) fn answering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::new(move |stream| respond(stream, &answer))
    }

    /// Answers each request over TLS.
    pub(crate) fn encrypted(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
        let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
        let provider = rustls::crypto::ring::default_provider().into();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let config = Arc::new(config);
        Self::new(move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            respond(StreamOwned::new(connection, stream), &answer);
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> u32 {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A whole answer.
pub(crate) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Reads the head of a request: what comes before its body.
pub(crate) fn head(stream: &mut impl Read) -> String {
    let mut head = String::new();
    let mut lines = BufReader::with_capacity(1, stream);
    while lines.read_line(&mut head).is_ok_and(|length| length > 2) {}
    head
}

fn respond(mut stream: impl Read + Write, answer: &impl Fn(&str) -> String) {
    let head = head(&mut stream);
    // A client that was refused or has lost its patience is gone.
    drop(stream.write_all(answer(&head).as_bytes()).and_then(|()| stream.flush()));
}
