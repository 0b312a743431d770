//! What a process gives up where it starts.

use std::io;
use std::os::fd::RawFd;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

use crate::{Error, ErrorKind};

/// The highest descriptor that is kept: standard error.
const KEPT_MAX: RawFd = 2;

/// Closes what a launcher has left open, and sees to it that this process leaves no core dump and no file that others
/// may write.
///
/// # Safety
/// Nothing in this process may own a descriptor yet, besides standard input, output and error: it would be closed. So
/// it is for the first line of `main`.
///
/// # Errors
/// When the operating system refuses.
#[expect(unsafe_code, reason = "whom a descriptor belongs to, only the caller can know")]
pub unsafe fn begin() -> Result<(), Error> {
    let attempted = |what: &'static str| {
        move |error: io::Error| Error::caused(ErrorKind::NotConfined, what, error)
    };
    // SAFETY: the caller's promise is the same.
    unsafe { close_inherited() }.map_err(attempted("could not close inherited descriptors"))?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .map_err(|error| attempted("could not switch off core dumps")(error.into()))?;
    // Files that a guest has open count together with ours, and we must not run out of descriptors for it.
    let descriptors = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: descriptors.maximum, ..descriptors })
        .map_err(|error| attempted("could not raise the limit on open files")(error.into()))?;
    let others_may_read = umask(Mode::RWXG | Mode::RWXO);
    umask(others_may_read | Mode::WGRP | Mode::WOTH);
    Ok(())
}

/// # Safety
/// Like [`begin`].
#[expect(unsafe_code, reason = "there is no safe way to close what nobody owns")]
unsafe fn close_inherited() -> io::Result<()> {
    let (first, last, flags) = (KEPT_MAX + 1, libc::c_uint::MAX, 0);
    // SAFETY: the call has no pointers, and nobody owns what it closes, as the caller promises.
    if unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) } == 0 {
        return Ok(());
    }
    // Before Linux 5.9, and in containers that do not know the call.
    let open: Vec<RawFd> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > KEPT_MAX) {
        // SAFETY: nobody owns it, as the caller promises. One is that of the listing, and closed already.
        unsafe { libc::close(descriptor) };
    }
    Ok(())
}
