//! What a program said, and how it ended.

use longshore_protocol::exit::ExitCode;
use serde_json::Value;

/// What a program said, and how it ended.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Standard output, as it is.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
}

impl Answer {
    /// Asserts how the program ended.
    #[track_caller]
    pub fn exits(self, code: ExitCode) -> Self {
        assert_eq!(self.code, Some(code.0.into()), "exit code\n{}", self.shown());
        self
    }

    /// Asserts that the program did what it was asked to.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.exits(longshore_protocol::exit::OK)
    }

    /// Asserts the whole of standard output.
    #[track_caller]
    pub fn prints(self, stdout: &str) -> Self {
        assert_eq!(self.text(), stdout, "standard output\n{}", self.shown());
        self
    }

    /// Asserts that standard error has `text` in it.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "standard error lacks {text:?}\n{}", self.shown());
        self
    }

    /// Asserts that standard error does not have `text` in it.
    #[track_caller]
    pub fn keeps_quiet_of(self, text: &str) -> Self {
        assert!(!self.stderr.contains(text), "standard error has {text:?}\n{}", self.shown());
        self
    }

    /// Asserts the error that ends standard error, with its hint where there is one.
    #[track_caller]
    pub fn fails_with(self, code: ExitCode, lines: &[&str]) -> Self {
        let this = self.exits(code).prints("");
        let said: Vec<_> = this.stderr.lines().collect();
        let last = &said[said.len().saturating_sub(lines.len())..];
        assert_eq!(last, lines, "the error\n{}", this.shown());
        this
    }

    /// Standard output as text.
    #[track_caller]
    pub fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).expect("standard output is text")
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| {
            panic!("standard output is not JSON: {error}\n{}", self.shown())
        })
    }

    /// Each line of standard output as JSON.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        self.lines_as_json(&self.text())
    }

    /// Each line of standard error as JSON.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        self.lines_as_json(&self.stderr)
    }

    #[track_caller]
    fn lines_as_json(&self, text: &str) -> Vec<Value> {
        text.lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| {
                    panic!("{line:?} is not JSON: {error}\n{}", self.shown())
                })
            })
            .collect()
    }

    fn shown(&self) -> String {
        let stdout = String::from_utf8_lossy(&self.stdout);
        let stdout: String = stdout.chars().take(2_000).collect();
        let Self { stderr, code, stdout: _ } = self;
        format!("--- code: {code:?}\n--- stdout:\n{stdout}\n--- stderr:\n{stderr}\n---")
    }
}
