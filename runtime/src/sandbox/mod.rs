//! The box in which a flow runs.
//!
//! Denied by default, each line with a test in `tests/`:
//!
//! - no files and no directories but those that were shipped with the run: they can be read below `/files`, and not
//!   written; without them there are no preopens;
//! - no arguments, and no environment variables but granted ones;
//! - no network without a grant: no address passes the check, and no name is looked up; nobody reaches a guest;
//! - no standard input; standard output and error become log records;
//! - no exit of the host: `exit` ends the guest only;
//! - no more memory, time, stack, table elements or instances than the limits say.
//!
//! Allowed: reading clocks, random bytes, what `wit/flow.wit` offers (among it `children/`: other flows of the component,
//! within the limits and grants of the run), and the network as far as the order grants it
//! (`net/`).

mod bindings;
mod children;
mod cpu;
mod files;
mod host;
mod limiter;
mod net;
mod stdio;
mod stop;
mod verdict;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use longshore_protocol::grants::Grants;
use longshore_protocol::limits::Limits;
use longshore_protocol::record::{Payload, Progress, Verdict};
use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use crate::engine::Engine;
use crate::files::Folder;
use crate::log::LogSink;
use crate::secrets::Secrets;
use bindings::FlowsPre;
use children::{Caller, Kin};
use host::HostState;

pub use cpu::CpuMeter;
pub use host::RunContext;
pub use net::{FixedName, Network};
pub use stop::{Stop, StopReason};

/// One call of a flow, with all that it may use and know.
#[derive(Debug, Clone)]
pub struct Call {
    /// The flow.
    pub flow: String,
    /// What it may use.
    pub limits: Limits,
    /// What it may do besides.
    pub grants: Grants,
    /// The secrets among that, which are kept out of all that it says.
    pub secrets: Secrets,
    /// What it may know.
    pub context: RunContext,
    /// Where its output goes.
    pub log: LogSink,
    /// Where its progress goes.
    pub progress: ProgressCell,
    /// How it can be stopped.
    pub stop: Stop,
    /// Where its processor time is counted.
    pub cpu: CpuMeter,
}

/// The newest progress of a flow. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ProgressCell(Arc<Mutex<(u64, Option<Progress>)>>);

impl ProgressCell {
    /// Replaces the progress.
    pub fn set(&self, progress: Progress) {
        let mut cell = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *cell = (cell.0 + 1, Some(progress));
    }

    /// The newest progress, with a number that grows with each change.
    pub fn get(&self) -> (u64, Option<Progress>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The serialized result where the flow returned a value, else why it did not.
    pub result: Result<Vec<u8>, Verdict>,
    /// The most linear memory that the guest had.
    pub memory_peak_bytes: u64,
    /// Wall time, instantiation included.
    pub wall_ms: u64,
    /// Processor time, instantiation included.
    pub cpu_ms: u64,
    /// Instructions, where the code counts them.
    pub fuel: Option<u64>,
    /// Flows that it called as its children, theirs included.
    pub child_runs: u64,
}

impl Ended {
    /// An end of which nothing but the verdict is known.
    pub fn without_usage(verdict: Verdict) -> Self {
        Self {
            result: Err(verdict),
            memory_peak_bytes: 0,
            wall_ms: 0,
            cpu_ms: 0,
            fuel: None,
            child_runs: 0,
        }
    }

    /// The verdict; a result becomes a payload, inline or as a reference.
    pub fn verdict(&self) -> Verdict {
        match &self.result {
            Ok(result) => Verdict::Completed { result: Payload::of(result) },
            Err(verdict) => verdict.clone(),
        }
    }
}

/// A component that is ready to be called any number of times, each time in a fresh instance.
#[derive(Clone)]
pub struct Program {
    engine: Engine,
    flows: FlowsPre<HostState>,
    network: Network,
    files: Option<files::Files>,
    calls_children: bool,
}

/// How one instance ended.
struct Ran {
    result: Result<Vec<u8>, Verdict>,
    memory_peak_bytes: u64,
    fuel_left: Option<u64>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Program").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Program {
    /// Links a component with what every guest may use.
    ///
    /// # Errors
    /// When the component imports something else, or does not export flows.
    pub fn link(engine: &Engine, component: &Component) -> Result<Self, wasmtime::Error> {
        let mut linker = Linker::new(engine.wasmtime());
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        bindings::longshore::flow::host::add_to_linker::<_, host::HasHost>(&mut linker, |state| {
            state
        })?;
        children::add_to_linker(&mut linker)?;
        files::add_to_linker(&mut linker)?;
        net::add_to_linker(&mut linker, engine.wasmtime(), component)?;
        let ty = component.component_type();
        let calls_children =
            ty.imports(engine.wasmtime()).any(|(name, _)| name == children::INTERFACE);
        let flows = FlowsPre::new(linker.instantiate_pre(component)?)?;
        let (engine, network) = (engine.clone(), Network::default());
        Ok(Self { engine, flows, network, files: None, calls_children })
    }

    /// Lets guests that may reach a network do so in this way, not in the default one.
    #[must_use]
    pub fn over(self, network: Network) -> Self {
        Self { network, ..self }
    }

    /// Lets guests read the files in `folder`, for as long as that is there.
    #[must_use]
    pub fn with_files(self, folder: &Folder) -> Self {
        let (folder, list_bytes) = (folder.path().to_owned(), folder.list_bytes());
        Self { files: Some(files::Files { folder, list_bytes }), ..self }
    }

    /// Calls a flow in a fresh instance.
    ///
    /// The returned future blocks its thread while the guest computes: give it a thread of its own.
    pub async fn call(&self, call: &Call, params: &[u8]) -> Ended {
        let began = Instant::now();
        call.cpu.begin();
        let kin = Kin::default();
        let ran = self.run(call, &kin, params).await;
        let result = verdict::keep_secrets(ran.result, &call.secrets);
        let wall = began.elapsed();
        Ended {
            // Cut after that: half of a secret would not be found any more.
            result: verdict::shorten(result),
            memory_peak_bytes: ran.memory_peak_bytes,
            wall_ms: millis(wall),
            // To ask the kernel costs as much as a good part of a quick call, and a thread works no longer than it takes.
            cpu_ms: if millis(wall) == 0 { 0 } else { millis(call.cpu.look()) },
            fuel: call.limits.fuel.and_then(|fuel| Some(fuel - ran.fuel_left?)),
            child_runs: kin.count(),
        }
    }

    async fn run(&self, call: &Call, kin: &Kin, params: &[u8]) -> Ran {
        let mut store = match self.store(call, kin) {
            Ok(store) => store,
            Err(error) => {
                let result = Err(verdict::host_fault(&error));
                return Ran { result, memory_peak_bytes: 0, fuel_left: call.limits.fuel };
            }
        };
        let returned = tokio::select! {
            biased;
            result = self.enter(&mut store, call, params) => result,
            // The guest waits in a host call: dropping the call ends it. A guest that computes ends by its epoch.
            reason = call.stop.requested() => Err(wasmtime::Error::new(reason)),
        };
        store.data().flush_output();
        Ran {
            result: verdict::judge(returned, store.data(), &call.limits),
            memory_peak_bytes: store.data().memory_peak_bytes(),
            fuel_left: call.limits.fuel.and_then(|_| store.get_fuel().ok()),
        }
    }

    async fn enter(
        &self,
        store: &mut Store<HostState>,
        call: &Call,
        params: &[u8],
    ) -> Result<Result<Vec<u8>, bindings::Failure>, wasmtime::Error> {
        if params.len() as u64 > call.limits.params_bytes {
            return Err(wasmtime::Error::new(verdict::ParamsTooLarge(params.len() as u64)));
        }
        // A stop that came before this store had its epoch deadline would not interrupt it.
        if let Some(reason) = call.stop.reason() {
            return Err(wasmtime::Error::new(reason));
        }
        let instance = self.flows.instantiate_async(&mut *store).await?;
        instance.longshore_flow_guest().call_run(store, &call.flow, params).await
    }

    fn store(&self, call: &Call, kin: &Kin) -> Result<Store<HostState>, wasmtime::Error> {
        let caller = self.calls_children.then(|| Caller::new(self, call, kin));
        let state = HostState::new(call, &self.network, self.files.as_ref(), caller)?;
        let mut store = Store::new(self.engine.wasmtime(), state);
        store.limiter(|state| state.limiter());
        // The epoch only moves when someone wants a guest to stop; each guest then looks at its own flag.
        store.set_epoch_deadline(1);
        let (stop, cpu) = (call.stop.clone(), call.cpu.clone());
        store.epoch_deadline_callback(move |_| match stop.reason() {
            Some(reason) => Err(wasmtime::Error::new(reason)),
            None => {
                cpu.check().map_err(wasmtime::Error::new)?;
                Ok(wasmtime::UpdateDeadline::Continue(1))
            }
        });
        let limits = call.limits.clone();
        store.call_hook(move |mut store, hook| {
            if let Some(bytes) = store.data_mut().host_call_fuel(hook, &limits) {
                store.set_hostcall_fuel(bytes);
            }
            Ok(())
        });
        if let Some(fuel) = call.limits.fuel {
            store.set_fuel(fuel).expect("the engine of such limits counts fuel");
        }
        Ok(store)
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}
