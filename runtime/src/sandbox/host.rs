//! What a guest may ask of its host: the interface `longshore:flow/host`.

use std::collections::BTreeMap;

use longshore_protocol::Timestamp;
use longshore_protocol::grants::{FILES, Grants};
use longshore_protocol::id::RunId;
use longshore_protocol::limits::Limits;
use longshore_protocol::record::{Level, Progress};
use wasmtime::CallHook;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::bindings::longshore::flow::host as wit;
use super::children::Caller;
use super::files::{Files, Open};
use super::limiter::Accounts;
use super::net::{Net, Network};
use super::stdio::Lines;
use super::{Call, ProgressCell};
use crate::log::LogSink;
use crate::secrets::Secrets;

/// A result is a list in a variant: what the host takes is a few bytes more than the result has.
const RESULT_FRAMING_BYTES: u64 = 1 << 10;
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
    /// What it has open of its files.
    pub(super) open: Open,
    pub(super) net: Net,
    accounts: Accounts,
    context: RunContext,
    log: LogSink,
    progress: ProgressCell,
    secrets: Secrets,
    outputs: [Lines; 2],
    panic: Option<wit::PanicReport>,
    /// How many calls into the guest are under way: more than one while the host asks it for memory.
    calls_under_way: u32,
    /// Where the component calls children.
    pub(super) caller: Option<Caller>,
}

impl HostState {
    pub(super) fn new(
        call: &Call,
        network: &Network,
        files: Option<&Files>,
        caller: Option<Caller>,
    ) -> Result<Self, wasmtime::Error> {
        let Call { flow: _, limits, grants, secrets, context, log, progress, stop: _, cpu: _ } =
            call;
        let outputs = [Lines::stdout(log), Lines::stderr(log)];
        let mut table = ResourceTable::new();
        table.set_max_capacity(usize::try_from(limits.handles).unwrap_or(usize::MAX));
        let net = Net::new(call, network);
        let mut wasi = wasi(&outputs, limits, grants, secrets);
        net.open(&mut wasi);
        if let Some(Files { folder, list_bytes: _ }) = files {
            // A guest's own thread may wait for its files: what reading takes counts as the guest's processor time.
            wasi.allow_blocking_current_thread(true);
            wasi.preopened_dir(folder, FILES, FsPerms::ReadOnly)?;
        }
        Ok(Self {
            wasi: wasi.build(),
            table,
            open: Open::new(files),
            net,
            accounts: Accounts::new(limits),
            context: context.clone(),
            log: log.clone(),
            progress: progress.clone(),
            secrets: secrets.clone(),
            outputs,
            panic: None,
            calls_under_way: 0,
            caller,
        })
    }

    pub(super) fn limiter(&mut self) -> &mut Accounts {
        &mut self.accounts
    }

    /// What the guest has left of limits that count what it holds.
    pub(super) fn limits_left(&mut self, limits: &Limits) -> Limits {
        let handles = self.table.iter_mut().count() as u64;
        let (sockets, http_requests) = self.net.open_and_under_way(&self.table);
        Limits {
            handles: limits.handles.saturating_sub(handles),
            sockets: limits.sockets.saturating_sub(sockets),
            http_requests: limits.http_requests.saturating_sub(http_requests),
            ..self.accounts.left(limits)
        }
    }

    /// How much the host takes from the guest next: a result once the flow has returned, a host call's data before.
    pub(super) fn host_call_fuel(&mut self, hook: CallHook, limits: &Limits) -> Option<usize> {
        match hook {
            CallHook::CallingWasm => self.calls_under_way += 1,
            CallHook::ReturningFromWasm => self.calls_under_way -= 1,
            CallHook::CallingHost | CallHook::ReturningFromHost => return None,
        }
        let bytes = match self.calls_under_way {
            0 => limits.result_bytes.saturating_add(RESULT_FRAMING_BYTES),
            _ => limits.host_call_bytes,
        };
        Some(usize::try_from(bytes).unwrap_or(usize::MAX))
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

fn wasi(
    [stdout, stderr]: &[Lines; 2],
    limits: &Limits,
    grants: &Grants,
    secrets: &Secrets,
) -> WasiCtxBuilder {
    let mut wasi = WasiCtxBuilder::new();
    // The builder starts with nothing: no preopens, variables, arguments or input. What it allows is taken away.
    wasi.stdout(stdout.clone())
        .stderr(stderr.clone())
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(limits.random_bytes);
    for (name, value) in &grants.env {
        wasi.env(name, value);
    }
    for (name, value) in secrets.variables() {
        wasi.env(name, value);
    }
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
        // Targets of our own mean that the runtime speaks, or an output of the guest.
        let target = match target.as_str() {
            "longshore" | "stdout" | "stderr" => format!("flow::{target}"),
            _ => target,
        };
        self.log.push(level_of(level), &target, &message, fields);
    }

    fn report_progress(&mut self, progress: wit::ProgressReport) {
        let wit::ProgressReport { done, total, message } = progress;
        let message = self.secrets.mask(&message).unwrap_or(message);
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
