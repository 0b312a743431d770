//! Which engine is meant: hosts and contexts as the docker client understands them.
//!
//! Source: <https://docs.docker.com/engine/manage-resources/contexts/>. `DOCKER_HOST` goes before `DOCKER_CONTEXT`, and
//! that before the current context of the client's configuration.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// The engine of this machine.
const USUAL: &str = "unix:///var/run/docker.sock";
/// The context that means the surroundings rather than something that is described.
const DEFAULT_CONTEXT: &str = "default";

/// Where an engine is, and how to get in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// `unix://`, `tcp://` or `ssh://`.
    pub(super) host: String,
    /// The certificates, where the engine wants one.
    pub(super) tls: Option<Tls>,
}

/// Files with certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) ca: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Tls {
    fn within(folder: &Path) -> Self {
        let file = |name: &str| folder.join(format!("{name}.pem"));
        Self { ca: file("ca"), certificate: file("cert"), key: file("key") }
    }
}

/// The docker client's configuration, as far as it says which engine.
#[derive(Debug, Default, Deserialize)]
struct ClientConfig {
    #[serde(default, rename = "currentContext")]
    current_context: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextMeta {
    name: String,
    endpoints: Endpoints,
}

#[derive(Debug, Deserialize)]
struct Endpoints {
    docker: DockerEndpoint,
}

#[derive(Debug, Deserialize)]
struct DockerEndpoint {
    #[serde(rename = "Host")]
    host: String,
}

impl Endpoint {
    /// The engine that settings and surroundings name.
    ///
    /// # Errors
    /// When a context does not exist, or what is named is no engine.
    pub(super) fn resolve(
        host: Option<&str>,
        context: Option<&str>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let set = |name| surroundings.get(name).filter(|value| !value.is_empty());
        let endpoint = match (host, context) {
            (Some(_), Some(_)) => {
                let text = "host and context both name an engine";
                return Err(Error::new(ErrorKind::BadInput, text).hint("set one of them"));
            }
            (Some(host), None) => Self { host: host.to_owned(), tls: tls_around(surroundings) },
            (None, Some(context)) => Self::of_context(context, surroundings)?,
            (None, None) => match (set("DOCKER_HOST"), set("DOCKER_CONTEXT")) {
                (Some(host), _) => Self { host: host.to_owned(), tls: tls_around(surroundings) },
                (None, Some(context)) => Self::of_context(context, surroundings)?,
                (None, None) => match client_config(surroundings)?.current_context {
                    Some(context) => Self::of_context(&context, surroundings)?,
                    None => Self { host: USUAL.to_owned(), tls: None },
                },
            },
        };
        endpoint.checked()
    }

    /// The engine at `host`, which is the one of a job: its certificates are where this machine has them for that host.
    pub(super) fn of_job(host: &str, surroundings: &Surroundings) -> Result<Self, Error> {
        let around = surroundings.get("DOCKER_HOST") == Some(host);
        let tls = if around { tls_around(surroundings) } else { None };
        let tls = tls.or_else(|| {
            let contexts = contexts(surroundings).into_iter();
            contexts.filter(|one| one.host == host).find_map(|one| one.tls)
        });
        Self { host: host.to_owned(), tls }.checked()
    }

    fn of_context(name: &str, surroundings: &Surroundings) -> Result<Self, Error> {
        if name.is_empty() || name == DEFAULT_CONTEXT {
            return Ok(Self { host: USUAL.to_owned(), tls: None });
        }
        let unknown = |why: &str| {
            let text = format!("could not use the docker context {name:?}: {why}");
            Error::new(ErrorKind::BadInput, text).hint("docker context ls lists them")
        };
        let folder = client_folder(surroundings).ok_or_else(|| unknown("HOME is not set"))?;
        let id = context_id(name);
        let path = folder.join("contexts/meta").join(&id).join("meta.json");
        let text = std::fs::read(&path).map_err(|_| unknown("there is none of this name"))?;
        let meta: ContextMeta = serde_json::from_slice(&text)
            .map_err(|error| unknown(&format!("{}: {error}", path.display())))?;
        Ok(Self { host: meta.endpoints.docker.host, tls: tls_of_context(&folder, &id) })
    }

    fn checked(self) -> Result<Self, Error> {
        let host = &self.host;
        let schemes = ["unix://", "tcp://", "ssh://"];
        if schemes.iter().any(|scheme| host.len() > scheme.len() && host.starts_with(scheme)) {
            return Ok(self);
        }
        let text = format!("{host:?} is not an address of a Docker engine");
        Err(Error::new(ErrorKind::BadInput, text)
            .hint("write unix:///path, tcp://host:port or ssh://user@host"))
    }

    /// The socket, of an engine on this machine.
    pub(super) fn socket(&self) -> Option<&Path> {
        self.host.strip_prefix("unix://").map(Path::new)
    }

    /// Whether the engine runs as this user, and not as root: a container's root is this user then.
    pub(super) fn is_rootless(&self) -> bool {
        let owner = self.socket().and_then(|socket| std::fs::metadata(socket).ok());
        let user = rustix::process::geteuid().as_raw();
        user != 0 && owner.is_some_and(|meta| meta.uid() == user)
    }
}

fn tls_around(surroundings: &Surroundings) -> Option<Tls> {
    let set = |name| surroundings.get(name).filter(|value| !value.is_empty());
    set("DOCKER_TLS_VERIFY").or_else(|| set("DOCKER_TLS"))?;
    let folder = set("DOCKER_CERT_PATH").map(PathBuf::from);
    folder.or_else(|| client_folder(surroundings)).map(|folder| Tls::within(&folder))
}

fn client_folder(surroundings: &Surroundings) -> Option<PathBuf> {
    let own =
        surroundings.get("DOCKER_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
    own.or_else(|| surroundings.get("HOME").map(|home| Path::new(home).join(".docker")))
}

fn client_config(surroundings: &Surroundings) -> Result<ClientConfig, Error> {
    let Some(path) = client_folder(surroundings).map(|folder| folder.join("config.json")) else {
        return Ok(ClientConfig::default());
    };
    let Ok(text) = std::fs::read(&path) else { return Ok(ClientConfig::default()) };
    serde_json::from_slice(&text).map_err(|error| {
        let text = format!("could not read the docker client's {}", path.display());
        Error::caused(ErrorKind::BadInput, text, error)
    })
}

/// The client's folders of a context have this name.
fn context_id(name: &str) -> String {
    Sha256::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn tls_of_context(folder: &Path, id: &str) -> Option<Tls> {
    let folder = folder.join("contexts/tls").join(id).join("docker");
    folder.is_dir().then(|| Tls::within(&folder))
}

/// All that the client knows; what cannot be read is none.
fn contexts(surroundings: &Surroundings) -> Vec<Endpoint> {
    let Some(folder) = client_folder(surroundings) else { return Vec::new() };
    let entries = std::fs::read_dir(folder.join("contexts/meta")).into_iter().flatten();
    let metas = entries.filter_map(Result::ok).filter_map(|entry| {
        let text = std::fs::read(entry.path().join("meta.json")).ok()?;
        serde_json::from_slice::<ContextMeta>(&text).ok()
    });
    metas
        .map(|ContextMeta { name, endpoints }| Endpoint {
            host: endpoints.docker.host,
            tls: tls_of_context(&folder, &context_id(&name)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder of the docker client with a context `far`, as `docker context create` makes it.
    fn client(current: Option<&str>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let id = context_id("far");
        let meta = folder.path().join("contexts/meta").join(&id);
        fs::create_dir_all(&meta).unwrap();
        let text = r#"{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://far:2376","SkipTLSVerify":false}}}"#;
        fs::write(meta.join("meta.json"), text).unwrap();
        let tls = folder.path().join("contexts/tls").join(&id).join("docker");
        fs::create_dir_all(tls).unwrap();
        if let Some(current) = current {
            let text = format!(r#"{{"auths": {{}}, "currentContext": "{current}"}}"#);
            fs::write(folder.path().join("config.json"), text).unwrap();
        }
        folder
    }

    fn around(folder: &Path, pairs: &[(&str, &str)]) -> Surroundings {
        let config = ("DOCKER_CONFIG".to_owned(), folder.to_string_lossy().into_owned());
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        pairs.chain([config]).collect()
    }

    /// The client's folder, host and context of the job, variables, and the engine that is meant.
    type Case<'a> = (
        &'a tempfile::TempDir,
        Option<&'a str>,
        Option<&'a str>,
        &'a [(&'a str, &'a str)],
        &'a str,
    );

    #[test]
    fn the_engine_is_the_one_that_the_docker_client_would_take() {
        let (plain, with_current) = (client(None), client(Some("far")));
        let far = "tcp://far:2376";
        let table: [Case<'_>; 8] = [
            (&plain, None, None, &[], USUAL),
            (&plain, None, None, &[("DOCKER_HOST", "")], USUAL),
            (&plain, None, None, &[("DOCKER_CONTEXT", "far")], far),
            (&with_current, None, None, &[], far),
            (&with_current, None, None, &[("DOCKER_CONTEXT", "default")], USUAL),
            (
                &with_current,
                None,
                None,
                &[("DOCKER_HOST", "unix:///x"), ("DOCKER_CONTEXT", "far")],
                "unix:///x",
            ),
            (&plain, None, Some("far"), &[("DOCKER_HOST", "unix:///x")], far),
            (&with_current, Some("ssh://me@far"), None, &[], "ssh://me@far"),
        ];
        for (folder, host, context, pairs, expected) in table {
            let found = Endpoint::resolve(host, context, &around(folder.path(), pairs)).unwrap();
            assert_eq!(found.host, expected);
            assert_eq!(found.tls.is_some(), expected == far);
        }
    }

    #[test]
    fn certificates_are_those_of_the_variables_or_of_the_context() {
        let folder = client(None);
        let pairs = [
            ("DOCKER_HOST", "tcp://x:2376"),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", "/certs"),
        ];
        let surroundings = around(folder.path(), &pairs);
        let tls = Endpoint::resolve(None, None, &surroundings).unwrap().tls.unwrap();
        assert_eq!(tls.key, Path::new("/certs/key.pem"));
        assert_eq!(Endpoint::of_job("tcp://x:2376", &surroundings).unwrap().tls, Some(tls));
        let of_context = Endpoint::of_job("tcp://far:2376", &surroundings).unwrap().tls.unwrap();
        assert!(of_context.ca.starts_with(folder.path()));
        assert_eq!(Endpoint::of_job("tcp://other:2376", &surroundings).unwrap().tls, None);
    }

    #[test]
    fn what_names_no_engine_is_refused() {
        let folder = client(None);
        let surroundings = around(folder.path(), &[]);
        let refused = |host, context| {
            Endpoint::resolve(host, context, &surroundings).unwrap_err().to_string()
        };
        assert!(refused(Some("far:2376"), None).contains("is not an address of a Docker engine"));
        assert!(refused(Some("tcp://"), None).contains("is not an address"));
        assert!(refused(None, Some("near")).contains("there is none of this name"));
        assert!(refused(Some("unix:///x"), Some("far")).contains("both name an engine"));
    }
}
