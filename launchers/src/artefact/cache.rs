//! Files that are kept between calls. Only read when this user wrote them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Error, ErrorKind};

/// A folder that belongs to this user alone.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// A cache below `root`, which is made when it is first written.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where the file `name` is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Reads a file. `None`: it is not there, or not this user's own work, and so must not be believed.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let mut file = File::open(self.path(name)).ok()?;
        // The opened file is looked at, not its name: that could be another file a moment later.
        let meta = file.metadata().ok()?;
        let is_ours = meta.is_file() && meta.uid() == current_user() && meta.mode() & 0o022 == 0;
        let mut content = Vec::new();
        (is_ours && file.read_to_end(&mut content).is_ok()).then_some(content)
    }

    /// Writes a file as a whole: readers see the old one or the new one.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        self.replace(name, |unfinished| {
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(unfinished)?;
            file.write_all(content)
        })
    }

    /// Like [`Cache::write`], for a file that `make` produces at the path that it is given.
    ///
    /// # Errors
    /// When the folder cannot be written, or `make` fails.
    pub fn replace(
        &self,
        name: &str,
        make: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), Error> {
        let unfinished = self.unfinished(name)?;
        let done = make(&unfinished).and_then(|()| fs::rename(&unfinished, self.path(name)));
        done.map_err(|error| {
            // It may not have been made at all.
            drop(fs::remove_file(&unfinished));
            self.failed(name, error)
        })
    }

    /// A path beside the file `name` at which it can be prepared.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn unfinished(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.root);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| self.failed(name, error))?;
        // Unique among the processes of this machine, and among the tasks of this one.
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let suffix =
            format!("{}.{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Ok(path.with_file_name(format!(
            "{}.{suffix}",
            path.file_name().unwrap_or_default().to_string_lossy()
        )))
    }

    fn failed(&self, name: &str, error: io::Error) -> Error {
        Error::caused(
            ErrorKind::Runtime,
            format!("could not write {} in the cache {}", name, self.root.display()),
            error,
        )
        .hint("set LONGSHORE_CACHE to a directory that you may write")
    }
}

fn current_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn only_a_file_of_our_own_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("cache"));
        assert_eq!(cache.read("a/b"), None);
        cache.write("a/b", b"x").unwrap();
        assert_eq!(cache.read("a/b").as_deref(), Some(&b"x"[..]));
        assert_eq!(fs::metadata(folder.path().join("cache/a")).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(cache.path("a/b"), fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(cache.read("a/b"), None, "others could have written it");
    }

    #[test]
    fn nothing_half_written_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        cache.write("x", b"old").unwrap();
        cache
            .replace("x", |path| fs::write(path, b"ha").and(Err(io::Error::other("cut off"))))
            .unwrap_err();
        assert_eq!(cache.read("x").as_deref(), Some(&b"old"[..]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "what was prepared is gone");
    }
}
