//! Counts what a guest allocates, and says no with a type that names the limit.

use longshore_protocol::limits::LimitName;
use wasmtime::ResourceLimiter;

/// Elements of one table: function pointers of a component with a hundred thousand functions.
const TABLE_ELEMENTS_MAX: usize = 100_000;
/// Instances, memories and tables of one component: those of `wit-component` have fewer than ten of each.
const INSTANCES_MAX: usize = 100;

/// The guest wanted more memory than its limit.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("out of memory")]
pub(super) struct OutOfMemory {
    pub(super) in_use_bytes: u64,
    pub(super) wanted_bytes: u64,
}

/// The guest wanted more of something else.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{limit} is limited to {allowed}")]
pub(super) struct OverLimit {
    pub(super) limit: LimitName,
    pub(super) allowed: u64,
    pub(super) wanted: u64,
}

/// The accounts of one guest.
#[derive(Debug)]
pub(super) struct Accounts {
    memory_bytes_max: u64,
    memory_bytes: u64,
    memory_peak_bytes: u64,
}

impl Accounts {
    pub(super) fn new(memory_bytes_max: u64) -> Self {
        Self { memory_bytes_max, memory_bytes: 0, memory_peak_bytes: 0 }
    }

    pub(super) fn memory_peak_bytes(&self) -> u64 {
        self.memory_peak_bytes
    }
}

impl ResourceLimiter for Accounts {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // All memories together: a guest must not get around its limit by having several.
        let wanted_bytes = self.memory_bytes + (desired - current) as u64;
        if wanted_bytes > self.memory_bytes_max {
            // An error traps, where `false` would let the guest abort with an `unreachable` that explains nothing.
            return Err(wasmtime::Error::new(OutOfMemory {
                in_use_bytes: self.memory_bytes,
                wanted_bytes,
            }));
        }
        self.memory_bytes = wanted_bytes;
        self.memory_peak_bytes = self.memory_peak_bytes.max(wanted_bytes);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS_MAX {
            return Err(wasmtime::Error::new(OverLimit {
                limit: LimitName::TableElements,
                allowed: TABLE_ELEMENTS_MAX as u64,
                wanted: desired as u64,
            }));
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        INSTANCES_MAX
    }

    fn memories(&self) -> usize {
        INSTANCES_MAX
    }
}
