//! Secrets, by reference.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::NetworkGrant;

/// Where the runtime reads a secret's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable of the runtime's process, which its infrastructure has put there.
    Env(String),
    /// A file, which its infrastructure has mounted; an end of line at its end does not count.
    File(String),
}

impl FromStr for SecretSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("env", name)) if is_variable(name) => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if path.starts_with('/') => Ok(Self::File(path.to_owned())),
            _ => {
                Err(format!("{text:?} is not the place of a secret (write env:NAME or file:/PATH)"))
            }
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(out, "env:{name}"),
            Self::File(path) => write!(out, "file:{path}"),
        }
    }
}

impl Serialize for SecretSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A secret that a flow asks for: `API_KEY`, or `API_KEY@api.example.com:443`, which hides the value from the flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretAsk {
    /// The environment variable in which the flow finds it.
    pub name: String,
    /// Where requests may carry it. With it, the flow sees a placeholder only, and the runtime puts the value in.
    pub only_to: Option<NetworkGrant>,
}

impl FromStr for SecretAsk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, place) = match text.split_once('@') {
            Some((name, place)) => (name, Some(place)),
            None => (text, None),
        };
        if !is_variable(name) {
            return Err(format!("{name:?} is not the name of an environment variable"));
        }
        let only_to = place.map(str::parse).transpose()?;
        Ok(Self { name: name.to_owned(), only_to })
    }
}

impl fmt::Display for SecretAsk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.only_to {
            Some(place) => write!(out, "{}@{place}", self.name),
            None => out.write_str(&self.name),
        }
    }
}

/// A secret that a run gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretGrant {
    /// Where the runtime reads its value.
    pub from: SecretSource,
    /// Where requests may carry it; see [`SecretAsk::only_to`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_to: Option<NetworkGrant>,
}

/// Whether `name` can be an environment variable's: letters, digits and `_`, not a digit first.
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_and_sources_read_what_they_write() {
        for text in ["API_KEY", "API_KEY@api.example.com:443"] {
            assert_eq!(text.parse::<SecretAsk>().unwrap().to_string(), text);
        }
        for text in ["env:API_KEY", "file:/run/secrets/api_key"] {
            assert_eq!(text.parse::<SecretSource>().unwrap().to_string(), text);
        }
        for text in ["env:1X", "file:secret", "API_KEY", "env:"] {
            assert!(text.parse::<SecretSource>().is_err(), "{text}");
        }
        for text in ["A-B", "", "A@", "A@b"] {
            assert!(text.parse::<SecretAsk>().is_err(), "{text}");
        }
    }
}
