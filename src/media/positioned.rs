//! Reads a file at any position, from several threads at once.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::time::SystemTime;

/// The length of a file and the time of its last change.
pub(super) type State = (u64, Option<SystemTime>);

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
    pub fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.reader(at).read_exact(bytes)
    }

    /// A reader from position `at` on.
    pub fn reader(&self, at: u64) -> Reader<'_> {
        Reader { file: self, at }
    }

    /// Reads some bytes at position `at`.
    #[cfg(unix)]
    fn read_some(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, bytes, at)
    }

    /// Reads some bytes at position `at`.
    #[cfg(not(unix))]
    fn read_some(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(SeekFrom::Start(at))?;
        file.read(bytes)
    }

    /// What tells whether the file was changed.
    pub fn state(&self) -> io::Result<State> {
        #[cfg(unix)]
        let file = &self.file;
        #[cfg(not(unix))]
        let file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let metadata = file.metadata()?;
        Ok((metadata.len(), metadata.modified().ok()))
    }
}

/// A reader of a file from a position on.
pub(super) struct Reader<'a> {
    file: &'a Positioned,
    at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_some(bytes, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(distance) => self.at.checked_add_signed(distance),
            SeekFrom::End(distance) => self.file.state()?.0.checked_add_signed(distance),
        };
        self.at = at.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
