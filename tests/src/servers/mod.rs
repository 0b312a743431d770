//! Real object-storage servers on the loopback, and a proxy before them that breaks what networks break.
//!
//! `tests/servers/up.sh` starts the servers; `tests/run.sh` does it for all tests. A [`Server`] makes a fresh [`Bucket`]
//! for each test, whose options are `object_store`'s own, as a person would write them. A [`Proxy`] counts requests and
//! injects faults: `servers::s3().through(&proxy)`.

mod azure;
mod bucket;
mod client;
mod cloud;
mod ecs;
mod fault;
mod http;
mod kubernetes;
mod near;
mod proxy;
mod relay;
#[cfg(test)]
mod tests;
mod wire;

use std::path::PathBuf;

pub use azure::Azure;
pub use bucket::Bucket;
pub use cloud::{Cloud, busy, docker, refusal, role};
pub use ecs::{EXECUTION_ROLE, Ecs, REGION, ecs_shapes};
pub use fault::{Answer, Fault};
pub use http::{Response, send};
pub use kubernetes::{Kubernetes, Namespace, bridge};
pub use near::Near;
pub use proxy::{Proxy, Request};
pub use wire::Wire;

use crate::build::variable;

/// A server that speaks the API of a vendor's object storage.
#[derive(Debug, Clone)]
pub struct Server {
    kind: Kind,
    /// Where tests reach it.
    endpoint: String,
    /// Where buckets are made: never through a proxy.
    back_door: String,
}

/// Whose API a server speaks, and how it checks credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    S3,
    /// With users of its own for each bucket, whose signatures and permissions are checked.
    S3WithUsers,
    Gcs,
    Azure,
}

/// An S3 server that believes everybody, but checks signed URLs.
#[track_caller]
pub fn s3() -> Server {
    Server::find(Kind::S3, "s3", "s3")
}

/// An S3 server that checks signatures, and what the policy of a user allows.
#[track_caller]
pub fn s3_with_users() -> Server {
    Server::find(Kind::S3WithUsers, "s3-auth", "s3-auth")
}

/// A Google Cloud Storage server that checks tokens and signed URLs.
#[track_caller]
pub fn gcs() -> Server {
    Server::find(Kind::Gcs, "gcs", "gcs-backend")
}

/// An Azure Blob server that checks keys and shared access signatures.
#[track_caller]
pub fn azure() -> Server {
    Server::find(Kind::Azure, "azure", "azure")
}

/// The address of a registry of container images, without a scheme.
#[track_caller]
pub fn registry() -> String {
    address("registry").trim_start_matches("http://").to_owned()
}

/// The address of a registry that wants the name `tester` and the password `hush-hush`.
#[track_caller]
pub fn registry_with_users() -> String {
    address("registry-auth").trim_start_matches("http://").to_owned()
}

/// An SSH server that starts programs on this machine.
#[derive(Debug)]
pub struct Ssh {
    /// Its address, for example `127.0.0.1:2222`.
    pub address: String,
    /// The key of its only user.
    pub key: PathBuf,
    /// What a client knows it by.
    pub known_hosts: PathBuf,
}

/// It.
#[track_caller]
pub fn ssh() -> Ssh {
    let address = address("ssh").trim_start_matches("http://").to_owned();
    let folder = state().join("ssh");
    Ssh { address, key: folder.join("key"), known_hosts: folder.join("known_hosts") }
}

/// All kinds of server, each with its name.
#[track_caller]
pub fn all() -> [(&'static str, Server); 3] {
    [("s3", s3()), ("gcs", gcs()), ("azure", azure())]
}

/// A proxy before a server, for [`Server::through`].
pub fn proxy(server: &Server) -> Proxy {
    Proxy::before(server.endpoint())
}

impl Server {
    #[track_caller]
    fn find(kind: Kind, name: &str, back_door: &str) -> Self {
        let [endpoint, back_door] = [address(name), address(back_door)];
        Self { kind, endpoint, back_door }
    }

    /// Its URL, without a slash at the end.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The same server, as it is reached through a proxy.
    pub fn through(self, proxy: &Proxy) -> Self {
        Self { endpoint: proxy.url(), ..self }
    }

    /// Makes a bucket, or container, that nobody else has.
    #[track_caller]
    pub fn bucket(&self) -> Bucket {
        Bucket::make(self.clone())
    }
}

#[track_caller]
fn address(name: &str) -> String {
    let file = state().join(name).join("address");
    let Ok(address) = std::fs::read_to_string(&file) else {
        panic!(
            "this test needs the test server {name}, which is not running ({} is missing): start it with tests/servers/up.sh",
            file.display()
        );
    };
    address.trim_end().to_owned()
}

/// The folder in which `tests/servers/up.sh` leaves what it has started: the same choice as in its `common.sh`.
fn state() -> PathBuf {
    let usual = || installed().join("run/default");
    variable("LONGSHORE_TEST_SERVERS").map_or_else(usual, PathBuf::from)
}

/// Where `tests/servers/install.sh` puts servers.
fn installed() -> PathBuf {
    let cache = variable("XDG_CACHE_HOME").map_or_else(
        || PathBuf::from(variable("HOME").expect("there is a home")).join(".cache"),
        PathBuf::from,
    );
    cache.join("longshore-build/servers")
}

/// What `tests/servers/up.sh` has left in the folder of a server.
#[track_caller]
fn state_file(server: &str, name: &str) -> String {
    std::fs::read_to_string(state().join(server).join(name)).expect("the server was started whole")
}
