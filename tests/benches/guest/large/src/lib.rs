//! A component of the size that a flow with a few well-known dependencies has.
use longshore_sdk::{Result, flow};

/// Counts how often a regular expression matches.
#[flow]
pub fn matches(pattern: String, text: String) -> Result<u64> {
    Ok(regex::Regex::new(&pattern)?.find_iter(&text).count() as u64)
}
