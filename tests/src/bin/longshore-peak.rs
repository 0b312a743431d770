//! Runs a program and writes down how much memory it had at most, in KiB: `longshore-peak FILE PROGRAM ARGUMENT…`.
//!
//! The kernel tells it for all children of a process together, so the program under test is the only child of this one.

use std::process::Command;

use nix::sys::resource::{UsageWho, getrusage};

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let file = arguments.next().expect("the first argument is a file");
    let program = arguments.next().expect("the second argument is a program");
    let status = Command::new(program).args(arguments).status().expect("the program can be run");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel counts");
    std::fs::write(file, usage.max_rss().to_string()).expect("the file can be written");
    std::process::exit(status.code().unwrap_or(-1));
}
