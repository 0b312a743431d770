//! Checks what a run will need, before there is one.

use bytes::Bytes;
use longshore_protocol::abi::Abi;
use longshore_protocol::limits::Metering;
use serde::Serialize;

use super::Engine;
use crate::artefact::{self, Runtime};
use crate::store::Created;
use crate::{Error, ErrorKind, chain};

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// Whether it is as it must be.
    pub is_ok: bool,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Check {
    /// A check from what it found, or from why it failed.
    pub fn of(name: &str, result: Result<String, Error>) -> Self {
        let name = name.to_owned();
        match result {
            Ok(found) => Self { name, is_ok: true, found, hint: None },
            Err(error) => {
                let hint = error.what_to_do().map(str::to_owned);
                Self { name, is_ok: false, found: chain(&error), hint }
            }
        }
    }
}

impl Engine {
    /// Checks runtime, what confines it, cache and store.
    pub async fn doctor(&self) -> Vec<Check> {
        let runtime = Check::of("runtime", self.check_runtime().await);
        // One that is not there is told once.
        let confined = if runtime.is_ok { Some(self.check_confinement().await) } else { None };
        let rest =
            [Check::of("cache", self.check_cache()), Check::of("store", self.check_store().await)];
        [runtime].into_iter().chain(confined).chain(rest).collect()
    }

    async fn check_runtime(&self) -> Result<String, Error> {
        let runtime = Runtime::ask(&self.places.runtime, &self.cache).await?;
        if !runtime.abi.can_execute(Abi::CURRENT) {
            let text = format!(
                "the runtime executes flow ABI {}, this longshore builds {}",
                runtime.abi,
                Abi::CURRENT
            );
            return Err(
                Error::new(ErrorKind::Runtime, text).hint("install both from the same release")
            );
        }
        Ok(format!(
            "{} {} (engine {})",
            runtime.path.display(),
            runtime.version,
            runtime.engine(Metering::Off)
        ))
    }

    /// A kernel that lacks something is no fault, and worth a hint.
    async fn check_confinement(&self) -> Check {
        let result = artefact::confinement(&self.places.runtime).await;
        let is_whole = result.as_ref().is_ok_and(|confinement| {
            confinement.landlock.is_active() && confinement.seccomp.is_active()
        });
        let mut check = Check::of("confined", result.map(|confinement| confinement.to_string()));
        if check.is_ok && !is_whole {
            check.hint =
                Some("a kernel with landlock (5.13) and seccomp confines a run by both".to_owned());
        }
        check
    }

    fn check_cache(&self) -> Result<String, Error> {
        let (name, content) = ("doctor", b"ok");
        self.cache.write(name, content)?;
        match self.cache.read(name) {
            Some(found) if found == content => Ok(self.places.cache.display().to_string()),
            _ => Err(Error::new(
                ErrorKind::Runtime,
                format!("files in {} are not ours", self.places.cache.display()),
            )
            .hint("set LONGSHORE_CACHE to a directory that only you may write")),
        }
    }

    /// A run must not get two outcomes, so the second of two creations has to be refused.
    async fn check_store(&self) -> Result<String, Error> {
        let key = format!("doctor/{}", std::process::id());
        let first = self.store.create_probe(&key, Bytes::from_static(b"1")).await;
        let second = self.store.create_probe(&key, Bytes::from_static(b"2")).await;
        self.store.delete(&key).await?;
        match (first?, second?) {
            (Created::New, Created::Existed) => Ok(self.store.location().to_owned()),
            _ => Err(Error::new(
                ErrorKind::Store,
                "the store does not honour conditional creation",
            )
            .hint(
                "use a store that does: a local file system, S3, Google Cloud Storage, Azure Blob",
            )),
        }
    }
}
