//! Flows that others call as their children: what they do is the business of their callers, whose tests judge it.

use std::hint::black_box;

use longshore_sdk::{Bytes, flow};
use wasip2::clocks::monotonic_clock::{self, Pollable};

/// Does nothing.
#[flow]
pub(crate) fn works_not() {}

/// Takes so many MiB.
#[flow]
pub(crate) fn works_taking(mib: u32) -> u64 {
    black_box(vec![1_u8; (mib as usize) << 20]).len() as u64
}

/// Computes for ever.
#[flow]
pub(crate) fn works_computing() {
    loop {
        black_box(0);
    }
}

/// Waits for ever.
#[flow]
pub(crate) fn works_waiting() {
    monotonic_clock::subscribe_duration(u64::MAX).block();
}

/// Breaks.
#[flow]
pub(crate) fn works_breaking(how: u8) -> Result<u64, &'static str> {
    fn down(level: u64) -> u64 {
        if black_box(level) == u64::MAX { 0 } else { down(level + 1) ^ level }
    }
    match how {
        0 => Err("it does not want to"),
        1 => panic!("it cannot"),
        2 => core::arch::wasm32::unreachable(),
        3 => std::process::exit(0),
        _ => Ok(down(0)),
    }
}

/// Keeps so many handles.
#[flow]
pub(crate) fn works_hoarding(count: u32) -> u32 {
    let kept: Vec<Pollable> =
        (0..count).map(|_| monotonic_clock::subscribe_duration(u64::MAX)).collect();
    kept.len() as u32
}

/// Counts bytes.
#[flow]
pub(crate) fn works_counting(bytes: Bytes) -> u64 {
    bytes.len() as u64
}

/// Returns a megabyte.
#[flow]
pub(crate) fn works_returning() -> Bytes {
    Bytes::from(vec![1; 1 << 20])
}

/// Writes ten kilobytes.
#[flow]
pub(crate) fn works_writing() {
    println!("{}", "x".repeat(10_000));
}
