//! Writes the kept seeds, from real artefacts:
//! `cargo run --manifest-path tests/fuzz/Cargo.toml --example seeds COMPONENT.wasm…`
//!
//! Components are reduced to what is read of them: their imports and their flow descriptors. Records are the examples
//! of docs/storage.md, which are from real runs. Values of the codec are what serde and postcard make of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use longshore_protocol::{descriptor, schema};
use postcard_schema::Schema;
use postcard_schema::schema::owned::OwnedNamedType;
use serde::Serialize;
use wasmparser::{Parser, Payload};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn main() {
    for file in std::env::args().skip(1) {
        component(Path::new(&file));
    }
    records();
    values();
    for (name, text) in [
        ("run", "01a20bcc-4b0b-761a-a33d-b5c93fe82bd4"),
        ("ending", "3fe82bd4"),
        ("digest", "875768404416c5fa22d6099bd74a3c9604368dede0e6706954561cf7672b9194"),
        ("tenant", "team-7"),
        ("format", "1.0"),
        ("state", "Completed"),
        ("size", "64MiB"),
        ("size-fraction", "1.5 GB"),
        ("limit", "cpu=1m 30s"),
        ("limit-bytes", "memory=64MiB"),
        ("limit-count", "fuel=1_000_000"),
        ("duration", "1h 30m 250ms"),
        ("key", "runs/default/20261124/01a20bcc-4b0b-761a-a33d-b5c93fe82bd4/order.json"),
    ] {
        write("names", name, text.as_bytes());
    }
    for (name, lines) in [
        ("name", "*.example.com:443\nGET,HEAD api.example.com:443\napi.example.com\n93.184.216.34"),
        ("any", "*:*\napi.example.com:80\napi.example.com.\n127.0.0.1"),
        ("net", "udp 10.0.0.0/8:53\nudp 10.0.0.2:53\n10.0.0.2\n10.0.0.2"),
        ("net-v6", "[fd00::]/8:*\n[fd00::1]:5432\nfd00::1\nfd00::1"),
        ("localhost", "localhost:*\ntcp localhost:80\nlocalhost.\n127.0.0.1"),
        ("secret", "APP_*\nAPI_KEY@api.example.com:443"),
    ] {
        write("grants", name, lines.as_bytes());
    }
}

fn write(target: &str, name: &str, content: &[u8]) {
    let folder = Path::new(HERE).join("seeds").join(target);
    fs::create_dir_all(&folder).expect("the folder of the seeds can be made");
    fs::write(folder.join(name), content).expect("a seed can be written");
}

fn component(file: &Path) {
    let bytes = fs::read(file).expect("the component can be read");
    let name = file.file_stem().and_then(|name| name.to_str()).expect("the file has a name");
    let (mut imports, mut module, mut section) =
        (Vec::new(), b"\0asm\x01\0\0\0".to_vec(), Vec::new());
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload.expect("the component is one") {
            Payload::ComponentImportSection(reader) => {
                add_section(10, &bytes[reader.range()], &mut imports);
            }
            Payload::CustomSection(reader) if reader.name() == descriptor::SECTION => {
                add_section(0, &bytes[reader.range()], &mut module);
                section.extend(reader.data());
            }
            _ => {}
        }
    }
    let mut reduced = [&b"\0asm\x0d\0\x01\0"[..], &imports].concat();
    add_section(1, &module, &mut reduced);
    write("component", &format!("{name}.wasm"), &reduced);
    write("descriptors", name, &section);
}

fn add_section(id: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push(id);
    let length = u32::try_from(content.len()).expect("a section is that small");
    // Postcard's numbers are LEB128, as those of WebAssembly.
    out.extend(postcard::to_allocvec(&length).expect("a number is serializable"));
    out.extend(content);
}

fn records() {
    let text = fs::read_to_string(Path::new(HERE).join("../../docs/storage.md"))
        .expect("docs/storage.md is there");
    for part in text.split("\n### ").skip(1) {
        let title = part.lines().next().unwrap_or_default().to_lowercase();
        if let Some((_, block)) = part.split_once("```json\n{")
            && let Some((block, _)) = block.split_once("\n```")
        {
            write("records", &format!("{title}.json"), format!("{{{block}\n").as_bytes());
        }
    }
    let verdicts = [
        r#"{"failed":{"error":{"message":"no","causes":["why"]},"permanent":true}}"#,
        r#"{"panicked":{"message":"no","location":"src/lib.rs:1:2"}}"#,
        r#"{"out_of_memory":{"limit_bytes":1,"peak_bytes":2,"wanted_bytes":3}}"#,
        r#"{"limit_reached":{"limit":"result_bytes","allowed":1,"wanted":2}}"#,
    ];
    for (number, verdict) in verdicts.iter().enumerate() {
        let text = format!(
            r#"{{"format":"1.0","run":"01a20bcc-4b0b-761a-a33d-b5c93fe82bd4","verdict":{verdict},"retryable":false,
"attempt":1,"started_at":"2026-11-24T04:24:27.663Z","ended_at":"2026-11-24T04:24:36.816Z","limits":{{}},
"runtime":{{"version":"0.1.0","engine":"e","code":{{"compiled_here":{{"because":"x"}}}}}}}}"#
        );
        write("records", &format!("outcome-{number}.json"), text.as_bytes());
    }
}

#[derive(Serialize, Schema)]
struct Row {
    name: String,
    price: f64,
    rebate: Option<f32>,
}

#[derive(Serialize, Schema)]
enum Shape {
    Point,
    Circle(f64),
    Line(i32, i32),
    Box { width: u16, height: u8 },
}

#[derive(Serialize, Schema)]
struct Meters(u64);

fn values() {
    value("rows", &vec![Row { name: "a".into(), price: 0.1, rebate: Some(f32::NAN) }]);
    value(
        "shapes",
        &vec![
            Shape::Point,
            Shape::Circle(-1.5),
            Shape::Line(-3, 4),
            Shape::Box { width: 300, height: 7 },
        ],
    );
    value("meters", &Meters(1 << 40));
    value("wide", &(i128::MIN, u128::MAX, 'ä', true, -5_i8, ()));
    value("by_name", &BTreeMap::from([("one".to_owned(), 1_i64), ("two".to_owned(), 2)]));
    value("by_number", &BTreeMap::from([(-1_i16, false), (300, true)]));
    value("by_pair", &BTreeMap::from([((1_u8, 2_u8), "x".to_owned()), ((3, 4), String::new())]));
    value("option", &Some(Some(7_u32)));
    value("result", &Result::<Vec<u8>, String>::Ok(vec![1, 2, 255]));
    value("nothing", &());
}

/// The schema with each form of the value behind it.
fn value<T: Schema + Serialize>(name: &str, value: &T) {
    let schema = OwnedNamedType::from(T::SCHEMA);
    let head = postcard::to_allocvec(&schema).expect("a schema is always serializable");
    let content = postcard::to_allocvec(value).expect("a value is serializable");
    let json = schema::decode(&schema, &content, "seed").expect("a seed has a JSON form");
    write("to_json", name, &[&head[..], &content].concat());
    write("to_postcard", name, &[&head[..], json.to_string().as_bytes()].concat());
}
