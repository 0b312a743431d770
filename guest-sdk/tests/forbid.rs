//! A flow can be written in a crate that forbids unsafe code and denies warnings.
#![forbid(unsafe_code)]
#![deny(warnings, clippy::all, missing_docs, unused_qualifications)]

use longshore_sdk::{Bytes, data, flow};

/// An order.
#[data]
#[derive(Debug)]
pub struct Order {
    /// What.
    pub items: Vec<String>,
}

/// Takes an order.
#[flow]
pub fn order(order: Order, mut data: Bytes) -> Result<u32, std::num::TryFromIntError> {
    data = Bytes::from(Vec::from(data));
    u32::try_from(order.items.len() + data.len())
}

#[cfg(unix)]
#[flow]
fn log() {}

#[flow]
#[cfg(not(unix))]
fn compiled_out(missing: Missing) {}

#[test]
fn flows_are_functions() {
    assert_eq!(order(Order { items: vec![String::new()] }, Bytes::new()), Ok(1));
    log();
}
