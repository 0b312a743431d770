//! Violations that are planted, so that the checks can be seen to fail.

use bytes::Bytes;
use object_store::{PutMode, PutOptions, PutPayload};

use crate::SECRET;

/// What a store or an infrastructure does that no store or infrastructure may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// The store replaces objects that were to be created.
    Replaces,
    /// The store acknowledges an outcome, and has it not.
    Forgets,
    /// The store has something else than the result that it was given.
    MixesUp,
    /// The store acknowledges that an object is removed, and has it still.
    Keeps,
    /// Somebody writes down a secret.
    Tells,
    /// The infrastructure starts a job for a run that nobody has ordered, too.
    StartsAnother,
    /// The infrastructure acknowledges a job, and has it not.
    StartsNothing,
}

impl Flaw {
    /// What becomes of a write to the object that is called `name`. `None`: nothing.
    pub(crate) fn of_write(
        self,
        name: &str,
        payload: PutPayload,
        how: PutOptions,
    ) -> Option<(PutPayload, PutOptions)> {
        match self {
            Self::Replaces => Some((payload, PutOptions { mode: PutMode::Overwrite, ..how })),
            Self::Forgets if name == "outcome.json" => None,
            Self::MixesUp if name == "result.bin" => Some((PutPayload::from("else"), how)),
            Self::Tells if name == "job.json" => {
                let content = Bytes::from(payload);
                let text = String::from_utf8_lossy(&content);
                let told = text.replacen('{', &format!("{{\"note\": \"{SECRET}\","), 1);
                Some((PutPayload::from(told), how))
            }
            _ => Some((payload, how)),
        }
    }
}
