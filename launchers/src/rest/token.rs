//! Who asks: tokens, and where they come from.

use std::fmt;

use crate::Error;

/// Gives tokens. Keeps one until shortly before its end.
#[async_trait::async_trait]
pub(crate) trait Tokens: fmt::Debug + Send + Sync {
    /// A token that is good now. `None`: this API is asked without one.
    ///
    /// # Errors
    /// When there are no credentials, or they are not accepted.
    async fn token(&self) -> Result<Option<String>, Error>;

    /// The server did not accept the token: the next one is a new one.
    async fn renew(&self);
}
