//! Custom jobs of Vertex AI: of a double of it, whose containers are those of the Docker Engine of this machine.

use longshore_launchers::kind::Kind;
use longshore_launchers::launcher::{Handle, Plan};
use serde_json::{Value, json};

use crate::cloud_run::Project;
use crate::docker::{Docker, SHELL};
use crate::{Hands, Stand};

/// A stand whose jobs are in a project of their own. Their store is one that containers reach by a network.
pub fn stand(settings: &[(&str, &str)]) -> Stand {
    let project = Project::new();
    // The double's machines are there at once.
    let soon = [("job_watch_poll_interval", "250ms")];
    let settings: Vec<_> = soon.iter().chain(settings).copied().collect();
    project.stand_of(Kind::VertexAi, &settings, Box::new(Jobs(project.clone())))
}

/// The custom jobs of a project.
#[derive(Debug)]
struct Jobs(Project);

impl Jobs {
    fn of(&self, handle: &Handle) -> (usize, Vec<String>) {
        let name = handle.0.split('|').next().expect("a split has a part");
        let run = name.rsplit('=').next().expect("a split has a part");
        let asked = json!({ "project": self.0.cloud.project, "run": run });
        let found = self.0.cloud.control("custom_jobs", &asked);
        let all = |of: &str| found[of].as_array().expect("it is a list").clone();
        let containers = all("containers");
        let containers = containers.iter().map(|id| id.as_str().expect("it is text").to_owned());
        (all("jobs").len(), containers.collect())
    }
}

impl Hands for Jobs {
    fn scripted(&self, plan: &Plan, script: &str) -> Plan {
        let mut plan = plan.clone();
        let container = &mut plan.request["container"];
        container["imageUri"] = json!(SHELL);
        // What looks like a reference to a variable would be replaced by Vertex AI.
        container["command"] = json!(["/bin/sh", "-c", script]);
        container["args"] = Value::Array(Vec::new());
        plan
    }

    fn kill(&self, handle: &Handle) {
        for container in self.of(handle).1 {
            Docker::here().text(&["kill", &container]);
        }
    }

    fn count(&self, handle: &Handle) -> usize {
        self.of(handle).0
    }
}
