//! The check of each address that a socket of a guest is used with.

use std::net::SocketAddr;

use longshore_protocol::grants::{Access, NetworkRefusal};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;

use super::reach::Reach;

/// Opens what is granted. The builder must have been told that nothing else is.
pub(super) fn open(wasi: &mut WasiCtxBuilder, reach: &Reach) {
    wasi.allow_tcp(reach.grants().check_access(Access::Tcp).is_ok());
    wasi.allow_udp(reach.grants().check_access(Access::Udp).is_ok());
    let reach = reach.clone();
    wasi.socket_addr_check(move |address, purpose| {
        let is_allowed = is_allowed(&reach, address, purpose);
        Box::pin(std::future::ready(is_allowed))
    });
}

fn is_allowed(reach: &Reach, address: SocketAddr, purpose: SocketAddrUse) -> bool {
    match purpose {
        // The bind that comes before each connection, to no address in particular.
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind
            if address.ip().is_unspecified() && address.port() == 0 =>
        {
            true
        }
        SocketAddrUse::TcpBind
        | SocketAddrUse::UdpBind
        | SocketAddrUse::TcpListen
        | SocketAddrUse::TcpAccept => reach.passes(Err(NetworkRefusal::NotReachable { address })),
        SocketAddrUse::TcpConnect => reach.passes(reach.check_socket(Access::Tcp, address)),
        SocketAddrUse::UdpSend => reach.passes(reach.check_socket(Access::Udp, address)),
        // Not logged: strangers who send something must not fill the log.
        SocketAddrUse::UdpReceive => reach.check_socket(Access::Udp, address).is_ok(),
    }
}
