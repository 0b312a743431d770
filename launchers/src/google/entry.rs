//! How the runtime of a container in Google Cloud gets at its run, without anybody being shown what opens it. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::launcher::{Entry, Hidden, Job};
use crate::{Error, ErrorKind};

/// Stands for the signed address of the ticket, which is good for whoever has it: people print plans.
const TICKET: &str = "$(LONGSHORE_TICKET)";
/// What is left of a name that is none.
const NAME: &str = "longshore";

/// The entry as people are shown it, and what it hides.
pub(crate) fn shown(entry: &Entry) -> (Entry, Hidden) {
    match entry {
        Entry::Ticket { url, sha256 } => (
            Entry::Ticket { url: TICKET.to_owned(), sha256: *sha256 },
            Hidden(BTreeMap::from([(TICKET.to_owned(), url.clone())])),
        ),
        Entry::Store { .. } => (entry.clone(), Hidden::default()),
    }
}

/// The same, with what people are not shown.
pub(crate) fn revealed(value: &Value, hidden: &Hidden) -> Value {
    match value {
        Value::String(text) if text == TICKET => {
            hidden.0.get(TICKET).map_or_else(|| value.clone(), |url| url.clone().into())
        }
        Value::Array(items) => items.iter().map(|item| revealed(item, hidden)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), revealed(field, hidden))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Checks that a container `there`, such as in Cloud Run, reaches its store.
///
/// # Errors
/// When the store is a directory of this machine, or at an address that leads the container to itself.
pub(crate) fn check_store(job: &Job, there: &str) -> Result<(), Error> {
    if !job.store_parts()?.is_empty() {
        let text =
            format!("the store is a directory of this machine, and {there} does not have it");
        return Err(Error::new(ErrorKind::BadInput, text)
            .hint("take a store that both reach: gs://, s3://, az://"));
    }
    job.check_store_is_elsewhere("ADDRESS-OF-THE-STORE")
}

/// A beginning of a name, of up to `longest` characters.
pub(crate) fn prefix(wanted: Option<&str>, longest: usize) -> String {
    let lower = wanted.unwrap_or(NAME).to_ascii_lowercase();
    let is_allowed = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit();
    let valid: String = lower.chars().map(|one| if is_allowed(one) { one } else { '-' }).collect();
    let valid = valid.trim_start_matches(|first: char| !first.is_ascii_lowercase());
    let valid: String = valid.chars().take(longest).collect();
    match valid.trim_end_matches('-') {
        "" => NAME.to_owned(),
        valid => valid.to_owned(),
    }
}
