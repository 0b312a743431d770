//! Flows that want more memory than they may have.

use std::collections::HashMap;
use std::hint::black_box;

use longshore_sdk::{Bytes, flow};

/// Takes 64 KiB at a time.
#[flow(memory = "16MiB", timeout = "10s")]
fn eats_by_steps() {
    let mut eaten = Vec::new();
    loop {
        eaten.push(black_box(vec![1_u8; 64 << 10]));
    }
}

/// Takes everything at once.
#[flow(memory = "16MiB", timeout = "10s")]
fn eats_at_once() -> u64 {
    black_box(vec![1_u8; 1 << 30]).len() as u64
}

/// Takes twice as much each time.
#[flow(memory = "16MiB", timeout = "10s")]
fn eats_by_doubling() {
    let mut eaten = vec![1_u8];
    loop {
        eaten.extend_from_within(..);
    }
}

/// Takes a few bytes at a time and never gives them back.
#[flow(memory = "16MiB", timeout = "10s")]
fn leaks() {
    loop {
        black_box(Box::leak(Box::new([1_u64; 4])));
    }
}

/// Fills a map without end.
#[flow(memory = "16MiB", timeout = "10s")]
fn eats_by_keys() {
    let mut map = HashMap::new();
    for key in 0_u64.. {
        map.insert(key, key.to_string());
    }
}

/// Asks the engine itself, past every allocator.
#[flow(memory = "16MiB", timeout = "10s")]
fn grows_its_memory_itself() {
    core::arch::wasm32::memory_grow::<0>(1_000);
    panic!("the memory was not allowed to grow, and the flow goes on");
}

/// Asks the engine for more pages than there are addresses.
#[flow(memory = "16MiB", timeout = "10s")]
fn grows_its_memory_beyond_addresses() {
    core::arch::wasm32::memory_grow::<0>(usize::MAX);
    panic!("the memory was not allowed to grow, and the flow goes on");
}

/// Asks for more than addresses can tell apart: its own library refuses.
#[flow(memory = "16MiB", timeout = "10s")]
fn asks_for_more_than_there_is() -> u64 {
    Vec::<u8>::with_capacity(black_box(u32::MAX as usize)).capacity() as u64
}

/// Asks politely for too much; the answer is not an error that it could handle, but the end.
#[flow(memory = "16MiB", timeout = "10s")]
fn asks_politely() -> bool {
    Vec::<u8>::new().try_reserve(black_box(1 << 30)).is_err()
}

/// Takes what it may have, to the last page but a few, and uses it: that is its right.
#[flow(memory = "64MiB", timeout = "10s")]
fn eats_what_it_may() -> u64 {
    let eaten = black_box(vec![1_u8; 60 << 20]);
    eaten.iter().map(|byte| u64::from(*byte)).sum()
}

/// Gets more parameters than it has memory.
#[flow(memory = "4MiB", timeout = "10s")]
fn drowns_in_parameters(data: Bytes) -> u64 {
    data.len() as u64
}

/// Gets more parameters than it takes.
#[flow(limits(params = "1KiB"))]
fn takes_small_parameters(data: Bytes) -> u64 {
    data.len() as u64
}

/// Counts its rows, however many they say that they are: its test orders it with parameters of every wrong kind.
#[flow(memory = "16MiB", timeout = "10s")]
fn counts_rows(rows: Vec<(u64, String)>) -> u64 {
    rows.len() as u64
}
