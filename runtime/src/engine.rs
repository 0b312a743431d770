//! The wasmtime engine: one configuration, and its fingerprint.

use std::hash::{Hash as _, Hasher};

use longshore_protocol::id::Digest;
use longshore_protocol::limits::{Limits, Metering};
use longshore_protocol::target::Target;
use wasmtime::component::Component;
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::{Error, ErrorKind};

/// How instances get their memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// From the operating system at each call: for one-shot runs.
    OnDemand,
    /// From slots that are kept warm: for many runs in one process.
    Pooled {
        /// How many runs may be under way at once.
        slots: u32,
    },
}

/// What an engine is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineSettings {
    /// How instances get their memory.
    pub allocation: Allocation,
    /// The guest's call stack.
    pub stack_bytes: usize,
    /// Whether code counts its instructions.
    pub metering: Metering,
    /// For which processors code is made.
    pub target: Target,
}

impl EngineSettings {
    /// Settings for guests with these limits.
    pub fn of(limits: &Limits, allocation: Allocation) -> Self {
        let stack_bytes = usize::try_from(limits.stack_bytes).unwrap_or(usize::MAX);
        Self { allocation, stack_bytes, metering: limits.metering(), target: Target::Native }
    }
}

impl Default for EngineSettings {
    /// For one run with default limits.
    fn default() -> Self {
        Self::of(&Limits::default(), Allocation::OnDemand)
    }
}

/// A configured wasmtime engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: wasmtime::Engine,
    target: Target,
    fingerprint: String,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Engine").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts an engine.
    ///
    /// # Errors
    /// When the machine cannot support it, for example because it cannot reserve the address space for a pool.
    pub fn new(settings: EngineSettings) -> Result<Self, Error> {
        let not_started = |error: wasmtime::Error| {
            let attempted = "could not start the engine";
            Error::caused(ErrorKind::NotCompiled, attempted, error.into_boxed_dyn_error())
        };
        let engine = |triple: Option<&str>| {
            let mut config = config(settings);
            if let Some(triple) = triple {
                config.target(triple)?;
            }
            wasmtime::Engine::new(&config)
        };
        let named = triple(settings.target);
        let inner = engine(named).map_err(not_started)?;
        let mut hasher = Collect(Vec::new());
        inner.precompile_compatibility_hash().hash(&mut hasher);
        let fingerprint = Digest::of(&hasher.0).short();
        let inner = match executable(settings.target) {
            Some(own) => engine(Some(own)).map_err(not_started)?,
            None => inner,
        };
        Ok(Self {
            inner,
            target: settings.target,
            fingerprint: format!("wasmtime48-{}-{fingerprint}", architecture(settings.target)),
        })
    }

    /// Starts the engine that loads machine code of the fingerprint `wanted`: the native one of this machine, or that
    /// for any processor of its kind. Where neither does, the native one.
    ///
    /// # Errors
    /// As for [`Engine::new`].
    pub fn for_code(settings: EngineSettings, wanted: Option<&str>) -> Result<Self, Error> {
        let native = Self::new(EngineSettings { target: Target::Native, ..settings })?;
        let portable = Target::portable(std::env::consts::ARCH);
        if let (Some(wanted), Some(target)) = (wanted, portable)
            && wanted != native.fingerprint
        {
            let portable = Self::new(EngineSettings { target, ..settings })?;
            if wanted == portable.fingerprint {
                return Ok(portable);
            }
        }
        Ok(native)
    }

    /// What a compiled artefact must have been made with: wasmtime's version, this configuration, the target, and the
    /// processor features that the code uses.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// For which processors it makes code.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The engine itself.
    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner
    }

    /// Loads machine code that [`crate::compile`] made with an engine of the same fingerprint.
    ///
    /// `content` is taken as bytes, not as a path: what was verified is what is loaded.
    ///
    /// # Errors
    /// When the content is damaged or was made by another engine.
    pub fn load(&self, content: &[u8]) -> Result<Component, wasmtime::Error> {
        #[expect(
            unsafe_code,
            reason = "callers have verified the content against a digest that this user's launcher wrote"
        )]
        // SAFETY: machine code is executed as it stands, so it must come from a compiler that is trusted. Both callers
        // take it from `longshore-runtime compile`, run by the same user, and compare it with the digest in the order.
        unsafe {
            Component::deserialize(&self.inner, content)
        }
    }

    /// Compiles a component to machine code.
    ///
    /// # Errors
    /// Says what is wrong with the component.
    pub fn compile(&self, component: &[u8]) -> Result<Vec<u8>, Error> {
        self.inner.precompile_component(component).map_err(|error| {
            Error::caused(
                ErrorKind::NotCompiled,
                "could not compile the component",
                error.into_boxed_dyn_error(),
            )
        })
    }

    /// Makes every guest of this engine look at its stop flag.
    pub fn interrupt(&self) {
        self.inner.increment_epoch();
    }
}

/// The configuration of an engine. The benches compare it with one that lacks limits.
pub fn config(settings: EngineSettings) -> Config {
    let EngineSettings { allocation, stack_bytes, metering, target: _ } = settings;
    let mut config = Config::new();
    config
        // A guest notices a stop at the next loop head or function entry.
        .epoch_interruption(true)
        .consume_fuel(metering == Metering::Fuel)
        .max_wasm_stack(stack_bytes)
        // The host's own functions need a part of the stack that the guest cannot have.
        .async_stack_size(stack_bytes.saturating_add(HOST_STACK_BYTES))
        // Not needed to run, and a fifth of the artefact's size.
        .generate_address_map(false)
        .native_unwind_info(false)
        // Proposals that no flow needs: what is off cannot be attacked. Threads, GC, exceptions, stack switching and
        // the component model's async are not even compiled into this binary.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false)
        .concurrency_support(false);
    if let Allocation::Pooled { slots } = allocation {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(slots)));
    }
    config
}

/// What wasmtime calls a target. With one that is named, it uses nothing that not all processors of the kind have, also
/// where that is its own kind. The C library is no part of the code, but of the name.
fn triple(target: Target) -> Option<&'static str> {
    match target {
        Target::Native => None,
        Target::X86_64 => Some("x86_64-unknown-linux-gnu"),
        Target::Aarch64 => Some("aarch64-unknown-linux-gnu"),
    }
}

/// The name that wasmtime wants of code that it is to execute here, where that is another one than [`triple`]: it compares
/// the whole name with its own, while of what it loads it compares processor and operating system only.
fn executable(target: Target) -> Option<&'static str> {
    let is_here = target.word() == std::env::consts::ARCH;
    match target {
        Target::X86_64 if is_here && cfg!(target_env = "musl") => Some("x86_64-unknown-linux-musl"),
        Target::Aarch64 if is_here && cfg!(target_env = "musl") => {
            Some("aarch64-unknown-linux-musl")
        }
        Target::Native | Target::X86_64 | Target::Aarch64 => None,
    }
}

fn architecture(target: Target) -> &'static str {
    match target {
        Target::Native => std::env::consts::ARCH,
        portable @ (Target::X86_64 | Target::Aarch64) => portable.word(),
    }
}

/// What the host's functions may take of the stack on which a guest has called them.
const HOST_STACK_BYTES: usize = 1 << 20;

fn pool(slots: u32) -> PoolingAllocationConfig {
    // A component from wit-component has one module with a memory and a few adapters without.
    const CORE_INSTANCES_EACH: u32 = 8;
    const TABLES_EACH: u32 = 4;
    // What a slot keeps resident between runs, so that a small run takes no page fault.
    const RESIDENT_BYTES: usize = 256 << 10;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(slots)
        .total_core_instances(slots * CORE_INSTANCES_EACH)
        .total_memories(slots)
        .total_tables(slots * TABLES_EACH)
        .total_stacks(slots)
        .linear_memory_keep_resident(RESIDENT_BYTES)
        .table_keep_resident(RESIDENT_BYTES);
    pool
}

/// Collects what is hashed, so that a cryptographic digest can be taken of it.
struct Collect(Vec<u8>);

impl Hasher for Collect {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
