//! Flows that never end, each in a way of its own: whoever stops them must come through everywhere.

use std::hint::black_box;
use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant, SystemTime};

use longshore_sdk::{Bytes, context, flow};
use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::poll;

/// Computes.
#[flow(timeout = "200ms")]
fn spins() {
    loop {
        black_box(());
    }
}

/// Computes, and may use less processor time than wall time.
#[flow(timeout = "1m", limits(cpu = "200ms"))]
fn spins_over_its_processor_time() {
    loop {
        black_box(());
    }
}

/// Computes, while its instructions are counted.
#[flow(timeout = "1m", limits(fuel = 10_000_000))]
fn spins_over_its_fuel() {
    loop {
        black_box(());
    }
}

/// Computes with floating-point numbers, without a call.
#[flow(timeout = "200ms")]
fn spins_in_floats() -> f64 {
    let mut number = black_box(1.000_000_1_f64);
    while number.sqrt() < f64::INFINITY {
        number = number * 1.000_000_1 / 1.000_000_1 + 0.5 - 0.5;
    }
    number
}

/// Calls itself: never deep, and never done.
#[flow(timeout = "200ms")]
fn spins_in_recursion() -> u64 {
    fn count(depth: u32) -> u64 {
        if black_box(depth) == 0 { 1 } else { count(depth - 1) + count(depth - 1) }
    }
    count(200)
}

/// Asks the host for what costs the host almost nothing.
#[flow(timeout = "200ms")]
fn spins_in_host_calls() {
    loop {
        black_box(context());
    }
}

/// Reads clocks.
#[flow(timeout = "200ms")]
fn spins_in_clocks() {
    loop {
        black_box((Instant::now(), SystemTime::now()));
    }
}

/// Fills 256 MiB again and again: one instruction each time, during which nobody can stop it.
#[flow(timeout = "300ms", memory = "300MiB")]
fn spins_in_fills() {
    let mut room = vec![0_u8; 256 << 20];
    for byte in 0_u64.. {
        black_box(&mut room).fill(byte as u8);
    }
}

/// Copies 128 MiB to and fro.
#[flow(timeout = "300ms", memory = "300MiB")]
fn spins_in_copies() {
    const HALF: usize = 128 << 20;
    let mut room = vec![1_u8; 2 * HALF];
    loop {
        black_box(&mut room).copy_within(..HALF, HALF);
        black_box(&mut room).copy_within(HALF.., 0);
    }
}

/// Sleeps a millisecond at a time.
#[flow(timeout = "200ms")]
fn naps() {
    loop {
        sleep(Duration::from_millis(1));
    }
}

/// Sleeps for no time at all: each wait is over before it begins.
#[flow(timeout = "200ms")]
fn naps_for_nothing() {
    loop {
        sleep(Duration::ZERO);
        yield_now();
        poll(&[&monotonic_clock::subscribe_duration(0)]);
    }
}

/// Sleeps until the end of time, and may use almost no processor time: it uses none.
#[flow(timeout = "200ms", limits(cpu = "100ms"))]
fn sleeps_for_ever() {
    poll(&[&monotonic_clock::subscribe_duration(u64::MAX)]);
    panic!("the end of time has come");
}

/// Waits for many timers at once that never come.
#[flow(timeout = "200ms")]
fn waits_for_many_timers() {
    let timers: Vec<_> = (0..400).map(|_| monotonic_clock::subscribe_instant(u64::MAX)).collect();
    poll(&timers.iter().collect::<Vec<_>>());
    panic!("the end of time has come");
}

/// Has a result, and does not get to return it: what it leaves behind has to be dropped first.
#[flow(timeout = "200ms")]
fn spins_in_drop() -> u8 {
    struct Sticky;

    impl Drop for Sticky {
        fn drop(&mut self) {
            loop {
                black_box(());
            }
        }
    }

    let _sticky = Sticky;
    7
}

/// Spins in the hook that was to report its panic.
#[flow(timeout = "200ms")]
fn spins_in_its_panic_hook() {
    std::panic::set_hook(Box::new(|_| {
        loop {
            black_box(());
        }
    }));
    panic!("nobody hears of this");
}

/// Searches its parameters for what is not in them.
#[flow(timeout = "200ms", memory = "16MiB")]
fn spins_over_its_parameters(data: Bytes) {
    loop {
        black_box(data.iter().filter(|byte| **byte == black_box(7)).count());
    }
}

/// Prints, and does nothing else.
#[flow(timeout = "300ms", log_limit = "10KiB")]
fn spins_in_prints() {
    loop {
        println!("still here");
    }
}
