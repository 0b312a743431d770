//! Jobs of a Kubernetes cluster.

use std::path::PathBuf;
use std::sync::Arc;

use longshore_launchers::kind::Kind;
use longshore_launchers::launcher::{Handle, Plan};
use longshore_tests::servers::{Kubernetes, Namespace};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::docker::{Docker, SHELL, load_runtime};
use crate::{Hands, Stand};

/// A stand whose jobs are Jobs in a namespace of their own, launched by somebody who may do no more than the
/// documentation says. Their store is a directory, which the node has as well.
pub fn stand(settings: &[(&str, &str)]) -> Stand {
    Cluster::new().stand(settings)
}

/// A namespace, and a launcher's door to it.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The namespace.
    pub namespace: Arc<Namespace>,
    /// What the launcher is given.
    pub kubeconfig: PathBuf,
    _folder: Arc<TempDir>,
}

impl Cluster {
    /// A fresh one, whose node has the images.
    pub fn new() -> Self {
        Docker::here().import_shell();
        load_runtime();
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let namespace = Kubernetes::here().namespace();
        let kubeconfig = namespace.launcher(folder.path());
        Self { namespace: Arc::new(namespace), kubeconfig, _folder: Arc::new(folder) }
    }

    /// A stand over it.
    pub fn stand(&self, settings: &[(&str, &str)]) -> Stand {
        let kubeconfig = self.kubeconfig.display().to_string();
        // Many run at once, and their memory is not used.
        let usual = [
            ("kubeconfig", kubeconfig.as_str()),
            ("host_path_store", "true"),
            ("memory_request", "8MiB"),
            ("cpu_request", "1m"),
        ];
        let settings: Vec<_> = usual.into_iter().chain(settings.iter().copied()).collect();
        Stand::new(Kind::Kubernetes, &settings, None, Box::new(self.clone()))
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Self::new()
    }
}

/// The name of the Job that a handle means.
pub fn name(handle: &Handle) -> &str {
    handle.0.split('|').nth(2).expect("it is the handle of a Job")
}

impl Hands for Cluster {
    fn scripted(&self, plan: &Plan, script: &str) -> Plan {
        let mut plan = plan.clone();
        let container = &mut plan.request["container"];
        container["image"] = json!(SHELL);
        container["command"] = json!(["/bin/sh", "-c", script]);
        // There is no run whose folder could be mounted.
        container["volumeMounts"] = Value::Null;
        plan.request["job"]["spec"]["template"]["spec"]["volumes"] = Value::Null;
        plan
    }

    fn kill(&self, handle: &Handle) {
        let docker = Docker::here();
        let filter = format!("name=k8s_runtime_{}", name(handle));
        let container = docker.text(&["ps", "--quiet", "--filter", &filter]);
        docker.text(&["kill", &container]);
    }

    fn count(&self, handle: &Handle) -> usize {
        usize::from(self.namespace.job(name(handle)).is_some())
    }
}
