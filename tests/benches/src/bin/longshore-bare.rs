//! The bare processes that the figures are compared with.
//!
//! `longshore-bare call FILE.cwasm`: loads a compiled artefact and calls `add_one(1)`.
//! `longshore-bare compile FILE.wasm`: `Component::new`.
//! `longshore-bare peak PROGRAM ARGUMENT…`: runs a program and prints the most memory that it had, in KiB, and
//! its processor time, in milliseconds.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a program of the benches"
)]

use std::process::{Command, Stdio};

use longshore_benches::Bare;
use longshore_runtime::engine::{Engine, EngineSettings};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use wasmtime::component::Component;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["call", file] => {
            let engine = Engine::new(EngineSettings::default()).unwrap();
            let component = engine.load(&std::fs::read(file).unwrap()).unwrap();
            let result = Bare::link(&engine, &component).unwrap().call("add_one", &[2]).unwrap();
            println!("{result:?}");
        }
        ["compile", file] => {
            let engine = Engine::new(EngineSettings::default()).unwrap();
            drop(Component::new(engine.wasmtime(), std::fs::read(file).unwrap()).unwrap());
        }
        ["peak", program, rest @ ..] => {
            let status = Command::new(program).args(rest).stdout(Stdio::null()).status().unwrap();
            assert!(status.success(), "{program} ended with {status}");
            let used = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
            let cpu_ms = (used.user_time() + used.system_time()).num_milliseconds();
            println!("{} {cpu_ms}", used.max_rss());
        }
        other => panic!("unknown arguments {other:?}"),
    }
}
