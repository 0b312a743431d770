//! Counts what a guest allocates, and says no with a type that names the limit.

use longshore_protocol::limits::{LimitName, Limits};
use wasmtime::ResourceLimiter;

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
    pub(super) wanted: Option<u64>,
}

/// The accounts of one guest.
#[derive(Debug)]
pub(super) struct Accounts {
    limits: Limits,
    memory_bytes: u64,
    memory_peak_bytes: u64,
    table_elements: u64,
}

impl Accounts {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { limits: limits.clone(), memory_bytes: 0, memory_peak_bytes: 0, table_elements: 0 }
    }

    pub(super) fn memory_peak_bytes(&self) -> u64 {
        self.memory_peak_bytes
    }

    /// `limits`, less what the guest holds. Its stack is held for as long as a child runs, so it counts as memory: else
    /// each caller on the way to a child would have one besides all limits.
    pub(super) fn left(&self, limits: &Limits) -> Limits {
        let held = self.memory_bytes.saturating_add(limits.stack_bytes);
        Limits {
            memory_bytes: limits.memory_bytes.saturating_sub(held),
            table_elements: limits.table_elements.saturating_sub(self.table_elements),
            ..limits.clone()
        }
    }

    /// A child had so much, while the guest held what it holds now.
    pub(super) fn held_by_child(&mut self, memory_peak_bytes: u64) {
        self.memory_peak_bytes = self.memory_peak_bytes.max(self.memory_bytes + memory_peak_bytes);
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
        let wanted_bytes = self.memory_bytes + desired.saturating_sub(current) as u64;
        if wanted_bytes > self.limits.memory_bytes {
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
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.table_elements + desired.saturating_sub(current) as u64;
        let (limit, allowed) = (LimitName::TableElements, self.limits.table_elements);
        if wanted > allowed {
            let wanted = Some(wanted);
            return Err(wasmtime::Error::new(OverLimit { limit, allowed, wanted }));
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }

    fn instances(&self) -> usize {
        count(self.limits.instances)
    }

    fn tables(&self) -> usize {
        count(self.limits.tables)
    }

    fn memories(&self) -> usize {
        count(self.limits.memories)
    }
}

fn count(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
