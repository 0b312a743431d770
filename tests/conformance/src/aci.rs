//! Container groups of Azure: of a double of it, whose containers are those of the Docker Engine of this machine.

use std::sync::Arc;

use longshore_launchers::kind::Kind;
use longshore_launchers::launcher::{Handle, Plan};
use longshore_launchers::surroundings::Surroundings;
use longshore_tests::servers::{self, Azure, Near};
use serde_json::json;

use crate::docker::{Docker, SHELL, load_runtime};
use crate::{Hands, Stand};

/// A stand whose jobs are in a subscription of their own. Their store is one that containers reach by a network.
pub fn stand(settings: &[(&str, &str)]) -> Stand {
    Subscription::new().stand(settings)
}

/// A subscription, and a store.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// The double.
    pub azure: Arc<Azure>,
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    store: Near,
    image: &'static str,
}

impl Subscription {
    /// A fresh one.
    pub fn new() -> Self {
        Docker::here().import_shell();
        let store = servers::s3().near_containers();
        let parts = Parts { store, image: load_runtime() };
        Self { azure: Arc::new(Azure::subscription()), parts: Arc::new(parts) }
    }

    /// A stand over it.
    pub fn stand(&self, settings: &[(&str, &str)]) -> Stand {
        let store = self.parts.store.location();
        let around = self.parts.store.bucket.variables().into_iter().chain(self.azure.variables());
        let around: Surroundings = around.collect();
        let usual = self.azure.settings(self.parts.image);
        let usual = usual.iter().map(|(key, value)| (*key, value.as_str()));
        let settings: Vec<_> = usual.chain(settings.iter().copied()).collect();
        Stand::new(Kind::Aci, &settings, Some((store, around)), Box::new(self.clone()))
    }
}

impl Default for Subscription {
    fn default() -> Self {
        Self::new()
    }
}

fn name(handle: &Handle) -> &str {
    let id = handle.0.split('|').next().unwrap_or_default();
    id.rsplit('/').next().unwrap_or_default()
}

impl Hands for Subscription {
    fn scripted(&self, plan: &Plan, script: &str) -> Plan {
        let mut plan = plan.clone();
        let properties = &mut plan.request["container"]["properties"];
        properties["image"] = json!(SHELL);
        properties["command"] = json!(["/bin/sh", "-c", script]);
        plan
    }

    fn kill(&self, handle: &Handle) {
        for container in self.azure.containers(name(handle)) {
            Docker::here().text(&["kill", &container]);
        }
    }

    fn count(&self, handle: &Handle) -> usize {
        // A group that was started again counts as often.
        self.azure.starts(name(handle)).iter().map(|starts| (*starts).max(1)).sum()
    }

    fn keeps_output_of_the_past(&self) -> bool {
        // Azure keeps 1,000 lines of a container that is over.
        false
    }
}
