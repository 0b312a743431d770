//! Work pools: named infrastructures, with what their runs get and may ask for at most.
//!
//! A pool is described by layers of TOML ([`Layers`]), the more specific ones last. [`admit`](Pool::admit) is the one
//! place that decides what a run may use: nothing is compiled, stored or started before it has agreed.
//!
//! What is set, [`Layers::explain`] tells with its origin, and [`edit`] changes without touching what else a file has.
//!
//! **Invariant:** what a pool does not allow cannot be asked for by a flow nor on a command line.

mod admit;
mod concurrency;
mod config;
pub mod edit;
mod explain;
pub mod file;
mod origin;
mod shared;
pub mod storage;

use std::collections::BTreeMap;

use longshore_protocol::grants::Policy;
use longshore_protocol::limits::LimitSet;
use longshore_protocol::target::Target;
use serde::{Deserialize, Serialize};

use crate::kind::Kind;
use crate::settings::{self, Change, JobSettings, Patch};
use crate::{Error, ErrorKind};

pub use admit::{Admitted, Overrides};
pub use concurrency::ConcurrencyLimit;
pub use config::{Layer, Layers};
pub use explain::Known;
pub use origin::{Origin, Source};
pub use shared::{SharedPools, check_name};

/// The pool that exists without being described: processes on this machine, for whoever types the command.
pub const LOCAL: &str = "local";

/// How runtimes get at their runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// By a ticket: signed URLs for the objects of one run.
    Ticket,
    /// By themselves: with the identity of their machine or workload, or the credentials that the launcher hands on; for
    /// a directory, as files.
    Ambient,
}

/// A named infrastructure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its kind of infrastructure.
    pub kind: Kind,
    /// What it is for.
    pub description: Option<String>,
    /// Where its runs are kept, as the text of a [`longshore_storage::Location`]. `None`: where all others are.
    pub store: Option<String>,
    /// How runtimes get at their runs. `None`: by tickets, where the store can sign them.
    pub access: Option<Access>,
    /// For which processors machine code is made. `None`: those that its kind usually has.
    pub target: Option<Target>,
    /// Whether it takes no runs for now.
    pub is_paused: bool,
    /// How many of its runs can go on at a time.
    pub concurrency_limit: Option<ConcurrencyLimit>,
    /// The labels of its runs, beside their own.
    pub labels: BTreeMap<String, String>,
    /// The limits of runs that ask for none.
    pub limits: LimitSet,
    /// What a run can ask for at most.
    pub ceiling: LimitSet,
    /// What flows may be granted. `None`: the pool leaves it to the command line.
    pub grants: Option<Policy>,
    /// What is set about its jobs, the most specific layer last.
    pub job: Vec<Change>,
    /// What is changed in their requests, one patch after another.
    pub patches: Vec<Patch>,
}

impl Pool {
    /// The pool that needs no description.
    pub fn local() -> Self {
        Self { name: LOCAL.to_owned(), ..Self::default() }
    }

    /// Checks that what flows may be granted of job settings is there to be set.
    fn check_policy_for_jobs(&self) -> Result<(), Error> {
        // Where this build cannot launch its jobs anyway, a description of it is only read.
        let Ok(table) = self.kind.settings() else { return Ok(()) };
        for allowed in self.grants.iter().flat_map(|policy| &policy.job) {
            let name = allowed.split('.').next().unwrap_or_default();
            if name != "*" {
                settings::find(&table, self.kind.word(), name).map_err(|why| {
                    let text = format!("pools.{}.grants.job: {why}", self.name);
                    Error::new(ErrorKind::BadInput, text)
                })?;
            }
        }
        Ok(())
    }

    /// The settings of jobs about which neither a flow nor a caller has set anything, and where each comes from.
    ///
    /// # Errors
    /// Names the layer that has set something that does not exist or does not fit.
    pub fn job_settings(&self) -> Result<JobSettings, Error> {
        self.kind.resolve(&self.job)
    }
}
