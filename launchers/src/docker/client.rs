//! The calls to an engine.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bollard::errors::Error as DockerError;
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerSummary, NetworkConnectRequest,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, ImportImageOptions,
    InspectContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};

use super::credentials;
use super::endpoint::{Endpoint, Tls};
use super::plan::{Request, TENANT_LABEL};
use super::ssh::Relay;
use crate::image::RuntimeImage;
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// An engine answers within this, or something is wrong with it. Loading an image takes longest.
const ANSWER_TIMEOUT_S: u64 = 120;
/// The end of the output is an explanation, not a log.
const LAST_LINES: &str = "20";
/// A removal that somebody else has begun is over within this.
const REMOVAL_PATIENCE: Duration = Duration::from_secs(10);

/// A connection to an engine.
#[derive(Debug, Clone)]
pub(super) struct Client {
    docker: Docker,
    host: String,
    /// What leads to an engine on another machine, for as long as it is held.
    _relay: Option<Arc<Relay>>,
}

/// What became of a request for a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// It is there.
    Created,
    /// It was there before.
    Existed,
    /// The engine does not have the image.
    NoImage,
}

impl Client {
    pub(super) async fn connect(endpoint: &Endpoint) -> Result<Self, Error> {
        let host = endpoint.host.clone();
        let is_ssh = host.starts_with("ssh://");
        let relay = is_ssh.then(|| Relay::to(&host)).transpose()?.map(Arc::new);
        let unusable = |error| match relay.as_ref().and_then(|relay| relay.said()) {
            Some(words) => refused_by_ssh(&host, words),
            None => failed("use", &host)(error),
        };
        let docker = if let Some(relay) = &relay {
            let socket = relay.socket();
            Docker::connect_with_unix(
                &socket.to_string_lossy(),
                ANSWER_TIMEOUT_S,
                API_DEFAULT_VERSION,
            )
        } else if host.starts_with("unix://") {
            Docker::connect_with_unix(&host, ANSWER_TIMEOUT_S, API_DEFAULT_VERSION)
        } else if let Some(Tls { ca, certificate, key }) = &endpoint.tls {
            longshore_storage::install_tls();
            Docker::connect_with_ssl(
                &host,
                key,
                certificate,
                ca,
                ANSWER_TIMEOUT_S,
                API_DEFAULT_VERSION,
            )
        } else {
            Docker::connect_with_http(&host, ANSWER_TIMEOUT_S, API_DEFAULT_VERSION)
        };
        // An older engine knows less, and is spoken to as it wants.
        let docker = docker.map_err(unusable)?.negotiate_version().await.map_err(unusable)?;
        Ok(Self { docker, host, _relay: relay })
    }

    fn attempted(&self, what: &str) -> impl FnOnce(DockerError) -> Error {
        failed(what, &self.host)
    }

    /// What the engine says of itself.
    pub(super) async fn version(&self) -> Result<String, Error> {
        let version = self.docker.version().await.map_err(self.attempted("ask"))?;
        let word = |word: Option<String>| word.unwrap_or_else(|| "?".to_owned());
        Ok(format!("{}, API {}", word(version.version), word(version.api_version)))
    }

    /// The labels of an image. `None`: the engine does not have it.
    pub(super) async fn image(
        &self,
        reference: &str,
    ) -> Result<Option<bollard::models::ImageInspect>, Error> {
        known(self.docker.inspect_image(reference).await)
            .map_err(self.attempted(&format!("look for the image {reference} in")))
    }

    pub(super) async fn create(
        &self,
        request: &Request,
        body: ContainerCreateBody,
    ) -> Result<Made, Error> {
        let options = CreateContainerOptionsBuilder::default().name(&request.name).build();
        match self.docker.create_container(Some(options), body).await {
            Ok(_) => Ok(Made::Created),
            Err(DockerError::DockerResponseServerError { status_code: 409, .. }) => {
                Ok(Made::Existed)
            }
            Err(DockerError::DockerResponseServerError { status_code: 404, message })
                if message.to_lowercase().contains("no such image") =>
            {
                Ok(Made::NoImage)
            }
            Err(error) => {
                Err(self.attempted(&format!("create the container {} in", request.name))(error))
            }
        }
    }

    pub(super) async fn join(&self, network: &str, name: &str) -> Result<(), Error> {
        let request = NetworkConnectRequest {
            container: name.to_owned(),
            ..NetworkConnectRequest::default()
        };
        match self.docker.connect_network(network, request).await {
            // It has joined before.
            Err(DockerError::DockerResponseServerError { status_code: 403, message })
                if message.contains("already exists") =>
            {
                Ok(())
            }
            done => done.map_err(self.attempted(&format!("join the network {network} in"))),
        }
    }

    pub(super) async fn start(&self, name: &str) -> Result<(), Error> {
        let started = self.docker.start_container(name, None::<StartContainerOptions>).await;
        started.map_err(self.attempted(&format!("start the container {name} in")))
    }

    /// All about a container. `None`: the engine does not know it.
    pub(super) async fn inspect(
        &self,
        name: &str,
    ) -> Result<Option<ContainerInspectResponse>, Error> {
        known(self.docker.inspect_container(name, None::<InspectContainerOptions>).await)
            .map_err(self.attempted(&format!("look for the container {name} in")))
    }

    /// Returns when the container does not run.
    pub(super) async fn wait(&self, name: &str) -> Result<(), Error> {
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        match self.docker.wait_container(name, Some(options)).next().await {
            // An exit code other than zero is an error to the client, and not to us; so is one that is gone.
            None
            | Some(
                Ok(_)
                | Err(
                    DockerError::DockerContainerWaitError { .. }
                    | DockerError::DockerResponseServerError { status_code: 404, .. },
                ),
            ) => Ok(()),
            Some(Err(error)) => {
                Err(self.attempted(&format!("wait for the container {name} in"))(error))
            }
        }
    }

    /// Ends the container, for certain. One that is over, or unknown, is no error.
    pub(super) async fn stop(&self, name: &str, grace: Duration) -> Result<(), Error> {
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        match self.docker.stop_container(name, Some(options)).await {
            Ok(()) | Err(DockerError::DockerResponseServerError { status_code: 304 | 404, .. }) => {
                Ok(())
            }
            Err(error) => Err(self.attempted(&format!("stop the container {name} in"))(error)),
        }
    }

    /// Removes the container and what belongs to it alone.
    pub(super) async fn remove(&self, name: &str) -> Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let began = tokio::time::Instant::now();
        loop {
            match self.docker.remove_container(name, Some(options.clone())).await {
                Ok(()) | Err(DockerError::DockerResponseServerError { status_code: 404, .. }) => {
                    return Ok(());
                }
                // Somebody else is at it.
                Err(DockerError::DockerResponseServerError { status_code: 409, .. })
                    if began.elapsed() < REMOVAL_PATIENCE =>
                {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => {
                    return Err(self.attempted(&format!("remove the container {name} in"))(error));
                }
            }
        }
    }

    /// The containers of runs of this owner.
    pub(super) async fn list(&self, tenant: &str) -> Result<Vec<ContainerSummary>, Error> {
        let filters = HashMap::from([("label", vec![format!("{TENANT_LABEL}={tenant}")])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        self.docker
            .list_containers(Some(options))
            .await
            .map_err(self.attempted("list containers in"))
    }

    /// The container's output, line by line until it is over.
    pub(super) fn lines(&self, name: &str) -> BoxStream<'static, Result<String, Error>> {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let live = self.output(name, true).inspect_ok(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        // An engine that follows a container to its end may leave out its last words.
        let (client, name) = (self.clone(), name.to_owned());
        let rest =
            stream::once(
                async move { client.output(&name, false).skip(count.load(Ordering::Relaxed)) },
            );
        live.chain(rest.flatten()).boxed()
    }

    fn output(&self, name: &str, follow: bool) -> BoxStream<'static, Result<String, Error>> {
        let options =
            LogsOptionsBuilder::default().follow(follow).stdout(true).stderr(true).build();
        let (host, name) = (self.host.clone(), name.to_owned());
        let pieces = self.docker.logs(&name, Some(options)).map(move |piece| match piece {
            Ok(piece) => Ok(piece.into_bytes()),
            Err(error) => Err(failed(&format!("read the output of {name} in"), &host)(error)),
        });
        lines_of(pieces.boxed())
    }

    /// The container's last words. They only explain: without them there is still the state.
    pub(super) async fn last_output(&self, name: &str) -> String {
        let options =
            LogsOptionsBuilder::default().stdout(true).stderr(true).tail(LAST_LINES).build();
        let mut pieces = self.docker.logs(name, Some(options));
        let mut bytes = Vec::new();
        while let Some(Ok(piece)) = pieces.next().await {
            bytes.extend_from_slice(&piece.into_bytes());
        }
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// Puts an image that was made here into the engine.
    pub(super) async fn load(
        &self,
        image: &RuntimeImage,
        tell: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<(), Error> {
        let archive = image.pack()?;
        let size = archive.tar.len() >> 20;
        tell(&format!("loading the image {} ({size} MiB) into Docker", image.reference));
        let body = bollard::body_full(archive.tar.into());
        let mut answers = self.docker.import_image(ImportImageOptions::default(), body, None);
        while let Some(answer) = answers.next().await {
            answer.map_err(self.attempted(&format!("load the image {} into", image.reference)))?;
        }
        Ok(())
    }

    /// Fetches an image from its registry.
    pub(super) async fn pull(
        &self,
        reference: &str,
        credentials: Option<&str>,
        surroundings: &Surroundings,
        tell: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<(), Error> {
        let credentials = credentials::find(credentials, reference, surroundings)?;
        tell(&format!("pulling the image {reference}"));
        let options = CreateImageOptionsBuilder::default().from_image(&with_tag(reference)).build();
        let mut answers = self.docker.create_image(Some(options), None, credentials);
        let mut layers = Layers::default();
        while let Some(answer) = answers.next().await {
            let answer = answer.map_err(|error| {
                self.attempted(&format!("pull the image {reference} with"))(error).hint(
                    "check its name, and that the engine reaches the registry; registry_credentials says where name and password are",
                )
            })?;
            if let Some(told) = layers.hear(&answer) {
                tell(&format!("pulling the image {reference}: {told}"));
            }
        }
        Ok(())
    }
}

/// Docker fetches all tags of a name without one.
fn with_tag(reference: &str) -> String {
    let last = reference.rsplit('/').next().unwrap_or(reference);
    if last.contains([':', '@']) { reference.to_owned() } else { format!("{reference}:latest") }
}

/// How far a pull is.
#[derive(Default)]
struct Layers {
    bytes: HashMap<String, (i64, i64)>,
    told_mib: i64,
}

impl Layers {
    fn hear(&mut self, answer: &bollard::models::CreateImageInfo) -> Option<String> {
        let detail = answer.progress_detail.as_ref()?;
        let (Some(current), Some(total), Some(layer)) = (detail.current, detail.total, &answer.id)
        else {
            return None;
        };
        self.bytes.insert(layer.clone(), (current, total));
        let (current, total) =
            self.bytes.values().fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
        let mib = current >> 20;
        (std::mem::replace(&mut self.told_mib, mib) != mib)
            .then(|| format!("{mib} of {} MiB", total >> 20))
    }
}

/// That something is not there is an answer.
fn known<T>(answer: Result<T, DockerError>) -> Result<Option<T>, DockerError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(DockerError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn refused_by_ssh(host: &str, words: String) -> Error {
    let text = format!("could not use the Docker engine at {host}");
    Error::caused(ErrorKind::Infrastructure, text, words)
        .hint("ssh must get there without a question, and find docker: try ssh HOST docker version")
}

fn failed(what: &str, host: &str) -> impl FnOnce(DockerError) -> Error {
    let text = format!("could not {what} the Docker engine at {host}");
    move |error| {
        let cause = crate::chain(&error);
        let hint = hint(&error, &cause);
        let error = match error {
            DockerError::DockerResponseServerError { message, .. } => {
                Error::caused(ErrorKind::Infrastructure, text, message.trim().to_owned())
            }
            DockerError::SocketNotFoundError(_) => {
                Error::caused(ErrorKind::Infrastructure, text, "there is no such socket")
            }
            error => Error::caused(ErrorKind::Infrastructure, text, error),
        };
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

fn hint(error: &DockerError, cause: &str) -> Option<&'static str> {
    let lower = cause.to_lowercase();
    if lower.contains("permission denied") {
        return Some("add yourself to the group docker, or use a rootless engine");
    }
    if matches!(error, DockerError::SocketNotFoundError(_)) || lower.contains("connect") {
        return Some(
            "start Docker, or name another engine: DOCKER_HOST, a docker context, --set host=…",
        );
    }
    if lower.contains("range of cpus") {
        return Some("set the job's cpus to what the engine's machine has");
    }
    if lower.contains("no such container") {
        return Some(
            "it went when its run had an outcome: with auto_remove = false, containers stay",
        );
    }
    if lower.contains("docker-init") || lower.contains("init binary") {
        return Some("the engine has no init of its own: set the job's init to false");
    }
    if lower.contains("network") && lower.contains("not found") {
        return Some("docker network ls lists the networks");
    }
    None
}

/// Lines out of pieces that end anywhere.
fn lines_of(
    pieces: BoxStream<'static, Result<bytes::Bytes, Error>>,
) -> BoxStream<'static, Result<String, Error>> {
    struct Reader {
        pieces: BoxStream<'static, Result<bytes::Bytes, Error>>,
        rest: Vec<u8>,
        over: bool,
    }
    let reader = Reader { pieces, rest: Vec::new(), over: false };
    stream::try_unfold(reader, |mut reader| async move {
        loop {
            if let Some(end) = reader.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = reader.rest.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
                return Ok(Some((line, reader)));
            }
            if reader.over {
                let rest = std::mem::take(&mut reader.rest);
                let line = String::from_utf8_lossy(&rest).into_owned();
                return Ok(Some((line, reader)).filter(|_| !rest.is_empty()));
            }
            match reader.pieces.next().await {
                Some(piece) => reader.rest.extend_from_slice(&piece?),
                None => reader.over = true,
            }
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_whole_wherever_the_pieces_end() {
        let pieces = ["a", "b\nc\r\n\n", "", "d\u{e9}".split_at(1).0, "\u{e9}"];
        let pieces = pieces.map(|piece| Ok(bytes::Bytes::from(piece)));
        let lines: Vec<_> = lines_of(stream::iter(pieces).boxed()).try_collect().await.unwrap();
        assert_eq!(lines, ["ab", "c", "", "d\u{e9}"]);
    }

    #[test]
    fn an_image_without_a_tag_is_the_latest() {
        for (reference, expected) in [
            ("a/b", "a/b:latest"),
            ("host:5000/b", "host:5000/b:latest"),
            ("host:5000/b:1", "host:5000/b:1"),
            ("a@sha256:00", "a@sha256:00"),
        ] {
            assert_eq!(with_tag(reference), expected);
        }
    }

    #[test]
    fn an_engine_that_is_not_there_is_named_with_what_to_do() {
        let error = failed("use", "unix:///x")(DockerError::SocketNotFoundError("/x".into()));
        assert_eq!(error.to_string(), "could not use the Docker engine at unix:///x");
        assert!(error.what_to_do().unwrap().starts_with("start Docker"));
    }
}
