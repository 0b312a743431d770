//! Components that lie about themselves, or of which a part is missing.

use std::fs;

use longshore_protocol::descriptor::{FlowDescriptor, Setting};
use longshore_protocol::limits::LimitName;
use longshore_tests::{Home, hostile, of_other_abi};
use postcard_schema::schema::owned::OwnedDataModelType;

use crate::guest::{Guest, commands_nobody};
use crate::made::{flow, frame, framed, raw_without_section, with_section};

include!(concat!(env!("OUT_DIR"), "/guests/components.rs"));

/// A component that does nothing, and describes itself with `section`.
fn described(section: &[u8]) -> Vec<u8> {
    with_section(raw_without_section("does_nothing"), section)
}

/// A component that does nothing, and describes its flow in an unusual way.
fn unusual(name: &str, change: impl FnOnce(&mut FlowDescriptor)) -> Vec<u8> {
    let mut flow = flow(name, &[]);
    change(&mut flow);
    described(&frame(&flow))
}

#[test]
fn describes_nothing() {
    let bare = raw_without_section("does_nothing");
    Guest::made("describes_nothing", bare).counts_as_bad_input("has no section longshore:flows");
}

#[test]
fn describes_itself_in_two_sections() {
    let [first, second] =
        ["describes_itself_in_two_sections", "another"].map(|name| frame(&flow(name, &[])));
    let component = with_section(described(&first), &second);
    Guest::made("describes_itself_in_two_sections", component).completes("");
}

#[test]
fn describes_a_flow_twice() {
    let frame = frame(&flow("describes_a_flow_twice", &[]));
    let component = described(&[frame.clone(), frame].concat());
    Guest::made("describes_a_flow_twice", component)
        .counts_as_bad_input("the component has two flows named describes_a_flow_twice");
}

#[test]
fn describes_a_flow_that_it_does_not_have() {
    let name = "describes_a_flow_that_it_does_not_have";
    let component = with_section(fs::read(hostile()).unwrap(), &frame(&flow(name, &[])));
    Guest::made(name, component).fails("the component has no flow");
}

#[test]
fn describes_a_gib() {
    let mut frame = framed(b"short");
    frame[..4].copy_from_slice(&(1_u32 << 30).to_le_bytes());
    Guest::made("describes_a_gib", described(&frame))
        .counts_as_bad_input("is damaged at byte 0: it ends in the middle of a frame");
}

#[test]
fn describes_itself_with_noise() {
    Guest::made("describes_itself_with_noise", described(&framed(&[0xff; 1_000])))
        .counts_as_bad_input("is damaged at byte 0");
}

#[test]
fn describes_countless_parameters() {
    // An empty name, an empty text, and a number of parameters.
    let payload = [0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f];
    Guest::made("describes_countless_parameters", described(&framed(&payload)))
        .counts_as_bad_input("is damaged at byte 0");
}

#[test]
fn describes_itself_without_end() {
    // A type of many fields takes far more memory than its description has bytes.
    let mut payload = vec![0, 0, 0, 0, 20, 0x80, 0x80, 0x80, 8];
    payload.extend([0, 0, 0].repeat(16 << 20));
    Guest::made("describes_itself_without_end", described(&framed(&payload))).counts_as_bad_input(
        "the section longshore:flows has 50331665 bytes, and 1048576 are allowed",
    );
}

#[test]
fn describes_a_bottomless_type() {
    let mut payload = vec![0, 0, 0];
    payload.extend([0, 18].repeat(200_000));
    Guest::made("describes_a_bottomless_type", described(&framed(&payload)))
        .counts_as_bad_input("nested more than 128 levels deep");
}

#[test]
fn is_of_another_contract() {
    Guest::made("is_of_another_contract", of_other_abi(7)).counts_as_bad_input("flow ABI 7.0");
}

#[test]
fn has_a_name_like_a_path() {
    // No name of a flow is ever part of a path; it runs, and leaves nothing beside the store.
    let name = "../../../../../../tmp/longshore-was-here";
    let home = Home::new();
    let file = home.file("guest.wasm", unusual(name, |_| {}));
    home.longshore(&["run"]).arg(file).arg(name).succeeds();
    assert_eq!(home.only_run().state(), "Completed");
    assert!(!std::path::Path::new("/tmp/longshore-was-here").exists());
}

#[test]
fn has_a_name_that_commands_the_terminal() {
    let home = Home::new();
    let component =
        unusual("\u{1b}[31mred\u{7}", |flow| flow.doc = "\u{1b}]0;title\u{7}".to_owned());
    let file = home.file("guest.wasm", component);
    let said = home.longshore(&["inspect"]).arg(&file).succeeds();
    commands_nobody(&said.text());
    let said = home.longshore(&["run"]).arg(file).succeeds();
    commands_nobody(&said.stderr);
    commands_nobody(&home.longshore(&["list"]).succeeds().text());
}

#[test]
fn asks_for_what_is_no_number() {
    let name = "asks_for_what_is_no_number";
    let component = unusual(name, |flow| flow.settings[0].value = "much".to_owned());
    Guest::made(name, component).counts_as_bad_input("memory_bytes = \"much\" is not a number");
}

#[test]
fn asks_for_everything() {
    let name = "asks_for_everything";
    let setting =
        |limit: LimitName| Setting { key: limit.key().to_owned(), value: u64::MAX.to_string() };
    let component = unusual(name, |flow| flow.settings = LimitName::ALL.map(setting).into());
    Guest::made(name, component)
        .counts_as_bad_input("table_elements = 18446744073709551615 is too much");
}

#[test]
fn asks_for_nothing() {
    let name = "asks_for_nothing";
    let setting = |limit: LimitName| Setting { key: limit.key().to_owned(), value: "0".to_owned() };
    let component = unusual(name, |flow| flow.settings = LimitName::ALL.map(setting).into());
    Guest::made(name, component).counts_as_bad_input("memory_bytes = 0 is nothing");
}

#[test]
fn returns_what_it_does_not_describe() {
    let name = "returns_what_it_does_not_describe";
    let component = unusual(name, |flow| flow.result.ty = OwnedDataModelType::String);
    Guest::made(name, component).returns_no_result("result: expected string");
}

#[test]
fn is_cut_off() {
    let whole = fs::read(hostile()).unwrap();
    for parts in 0..10 {
        // The last section is about who made it: what lacks only that is whole enough.
        let cut = whole[..whole.len() * parts / 10].to_vec();
        Guest::made("is_cut_off", cut).counts_as_bad_input("");
    }
}

#[test]
fn is_noise() {
    for content in [
        &b"#!/bin/sh\ntouch /tmp/longshore-was-here"[..],
        b"",
        b"\0asm\x0d\0\x01\0\xff\xff\xff\xff\xff",
    ] {
        Guest::made("is_noise", content.to_vec()).counts_as_bad_input("");
    }
}
