//! Looks into a component without executing any of it.

use wasmparser::{Encoding, Parser, Payload};

use crate::abi::Abi;
use crate::descriptor::{self, FlowDescriptor};
use crate::{Error, ErrorKind, suggest};

/// What a component may say about its flows: thousands of them. A type takes up to fifty times more memory than its
/// description has bytes, so this bounds what reading it costs.
const SECTION_BYTES_MAX: usize = 1 << 20;

/// What a component says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The guest contract that it was built for.
    pub abi: Abi,
    /// Its flows, sorted by name.
    pub flows: Vec<FlowDescriptor>,
    /// What it imports, sorted: `wasi:cli/environment@0.2.6` and the like.
    pub imports: Vec<String>,
}

impl Description {
    /// The flow that is called `name`, or the only one where no name is given.
    ///
    /// # Errors
    /// Names the nearest flow, or all of them.
    pub fn flow(&self, name: Option<&str>) -> Result<&FlowDescriptor, Error> {
        let names: Vec<_> = self.flows.iter().map(|flow| flow.name.as_str()).collect();
        let found = match (name, self.flows.as_slice()) {
            (None, [only]) => return Ok(only),
            (None, _) => {
                return Err(bad(format!(
                    "the component has several flows, name one: {}",
                    names.join(", ")
                )));
            }
            (Some(name), flows) => flows.iter().find(|flow| flow.name == name).ok_or(name),
        };
        found.map_err(|name| match suggest::nearest(name, names.iter().copied()) {
            Some(near) => {
                bad(format!("the component has no flow {name:?}; did you mean {near:?}?"))
            }
            None => bad(format!("the component has no flow {name:?}; it has {}", names.join(", "))),
        })
    }
}

fn bad(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Component, text)
}

/// Reads the descriptors and imports of a component.
///
/// # Errors
/// Says whether the bytes are no WebAssembly, a core module, a component without flows, or damaged, or names both
/// ABI versions where it was built for another one.
pub fn describe(bytes: &[u8]) -> Result<Description, Error> {
    check_is_component(bytes)?;
    let mut section = Vec::new();
    let mut imports = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| bad(format!("the component is damaged: {error}")))?;
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(reader) if depth == 0 => {
                for import in reader {
                    let import = import
                        .map_err(|error| bad(format!("the component is damaged: {error}")))?;
                    imports.push(import.name.name.to_owned());
                }
            }
            Payload::CustomSection(reader) if reader.name() == descriptor::SECTION => {
                section.extend_from_slice(reader.data());
                if section.len() > SECTION_BYTES_MAX {
                    return Err(bad(format!(
                        "the section {} has {} bytes, and {SECTION_BYTES_MAX} are allowed",
                        descriptor::SECTION,
                        section.len()
                    )));
                }
            }
            _ => {}
        }
    }
    if section.is_empty() {
        return Err(bad(format!(
            "the component has no section {}: it was not built with longshore-sdk",
            descriptor::SECTION
        )));
    }
    let (abi, flows) = descriptor::parse(&section)?;
    imports.sort();
    Ok(Description { abi, flows, imports })
}

fn check_is_component(bytes: &[u8]) -> Result<(), Error> {
    if !bytes.starts_with(b"\0asm") {
        return Err(bad("the file is not WebAssembly"));
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding: Encoding::Component, .. })) => Ok(()),
        Some(Ok(Payload::Version { encoding: Encoding::Module, .. })) => {
            Err(bad("the file is a WebAssembly core module, not a component"))
        }
        Some(Err(error)) => Err(bad(format!("the component is damaged: {error}"))),
        Some(Ok(_)) | None => Err(bad("the component is damaged: it has no header")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_without_end_is_refused() {
        let content = vec![0; SECTION_BYTES_MAX + 1];
        let (name, length) = (descriptor::SECTION.as_bytes(), content.len() + 16);
        // A custom section: its size as LEB128, its name with its length, its content.
        let size = [length & 0x7f | 0x80, length >> 7 & 0x7f | 0x80, length >> 14].map(|n| n as u8);
        let head = [b"\0asm\x0d\0\x01\0\0", &size[..], &[name.len() as u8], name].concat();
        let text = describe(&[head, content].concat()).unwrap_err().to_string();
        assert_eq!(text, "the section longshore:flows has 1048577 bytes, and 1048576 are allowed");
    }

    #[test]
    fn what_is_no_component_is_named() {
        let table: [(&[u8], &str); 4] = [
            (b"", "not WebAssembly"),
            (b"#!/bin/sh", "not WebAssembly"),
            (b"\0asm\x01\0\0\0", "core module"),
            (b"\0asm\x0d\0\x01\0", "no section longshore:flows"),
        ];
        for (bytes, expected) in table {
            let text = describe(bytes).unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
        }
    }
}
