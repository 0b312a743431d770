//! Rewrites a file as a whole or not at all, and never what somebody else has written meanwhile.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use crate::{Error, ErrorKind};

/// How often and how long we wait for another longshore that changes a file of the same folder: it takes milliseconds.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Replaces the content of the file at `path` by what `edit` makes of it; of a file that does not exist, of nothing.
///
/// # Errors
/// When `edit` refuses, the file cannot be written, or somebody has changed it meanwhile. It is as it was then.
pub fn rewrite(path: &Path, edit: impl FnOnce(&str) -> Result<String, Error>) -> Result<(), Error> {
    let failed = |error: io::Error| {
        Error::caused(ErrorKind::BadInput, format!("could not write {}", path.display()), error)
    };
    // People keep such files elsewhere, behind a symbolic link: the link stays.
    let target = target(path).map_err(failed)?;
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let _lock = lock(folder)?;
    let before = read(&target).map_err(failed)?;
    let after = edit(before.as_deref().unwrap_or(""))?;
    if before.as_deref() == Some(after.as_str()) {
        return Ok(());
    }
    let permissions =
        before.is_some().then(|| fs::metadata(&target)).transpose().map_err(failed)?;
    let beside = Beside::write(&target, &after, permissions.map(|meta| meta.permissions()));
    let beside = beside.map_err(failed)?;
    if read(&target).map_err(failed)? != before {
        return Err(changed(path));
    }
    match before {
        Some(_) => beside.replace(&target).map_err(failed),
        None => match fs::hard_link(&beside.0, &target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(changed(path)),
            // Not every file system knows links.
            Err(_) => beside.replace(&target).map_err(failed),
            Ok(()) => Ok(()),
        },
    }
}

fn changed(path: &Path) -> Error {
    let text = format!("{} was changed meanwhile, so it is left as it is", path.display());
    Error::new(ErrorKind::BadInput, text).hint("look at it, and try again")
}

fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Ok(target) => Ok(target),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            std::path::absolute(path)
        }
        Err(error) => Err(error),
    }
}

/// `None`: there is no such file.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Keeps other longshores from the files of a folder for as long as it lives. File systems that know no locks have none.
pub(crate) fn lock(folder: &Path) -> Result<Option<File>, Error> {
    let Ok(folder_file) = File::open(folder) else { return Ok(None) };
    for _ in 0..TRIES {
        match flock(&folder_file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(folder_file)),
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(PAUSE),
            Err(_) => return Ok(None),
        }
    }
    let text = format!("another program keeps the files in {} locked", folder.display());
    Err(Error::new(ErrorKind::BadInput, text).hint("try again when it is done"))
}

/// A file beside another one, which is gone when it has not become the other one.
struct Beside(PathBuf);

impl Beside {
    fn write(target: &Path, text: &str, permissions: Option<Permissions>) -> io::Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let path = target.with_file_name(name);
        let mut file = File::options().write(true).create_new(true).open(&path)?;
        let beside = Self(path);
        if let Some(permissions) = permissions {
            file.set_permissions(permissions)?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(beside)
    }

    fn replace(&self, target: &Path) -> io::Result<()> {
        fs::rename(&self.0, target)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        drop(fs::remove_file(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn left(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_made_and_replaced_and_keeps_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/config.toml");
        rewrite(&path, |before| Ok(format!("{before}x"))).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        rewrite(&path, |before| Ok(format!("{before}y"))).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "xy");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(left(path.parent().unwrap()), ["config.toml"]);
    }

    #[test]
    fn what_was_changed_meanwhile_is_left() {
        let folder = tempfile::tempdir().unwrap();
        for before in [None, Some("a")] {
            let path = folder.path().join("f");
            if let Some(text) = before {
                fs::write(&path, text).unwrap();
            }
            let error = rewrite(&path, |_| {
                fs::write(&path, "theirs").unwrap();
                Ok("ours".to_owned())
            });
            assert!(error.unwrap_err().to_string().contains("was changed meanwhile"));
            assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
            assert_eq!(left(folder.path()), ["f"]);
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (link, file) = (folder.path().join("link"), folder.path().join("dotfiles/config"));
        fs::create_dir(file.parent().unwrap()).unwrap();
        fs::write(&file, "a").unwrap();
        symlink(&file, &link).unwrap();
        rewrite(&link, |before| Ok(format!("{before}b"))).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "ab");
    }

    #[test]
    fn a_refused_edit_leaves_everything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let refused = rewrite(&path, |_| Err(Error::new(ErrorKind::BadInput, "no")));
        assert_eq!(refused.unwrap_err().to_string(), "no");
        assert!(left(folder.path()).is_empty());
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = &folder.path().join("f");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| rewrite(path, |before| Ok(format!("{before}x"))).unwrap());
            }
        });
        assert_eq!(fs::read_to_string(path).unwrap(), "xxxxxxxx");
    }
}
