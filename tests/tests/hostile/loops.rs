//! Guests that never end: whoever stops them comes through everywhere.

use longshore_protocol::limits::LimitName;

use crate::guest::Guest;

include!(concat!(env!("OUT_DIR"), "/guests/loops.rs"));

#[test]
fn spins() {
    Guest::flow("spins").times_out();
}

#[test]
fn spins_in_floats() {
    Guest::flow("spins_in_floats").times_out();
}

#[test]
fn spins_in_recursion() {
    Guest::flow("spins_in_recursion").times_out();
}

#[test]
fn spins_in_host_calls() {
    Guest::flow("spins_in_host_calls").times_out();
}

#[test]
fn spins_in_clocks() {
    Guest::flow("spins_in_clocks").times_out();
}

#[test]
fn naps() {
    Guest::flow("naps").times_out();
}

#[test]
fn naps_for_nothing() {
    Guest::flow("naps_for_nothing").times_out();
}

#[test]
fn waits_for_many_timers() {
    Guest::flow("waits_for_many_timers").times_out();
}

#[test]
fn spins_in_drop() {
    Guest::flow("spins_in_drop").times_out();
}

#[test]
fn spins_in_its_panic_hook() {
    Guest::flow("spins_in_its_panic_hook").times_out();
}

#[test]
fn spins_in_fills() {
    Guest::flow("spins_in_fills").spares_its_host().times_out();
}

#[test]
fn spins_in_copies() {
    Guest::flow("spins_in_copies").spares_its_host().times_out();
}

#[test]
fn spins_over_its_processor_time() {
    Guest::flow("spins_over_its_processor_time").reaches(LimitName::CpuMs);
}

#[test]
fn spins_over_its_fuel() {
    let ended = Guest::flow("spins_over_its_fuel").reaches(LimitName::Fuel);
    // The same on every machine.
    assert_eq!(ended.outcome().usage.fuel, Some(10_000_000));
}

#[test]
fn sleeps_for_ever() {
    let ended = Guest::flow("sleeps_for_ever").times_out();
    assert!(ended.outcome().usage.cpu_ms < 100, "{:?}", ended.outcome().usage);
}

#[test]
fn spins_over_its_parameters() {
    Guest::flow("spins_over_its_parameters").param_file("data", vec![0; 1 << 20]).times_out();
}

#[test]
fn spins_in_prints() {
    let usage = Guest::flow("spins_in_prints").times_out().outcome().usage.clone();
    assert!(usage.log_bytes <= 10 << 10 && usage.log_dropped_bytes > 0, "{usage:?}");
}
