//! Guests that take what the host has to keep for them.

use longshore_protocol::limits::LimitName;

use crate::guest::Guest;

include!(concat!(env!("OUT_DIR"), "/guests/hoards.rs"));

#[test]
fn hoards_timers() {
    Guest::flow("hoards_timers").spares_its_host().reaches(LimitName::Handles);
}

#[test]
fn hoards_streams() {
    Guest::flow("hoards_streams").spares_its_host().reaches(LimitName::Handles);
}

#[test]
fn hoards_few_timers() {
    let ended = Guest::flow("hoards_few_timers").reaches(LimitName::Handles);
    assert_eq!(ended.outcome().limits.handles, 10);
}

#[test]
fn churns_handles() {
    Guest::flow("churns_handles").spares_its_host().times_out();
}

#[test]
fn waits_a_million_times_at_once() {
    Guest::flow("waits_a_million_times_at_once")
        .spares_its_host()
        .reaches(LimitName::HostCallBytes);
}

#[test]
fn waits_for_nothing() {
    Guest::flow("waits_for_nothing").traps("trapped: empty poll list");
}

#[test]
fn hungers_for_random_bytes() {
    Guest::flow("hungers_for_random_bytes").spares_its_host().reaches(LimitName::RandomBytes);
}

#[test]
fn hungers_for_all_random_bytes() {
    Guest::flow("hungers_for_all_random_bytes").spares_its_host().reaches(LimitName::RandomBytes);
}

#[test]
fn hungers_for_insecure_random_bytes() {
    Guest::flow("hungers_for_insecure_random_bytes")
        .spares_its_host()
        .reaches(LimitName::RandomBytes);
}

#[test]
fn hungers_for_one_byte_more() {
    Guest::flow("hungers_for_one_byte_more").reaches(LimitName::RandomBytes);
}

#[test]
fn nibbles_random_bytes() {
    Guest::flow("nibbles_random_bytes").spares_its_host().times_out();
}

#[test]
fn reads_without_end() {
    Guest::flow("reads_without_end").completes("true\n");
}
