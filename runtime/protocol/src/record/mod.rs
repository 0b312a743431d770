//! The records in the store: JSON with a format version, readable with any object browser.
//!
//! **Invariant:** readers skip fields that they do not know, so a minor version may only add optional ones.
//! **Invariant:** no secret value is ever in a record.

mod attempt;
mod confinement;
mod format;
mod job;
mod order;
mod outcome;
mod payload;
mod ticket;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, ErrorKind};

pub use attempt::{Beat, Host, Level, LogRecord, Progress, Started};
pub use confinement::{Confinement, Layer, Network};
pub use format::FormatVersion;
pub use job::{CancelRequest, JobRecord};
pub use order::{CompiledRef, ComponentRef, FilesRef, Order};
pub use outcome::{AttemptSummary, CodeSource, ErrorText, Outcome, RuntimeFacts, Usage, Verdict};
pub use payload::Payload;
pub use ticket::{Ticket, Urls};

/// A record with its name (for errors) and the format version it carries.
pub trait Record: Serialize + DeserializeOwned {
    /// What people call it: "order", "outcome".
    const NAME: &'static str;

    /// The version that the record was written with.
    fn format(&self) -> FormatVersion;

    /// The record as JSON text, one line per field so that people can read it.
    fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self)
            .expect("a record has string keys only, so it is always JSON");
        text.push(b'\n');
        text
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Says that the text is damaged, or names both versions when its major version is another one.
    fn from_json(text: &[u8]) -> Result<Self, Error> {
        format::check_readable(Self::NAME, text)?;
        serde_json::from_slice(text).map_err(|error| {
            Error::new(ErrorKind::Record, format!("the {} is damaged: {error}", Self::NAME))
        })
    }
}
