//! Guests that return what nobody can take: too much, without end, or not what they said.

use longshore_protocol::limits::LimitName;

use crate::guest::{Guest, claims_no_other_end, commands_nobody};

include!(concat!(env!("OUT_DIR"), "/guests/results.rs"));

#[test]
fn returns_the_most() {
    Guest::flow("returns_the_most").returns(&[7; 1022]);
}

#[test]
fn returns_one_byte_more() {
    let ended = Guest::flow("returns_one_byte_more").reaches(LimitName::ResultBytes);
    let told = "result size is limited to 1024 bytes, 1025 bytes wanted";
    assert!(ended.answer.stderr.contains(told), "{}", ended.answer.stderr);
}

#[test]
fn returns_a_giant() {
    Guest::flow("returns_a_giant").spares_its_host().reaches(LimitName::ResultBytes);
}

#[test]
fn returns_without_end() {
    Guest::flow("returns_without_end").spares_its_host().runs_out_of_memory();
}

#[test]
fn fails_at_length() {
    Guest::flow("fails_at_length").spares_its_host().reaches(LimitName::ResultBytes);
}

#[test]
fn fails_verbosely() {
    let ended = Guest::flow("fails_verbosely").spares_its_host().fails("cut");
    assert!(ended.answer.stderr.len() < 1 << 20, "{} bytes are shown", ended.answer.stderr.len());
}

#[test]
fn fails_for_many_causes() {
    let ended = Guest::flow("fails_for_many_causes").fails("link");
    let causes = ended.answer.stderr.matches("caused by: link\n").count();
    assert_eq!(causes, 64);
}

#[test]
fn fails_in_colour() {
    let ended = Guest::flow("fails_in_colour").fails("red");
    commands_nobody(&ended.answer.stderr);
    claims_no_other_end(&ended.answer.stderr);
}

#[test]
fn promises_to_succeed_next_time() {
    let ended = Guest::flow("promises_to_succeed_next_time").fails("just once more");
    assert_eq!(ended.outcome().attempt, 4);
    assert_eq!(ended.outcome().failed_attempts.len(), 3);
}

#[test]
fn returns_half_a_text() {
    Guest::flow("returns_half_a_text").returns_no_result("result[0]: expected string");
}

#[test]
fn returns_text_that_is_none() {
    Guest::flow("returns_text_that_is_none").returns_no_result("result[0]: expected string");
}

#[test]
fn returns_leftovers() {
    Guest::flow("returns_leftovers").returns_no_result("result: 1 bytes are left");
}

#[test]
fn returns_a_number_without_end() {
    Guest::flow("returns_a_number_without_end").returns_no_result("result: expected [string]");
}

#[test]
fn claims_countless_texts() {
    Guest::flow("claims_countless_texts").returns_no_result("result[1]: expected string");
}

#[test]
fn returns_countless_nothings() {
    Guest::flow("returns_countless_nothings")
        .returns_no_result("as JSON it would take far more memory");
}
