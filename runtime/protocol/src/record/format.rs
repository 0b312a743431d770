//! The version of a record's format and the rule by which it is readable.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Error, ErrorKind};

/// `major.minor`: a reader takes any minor version of its own major version, and no other major version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatVersion {
    /// Changes when old readers would misunderstand.
    pub major: u16,
    /// Grows when optional fields are added.
    pub minor: u16,
}

impl FormatVersion {
    /// What this build writes.
    pub const CURRENT: Self = Self { major: 1, minor: 3 };

    /// Whether this build understands a record of this version.
    pub fn is_readable(self) -> bool {
        self.major == Self::CURRENT.major
    }
}

impl Default for FormatVersion {
    fn default() -> Self {
        Self::CURRENT
    }
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for FormatVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        parsed
            .map(|(major, minor)| Self { major, minor })
            .ok_or_else(|| format!("{text:?} is not a format version (major.minor)"))
    }
}

impl Serialize for FormatVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FormatVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Looks at the version alone, before the rest, which another major version may have changed, is parsed.
pub(super) fn check_readable(name: &str, text: &[u8]) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Head {
        format: FormatVersion,
    }
    let head: Head = serde_json::from_slice(text).map_err(|error| {
        Error::new(ErrorKind::Record, format!("the {name} is damaged: {error}"))
    })?;
    if head.format.is_readable() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Record,
        format!(
            "the {name} has format {}, and this version of longshore reads {}.x",
            head.format,
            FormatVersion::CURRENT.major
        ),
    ))
}
