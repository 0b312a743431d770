//! The network of a guest: what its grants allow, and nothing else.
//!
//! One file per interface of WASI, named after it: `outgoing_handler` sends HTTP requests, `ip_name_lookup` looks names
//! up, `create_socket` opens sockets, and `address_check` is asked for each address that a socket is used with.
//!
//! **Invariant:** a connection goes to an address that was checked after the name was looked up, and no name is looked
//! up between that check and the connection. Who controls a name decides nothing else.
//! **Invariant:** a host is checked in the one form in which it is used ([`place::Host`]).
//! **Invariant:** what is refused is in the log of the run with its reason; the guest gets an error code only.

mod address_check;
mod body;
mod connect;
mod create_socket;
mod exchange;
mod ip_name_lookup;
mod network;
mod outgoing_handler;
mod place;
mod reach;
mod resolver;
mod trust;

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::bindings::sockets;
use wasmtime_wasi_http::p2::bindings::http;
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtx, WasiHttpView as _};

use super::Call;
use super::host::{HasHost, HostState};
use create_socket::Sockets;
use outgoing_handler::{Hooks, Requests};
use reach::Reach;
use resolver::Resolver;
use trust::Trust;

pub use resolver::FixedName;

/// How this process reaches the network, for guests that may. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Network {
    resolver: Arc<Resolver>,
    trust: Arc<Trust>,
}

impl Network {
    /// Names that are not in `fixed` are looked up by the system.
    pub fn new(fixed: Vec<FixedName>) -> Self {
        Self { resolver: Arc::new(Resolver::new(fixed)), trust: Arc::default() }
    }

    /// Trusts the certificates in `pem` too, besides those that are built in.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn trusting(self, pem: &[u8]) -> Result<Self, String> {
        Ok(Self { trust: Arc::new(Trust::with(pem)?), ..self })
    }
}

/// The network of one instance.
pub(super) struct Net {
    reach: Reach,
    sockets: Sockets,
    requests: Requests,
    http: WasiHttpCtx,
    hooks: Hooks,
}

impl Net {
    pub(super) fn new(call: &Call, network: &Network) -> Self {
        let limits = &call.limits;
        let reach = Reach::new(call, network);
        let field_bytes_max = usize::try_from(limits.http_header_bytes).unwrap_or(usize::MAX);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(field_bytes_max);
        Self {
            sockets: Sockets::new(limits.sockets),
            requests: Requests::new(limits.http_requests),
            http,
            hooks: Hooks::new(reach.clone(), field_bytes_max),
            reach,
        }
    }

    /// How many sockets the guest has open, and how many requests are under way.
    pub(super) fn open_and_under_way(&self, table: &ResourceTable) -> (u64, u64) {
        (self.sockets.open(table), self.requests.under_way(table))
    }

    /// Opens what is granted, in a builder that was told that nothing is.
    pub(super) fn open(&self, wasi: &mut WasiCtxBuilder) {
        if !self.reach.grants().network.is_empty() {
            address_check::open(wasi, &self.reach);
        }
    }
}

/// Replaces what WASI offers of the network by what is bounded and logged, as far as the component asks for it.
pub(super) fn add_to_linker(
    linker: &mut Linker<HostState>,
    engine: &Engine,
    component: &Component,
) -> Result<(), wasmtime::Error> {
    let ty = component.component_type();
    let imports = |package: &str| ty.imports(engine).any(|(name, _)| name.starts_with(package));
    if imports("wasi:sockets/") {
        linker.allow_shadowing(true);
        sockets::ip_name_lookup::add_to_linker::<_, HasHost>(linker, |state| state)?;
        sockets::tcp_create_socket::add_to_linker::<_, HasHost>(linker, |state| state)?;
        sockets::udp_create_socket::add_to_linker::<_, HasHost>(linker, |state| state)?;
        linker.allow_shadowing(false);
    }
    if imports("wasi:http/") {
        let options = http::types::LinkOptions::default();
        http::types::add_to_linker::<_, WasiHttp>(linker, &options, HostState::http)?;
        outgoing_handler::add_to_linker(linker)?;
    }
    Ok(())
}
