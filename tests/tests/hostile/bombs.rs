//! Components that cost whoever compiles them far more than whoever sends them, and those that are a crowd once they run.

use std::fs;
use std::time::{Duration, Instant};

use longshore_protocol::exit::runtime as code;
use longshore_protocol::limits::LimitName;
use longshore_tests::{Answer, Home, runtime};
use wasm_encoder::{
    BlockType, CodeSection, Component, Function, FunctionSection, InstructionSink, MemArg,
    MemorySection, MemoryType, Module, ModuleSection, RawSection, TypeSection, ValType,
};

use crate::guest::{Guest, known_verdict};
use crate::made;

include!(concat!(env!("OUT_DIR"), "/guests/bombs.rs"));

/// What the compiler may use here. The default is 2 GiB and 2 minutes, for which nobody waits in a test.
const MEMORY_MIB_MAX: u64 = 256;
/// For what takes too long at any rate.
const SHORT_S: u64 = 2;
/// For what is refused before, on a machine however busy.
const LONG_S: u64 = 45;
/// The compiler looks at its memory every 20 ms; this is what it can take meanwhile.
const OVERSHOOT_MIB: u64 = 256;

/// Compiles within limits. Whatever the component is, the compiler ends by itself, and in time.
#[track_caller]
fn compiles(component: Vec<u8>, timeout_s: u64) -> (Home, Answer) {
    let home = Home::new();
    let file = home.file("bomb.wasm", component);
    let began = Instant::now();
    let compiler = made::measured_runtime(&home, runtime());
    let call = home.program(compiler).arg("compile").arg("--component").arg(file);
    let call = call.arg("--output").arg(home.path("bomb.cwasm"));
    let call = call.args(["--memory-mib-max", &MEMORY_MIB_MAX.to_string()]);
    let answer = call.args(["--timeout-s", &timeout_s.to_string()]).answer();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(timeout_s + 10), "it took {took:?}");
    let peak = fs::read_to_string(made::peak_file(&home)).unwrap().parse::<u64>().unwrap() >> 10;
    assert!(peak < MEMORY_MIB_MAX + OVERSHOOT_MIB, "the compiler had {peak} MiB");
    (home, answer)
}

/// The compiler opens its output before it gives up the file system, so what is left of a failure is empty.
fn has_made_nothing(home: &Home) -> bool {
    fs::metadata(home.path("bomb.cwasm")).is_ok_and(|meta| meta.len() == 0)
}

/// It is too much, and said to be.
#[track_caller]
fn is_too_much(guest: &str, component: Vec<u8>) {
    assert_eq!(known_verdict(guest), Some("compile limit"));
    let (home, answer) = compiles(component, SHORT_S);
    answer.exits(code::COMPILE_LIMIT).prints("").says("compiling took ");
    assert!(has_made_nothing(&home));
}

/// It is not WebAssembly as the standard allows it.
#[track_caller]
fn is_invalid(guest: &str, component: Vec<u8>, why: &str) {
    assert_eq!(known_verdict(guest), Some("not compiled"));
    let (home, answer) = compiles(component, LONG_S);
    answer.exits(code::NOT_COMPILED).prints("").says("could not compile the component").says(why);
    assert!(has_made_nothing(&home));
}

/// A component of one module of functions that take nothing and return nothing.
fn component_of(functions: &[Function]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut memories = MemorySection::new();
    let memory = MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    memories.memory(memory);
    let (mut declared, mut codes) = (FunctionSection::new(), CodeSection::new());
    for function in functions {
        declared.function(0);
        codes.function(function);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&memories).section(&codes);
    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    component.finish()
}

fn function(locals: u32, write: impl FnOnce(&mut InstructionSink<'_>)) -> Function {
    let mut function = Function::new([(locals, ValType::I64)]);
    write(&mut function.instructions());
    function.instructions().end();
    function
}

#[test]
fn a_function_of_a_million_instructions() {
    let place = MemArg { offset: 0, align: 0, memory_index: 0 };
    let busy = function(64, |code| {
        // What is known before the function runs would be computed before.
        for n in 0..64 {
            code.i32_const(n).i64_load(place).local_set(n as u32);
        }
        for n in 0..400_000 {
            let (from, to) = (n % 64, n * 7 % 61);
            code.local_get(from).local_get(to).i64_mul().local_get(to).i64_rotl().local_set(from);
        }
        // What nobody uses would be left out.
        for n in 0..64 {
            code.i32_const(0).local_get(n).i64_store(place);
        }
    });
    is_too_much("a_function_of_a_million_instructions", component_of(&[busy]));
}

#[test]
fn a_function_of_countless_branches() {
    let maze = function(8, |code| {
        for n in 0..100_000_u32 {
            code.block(BlockType::Empty).local_get(n % 8).i64_eqz().br_if(0);
            code.local_get(n * 5 % 8).i64_const(1).i64_add().local_set(n % 8).end();
        }
    });
    is_too_much("a_function_of_countless_branches", component_of(&[maze]));
}

#[test]
fn a_function_of_nested_blocks() {
    const DEPTH: u32 = 100_000;
    let deep = function(1, |code| {
        for _ in 0..DEPTH {
            code.block(BlockType::Empty);
        }
        code.local_get(0).i32_wrap_i64().br_if(DEPTH - 1);
        for _ in 0..DEPTH {
            code.end();
        }
    });
    is_too_much("a_function_of_nested_blocks", component_of(&[deep]));
}

#[test]
fn a_function_of_nested_loops() {
    const DEPTH: u32 = 20_000;
    let deep = function(1, |code| {
        for _ in 0..DEPTH {
            code.loop_(BlockType::Empty).local_get(0).i32_wrap_i64().br_if(0);
        }
        for _ in 0..DEPTH {
            code.end();
        }
    });
    is_too_much("a_function_of_nested_loops", component_of(&[deep]));
}

#[test]
fn a_branch_with_a_million_targets() {
    let targets = vec![0; 1_000_000];
    let wide = function(1, |code| {
        code.block(BlockType::Empty).local_get(0).i32_wrap_i64();
        code.br_table(targets, 0).end();
    });
    is_invalid("a_branch_with_a_million_targets", component_of(&[wide]), "limit of 65520");
}

#[test]
fn a_function_of_too_many_locals() {
    let wide = function(50_001, |_| {});
    is_invalid("a_function_of_too_many_locals", component_of(&[wide]), "too many locals");
}

#[test]
fn a_hundred_thousand_functions() {
    let functions: Vec<_> = (0..100_000).map(|_| function(0, |_| {})).collect();
    is_too_much("a_hundred_thousand_functions", component_of(&functions));
}

#[test]
fn a_hundred_thousand_types() {
    let mut types = TypeSection::new();
    for n in 0..100_000_u32 {
        // Each is another one, so that none of them is kept only once.
        let bits = (0..17).map(|bit| if n >> bit & 1 == 0 { ValType::I32 } else { ValType::I64 });
        types.ty().function(bits, []);
    }
    let mut module = Module::new();
    module.section(&types);
    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    is_too_much("a_hundred_thousand_types", component.finish());
}

#[test]
fn types_that_double() {
    let twice = |n: u32| format!("(type $t{} (tuple $t{n} $t{n}))", n + 1);
    let types: String = (0..99).map(twice).collect();
    let import = "(import \"f\" (func (param \"x\" $t99)))";
    let text = format!("(component (type $t0 (tuple u8 u8)) {types} {import})");
    is_invalid("types_that_double", wat::parse_str(text).unwrap(), "type size");
}

#[test]
fn components_within_components() {
    let mut inner = Component::new().finish();
    for _ in 0..5_000 {
        let mut outer = Component::new();
        outer.section(&RawSection { id: 4, data: &inner });
        inner = outer.finish();
    }
    is_too_much("components_within_components", inner);
}

/// A guest that starts twenty instances of a module besides its own, and may have ten of what each of them has.
#[track_caller]
fn is_a_crowd(name: &'static str, module: &str, limit: LimitName) {
    let instances = "(core instance (instantiate $m))".repeat(20);
    let crowd = format!("(component (core module $m {module}) {instances})");
    let crowd = wat::parse_str(crowd).unwrap();
    let mut sections = Component::new();
    // A component, and an instance of it: it is the second after the one that wit-component makes.
    sections.section(&RawSection { id: 4, data: &crowd });
    sections.section(&RawSection { id: 5, data: &[1, 0, 1, 0] });
    let mut component = made::raw_without_section("does_nothing");
    component.extend_from_slice(&sections.finish()[Component::HEADER.len()..]);
    let flow = made::flow(name, &[(limit.key(), 10)]);
    let component = made::with_section(component, &made::frame(&flow));
    Guest::made(name, component).spares_its_host().reaches(limit);
}

#[test]
fn a_crowd_of_instances() {
    is_a_crowd("a_crowd_of_instances", "", LimitName::Instances);
}

#[test]
fn a_crowd_of_memories() {
    is_a_crowd("a_crowd_of_memories", "(memory 1)", LimitName::Memories);
}

#[test]
fn a_crowd_of_tables() {
    is_a_crowd("a_crowd_of_tables", "(table 1 funcref)", LimitName::Tables);
}
