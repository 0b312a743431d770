//! `wasi:sockets/tcp-create-socket` and `wasi:sockets/udp-create-socket`: a bounded number of sockets.

use longshore_protocol::grants::Access;
use longshore_protocol::limits::LimitName;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{SocketError, SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView as _;

use crate::sandbox::host::HostState;
use crate::sandbox::limiter::OverLimit;

/// The sockets of a guest. The table knows which of them are still open; no other code has to tell.
#[derive(Debug)]
pub(super) struct Sockets {
    allowed: u64,
    open: Vec<Open>,
}

/// A socket's place in the table. It may have been closed, and another one opened at the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Tcp(u32),
    Udp(u32),
}

impl Open {
    fn is_in(self, table: &ResourceTable) -> bool {
        match self {
            Self::Tcp(place) => table.get(&Resource::<TcpSocket>::new_borrow(place)).is_ok(),
            Self::Udp(place) => table.get(&Resource::<UdpSocket>::new_borrow(place)).is_ok(),
        }
    }
}

impl Sockets {
    pub(super) fn new(allowed: u64) -> Self {
        Self { allowed, open: Vec::new() }
    }

    /// How many are open.
    pub(super) fn open(&self, table: &ResourceTable) -> u64 {
        self.open.iter().filter(|socket| socket.is_in(table)).count() as u64
    }

    /// Ends the run where another socket would be one too many.
    fn make_room(&mut self, table: &ResourceTable) -> Result<(), SocketError> {
        self.open.retain(|socket| socket.is_in(table));
        let wanted = self.open.len() as u64 + 1;
        if wanted > self.allowed {
            let over = OverLimit {
                limit: LimitName::Sockets,
                allowed: self.allowed,
                wanted: Some(wanted),
            };
            return Err(SocketError::trap(over));
        }
        Ok(())
    }

    fn add(&mut self, socket: Open) {
        self.open.push(socket);
    }
}

impl HostState {
    fn may_open(&mut self, access: Access<'_>) -> SocketResult<()> {
        if !self.net.reach.passes(self.net.reach.grants().check_access(access)) {
            return Err(ErrorCode::AccessDenied.into());
        }
        self.net.sockets.make_room(&self.table)
    }
}

impl tcp_create_socket::Host for HostState {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        self.may_open(Access::Tcp)?;
        let socket = tcp_create_socket::Host::create_tcp_socket(&mut self.sockets(), family)?;
        self.net.sockets.add(Open::Tcp(socket.rep()));
        Ok(socket)
    }
}

impl udp_create_socket::Host for HostState {
    async fn create_udp_socket(
        &mut self,
        family: IpAddressFamily,
    ) -> SocketResult<Resource<UdpSocket>> {
        self.may_open(Access::Udp)?;
        let socket =
            udp_create_socket::Host::create_udp_socket(&mut self.sockets(), family).await?;
        self.net.sockets.add(Open::Udp(socket.rep()));
        Ok(socket)
    }
}
