//! `wasi:sockets/ip-name-lookup`: names for which there is a grant, and no others.

use std::net::IpAddr;
use std::vec;

use futures::FutureExt as _;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{
    Host, HostResolveAddressStream, ResolveAddressStream,
};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, Network};
use wasmtime_wasi::p2::{DynPollable, Pollable, SocketError, subscribe};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};

use super::place;
use super::reach::LookupFailure;
use crate::sandbox::host::HostState;

type Found = Result<vec::IntoIter<IpAddr>, ErrorCode>;

/// A lookup that is under way, or its result. In the table, it stands for wasmtime's `ResolveAddressStream`, which
/// nobody else can make.
enum Lookup {
    Pending(AbortOnDropJoinHandle<Found>),
    Done(Found),
}

#[async_trait::async_trait]
impl Pollable for Lookup {
    async fn ready(&mut self) {
        if let Self::Pending(task) = self {
            *self = Self::Done(task.await);
        }
    }
}

fn ours(stream: &Resource<ResolveAddressStream>) -> Resource<Lookup> {
    Resource::new_borrow(stream.rep())
}

impl Host for HostState {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> Result<Resource<ResolveAddressStream>, SocketError> {
        // Its owner may look names up; all else is decided here.
        self.table.get(&network)?;
        let lookup = match place::Host::parse(&name) {
            None => return Err(ErrorCode::InvalidArgument.into()),
            // Nothing is learned by that, and the address is checked when it is used.
            Some(place::Host::Address(address)) => Lookup::Done(Ok(vec![address].into_iter())),
            Some(place::Host::Name(name)) => {
                if !self.net.reach.passes(self.net.reach.grants().check_lookup(&name)) {
                    return Err(ErrorCode::AccessDenied.into());
                }
                let reach = self.net.reach.clone();
                Lookup::Pending(spawn(async move {
                    match reach.look_up(&name).await {
                        Ok(addresses) => {
                            reach.remember(&name, &addresses);
                            Ok(addresses.into_iter())
                        }
                        Err(LookupFailure::NotFound) => Err(ErrorCode::NameUnresolvable),
                        Err(LookupFailure::TimedOut) => Err(ErrorCode::TemporaryResolverFailure),
                    }
                }))
            }
        };
        Ok(Resource::new_own(self.table.push(lookup)?.rep()))
    }
}

impl HostResolveAddressStream for HostState {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> Result<Option<IpAddress>, SocketError> {
        let lookup = self.table.get_mut(&ours(&stream))?;
        if let Lookup::Pending(task) = lookup {
            match task.now_or_never() {
                Some(found) => *lookup = Lookup::Done(found),
                None => return Err(ErrorCode::WouldBlock.into()),
            }
        }
        match lookup {
            Lookup::Pending(_) => Err(ErrorCode::WouldBlock.into()),
            Lookup::Done(Ok(addresses)) => Ok(addresses.next().map(IpAddress::from)),
            Lookup::Done(Err(error)) => Err((*error).into()),
        }
    }

    fn subscribe(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> Result<Resource<DynPollable>, wasmtime::Error> {
        subscribe(&mut self.table, ours(&stream))
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> Result<(), wasmtime::Error> {
        self.table.delete(Resource::<Lookup>::new_own(stream.rep()))?;
        Ok(())
    }
}
