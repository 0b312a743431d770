//! What is asked for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FormatVersion, Payload, Record};
use crate::abi::Abi;
use crate::grants::Grants;
use crate::id::{Digest, RunId, Tenant};
use crate::layout;
use crate::limits::Limits;
use crate::retry::RetryPolicy;

/// A component in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentRef {
    /// Its digest, which is also its name.
    pub sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A compiled artefact in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompiledRef {
    /// The fingerprint of the engine that made it, and the only one that can load it.
    pub engine: String,
    /// Its digest, which is also its name.
    pub sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
}

/// An archive of files in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesRef {
    /// Its digest, which is also its name.
    pub sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// How many files it has.
    pub count: u64,
}

/// Asks for one run of a flow. Everything that the runtime executes is verified against digests in here, and the
/// digest of the order itself comes to it through the infrastructure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The version of this record's format.
    pub format: FormatVersion,
    /// The run.
    pub run: RunId,
    /// Its owner.
    pub tenant: Tenant,
    /// The guest contract that the component was built for.
    pub abi: Abi,
    /// The code.
    pub component: ComponentRef,
    /// The code as machine code, where the launcher has made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compiled: Option<CompiledRef>,
    /// The name of the flow in the component.
    pub flow: String,
    /// Its parameters.
    pub params: Payload,
    /// The files that the flow sees. Since format 1.2; with an older runtime it sees none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesRef>,
    /// What each attempt may use.
    #[serde(default)]
    pub limits: Limits,
    /// What the sandbox lets it do besides. Since format 1.1; an older runtime grants nothing.
    #[serde(default, skip_serializing_if = "Grants::is_empty")]
    pub grants: Grants,
    /// When a failed attempt is repeated.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// The time after which no attempt starts or goes on, whatever its own timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// For people and filters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// When it was written.
    pub ordered_at: Timestamp,
    /// The run that this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RunId>,
}

impl Order {
    /// The keys of the content that the run needs, as long as there is this order.
    pub fn content(&self) -> impl Iterator<Item = String> {
        let compiled = self.compiled.as_ref();
        let compiled = compiled.map(|code| layout::compiled(&code.engine, &code.sha256));
        let files = self.files.as_ref().map(|files| layout::files(&files.sha256));
        std::iter::once(layout::component(&self.component.sha256)).chain(compiled).chain(files)
    }
}

impl Record for Order {
    const NAME: &'static str = "order";

    fn format(&self) -> FormatVersion {
        self.format
    }
}
