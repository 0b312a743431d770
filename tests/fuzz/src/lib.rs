//! What must hold for bytes from outside, whatever they are.
//!
//! A property takes any bytes and panics when it does not hold. libFuzzer hunts for such bytes (`tests/fuzz.sh`); an
//! ordinary test, `runtime/protocol/tests/fuzzed.rs`, puts every kept input before the same properties.
//!
//! **Invariant:** nothing here knows libFuzzer: that test includes this file, and builds on stable Rust alone.

mod archive;
mod codec;
mod component;
mod grants;
mod memory;
mod names;
mod records;

/// A property by the name of its fuzz target, and of the folder of its seeds.
type Property = (&'static str, fn(&[u8]));

/// All of them.
pub const PROPERTIES: [Property; 8] = [
    ("archive", archive::an_archive_is_plain_or_refused),
    ("component", component::a_component_is_described_or_refused),
    ("descriptors", component::descriptors_are_read_or_refused),
    ("records", records::a_record_round_trips_or_is_refused),
    ("grants", grants::a_grant_reaches_no_further_than_its_policy),
    ("names", names::a_name_round_trips_or_is_refused),
    ("to_postcard", codec::json_becomes_postcard_or_is_refused),
    ("to_json", codec::postcard_becomes_json_or_is_refused),
];

/// Puts `input` before the property `name`, and sees to it that little input takes little memory.
///
/// # Panics
/// Where the property does not hold.
pub fn check(name: &str, input: &[u8]) {
    let (_, property) =
        PROPERTIES.iter().find(|(known, _)| *known == name).expect("a target names its property");
    memory::bounded(input.len(), || property(input));
}

/// A refusal is one sentence that people read: it says something, and not all that a stranger wrote.
fn check_refusal(text: &str) {
    assert!(!text.is_empty(), "a refusal says nothing");
    assert!(text.len() < 5_000, "a refusal of {} bytes", text.len());
}
