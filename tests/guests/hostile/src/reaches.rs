//! Flows that reach for what is not theirs. They complete when they got nothing, and panic where they got something.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Read as _};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};
use std::{env, thread};

use longshore_sdk::{context, flow};
use wasip2::cli::{terminal_stderr, terminal_stdin, terminal_stdout};
use wasip2::filesystem::preopens;

/// Places that have something on most machines, and ways to get there.
const PATHS: [&str; 22] = [
    "",
    ".",
    "..",
    "/",
    "//",
    "../../../../../../../../etc/passwd",
    "/etc/passwd",
    "/etc/../etc/./passwd",
    "etc/passwd",
    "/proc/self/environ",
    "/proc/self/mem",
    "/proc/self/fd/0",
    "/proc/1/root/etc/passwd",
    "/dev/stdin",
    "/dev/fd/3",
    "/dev/null",
    "/dev/zero",
    "/sys/kernel",
    "/tmp",
    "~",
    "C:\\Windows",
    "file:///etc/passwd",
];

/// Asserts that something did not work, and that it failed as it does where nothing is.
#[track_caller]
fn gets_nothing<T>(path: &str, result: io::Result<T>) {
    use io::ErrorKind::{InvalidInput, NotFound, Unsupported};
    match result {
        Ok(_) => panic!("it got to {path:?}"),
        Err(error) => assert!(
            matches!(error.kind(), NotFound | Unsupported | InvalidInput),
            "{path:?}: {error:?}"
        ),
    }
}

/// Opens, lists and looks at what is on most machines.
#[flow(timeout = "10s")]
fn reads_paths() {
    let endless = "a/".repeat(100_000);
    for path in PATHS.into_iter().chain([endless.as_str(), "a\0b", "/etc/passwd\0", "\u{202e}"]) {
        gets_nothing(path, File::open(path));
        gets_nothing(path, fs::read(path));
        gets_nothing(path, fs::metadata(path));
        gets_nothing(path, fs::symlink_metadata(path));
        gets_nothing(path, fs::read_dir(path));
        gets_nothing(path, fs::read_link(path));
    }
}

/// Makes, changes and removes files and folders.
#[flow(timeout = "10s")]
fn writes_paths() {
    for path in PATHS.into_iter().chain(["new", "/tmp/longshore-was-here", "/dev/shm/x"]) {
        gets_nothing(path, File::create(path));
        gets_nothing(path, OpenOptions::new().append(true).create(true).open(path));
        gets_nothing(path, fs::write(path, "x"));
        gets_nothing(path, fs::create_dir(path));
        gets_nothing(path, fs::create_dir_all(format!("{path}/a/b")));
        gets_nothing(path, fs::remove_file(path));
        gets_nothing(path, fs::remove_dir(path));
    }
}

/// Leads from one place to another: links, copies, new names.
#[flow(timeout = "10s")]
fn links_paths() {
    for path in PATHS {
        gets_nothing(path, fs::hard_link(path, "mine"));
        gets_nothing(path, fs::hard_link("mine", path));
        gets_nothing(path, fs::rename(path, "mine"));
        gets_nothing(path, fs::copy(path, "mine"));
        gets_nothing(path, env::set_current_dir(path));
    }
    assert!(preopens::get_directories().is_empty(), "it was given a folder");
}

/// Reads its environment, its arguments, its place and its terminal.
#[flow(timeout = "10s")]
fn reads_its_surroundings() {
    assert_eq!(env::vars_os().count(), 0, "it has an environment");
    for name in ["PATH", "HOME", "USER", "LONGSHORE_STORE", "LONGSHORE_CACHE", "SECRET"] {
        assert!(env::var_os(name).is_none(), "it has {name}");
    }
    assert_eq!(env::args_os().count(), 0, "it has arguments");
    assert!(wasip2::cli::environment::get_environment().is_empty());
    assert!(wasip2::cli::environment::get_arguments().is_empty());
    assert_eq!(wasip2::cli::environment::initial_cwd(), None);
    assert!(env::current_exe().is_err(), "it knows its program");
    assert!(!io::stdout().is_terminal() && !io::stdin().is_terminal(), "it has a terminal");
    assert!(terminal_stdin::get_terminal_stdin().is_none());
    assert!(terminal_stdout::get_terminal_stdout().is_none());
    assert!(terminal_stderr::get_terminal_stderr().is_none());
}

/// Reads what is typed.
#[flow(timeout = "10s")]
fn reads_standard_input() {
    let mut content = Vec::new();
    assert_eq!(io::stdin().read_to_end(&mut content).expect("the input has ended"), 0);
    for _ in 0..1_000 {
        assert_eq!(io::stdin().read(&mut [0; 16]).expect("the input has ended"), 0);
    }
}

/// Starts processes, for as long as it takes.
#[flow(timeout = "10s")]
fn starts_processes() {
    for _ in 0..10_000 {
        for program in ["sh", "/bin/sh", "longshore-runtime", ""] {
            let started = Command::new(program).arg("-c").arg("exit 0").spawn();
            gets_nothing(program, started);
        }
    }
}

/// Starts threads, for as long as it takes.
#[flow(timeout = "10s")]
fn starts_threads() {
    for _ in 0..10_000 {
        gets_nothing("a thread", thread::Builder::new().spawn(|| ()));
    }
    assert!(thread::available_parallelism().map_or(1, usize::from) == 1, "it has processors");
}

/// Looks for a clock that goes backwards, or that it could use to outlive its deadline.
#[flow(timeout = "10s")]
fn bends_time() {
    let (began, today) = (Instant::now(), SystemTime::now());
    let mut last = began;
    for _ in 0..10_000 {
        let now = Instant::now();
        assert!(now >= last, "the clock goes backwards");
        last = now;
    }
    let deadline = context().deadline;
    let left = deadline.duration_since(today).expect("the deadline is yet to come");
    assert!(left <= Duration::from_secs(10), "it has {left:?} left");
    // A wait for what is past is over at once.
    wasip2::clocks::monotonic_clock::subscribe_instant(0).block();
    assert_eq!(context().deadline, deadline, "the deadline moves");
}

/// Looks for the store by the paths that it could have, where it is told that the store is.
#[flow(timeout = "10s")]
fn guesses_the_keys_of_others(store: String, other: String) {
    let ours = context().run_id;
    let bases = ["", ".", "..", "/", store.as_str(), &format!("file://{store}")].map(str::to_owned);
    for base in bases {
        for run in [&ours, &other] {
            for object in ["order.json", "outcome.json", "result.bin", "attempts/1/beat.json"] {
                // The day of a run is in its id; a guess may as well try them all.
                for day in ["20260101", "20261124", "*", "."] {
                    let path = format!("{base}/runs/default/{day}/{run}/{object}");
                    gets_nothing(&path, fs::read(&path));
                    gets_nothing(&path, fs::write(&path, "forged"));
                }
            }
        }
        gets_nothing(&base, fs::read_dir(format!("{base}/runs")));
        gets_nothing(&base, fs::read_dir(format!("{base}/components/sha256")));
    }
}
