//! A run, seen from outside: by another `longshore`, and by what is in the store.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Answer, Call, Home, Process, until};

/// A run.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    home: &'a Home,
    id: String,
}

impl<'a> Run<'a> {
    pub(crate) fn new(home: &'a Home, id: &str) -> Self {
        Self { home, id: id.to_owned() }
    }

    /// Its whole id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The ending of its id that people are shown.
    pub fn short(&self) -> &str {
        &self.id[self.id.len() - 8..]
    }

    /// `longshore VERB RUN`.
    pub fn verb(&self, verb: &str) -> Call {
        self.home.longshore(&[verb, &self.id])
    }

    /// Waits for its end, with `longshore wait`.
    #[track_caller]
    pub fn wait(&self) -> Answer {
        self.verb("wait").answer()
    }

    /// Everything that `longshore show` knows.
    #[track_caller]
    pub fn shown(&self) -> Value {
        self.verb("show").json().succeeds().json()
    }

    /// Its state, as another `longshore` sees it.
    #[track_caller]
    pub fn state(&self) -> String {
        self.shown()["state"].as_str().expect("a run has a state").to_owned()
    }

    /// Why it is in its state.
    #[track_caller]
    pub fn reason(&self) -> String {
        self.shown()["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// The outcome in the store, which must be there.
    #[track_caller]
    pub fn outcome(&self) -> Value {
        self.record("outcome.json").expect("the run has an outcome")
    }

    /// A record in the store, as soon as it is whole.
    pub fn record(&self, name: &str) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(self.folder().join(name)).ok()?).ok()
    }

    /// Its folder in the store.
    pub fn folder(&self) -> PathBuf {
        let id: longshore_protocol::id::RunId = self.id.parse().expect("it is the id of a run");
        self.home.store().join("runs/default").join(id.day()).join(&self.id)
    }

    /// The folder of its job.
    pub fn job(&self) -> PathBuf {
        self.home.jobs().join(&self.id)
    }

    /// The runtime's process, as soon as it has picked the run up.
    #[track_caller]
    pub fn runtime(&self) -> Process {
        let started =
            until("a runtime has picked the run up", || self.record("attempts/1/started.json"));
        let pid = started["host"]["pid"].as_u64().expect("it says which process it is");
        Process::new(pid.try_into().expect("process ids are small"))
    }

    /// Waits until the flow itself has said something.
    #[track_caller]
    pub fn until_says(&self, text: &str) {
        until(&format!("the flow says {text:?}"), || self.has_said(text).then_some(()));
    }

    fn has_said(&self, text: &str) -> bool {
        let segments = std::fs::read_dir(self.folder().join("attempts/1/log"));
        segments.into_iter().flatten().flatten().any(|segment| {
            std::fs::read_to_string(segment.path()).is_ok_and(|content| content.contains(text))
        })
    }

    /// The runtime as its launcher started it: a container that is started once more.
    pub fn runtime_again(&self) -> Call {
        self.runtime_for(self.home.store().as_path())
    }

    fn runtime_for(&self, store: &Path) -> Call {
        let order = std::fs::read(self.folder().join("order.json")).expect("the run was ordered");
        let digest = longshore_protocol::id::Digest::of(&order).to_string();
        self.home
            .program(crate::runtime())
            .args(["execute", "--tenant", "default", "--run", &self.id, "--order-sha256", &digest])
            .arg("--store")
            .arg(store)
    }
}
