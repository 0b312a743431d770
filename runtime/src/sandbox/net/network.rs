//! `wasi:sockets/network`: error codes, left to wasmtime. The interfaces in this folder want it beside them.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::SocketError;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, Host, HostNetwork, Network};
use wasmtime_wasi::sockets::WasiSocketsView as _;

use crate::sandbox::host::HostState;

impl Host for HostState {
    fn convert_error_code(&mut self, error: SocketError) -> Result<ErrorCode, wasmtime::Error> {
        self.sockets().convert_error_code(error)
    }

    fn network_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> Result<Option<ErrorCode>, wasmtime::Error> {
        self.sockets().network_error_code(error)
    }
}

impl HostNetwork for HostState {
    fn drop(&mut self, network: Resource<Network>) -> Result<(), wasmtime::Error> {
        HostNetwork::drop(&mut self.sockets(), network)
    }
}
