//! `wasi:http/outgoing-handler`: a bounded number of requests, to where it is granted.

use std::future::Future;
use std::sync::{Arc, Weak};

use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use longshore_protocol::limits::LimitName;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler;
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::p2::{HttpError, HttpResult};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::exchange::{Exchange, Ticket};
use super::reach::Reach;
use crate::sandbox::host::HostState;
use crate::sandbox::limiter::OverLimit;

/// The requests of a guest that are under way.
#[derive(Debug)]
pub(super) struct Requests {
    allowed: u64,
    under_way: Vec<UnderWay>,
}

/// A request. Its ticket is gone when it is over, or a moment later: a task that is aborted is dropped only when the
/// guest waits the next time. So one that has no answer yet is under way only while the guest has its future.
#[derive(Debug)]
struct UnderWay {
    ticket: Weak<Ticket>,
    future: u32,
}

impl UnderWay {
    fn is_over(&self, table: &ResourceTable) -> bool {
        let future = Resource::<HostFutureIncomingResponse>::new_borrow(self.future);
        self.ticket
            .upgrade()
            .is_none_or(|ticket| !ticket.is_answered() && table.get(&future).is_err())
    }
}

impl Requests {
    pub(super) fn new(allowed: u64) -> Self {
        Self { allowed, under_way: Vec::new() }
    }

    /// How many are under way.
    pub(super) fn under_way(&self, table: &ResourceTable) -> u64 {
        self.under_way.iter().filter(|request| !request.is_over(table)).count() as u64
    }

    /// Ends the run where another request would be one too many.
    fn make_room(&mut self, table: &ResourceTable) -> Result<(), HttpError> {
        self.under_way.retain(|request| !request.is_over(table));
        let wanted = self.under_way.len() as u64 + 1;
        if wanted > self.allowed {
            let over = OverLimit {
                limit: LimitName::HttpRequests,
                allowed: self.allowed,
                wanted: Some(wanted),
            };
            return Err(HttpError::trap(over));
        }
        Ok(())
    }
}

/// How `wasmtime-wasi-http` sends requests: by ourselves.
#[derive(Debug)]
pub(super) struct Hooks {
    reach: Reach,
    field_bytes_max: usize,
    newest: Weak<Ticket>,
}

impl Hooks {
    pub(super) fn new(reach: Reach, field_bytes_max: usize) -> Self {
        Self { reach, field_bytes_max, newest: Weak::new() }
    }
}

type BoxFuture<T> = Box<dyn Future<Output = T> + Send>;

impl WasiHttpHooks for Hooks {
    fn set_host_header(&mut self) -> bool {
        // It is made of what was checked.
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _errors: BoxFuture<Result<(), Error>>,
    ) -> BoxFuture<Result<(Response<WasiBody>, BoxFuture<Result<(), Error>>), Error>> {
        let ticket = Arc::new(Ticket::default());
        self.newest = Arc::downgrade(&ticket);
        let (reach, field_bytes_max) = (self.reach.clone(), self.field_bytes_max);
        let exchange = Exchange { reach, field_bytes_max, ticket };
        Box::new(async move {
            let (answer, connection) = exchange.send(request, options.unwrap_or_default()).await?;
            let connection: BoxFuture<_> = Box::new(async move {
                connection.await;
                Ok(())
            });
            Ok((answer.map(UnsyncBoxBody::new), connection))
        })
    }
}

impl WasiHttpView for HostState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let net = &mut self.net;
        WasiHttpCtxView { ctx: &mut net.http, table: &mut self.table, hooks: &mut net.hooks }
    }
}

/// Adds the interface. By hand: what is generated wants all of `wasi:http/types` from whoever has this one function.
pub(super) fn add_to_linker(linker: &mut Linker<HostState>) -> Result<(), wasmtime::Error> {
    type Arguments = (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>);
    linker.instance("wasi:http/outgoing-handler@0.2.12")?.func_wrap(
        "handle",
        |mut store: StoreContextMut<'_, HostState>, (request, options): Arguments| match store
            .data_mut()
            .handle(request, options)
        {
            Ok(future) => Ok((Ok(future),)),
            Err(error) => Ok((Err(error.downcast()?),)),
        },
    )
}

impl HostState {
    fn handle(
        &mut self,
        request: Resource<HostOutgoingRequest>,
        options: Option<Resource<RequestOptions>>,
    ) -> HttpResult<Resource<HostFutureIncomingResponse>> {
        self.net.requests.make_room(&self.table)?;
        // The guest has given the options away; wasmtime 48 only reads them, and they would stay in the table.
        let given =
            options.as_ref().map(|options| Resource::<RequestOptions>::new_own(options.rep()));
        let future = outgoing_handler::Host::handle(&mut self.http(), request, options);
        if let Some(given) = given {
            self.table.delete(given)?;
        }
        let future = future?;
        let ticket = std::mem::take(&mut self.net.hooks.newest);
        self.net.requests.under_way.push(UnderWay { ticket, future: future.rep() });
        Ok(future)
    }
}
