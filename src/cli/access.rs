//! Who may read a result: nobody who may not read what it replaces, or what it is made from.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::path::Path;

/// What the permissions of a result follow.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// The mask of the process alone, as those of any new file.
    #[default]
    Any,
    /// The mask, and nothing that others may not do with the input: as xz and zstd do.
    AsInput(Metadata),
    /// Those of the file that is replaced.
    AsReplaced(Metadata),
}

impl Access {
    /// For a `result` that is made from `input` and may replace a file.
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
    /// Those of a file that is created under a name.
    pub fn at_first(&self) -> Option<Permissions> {
        use std::os::unix::fs::PermissionsExt;
        Some(Permissions::from_mode(match self {
            // The mask has no part in those that are granted then.
            Access::AsReplaced(_) => 0o600,
            _ => 0o666,
        }))
    }

    /// Gives a new file, which has nothing in it and those of any new file, its own.
    pub fn grant(&self, file: &File) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
        let new = file.metadata()?;
        let (like, mode) = match self {
            Access::Any => return Ok(()),
            // Its owner may write to it.
            Access::AsInput(input) => (input, new.mode() & (input.mode() | 0o200)),
            Access::AsReplaced(old) => {
                if new.gid() != old.gid() {
                    // Where it is allowed; if not, see below.
                    let _ = fchown(file, None, Some(old.gid()));
                }
                (old, old.mode())
            }
        };
        // Another group may do no more than everybody else.
        let theirs = if file.metadata()?.gid() == like.gid() { 0o777 } else { 0o707 | (mode & 0o007) << 3 };
        // Neither setuid nor setgid nor sticky.
        file.set_permissions(Permissions::from_mode(mode & theirs))
    }
}

#[cfg(not(unix))]
impl Access {
    /// As the system has it.
    pub fn at_first(&self) -> Option<Permissions> {
        None
    }
    /// Read-only files stay so.
    pub fn grant(&self, file: &File) -> io::Result<()> {
        match self {
            Access::AsReplaced(old) => file.set_permissions(old.permissions()),
            _ => Ok(()),
        }
    }
}
