//! Flows that do by their children what they may not do themselves.

use std::hint::black_box;

use longshore_sdk::{Bytes, Error, child, flow};
use wasip2::clocks::monotonic_clock::subscribe_duration;

use crate::host::call_child;
use crate::workers::{
    works_breaking, works_computing, works_counting, works_hoarding, works_not, works_returning,
    works_taking, works_waiting, works_writing,
};

/// What a caller is told of a child that must not have a result.
fn told<T: std::fmt::Debug>(ended: Result<T, Error>) -> String {
    ended.unwrap_err().to_string()
}

/// Calls itself for ever, whatever becomes of it: each of its children does the same.
#[flow(timeout = "10s", limits(child_runs = 300))]
fn forks_without_end() {
    loop {
        drop(child::<_, _, ()>(forks_without_end, ()));
    }
}

/// Calls a child that does nothing, for ever.
#[flow(timeout = "20s")]
fn calls_children_without_end() {
    loop {
        child::<_, _, ()>(works_not, ()).unwrap();
    }
}

/// Calls itself as deep as it goes, with its memory in its hands.
#[flow(timeout = "10s", memory = "128MiB")]
fn nests_without_end() -> Result<(), Error> {
    child(nests_without_end, ())
}

/// Has most of the memory that there is, and lets a child take the rest.
#[flow(timeout = "10s", memory = "64MiB")]
fn eats_by_a_child() -> u64 {
    let own = black_box(vec![1_u8; 40 << 20]);
    let error = told(child::<_, _, u64>(works_taking, (32,)));
    assert!(error.starts_with("out of memory: "), "{error}");
    // What it has returned is there for the next one.
    assert_eq!(child::<_, _, u64>(works_taking, (8,)).unwrap(), 8 << 20);
    own.len() as u64 >> 20
}

/// Takes 8 MiB and calls itself: in the end there is none left, and everybody in between is told.
#[flow(timeout = "10s", memory = "64MiB")]
fn eats_by_grandchildren(level: u32) -> u32 {
    let own = black_box(vec![1_u8; 8 << 20]);
    let deepest = child(eats_by_grandchildren, (level + 1,)).unwrap_or(level);
    assert_eq!(own.len(), 8 << 20);
    deepest
}

/// Fills most of its stack before it calls itself, which keeps it until the last of them is done.
#[flow(timeout = "10s", memory = "64MiB")]
fn nests_with_full_stacks() -> u64 {
    fn down(frames: u64) -> u64 {
        if black_box(frames) == 0 { below() } else { black_box(down(frames - 1)) }
    }
    // Apart, so that what it has on its own stack is there once.
    #[inline(never)]
    fn below() -> u64 {
        child(nests_with_full_stacks, ()).map_or(1, |below: u64| below + 1)
    }
    down(10_000)
}

/// Lets a child compute for ever.
#[flow(timeout = "300ms")]
fn spins_in_a_child() {
    drop(child::<_, _, ()>(works_computing, ()));
}

/// The same with less processor time than wall time; a caller that is told nothing cannot go on.
#[flow(timeout = "10s", limits(cpu = "200ms"))]
fn spins_in_a_child_over_its_processor_time() {
    drop(child::<_, _, ()>(works_computing, ()));
}

/// Lets children use up its instructions.
#[flow(timeout = "10s", limits(fuel = 20_000_000))]
fn burns_fuel_in_children() {
    loop {
        drop(child::<_, _, u64>(works_taking, (1,)));
    }
}

/// Lets a child wait for ever.
#[flow(timeout = "300ms")]
fn sleeps_in_a_child() {
    drop(child::<_, _, ()>(works_waiting, ()));
}

/// Lets children break in every way there is, and lives on.
#[flow(timeout = "10s")]
fn outlives_its_children() -> Vec<String> {
    (0..5).map(|how| told(child::<_, _, u64>(works_breaking, (how,)))).collect()
}

/// Keeps handles, and lets a child keep more than are left.
#[flow(timeout = "10s", limits(handles = 40))]
fn hoards_by_a_child() -> String {
    // Each is two handles.
    let own: Vec<_> = (0..12).map(|_| subscribe_duration(u64::MAX)).collect();
    let error = told(child::<_, _, u32>(works_hoarding, (9,)));
    assert_eq!(own.len(), 12);
    error
}

/// Gives a child more than fits into a call of the host.
#[flow(timeout = "10s")]
fn drowns_a_child() {
    drop(child::<_, _, u64>(works_counting, (Bytes::from(vec![1; 3 << 20]),)));
}

/// Lets a child return more than a result may have.
#[flow(timeout = "10s", limits(result = "64KiB"))]
fn gets_drowned_by_a_child() -> String {
    told(child::<_, _, Bytes>(works_returning, ()))
}

/// Lets children write more than a log may have.
#[flow(timeout = "20s", limits(log = "64KiB", child_runs = 100))]
fn floods_by_children() {
    for _ in 0..100 {
        child::<_, _, ()>(works_writing, ()).unwrap();
    }
}

/// Calls what is not there, and calls what is there with what it does not take.
#[flow(timeout = "10s")]
fn calls_nobody() -> Vec<String> {
    let calls = [
        ("", &[][..]),
        ("nobody", &[]),
        ("works_taking", &[]),
        ("works_taking", &[1, 2, 3]),
        ("\u{1b}[2J", &[]),
    ];
    calls.map(|(flow, params)| call_child(flow, params).unwrap_err().message).to_vec()
}
