//! Jobs of Cloud Run: of a double of it, whose containers are those of the Docker Engine of this machine.

use std::sync::Arc;

use longshore_launchers::kind::Kind;
use longshore_launchers::launcher::{Handle, Plan};
use longshore_launchers::surroundings::Surroundings;
use longshore_tests::servers::{self, Cloud, Near};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::docker::{Docker, SHELL, load_runtime};
use crate::{Hands, Stand};

/// A stand whose jobs are in a project of their own. Their store is one that containers reach by a network.
pub fn stand(settings: &[(&str, &str)]) -> Stand {
    Project::new().stand(settings)
}

/// A project, and a store.
#[derive(Debug, Clone)]
pub struct Project {
    /// The double.
    pub cloud: Arc<Cloud>,
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    store: Near,
    folder: TempDir,
    image: &'static str,
}

impl Project {
    /// A fresh one.
    pub fn new() -> Self {
        Docker::here().import_shell();
        let store = servers::s3().near_containers();
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let parts = Parts { store, folder, image: load_runtime() };
        Self { cloud: Arc::new(Cloud::project()), parts: Arc::new(parts) }
    }

    /// The settings that lead there.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let credentials = self.cloud.credentials(self.parts.folder.path());
        let proxy = self.cloud.proxy.url();
        vec![
            ("project", self.cloud.project.clone()),
            ("image", self.parts.image.to_owned()),
            ("credentials", format!("file:{}", credentials.display())),
            ("endpoint", proxy.clone()),
            ("logging_endpoint", proxy.clone()),
            ("resource_manager_endpoint", proxy),
        ]
    }

    /// A stand over it.
    pub fn stand(&self, settings: &[(&str, &str)]) -> Stand {
        self.stand_of(Kind::CloudRun, settings, Box::new(self.clone()))
    }

    /// A stand over it, of a kind that Google has.
    pub fn stand_of(&self, kind: Kind, settings: &[(&str, &str)], hands: Box<dyn Hands>) -> Stand {
        let store = self.parts.store.location();
        let around: Surroundings = self.parts.store.bucket.variables().into_iter().collect();
        let usual = self.settings();
        let usual = usual.iter().map(|(key, value)| (*key, value.as_str()));
        let settings: Vec<_> = usual.chain(settings.iter().copied()).collect();
        Stand::new(kind, &settings, Some((store, around)), hands)
    }

    /// What there is of a job: how many of it or its executions, and the containers.
    pub fn found(&self, handle: &Handle) -> (usize, Vec<String>) {
        let name = handle.0.split('|').next().expect("a split has a part");
        let job = name.split("/runs/").next().expect("a split has a part");
        let found = self.cloud.control("containers", &json!({ "name": format!("{job}/") }));
        let all = |of: &str| found[of].as_array().expect("it is a list").clone();
        let containers = all("containers");
        let containers = containers.iter().map(|id| id.as_str().expect("it is text").to_owned());
        let is_shared = name.contains("/runs/");
        // A job starts its execution a moment after it was created.
        let jobs = if is_shared { 0 } else { all("jobs").len() };
        (all("executions").len().max(jobs), containers.collect())
    }
}

impl Default for Project {
    fn default() -> Self {
        Self::new()
    }
}

impl Hands for Project {
    fn scripted(&self, plan: &Plan, script: &str) -> Plan {
        let mut plan = plan.clone();
        let container = &mut plan.request["container"];
        container["image"] = json!(SHELL);
        container["command"] = json!(["/bin/sh", "-c", script]);
        container["args"] = Value::Null;
        plan
    }

    fn kill(&self, handle: &Handle) {
        for container in self.found(handle).1 {
            Docker::here().text(&["kill", &container]);
        }
    }

    fn count(&self, handle: &Handle) -> usize {
        self.found(handle).0
    }
}
