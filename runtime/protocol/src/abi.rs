//! The version of the contract between a component and the runtime (`wit/README.md` says how it evolves).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A version of the guest contract: the WIT package's interfaces and the descriptor section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Abi {
    /// Changes when an old runtime or an old component would misread the other.
    pub major: u16,
    /// Grows when something is added that the other side may ignore.
    pub minor: u16,
}

impl Abi {
    /// The version that this build speaks.
    pub const CURRENT: Self = Self { major: 1, minor: 0 };

    /// Whether a runtime of version `self` can execute a component made for `component`.
    pub fn can_execute(self, component: Self) -> bool {
        self.major == component.major && self.minor >= component.minor
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}
