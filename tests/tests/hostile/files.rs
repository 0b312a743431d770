//! Guests with files of their own that want more than to read them. They say themselves whether they got it.

use longshore_protocol::limits::LimitName;

use crate::guest::Guest;

include!(concat!(env!("OUT_DIR"), "/guests/files.rs"));

fn with_files(name: &'static str) -> Guest {
    Guest::flow(name).with_file("a.txt", "a").with_file("folder/b.txt", "b")
}

/// As many as make a list long.
fn with_many_files(name: &'static str) -> Guest {
    let long = "x".repeat(200);
    let paths: Vec<_> = (0..5_000).map(|n| format!("many/{long}-{n}")).collect();
    Guest::flow(name).with_files("./many/", paths.iter().map(String::as_str))
}

#[test]
fn writes_its_files() {
    with_files("writes_its_files").completes("");
}

#[test]
fn writes_its_files_by_hand() {
    with_files("writes_its_files_by_hand").completes("");
}

#[test]
fn leaves_its_files() {
    with_files("leaves_its_files").completes("");
}

#[test]
fn hoards_its_files() {
    with_files("hoards_its_files").spares_its_host().reaches(LimitName::Handles);
}

#[test]
fn hoards_lists_of_its_files() {
    with_many_files("hoards_lists_of_its_files").spares_its_host().reaches(LimitName::Handles);
}

#[test]
fn churns_lists_of_its_files() {
    with_many_files("churns_lists_of_its_files").spares_its_host().completes("");
}

#[test]
fn hoards_streams_of_its_files() {
    with_files("hoards_streams_of_its_files").spares_its_host().reaches(LimitName::Handles);
}

#[test]
fn reads_beyond_its_files() {
    with_files("reads_beyond_its_files").spares_its_host().completes("");
}

#[test]
fn reads_its_files_for_ever() {
    with_files("reads_its_files_for_ever").spares_its_host().reaches(LimitName::CpuMs);
}
