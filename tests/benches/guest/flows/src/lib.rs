//! The flows that the benches call.
use longshore_sdk::{Bytes, flow};

/// Adds one.
#[flow]
pub fn add_one(n: i64) -> i64 {
    n + 1
}

/// Returns what it is given.
#[flow]
pub fn echo(data: Bytes) -> Bytes {
    data
}

/// Returns the complement of each byte.
#[flow]
pub fn invert(data: Bytes) -> Bytes {
    data.iter().map(|byte| !byte).collect()
}
