//! Where a run went, and the request to stop it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{FormatVersion, Record};

/// Where a run went: enough for any machine to ask the infrastructure later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The version of this record's format.
    pub format: FormatVersion,
    /// The kind of infrastructure: `process`, `docker`, ….
    pub kind: String,
    /// The work pool. Since format 1.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// The job settings that flow and caller have set, by dotted keys; `null`: taken away. Since format 1.1.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// The merge patches that the caller has wanted on the request, one after another. Since format 1.1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Value>,
    /// How the infrastructure names the job. Only the launcher of that kind reads it.
    pub handle: String,
    /// The version of the launcher.
    pub launcher: String,
    /// When the launch began.
    pub launched_at: Timestamp,
}

impl Record for JobRecord {
    const NAME: &'static str = "job record";

    fn format(&self) -> FormatVersion {
        self.format
    }
}

/// A request to stop a run. It is a wish: what came of it is in the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRequest {
    /// The version of this record's format.
    pub format: FormatVersion,
    /// When it was written.
    pub requested_at: Timestamp,
    /// Why, in the words of whoever asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Record for CancelRequest {
    const NAME: &'static str = "cancel request";

    fn format(&self) -> FormatVersion {
        self.format
    }
}
