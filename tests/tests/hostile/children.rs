//! Guests that do by their children what they may not do themselves.

use longshore_protocol::limits::LimitName;

use crate::guest::Guest;

include!(concat!(env!("OUT_DIR"), "/guests/children.rs"));

const MIB: u64 = 1 << 20;

#[test]
fn forks_without_end() {
    let ended = Guest::flow("forks_without_end").spares_its_host().reaches(LimitName::ChildRuns);
    assert_eq!(ended.outcome().usage.child_runs, 300);
}

#[test]
fn calls_children_without_end() {
    let ended =
        Guest::flow("calls_children_without_end").spares_its_host().reaches(LimitName::ChildRuns);
    assert_eq!(ended.outcome().usage.child_runs, 1_000);
}

#[test]
fn nests_without_end() {
    let ended = Guest::flow("nests_without_end").spares_its_host();
    let ended = ended.fails("children call children 32 deep at most");
    // The last of them was refused.
    assert_eq!(ended.outcome().usage.child_runs, 33);
}

#[test]
fn eats_by_a_child() {
    let ended = Guest::flow("eats_by_a_child").spares_its_host().completes("40\n");
    let peak = ended.outcome().usage.memory_peak_bytes;
    assert!((48 * MIB..=64 * MIB).contains(&peak), "{peak}");
}

#[test]
fn eats_by_grandchildren() {
    let ended = Guest::flow("eats_by_grandchildren").param("level", 0).spares_its_host();
    // Six with eight MiB, a little more and a stack each; there is no room for a seventh.
    let ended = ended.completes("5\n");
    let peak = ended.outcome().usage.memory_peak_bytes;
    assert!((48 * MIB..=64 * MIB).contains(&peak), "{peak}");
}

#[test]
fn nests_with_full_stacks() {
    let ended = Guest::flow("nests_with_full_stacks").spares_its_host().completes_with_any();
    let depth: u64 = ended.answer.text().trim().parse().unwrap();
    assert_eq!(depth, ended.outcome().usage.child_runs);
    assert!((20..=32).contains(&depth), "{depth}");
}

#[test]
fn spins_in_a_child() {
    Guest::flow("spins_in_a_child").times_out();
}

#[test]
fn spins_in_a_child_over_its_processor_time() {
    Guest::flow("spins_in_a_child_over_its_processor_time").reaches(LimitName::CpuMs);
}

#[test]
fn burns_fuel_in_children() {
    let ended = Guest::flow("burns_fuel_in_children").reaches(LimitName::Fuel);
    let outcome = ended.outcome();
    assert_eq!(outcome.usage.fuel, outcome.limits.fuel);
    assert!(outcome.usage.child_runs > 1, "{:?}", outcome.usage);
}

#[test]
fn sleeps_in_a_child() {
    Guest::flow("sleeps_in_a_child").times_out();
}

#[test]
fn outlives_its_children() {
    let ended = Guest::flow("outlives_its_children").spares_its_host().completes_with_any();
    let told: Vec<String> = serde_json::from_slice(&ended.answer.stdout).unwrap();
    assert_eq!(told[0], "it does not want to");
    assert!(told[1].starts_with("panicked at "), "{told:?}");
    assert!(told[1].ends_with(": it cannot"), "{told:?}");
    let rest = [
        "trapped: wasm `unreachable` instruction executed",
        "the flow ended its process instead of returning",
        "limit reached: stack size is limited to 1048576 bytes",
    ];
    assert_eq!(told[2..], rest);
    assert_eq!(ended.outcome().usage.child_runs, 5);
}

#[test]
fn hoards_by_a_child() {
    Guest::flow("hoards_by_a_child")
        .completes("limit reached: number of open handles is limited to 16\n");
}

#[test]
fn drowns_a_child() {
    Guest::flow("drowns_a_child").spares_its_host().reaches(LimitName::HostCallBytes);
}

#[test]
fn gets_drowned_by_a_child() {
    Guest::flow("gets_drowned_by_a_child")
        .spares_its_host()
        .completes("limit reached: result size is limited to 65536 bytes\n");
}

#[test]
fn floods_by_children() {
    let ended = Guest::flow("floods_by_children").spares_its_host().completes("");
    let usage = &ended.outcome().usage;
    assert!(usage.log_bytes <= 64 << 10 && usage.log_dropped_bytes > 900_000, "{usage:?}");
}

#[test]
fn calls_nobody() {
    let ended = Guest::flow("calls_nobody").completes_with_any();
    let told: Vec<String> = serde_json::from_slice(&ended.answer.stdout).unwrap();
    let expected = [
        "the component has no flow \"\"; it has ",
        "the component has no flow \"nobody\"; it has ",
        "could not decode parameter mib",
        "the parameters are 2 bytes longer than the flow takes",
        "the component has no flow \"\\u{1b}[2J\"; it has ",
    ];
    assert_eq!(told.len(), expected.len());
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
}
