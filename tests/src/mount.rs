//! File systems that fail on purpose.

use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, mount_remount, unmount,
};

/// A small file system in memory, mounted for one test.
#[derive(Debug)]
pub struct Mount {
    path: PathBuf,
}

impl Mount {
    /// Mounts a file system of `mib` MiB at `path`, which is made.
    ///
    /// # Panics
    /// When mounting is not allowed: these tests need root, as in a container of a CI.
    pub fn new(path: &Path, mib: u32) -> Self {
        std::fs::create_dir_all(path).expect("the mount point can be made");
        let size = std::ffi::CString::new(format!("size={mib}m")).expect("it has no zero byte");
        if let Err(error) = mount("none", path, "tmpfs", MountFlags::empty(), &*size) {
            panic!(
                "this test mounts a file system of its own, which needs root (CAP_SYS_ADMIN): {error}"
            );
        }
        mount_change(path, MountPropagationFlags::PRIVATE).expect("our mount can be made private");
        Self { path: path.to_owned() }
    }

    /// Refuses all writing from now on.
    pub fn make_read_only(&self) {
        mount_remount(&self.path, MountFlags::RDONLY, "").expect("our mount can be remounted");
    }

    /// Fills what is left, but for `kib_left` KiB.
    pub fn fill(&self, kib_left: u64) {
        let stat = rustix::fs::statvfs(&self.path).expect("our mount can be asked about");
        let free = stat.f_bavail * stat.f_frsize;
        let size = usize::try_from(free.saturating_sub(kib_left << 10)).expect("it is small");
        std::fs::write(self.path.join("ballast"), vec![0; size]).expect("it fits");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Detached: a process under test may still be in it, and ends with its test.
        if let Err(error) = unmount(&self.path, UnmountFlags::DETACH) {
            assert!(std::thread::panicking(), "could not unmount {}: {error}", self.path.display());
        }
    }
}
