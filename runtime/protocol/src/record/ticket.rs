//! What a runtime without credentials gets to do exactly one run.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FormatVersion, Record};
use crate::id::{Digest, RunId, Tenant};

/// Signed URLs for the objects of one run, and nothing else.
///
/// Whoever has it can do with these objects what it says until it expires, and needs no credentials. So it is handled
/// like a password for this one run: it is not printed, and `Debug` shows no URL. A runtime verifies it by a digest
/// that came through the infrastructure.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The version of this record's format.
    pub format: FormatVersion,
    /// The owner of the run.
    pub tenant: Tenant,
    /// The run.
    pub run: RunId,
    /// The digest of its order.
    pub order_sha256: Digest,
    /// When its URLs stop working.
    pub expires_at: Timestamp,
    /// How many attempts it is good for, counted from 1. Restarts by the infrastructure take one each.
    pub attempts_max: u32,
    /// How many log segments each attempt may write.
    pub log_segments_max: u32,
    /// URLs that read an object, by its key.
    pub read: Urls,
    /// URLs that create an object and cannot overwrite it, by its key.
    pub create: Urls,
    /// What a request to create must have in its header.
    pub create_headers: BTreeMap<String, String>,
    /// URLs that write an object again and again, by its key.
    pub overwrite: Urls,
    /// What a request to write must have in its header.
    pub overwrite_headers: BTreeMap<String, String>,
}

/// URLs by the keys of objects.
pub type Urls = BTreeMap<String, String>;

impl Record for Ticket {
    const NAME: &'static str = "ticket";

    fn format(&self) -> FormatVersion {
        self.format
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Ticket")
            .field("run", &self.run)
            .field("expires_at", &self.expires_at)
            .field("read", &self.read.keys())
            .field("create", &self.create.keys())
            .field("overwrite", &self.overwrite.keys())
            .finish_non_exhaustive()
    }
}
