//! What a flow asks for, and what a pool allows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::secret::is_variable;
use super::{FilePattern, FilesPolicy, NetworkGrant, SecretAsk};

/// What a flow asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asks {
    /// Where it wants to connect to.
    pub network: Vec<NetworkGrant>,
    /// The environment variables that it wants to read.
    pub env: Vec<String>,
    /// The secrets that it wants to use.
    pub secrets: Vec<SecretAsk>,
    /// The job settings that it wants to set and must be allowed to: `env.REGION`, `working_dir`.
    pub job: Vec<String>,
    /// The files of its folder that it wants to have with it.
    pub files: Vec<FilePattern>,
}

impl Asks {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        let Self { network, env, secrets, job, files } = self;
        let is_small = network.is_empty() && env.is_empty() && secrets.is_empty();
        is_small && job.is_empty() && files.is_empty()
    }

    /// Adds what the setting `key` of a descriptor asks for. `false`: the setting is about something else.
    ///
    /// # Errors
    /// Says what is wrong with the value.
    pub fn add(&mut self, key: &str, value: &str) -> Result<bool, String> {
        match key {
            "network" => self.network.push(value.parse()?),
            "secret" => self.secrets.push(value.parse()?),
            "job" => self.job.push(value.to_owned()),
            "file" => self.files.push(value.parse()?),
            "env" if is_variable(value) => self.env.push(value.to_owned()),
            "env" => return Err(format!("{value:?} is not the name of an environment variable")),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Names of variables: one, or those that begin alike (`APP_*`), or all (`*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

impl NamePattern {
    /// Whether it holds `name`.
    pub fn holds(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => self.0 == name,
        }
    }
}

impl FromStr for NamePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.strip_suffix('*').unwrap_or(text);
        if is_variable(name) || text == "*" {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("{text:?} is neither the name of a variable nor the beginning of some (APP_*)"))
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for NamePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for NamePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What a pool allows flows to ask for. Nothing, unless it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Hosts: a flow's grant must be within one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network: Vec<NetworkGrant>,
    /// Environment variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<NamePattern>,
    /// Secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<NamePattern>,
    /// Job settings: `working_dir`, `env` with all of its entries, `env.APP_*` with some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub job: Vec<String>,
    /// Files from the launcher's own machine.
    #[serde(skip_serializing_if = "FilesPolicy::is_none")]
    pub files: FilesPolicy,
}

impl Policy {
    /// What of `asks` is not allowed, each as `kind value`: `network a.example:443`, `env REGION`.
    pub fn refused(&self, asks: &Asks) -> Vec<String> {
        let network = asks
            .network
            .iter()
            .filter(|asked| !self.network.iter().any(|allowed| allowed.covers(asked)))
            .map(|asked| format!("network {asked}"));
        let env = asks
            .env
            .iter()
            .filter(|name| !self.env.iter().any(|allowed| allowed.holds(name)))
            .map(|name| format!("env {name}"));
        let secrets = asks
            .secrets
            .iter()
            .filter(|asked| !self.secrets.iter().any(|allowed| allowed.holds(&asked.name)))
            .map(|asked| format!("secret {}", asked.name));
        let job = asks
            .job
            .iter()
            .filter(|key| !self.job.iter().any(|allowed| holds_key(allowed, key)))
            .map(|key| format!("job {key}"));
        let refused = network.chain(env).chain(secrets).chain(job);
        refused.chain(self.refused_files(&asks.files)).collect()
    }

    /// What of some patterns for files is not allowed, each as `file pattern`.
    pub fn refused_files(&self, asked: &[FilePattern]) -> Vec<String> {
        let refused = asked.iter().filter(|asked| !self.files.allows(asked));
        refused.map(|asked| format!("file {asked}")).collect()
    }

    /// Allows what `asks` has, besides what is allowed already.
    pub fn allow(&mut self, asks: &Asks) {
        self.network.extend(asks.network.iter().cloned());
        self.env.extend(asks.env.iter().map(|name| NamePattern(name.clone())));
        self.secrets.extend(asks.secrets.iter().map(|asked| NamePattern(asked.name.clone())));
        self.files.allow(&asks.files);
        self.job.extend(asks.job.iter().cloned());
    }
}

/// Whether the key of a job setting is within `allowed`: the same, an entry of it, or one that begins alike.
fn holds_key(allowed: &str, key: &str) -> bool {
    match allowed.strip_suffix('*') {
        Some(beginning) => key.starts_with(beginning),
        None => {
            key.strip_prefix(allowed).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks() -> Asks {
        let mut asks = Asks::default();
        for (key, value) in [
            ("network", "api.example.com:443"),
            ("env", "APP_REGION"),
            ("secret", "API_KEY"),
            ("file", "data/"),
        ] {
            assert_eq!(asks.add(key, value), Ok(true));
        }
        assert_eq!(asks.add("timeout_ms", "1"), Ok(false));
        asks
    }

    #[test]
    fn nothing_is_allowed_unless_the_policy_says_so() {
        assert_eq!(
            Policy::default().refused(&asks()),
            ["network api.example.com:443", "env APP_REGION", "secret API_KEY", "file data/"]
        );
        let policy: Policy = serde_json::from_str(
            r#"{"network": ["*.example.com:443"], "env": ["APP_*"], "secrets": ["OTHER"], "files": true}"#,
        )
        .unwrap();
        assert_eq!(policy.refused(&asks()), ["secret API_KEY"]);
        let mut all = Policy::default();
        all.allow(&asks());
        assert!(all.refused(&asks()).is_empty());
    }

    #[test]
    fn a_job_setting_is_allowed_with_its_entries() {
        for (allowed, key, is_allowed) in [
            ("env", "env.A", true),
            ("env", "env", true),
            ("env", "environment", false),
            ("env.APP_*", "env.APP_A", true),
            ("env.APP_*", "env.A", false),
            ("env.A", "env.AB", false),
            ("*", "working_dir", true),
        ] {
            let policy = Policy { job: vec![allowed.to_owned()], ..Policy::default() };
            let asks = Asks { job: vec![key.to_owned()], ..Asks::default() };
            assert_eq!(policy.refused(&asks).is_empty(), is_allowed, "{allowed} {key}");
        }
    }

    #[test]
    fn a_bad_ask_is_named() {
        let mut asks = Asks::default();
        assert!(asks.add("env", "A-B").unwrap_err().contains("\"A-B\""));
        assert!(asks.add("network", "a.example").unwrap_err().contains("no port"));
        assert!(serde_json::from_str::<Policy>(r#"{"networks": []}"#).is_err());
    }
}
