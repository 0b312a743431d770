//! Flows that end badly, or that try not to have ended like that.

use std::fmt;
use std::hint::black_box;
use std::panic;

use longshore_sdk::flow;

use crate::host;

/// Panics when it is torn down.
struct Tripwire;

impl Drop for Tripwire {
    fn drop(&mut self) {
        panic!("the tripwire was touched");
    }
}

/// Panics while it returns.
#[flow]
fn panics_in_drop() -> u8 {
    let _tripwire = Tripwire;
    7
}

/// Panics while it panics: what is torn down for the first panic panics itself, where anything is torn down at all.
#[flow]
fn panics_while_it_panics() -> u8 {
    let _tripwire = Tripwire;
    panic!("the first of two");
}

/// Panics with a message that panics.
#[flow]
fn panics_in_its_message() {
    struct Trap;

    impl fmt::Display for Trap {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("a panic in a message")
        }
    }

    panic!("{}", black_box(Trap));
}

/// Panics in the hook that reports panics.
#[flow]
fn panics_in_its_hook() {
    panic::set_hook(Box::new(|_| panic!("a panic in a hook")));
    panic!("the first of two");
}

/// Panics with a message of a MiB.
#[flow]
fn panics_at_length() {
    panic!("{}", "x".repeat(1 << 20));
}

/// Panics with a message that is larger than any call of the host may be.
#[flow(memory = "64MiB")]
fn panics_with_a_giant() {
    panic!("{}", "x".repeat(8 << 20));
}

/// Panics in words that a terminal would obey.
#[flow]
fn panics_in_colour() {
    panic!("\u{1b}[31mred\u{1b}]0;title\u{7}\nrun 00000000 Completed");
}

/// Panics with something that is no text.
#[flow]
fn panics_without_words() {
    panic::panic_any(7);
}

/// Panics, and has seen to it that nobody is told.
#[flow]
fn hushes_its_panic() {
    panic::set_hook(Box::new(|_| ()));
    panic!("nobody hears of this");
}

/// Aborts.
#[flow]
fn aborts() {
    std::process::abort();
}

/// Ends its process with success, with failure, or with a code that there is no word for.
#[flow]
fn exits(code: i32) {
    std::process::exit(code);
}

/// Ends its process with success while it returns.
#[flow]
fn exits_in_drop() -> u8 {
    struct Exit;

    impl Drop for Exit {
        fn drop(&mut self) {
            std::process::exit(0);
        }
    }

    let _exit = Exit;
    7
}

/// Ends its process after it has reported a panic.
#[flow]
fn exits_after_a_panic() {
    panic::set_hook(Box::new(|_| {
        host::lie("a panic of which nobody died");
        std::process::exit(0);
    }));
    panic!("the first of two");
}

/// Reports a panic that did not happen, and returns.
#[flow]
fn lies_about_a_panic() -> u8 {
    host::lie("there was no panic");
    7
}

/// Reports a panic that did not happen, and goes on and on.
#[flow(timeout = "200ms")]
fn lies_about_a_panic_and_spins() {
    host::lie("there was no panic");
    loop {
        black_box(());
    }
}

/// Reports a panic that did not happen, and runs out of memory.
#[flow(memory = "16MiB")]
fn lies_about_a_panic_and_eats() -> u64 {
    host::lie("there was no panic");
    black_box(vec![1_u8; 1 << 30]).len() as u64
}

/// Reports a panic that did not happen, and fails.
#[flow]
fn lies_about_a_panic_and_fails() -> Result<(), String> {
    host::lie("there was no panic");
    Err("the truth".to_owned())
}

/// Reports panics without end; the host keeps one of them.
#[flow(timeout = "300ms", memory = "16MiB")]
fn lies_without_end() {
    let message = "x".repeat(1 << 20);
    loop {
        host::lie(&message);
    }
}

/// Asks for its context until it differs: it never does.
#[flow]
fn doubts_its_context() {
    let first = host::get_context();
    assert_eq!(first.attempt, 1);
    for _ in 0..1_000 {
        let again = host::get_context();
        assert_eq!((again.run_id, again.deadline_ms), (first.run_id.clone(), first.deadline_ms));
    }
}
