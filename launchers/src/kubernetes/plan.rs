//! Job → request for a Job of Kubernetes. Pure, but for the kubeconfig that says where it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use k8s_openapi::api::batch::v1::Job as KubernetesJob;
use k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, Secret, SecretKeySelector};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cluster::{Cluster, Named};
use super::config::KubernetesSettings;
use super::manifest;
use super::names::{is_variable, job_name};
use crate::launcher::{Entry, Handle, Hidden, Job, Plan};
use crate::settings::{AbsolutePath, exact, readable, unchanged};
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// What a patch must leave as it is: by these the runtime finds its run and verifies it, and gets its credentials, and
/// launchers find the Job.
const FIXED: [&str; 10] = [
    "/server",
    "/namespace",
    "/name",
    "/secret",
    "/container/args",
    "/container/image",
    "/container/name",
    "/job/metadata/name",
    "/job/metadata/namespace",
    "/job/metadata/labels/longshore~1run",
];
/// The variable, and key of the Secret, with the signed address of the ticket.
pub(super) const TICKET: &str = "LONGSHORE_TICKET";

/// What is asked of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// The API server.
    pub(super) server: String,
    /// The context that leads to it, and the kubeconfig that has it, where they are set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kubeconfig: Option<PathBuf>,
    pub(super) namespace: String,
    /// The name of Job and Secret.
    pub(super) name: String,
    /// The keys of the Secret, each of them a variable of the container: the ticket, and what is copied from around the
    /// launcher. People print plans, so what they are is not here.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) secret: BTreeSet<String>,
    /// The runtime's container. It stands apart, since a merge patch replaces lists as a whole.
    pub(super) container: Value,
    /// The Job without it.
    pub(super) job: Value,
}

impl Request {
    /// The Job as the cluster gets it.
    ///
    /// # Errors
    /// When job or container are none.
    pub(super) fn job(&self) -> Result<KubernetesJob, Error> {
        let unread = |error| {
            let text = "the request is not one for a Job of Kubernetes";
            Error::caused(ErrorKind::BadInput, text, error)
        };
        let mut job: KubernetesJob = serde_json::from_value(self.job.clone()).map_err(unread)?;
        let mut container: Container =
            serde_json::from_value(self.container.clone()).map_err(unread)?;
        let from_secret = |key: &String| EnvVar {
            name: key.clone(),
            value_from: Some(EnvVarSource {
                secret_key_ref: Some(SecretKeySelector {
                    name: self.name.clone(),
                    key: key.clone(),
                    optional: None,
                }),
                ..EnvVarSource::default()
            }),
            ..EnvVar::default()
        };
        // Behind all others: of two variables with one name, the last one counts.
        container.env.get_or_insert_default().extend(self.secret.iter().map(from_secret));
        let pod = job.spec.get_or_insert_default().template.spec.get_or_insert_default();
        pod.containers.insert(0, container);
        Ok(job)
    }

    /// The Secret of the Job, which goes with it.
    ///
    /// # Errors
    /// When a variable around the launcher that it is to hold is not set.
    pub(super) fn secret(
        &self,
        owner: &KubernetesJob,
        hidden: &Hidden,
        surroundings: &Surroundings,
    ) -> Result<Secret, Error> {
        let value = |key: &String| {
            let value = match hidden.0.get(key) {
                Some(value) => value,
                None => surroundings.required(key)?,
            };
            Ok((key.clone(), value.to_owned()))
        };
        let owner = OwnerReference {
            api_version: "batch/v1".to_owned(),
            kind: "Job".to_owned(),
            name: self.name.clone(),
            uid: owner.metadata.uid.clone().unwrap_or_default(),
            ..OwnerReference::default()
        };
        let labels = self.job.pointer("/metadata/labels").cloned().unwrap_or_default();
        Ok(Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(self.namespace.clone()),
                labels: serde_json::from_value(labels).ok(),
                owner_references: Some(vec![owner]),
                ..ObjectMeta::default()
            },
            string_data: Some(self.secret.iter().map(value).collect::<Result<_, Error>>()?),
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        })
    }

    pub(super) fn place(&self) -> Place {
        Place {
            server: self.server.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            context: self.context.clone(),
            kubeconfig: self.kubeconfig.clone(),
        }
    }
}

pub(super) fn plan(job: &Job, surroundings: &Surroundings) -> Result<Plan, Error> {
    let settings = KubernetesSettings::of(&job.settings)?;
    let named = named(&settings);
    let cluster = Cluster::resolve(named, surroundings)?;
    job.check_store_is_elsewhere("ADDRESS-OF-THE-STORE-FOR-PODS")?;
    let namespace = settings.namespace.as_ref().map(|namespace| namespace.0.clone());
    let (entry, hidden) = entry(&job.entry);
    let secret: BTreeSet<_> = &job.secret_variables | &job.entry.variables();
    check_variables(&secret)?;
    let request = Request {
        server: cluster.server,
        context: named.context.map(str::to_owned),
        kubeconfig: named.kubeconfig.map(Path::to_owned),
        namespace: namespace.unwrap_or(cluster.namespace),
        name: job_name(settings.name.as_deref(), &job.run),
        secret: hidden.0.keys().cloned().chain(secret).collect(),
        container: json(&manifest::container(job, &settings, &entry)?)?,
        job: Value::Null,
    };
    let job = manifest::job(job, &settings, &request)?;
    let request = Request { job: json(&job)?, ..request };
    Ok(Plan {
        handle: request.place().handle(),
        request: json(&request)?,
        streams_output: settings.stream_output,
        hidden,
    })
}

/// How a Job is named that the cluster has.
pub(super) fn handle(
    cluster: &Cluster,
    settings: &KubernetesSettings,
    namespace: &str,
    name: &str,
) -> Handle {
    let Named { kubeconfig, context } = named(settings);
    let place = Place {
        server: cluster.server.clone(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        context: context.map(str::to_owned),
        kubeconfig: kubeconfig.map(Path::to_owned),
    };
    place.handle()
}

pub(super) fn named(settings: &KubernetesSettings) -> Named<'_> {
    Named {
        kubeconfig: settings.kubeconfig.as_ref().map(|AbsolutePath(path)| path.as_path()),
        context: settings.context.as_deref(),
    }
}

fn json(value: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(|error| {
        Error::caused(ErrorKind::BadInput, "a path of the job is not Unicode text", error)
    })
}

/// The ticket's address is good for whoever has it, so it is in the Secret, and Kubernetes puts it in its place.
fn entry(entry: &Entry) -> (Entry, Hidden) {
    match entry {
        Entry::Ticket { url, sha256 } => (
            Entry::Ticket { url: format!("$({TICKET})"), sha256: *sha256 },
            Hidden(BTreeMap::from([(TICKET.to_owned(), url.clone())])),
        ),
        Entry::Store { .. } => (entry.clone(), Hidden::default()),
    }
}

fn check_variables(names: &BTreeSet<String>) -> Result<(), Error> {
    let refused = |name: &String, why: &str| {
        let text = format!("the environment variable {name:?} cannot hold a secret: {why}");
        Error::new(ErrorKind::BadInput, text)
            .hint("read the secret from a variable of another name: --secret NAME=env:OTHER")
    };
    match names.iter().find(|name| !is_variable(name) || *name == TICKET) {
        None => Ok(()),
        Some(name) if name == TICKET => Err(refused(name, "the ticket is in it")),
        Some(name) => Err(refused(name, "Kubernetes takes letters, digits, '_', '-' and '.'")),
    }
}

pub(super) fn check_patched(planned: &Plan, patched: &Plan) -> Result<(), Error> {
    unchanged(&planned.request, &patched.request, &FIXED)?;
    readable::<Request>(&planned.request, &patched.request)?;
    exact::<Container>(&patched.request["container"], "container")?;
    exact::<KubernetesJob>(&patched.request["job"], "job")
}

pub(super) fn request_of(plan: &Plan) -> Result<Request, Error> {
    serde_json::from_value(plan.request.clone()).map_err(|error| {
        let text = "the request is not one for a Job of Kubernetes";
        Error::caused(ErrorKind::BadInput, text, error)
    })
}

/// The Job as YAML, for other tools.
///
/// # Errors
/// When the plan is of another kind.
pub(super) fn yaml(plan: &Plan) -> Result<String, Error> {
    let job = json(&request_of(plan)?.job()?)?;
    serde_saphyr::to_string(&job)
        .map_err(|error| Error::caused(ErrorKind::BadInput, "the Job cannot be written", error))
}

/// Where a Job is: what a handle says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) server: String,
    pub(super) namespace: String,
    pub(super) name: String,
    context: Option<String>,
    kubeconfig: Option<PathBuf>,
}

impl Place {
    /// How the settings of the job named the cluster.
    pub(super) fn named(&self) -> Named<'_> {
        Named { kubeconfig: self.kubeconfig.as_deref(), context: self.context.as_deref() }
    }

    pub(super) fn handle(&self) -> Handle {
        let Self { server, namespace, name, context, kubeconfig } = self;
        let context = context.as_deref().unwrap_or_default();
        let kubeconfig = kubeconfig.as_deref().unwrap_or(Path::new("")).display();
        Handle(
            format!("{server}|{namespace}|{name}|{context}|{kubeconfig}")
                .trim_end_matches('|')
                .to_owned(),
        )
    }

    /// # Errors
    /// When it is the handle of something else.
    pub(super) fn of(handle: &Handle) -> Result<Self, Error> {
        let mut parts = handle.0.splitn(5, '|').map(str::to_owned);
        let (Some(server), Some(namespace), Some(name)) =
            (parts.next(), parts.next(), parts.next())
        else {
            let text = format!("{handle:?} is not the handle of a Job of Kubernetes");
            return Err(Error::new(ErrorKind::Store, text));
        };
        let mut set = || parts.next().filter(|part| !part.is_empty());
        let context = set();
        Ok(Self { server, namespace, name, context, kubeconfig: set().map(PathBuf::from) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, RUN, URL, by_itself};
    use crate::kind::Kind;
    use crate::settings::{Origin, Patch, Shape};
    use longshore_protocol::id::Digest;
    use longshore_protocol::limits::Limits;
    use serde_json::json;

    const CONFIG: &str = "
apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: 'https://c:6443' } }]
contexts: [{ name: usual, context: { cluster: c } }, { name: other, context: { cluster: c, namespace: flows } }]
current-context: usual
";

    fn job(settings: &[(&str, &str)]) -> Job {
        let secret_variables = BTreeSet::from(["API_KEY".to_owned()]);
        Job { secret_variables, ..fixture::job(Kind::Kubernetes, settings) }
    }

    /// Where a cluster is known, and a secret.
    fn surroundings() -> (tempfile::TempDir, Surroundings) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, CONFIG).unwrap();
        let pairs = [("KUBECONFIG", path.to_str().unwrap()), ("API_KEY", "s3cr3t")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        (folder, pairs.into_iter().collect())
    }

    fn planned(job: &Job) -> Plan {
        plan(job, &surroundings().1).unwrap()
    }

    fn refused(job: &Job) -> String {
        plan(job, &surroundings().1).unwrap_err().to_string()
    }

    fn manifest_of(plan: &Plan) -> Value {
        json(&request_of(plan).unwrap().job().unwrap()).unwrap()
    }

    #[test]
    fn a_plan_is_the_whole_job() {
        let manifest = manifest_of(&planned(&job(&[])));
        let labels = json!({
            "longshore/flow": "say-hello", "longshore/pool": "box", "longshore/run": RUN,
            "longshore/store": "0123", "longshore/tenant": "default",
        });
        let name = format!("longshore-{RUN}");
        let from_secret = |key: &str| json!({ "name": key, "valueFrom": { "secretKeyRef": { "name": name, "key": key } } });
        let sha256 = Digest::of(b"").to_string();
        let expected = json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": name, "namespace": "default", "labels": labels,
                "annotations": { "longshore/auto-remove": "true", "longshore/flow": "say hello", "longshore/pod-start-timeout": "600" },
            },
            "spec": {
                "activeDeadlineSeconds": 100 + 600 + 60,
                "backoffLimit": 0,
                "ttlSecondsAfterFinished": 3600,
                "template": { "metadata": { "labels": labels }, "spec": {
                    "automountServiceAccountToken": false,
                    "enableServiceLinks": false,
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": 10,
                    "securityContext": {
                        "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                        "seccompProfile": { "type": "RuntimeDefault" },
                    },
                    "volumes": [{ "name": "tmp", "emptyDir": { "medium": "Memory", "sizeLimit": (Limits::default().files_bytes * 2).to_string() } }],
                    "containers": [{
                        "name": "runtime",
                        "image": "longshore-runtime:1-abc",
                        "imagePullPolicy": "IfNotPresent",
                        "args": ["execute", "--ticket", "$(LONGSHORE_TICKET)", "--ticket-sha256", sha256],
                        "env": [from_secret("API_KEY"), from_secret("LONGSHORE_TICKET")],
                        "resources": {
                            "limits": { "cpu": "1000m", "memory": (851_u64 << 20).to_string() },
                            "requests": { "cpu": "100m", "memory": (851_u64 << 20).to_string() },
                        },
                        "securityContext": {
                            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                            "capabilities": { "drop": ["ALL"] },
                        },
                        "terminationMessagePolicy": "FallbackToLogsOnError",
                        "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp" }],
                    }],
                } },
            },
        });
        assert_eq!(manifest, expected, "{manifest:#}");
    }

    #[test]
    fn nobody_is_shown_what_is_secret() {
        let (_folder, surroundings) = surroundings();
        let plan = plan(&job(&[]), &surroundings).unwrap();
        let shown = format!("{plan:?} {} {}", json(&plan).unwrap(), yaml(&plan).unwrap());
        assert!(!shown.contains("Signature") && !shown.contains("s3cr3t"), "{shown}");
        let request = request_of(&plan).unwrap();
        let owner = serde_json::from_value(json!({ "metadata": { "uid": "u1" } })).unwrap();
        let secret = request.secret(&owner, &plan.hidden, &surroundings).unwrap();
        let values = secret.string_data.unwrap();
        assert_eq!(values[TICKET], URL);
        assert_eq!(values["API_KEY"], "s3cr3t");
        let owners = secret.metadata.owner_references.unwrap();
        assert_eq!(
            (owners[0].uid.as_str(), owners[0].name.as_str()),
            ("u1", request.name.as_str())
        );
        let unset = request.secret(&owner, &plan.hidden, &Surroundings::default());
        assert!(unset.unwrap_err().to_string().contains("API_KEY"));
    }

    #[test]
    fn every_setting_reaches_the_request() {
        let (folder, surroundings) = surroundings();
        let other = folder.path().join("other");
        std::fs::write(&other, CONFIG).unwrap();
        let usual = plan(&job(&[]), &surroundings).unwrap();
        for setting in KubernetesSettings::table() {
            let key = setting.key;
            let (key, probe, shown) = match (key, &setting.shape) {
                ("kubeconfig", _) => (key.into(), other.to_str().unwrap(), other.to_str().unwrap()),
                ("context", _) => (key.into(), "other", "\"other\""),
                ("image_pull_policy", _) => (key.into(), "Never", "\"Never\""),
                // A store that is no directory needs no mounts: see below.
                ("host_path_store", _) => continue,
                (_, Shape::Map) => (format!("{key}.PROBE"), "probe", "\"probe\""),
                (_, Shape::List) => (key.into(), "probe", "\"probe\""),
                (_, Shape::Text) => (key.into(), "probe", "probe"),
                (_, Shape::Size) => (key.into(), "77MiB", "80740352"),
                (_, Shape::Cpus) => (key.into(), "0.077", "77m"),
                (_, Shape::Duration) => (key.into(), "77s", "77"),
                (_, Shape::Integer { .. }) => (key.into(), "77", "77"),
                (_, Shape::Bool) if setting.default == true => (key.into(), "false", "false"),
                (_, Shape::Bool) => (key.into(), "true", "true"),
                (_, other) => panic!("there is no probe for {other}"),
            };
            let with_probe = plan(&job(&[(&key, probe)]), &surroundings).unwrap();
            assert_ne!(with_probe, usual, "{key} makes no difference");
            let text = json(&with_probe).unwrap().to_string();
            assert!(text.contains(shown), "{key} = {probe} is not in {text}");
        }
        assert_eq!(planned(&job(&[("context", "other")])).request["namespace"], "flows");
        assert_eq!(planned(&job(&[("namespace", "n")])).request["namespace"], "n");
    }

    #[test]
    fn a_directory_store_is_refused_or_mounted_where_the_nodes_have_it() {
        let of =
            |settings: &[(&str, &str)]| Job { entry: by_itself("/data/store"), ..job(settings) };
        let why =
            "the store is a directory of this machine, and pods run on the nodes of a cluster";
        assert_eq!(refused(&of(&[])), why);
        let plan = planned(&of(&[("host_path_store", "true"), ("run_as_user", "7")]));
        let manifest = manifest_of(&plan);
        let pod = &manifest["spec"]["template"]["spec"];
        assert_eq!(pod["volumes"][1]["hostPath"]["path"], "/data/store/components/sha256/00.wasm");
        let mounts = &pod["containers"][0]["volumeMounts"];
        assert_eq!(mounts[1]["readOnly"], true);
        assert_eq!(mounts[2]["readOnly"], false);
        assert!(mounts[2]["mountPath"].as_str().unwrap().ends_with(RUN), "{mounts}");
        assert_eq!(pod["securityContext"]["runAsUser"], 7);
    }

    #[test]
    fn credentials_are_in_the_secret_and_texts_are_not_expanded() {
        let of_store = Job { entry: by_itself("s3://b/$(HOME)"), ..job(&[("env.A", "$(B)")]) };
        let manifest = manifest_of(&planned(&of_store));
        let container = &manifest["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["args"][2], "s3://b/$$(HOME)");
        assert_eq!(container["env"][0], json!({ "name": "A", "value": "$$(B)" }));
        let names: Vec<_> =
            (1..3).map(|index| container["env"][index]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["API_KEY", "AWS_ACCESS_KEY_ID"]);
        let clash = Job { secret_variables: BTreeSet::from([TICKET.to_owned()]), ..job(&[]) };
        assert!(refused(&clash).ends_with("cannot hold a secret: the ticket is in it"));
    }

    #[test]
    fn a_patch_changes_the_job_but_not_what_the_run_needs() {
        let planned = planned(&job(&[]));
        let patched = |text: &str| {
            let patch = Patch::new(&text.into(), Origin::caller("--patch")).unwrap();
            let request = patch.applied_to(&planned.request);
            let patched = Plan { request, ..planned.clone() };
            check_patched(&planned, &patched).map(|()| manifest_of(&patched))
        };
        let manifest = patched(
            r#"{"container": {"lifecycle": {}}, "job": {"spec": {"template": {"spec": {
                "tolerations": [{"key": "gpu"}], "containers": [{"name": "proxy"}]}}}}}"#,
        )
        .unwrap();
        let pod = &manifest["spec"]["template"]["spec"];
        assert_eq!(pod["tolerations"][0]["key"], "gpu");
        assert_eq!(
            (pod["containers"][0]["name"].as_str(), pod["containers"][1]["name"].as_str()),
            (Some("runtime"), Some("proxy"))
        );
        for (text, why) in [
            (r#"{"container": {"args": []}}"#, "the patch changes container.args, which"),
            (r#"{"secret": null}"#, "the patch changes secret, which"),
            (
                r#"{"job": {"metadata": {"name": "x"}}}"#,
                "the patch changes job.metadata.name, which",
            ),
            (
                r#"{"job": {"metadata": {"labels": null}}}"#,
                "the patch changes job.metadata.labels.longshore",
            ),
            (
                r#"{"job": {"spec": {"backofLimit": 1}}}"#,
                "the patch sets job.spec.backofLimit, which does not exist",
            ),
            (
                r#"{"container": {"memory": 1}}"#,
                "the patch sets container.memory, which does not exist",
            ),
            (r#"{"job": {"spec": {"backoffLimit": "x"}}}"#, "the patch leaves job as no launcher"),
            (r#"{"pod": {}}"#, "the patch leaves pod as no launcher"),
        ] {
            let error = crate::chain(&patched(text).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_handle_says_where_the_job_is() {
        for settings in
            [&[][..], &[("context", "other")], &[("namespace", "n"), ("name", "nightly")]]
        {
            let plan = planned(&job(settings));
            let place = Place::of(&plan.handle).unwrap();
            assert_eq!(place, request_of(&plan).unwrap().place());
            assert_eq!(place.handle(), plan.handle);
        }
        let handle = planned(&job(&[])).handle.0;
        assert_eq!(handle, format!("https://c:6443|default|longshore-{RUN}"));
        assert!(Place::of(&Handle("nonsense".into())).is_err());
    }
}
