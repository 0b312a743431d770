//! A pool's storage, as a person describes it: what is where, and whose credentials are used.

use serde_json::{Value, json};

use crate::{Error, ErrorKind};

pub use longshore_storage::{ACCOUNT, Credentials, Location, Provider, REGION};

/// Storage as it was asked for. Where something is not given, the provider's own default holds.
#[derive(Debug, Clone, Default)]
pub struct Described {
    /// The bucket or container; the path of a directory.
    pub bucket: String,
    /// What the names of all objects begin with.
    pub prefix: Option<String>,
    /// The address of its API.
    pub endpoint: Option<String>,
    /// The address of its API for runtimes, where that is another one.
    pub runtime_endpoint: Option<String>,
    /// A reference to credentials.
    pub credentials: Option<String>,
    /// Options of its client, by `object_store`'s names.
    pub options: Vec<(String, String)>,
}

impl Described {
    /// The place that is meant.
    ///
    /// # Errors
    /// When something of it is empty, unknown, or a secret.
    pub fn location(self, provider: Provider) -> Result<Location, Error> {
        let Self { bucket, prefix, endpoint, runtime_endpoint, credentials, mut options } = self;
        if prefix.as_ref().is_some_and(|prefix| prefix.trim_matches('/').is_empty()) {
            return Err(empty("prefix"));
        }
        // Nobody means to send a password over such a line: the endpoint is in a test, or on the same machine.
        let is_plain =
            endpoint.iter().chain(&runtime_endpoint).any(|url| url.starts_with("http://"));
        let says_so = options.iter().any(|(name, _)| name.ends_with("allow_http"));
        if is_plain && !says_so {
            options.push(("allow_http".to_owned(), "true".to_owned()));
        }
        let named = [
            (provider.endpoint_option(), endpoint),
            ("runtime_endpoint", runtime_endpoint),
            ("credentials", credentials),
        ];
        for (name, value) in named {
            options.extend(value.map(|value| (name.to_owned(), value)));
        }
        if let Some((name, _)) = options.iter().find(|(_, value)| value.trim().is_empty()) {
            return Err(empty(name));
        }
        Ok(Location::remote(provider, &bucket, prefix.as_deref().unwrap_or_default(), options)?)
    }
}

fn empty(name: &str) -> Error {
    Error::new(ErrorKind::BadInput, format!("the {name} of the storage is empty"))
        .hint("leave it out for the provider's default")
}

/// What there is to say of a place, by name.
pub fn facts(location: &Location) -> Vec<(&'static str, Value)> {
    let provider = location.provider();
    let mut facts = vec![("type", json!(provider.word()))];
    let place = if provider == Provider::Local { "path" } else { provider.bucket_word() };
    facts.push((place, json!(location.bucket())));
    if provider == Provider::Local {
        return facts;
    }
    facts.extend([
        ("prefix", json!(location.prefix())),
        ("credentials", json!(location.credentials().to_string())),
        ("runtime_endpoint", json!(location.runtime_endpoint())),
        ("options", json!(location.options())),
    ]);
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described() -> Described {
        Described { bucket: "b".to_owned(), ..Described::default() }
    }

    #[test]
    fn what_is_described_becomes_one_text() {
        let text =
            |described: Described, provider| described.location(provider).unwrap().to_string();
        assert_eq!(text(described(), Provider::Gcs), "gs://b");
        let all = Described {
            prefix: Some("/runs/".to_owned()),
            endpoint: Some("http://localhost:9000".to_owned()),
            credentials: Some("profile:ci".to_owned()),
            options: vec![("aws_region".to_owned(), "eu".to_owned())],
            ..described()
        };
        assert_eq!(
            text(all, Provider::S3),
            "s3://b/runs?allow_http=true&aws_endpoint=http%3A%2F%2Flocalhost%3A9000&aws_region=eu&credentials=profile%3Aci"
        );
        let default = Described { credentials: Some("default".to_owned()), ..described() };
        assert_eq!(text(default, Provider::Azure), "az://b");
    }

    #[test]
    fn nothing_empty_unknown_or_secret_is_taken() {
        let option = |name: &str, value: &str| Described {
            options: vec![(name.to_owned(), value.to_owned())],
            ..described()
        };
        for (described, why) in [
            (Described::default(), "is not the name of a bucket"),
            (
                Described { prefix: Some(String::new()), ..described() },
                "prefix of the storage is empty",
            ),
            (
                Described { endpoint: Some(" ".to_owned()), ..described() },
                "aws_endpoint of the storage is empty",
            ),
            (
                Described { credentials: Some(String::new()), ..described() },
                "credentials of the storage is empty",
            ),
            (
                Described { credentials: Some("profile:".to_owned()), ..described() },
                "is not a reference",
            ),
            (option("aws_regoin", "x"), "there is no storage option aws_regoin"),
            (option("aws_secret_access_key", "geheim"), "holds a secret"),
        ] {
            let error = described.location(Provider::S3).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn a_place_is_told_without_secrets() {
        let location: Location = "s3://b/p?aws_region=eu&credentials=env:TEAM_".parse().unwrap();
        let told = facts(&location).into_iter().map(|(name, value)| format!("{name}={value}"));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                r#"type="s3""#,
                r#"bucket="b""#,
                r#"prefix="p""#,
                r#"credentials="env:TEAM_""#,
                "runtime_endpoint=null",
                r#"options={"aws_region":"eu"}"#,
            ]
        );
    }
}
