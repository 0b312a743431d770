//! Guests that end badly, or that try not to have ended like that.

use longshore_protocol::limits::LimitName;

use crate::guest::{Guest, claims_no_other_end, commands_nobody};

include!(concat!(env!("OUT_DIR"), "/guests/ends.rs"));

#[test]
fn panics_in_drop() {
    Guest::flow("panics_in_drop").panics("the tripwire was touched");
}

#[test]
fn panics_while_it_panics() {
    Guest::flow("panics_while_it_panics").panics("the first of two");
}

#[test]
fn panics_without_words() {
    Guest::flow("panics_without_words").panics("the panic's payload is not text");
}

#[test]
fn panics_in_its_message() {
    Guest::flow("panics_in_its_message").traps("unreachable");
}

#[test]
fn panics_in_its_hook() {
    Guest::flow("panics_in_its_hook").traps("unreachable");
}

#[test]
fn hushes_its_panic() {
    Guest::flow("hushes_its_panic").traps("unreachable");
}

#[test]
fn aborts() {
    Guest::flow("aborts").traps("unreachable");
}

#[test]
fn panics_at_length() {
    let ended = Guest::flow("panics_at_length").spares_its_host().panics("cut");
    assert!(ended.answer.stderr.len() < 100 << 10, "{} bytes are shown", ended.answer.stderr.len());
}

#[test]
fn panics_with_a_giant() {
    Guest::flow("panics_with_a_giant").spares_its_host().reaches(LimitName::HostCallBytes);
}

#[test]
fn panics_in_colour() {
    let ended = Guest::flow("panics_in_colour").panics("red");
    commands_nobody(&ended.answer.stderr);
    claims_no_other_end(&ended.answer.stderr);
}

#[test]
fn exits() {
    for code in [0, 1, 255] {
        Guest::flow("exits").param("code", code).fails("the flow ended its process");
    }
}

#[test]
fn exits_in_drop() {
    Guest::flow("exits_in_drop").fails("the flow ended its process");
}

#[test]
fn exits_after_a_panic() {
    Guest::flow("exits_after_a_panic").fails("the flow ended its process");
}

#[test]
fn lies_about_a_panic() {
    Guest::flow("lies_about_a_panic").completes("7\n");
}

#[test]
fn lies_about_a_panic_and_spins() {
    Guest::flow("lies_about_a_panic_and_spins").times_out();
}

#[test]
fn lies_about_a_panic_and_eats() {
    Guest::flow("lies_about_a_panic_and_eats").runs_out_of_memory();
}

#[test]
fn lies_about_a_panic_and_fails() {
    Guest::flow("lies_about_a_panic_and_fails").fails("the truth");
}

#[test]
fn lies_without_end() {
    Guest::flow("lies_without_end").spares_its_host().times_out();
}

#[test]
fn doubts_its_context() {
    Guest::flow("doubts_its_context").completes("");
}
