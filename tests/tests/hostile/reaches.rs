//! Guests that reach for what is not theirs. They say themselves whether they got it: then they panic.

use longshore_tests::Home;

use crate::guest::Guest;

include!(concat!(env!("OUT_DIR"), "/guests/reaches.rs"));

#[test]
fn reads_paths() {
    Guest::flow("reads_paths").completes("");
}

#[test]
fn writes_paths() {
    Guest::flow("writes_paths").completes("");
}

#[test]
fn links_paths() {
    Guest::flow("links_paths").completes("");
}

#[test]
fn reads_its_surroundings() {
    Guest::flow("reads_its_surroundings").completes("");
}

#[test]
fn reads_standard_input() {
    Guest::flow("reads_standard_input").completes("");
}

#[test]
fn starts_processes() {
    Guest::flow("starts_processes").completes("");
}

#[test]
fn starts_threads() {
    Guest::flow("starts_threads").completes("");
}

#[test]
fn bends_time() {
    Guest::flow("bends_time").completes("");
}

#[test]
fn guesses_the_keys_of_others() {
    // Another run, whose keys are real.
    let guest = Guest::flow("guesses_the_keys_of_others");
    let elsewhere = Home::new();
    elsewhere.run("add_one").param("n", 1).succeeds();
    let other = elsewhere.only_run();
    let before = other.outcome();
    let store = elsewhere.store();
    guest.param("store", store.display()).param("other", other.id()).completes("");
    assert_eq!(other.outcome(), before);
}
