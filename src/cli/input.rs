//! Inputs: a file or standard input. Kinds of files are recognised by content, never by name.

use super::failure::{Exit, Failure};
use super::notes;
use sirenc::media::Reading;
use sirenc::signal::{Description, Grid};
use sirenc::{Decoder, Error, Limits, media};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// An open input, not yet read.
#[derive(Debug)]
pub enum Input {
    Stdin,
    File(PathBuf, File),
}

impl Input {
    /// Opens `path`; `-` is standard input.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        if is_stdin(path) {
            return Ok(Input::Stdin);
        }
        let unreadable = |error| Failure::unreadable(path.display(), &error);
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(Failure::new(
                Exit::Input,
                path.display(),
                "this is a directory, but a file was expected",
            ));
        }
        Ok(Input::File(path.into(), file))
    }
    /// The name for messages.
    pub fn name(&self) -> String {
        match self {
            Input::Stdin => "standard input".into(),
            Input::File(path, _) => path.display().to_string(),
        }
    }
    /// Reads the input to its end.
    pub fn read(self, limits: &Limits) -> Result<Content, Failure> {
        let name = self.name();
        let (bytes, allowed) = (&mut vec![], limits.memory_bytes);
        let read = match self {
            Input::Stdin => io::stdin().lock().take(allowed.saturating_add(1)).read_to_end(bytes),
            Input::File(_, file) => file.take(allowed.saturating_add(1)).read_to_end(bytes),
        };
        let needed = read.map_err(|error| Failure::unreadable(&name, &error))? as u64;
        if needed > allowed {
            let error = sirenc::Error::Limit { what: "bytes of input", needed, allowed };
            return Err(Failure::work(name, error));
        }
        Ok(Content { name, bytes: std::mem::take(bytes) })
    }
}

/// The bytes of an input.
#[derive(Debug)]
pub struct Content {
    /// The name for messages.
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Content {
    /// Reads `path` to its end; `-` is standard input.
    pub fn read(path: &Path, limits: &Limits) -> Result<Self, Failure> {
        Input::open(path)?.read(limits)
    }
    /// Reads the content as a signal, and prints its notes. `axes` names the axes of an array.
    pub fn signal(&self, axes: Option<&str>, limits: &Limits, quiet: bool) -> Result<Reading, Failure> {
        let reader = io::Cursor::new(&self.bytes);
        let reading = match axes {
            None => media::read_from(reader, limits).map_err(|error| Failure::media(&self.name, error))?,
            Some(axes) if media::kind(&self.bytes) == Some("NPY") => media::read_array(reader, axes, limits)
                .map_err(|error| match error {
                    error @ Error::Parameter { .. } => Failure::work(&self.name, error),
                    error => Failure::media(&self.name, error),
                })?,
            Some(_) => {
                let sentence = "--axes names the axes of an array (NPY), but this is none";
                return Err(Failure::new(Exit::Usage, &self.name, sentence));
            }
        };
        notes::print(&self.name, &reading.notes, quiet);
        Ok(reading)
    }
    /// Opens the content as a `.siren` file.
    pub fn decoder(&self, limits: &Limits) -> Result<Decoder, Failure> {
        self.decoder_for(limits, |_| Ok(None))
    }
    /// Opens the content as a `.siren` file of which what a grid needs is enough.
    pub fn decoder_for(
        &self,
        limits: &Limits,
        grid: impl FnOnce(&Description) -> sirenc::Result<Option<Grid>>,
    ) -> Result<Decoder, Failure> {
        if let Some(kind) = media::kind(&self.bytes) {
            let found = format!("this is {kind}, but a .siren file was expected");
            return Err(Failure::new(Exit::Input, &self.name, found).hint("`sirenc encode` creates one"));
        }
        Decoder::for_grid(&self.bytes, limits, grid).map_err(|error| Failure::siren(&self.name, error))
    }
}

/// Whether `path` has the name of a `.siren` file.
pub fn is_siren_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("siren"))
}

/// Whether `path` names standard input.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
