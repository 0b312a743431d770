//! Tokens for Azure Resource Manager, by Azure's own library: a chain like its default one, or an explicit reference.
//!
//! The library reads the process's environment where it is given nothing, so it is given everything: the values of
//! [`Surroundings`], and a [`Transport`] that uses our TLS. What it still reads by itself is `IDENTITY_ENDPOINT` of App
//! Service, and for the Azure CLI the `PATH`, both of which are the same for this process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions};
use azure_identity::{
    AzureCliCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use reqwest::Url;
use tokio::sync::Mutex;

use super::transport::Transport;
use crate::rest::Tokens;
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind, chain, clock};

/// Where tokens are given out, unless `AZURE_AUTHORITY_HOST` says otherwise.
const AUTHORITY: &str = "https://login.microsoftonline.com";
/// Nobody waits longer for a token.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(20);
/// In a chain, a machine that is not in Azure is not waited for: its metadata service answers at once, or there is none.
const METADATA_TIMEOUT: Duration = Duration::from_secs(3);
/// A token is renewed this long before its end, so that it does not end on its way.
const RENEW_BEFORE_S: i64 = 300;
/// The library's own retries, within the time above.
const RETRIES: u32 = 2;

/// Where credentials are, never what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Reference {
    /// Of the others, the first that there is.
    #[default]
    Default,
    /// A service principal in the environment: `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`.
    Environment,
    /// Whoever is logged in to the Azure CLI.
    Cli,
    /// The identity of the machine, or one of several that it has: its client id.
    ManagedIdentity(Option<String>),
    /// A token of Kubernetes, in the file that `AZURE_FEDERATED_TOKEN_FILE` names.
    WorkloadIdentity,
    /// None: an API that does not ask who calls.
    Anonymous,
}

impl std::str::FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("default", "") => Ok(Self::Default),
            ("env", "") => Ok(Self::Environment),
            ("cli", "") => Ok(Self::Cli),
            ("managed-identity", "") if !text.ends_with(':') => Ok(Self::ManagedIdentity(None)),
            ("managed-identity", id) if !id.is_empty() && !id.contains('|') => {
                Ok(Self::ManagedIdentity(Some(id.to_owned())))
            }
            ("workload-identity", "") => Ok(Self::WorkloadIdentity),
            ("anonymous", "") => Ok(Self::Anonymous),
            _ => Err(format!(
                "{text:?} is not a reference to credentials; write default, env, cli, managed-identity, managed-identity:CLIENT_ID, workload-identity or anonymous"
            )),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::Environment => out.write_str("env"),
            Self::Cli => out.write_str("cli"),
            Self::ManagedIdentity(None) => out.write_str("managed-identity"),
            Self::ManagedIdentity(Some(id)) => write!(out, "managed-identity:{id}"),
            Self::WorkloadIdentity => out.write_str("workload-identity"),
            Self::Anonymous => out.write_str("anonymous"),
        }
    }
}

impl Reference {
    fn words(&self) -> &'static str {
        match self {
            Self::Default => "Azure's default credentials",
            Self::Environment => "the service principal in the environment",
            Self::Cli => "the Azure CLI",
            Self::ManagedIdentity(_) => "the machine's managed identity",
            Self::WorkloadIdentity => "the workload identity",
            Self::Anonymous => "no credentials",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Default => {
                "az login, or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; or set the job's credentials"
            }
            Self::Environment => {
                "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET are those of the service principal"
            }
            Self::Cli => "az login, and az account get-access-token shows whether it works",
            Self::ManagedIdentity(_) => {
                "is longshore started on a machine in Azure that has this identity?"
            }
            Self::WorkloadIdentity | Self::Anonymous => {
                "AZURE_FEDERATED_TOKEN_FILE, AZURE_TENANT_ID and AZURE_CLIENT_ID are set by AKS in pods with a workload identity"
            }
        }
    }
}

/// Tokens of one reference.
pub(crate) struct AzureTokens {
    reference: Reference,
    /// What tokens are good for.
    scope: String,
    surroundings: Surroundings,
    current: Mutex<Current>,
}

/// What was found, and its last token: the library keeps none of those of the Azure CLI.
#[derive(Default)]
struct Current {
    credential: Option<Arc<dyn TokenCredential>>,
    token: Option<AccessToken>,
}

impl fmt::Debug for AzureTokens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AzureTokens({}, {})", self.reference, self.scope)
    }
}

impl AzureTokens {
    /// Tokens of what `reference` means, for `scope`.
    pub(crate) fn new(reference: Reference, scope: String, surroundings: &Surroundings) -> Self {
        let surroundings = surroundings.clone();
        Self { reference, scope, surroundings, current: Mutex::default() }
    }

    fn failed(&self, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        let text = format!("could not get a token with {}", self.reference.words());
        Error::caused(ErrorKind::Infrastructure, text, why).hint(self.reference.hint())
    }

    /// Which credentials are tried, one after another.
    fn candidates(&self) -> Vec<Reference> {
        if self.reference != Reference::Default {
            return vec![self.reference.clone()];
        }
        let is_set = |name: &str| self.surroundings.get(name).is_some_and(|it| !it.is_empty());
        // What is set is meant: where it does not work, nothing else is tried instead.
        if is_set("AZURE_CLIENT_SECRET") {
            return vec![Reference::Environment];
        }
        if is_set("AZURE_FEDERATED_TOKEN_FILE") {
            return vec![Reference::WorkloadIdentity];
        }
        let client = self.surroundings.get("AZURE_CLIENT_ID").map(str::to_owned);
        vec![Reference::ManagedIdentity(client), Reference::Cli]
    }

    fn variable(&self, name: &str) -> Result<String, String> {
        let found = self.surroundings.get(name).filter(|value| !value.is_empty());
        found.map(str::to_owned).ok_or_else(|| format!("{name} is not set"))
    }

    fn build(&self, reference: &Reference) -> Result<Arc<dyn TokenCredential>, String> {
        let credential: Result<Arc<dyn TokenCredential>, azure_core::Error> = match reference {
            Reference::Environment => {
                let (tenant, client) =
                    (self.variable("AZURE_TENANT_ID")?, self.variable("AZURE_CLIENT_ID")?);
                let secret = Secret::new(self.variable("AZURE_CLIENT_SECRET")?);
                let options = ClientSecretCredentialOptions { client_options: self.options()? };
                ClientSecretCredential::new(&tenant, client, secret, Some(options))
                    .map(|it| it as _)
            }
            Reference::WorkloadIdentity => {
                let credential_options =
                    ClientAssertionCredentialOptions { client_options: self.options()? };
                let options = WorkloadIdentityCredentialOptions {
                    credential_options,
                    client_id: Some(self.variable("AZURE_CLIENT_ID")?),
                    tenant_id: Some(self.variable("AZURE_TENANT_ID")?),
                    token_file_path: Some(self.variable("AZURE_FEDERATED_TOKEN_FILE")?.into()),
                };
                WorkloadIdentityCredential::new(Some(options)).map(|it| it as _)
            }
            Reference::ManagedIdentity(client) => {
                let options = ManagedIdentityCredentialOptions {
                    user_assigned_id: client.clone().map(UserAssignedId::ClientId),
                    client_options: self.options()?,
                };
                ManagedIdentityCredential::new(Some(options)).map(|it| it as _)
            }
            Reference::Cli => AzureCliCredential::new(None).map(|it| it as _),
            Reference::Default | Reference::Anonymous => {
                return Err("there is nothing to ask".to_owned());
            }
        };
        credential.map_err(|error| chain(&error))
    }

    /// How the library is to ask.
    fn options(&self) -> Result<ClientOptions, String> {
        let url = |name: &str, text: &str| {
            Url::parse(text).map_err(|error| format!("{name}={text:?}: {error}"))
        };
        let authority = self.surroundings.get("AZURE_AUTHORITY_HOST").unwrap_or(AUTHORITY);
        let mut authority = url("AZURE_AUTHORITY_HOST", authority)?;
        // The library insists on https. What does not leave this machine may do without.
        let plain = (authority.scheme() == "http").then(|| authority.clone());
        if plain.is_some() && !longshore_storage::is_loopback(authority.as_str()) {
            return Err(format!("AZURE_AUTHORITY_HOST={authority} does not begin with https://"));
        }
        if plain.is_some() && authority.set_scheme("https").is_err() {
            return Err(format!("AZURE_AUTHORITY_HOST={authority} is not the address of a server"));
        }
        // Where Azure's other libraries find it as well.
        let name = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
        let metadata = self.surroundings.get(name).map(|text| url(name, text)).transpose()?;
        let transport = Transport::new(plain, metadata).map_err(|error| chain(&error))?;
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = authority.to_string();
        let retry = ExponentialRetryOptions { max_retries: RETRIES, ..Default::default() };
        Ok(ClientOptions {
            cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
            retry: RetryOptions::exponential(retry),
            transport: Some(azure_core::http::Transport::new(Arc::new(transport))),
            ..ClientOptions::default()
        })
    }

    /// A token of the first credentials that have one.
    async fn find(&self) -> Result<(Arc<dyn TokenCredential>, AccessToken), Error> {
        let candidates = self.candidates();
        let is_chain = candidates.len() > 1;
        let mut refused = Vec::new();
        for candidate in candidates {
            let asked = async {
                let credential = self.build(&candidate)?;
                let token = credential.get_token(&[&self.scope], None).await;
                token.map(|token| (credential, token)).map_err(|error| brief(&error))
            };
            let is_probed = is_chain && matches!(candidate, Reference::ManagedIdentity(_));
            let patience = if is_probed { METADATA_TIMEOUT } else { TOKEN_TIMEOUT };
            let why = match tokio::time::timeout(patience, asked).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(why)) => why,
                Err(_) => format!("no answer within {} s", patience.as_secs()),
            };
            let name = if is_chain { format!("{}: ", candidate.words()) } else { String::new() };
            refused.push(format!("{name}{why}"));
        }
        Err(self.failed(refused.join("; ")))
    }
}

/// The first line of what the library says: others lead to its documentation.
fn brief(error: &azure_core::Error) -> String {
    let text = chain(error);
    text.lines().next().unwrap_or_default().trim().to_owned()
}

fn is_good(token: &AccessToken) -> bool {
    token.expires_on.unix_timestamp() > clock::now().as_second() + RENEW_BEFORE_S
}

#[async_trait::async_trait]
impl Tokens for AzureTokens {
    async fn token(&self) -> Result<Option<String>, Error> {
        if self.reference == Reference::Anonymous {
            return Ok(None);
        }
        // Held while it is asked: one question is enough for all that wait.
        let mut current = self.current.lock().await;
        if let Some(token) = current.token.as_ref().filter(|token| is_good(token)) {
            return Ok(Some(token.token.secret().to_owned()));
        }
        let known = match &current.credential {
            Some(credential) => {
                let scopes = [self.scope.as_str()];
                let asked = credential.get_token(&scopes, None);
                let token = tokio::time::timeout(TOKEN_TIMEOUT, asked).await;
                token.ok().and_then(Result::ok).map(|token| (Arc::clone(credential), token))
            }
            None => None,
        };
        let (credential, token) = match known {
            Some(known) => known,
            None => self.find().await?,
        };
        let secret = token.token.secret().to_owned();
        *current = Current { credential: Some(credential), token: Some(token) };
        Ok(Some(secret))
    }

    async fn renew(&self) {
        // The credential with it: it keeps the token as well.
        *self.current.lock().await = Current::default();
    }
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
