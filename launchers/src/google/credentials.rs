//! Tokens for Google's APIs, by Google's own library: its default chain, or an explicit reference.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{
    AccessTokenCredentials, Builder, external_account, external_account_authorized_user,
    impersonated, service_account, user_account,
};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::rest::Tokens;
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind, chain};

/// What launchers ask for. What they may do is decided by roles.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// Where there is neither a file nor a metadata server, nobody answers for longer than this.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(20);

/// Where credentials are, never what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Reference {
    /// Application Default Credentials.
    #[default]
    Default,
    /// Google's JSON in a file.
    File(PathBuf),
    /// Google's JSON in an environment variable.
    Variable(String),
    /// None: an API that does not ask who calls.
    Anonymous,
}

impl std::str::FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("default", "") => Ok(Self::Default),
            ("anonymous", "") => Ok(Self::Anonymous),
            ("file", path) if path.starts_with('/') => Ok(Self::File(path.into())),
            ("env", name) if !name.is_empty() => Ok(Self::Variable(name.to_owned())),
            _ => Err(format!(
                "{text:?} is not a reference to credentials; write default, file:/PATH, env:NAME or anonymous"
            )),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File(path) => write!(out, "file:{}", path.display()),
            Self::Variable(name) => write!(out, "env:{name}"),
            Self::Anonymous => out.write_str("anonymous"),
        }
    }
}

impl Reference {
    fn words(&self) -> String {
        match self {
            Self::Default => "Google's default credentials".to_owned(),
            Self::File(path) => format!("the credentials in {}", path.display()),
            Self::Variable(name) => format!("the credentials in the variable {name}"),
            Self::Anonymous => "no credentials".to_owned(),
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Default => {
                "gcloud auth application-default login, or GOOGLE_APPLICATION_CREDENTIALS; or set the job's credentials"
            }
            Self::File(_) | Self::Variable(_) | Self::Anonymous => {
                "it holds the JSON of a service account, a user, or a workload identity, as gcloud writes it"
            }
        }
    }
}

/// Tokens of one reference. Google's library keeps one, and fetches the next before that ends.
pub(crate) struct GoogleTokens {
    reference: Reference,
    /// The JSON, where it is in a variable.
    content: Option<String>,
    current: Mutex<Option<AccessTokenCredentials>>,
}

impl fmt::Debug for GoogleTokens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "GoogleTokens({})", self.reference)
    }
}

impl GoogleTokens {
    /// Tokens of what `reference` means.
    ///
    /// # Errors
    /// When it means a variable that is not set.
    pub(crate) fn new(reference: Reference, surroundings: &Surroundings) -> Result<Self, Error> {
        let content = match &reference {
            Reference::Variable(name) => Some(surroundings.required(name)?.to_owned()),
            Reference::Default | Reference::File(_) | Reference::Anonymous => None,
        };
        Ok(Self { reference, content, current: Mutex::default() })
    }

    fn failed(&self, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        let text = format!("could not get a token with {}", self.reference.words());
        Error::caused(ErrorKind::Infrastructure, text, why).hint(self.reference.hint())
    }

    fn build(&self) -> Result<AccessTokenCredentials, Error> {
        let built = match (&self.reference, &self.content) {
            (Reference::File(path), _) => {
                let content = std::fs::read_to_string(path).map_err(|error| self.failed(error))?;
                self.of_json(&content)?
            }
            (_, Some(content)) => self.of_json(content)?,
            _ => Builder::default().with_scopes([SCOPE]).build_access_token_credentials(),
        };
        built.map_err(|error| self.failed(chain(&error)))
    }

    fn of_json(&self, content: &str) -> Result<Result<AccessTokenCredentials, BuildError>, Error> {
        // The text itself is a secret.
        let json: Value =
            serde_json::from_str(content).map_err(|_| self.failed("it is not JSON"))?;
        let kind = json["type"].as_str().unwrap_or_default().to_owned();
        Ok(match kind.as_str() {
            "service_account" => {
                let scope = service_account::AccessSpecifier::from_scopes([SCOPE]);
                let builder = service_account::Builder::new(json).with_access_specifier(scope);
                builder.build_access_token_credentials()
            }
            "authorized_user" => user_account::Builder::new(json)
                .with_scopes([SCOPE])
                .build_access_token_credentials(),
            "external_account" => external_account::Builder::new(json)
                .with_scopes([SCOPE])
                .build_access_token_credentials(),
            "external_account_authorized_user" => {
                external_account_authorized_user::Builder::new(json)
                    .build_access_token_credentials()
            }
            "impersonated_service_account" => impersonated::Builder::new(json)
                .with_scopes([SCOPE])
                .build_access_token_credentials(),
            _ => return Err(self.failed(format!("{kind:?} is not a type of credentials"))),
        })
    }
}

#[async_trait::async_trait]
impl Tokens for GoogleTokens {
    async fn token(&self) -> Result<Option<String>, Error> {
        if self.reference == Reference::Anonymous {
            return Ok(None);
        }
        longshore_storage::install_tls();
        let credentials = {
            let mut current = self.current.lock().await;
            match &*current {
                Some(credentials) => credentials.clone(),
                None => current.insert(self.build()?).clone(),
            }
        };
        let token = tokio::time::timeout(TOKEN_TIMEOUT, credentials.access_token()).await;
        let token = token
            .map_err(|_| self.failed(format!("no answer within {} s", TOKEN_TIMEOUT.as_secs())))?;
        Ok(Some(token.map_err(|error| self.failed(chain(&error)))?.token))
    }

    async fn renew(&self) {
        *self.current.lock().await = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_and_written_alike() {
        for text in ["default", "file:/etc/key.json", "env:TEAM_KEY", "anonymous"] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
        for text in ["", "file:key.json", "env:", "profile:x"] {
            assert!(text.parse::<Reference>().unwrap_err().contains("write default"), "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_credentials_is_said_without_them() {
        let around: Surroundings = [(
            "KEY".to_owned(),
            r#"{"type": "hush-hush-type", "private_key": "geheim"}"#.to_owned(),
        )]
        .into_iter()
        .collect();
        let of = |text: &str| GoogleTokens::new(text.parse().unwrap(), &around);
        let error = of("env:KEY").unwrap().token().await.unwrap_err();
        let text = chain(&error);
        assert!(text.contains("in the variable KEY: \"hush-hush-type\" is not a type"), "{text}");
        assert!(!text.contains("geheim"), "{text}");
        let error = of("file:/does/not/exist").unwrap().token().await.unwrap_err();
        assert!(chain(&error).contains("the credentials in /does/not/exist"), "{error}");
        assert!(of("env:NONE").unwrap_err().to_string().contains("NONE"));
        assert_eq!(of("anonymous").unwrap().token().await.unwrap(), None);
    }
}
