//! A Kubernetes cluster, as its administrator has it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use super::state;
use crate::{repository, until};

/// The cluster that `tests/servers/up.sh kubernetes` has started.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    kubeconfig: PathBuf,
}

impl Kubernetes {
    /// It.
    #[track_caller]
    pub fn here() -> Self {
        let kubeconfig = state().join("kubernetes/kubeconfig");
        assert!(
            kubeconfig.is_file(),
            "this test needs the test server kubernetes, which is not running ({} is missing): start it with tests/servers/up.sh kubernetes",
            kubeconfig.display()
        );
        Self { kubeconfig }
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// What the API server answers: the status, and what it says.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let kubeconfig = self.kubeconfig.clone();
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let kind =
            if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request =
            ureq::http::Request::builder().method(method).uri(path).header("content-type", kind);
        let request = request.body(body).expect("it is a request");
        // Tests have runtimes of their own, in which no other one may run.
        let asked = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("there are threads").block_on(async {
                let config = Kubeconfig::read_from(kubeconfig).expect("it is a kubeconfig");
                let options = KubeConfigOptions::default();
                let config = kube::Config::from_custom_kubeconfig(config, &options).await;
                let client = kube::Client::try_from(config.expect("it is whole"));
                let client = client.expect("its certificate can be read");
                match client.request::<Value>(request).await {
                    Ok(answer) => (200, answer),
                    Err(kube::Error::Api(status)) => (status.code, json!(status.message)),
                    Err(error) => (0, json!(error.to_string())),
                }
            })
        });
        asked.join().expect("it ends")
    }

    /// An object. `None`: there is none.
    #[track_caller]
    pub fn get(&self, path: &str) -> Option<Value> {
        match self.ask("GET", path, &Value::Null) {
            (200, found) => Some(found),
            (404, _) => None,
            other => panic!("{path}: {other:?}"),
        }
    }

    /// The objects of a list.
    #[track_caller]
    pub fn list(&self, path: &str) -> Vec<Value> {
        let found = self.get(path).expect("there is such a list");
        found["items"].as_array().expect("it is a list").clone()
    }

    /// Makes an object.
    #[track_caller]
    pub fn make(&self, path: &str, object: &Value) -> Value {
        let (status, made) = self.ask("POST", path, object);
        assert_eq!(status, 200, "{path}: {made}");
        made
    }

    /// A namespace that nobody else has. It goes with the test.
    #[track_caller]
    pub fn namespace(&self) -> Namespace {
        let name = format!("test-{:016x}", super::bucket::random());
        self.make("/api/v1/namespaces", &json!({ "metadata": { "name": name } }));
        let namespace = Namespace { cluster: self.clone(), name };
        // Pods are refused until there is one.
        until("it has a service account", || {
            let account = self.get(&namespace.path("serviceaccounts/default"))?;
            account["secrets"].is_array().then_some(())
        });
        namespace
    }
}

/// A namespace of one test.
#[derive(Debug)]
pub struct Namespace {
    /// Its cluster.
    pub cluster: Kubernetes,
    /// Its name.
    pub name: String,
}

impl Namespace {
    /// The path of something of the core API in it.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.name)
    }

    /// The path of Jobs in it.
    pub fn jobs_path(&self) -> String {
        format!("/apis/batch/v1/namespaces/{}/jobs", self.name)
    }

    /// A Job. `None`: there is none.
    #[track_caller]
    pub fn job(&self, name: &str) -> Option<Value> {
        self.cluster.get(&format!("{}/{name}", self.jobs_path()))
    }

    /// Pods of a Job.
    #[track_caller]
    pub fn pods(&self, job: &str) -> Vec<Value> {
        self.cluster.list(&self.path(&format!("pods?labelSelector=job-name%3D{job}")))
    }

    /// Applies what the documentation tells to grant a launcher, and returns a kubeconfig of such a one.
    #[track_caller]
    pub fn launcher(&self, folder: &Path) -> PathBuf {
        let text = std::fs::read_to_string(repository().join("docs/kubernetes/launcher.yaml"));
        let objects: Vec<Value> =
            serde_saphyr::from_multiple(&text.expect("it is there")).expect("it is YAML");
        let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", self.name);
        let mut account = String::new();
        for object in objects {
            let path = match object["kind"].as_str() {
                Some("ServiceAccount") => {
                    account = object["metadata"]["name"].as_str().expect("it has one").to_owned();
                    self.path("serviceaccounts")
                }
                Some("Role") => format!("{rbac}/roles"),
                Some("RoleBinding") => format!("{rbac}/rolebindings"),
                other => panic!("{other:?} is not known"),
            };
            self.cluster.make(&path, &object);
        }
        let token = until("the account has a token", || {
            let account = self.cluster.get(&self.path(&format!("serviceaccounts/{account}")))?;
            let secret = account["secrets"][0]["name"].as_str()?.to_owned();
            let secret = self.cluster.get(&self.path(&format!("secrets/{secret}")))?;
            Some(secret["data"]["token"].as_str()?.to_owned())
        });
        let token = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, token);
        let token = String::from_utf8(token.expect("it is base64")).expect("it is text");
        self.kubeconfig(folder, |config| config["users"][0]["user"] = json!({ "token": token }))
    }

    /// The administrator's kubeconfig, changed, with this namespace.
    #[track_caller]
    pub fn kubeconfig(&self, folder: &Path, change: impl FnOnce(&mut Value)) -> PathBuf {
        let text = std::fs::read_to_string(self.cluster.kubeconfig()).expect("it is there");
        let mut config: Value = serde_saphyr::from_str(&text).expect("it is YAML");
        config["contexts"][0]["context"]["namespace"] = json!(self.name);
        change(&mut config);
        let path = folder.join("kubeconfig");
        // JSON is YAML.
        std::fs::write(&path, config.to_string()).expect("the folder can be written");
        path
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // A test that fails has more to tell.
        if !std::thread::panicking() {
            self.cluster.ask("DELETE", &format!("/api/v1/namespaces/{}", self.name), &Value::Null);
        }
    }
}

/// Where containers reach this machine.
#[track_caller]
pub fn bridge() -> IpAddr {
    let format = "{{with index .IPAM.Config 0}}{{.Gateway}} {{.Subnet}}{{end}}";
    let mut docker = Command::new("docker");
    docker.args(["network", "inspect", "bridge", "--format", format]);
    let found = docker.output().expect("docker.io is installed: tests/servers/docker.sh up");
    let text = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    let whole = || format!("the bridge has no address: {found:?}");
    match text.split_once(' ') {
        Some((gateway, _)) => gateway.parse().unwrap_or_else(|_| panic!("{}", whole())),
        // An engine that was not told its gateway does not say it: it takes the first address.
        None => {
            let network = text.split('/').next().and_then(|network| network.parse().ok());
            let network: Ipv4Addr = network.unwrap_or_else(|| panic!("{}", whole()));
            Ipv4Addr::from(u32::from(network) + 1).into()
        }
    }
}
