//! A program that is about to be started in a test's home.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use longshore_protocol::exit::ExitCode;

use crate::until::{PATIENCE, PATIENCE_OF_BUILDS};
use crate::{Answer, Running};

/// A program that is about to be started.
#[derive(Debug)]
#[must_use]
pub struct Call {
    command: Command,
    input: Option<Vec<u8>>,
    patience: Duration,
}

impl Call {
    pub(crate) fn new(command: Command) -> Self {
        Self { command, input: None, patience: PATIENCE }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Adds a parameter of a flow.
    pub fn param(self, name: &str, value: impl std::fmt::Display) -> Self {
        self.arg("-p").arg(format!("{name}={value}"))
    }

    /// Adds a parameter of a flow whose value is the content of a file.
    pub fn param_file(self, name: &str, file: &Path) -> Self {
        self.param(name, format_args!("@{}", file.display()))
    }

    /// Asks for JSON.
    pub fn json(self) -> Self {
        self.args(["--format", "json"])
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes an environment variable away.
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Starts in another folder than the home.
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Waits for as long as a build may take: the program builds a crate.
    pub fn builds(mut self) -> Self {
        self.patience = PATIENCE_OF_BUILDS;
        self
    }

    /// Gives standard input.
    pub fn input(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.input = Some(content.into());
        self
    }

    /// Starts the program and waits for its end.
    #[track_caller]
    pub fn answer(self) -> Answer {
        self.start().finish()
    }

    /// Starts the program.
    #[track_caller]
    pub fn start(mut self) -> Running {
        let stdin = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the program can be started");
        if let (Some(input), Some(mut stdin)) = (self.input, child.stdin.take()) {
            // A thread, since a program may answer before it has read everything. Nor must it read everything.
            std::thread::spawn(move || drop(stdin.write_all(&input)));
        }
        Running::new(child, self.patience)
    }

    /// Asserts how the program ends.
    #[track_caller]
    pub fn exits(self, code: ExitCode) -> Answer {
        self.answer().exits(code)
    }

    /// Asserts the error that ends the program, with its hint where there is one.
    #[track_caller]
    pub fn fails_with(self, code: ExitCode, lines: &[&str]) -> Answer {
        self.answer().fails_with(code, lines)
    }

    /// Asserts that the program succeeds.
    #[track_caller]
    pub fn succeeds(self) -> Answer {
        self.answer().succeeds()
    }
}
