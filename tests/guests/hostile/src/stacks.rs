//! Flows that call themselves too often.

use std::fmt;
use std::hint::black_box;

use longshore_sdk::flow;
use serde::Deserialize;

/// Calls itself with all that it knows in its arguments: on the engine's stack.
#[flow(timeout = "10s")]
fn recurses() -> u64 {
    fn down(level: u64) -> u64 {
        if black_box(level) == u64::MAX { 0 } else { down(level + 1) ^ level }
    }
    down(0)
}

/// The same on a stack that it asked to be small.
#[flow(timeout = "10s", limits(stack = "64KiB"))]
fn recurses_on_a_small_stack() -> u64 {
    recurses()
}

/// Calls itself through pointers, so that no compiler can make a loop of it.
#[flow(timeout = "10s")]
fn recurses_through_pointers() -> u64 {
    type Step = fn(u64, &dyn Fn(u64) -> u64) -> u64;
    fn step(level: u64, leaf: &dyn Fn(u64) -> u64) -> u64 {
        let next: Step = black_box(step);
        if level == u64::MAX { leaf(level) } else { next(level + 1, leaf) ^ level }
    }
    step(0, &|level| level)
}

/// Calls itself, each time with a kilobyte on its own stack, which is in its memory.
#[flow(timeout = "10s")]
fn recurses_with_luggage() -> u64 {
    fn down(level: u64) -> u64 {
        let room = black_box([level; 128]);
        if level == u64::MAX { 0 } else { down(level + 1) + room[1] }
    }
    down(0)
}

/// Nests as deep as it is told.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is only decoded")]
enum Nest {
    Deeper(Box<Nest>),
    Bottom,
}

/// Decodes what is nested a million levels deep.
#[flow(timeout = "10s", memory = "64MiB")]
fn recurses_in_decoding() -> bool {
    postcard::from_bytes::<Nest>(&vec![0; 1_000_000]).is_ok()
}

/// Writes itself in words that contain itself.
#[flow(timeout = "10s")]
fn recurses_in_formatting() -> String {
    struct Mirror;

    impl fmt::Display for Mirror {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(out, "{}", black_box(&Self))
        }
    }

    Mirror.to_string()
}
