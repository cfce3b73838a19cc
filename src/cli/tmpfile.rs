//! Unnamed temporary files (`O_TMPFILE`): the system removes them when the process ends, unless they are
//! linked to a name. Linux only, and not on every file system.

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// A new unnamed file in `directory`, with default permissions; `None` if the file system does not support
/// it.
pub fn create(directory: &Path) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    openat(CWD, directory, flags, Mode::from_raw_mode(0o666)).ok().map(|file: OwnedFd| file.into())
}

/// Links the file to `name`, which must not exist.
///
/// # Errors
/// `AlreadyExists` if it does; `NotFound` if `/proc`, which gives the path of the unnamed file, is missing.
pub fn link(file: &File, name: &Path) -> io::Result<()> {
    let place = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, place, CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}
