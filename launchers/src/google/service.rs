//! A service of Google and the log of its project, as one kind of infrastructure asks them.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::credentials::{GoogleTokens, Reference};
use super::{permissions, refusal};
use crate::rest::{Call, Failure, Rest, Tokens};
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// A service, the log, and what of both is allowed.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) rest: Rest,
    pub(crate) log: Rest,
    /// What has the permissions that a launcher needs.
    role_file: &'static str,
}

impl Service {
    /// The service at `endpoint`, asked with the `credentials` that are meant.
    ///
    /// # Errors
    /// When credentials or addresses are none.
    pub(crate) fn new(
        (endpoint, logging_endpoint): (&str, &str),
        credentials: &str,
        surroundings: &Surroundings,
        role_file: &'static str,
    ) -> Result<Self, Error> {
        let reference: Reference = credentials.parse().map_err(|why: String| {
            Error::caused(ErrorKind::BadInput, "could not use the job's credentials", why)
        })?;
        let tokens: Arc<dyn Tokens> = Arc::new(GoogleTokens::new(reference, surroundings)?);
        let log = Rest::new(logging_endpoint, Arc::clone(&tokens))?;
        Ok(Self { rest: Rest::new(endpoint, tokens)?, log, role_file })
    }

    /// Looks whether whoever asks has these permissions, by the Resource Manager at `endpoint`, or else at Google's own;
    /// and says what was found.
    ///
    /// # Errors
    /// When some are missing, or the address is none.
    pub(crate) async fn check_permissions(
        &self,
        endpoint: Option<&str>,
        project: &str,
        needed: &[&str],
    ) -> Result<String, Error> {
        let manager = self.rest.at(endpoint.unwrap_or(permissions::ENDPOINT))?;
        permissions::check(&manager, project, needed, self.role_file).await
    }

    /// The error of an attempt to do `what`.
    pub(crate) fn failed(&self, what: &str, failure: Failure) -> Error {
        failure.error(what, self.rest.base(), |refusal| refusal::hint(refusal, self.role_file))
    }

    /// What is at `path`. `None`: nothing of this name.
    ///
    /// # Errors
    /// When the service cannot be asked.
    pub(crate) async fn found<T: DeserializeOwned>(
        &self,
        what: &str,
        path: String,
    ) -> Result<Option<T>, Error> {
        match self.rest.read(&Call::get(path)).await {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(self.failed(what, failure)),
        }
    }
}

/// Whether a call whose answer was lost may have done what it was to do.
pub(crate) fn is_unknown(failure: &Failure) -> bool {
    match failure {
        Failure::Refused(refusal) => refusal.status >= 500,
        Failure::Broken { .. } | Failure::Malformed(_) => true,
        Failure::Token(_) => false,
    }
}

/// Whether something is refused for the state that it is in: it runs still, or has ended already.
pub(crate) fn is_precondition(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(refusal) if refusal.status == 400 && refusal.word == "FAILED_PRECONDITION")
}
