//! What a container must be allowed so that its run fits in: the flow's limits, and what the runtime takes itself.

use longshore_protocol::limits::Limits;

/// The runtime without a run takes about 14 MiB; this leaves room for code, connections and the log on its way.
const RUNTIME_BYTES: u64 = 64 << 20;
/// An element of a table.
const ELEMENT_BYTES: u64 = 16;
/// Threads: those of the runtime, of the file system's calls, and of a compiler on a machine with many processors.
const PROCESSES: u32 = 256;

/// What a container must be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Memory, in bytes: whole mebibytes.
    pub memory_bytes: u64,
    /// Processors, in thousandths. A guest has one thread.
    pub cpus_milli: u64,
    /// Processes and threads.
    pub processes: u32,
}

impl Needs {
    /// What a run with these limits needs at most.
    pub fn of(limits: &Limits) -> Self {
        let Limits { memory_bytes, table_elements, stack_bytes, .. } = limits;
        let Limits { params_bytes, result_bytes, log_bytes, files_bytes, .. } = limits;
        let parts = [
            *memory_bytes,
            table_elements.saturating_mul(ELEMENT_BYTES),
            *stack_bytes,
            // As they came from the store, and in the guest's memory, which is counted above.
            *params_bytes,
            *result_bytes,
            *log_bytes,
            // Packed, and unpacked in a file system that is memory.
            files_bytes.saturating_mul(2),
            RUNTIME_BYTES,
        ];
        let bytes = parts.into_iter().fold(0, u64::saturating_add);
        let memory_bytes = bytes.div_ceil(1 << 20).saturating_mul(1 << 20);
        Self { memory_bytes, cpus_milli: 1_000, processes: PROCESSES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_larger_than_its_flow_may_be() {
        let default = Limits::default();
        let needs = Needs::of(&default);
        assert_eq!(needs.memory_bytes % (1 << 20), 0);
        assert_eq!(needs.memory_bytes >> 20, 851);
        let more = Limits { memory_bytes: default.memory_bytes + (1 << 30), ..default.clone() };
        assert_eq!(Needs::of(&more).memory_bytes - needs.memory_bytes, 1 << 30);
        let all = Limits { memory_bytes: u64::MAX, ..default };
        assert!(Needs::of(&all).memory_bytes > u64::MAX - (1 << 20), "and not less than before");
    }
}
