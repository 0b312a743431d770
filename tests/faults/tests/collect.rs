//! Garbage is collected at every step of a submit, and the other way round: what a run needs is there in the end.

use std::path::Path;
use std::sync::OnceLock;

use longshore_faults::{AGES, Collected, Collector, Player, Schedule, World};

/// More steps than either side takes.
const ALL: u32 = 1_000;
const RANDOM: u64 = 100;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::below(Path::new(env!("CARGO_TARGET_TMPDIR"))))
}

/// Every schedule for code of this age: one of the two is interrupted at a step, the other then at each of its own.
fn schedules(age: std::time::Duration) -> Vec<Schedule> {
    use Player::{Gc, Submit};
    let alone = world().collect(age, Schedule::Parts(vec![(Gc, ALL)]), Collector::Ours);
    let late = world().collect(age, Schedule::Parts(vec![(Submit, ALL)]), Collector::Ours);
    let gc = alone.gc_steps.max(late.gc_steps);
    let submit = alone.submit_steps.max(late.submit_steps);
    let mut all = Vec::new();
    for i in 0..=gc {
        for j in 0..=submit {
            all.push(Schedule::Parts(vec![(Gc, i), (Submit, j), (Gc, ALL)]));
            all.push(Schedule::Parts(vec![(Submit, j), (Gc, i), (Submit, 2), (Gc, ALL)]));
            all.push(Schedule::Parts(vec![
                (Submit, j),
                (Gc, i),
                (Submit, 4),
                (Gc, 1),
                (Submit, 4),
                (Gc, ALL),
            ]));
        }
    }
    all.extend((1..=RANDOM).map(|seed| Schedule::Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))));
    all
}

fn play(collector: Collector) -> (usize, Vec<String>, usize) {
    let (mut count, mut wrong, mut removed) = (0, Vec::new(), 0);
    for age in AGES {
        for schedule in schedules(age) {
            let text = format!("{age:?} {schedule:?}");
            let played: Collected = world().collect(age, schedule, collector);
            wrong.extend(played.wrong.iter().map(|wrong| format!("{text}: {wrong}")));
            removed += played.removed;
            count += 1;
        }
    }
    (count, wrong, removed)
}

#[test]
fn a_submit_finds_its_code_whenever_garbage_is_collected() {
    let (count, wrong, removed) = play(Collector::Ours);
    assert!(wrong.is_empty(), "{} of {count} went wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 300, "there were only {count} schedules");
    assert!(removed > 0, "nothing was ever removed");
}

#[test]
fn a_hasty_collector_is_found_out() {
    let (count, wrong, _) = play(Collector::Hasty);
    let lost = wrong.iter().filter(|wrong| wrong.ends_with("was removed, and a run needs it"));
    assert!(lost.count() > 0, "in {count} schedules nothing was wrong");
}

#[test]
fn a_collector_that_dies_costs_a_submit_only_time() {
    let age = AGES[2];
    for steps in 1..=ALL {
        // Whoever submits after the death waits for the mark that is left.
        let schedule = Schedule::Parts(vec![(Player::Gc, ALL)]);
        let played = world().collect(age, schedule, Collector::Dying(steps));
        assert!(played.wrong.is_empty(), "after {steps} steps: {:?}", played.wrong);
        if played.gc_steps < steps {
            return;
        }
    }
}
