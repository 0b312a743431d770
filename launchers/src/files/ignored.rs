//! What a project never ships: the lists in its `.longshoreignore`.

use std::path::Path;

use ignore::Match;
use ignore::gitignore::Gitignore;

use crate::{Error, ErrorKind};

/// A list of patterns, as of `.gitignore`, in the folder of a flow or in the root of its project.
pub(super) const IGNORE_FILE: &str = ".longshoreignore";
/// What the root of a project has.
const MARKS_OF_A_ROOT: [&str; 2] = [".git", "longshore.toml"];

/// The lists that are about a folder, the nearest one first.
#[derive(Debug)]
pub(super) struct Ignored<'a> {
    folder: &'a Path,
    lists: Vec<Gitignore>,
}

impl<'a> Ignored<'a> {
    /// Reads the lists in `folder` and in the root of its project.
    ///
    /// # Errors
    /// When one cannot be read or understood.
    pub(super) fn above(folder: &'a Path) -> Result<Self, Error> {
        let is_root =
            |folder: &&Path| MARKS_OF_A_ROOT.iter().any(|name| folder.join(name).exists());
        let root = folder.ancestors().find(is_root).filter(|root| *root != folder);
        let files = std::iter::once(folder).chain(root).map(|folder| folder.join(IGNORE_FILE));
        let lists = files.filter(|file| file.exists()).map(|file| match Gitignore::new(&file) {
            (list, None) => Ok(list),
            (_, Some(error)) => {
                let text = format!("could not read {}", file.display());
                Err(Error::caused(ErrorKind::BadInput, text, error))
            }
        });
        Ok(Self { folder, lists: lists.collect::<Result<_, _>>()? })
    }

    /// Whether a file or a folder is not shipped. What is in such a folder is not asked for.
    pub(super) fn ignores(&self, path: &str, is_folder: bool) -> bool {
        let place = self.folder.join(path);
        let decides = self.lists.iter().map(|list| list.matched(&place, is_folder));
        decides
            .into_iter()
            .find(|found| !found.is_none())
            .is_some_and(|found| matches!(found, Match::Ignore(_)))
    }
}
