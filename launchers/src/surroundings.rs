//! The environment variables around the launcher, read once by the program that uses it.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Error, ErrorKind};

/// Environment variables. Their values are not shown by `Debug`: some are secrets.
#[derive(Clone, Default)]
pub struct Surroundings(BTreeMap<String, String>);

impl Surroundings {
    /// The value of a variable that is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a variable that holds a secret for a job.
    ///
    /// # Errors
    /// When it is not set.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Error> {
        self.get(name).ok_or_else(|| {
            let text = format!("the environment variable {name}, which holds a secret, is not set");
            Error::new(ErrorKind::BadInput, text).hint("set it where longshore is started")
        })
    }

    /// All of them.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

impl FromIterator<(String, String)> for Surroundings {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Surroundings").field("variables", &self.0.len()).finish_non_exhaustive()
    }
}
