//! When images are fetched.

use serde::{Deserialize, Serialize};

use crate::settings::Word;

/// When an image is fetched from its registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pull {
    /// At each launch.
    Always,
    /// Where it is not there yet.
    #[default]
    IfNotPresent,
    /// Not at all.
    Never,
}

impl Word for Pull {
    const ALL: &'static [Self] = &[Self::Always, Self::IfNotPresent, Self::Never];

    fn word(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}
