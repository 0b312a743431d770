//! The kinds of infrastructure: the only place that knows them all.

use std::path::Path;
use std::str::FromStr;

use longshore_protocol::target::Target;

use crate::launcher::Launcher;
use crate::process;
use crate::surroundings::Surroundings;

/// A kind of infrastructure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// A process on this machine. The default: it needs nothing.
    #[default]
    Process,
}

impl Kind {
    /// The name in configuration and records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Process => "process",
        }
    }

    /// Whether its jobs get environment variables for their secrets from the launcher rather than from the
    /// infrastructure.
    pub fn hands_on_environment(self) -> bool {
        match self {
            Self::Process => true,
        }
    }

    /// For which processors machine code is made where the pool does not say.
    pub fn target(self) -> Target {
        match self {
            Self::Process => Target::Native,
        }
    }

    /// A launcher of this kind with its default settings; `state_folder` is where it may keep files of its jobs.
    pub fn launcher(self, state_folder: &Path, surroundings: &Surroundings) -> Box<dyn Launcher> {
        match self {
            Self::Process => Box::new(process::ProcessLauncher::new(
                process::Config::new(state_folder),
                surroundings.clone(),
            )),
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "process" => Ok(Self::Process),
            other => {
                Err(format!("{other:?} is not a kind of infrastructure; this version has: process"))
            }
        }
    }
}
