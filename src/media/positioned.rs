//! Reads a file at any position, from several threads at once.

use std::fs::File;
use std::io;

/// A file that is read at positions.
pub(super) struct Positioned {
    #[cfg(unix)]
    file: File,
    #[cfg(not(unix))]
    file: std::sync::Mutex<File>,
}

impl Positioned {
    pub fn new(file: File) -> Self {
        #[cfg(not(unix))]
        let file = std::sync::Mutex::new(file);
        Positioned { file }
    }

    /// Fills `bytes` from position `at` on.
    #[cfg(unix)]
    pub fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, bytes, at)
    }

    /// Fills `bytes` from position `at` on.
    #[cfg(not(unix))]
    pub fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(bytes)
    }

    #[cfg(unix)]
    pub fn metadata(&self) -> io::Result<std::fs::Metadata> {
        self.file.metadata()
    }

    #[cfg(not(unix))]
    pub fn metadata(&self) -> io::Result<std::fs::Metadata> {
        self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner).metadata()
    }
}
