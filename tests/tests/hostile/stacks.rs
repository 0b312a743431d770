//! Guests that call themselves too often.

use longshore_protocol::limits::LimitName;

use crate::guest::Guest;

include!(concat!(env!("OUT_DIR"), "/guests/stacks.rs"));

#[test]
fn recurses() {
    Guest::flow("recurses").reaches(LimitName::StackBytes);
}

#[test]
fn recurses_through_pointers() {
    Guest::flow("recurses_through_pointers").reaches(LimitName::StackBytes);
}

#[test]
fn recurses_in_decoding() {
    Guest::flow("recurses_in_decoding").reaches(LimitName::StackBytes);
}

#[test]
fn recurses_in_formatting() {
    Guest::flow("recurses_in_formatting").reaches(LimitName::StackBytes);
}

#[test]
fn recurses_on_a_small_stack() {
    let ended = Guest::flow("recurses_on_a_small_stack").reaches(LimitName::StackBytes);
    assert_eq!(ended.outcome().limits.stack_bytes, 64 << 10);
}

#[test]
fn recurses_with_luggage() {
    Guest::flow("recurses_with_luggage").traps("out of bounds memory access");
}
