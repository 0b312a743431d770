//! Which cluster is meant: kubeconfig files and contexts as kubectl understands them, or the cluster around the launcher.
//!
//! Source: <https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/>. `KUBECONFIG` may name
//! several files; of what two of them say, the first one counts.

use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{Context, KubeConfigOptions, Kubeconfig};

use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// Where a pod finds who it is.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Where nobody names a namespace.
const USUAL_NAMESPACE: &str = "default";

/// A cluster, and how to get in.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    /// The address of its API server.
    pub(super) server: String,
    /// The namespace where none is set.
    pub(super) namespace: String,
    door: Door,
}

#[derive(Debug, Clone)]
enum Door {
    /// A context of a kubeconfig.
    Context { config: Box<Kubeconfig>, name: String, files: Vec<PathBuf> },
    /// The service account of the pod that the launcher runs in.
    ServiceAccount(PathBuf),
}

/// How settings name a cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Named<'a> {
    pub(super) kubeconfig: Option<&'a Path>,
    pub(super) context: Option<&'a str>,
}

impl Cluster {
    /// The cluster that settings and surroundings name.
    ///
    /// # Errors
    /// When a file or a context does not exist, or there is nothing that names a cluster.
    pub(super) fn resolve(named: Named<'_>, surroundings: &Surroundings) -> Result<Self, Error> {
        let Named { kubeconfig, context } = named;
        let Some((config, files)) = read(kubeconfig, surroundings)? else {
            return match (context, Self::around(surroundings, Path::new(SERVICE_ACCOUNT))) {
                (Some(context), _) => Err(no_context(context, &Kubeconfig::default())),
                (None, Some(cluster)) => Ok(cluster),
                (None, None) => {
                    let text = "there is no kubeconfig, and no cluster around longshore";
                    Err(Error::new(ErrorKind::BadInput, text)
                        .hint("set KUBECONFIG, or the job's kubeconfig: --set kubeconfig=/path"))
                }
            };
        };
        let Some(name) = context.or(config.current_context.as_deref()).map(str::to_owned) else {
            let text = "the kubeconfig has no current context";
            return Err(Error::new(ErrorKind::BadInput, text)
                .hint("choose one: --set context=NAME, or kubectl config use-context NAME"));
        };
        Self::of_context(config, &name, files)
    }

    /// The cluster of a job, whose API server is at `server`. Another machine may know it by another context.
    ///
    /// # Errors
    /// When no kubeconfig here knows it.
    pub(super) fn of_job(
        server: &str,
        named: Named<'_>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let around = Self::around(surroundings, Path::new(SERVICE_ACCOUNT));
        if let Some(cluster) = around.filter(|cluster| cluster.server == server) {
            return Ok(cluster);
        }
        // A file that another machine had set may not be here.
        let set = named.kubeconfig.filter(|path| path.is_file());
        for file in set.map(Some).into_iter().chain([None]) {
            let Some((config, files)) = read(file, surroundings)? else { continue };
            let current = config.current_context.as_deref();
            let names = config.contexts.iter().map(|context| context.name.as_str());
            let names = named.context.into_iter().chain(current).chain(names);
            let name = names.into_iter().find(|name| server_of(&config, name) == Some(server));
            if let Some(name) = name.map(str::to_owned) {
                return Self::of_context(config, &name, files);
            }
        }
        let text = format!("no context of the kubeconfig here leads to the cluster at {server}");
        Err(Error::new(ErrorKind::Infrastructure, text)
            .hint("set KUBECONFIG to one that has its address"))
    }

    fn of_context(config: Kubeconfig, name: &str, files: Vec<PathBuf>) -> Result<Self, Error> {
        let context = context(&config, name).ok_or_else(|| no_context(name, &config))?;
        let Some(server) = server_of(&config, name).map(str::to_owned) else {
            let text = format!("the kubeconfig's context {name:?} has no cluster with an address");
            return Err(Error::new(ErrorKind::BadInput, text)
                .hint("kubectl config view shows contexts and clusters"));
        };
        let namespace = context.namespace.clone().filter(|namespace| !namespace.is_empty());
        let namespace = namespace.unwrap_or_else(|| USUAL_NAMESPACE.to_owned());
        let door = Door::Context { config: Box::new(config), name: name.to_owned(), files };
        Ok(Self { server, namespace, door })
    }

    /// The cluster that the launcher itself runs in.
    fn around(surroundings: &Surroundings, account: &Path) -> Option<Self> {
        let set = |name| surroundings.get(name).filter(|value| !value.is_empty());
        let host = set("KUBERNETES_SERVICE_HOST")?;
        let port = set("KUBERNETES_SERVICE_PORT")?;
        if !account.join("token").is_file() {
            return None;
        }
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let namespace = std::fs::read_to_string(account.join("namespace")).ok();
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        Some(Self {
            server: format!("https://{host}:{port}"),
            namespace: namespace.unwrap_or_else(|| USUAL_NAMESPACE.to_owned()),
            door: Door::ServiceAccount(account.to_owned()),
        })
    }

    /// What distinguishes connections: the same server may be reached as two users.
    pub(super) fn key(&self) -> String {
        match &self.door {
            Door::Context { name, files, config: _ } => format!("{} {name} {files:?}", self.server),
            Door::ServiceAccount(_) => self.server.clone(),
        }
    }

    /// What a client needs.
    ///
    /// # Errors
    /// When the address is none, or a certificate cannot be read.
    pub(super) async fn config(&self) -> Result<Config, Error> {
        let unusable = |error: String| {
            let text = format!("could not use the cluster at {}", self.server);
            Error::caused(ErrorKind::BadInput, text, error)
        };
        match &self.door {
            Door::Context { config, name, files: _ } => {
                let options =
                    KubeConfigOptions { context: Some(name.clone()), ..Default::default() };
                Config::from_custom_kubeconfig(config.as_ref().clone(), &options)
                    .await
                    .map_err(|error| unusable(error.to_string()))
            }
            Door::ServiceAccount(account) => {
                let Ok(server) = self.server.parse() else {
                    return Err(unusable("it is not an address".to_owned()));
                };
                let mut config = Config::new(server);
                config.root_cert_file = Some(account.join("ca.crt"));
                let token = account.join("token");
                config.auth_info.token_file = Some(token.to_string_lossy().into_owned());
                Ok(config)
            }
        }
    }
}

/// The kubeconfig, and the files that it is in. `None`: there is none.
fn read(
    named: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<Option<(Kubeconfig, Vec<PathBuf>)>, Error> {
    let set = |name| surroundings.get(name).filter(|value| !value.is_empty());
    let paths: Vec<PathBuf> = match (named, set("KUBECONFIG"), set("HOME")) {
        (Some(path), _, _) => vec![path.to_owned()],
        // Like kubectl, which takes those that exist.
        (None, Some(paths), _) => paths
            .split(':')
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .filter(|path| path.exists())
            .collect(),
        (None, None, Some(home)) => vec![Path::new(home).join(".kube/config")],
        (None, None, None) => Vec::new(),
    };
    let paths = paths.into_iter().filter(|path| named.is_some() || path.exists());
    let paths: Vec<_> = paths.collect();
    let mut merged: Option<Kubeconfig> = None;
    for path in &paths {
        let unread = |error: kube::config::KubeconfigError| {
            let text = format!("could not read the kubeconfig {}", path.display());
            Error::caused(ErrorKind::BadInput, text, error.to_string())
        };
        let next = Kubeconfig::read_from(path).map_err(unread)?;
        merged = Some(match merged {
            Some(before) => before.merge(next).map_err(unread)?,
            None => next,
        });
    }
    Ok(merged.map(|config| (config, paths)))
}

fn context<'a>(config: &'a Kubeconfig, name: &str) -> Option<&'a Context> {
    config.contexts.iter().find(|context| context.name == name)?.context.as_ref()
}

fn server_of<'a>(config: &'a Kubeconfig, context: &str) -> Option<&'a str> {
    let cluster = &self::context(config, context)?.cluster;
    let named = config.clusters.iter().find(|named| named.name == *cluster)?;
    named.cluster.as_ref()?.server.as_deref().map(|server| server.trim_end_matches('/'))
}

fn no_context(name: &str, config: &Kubeconfig) -> Error {
    let names: Vec<_> = config.contexts.iter().map(|context| context.name.as_str()).collect();
    let text = format!("the kubeconfig has no context {name:?}");
    let error = Error::new(ErrorKind::BadInput, text);
    match (longshore_protocol::suggest::nearest(name, names.iter().copied()), names.is_empty()) {
        (Some(near), _) => error.hint(format!("did you mean {near:?}?")),
        (None, true) => error.hint("set KUBECONFIG, or the job's kubeconfig"),
        (None, false) => error.hint(format!("it has {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const ONE: &str = "
apiVersion: v1
kind: Config
clusters:
- { name: c1, cluster: { server: 'https://one:6443/' } }
contexts:
- { name: one, context: { cluster: c1, user: u, namespace: flows } }
- { name: broken, context: { cluster: none, user: u } }
current-context: one
";
    const TWO: &str = "
apiVersion: v1
kind: Config
clusters:
- { name: c2, cluster: { server: 'https://two:6443' } }
contexts:
- { name: two, context: { cluster: c2, user: u } }
current-context: two
";

    fn files() -> (TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::write(&one, ONE).unwrap();
        std::fs::write(&two, TWO).unwrap();
        (folder, one, two)
    }

    fn around(pairs: &[(&str, &str)]) -> Surroundings {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn found(named: Named<'_>, surroundings: &Surroundings) -> Result<(String, String), String> {
        Cluster::resolve(named, surroundings)
            .map(|cluster| (cluster.server, cluster.namespace))
            .map_err(|error| format!("{error} ({})", error.what_to_do().unwrap_or_default()))
    }

    #[test]
    fn files_and_contexts_are_found_as_kubectl_finds_them() {
        let (folder, one, two) = files();
        let home = folder.path().join("home");
        std::fs::create_dir_all(home.join(".kube")).unwrap();
        std::fs::copy(&two, home.join(".kube/config")).unwrap();
        let home = home.to_str().unwrap();
        let both = format!("{}:/nonexistent:{}", one.display(), two.display());
        let first = Ok(("https://one:6443".to_owned(), "flows".to_owned()));
        let second = Ok(("https://two:6443".to_owned(), "default".to_owned()));
        let in_both = around(&[("KUBECONFIG", &both)]);
        let context = |name| Named { context: Some(name), ..Named::default() };
        assert_eq!(found(Named::default(), &in_both), first);
        assert_eq!(found(context("two"), &in_both), second);
        assert_eq!(found(Named::default(), &around(&[("HOME", home)])), second);
        let set = Named { kubeconfig: Some(&one), context: None };
        assert_eq!(found(set, &around(&[("HOME", home)])), first);
    }

    #[test]
    fn what_is_missing_is_named() {
        let (_folder, one, _) = files();
        let in_one = around(&[("KUBECONFIG", one.to_str().unwrap())]);
        let context = |name| Named { context: Some(name), ..Named::default() };
        for (named, why) in [
            (
                context("brokn"),
                "the kubeconfig has no context \"brokn\" (did you mean \"broken\"?)",
            ),
            (context("zzzzz"), "the kubeconfig has no context \"zzzzz\" (it has one, broken)"),
            (
                context("broken"),
                "the kubeconfig's context \"broken\" has no cluster with an address",
            ),
        ] {
            let error = found(named, &in_one).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
        let error = found(Named::default(), &around(&[])).unwrap_err();
        assert!(error.starts_with("there is no kubeconfig, and no cluster around"), "{error}");
        let missing = Named { kubeconfig: Some(Path::new("/nonexistent")), context: None };
        let error = found(missing, &around(&[])).unwrap_err();
        assert!(error.starts_with("could not read the kubeconfig /nonexistent"), "{error}");
    }

    #[test]
    fn another_machine_finds_the_cluster_of_a_job_by_its_address() {
        let (_folder, one, two) = files();
        let both = format!("{}:{}", one.display(), two.display());
        let surroundings = around(&[("KUBECONFIG", &both)]);
        let of_job = |server: &str, named| {
            Cluster::of_job(server, named, &surroundings).map(|cluster| cluster.key())
        };
        let gone = Named { kubeconfig: Some(Path::new("/nonexistent")), context: Some("gone") };
        let key = of_job("https://two:6443", gone).unwrap();
        assert!(key.starts_with("https://two:6443 two ["), "{key}");
        let error = of_job("https://three", gone).unwrap_err().to_string();
        assert!(error.ends_with("leads to the cluster at https://three"), "{error}");
    }

    #[tokio::test]
    async fn inside_of_a_cluster_the_service_account_is_the_door() {
        let account = tempfile::tempdir().unwrap();
        let surroundings =
            around(&[("KUBERNETES_SERVICE_HOST", "fd00::1"), ("KUBERNETES_SERVICE_PORT", "443")]);
        assert!(Cluster::around(&surroundings, account.path()).is_none());
        std::fs::write(account.path().join("token"), "t").unwrap();
        std::fs::write(account.path().join("namespace"), "flows").unwrap();
        let cluster = Cluster::around(&surroundings, account.path()).unwrap();
        let Cluster { server, namespace, .. } = &cluster;
        assert_eq!((server.as_str(), namespace.as_str()), ("https://[fd00::1]:443", "flows"));
        let config = cluster.config().await.unwrap();
        assert!(config.auth_info.token_file.unwrap().ends_with("/token"));
    }
}
