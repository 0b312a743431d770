//! For which processors machine code is made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::suggest;
use crate::{Error, ErrorKind};

/// For which processors machine code is made. All of them run Linux.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// The processor that compiles, with all that it can do: for a runtime on the same machine.
    #[default]
    Native,
    /// Any x86-64: for a runtime on another machine.
    X86_64,
    /// Any AArch64: for a runtime on another machine.
    Aarch64,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Native, Self::X86_64, Self::Aarch64];

    /// The name in configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The target that any processor of an architecture is one of, by Rust's name of it.
    pub fn portable(architecture: &str) -> Option<Self> {
        [Self::X86_64, Self::Aarch64].into_iter().find(|target| target.word() == architecture)
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(target) = Self::ALL.into_iter().find(|target| target.word() == text) {
            return Ok(target);
        }
        let words = Self::ALL.map(Self::word);
        let also = match text {
            "amd64" | "x86-64" => Some("x86_64"),
            "arm64" => Some("aarch64"),
            other => suggest::nearest(other, words),
        };
        let meant = also.map_or_else(
            || format!("targets are {}", words.join(", ")),
            |also| format!("did you mean {also}?"),
        );
        Err(Error::new(ErrorKind::Text, format!("{text:?} is not a target; {meant}")))
    }
}

impl TryFrom<String> for Target {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.word().to_owned()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_read_by_its_word_and_by_what_others_call_it() {
        for target in Target::ALL {
            assert_eq!(target.to_string().parse(), Ok(target));
        }
        for (text, part) in [
            ("arm64", "did you mean aarch64?"),
            ("amd64", "did you mean x86_64?"),
            ("sparc", "targets are native, x86_64, aarch64"),
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
