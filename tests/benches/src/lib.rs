//! The baseline: what the same work costs with wasmtime alone, without anything of ours but its configuration.

use longshore_runtime::engine::{Allocation, Engine, EngineSettings};
use wasmtime::Store;
use wasmtime::component::{Component, HasData, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

mod bindings {
    wasmtime::component::bindgen!({ path: "../../wit", world: "flows" });
}

use bindings::longshore::flow::host;

struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl HasData for Host {
    type Data<'a> = &'a mut Self;
}

impl host::Host for Host {
    fn get_context(&mut self) -> host::Context {
        host::Context { run_id: String::new(), attempt: 1, deadline_ms: 0 }
    }

    fn log(&mut self, _: host::LogRecord) {}

    fn report_progress(&mut self, _: host::ProgressReport) {}

    fn report_panic(&mut self, _: host::PanicReport) {}
}

/// A component in an engine without any limit, called as the runtime calls: on a stack of its own.
pub struct Unlimited {
    engine: wasmtime::Engine,
    flows: unlimited::FlowsPre<Host>,
}

mod unlimited {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "flows",
        exports: { default: async },
        with: { "longshore:flow/host": super::bindings::longshore::flow::host },
    });
}

impl std::fmt::Debug for Unlimited {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Unlimited").finish_non_exhaustive()
    }
}

impl Unlimited {
    /// Compiles and links a component.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn link(component: &[u8], allocation: Allocation) -> wasmtime::Result<Self> {
        let settings = EngineSettings { allocation, ..EngineSettings::default() };
        let mut config = longshore_runtime::engine::config(settings);
        config.epoch_interruption(false);
        let engine = wasmtime::Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        host::add_to_linker::<_, Host>(&mut linker, |state| state)?;
        let component = Component::new(&engine, component)?;
        let flows = unlimited::FlowsPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, flows })
    }

    /// Instantiates, calls and drops.
    ///
    /// # Errors
    /// When the guest traps or fails.
    pub async fn call(&self, flow: &str, params: &[u8]) -> wasmtime::Result<Vec<u8>> {
        let host = Host { wasi: WasiCtx::builder().build(), table: ResourceTable::new() };
        let mut store = Store::new(&self.engine, host);
        let instance = self.flows.instantiate_async(&mut store).await?;
        let result = instance.longshore_flow_guest().call_run(&mut store, flow, params).await?;
        result.map_err(|failure| wasmtime::Error::msg(failure.message))
    }
}

/// A component, linked with wasmtime alone.
pub struct Bare {
    engine: Engine,
    flows: bindings::FlowsPre<Host>,
}

impl std::fmt::Debug for Bare {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Bare").finish_non_exhaustive()
    }
}

impl Bare {
    /// Links a component.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn link(engine: &Engine, component: &Component) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(engine.wasmtime());
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        host::add_to_linker::<_, Host>(&mut linker, |state| state)?;
        let flows = bindings::FlowsPre::new(linker.instantiate_pre(component)?)?;
        Ok(Self { engine: engine.clone(), flows })
    }

    /// Instantiates, calls and drops.
    ///
    /// # Errors
    /// When the guest traps or fails.
    pub fn call(&self, flow: &str, params: &[u8]) -> wasmtime::Result<Vec<u8>> {
        let host = Host { wasi: WasiCtx::builder().build(), table: ResourceTable::new() };
        let mut store = Store::new(self.engine.wasmtime(), host);
        store.set_epoch_deadline(1);
        let instance = self.flows.instantiate(&mut store)?;
        let result = instance.longshore_flow_guest().call_run(&mut store, flow, params)?;
        result.map_err(|failure| wasmtime::Error::msg(failure.message))
    }
}
