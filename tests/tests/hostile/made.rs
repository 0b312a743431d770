//! Guests that no compiler of Rust makes: from text, and by hand.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use longshore_protocol::abi::Abi;
use longshore_protocol::descriptor::{self, FlowDescriptor, Setting};
use longshore_tests::{Home, repository};
use postcard_schema::Schema;
use postcard_schema::schema::owned::OwnedNamedType;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What raw guests may import: the contract, and what they need of WASI.
const WORLD: &str = "
    package longshore:raw;

    world raw {
        include longshore:flow/flows@1.0.0;
        import wasi:io/poll@0.2.0;
        import wasi:clocks/monotonic-clock@0.2.0;
    }
";
const WASI_IO: &str = "
    package wasi:io@0.2.0;

    interface poll {
        resource pollable {
            block: func();
        }
    }
";
const WASI_CLOCKS: &str = "
    package wasi:clocks@0.2.0;

    interface monotonic-clock {
        use wasi:io/poll@0.2.0.{pollable};
        subscribe-duration: func(when: u64) -> pollable;
    }
";

/// The guest `guests/raw/NAME.wat` as a component that describes a flow of this name. A text that is a component or a
/// module without flows stays what it is.
pub(crate) fn raw(name: &str, settings: &[(&str, u64)]) -> Vec<u8> {
    with_section(raw_without_section(name), &frame(&flow(name, settings)))
}

/// The same, and it describes nothing.
pub(crate) fn raw_without_section(name: &str) -> Vec<u8> {
    let file = repository().join(format!("tests/guests/raw/{name}.wat"));
    let text = fs::read_to_string(file).expect("the guest has a text");
    if text.contains("(export \"longshore:flow/guest@1.0.0#run\")") {
        return component_of(&text);
    }
    wat::parse_str(&text).expect("the text is WebAssembly")
}

/// A component of the core module `text`, which fits the world of flows.
pub(crate) fn component_of(text: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).expect("the text is WebAssembly");
    let mut resolve = Resolve::new();
    resolve.push_path(repository().join("wit")).expect("the contract can be read");
    let mut push = |name: &str, text: &str| resolve.push_str(name, text).expect("the world is WIT");
    push("io.wit", WASI_IO);
    push("clocks.wit", WASI_CLOCKS);
    let package = push("raw.wit", WORLD);
    let world = resolve.select_world(&[package], Some("raw")).expect("the package has this world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("the module can be described");
    // Not validated: that is for the programs under test.
    let mut encoder =
        ComponentEncoder::default().validate(false).module(&module).expect("it is a module");
    encoder.encode().expect("the module fits the world")
}

/// A flow without parameters and value, which asks for little.
pub(crate) fn flow(name: &str, settings: &[(&str, u64)]) -> FlowDescriptor {
    let mut asked = vec![("memory_bytes", 16 << 20), ("timeout_ms", 300)];
    asked.retain(|(key, _)| settings.iter().all(|(other, _)| other != key));
    asked.extend(settings);
    let setting = |(key, value): (&str, u64)| Setting { key: key.into(), value: value.to_string() };
    FlowDescriptor {
        name: name.to_owned(),
        doc: String::new(),
        params: vec![],
        result: OwnedNamedType::from(<() as Schema>::SCHEMA),
        settings: asked.into_iter().map(setting).collect(),
    }
}

/// A flow as the section describes it.
pub(crate) fn frame(flow: &FlowDescriptor) -> Vec<u8> {
    let payload = postcard::to_allocvec(flow).expect("a descriptor is postcard");
    framed(&payload)
}

/// A frame around anything.
pub(crate) fn framed(payload: &[u8]) -> Vec<u8> {
    let Abi { major, minor } = Abi::CURRENT;
    let length = u32::try_from(payload.len()).expect("it is small").to_le_bytes();
    [&length[..], &major.to_le_bytes(), &minor.to_le_bytes(), payload].concat()
}

/// A component or a module with one more section that describes flows.
pub(crate) fn with_section(mut component: Vec<u8>, content: &[u8]) -> Vec<u8> {
    use wasm_encoder::{CustomSection, Encode as _, Section as _};
    let section = CustomSection { name: descriptor::SECTION.into(), data: content.into() };
    component.push(section.id());
    section.encode(&mut component);
    component
}

/// A program that starts the runtime and writes its peak of memory to [`peak_file`].
pub(crate) fn measured_runtime(home: &Home, runtime: &Path) -> PathBuf {
    let (peak, file) = (env!("CARGO_BIN_EXE_longshore-peak"), peak_file(home));
    let script =
        format!("#!/bin/sh\nexec '{peak}' '{}' '{}' \"$@\"\n", file.display(), runtime.display());
    let program = home.file("measured-runtime", script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// Where the measured runtime leaves its peak of memory, in KiB.
pub(crate) fn peak_file(home: &Home) -> PathBuf {
    home.path("peak")
}
