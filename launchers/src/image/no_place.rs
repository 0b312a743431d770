//! Images in a container engine, for a build that has no client for one.

use super::{Found, RuntimeImage};
use crate::Error;
use crate::kind::Kind;
use crate::launcher::Tell;
use crate::left_out;
use crate::surroundings::Surroundings;

/// The images of one container engine: there is none.
#[derive(Debug)]
pub enum Images {}

impl Images {
    /// Those of the engine at `host`, or of a context of the docker client, or of the engine that the client would take.
    ///
    /// # Errors
    /// Always: this build has no client for engines.
    pub fn new(
        _host: Option<&str>,
        _context: Option<&str>,
        _surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        Err(left_out::error(Kind::Docker.word()))
    }

    /// Puts an image that is made here into the engine.
    ///
    /// # Errors
    /// Never, as there is no engine.
    pub async fn load(&self, _image: &RuntimeImage, _tell: &Tell<'_>) -> Result<(), Error> {
        match *self {}
    }

    /// What the engine has under this name.
    ///
    /// # Errors
    /// Never, as there is no engine.
    pub async fn find(&self, _reference: &str) -> Result<Option<Found>, Error> {
        match *self {}
    }
}
