//! Connections that can be cut.

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Passes connections on, until it is told not to.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    shared: Arc<WireState>,
}

#[derive(Debug, Default)]
struct WireState {
    is_cut: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl Wire {
    /// A wire from an address of this machine to the server at `HOST:PORT`.
    pub fn between(near: IpAddr, server: &str) -> Self {
        let listener = TcpListener::bind((near, 0)).expect("it is an address of this machine");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::<WireState>::default();
        let (state, server) = (Arc::clone(&shared), server.to_owned());
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if state.is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(&server) else { continue };
                let both = [&near, &far].map(|end| end.try_clone().expect("it is open"));
                state.connections.lock().unwrap_or_else(PoisonError::into_inner).extend(both);
                let back = (far.try_clone(), near.try_clone());
                std::thread::spawn(move || pass(near, far));
                if let (Ok(far), Ok(near)) = back {
                    std::thread::spawn(move || pass(far, near));
                }
            }
        });
        Self { address, shared }
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks all connections, and takes no new ones.
    pub fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
        let mut connections =
            self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
        for connection in connections.drain(..) {
            drop(connection.shutdown(Shutdown::Both));
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.shared.is_cut.store(false, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    drop(io::copy(&mut from, &mut to));
    drop(to.shutdown(Shutdown::Both));
}
