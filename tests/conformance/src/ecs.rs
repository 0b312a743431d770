//! Tasks of AWS ECS, of a server of others that starts real containers.

use longshore_launchers::kind::Kind;
use longshore_launchers::launcher::{Handle, Plan};
use longshore_launchers::surroundings::Surroundings;
use longshore_tests::servers::{self, EXECUTION_ROLE, Ecs, Near, REGION};
use serde_json::json;

use crate::docker::{Docker, load_runtime};
use crate::{Hands, Stand};

/// The image with a shell that takes a script: the server does not look at `entryPoint`.
const SHELL: &str = "longshore-test-script:1";
/// Where the launcher's keys are.
const KEYS: &str = "ECS_";

/// A stand whose jobs are tasks in a cluster of their own, with a store that is S3.
pub fn stand(settings: &[(&str, &str)]) -> Stand {
    Cluster::new().stand(settings)
}

/// A cluster, and a store that its tasks reach.
#[derive(Debug)]
pub struct Cluster {
    /// The server.
    pub ecs: std::sync::Arc<Ecs>,
    store: Near,
}

impl Cluster {
    /// A fresh one, whose machine has the images.
    #[expect(clippy::new_without_default, reason = "each is one of its own, none is the usual one")]
    pub fn new() -> Self {
        Docker::here().import_shell_as(SHELL, &["--change", "ENTRYPOINT [\"/bin/sh\", \"-c\"]"]);
        Self { ecs: std::sync::Arc::new(Ecs::new()), store: servers::s3().near_containers() }
    }

    /// A stand over it.
    pub fn stand(self, settings: &[(&str, &str)]) -> Stand {
        let (endpoint, cluster) = (self.ecs.endpoint(), self.ecs.cluster().to_owned());
        let credentials = format!("env:{KEYS}");
        let usual = [
            ("region", REGION),
            ("endpoint_url", endpoint.as_str()),
            ("credentials", credentials.as_str()),
            ("cluster", cluster.as_str()),
            // Definitions are the account's: those of other tests would be found.
            ("family", cluster.as_str()),
            ("image", load_runtime()),
            ("execution_role_arn", EXECUTION_ROLE),
        ];
        let settings: Vec<_> = usual.into_iter().chain(settings.iter().copied()).collect();
        let location = self.store.location();
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        let keys = keys.map(|name| (format!("{KEYS}{name}"), "test".to_owned()));
        let surroundings: Surroundings =
            self.store.bucket.variables().into_iter().chain(keys).collect();
        Stand::new(Kind::Ecs, &settings, Some((location, surroundings)), Box::new(self))
    }
}

/// The run that a handle means.
pub fn run(handle: &Handle) -> &str {
    handle.0.split('|').nth(2).expect("it is the handle of a task")
}

impl Hands for Cluster {
    fn scripted(&self, plan: &Plan, script: &str) -> Plan {
        let mut plan = plan.clone();
        plan.request["container"]["image"] = json!(SHELL);
        plan.request["arguments"] = json!([script]);
        plan
    }

    fn kill(&self, handle: &Handle) {
        self.ecs.kill(run(handle));
    }

    fn count(&self, handle: &Handle) -> usize {
        self.ecs.tasks(run(handle)).len()
    }

    fn removes(&self) -> bool {
        false
    }

    fn keeps_lines_without_end(&self) -> bool {
        false
    }
}
