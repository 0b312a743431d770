//! Settings of the process launcher.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the folders of jobs are kept.
    pub state_folder: PathBuf,
    /// The folder in which the process starts. Default: the job's own.
    pub working_dir: Option<PathBuf>,
    /// The process's environment, all of it: nothing is inherited.
    pub env: BTreeMap<String, String>,
}

impl Config {
    /// The defaults, with jobs kept below `state_folder`.
    pub fn new(state_folder: &Path) -> Self {
        Self { state_folder: state_folder.to_owned(), working_dir: None, env: BTreeMap::new() }
    }
}
