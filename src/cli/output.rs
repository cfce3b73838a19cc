//! Outputs: standard output, a device or pipe, or a file that is replaced atomically.

use super::access::Access;
use super::failure::{Exit, Failure};
use super::terminal;
#[cfg(target_os = "linux")]
use super::tmpfile;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Cursor, IsTerminal, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::NamedTempFile;

/// The path of the current temporary file. Locked while the file is created, renamed or removed.
static TEMPORARY: Mutex<Option<PathBuf>> = Mutex::new(None);

/// A writer that can seek.
pub trait Seekable: Write + Seek {}

impl<W: Write + Seek> Seekable for W {}

/// A checked destination of the result.
#[derive(Clone, Debug)]
pub struct Output {
    /// As the user wrote it.
    path: PathBuf,
    place: Place,
    overwrite: bool,
    access: Access,
    /// The hint given if a file exists that must not be overwritten.
    advice: String,
}

#[derive(Clone, Debug)]
enum Place {
    Stdout,
    /// A device or pipe, written directly.
    Stream,
    /// A file, replaced as a whole; links in `path` are resolved.
    File(PathBuf),
}

impl Output {
    /// Checks that the result of `input` can be written to `path` (`-` is standard output), before the work
    /// begins. An existing file is overwritten if `overwrite`; otherwise it is an error with the hint
    /// `advice`.
    pub fn prepare(path: &Path, input: &Path, overwrite: bool, advice: &str) -> Result<Self, Failure> {
        let place = place(path)?;
        match &place {
            Place::File(file) if fs::canonicalize(input).is_ok_and(|input| input == *file) => {
                return Err(Failure::new(Exit::Usage, path.display(), "the output would replace the input")
                    .hint("use -o to name another file"));
            }
            Place::Stdout if io::stdout().is_terminal() && !overwrite => {
                return Err(Failure::usage("standard output is a terminal, and binary data would garble it")
                    .hint("use -o FILE or a pipe, -f to write to the terminal"));
            }
            Place::File(file) => {
                if !overwrite && file.exists() {
                    return Err(exists(path, advice));
                }
                if !directory(file).exists() {
                    let sentence = format!("the directory {} does not exist", directory(file).display());
                    return Err(Failure::new(Exit::Other, path.display(), sentence));
                }
                probe(file).map_err(|error| Failure::unwritable(path.display(), &error))?;
            }
            _ => {}
        }
        let access = match &place {
            Place::File(file) => Access::of(file, input, overwrite),
            _ => Access::default(),
        };
        Ok(Output { path: path.into(), place, overwrite, access, advice: advice.into() })
    }

    /// Whether writing would replace a file.
    pub fn replaces(&self) -> bool {
        matches!(&self.place, Place::File(file) if self.overwrite && file.exists())
    }

    /// A second output beside this one, `NAME.interrupted.EXTENSION`, for a result that is not what was asked for. `None` if
    /// this is not a file.
    pub fn aside(&self) -> Option<Self> {
        let Place::File(_) = &self.place else { return None };
        let mut extension = OsString::from("interrupted");
        if let Some(own) = self.path.extension() {
            extension.push(".");
            extension.push(own);
        }
        let path = self.path.with_extension(extension);
        Some(Output { place: Place::File(path.clone()), path, ..self.clone() })
    }

    /// The path, as the user wrote it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name for messages.
    pub fn name(&self) -> String {
        match &self.place {
            Place::Stdout => "standard output".into(),
            _ => self.path.display().to_string(),
        }
    }

    /// Writes the result; a file is written as a whole or not at all.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream(|writer| writer.write_all(bytes).map_err(|error| self.fault(&error)))
    }

    /// Writes what `fill` writes, like [`Output::write`], with seeking. For outputs that cannot seek the
    /// bytes are collected in memory first.
    pub fn save(&self, fill: impl FnOnce(&mut dyn Seekable) -> Result<(), Failure>) -> Result<(), Failure> {
        if let Place::File(file) = &self.place {
            return self.replace(file, |draft| {
                let mut writer = BufWriter::new(draft);
                fill(&mut writer)?;
                writer.flush().map_err(|error| self.fault(&error))
            });
        }
        let mut bytes = Cursor::new(vec![]);
        fill(&mut bytes)?;
        self.write(bytes.get_ref())
    }
    /// Whether [`Output::save`] holds the whole file in memory.
    pub fn is_held(&self) -> bool {
        !matches!(self.place, Place::File(_))
    }

    /// Writes what `fill` writes, like [`Output::write`], without seeking.
    pub fn stream(&self, fill: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> Result<(), Failure> {
        let fault = |error: io::Error| self.fault(&error);
        match &self.place {
            Place::Stdout => buffered(io::stdout().lock(), fill, fault),
            Place::Stream => {
                let stream = OpenOptions::new().write(true).open(&self.path).map_err(fault)?;
                buffered(stream, fill, fault)
            }
            Place::File(file) => self.replace(file, |draft| buffered(draft, fill, fault)),
        }
    }

    /// Replaces `file` by what `fill` writes.
    fn replace(
        &self,
        file: &Path,
        fill: impl FnOnce(&mut File) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let fault = |error: io::Error| self.fault(&error);
        let sibling = Sibling::create(file, &self.access, fill, fault)?;
        sibling.rename(file, self.overwrite).map_err(fault)?;
        // Syncing the directory makes the rename durable; not every system supports it.
        if let Ok(directory) = File::open(directory(file)) {
            let _ = directory.sync_all();
        }
        Ok(())
    }

    /// An error of writing, as a failure that names this output.
    pub fn fault(&self, error: &io::Error) -> Failure {
        match (error.kind(), &self.place) {
            (io::ErrorKind::BrokenPipe, Place::Stdout | Place::Stream) => Failure::reader_left(),
            (io::ErrorKind::AlreadyExists, Place::File(_)) => exists(&self.path, &self.advice),
            _ => Failure::unwritable(self.name(), error),
        }
    }
}

/// Calls `fill` with a buffered writer and flushes it.
fn buffered(
    writer: impl Write,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
    fault: impl FnOnce(io::Error) -> Failure,
) -> Result<(), Failure> {
    let mut writer = BufWriter::new(writer);
    fill(&mut writer)?;
    writer.flush().map_err(fault)
}

/// Whether `path` names standard output.
pub fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

/// Prints text to standard output; control characters are escaped if it is a terminal.
pub fn print(text: &str) -> Result<(), Failure> {
    let terminal = io::stdout().is_terminal();
    write_stdout(if terminal { terminal::escaped_lines(text) } else { text.into() }.as_bytes())
}

/// Writes bytes to standard output.
pub fn write_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| stdout_fault(&error))
}

/// An error of writing to standard output, as a failure.
pub fn stdout_fault(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::reader_left(),
        _ => Failure::unwritable("standard output", error),
    }
}

/// Removes the temporary file, if any, and blocks the creation of another one. Call it only just before the
/// process exits.
pub fn abandon() {
    let guard = temporary();
    if let Some(path) = guard.as_ref() {
        // The process is about to exit: an error cannot be handled.
        let _ = fs::remove_file(path);
    }
    std::mem::forget(guard);
}

fn exists(path: &Path, advice: &str) -> Failure {
    Failure::new(Exit::Other, path.display(), "the file already exists").hint(advice)
}

/// The kind of destination that `path` names. Links are followed, so that their target is replaced.
fn place(path: &Path) -> Result<Place, Failure> {
    if is_stdout(path) {
        return Ok(Place::Stdout);
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(Failure::new(
            Exit::Other,
            path.display(),
            "this is a directory, but the name of a file was expected",
        )),
        Ok(found) if !found.is_file() => Ok(Place::Stream),
        Ok(_) => fs::canonicalize(path)
            .map(Place::File)
            .map_err(|error| Failure::unwritable(path.display(), &error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Place::File(follow(path))),
        Err(error) => Err(Failure::unwritable(path.display(), &error)),
    }
}

/// The file that a link to a missing file would create.
fn follow(path: &Path) -> PathBuf {
    const LONGEST_CHAIN: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..LONGEST_CHAIN {
        match fs::read_link(&path) {
            Ok(target) => path = directory(&path).join(target),
            Err(_) => break,
        }
    }
    path
}

/// The directory in which `file` lies.
fn directory(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Fails if [`Output::write`] could not create its temporary file.
fn probe(file: &Path) -> io::Result<()> {
    if file.file_name().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the name of a file was expected"));
    }
    tempfile::tempfile_in(directory(file)).map(drop)
}

/// A temporary file in the directory of the result. [`abandon`] knows its path from its creation until it is
/// renamed.
struct Sibling {
    file: NamedTempFile,
}

impl Sibling {
    /// Writes what `fill` writes to a new sibling and syncs it. Where the system allows it, the file gets its
    /// name only when it is complete, so that a killed process leaves no half-written file.
    fn create(
        result: &Path,
        access: &Access,
        fill: impl FnOnce(&mut File) -> Result<(), Failure>,
        fault: impl Fn(io::Error) -> Failure,
    ) -> Result<Self, Failure> {
        #[cfg(target_os = "linux")]
        if let Some(mut draft) = tmpfile::create(directory(result)) {
            access.grant(&draft).map_err(&fault)?;
            fill(&mut draft)?;
            draft.sync_all().map_err(&fault)?;
            let mut known = temporary();
            let named = builder().make_in(directory(result), |path| {
                tmpfile::link(&draft, path)?;
                draft.try_clone()
            });
            if let Ok(file) = named {
                *known = Some(file.path().to_path_buf());
                return Ok(Sibling { file });
            }
            drop(known);
            // Where an unnamed file cannot be linked to a name, it is copied.
            draft.rewind().map_err(&fault)?;
            let copy = |file: &mut File| io::copy(&mut draft, file).map(drop).map_err(&fault);
            return Self::named(result, access, copy, &fault);
        }
        Self::named(result, access, fill, fault)
    }
    /// Writes what `fill` writes to a new sibling that has a name from the start, and syncs it.
    fn named(
        result: &Path,
        access: &Access,
        fill: impl FnOnce(&mut File) -> Result<(), Failure>,
        fault: impl Fn(io::Error) -> Failure,
    ) -> Result<Self, Failure> {
        let mut builder = builder();
        if let Some(permissions) = access.at_first() {
            builder.permissions(permissions);
        }
        let mut known = temporary();
        let mut file = builder.tempfile_in(directory(result)).map_err(&fault)?;
        *known = Some(file.path().to_path_buf());
        drop(known);
        // Permissions are set while the file is empty.
        access.grant(file.as_file()).map_err(&fault)?;
        fill(file.as_file_mut())?;
        file.as_file().sync_all().map_err(&fault)?;
        Ok(Sibling { file })
    }
    fn rename(self, result: &Path, overwrite: bool) -> io::Result<()> {
        let mut known = temporary();
        let renamed = if overwrite { self.file.persist(result) } else { self.file.persist_noclobber(result) };
        *known = None;
        // Dropping the error removes the file while the lock is still held.
        renamed.map(drop).map_err(|failed| failed.error)
    }
}

/// Builds temporary files named `.sirenc-….tmp`.
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".sirenc-").suffix(".tmp");
    builder
}

fn temporary() -> MutexGuard<'static, Option<PathBuf>> {
    TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_draft_has_its_permissions_before_it_has_content() {
        let room = tempfile::tempdir().unwrap();
        let old = room.path().join("old");
        fs::write(&old, "old").unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o600)).unwrap();
        for (result, overwrite) in [(&old, true), (&room.path().join("new"), false)] {
            let access = Access::of(result, &old, overwrite);
            let fault = |error| panic!("{error}");
            let modes = Mutex::new(vec![]);
            let fill = |draft: &mut File| {
                modes.lock().unwrap().push(draft.metadata().unwrap().permissions().mode() & 0o777);
                Ok(())
            };
            drop(Sibling::create(result, &access, fill, fault).map_err(|_| ()).unwrap());
            drop(Sibling::named(result, &access, fill, fault).map_err(|_| ()).unwrap());
            assert_eq!(modes.into_inner().unwrap(), [0o600, 0o600], "{result:?}");
        }
    }
}
