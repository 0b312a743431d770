//! Checks what a run will need, before there is one.

use bytes::Bytes;
use longshore_protocol::SignedDuration;
use longshore_protocol::abi::Abi;
use longshore_protocol::limits::Metering;
use serde::Serialize;

use super::Engine;
use crate::artefact::{self, Runtime};
use crate::pool::Access;
use crate::store::Created;
use crate::{Error, ErrorKind, chain, clock};

/// Stores refuse signatures that are a quarter of an hour off; a third of it is worth a word before.
const CLOCK_SKEW_MAX: SignedDuration = SignedDuration::from_mins(5);

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
    /// Checks runtime, what confines it, cache, store and infrastructure.
    pub async fn doctor(&self) -> Vec<Check> {
        let runtime = Check::of("runtime", self.check_runtime().await);
        // One that is not there is told once.
        let confined = if runtime.is_ok { Some(self.check_confinement().await) } else { None };
        let cache = Check::of("cache", self.check_cache());
        let place = Check::of(self.pool.kind.word(), self.check_launcher().await);
        let before = [runtime].into_iter().chain(confined).chain([cache, place]);
        before.chain(self.check_storage().await).collect()
    }

    async fn check_launcher(&self) -> Result<String, Error> {
        let settings = self.pool.job_settings()?;
        let image = if self.pool.kind.starts_containers() {
            let runtime = Runtime::ask(&self.places.runtime, &self.cache).await?;
            self.image(&runtime)?
        } else {
            None
        };
        self.launcher.check(&settings, image.as_ref()).await
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
            runtime.engine(self.code(Metering::Off))?
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

    /// The store, as far as it works: what needs a store that does not work is not looked at.
    async fn check_storage(&self) -> Vec<Check> {
        let source = self.store.credentials_source().to_owned();
        let credentials = Check::of("credentials", Ok(source));
        let key = format!("doctor/{}-{}", std::process::id(), clock::now().as_millisecond());
        let store = Check::of("store", self.check_create(&key).await);
        let mut checks = vec![credentials, store];
        let is_usable = checks.iter().all(|check| check.is_ok);
        if is_usable {
            checks.push(Check::of("clock", self.check_clock(&key).await));
            checks.push(Check::of("access", self.check_access(&format!("{key}-signed")).await));
        }
        for key in [&key, &format!("{key}-signed")] {
            // Where nothing can be written, it says nothing new that nothing can be removed.
            if let Err(error) = self.store.delete(key).await
                && is_usable
            {
                checks.push(Check::of("cleanup", Err(error)));
            }
        }
        checks
    }

    /// A run must not get two outcomes, so the second of two creations has to be refused.
    async fn check_create(&self, key: &str) -> Result<String, Error> {
        let first = self.store.create_probe(key, Bytes::from_static(b"1")).await?;
        let second = self.store.create_probe(key, Bytes::from_static(b"2")).await?;
        if (first, second) == (Created::New, Created::Existed) {
            return Ok(self.store.location().to_owned());
        }
        Err(Error::new(ErrorKind::Store, "the store does not honour conditional creation").hint(
            "use a store that does: a local file system, S3, Google Cloud Storage, Azure Blob",
        ))
    }

    /// Signatures have times in them, and stores refuse those of another time.
    async fn check_clock(&self, key: &str) -> Result<String, Error> {
        judge_clock(self.store.clock_ahead(key).await?)
    }

    async fn check_access(&self, key: &str) -> Result<String, Error> {
        let Some(signer) = self.store.signer() else {
            return match self.pool.access {
                Some(Access::Ticket) => Err(self.cannot_sign()),
                _ => Ok("ambient: this store signs no tickets".to_owned()),
            };
        };
        if self.pool.access == Some(Access::Ambient) {
            return Ok("ambient: the pool says so".to_owned());
        }
        if signer.is_for_elsewhere() {
            return Ok("by ticket; not tried, since runtimes reach the store elsewhere".to_owned());
        }
        signer.prove(key).await?;
        Ok("by ticket: signed URLs work, and create only".to_owned())
    }
}

fn judge_clock(ahead: SignedDuration) -> Result<String, Error> {
    let seconds = ahead.as_secs_f64();
    if ahead.abs() <= CLOCK_SKEW_MAX {
        return Ok(format!("the store's differs by {:.1} s", seconds.abs()));
    }
    let where_to = if seconds > 0.0 { "ahead of" } else { "behind" };
    let text = format!("the store's clock is {:.0} s {where_to} this machine's", seconds.abs());
    Err(Error::new(ErrorKind::Store, text).hint("set this machine's clock by NTP"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_may_differ_by_minutes_and_not_by_more() {
        for (ahead_s, found) in [
            (0, Ok("the store's differs by 0.0 s")),
            (-300, Ok("the store's differs by 300.0 s")),
            (301, Err("the store's clock is 301 s ahead of this machine's")),
            (-900, Err("the store's clock is 900 s behind this machine's")),
        ] {
            let judged = judge_clock(SignedDuration::from_secs(ahead_s));
            let judged = judged.map_err(|error| error.to_string());
            assert_eq!(judged.as_deref().map_err(String::as_str), found);
        }
    }
}
