//! Flows that take what the host has to keep for them: handles, streams, random bytes.

use longshore_sdk::flow;
use wasip2::cli::stderr::get_stderr;
use wasip2::cli::stdin::get_stdin;
use wasip2::cli::stdout::get_stdout;
use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::{Pollable, poll};
use wasip2::random::insecure::get_insecure_random_bytes;
use wasip2::random::random::get_random_bytes;

/// Makes timers and keeps them.
#[flow(timeout = "10s")]
fn hoards_timers() {
    let mut timers = Vec::new();
    loop {
        timers.push(monotonic_clock::subscribe_duration(u64::MAX));
    }
}

/// Makes timers and keeps them, and may have few.
#[flow(timeout = "10s", limits(handles = 10))]
fn hoards_few_timers() {
    hoards_timers();
}

/// Asks for its outputs again and again, and keeps them.
#[flow(timeout = "10s")]
fn hoards_streams() {
    let mut streams = Vec::new();
    loop {
        streams.push((get_stdout(), get_stderr(), get_stdin()));
    }
}

/// Makes handles and drops them, for ever: they must not add up.
#[flow(timeout = "300ms", limits(handles = 10))]
fn churns_handles() {
    loop {
        drop(monotonic_clock::subscribe_duration(u64::MAX));
        drop(get_stdout().subscribe());
    }
}

/// Waits for the same timer a million times at once.
#[flow(timeout = "10s", memory = "64MiB")]
fn waits_a_million_times_at_once() {
    let timer = monotonic_clock::subscribe_duration(0);
    let timers: Vec<&Pollable> = vec![&timer; 1_000_000];
    poll(&timers);
}

/// Waits for nothing at all.
#[flow(timeout = "10s")]
fn waits_for_nothing() {
    poll(&[]);
}

/// Asks for a GiB of random bytes.
#[flow(timeout = "10s")]
fn hungers_for_random_bytes() {
    get_random_bytes(1 << 30);
}

/// Asks for more random bytes than any machine can hold.
#[flow(timeout = "10s")]
fn hungers_for_all_random_bytes() {
    get_random_bytes(u64::MAX);
}

/// The same from a source that promises less.
#[flow(timeout = "10s")]
fn hungers_for_insecure_random_bytes() {
    get_insecure_random_bytes(1 << 30);
}

/// Asks for one byte more than it said it would.
#[flow(timeout = "10s", limits(random = "32B"))]
fn hungers_for_one_byte_more() {
    assert_eq!(get_random_bytes(32).len(), 32);
    get_random_bytes(33);
}

/// Asks for random bytes in small bites, for ever.
#[flow(timeout = "300ms", memory = "16MiB")]
fn nibbles_random_bytes() {
    loop {
        assert_eq!(get_random_bytes(64 << 10).len(), 64 << 10);
    }
}

/// Reads as much as there could ever be from an input that has nothing.
#[flow(timeout = "10s")]
fn reads_without_end() -> bool {
    let input = get_stdin();
    for length in [1, u64::from(u32::MAX), u64::MAX] {
        assert!(input.read(length).is_err(), "there is input");
        assert!(input.blocking_read(length).is_err(), "there is input");
        assert!(input.skip(length).is_err(), "there is input");
        assert!(get_stdout().splice(&input, length).is_err(), "there is input");
    }
    true
}
