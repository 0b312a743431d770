//! One guest, run as a person runs a flow, and how that ends.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::limits::LimitName;
use longshore_protocol::record::{Outcome, Verdict};
use longshore_tests::{Answer, Home, hostile, longshore, processes_of, runtime, until};

use crate::made;

/// The list of all guests.
pub(crate) const README: &str = include_str!("../../guests/README.md");

/// What a guest must not find: it is in the launcher's environment, and in a file beside the store.
const SECRET: &str = "the-secret-of-the-host";
/// What a guest may make of the runtime besides what it may have itself, above what the runtime has for a guest that does
/// nothing. With the 13.5 MiB of that in a release build, it stays below 32 MiB in all; a build for tests, of which little
/// is optimized, has 15 MiB more of code alone.
const HOST_BYTES_MAX: u64 = 16 << 20;
/// A guest that is told to stop does so within this time, or the machine is very busy.
const STOP_MS_MAX: u64 = 3_000;

/// A guest and its test, as `build.rs` lists them.
pub(crate) type Listed = (&'static str, fn());

/// A line of the list: a guest and its verdict.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) theme: &'a str,
    pub(crate) name: &'a str,
    pub(crate) verdict: &'a str,
}

/// The guests of the list: `| name | what it does | verdict |` below a heading with its theme.
pub(crate) fn rows(readme: &str) -> Vec<Row<'_>> {
    let mut theme = "";
    let mut rows = Vec::new();
    for line in readme.lines() {
        if let Some(heading) = line.strip_prefix("## `") {
            theme = heading.split('`').next().unwrap();
        }
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        if let ["", name, _, verdict, ""] = cells[..]
            && let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'))
        {
            rows.push(Row { theme, name, verdict });
        }
    }
    rows
}

/// What the list says of a guest.
pub(crate) fn known_verdict(name: &str) -> Option<&'static str> {
    rows(README).into_iter().find(|row| row.name == name).map(|row| row.verdict)
}

/// Asserts that nothing in `text` is an order to a terminal.
#[track_caller]
pub(crate) fn commands_nobody(text: &str) {
    let is_order = |c: char| c.is_control() && !"\n\t".contains(c) || c == '\u{202e}';
    assert!(!text.contains(is_order), "{text:?}");
}

/// Asserts that no line but the last that longshore wrote says how a run has ended.
#[track_caller]
pub(crate) fn claims_no_other_end(stderr: &str) {
    let claims =
        stderr.lines().filter(|line| line.starts_with("run ") && !line.ends_with("started"));
    assert_eq!(claims.count(), 1, "{stderr}");
}

/// A guest that is about to be run.
pub(crate) struct Guest {
    home: Home,
    name: &'static str,
    source: Source,
    settings: Vec<(&'static str, u64)>,
    arguments: Vec<OsString>,
    is_measured: bool,
}

enum Source {
    Flow,
    Raw,
    Made(Vec<u8>),
}

/// How it ended.
pub(crate) struct Ended {
    pub(crate) home: Home,
    pub(crate) answer: Answer,
    /// The outcome in the store, where it came to a run.
    outcome: Option<Outcome>,
}

impl Ended {
    #[track_caller]
    pub(crate) fn outcome(&self) -> &Outcome {
        self.outcome.as_ref().expect("it came to a run")
    }
}

impl Guest {
    /// A flow of the crate `hostile`.
    pub(crate) fn flow(name: &'static str) -> Self {
        Self::new(name, Source::Flow)
    }

    /// A guest whose text is in `guests/raw`.
    pub(crate) fn raw(name: &'static str) -> Self {
        Self::new(name, Source::Raw)
    }

    /// A component that a test has made.
    pub(crate) fn made(name: &'static str, component: Vec<u8>) -> Self {
        Self::new(name, Source::Made(component))
    }

    fn new(name: &'static str, source: Source) -> Self {
        let (home, settings, arguments) = (Home::new(), vec![], vec![]);
        Self { home, name, source, settings, arguments, is_measured: false }
    }

    /// Asks for a limit; flows ask in their source.
    pub(crate) fn asks(mut self, key: &'static str, value: u64) -> Self {
        self.settings.push((key, value));
        self
    }

    /// Gives it a parameter.
    pub(crate) fn param(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.arguments.extend(["-p".into(), format!("{name}={value}").into()]);
        self
    }

    /// Gives it a parameter from a file with this content.
    pub(crate) fn param_file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let file = self.home.file("params", content);
        self.param(name, format_args!("@{}", file.display()))
    }

    /// Gives it a file: `/files/PATH`.
    pub(crate) fn with_file(mut self, path: &str, content: &str) -> Self {
        self.home.file(path, content);
        self.arguments.extend(["--include".into(), format!("./{path}").into()]);
        self
    }

    /// Gives it many files, which this pattern selects.
    pub(crate) fn with_files<'a>(
        mut self,
        pattern: &str,
        paths: impl Iterator<Item = &'a str>,
    ) -> Self {
        paths.for_each(|path| drop(self.home.file(path, "x")));
        self.arguments.extend(["--include".into(), pattern.into()]);
        self
    }

    /// Asserts as well that the runtime has no more memory than for a guest that does nothing, what this one may have, and
    /// a fixed amount besides.
    pub(crate) fn spares_its_host(mut self) -> Self {
        self.is_measured = true;
        self
    }

    #[track_caller]
    pub(crate) fn completes(self, stdout: &str) -> Ended {
        let ended = self.ends(exit::OK, "completed");
        assert_eq!(ended.answer.text(), stdout);
        ended
    }

    /// It completes with a result that its test looks into.
    #[track_caller]
    pub(crate) fn completes_with_any(self) -> Ended {
        self.ends(exit::OK, "completed")
    }

    /// It completes, and its result is these bytes.
    #[track_caller]
    pub(crate) fn returns(self, bytes: &[u8]) -> Ended {
        let ended = self.ends(exit::OK, "completed");
        assert_eq!(ended.answer.stdout, bytes);
        ended
    }

    #[track_caller]
    pub(crate) fn times_out(self) -> Ended {
        let ended = self.ends(exit::RUN_TIMED_OUT, "timed out");
        let (wall_ms, timeout_ms) =
            (ended.outcome().usage.wall_ms, ended.outcome().limits.timeout_ms);
        assert!(wall_ms < timeout_ms + STOP_MS_MAX, "it ran for {wall_ms} ms");
        ended
    }

    #[track_caller]
    pub(crate) fn runs_out_of_memory(self) -> Ended {
        let ended = self.ends(exit::RUN_OVER_LIMIT, "out of memory");
        let outcome = ended.outcome();
        assert!(outcome.usage.memory_peak_bytes <= outcome.limits.memory_bytes);
        ended
    }

    #[track_caller]
    pub(crate) fn reaches(self, limit: LimitName) -> Ended {
        self.ends(exit::RUN_OVER_LIMIT, &format!("limit reached: {}", limit.word()))
    }

    #[track_caller]
    pub(crate) fn traps(self, words: &str) -> Ended {
        let ended = self.ends(exit::RUN_FAILED, "trapped");
        ended.explains(words)
    }

    #[track_caller]
    pub(crate) fn panics(self, words: &str) -> Ended {
        self.ends(exit::RUN_FAILED, "panicked").explains(words)
    }

    #[track_caller]
    pub(crate) fn fails(self, words: &str) -> Ended {
        self.ends(exit::RUN_FAILED, "failed").explains(words)
    }

    /// It completes with a result that is not of its type: one error says so.
    #[track_caller]
    pub(crate) fn returns_no_result(self, words: &str) -> Ended {
        let ended = self.ends(exit::RUN_FAILED, "no result");
        let errors: Vec<_> =
            ended.answer.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{}", ended.answer.stderr);
        assert!(errors[0].contains(words), "{}", errors[0]);
        ended
    }

    #[track_caller]
    pub(crate) fn gets_refused(self, words: &str) -> Ended {
        self.ends(exit::RUN_REFUSED, "refused").explains(words)
    }

    /// It comes to no run: the launcher sees what is wrong, and stores nothing.
    #[track_caller]
    pub(crate) fn counts_as_bad_input(self, words: &str) -> Ended {
        let ended = self.ends(exit::BAD_INPUT, "bad input");
        assert!(ended.answer.stderr.starts_with("error: "), "{}", ended.answer.stderr);
        assert!(ended.answer.stderr.contains(words), "{}", ended.answer.stderr);
        ended.home.has_stored_nothing();
        ended
    }

    /// It comes to no run: it cannot be compiled.
    #[track_caller]
    pub(crate) fn fails_to_compile(self, words: &str) -> Ended {
        let ended = self.ends(exit::BAD_INPUT, "not compiled");
        assert!(ended.answer.stderr.contains("error: could not compile the component"));
        assert!(ended.answer.stderr.contains(words), "{}", ended.answer.stderr);
        ended.home.has_stored_nothing();
        ended
    }

    #[track_caller]
    fn ends(self, code: ExitCode, verdict: &str) -> Ended {
        assert_eq!(
            known_verdict(self.name),
            Some(verdict),
            "what guests/README.md says of {}",
            self.name
        );
        let Self { home, name, source, settings, arguments, is_measured } = self;
        let component = match source {
            Source::Flow => hostile(),
            Source::Raw => home.file("guest.wasm", made::raw(name, &settings)),
            Source::Made(bytes) => home.file("guest.wasm", bytes),
        };
        home.file("secret.txt", SECRET);
        let mut call = home.program(longshore()).arg("run").arg(component).arg(name);
        call = call.args(arguments).env("LONGSHORE_SECRET", SECRET).input(SECRET);
        if is_measured {
            call = call.arg("--runtime").arg(made::measured_runtime(&home, runtime()));
        }
        let answer = call.answer().exits(code);
        let outcome = outcome(&home);
        if let Some(outcome) = &outcome {
            let known = named(&outcome.verdict);
            assert!(known == verdict || known == "completed" && verdict == "no result", "{known}");
        }
        if is_measured {
            let outcome = outcome.as_ref().expect("only a run can be measured");
            spared(&home, outcome.limits.memory_bytes + outcome.limits.stack_bytes);
        }
        leaves_nothing(&home, &answer);
        Ended { home, answer, outcome }
    }
}

impl Ended {
    /// Asserts what a person is told.
    #[track_caller]
    fn explains(self, words: &str) -> Self {
        let sentence = self.outcome().verdict.sentence();
        assert!(sentence.contains(words), "{sentence:?} lacks {words:?}");
        self
    }
}

fn named(verdict: &Verdict) -> String {
    match verdict {
        Verdict::LimitReached { limit, .. } => format!("limit reached: {}", limit.word()),
        other => other.word().to_owned(),
    }
}

/// The only outcome in the store. `None`: there is not even a run.
#[track_caller]
fn outcome(home: &Home) -> Option<Outcome> {
    if home.runs().is_empty() {
        return None;
    }
    let content = fs::read(home.only_run().folder().join("outcome.json"));
    let content = content.expect("a run that was waited for has an outcome");
    Some(serde_json::from_slice(&content).expect("the outcome can be read"))
}

/// The peak of a runtime whose guest does nothing, in bytes.
fn idle_bytes() -> u64 {
    static IDLE_BYTES: OnceLock<u64> = OnceLock::new();
    *IDLE_BYTES.get_or_init(|| {
        let home = Home::new();
        let component = home.file("guest.wasm", made::raw("does_nothing", &[]));
        let call = home.program(longshore()).arg("run").arg(component).arg("does_nothing");
        call.arg("--runtime").arg(made::measured_runtime(&home, runtime())).answer().succeeds();
        peak_bytes(&home)
    })
}

fn peak_bytes(home: &Home) -> u64 {
    let peak = fs::read_to_string(made::peak_file(home)).expect("the runtime was measured");
    peak.parse::<u64>().unwrap() << 10
}

#[track_caller]
fn spared(home: &Home, guest_bytes: u64) {
    let peak_bytes = peak_bytes(home);
    let (allowed, mib) = (idle_bytes() + guest_bytes + HOST_BYTES_MAX, 1 << 20);
    assert!(
        peak_bytes <= allowed,
        "the runtime had {} MiB, {} are allowed",
        peak_bytes / mib,
        allowed / mib
    );
}

/// Nothing of the guest runs on, and nothing that it must not know has come out.
#[track_caller]
fn leaves_nothing(home: &Home, answer: &Answer) {
    until("nothing runs in this home", || processes_of(&home.path("")).is_empty().then_some(()));
    assert!(!Path::new("/tmp/longshore-was-here").exists(), "it has written to /tmp");
    assert!(!answer.stderr.contains(SECRET), "the launcher tells what it must not");
    for file in files(&home.store()) {
        // A secret that is in a component or in machine code was in its source.
        let content = fs::read(&file).unwrap_or_default();
        let is_told = content.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(content.len() > 1 << 20 || !is_told, "{} has the secret", file.display());
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(|entry| below(entry.path())).collect()
}
