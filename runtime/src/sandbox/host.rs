//! What a guest may ask of its host: the interface `longshore:flow/host`.

use std::collections::BTreeMap;

use longshore_protocol::Timestamp;
use longshore_protocol::id::RunId;
use longshore_protocol::record::{Level, Progress};
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::bindings::longshore::flow::host as wit;
use super::limiter::Accounts;
use super::net::{Net, Network};
use super::stdio::Lines;
use super::{Call, ProgressCell};
use crate::log::LogSink;

/// Open handles of a guest. Enough for any flow, and few enough that they take no memory worth speaking of.
const HANDLES_MAX: usize = 1_000;
/// Random bytes that a guest may ask for at once.
const RANDOM_BYTES_MAX: u64 = 64 << 10;
/// Progress messages are one line for a person.
const PROGRESS_CHARS_MAX: usize = 200;

/// What a run may know about itself.
#[derive(Debug, Clone)]
pub struct RunContext {
    /// The run.
    pub run: RunId,
    /// The attempt, counted from 1.
    pub attempt: u32,
    /// When the attempt is stopped at the latest.
    pub deadline: Timestamp,
}

/// The state of one instance.
pub(super) struct HostState {
    wasi: WasiCtx,
    pub(super) table: ResourceTable,
    pub(super) net: Net,
    accounts: Accounts,
    context: RunContext,
    log: LogSink,
    progress: ProgressCell,
    outputs: [Lines; 2],
    panic: Option<wit::PanicReport>,
}

impl HostState {
    pub(super) fn new(call: &Call, network: &Network) -> Self {
        let Call { flow: _, limits, grants: _, context, log, progress, stop: _ } = call;
        let outputs = [Lines::stdout(log), Lines::stderr(log)];
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        let net = Net::new(call, network);
        let mut wasi = denied_by_default(&outputs);
        net.open(&mut wasi);
        Self {
            wasi: wasi.build(),
            table,
            net,
            accounts: Accounts::new(limits.memory_bytes),
            context: context.clone(),
            log: log.clone(),
            progress: progress.clone(),
            outputs,
            panic: None,
        }
    }

    pub(super) fn limiter(&mut self) -> &mut Accounts {
        &mut self.accounts
    }

    pub(super) fn memory_peak_bytes(&self) -> u64 {
        self.accounts.memory_peak_bytes()
    }

    pub(super) fn panic(&self) -> Option<&wit::PanicReport> {
        self.panic.as_ref()
    }

    pub(super) fn flush_output(&self) {
        self.outputs.iter().for_each(Lines::flush);
    }
}

fn denied_by_default([stdout, stderr]: &[Lines; 2]) -> WasiCtxBuilder {
    let mut wasi = WasiCtxBuilder::new();
    // The builder starts with nothing: no preopens, variables, arguments or input. What it allows is taken away.
    wasi.stdout(stdout.clone())
        .stderr(stderr.clone())
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(RANDOM_BYTES_MAX);
    wasi
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Ties the generated code to [`HostState`].
pub(super) struct HasHost;

impl HasData for HasHost {
    type Data<'a> = &'a mut HostState;
}

impl wit::Host for HostState {
    fn get_context(&mut self) -> wit::Context {
        wit::Context {
            run_id: self.context.run.to_string(),
            attempt: self.context.attempt,
            deadline_ms: self.context.deadline.as_millisecond().try_into().unwrap_or(0),
        }
    }

    fn log(&mut self, entry: wit::LogRecord) {
        let wit::LogRecord { level, target, message, fields } = entry;
        let fields: BTreeMap<_, _> =
            fields.into_iter().map(|field| (field.key, field.value)).collect();
        self.log.push(level_of(level), &target, &message, fields);
    }

    fn report_progress(&mut self, progress: wit::ProgressReport) {
        let wit::ProgressReport { done, total, message } = progress;
        let message = message.chars().take(PROGRESS_CHARS_MAX).collect();
        self.progress.set(Progress { done, total, message });
    }

    fn report_panic(&mut self, panic: wit::PanicReport) {
        // The first panic is the cause; one while unwinding only follows from it.
        self.panic.get_or_insert(panic);
    }
}

fn level_of(level: wit::Level) -> Level {
    match level {
        wit::Level::Trace => Level::Trace,
        wit::Level::Debug => Level::Debug,
        wit::Level::Info => Level::Info,
        wit::Level::Warn => Level::Warn,
        wit::Level::Error => Level::Error,
    }
}
