//! Where a test lives: a home folder of its own, and nothing of the environment of whoever runs the test.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::build::{self, variable};
use crate::servers::Bucket;
use crate::{Call, Run, component, processes_of};

/// A home folder of its own. What runs in it ends with it.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    cache: PathBuf,
    /// Environment variables of all programs.
    around: Vec<(String, String)>,
}

impl Home {
    /// A home whose cache is shared with other tests: components are compiled already.
    #[expect(
        clippy::new_without_default,
        reason = "each home is a place of its own, none is the usual one"
    )]
    pub fn new() -> Self {
        let mut home = Self::cold();
        home.cache = build::shared_cache();
        home
    }

    /// A home with a cache of its own, which is empty.
    pub fn cold() -> Self {
        let folder = tempfile::Builder::new().prefix("longshore-test-").tempdir();
        let folder = folder.expect("there is a folder for temporary files");
        let cache = folder.path().join(".cache/longshore");
        Self { folder, cache, around: vec![] }
    }

    /// A home whose store is in object storage.
    pub fn over(bucket: &Bucket) -> Self {
        let variables = bucket.variables();
        let home = Self::at(&bucket.location());
        variables.iter().fold(home, |home, (name, value)| home.with_variable(name, value))
    }

    /// The same, with one more environment variable for all programs.
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.around.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A home with its store at this address, and no credentials for it.
    pub fn at(location: &str) -> Self {
        let mut home = Self::new();
        home.around.push(("LONGSHORE_STORE".to_owned(), location.to_owned()));
        home
    }

    /// The same, with a default pool of another kind, whose containers have the runtime under test.
    pub fn with_pool(mut self, kind: &str, settings: &str) -> Self {
        let text =
            format!("default_pool = \"{kind}\"\n[pools.{kind}]\ntype = \"{kind}\"\n{settings}\n");
        self.file(".config/longshore/config.toml", text);
        let runtime = build::image_runtime().display().to_string();
        self.around.push(("LONGSHORE_IMAGE_RUNTIME".to_owned(), runtime));
        self
    }

    /// A path in this home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and returns its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        let folder = path.parent().expect("it is in the home");
        std::fs::create_dir_all(folder).expect("the home can be written");
        std::fs::write(&path, content).expect("the home can be written");
        path
    }

    /// The store, where no other is named.
    pub fn store(&self) -> PathBuf {
        self.path(".local/share/longshore/store")
    }

    /// The cache.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The folder of launched jobs.
    pub fn jobs(&self) -> PathBuf {
        self.path(".local/state/longshore/jobs")
    }

    /// Any program, in this home.
    pub fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Call {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_clear();
        command.env("HOME", self.folder.path()).env("LONGSHORE_CACHE", &self.cache);
        command.env("TMPDIR", self.path("tmp")).env("CARGO_TARGET_DIR", build::scaffold_target());
        std::fs::create_dir_all(self.path("tmp")).expect("the home can be written");
        // Rust itself is not under test, so it stays where it is.
        for name in ["PATH", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
            command.envs(variable(name).map(|value| (name, value)));
        }
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            if let (None, Some(home)) = (variable(name), variable("HOME")) {
                command.env(name, Path::new(&home).join(folder));
            }
        }
        command.envs(self.around.iter().cloned());
        Call::new(command)
    }

    /// `longshore`, in this home.
    pub fn longshore(&self, arguments: &[&str]) -> Call {
        self.program(build::longshore()).args(arguments)
    }

    /// `longshore run` of a flow under test.
    pub fn run(&self, flow: &str) -> Call {
        self.longshore(&["run"]).arg(component::fixtures()).arg(flow)
    }

    /// `longshore submit` of a flow under test.
    pub fn submit(&self, flow: &str) -> Call {
        self.longshore(&["submit"]).arg(component::fixtures()).arg(flow)
    }

    /// The run that a `longshore submit` starts.
    #[track_caller]
    pub fn submitted(&self, call: Call) -> Run<'_> {
        self.run_named(call.succeeds().text().trim())
    }

    /// The run with this id.
    pub fn run_named(&self, id: &str) -> Run<'_> {
        Run::new(self, id)
    }

    /// The only run in the store.
    #[track_caller]
    pub fn only_run(&self) -> Run<'_> {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "runs in the store: {runs:?}");
        self.run_named(&runs[0])
    }

    /// The run that was ordered last.
    #[track_caller]
    pub fn newest_run(&self) -> Run<'_> {
        // Ids sort by time.
        let newest = self.runs().into_iter().max().expect("there is a run in the store");
        self.run_named(&newest)
    }

    /// The newest run, as the CLI lists it: of stores that are elsewhere.
    #[track_caller]
    pub fn newest_listed(&self) -> Run<'_> {
        let listed = self.longshore(&["list"]).json().succeeds().json();
        self.run_named(listed[0]["run"].as_str().expect("there is a run in the store"))
    }

    /// Whether a file below the home holds `text`.
    pub fn holds(&self, text: &str) -> bool {
        fn holds(path: &Path, text: &str) -> bool {
            match std::fs::read_dir(path) {
                Ok(entries) => entries.flatten().any(|entry| holds(&entry.path(), text)),
                Err(_) => std::fs::read(path).is_ok_and(|content| contains(&content, text)),
            }
        }
        holds(self.folder.path(), text)
    }

    /// The ids of all runs in the store.
    pub fn runs(&self) -> Vec<String> {
        let names = |folder: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect()
        };
        let days = names(&self.store().join("runs/default"));
        let runs = days.iter().flat_map(|day| names(day));
        runs.filter_map(|run| Some(run.file_name()?.to_str()?.to_owned())).collect()
    }

    /// Asserts that no run was ordered, and no parameters were stored.
    #[track_caller]
    pub fn has_stored_nothing(&self) {
        let left: Vec<_> = ["runs", "components", "compiled"]
            .into_iter()
            .filter(|name| self.store().join(name).exists())
            .collect();
        assert!(left.is_empty(), "the store has {left:?}");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for process in processes_of(self.folder.path()) {
            process.signal(Signal::KILL);
        }
    }
}

/// Whether a file has this text somewhere.
pub(crate) fn contains(content: &[u8], text: &str) -> bool {
    content.windows(text.len()).any(|window| window == text.as_bytes())
}
