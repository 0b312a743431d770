//! The files of a run: an archive from the store, laid out in a folder that the guest reads and cannot write.
//!
//! **Invariant:** an archive is read and judged as a whole (`archive.rs`) before the first byte of it is written.

mod archive;

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use longshore_protocol::record::FilesRef;
use rustix::rand::{GetRandomFlags, getrandom};

/// Nobody but this user looks into it.
const FOLDER_MODE: u32 = 0o700;
/// What an entry of a list takes besides its name.
const ENTRY_BYTES: u64 = 128;
/// Not even this user writes it.
const FILE_MODE: u32 = 0o400;

/// A folder of its own below that for temporary files, with the files of one run. It is removed with this value; a
/// process that is killed leaves it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    list_bytes: u64,
}

impl Folder {
    /// Lays out an archive whose digest was verified.
    ///
    /// # Errors
    /// Says why not: the archive is none, is not what `expected` says, or cannot be written here. Nothing is left then.
    pub fn lay_out(archive: &[u8], expected: &FilesRef) -> Result<Self, String> {
        let FilesRef { sha256: _, bytes, count } = expected;
        let files =
            archive::read(archive).map_err(|why| format!("the files are damaged: {why}"))?;
        if (archive.len() as u64, files.len() as u64) != (*bytes, *count) {
            let (has_bytes, has) = (archive.len(), files.len());
            return Err(format!(
                "the files are {has} in {has_bytes} bytes, and the order says {count} in {bytes} bytes"
            ));
        }
        let list_bytes = longest_list_bytes(&files);
        let folder =
            Self::new(list_bytes).map_err(|error| format!("no folder for files: {error}"))?;
        for archive::File { path, content } in files {
            write(&folder.path.join(&path), content)
                .map_err(|error| format!("could not lay out the file {path:?}: {error}"))?;
        }
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the list of the folder with the longest one takes in memory, about.
    pub(crate) fn list_bytes(&self) -> u64 {
        self.list_bytes
    }

    fn new(list_bytes: u64) -> io::Result<Self> {
        let mut random = [0; 8];
        getrandom(&mut random, GetRandomFlags::empty())?;
        let name = format!("longshore-files-{:016x}", u64::from_le_bytes(random));
        let path = std::env::temp_dir().join(name);
        // What is there already was put there by somebody else.
        DirBuilder::new().mode(FOLDER_MODE).create(&path)?;
        Ok(Self { path, list_bytes })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!("could not remove {}: {error}", self.path.display());
        }
    }
}

/// Of files in the order of their paths.
fn longest_list_bytes(files: &[archive::File<'_>]) -> u64 {
    let mut lists: HashMap<&str, u64> = HashMap::new();
    let mut earlier = "";
    for archive::File { path, content: _ } in files {
        let mut start = 0;
        for name in path.split('/') {
            let end = start + name.len();
            let is_known = earlier.strip_prefix(&path[..end]);
            if !is_known.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
                *lists.entry(&path[..start]).or_default() += ENTRY_BYTES + name.len() as u64;
            }
            start = end + 1;
        }
        earlier = path;
    }
    lists.into_values().max().unwrap_or(0)
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().mode(FOLDER_MODE).recursive(true).create(folder)?;
    }
    let mut file: File =
        OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    file.write_all(content)?;
    // The same files look the same to every run.
    file.set_modified(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use longshore_protocol::id::Digest;

    use super::*;

    fn packed(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap()
    }

    fn reference(archive: &[u8], count: u64) -> FilesRef {
        FilesRef { sha256: Digest::of(archive), bytes: archive.len() as u64, count }
    }

    #[test]
    fn a_folder_is_there_for_as_long_as_its_value() {
        let archive = packed(&[("a.txt", "a"), ("b/c/d.txt", "d")]);
        let folder = Folder::lay_out(&archive, &reference(&archive, 2)).unwrap();
        let path = folder.path().to_owned();
        assert_eq!(fs::read_to_string(path.join("b/c/d.txt")).unwrap(), "d");
        let times = fs::metadata(path.join("a.txt")).unwrap().modified().unwrap();
        assert_eq!(times, SystemTime::UNIX_EPOCH);
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn the_longest_list_is_known() {
        for (paths, entries, names) in [
            (&["a", "b", "c/d"][..], 3, 3),
            (&["a/b/c", "a/b/d", "a/bb/c", "a/e"], 3, 4),
            (&["long"], 1, 4),
            (&[], 0, 0),
        ] {
            let files = paths.iter().map(|path| (*path, "")).collect::<Vec<_>>();
            let archive = packed(&files);
            let bytes = longest_list_bytes(&archive::read(&archive).unwrap());
            assert_eq!(bytes, entries * ENTRY_BYTES + names, "{paths:?}");
        }
    }

    #[test]
    fn what_the_order_does_not_say_is_refused() {
        let archive = packed(&[("a.txt", "a")]);
        let error = Folder::lay_out(&archive, &reference(&archive, 2)).unwrap_err();
        assert_eq!(error, "the files are 1 in 2048 bytes, and the order says 2 in 2048 bytes");
        let error = Folder::lay_out(b"no archive", &reference(b"no archive", 0)).unwrap_err();
        assert!(error.starts_with("the files are damaged: "), "{error}");
    }
}
