//! Where everything lies in the store. The one place that makes keys.
//!
//! **Invariant:** every object but the beat has one writer and is created once; see `docs/storage.md`.

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::id::{Digest, RunId, Tenant};

/// The key of a component: named by its own digest, uploaded once.
pub fn component(digest: &Digest) -> String {
    format!("components/sha256/{digest}.wasm")
}

/// The key of a compiled artefact: named by its own digest, below the engine that made it.
pub fn compiled(engine: &str, digest: &Digest) -> String {
    format!("compiled/{engine}/sha256/{digest}.cwasm")
}

/// The key of an archive of files: named by its own digest, uploaded once.
pub fn files(digest: &Digest) -> String {
    format!("files/sha256/{digest}.tar")
}

/// The prefixes of what is named by its own content and shared by all tenants of the store. An object there is needed as
/// long as an order refers to it.
pub const CONTENT: [&str; 3] = ["components", "compiled", "files"];

/// The prefix of the runs of all tenants.
pub const RUNS: &str = "runs";

/// The prefix of the marks of content that somebody is removing.
pub const REMOVING: &str = "removing";

/// The mark that says that somebody is removing the content `key`.
pub fn removing(key: &str) -> String {
    format!("{REMOVING}/{key}")
}

/// The prefix of all pools that a team keeps in the store.
pub const POOLS: &str = "pools";

/// The key of a pool that a team keeps in the store. Written by people, through the CLI; replaced only by who has seen
/// what is there.
pub fn pool(name: &str) -> String {
    format!("{POOLS}/{name}.toml")
}

/// The prefix of all runs that `tenant` ordered on `day` (`yyyymmdd`, UTC).
pub fn day(tenant: &Tenant, day: &str) -> String {
    format!("runs/{tenant}/{day}")
}

/// The day (`yyyymmdd`, UTC) in whose prefix runs lie that are ordered `at` this time.
pub fn day_of(at: Timestamp) -> String {
    let date = Offset::UTC.to_datetime(at).date();
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

/// The prefix of all runs of `tenant`.
pub fn tenant(tenant: &Tenant) -> String {
    format!("runs/{tenant}")
}

/// The keys of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLayout {
    prefix: String,
}

impl RunLayout {
    /// The keys of `run`, which belongs to `tenant`.
    pub fn new(tenant: &Tenant, run: &RunId) -> Self {
        Self { prefix: format!("{}/{run}", day(tenant, &run.day())) }
    }

    /// The prefix of everything that belongs to the run.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What was asked for. Written by the launcher.
    pub fn order(&self) -> String {
        format!("{}/order.json", self.prefix)
    }

    /// The parameters, where they are not inline in the order. Written by the launcher.
    pub fn params(&self) -> String {
        format!("{}/params.bin", self.prefix)
    }

    /// Where the run went. Written by the launcher before the launch.
    pub fn job(&self) -> String {
        format!("{}/job.json", self.prefix)
    }

    /// What lets a runtime without credentials do this run. Written by the launcher.
    pub fn ticket(&self) -> String {
        format!("{}/ticket.json", self.prefix)
    }

    /// A request to stop. Written by anyone.
    pub fn cancel(&self) -> String {
        format!("{}/cancel.json", self.prefix)
    }

    /// The result, where it is not inline in the outcome. Written by the runtime before the outcome.
    pub fn result(&self) -> String {
        format!("{}/result.bin", self.prefix)
    }

    /// How the run ended. Written by the runtime, last and once.
    pub fn outcome(&self) -> String {
        format!("{}/outcome.json", self.prefix)
    }

    /// The prefix of all attempts.
    pub fn attempts(&self) -> String {
        format!("{}/attempts", self.prefix)
    }

    /// Who picked the attempt up.
    pub fn started(&self, attempt: u32) -> String {
        format!("{}/attempts/{attempt}/started.json", self.prefix)
    }

    /// Liveness and progress of the attempt; the only object that is overwritten.
    pub fn beat(&self, attempt: u32) -> String {
        format!("{}/attempts/{attempt}/beat.json", self.prefix)
    }

    /// A closed segment of the attempt's log, numbered from 0 without gaps.
    pub fn log(&self, attempt: u32, segment: u32) -> String {
        format!("{}/attempts/{attempt}/log/{segment:06}.jsonl", self.prefix)
    }
}

/// The run to which the key `runs/<tenant>/<day>/<run id>/…` belongs, if it is such a key.
pub fn run_of(key: &str) -> Option<RunId> {
    let mut parts = key.split('/');
    if parts.next()? != "runs" {
        return None;
    }
    parts.nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_the_documented_one() {
        let run = RunId::new("2026-11-24T10:00:00Z".parse().unwrap(), [0; 10]);
        let layout = RunLayout::new(&Tenant::default(), &run);
        let prefix = format!("runs/default/20261124/{run}");
        assert_eq!(layout.order(), format!("{prefix}/order.json"));
        assert_eq!(layout.params(), format!("{prefix}/params.bin"));
        assert_eq!(layout.job(), format!("{prefix}/job.json"));
        assert_eq!(layout.ticket(), format!("{prefix}/ticket.json"));
        assert_eq!(layout.started(1), format!("{prefix}/attempts/1/started.json"));
        assert_eq!(layout.beat(2), format!("{prefix}/attempts/2/beat.json"));
        assert_eq!(layout.log(1, 12), format!("{prefix}/attempts/1/log/000012.jsonl"));
        assert_eq!(layout.cancel(), format!("{prefix}/cancel.json"));
        assert_eq!(layout.result(), format!("{prefix}/result.bin"));
        assert_eq!(layout.outcome(), format!("{prefix}/outcome.json"));
        assert_eq!(removing("components/x"), "removing/components/x");
        assert_eq!(pool("team"), "pools/team.toml");
        assert_eq!(run_of(&layout.outcome()), Some(run));
        assert_eq!(run_of("components/sha256/x.wasm"), None);
    }
}
