//! How large a task is. Fargate takes certain pairs of processors and memory only. Pure.
//!
//! Source: `RegisterTaskDefinition` in the API reference of ECS, `cpu` and `memory`.

use super::config::EcsSettings;
use super::words::LaunchType;
use crate::needs::Needs;
use crate::settings::{Cpus, OneOf, Size};
use crate::{Error, ErrorKind};

/// What a processor is in ECS's units.
const UNITS: u64 = 1_024;
const GIB: u64 = 1_024;
/// ECS takes no task with less memory, in MiB.
const MEMORY_MIN: u64 = 6;
/// ECS takes no task with fewer processors, in units.
const CPU_MIN: u64 = 128;

/// Processors in ECS's units, and memory in MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskSize {
    pub(super) cpu: u64,
    pub(super) memory: u64,
}

impl std::fmt::Display for TaskSize {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, parts) = (self.cpu / UNITS, self.cpu % UNITS * 1_000 / UNITS);
        let cpu = format!("{whole}.{parts:03}");
        let cpu = cpu.trim_end_matches('0').trim_end_matches('.');
        write!(out, "cpu={cpu} with memory={}MiB", self.memory)
    }
}

/// The memory that Fargate gives with so many units: from, to, in steps of. All in MiB.
const FARGATE: [(u64, u64, u64, u64); 7] = [
    (256, 512, 2 * GIB, 512),
    (512, GIB, 4 * GIB, GIB),
    (1_024, 2 * GIB, 8 * GIB, GIB),
    (2_048, 4 * GIB, 16 * GIB, GIB),
    (4_096, 8 * GIB, 30 * GIB, GIB),
    (8_192, 16 * GIB, 60 * GIB, 4 * GIB),
    (16_384, 32 * GIB, 120 * GIB, 8 * GIB),
];

/// All pairs that Fargate takes, the smaller processors first.
fn fargate() -> impl Iterator<Item = TaskSize> {
    FARGATE.into_iter().flat_map(|(cpu, from, to, step)| {
        let steps = (from..=to).step_by(usize::try_from(step).unwrap_or(1));
        // 0.25 processors come with 512, 1024 and 2048 MiB, and not with 1536.
        let is_there = move |memory: &u64| cpu != 256 || memory.is_power_of_two();
        steps.filter(is_there).map(move |memory| TaskSize { cpu, memory })
    })
}

/// The pair that is nearest: the smallest that has both, or else the largest of all.
fn nearest(wanted: TaskSize) -> TaskSize {
    let fits = |size: &TaskSize| size.cpu >= wanted.cpu && size.memory >= wanted.memory;
    fargate().find(fits).or_else(|| fargate().last()).unwrap_or(wanted)
}

/// How large the task is.
///
/// # Errors
/// When Fargate has no task of that size; the nearest is the hint.
pub(super) fn size(needs: &Needs, settings: &EcsSettings) -> Result<TaskSize, Error> {
    let own_cpu = settings.cpu.map(|Cpus(milli)| (milli * UNITS).div_ceil(1_000));
    let own_memory = settings.memory.map(|Size(bytes)| bytes.div_ceil(1 << 20));
    let wanted = TaskSize {
        cpu: own_cpu.unwrap_or((needs.cpus_milli * UNITS).div_ceil(1_000)),
        memory: own_memory.unwrap_or(needs.memory_bytes >> 20),
    };
    if !is_on_fargate(settings) {
        return Ok(TaskSize {
            cpu: wanted.cpu.max(CPU_MIN),
            memory: wanted.memory.max(MEMORY_MIN),
        });
    }
    // What was set is to be had exactly, and what was not is as small as it can be.
    let fits = |size: &TaskSize| {
        own_cpu.map_or(size.cpu >= wanted.cpu, |cpu| size.cpu == cpu)
            && own_memory.map_or(size.memory >= wanted.memory, |memory| size.memory == memory)
    };
    fargate().find(fits).ok_or_else(|| {
        let text = format!("Fargate has no task with {wanted}");
        Error::new(ErrorKind::BadInput, text).hint(format!(
            "the nearest that it has is {}; {}",
            nearest(wanted),
            beside(wanted.cpu)
        ))
    })
}

/// What there is with these processors, for people.
fn beside(cpu: u64) -> String {
    let found = FARGATE.iter().find(|(units, ..)| *units >= cpu).unwrap_or(&FARGATE[6]);
    let (cpu, from, to, _) = *found;
    let size = TaskSize { cpu, memory: from };
    format!(
        "with {} there are {from} to {to} MiB",
        size.to_string().split(' ').next().unwrap_or_default()
    )
}

/// Whether Amazon's own machines run the task.
pub(super) fn is_on_fargate(settings: &EcsSettings) -> bool {
    let shares = &settings.capacity_provider_strategy.0;
    if shares.is_empty() {
        let OneOf(launch_type) = settings.launch_type;
        return matches!(launch_type, LaunchType::Fargate | LaunchType::FargateSpot);
    }
    shares.iter().any(|share| is_fargate(&share.provider))
}

/// Whether this is one of Amazon's own capacity providers.
pub(super) fn is_fargate(provider: &str) -> bool {
    matches!(provider, "FARGATE" | "FARGATE_SPOT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;
    use crate::settings::{Change, Origin};
    use longshore_protocol::limits::Limits;

    fn of(settings: &[(&str, &str)]) -> Result<(u64, u64), (String, String)> {
        let change = |(key, value): &(&str, &str)| {
            Change::typed(key, value, Origin::caller("--set")).unwrap()
        };
        let changes: Vec<_> = settings.iter().map(change).collect();
        let settings = EcsSettings::of(&Kind::Ecs.resolve(&changes).unwrap()).unwrap();
        match size(&Needs::of(&Limits::default()), &settings) {
            Ok(TaskSize { cpu, memory }) => Ok((cpu, memory)),
            Err(error) => Err((error.to_string(), error.what_to_do().unwrap().to_owned())),
        }
    }

    #[test]
    fn fargate_has_certain_pairs_and_no_others() {
        assert_eq!(fargate().count(), 3 + 4 + 7 + 13 + 23 + 12 + 12);
        assert_eq!(fargate().last(), Some(TaskSize { cpu: 16_384, memory: 120 * GIB }));
    }

    #[test]
    fn what_is_not_set_is_as_small_as_it_can_be() {
        for (settings, expected) in [
            // One processor, and 851 MiB.
            (&[][..], (1_024, 2_048)),
            (&[("cpu", "0.5")], (512, 1_024)),
            (&[("cpu", "0.25")], (256, 1_024)),
            (&[("memory", "16GiB")], (2_048, 16_384)),
            (&[("memory", "60GiB"), ("cpu", "8")], (8_192, 61_440)),
            (&[("launch_type", "EC2")], (1_024, 851)),
            (&[("launch_type", "EC2"), ("cpu", "0.01"), ("memory", "1MiB")], (128, 6)),
            (
                &[("launch_type", "EC2"), ("capacity_provider_strategy", "FARGATE_SPOT")],
                (1_024, 2_048),
            ),
        ] {
            assert_eq!(of(settings), Ok(expected), "{settings:?}");
        }
    }

    #[test]
    fn what_fargate_does_not_have_is_refused_with_the_nearest() {
        for (settings, error, nearest) in [
            (
                &[("cpu", "0.25"), ("memory", "4GiB")][..],
                "cpu=0.25 with memory=4096MiB",
                "cpu=0.5 with memory=4096MiB",
            ),
            (&[("cpu", "0.3")], "cpu=0.3 with memory=851MiB", "cpu=0.5 with memory=1024MiB"),
            (
                &[("cpu", "1"), ("memory", "1GiB")],
                "cpu=1 with memory=1024MiB",
                "cpu=1 with memory=2048MiB",
            ),
            (
                &[("memory", "500GiB")],
                "cpu=1 with memory=512000MiB",
                "cpu=16 with memory=122880MiB",
            ),
            (
                &[("cpu", "0.25"), ("memory", "1536MiB")],
                "cpu=0.25 with memory=1536MiB",
                "cpu=0.25 with memory=2048MiB",
            ),
        ] {
            let (found, hint) = of(settings).unwrap_err();
            assert_eq!(found, format!("Fargate has no task with {error}"));
            assert!(hint.starts_with(&format!("the nearest that it has is {nearest}; ")), "{hint}");
        }
    }
}
