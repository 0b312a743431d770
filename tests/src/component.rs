//! Components: the fixtures, and bytes that look like components.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::build;

/// The name of the section in which a component describes its flows.
const SECTION: &[u8] = b"longshore:flows";

/// The component with all flows under test.
pub fn fixtures() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(build::fixtures_file).clone()
}

/// The component with all hostile flows.
pub fn hostile() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build::guest_file("hostile.wasm")).clone()
}

/// The component with the flows that use the network.
pub fn net() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build::guest_file("net.wasm")).clone()
}

/// The fixtures as if they had been built for the flow ABI `major`.0.
pub fn of_other_abi(major: u16) -> Vec<u8> {
    let mut bytes = content();
    let mut at = section(&bytes);
    let end = at + section_length(&bytes, at);
    while at < end {
        let length =
            u32::from_le_bytes(bytes[at..at + 4].try_into().expect("these are four bytes"));
        bytes[at + 4..at + 6].copy_from_slice(&major.to_le_bytes());
        at += 8 + length as usize;
    }
    bytes
}

/// The fixtures as if they had been built without the SDK: the section has another name.
pub fn without_section() -> Vec<u8> {
    let mut bytes = content();
    let name = section(&bytes) - SECTION.len();
    bytes[name] = b'x';
    bytes
}

/// The fixtures, cut off.
pub fn damaged() -> Vec<u8> {
    let mut bytes = content();
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// The fixtures with a function whose code is no code. Only somebody who compiles it finds out.
pub fn miscoded() -> Vec<u8> {
    let mut bytes = content();
    let body = wasmparser::Parser::new(0).parse_all(&bytes).find_map(|payload| match payload {
        Ok(wasmparser::Payload::CodeSectionEntry(body)) => Some(body.range()),
        _ => None,
    });
    bytes[body.expect("the fixtures have functions")].fill(0xff);
    bytes
}

/// An empty core module.
pub fn core_module() -> Vec<u8> {
    b"\0asm\x01\0\0\0".to_vec()
}

fn content() -> Vec<u8> {
    std::fs::read(fixtures()).expect("the fixtures were built")
}

/// Where the content of the section begins: right after its name.
fn section(bytes: &[u8]) -> usize {
    let named = |window: &[u8]| window[0] as usize == SECTION.len() && window[1..] == *SECTION;
    let at = bytes.windows(SECTION.len() + 1).position(named);
    at.expect("the fixtures have the section") + SECTION.len() + 1
}

/// The length of the content, from the section's size (LEB128), which stands before the name and its length.
fn section_length(bytes: &[u8], content: usize) -> usize {
    let name = content - SECTION.len() - 1;
    // The size ends right before the name; its other bytes have the highest bit set.
    let mut begin = name - 1;
    while bytes[begin - 1] & 0x80 != 0 {
        begin -= 1;
    }
    let size =
        bytes[begin..name].iter().rev().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
    size - SECTION.len() - 1
}
