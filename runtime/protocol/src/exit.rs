//! Exit codes: stable, documented in `docs/cli.md`, and the only numbers that scripts may rely on.

/// How a program of Longshore ended, as seen by its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCode(pub u8);

/// All is well: the run completed, the verb did its work.
pub const OK: ExitCode = ExitCode(0);
/// Something that should not happen: a bug, or an operating system that refuses what it must not.
pub const INTERNAL: ExitCode = ExitCode(1);
/// Bad input: arguments, parameters, a component, a name that does not exist. Nothing was stored or started.
pub const BAD_INPUT: ExitCode = ExitCode(2);
/// The flow returned an error, panicked or trapped.
pub const RUN_FAILED: ExitCode = ExitCode(10);
/// The run hit a limit: memory, result size and the like.
pub const RUN_OVER_LIMIT: ExitCode = ExitCode(11);
/// The run took longer than its timeout.
pub const RUN_TIMED_OUT: ExitCode = ExitCode(12);
/// The run was cancelled.
pub const RUN_CANCELLED: ExitCode = ExitCode(13);
/// The run ended without an outcome: runtime killed, machine gone.
pub const RUN_CRASHED: ExitCode = ExitCode(14);
/// The runtime refused the component or the order.
pub const RUN_REFUSED: ExitCode = ExitCode(15);
/// The runtime was told to stop (SIGTERM, preemption) before the run ended.
pub const RUN_INTERRUPTED: ExitCode = ExitCode(16);
/// The run has not ended (yet): `result` without waiting, or `wait` whose timeout passed.
pub const RUN_NOT_ENDED: ExitCode = ExitCode(17);
/// The store could not be read or written.
pub const STORE: ExitCode = ExitCode(20);
/// The infrastructure refused or could not be reached.
pub const INFRASTRUCTURE: ExitCode = ExitCode(21);
/// Building a flow failed: compiler errors, or a target or tool that is missing.
pub const BUILD: ExitCode = ExitCode(22);
/// Detached by a second Ctrl-C, before the run had stopped.
pub const DETACHED: ExitCode = ExitCode(130);

/// Every code with its name and meaning, in numeric order; the table in the documentation is made from it.
pub const TABLE: &[(ExitCode, &str)] = &[
    (OK, "success: the run completed, the verb did its work"),
    (INTERNAL, "something that should not happen; please report it"),
    (
        BAD_INPUT,
        "bad input: arguments, parameters, component, an unknown name; nothing was stored or started",
    ),
    (RUN_FAILED, "the flow returned an error, panicked or trapped"),
    (RUN_OVER_LIMIT, "the run hit a limit (memory, result size, …)"),
    (RUN_TIMED_OUT, "the run took longer than its timeout"),
    (RUN_CANCELLED, "the run was cancelled"),
    (RUN_CRASHED, "the run ended without an outcome (runtime killed, machine gone)"),
    (RUN_REFUSED, "the runtime refused the component or the order"),
    (RUN_INTERRUPTED, "the runtime was told to stop (SIGTERM, preemption) before the run ended"),
    (RUN_NOT_ENDED, "the run has not ended yet"),
    (STORE, "the store could not be read or written"),
    (INFRASTRUCTURE, "the infrastructure refused or could not be reached"),
    (BUILD, "building the flow failed, or a target or tool is missing"),
    (DETACHED, "detached by a second Ctrl-C, before the run had stopped"),
];

/// Exit codes of `longshore-runtime execute`; a launcher reads them when there is no outcome.
pub mod runtime {
    use super::ExitCode;

    /// An outcome exists; it says how the run ended, also when it failed.
    pub const OUTCOME_EXISTS: ExitCode = ExitCode(0);
    /// Bad arguments.
    pub const USAGE: ExitCode = ExitCode(64);
    /// The order is missing, damaged, or not the one that was asked for.
    pub const BAD_ORDER: ExitCode = ExitCode(65);
    /// The store could not be read, or the outcome could not be written.
    pub const STORE: ExitCode = ExitCode(74);
    /// `compile` only: the component could not be compiled.
    pub const NOT_COMPILED: ExitCode = ExitCode(66);
    /// `compile` only: a limit on memory or time was reached.
    pub const COMPILE_LIMIT: ExitCode = ExitCode(67);
    /// The process could not be confined as it must be: the kernel refused, or lacks what was required.
    pub const NOT_CONFINED: ExitCode = ExitCode(71);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_in_order() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0.0 < pair[1].0.0));
    }
}
