//! Settings of jobs that are Jobs of Kubernetes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::names::{is_annotation_key, is_label, is_name};
use crate::image::Pull;
use crate::settings::{
    AbsolutePath, Cpus, Integer, OneOf, SettingType, Shape, Size, Variables, settings,
};

/// Labels of objects, or of nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(pub BTreeMap<String, String>);

impl SettingType for Labels {
    fn shape() -> Shape {
        Shape::Map
    }

    fn read(value: &Value) -> Result<Self, String> {
        let labels = BTreeMap::<String, String>::read(value)?;
        match labels.iter().find(|(key, value)| !is_label(key, value)) {
            Some((key, value)) => Err(format!(
                "{key}: {value:?} is not a label; keys are like name or example.com/name, and values have up to 63 letters, digits, '-', '_' and '.'"
            )),
            None => Ok(Self(labels)),
        }
    }

    fn write(&self) -> Value {
        self.0.write()
    }
}

/// Annotations of objects: any text by keys like those of labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations(pub BTreeMap<String, String>);

impl SettingType for Annotations {
    fn shape() -> Shape {
        Shape::Map
    }

    fn read(value: &Value) -> Result<Self, String> {
        let annotations = BTreeMap::<String, String>::read(value)?;
        match annotations.keys().find(|key| !is_annotation_key(key)) {
            Some(key) => Err(format!(
                "{key:?} is not the key of an annotation; write name or example.com/name"
            )),
            None => Ok(Self(annotations)),
        }
    }

    fn write(&self) -> Value {
        self.0.write()
    }
}

/// The name of an object of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName(pub String);

impl SettingType for ObjectName {
    fn shape() -> Shape {
        Shape::Text
    }

    fn read(value: &Value) -> Result<Self, String> {
        let name = String::read(value)?;
        if is_name(&name) {
            return Ok(Self(name));
        }
        Err(format!(
            "{name:?} is not a name of Kubernetes: up to 253 of a-z, 0-9, '-' and '.', with a letter or digit at both ends"
        ))
    }

    fn write(&self) -> Value {
        self.0.write()
    }
}

settings! {
    /// What can be set about a Job.
    pub struct KubernetesSettings {
        /// The image. Default: the runtime of this release by its own name, which the nodes must have.
        guarded image: Option<String> = None,
        /// When the node fetches the image.
        guarded image_pull_policy: OneOf<Pull> = OneOf(Pull::IfNotPresent),
        /// Secrets of the namespace with what the image's registry asks for.
        guarded image_pull_secrets: Vec<String> = Vec::new(),
        /// The kubeconfig file. Default: as for kubectl (KUBECONFIG, ~/.kube/config), else the cluster around the launcher.
        guarded kubeconfig: Option<AbsolutePath> = None,
        /// The kubeconfig's context. Default: its current one.
        guarded context: Option<String> = None,
        /// The namespace. Default: that of the context, else default.
        guarded namespace: Option<ObjectName> = None,
        /// The beginning of the Job's name; the id of the run follows. Default: longshore.
        free name: Option<String> = None,
        /// Labels of Job and pod, beside Longshore's own.
        guarded labels: Labels = Labels::default(),
        /// Annotations of Job and pod, beside Longshore's own.
        guarded annotations: Annotations = Annotations::default(),
        /// The environment of the runtime. A flow sees only what it is granted.
        guarded env: Variables = Variables::default(),
        /// What the container starts in place of the image's own program; the runtime's arguments follow.
        guarded command: Vec<String> = Vec::new(),
        /// The service account of the pod. It gets no token of it unless a patch says so.
        guarded service_account_name: Option<ObjectName> = None,
        /// Whom the container runs as, a number. Default: 65532, or the owner of the store where that is a directory.
        guarded run_as_user: Option<Integer<0, 2_147_483_647>> = None,
        /// Whether the nodes have the store under the same path, where it is a directory: a cluster on this machine, or a shared file system.
        guarded host_path_store: bool = false,
        /// The memory that the pod reserves. Default: as memory_limit.
        guarded memory_request: Option<Size> = None,
        /// The memory that the container may use. Default: what the flow's limits add up to, and what the runtime takes.
        guarded memory_limit: Option<Size> = None,
        /// The processors that the pod reserves. Few, as most flows wait more than they compute.
        guarded cpu_request: Cpus = Cpus(100),
        /// The processors that the container may use. A flow has one thread.
        guarded cpu_limit: Option<Cpus> = None,
        /// Labels that a node must have.
        guarded node_selector: Labels = Labels::default(),
        /// The priority class of the pod.
        guarded priority_class_name: Option<ObjectName> = None,
        /// How often Kubernetes makes a new pod after one that failed. A flow's own retries need none.
        guarded backoff_limit: Integer<0, 100> = Integer(0),
        /// How long a pod may take to start before the run is given up: a cluster that adds nodes takes minutes.
        guarded pod_start_timeout: Duration = Duration::from_secs(600),
        /// How long Kubernetes keeps a Job that is over: long enough to look why, and less than a busy namespace fills up in.
        guarded finished_job_ttl: Duration = Duration::from_secs(3600),
        /// Whether the Job is deleted when its run has an outcome, and its Secret with it. One that ended without is kept: it is what explains why.
        free auto_remove: bool = true,
        /// Whether longshore run shows the output of the container itself. The log of the flow is always shown.
        free stream_output: bool = false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_kubernetes_would_refuse_is_refused_before() {
        assert!(Labels::read(&json!({"example.com/team": "search", "a": ""})).is_ok());
        let why = Labels::read(&json!({"team": "two words"})).unwrap_err();
        assert!(why.starts_with("team: \"two words\" is not a label"), "{why}");
        assert!(Annotations::read(&json!({"a/b": "two words"})).is_ok());
        assert!(Annotations::read(&json!({"a/b/c": ""})).is_err());
        assert!(ObjectName::read(&json!("flows")).is_ok());
        assert!(ObjectName::read(&json!("Flows")).is_err());
    }
}
