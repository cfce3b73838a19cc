//! Files without a name, which vanish with the process however it ends, until they are linked to one. Linux only, and there
//! not on every file system.

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// A new file in `directory`, with the permissions of any new file; `None` where there is no such thing.
pub fn create(directory: &Path) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    openat(CWD, directory, flags, Mode::from_raw_mode(0o666)).ok().map(|file: OwnedFd| file.into())
}

/// Gives the file a name that no other has.
///
/// # Errors
/// `AlreadyExists`; `NotFound` where `/proc` is missing, by way of which it is found.
pub fn link(file: &File, name: &Path) -> io::Result<()> {
    let place = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, place, CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}
