//! Permissions of a result: nobody may read it who may not read the file it replaces, or the input it is made
//! from.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::path::Path;

/// Where a result takes its permissions from.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// The umask of the process alone, like any new file.
    #[default]
    Any,
    /// The umask, minus whatever others may not do with the input, as in xz and zstd.
    AsInput(Metadata),
    /// The permissions of the file that is replaced.
    AsReplaced(Metadata),
}

impl Access {
    /// The source of permissions for a `result` that is made from `input` and may replace a file.
    pub fn of(result: &Path, input: &Path, overwrite: bool) -> Self {
        match (fs::metadata(result), fs::metadata(input)) {
            (Ok(old), _) if overwrite => Access::AsReplaced(old),
            (_, Ok(input)) if input.is_file() => Access::AsInput(input),
            _ => Access::Any,
        }
    }
}

#[cfg(unix)]
impl Access {
    /// The permissions with which a named file is created, before [`Access::grant`] sets the final ones.
    pub fn at_first(&self) -> Option<Permissions> {
        use std::os::unix::fs::PermissionsExt;
        Some(Permissions::from_mode(match self {
            // The umask does not limit what `grant` sets; until then the file is private.
            Access::AsReplaced(_) => 0o600,
            _ => 0o666,
        }))
    }

    /// Sets the permissions of a new file, which must still be empty and have default permissions.
    pub fn grant(&self, file: &File) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
        let new = file.metadata()?;
        let (like, mode) = match self {
            Access::Any => return Ok(()),
            // The owner may always write to the result.
            Access::AsInput(input) => (input, new.mode() & (input.mode() | 0o200)),
            Access::AsReplaced(old) => {
                if new.gid() != old.gid() {
                    // Best effort: if the group cannot be changed, its permissions are reduced below.
                    let _ = fchown(file, None, Some(old.gid()));
                }
                (old, old.mode())
            }
        };
        // A group other than the original one gets no more than everybody else.
        let theirs = if file.metadata()?.gid() == like.gid() { 0o777 } else { 0o707 | (mode & 0o007) << 3 };
        // The mask also removes setuid, setgid and sticky.
        file.set_permissions(Permissions::from_mode(mode & theirs))
    }
}

#[cfg(not(unix))]
impl Access {
    /// No permissions are chosen: the system's default applies.
    pub fn at_first(&self) -> Option<Permissions> {
        None
    }
    /// Keeps a replaced file read-only if it was.
    pub fn grant(&self, file: &File) -> io::Result<()> {
        match self {
            Access::AsReplaced(old) => file.set_permissions(old.permissions()),
            _ => Ok(()),
        }
    }
}
