//! A reference to credentials, never the credentials.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use longshore_protocol::suggest;

use crate::Error;

/// Where the credentials of a client come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// The provider's own chain: its variables, its files, the identity of the machine or workload.
    #[default]
    Default,
    /// None: requests are not signed.
    Anonymous,
    /// The provider's variables with this in front of their names: `env:TEAM_` reads `TEAM_AWS_ACCESS_KEY_ID`.
    Environment(String),
    /// A file: Google's JSON, or lines of `NAME=value` with the provider's variables.
    File(PathBuf),
    /// A profile of AWS's configuration files; with roles, SSO and credential processes. For the launcher.
    Profile(String),
}

impl FromStr for Credentials {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = ["default", "anonymous", "env", "file", "profile"];
        match text.split_once(':').unwrap_or((text, "")) {
            ("default", "") => Ok(Self::Default),
            ("anonymous", "") => Ok(Self::Anonymous),
            ("env", prefix) if !prefix.is_empty() => Ok(Self::Environment(prefix.to_owned())),
            ("file", path) if path.starts_with('/') => Ok(Self::File(path.into())),
            ("file", path) if !path.is_empty() => {
                Err(Error::new(format!("credentials=file:{path} is not an absolute path"))
                    .hint("a pool may be used from any folder: write the whole path"))
            }
            ("profile", name) if !name.is_empty() => Ok(Self::Profile(name.to_owned())),
            (word, _) => {
                let error = Error::new(format!("{text:?} is not a reference to credentials"));
                Err(match suggest::nearest(word, known) {
                    Some(near) if near != word => error.hint(format!("did you mean {near}?")),
                    _ => error.hint("default, anonymous, env:PREFIX, file:/path or profile:NAME"),
                })
            }
        }
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::Anonymous => out.write_str("anonymous"),
            Self::Environment(prefix) => write!(out, "env:{prefix}"),
            Self::File(path) => write!(out, "file:{}", path.display()),
            Self::Profile(name) => write!(out, "profile:{name}"),
        }
    }
}
