//! The image of the runtime: one static binary, the certificates of public authorities, and nothing else.
//!
//! It is made here, byte by byte, without a Dockerfile, a builder or a network: the same binary gives the same image,
//! whose digest anybody can compute again. Its name follows from its content, so a launcher never starts an older
//! runtime than it means.

mod archive;
mod binary;
#[cfg(feature = "docker")]
mod place;
#[cfg(not(feature = "docker"))]
#[path = "no_place.rs"]
mod place;
mod pull;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use longshore_protocol::id::Digest;
use longshore_protocol::limits::Metering;
use longshore_protocol::target::Target;
use serde::{Deserialize, Serialize};

use crate::artefact::{Cache, Code, Runtime};
use crate::{Error, ErrorKind};

pub use archive::Archive;
pub use binary::Binary;
pub use place::Images;
pub use pull::Pull;

/// The repository of images that are made here.
pub const REPOSITORY: &str = "longshore-runtime";
/// Whom the runtime runs as, where nothing else is asked for: a number that no machine's own users have.
pub const USER: &str = "65532:65532";
/// The runtime in the image.
pub const ENTRYPOINT: &str = "/longshore-runtime";
/// The label with the fingerprint of the engine whose machine code the runtime loads.
pub const ENGINE_LABEL: &str = "longshore.engine";
/// Raised when the same binary is packed in another way.
const RECIPE: u32 = 1;

/// An image that can be made of a binary on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeImage {
    /// Its name: the version, and what its content is.
    pub reference: String,
    /// The binary.
    pub binary: PathBuf,
    /// The binary's digest.
    pub sha256: Digest,
    /// The processor that it runs on.
    pub target: Target,
    /// What is written on the image.
    pub labels: BTreeMap<String, String>,
}

/// An image that an engine has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Its name.
    pub reference: String,
    /// What the engine calls it.
    pub id: String,
    /// Its size.
    pub bytes: u64,
    /// `linux/amd64` and the like.
    pub platform: String,
    /// Whom it runs as.
    pub user: String,
    /// The fingerprint of the engine whose machine code its runtime loads.
    pub engine: Option<String>,
    /// All of its labels.
    pub labels: BTreeMap<String, String>,
}

impl RuntimeImage {
    /// The image of the binary at `path`, which belongs to the same release as `runtime`.
    ///
    /// # Errors
    /// When there is no such binary, or it would not run in an empty image.
    pub fn of(path: &Path, runtime: &Runtime, cache: &Cache) -> Result<Self, Error> {
        let Binary { sha256, target } = Binary::look(path, cache)?;
        let engine = runtime.engine(Code { target, metering: Metering::Off })?;
        let recipe = Digest::of(format!("{RECIPE} {sha256} {engine}").as_bytes()).short();
        let version = &runtime.version;
        let label = |name: &str| format!("org.opencontainers.image.{name}");
        let labels = [
            (label("title"), "longshore-runtime".to_owned()),
            (label("description"), "Executes one run of a Longshore flow".to_owned()),
            (label("version"), version.clone()),
            (label("source"), env!("CARGO_PKG_REPOSITORY").to_owned()),
            (label("licenses"), env!("CARGO_PKG_LICENSE").to_owned()),
            (ENGINE_LABEL.to_owned(), engine.to_owned()),
        ];
        Ok(Self {
            reference: format!("{REPOSITORY}:{version}-{recipe}"),
            binary: path.to_owned(),
            sha256,
            target,
            labels: labels.into(),
        })
    }

    /// The image itself.
    ///
    /// # Errors
    /// When the binary cannot be read, or is not the one that was looked at.
    pub fn pack(&self) -> Result<Archive, Error> {
        let content =
            std::fs::read(&self.binary).map_err(|error| binary::unread(&self.binary, error))?;
        if Digest::of(&content) != self.sha256 {
            let text = format!("{} has changed meanwhile", self.binary.display());
            return Err(Error::new(ErrorKind::Runtime, text).hint("do it again"));
        }
        Ok(Archive::new(&content, self))
    }
}

/// The binary for images beside the runtime of this machine: where a release has it, where cargo puts it, or the runtime
/// itself, if it is static.
pub fn find(runtime: &Path) -> Option<PathBuf> {
    let folder = runtime.parent()?;
    let architecture = std::env::consts::ARCH;
    let built = folder.file_name().and_then(|profile| {
        let target = folder.parent()?.join(format!("{architecture}-unknown-linux-musl"));
        Some(target.join(profile).join("longshore-runtime"))
    });
    let candidates = [Some(folder.join("longshore-runtime-image")), built];
    let found = candidates.into_iter().flatten().find(|path| path.is_file());
    found.or_else(|| binary::is_static(runtime).then(|| runtime.to_owned()))
}

/// The image that can be made on this machine: of the binary `named`, or the one beside `runtime`.
///
/// # Errors
/// When there is no such binary, or it cannot be used.
pub async fn here(
    named: Option<&Path>,
    runtime: &Path,
    cache: &Path,
) -> Result<RuntimeImage, Error> {
    let cache = Cache::new(cache);
    let facts = Runtime::ask(runtime, &cache).await?;
    let binary = named.map(Path::to_owned).or_else(|| find(runtime));
    RuntimeImage::of(&binary.ok_or_else(|| missing(runtime))?, &facts, &cache)
}

/// What to do where there is no binary for images.
pub(crate) fn missing(runtime: &Path) -> Error {
    let architecture = std::env::consts::ARCH;
    let text = format!("there is no static longshore-runtime beside {}", runtime.display());
    Error::new(ErrorKind::Runtime, text).hint(format!(
        "name one with --image-runtime, or an image with --set image=…; from source: cargo build --release -p longshore-runtime --target {architecture}-unknown-linux-musl"
    ))
}
