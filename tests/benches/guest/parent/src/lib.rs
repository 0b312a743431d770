//! A flow that calls children, for the benches.
use longshore_sdk::{Result, child, flow};

/// Adds one.
#[flow]
pub fn add_one(n: i64) -> i64 {
    n + 1
}

/// Counts its children, each of which adds one.
#[flow]
pub fn count(children: u32) -> Result<i64> {
    let mut n = 0_i64;
    for _ in 0..children {
        n = child(add_one, (n,))?;
    }
    Ok(n)
}
