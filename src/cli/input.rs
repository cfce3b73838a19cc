//! Inputs: a file, standard input, or pictures as frames of a video. Kinds of files are recognised by content,
//! never by name.

use super::failure::{Exit, Failure};
use super::notes;
use super::reading::ReadArgs;
use sirenc::media::{Choice, Reading, SourceReading};
use sirenc::signal::{Description, Grid};
use sirenc::{Decoder, Error, Limits, media};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// An open input, not yet read.
#[derive(Debug)]
pub enum Input {
    Stdin,
    File(PathBuf, File),
}

/// The input of a signal, not yet read.
#[derive(Debug)]
pub enum SignalInput {
    /// A file, and the variable of it that is named.
    Plain(Input, Option<String>),
    /// A video that is read from its path: see [`media::is_video_path`].
    Video(PathBuf),
    /// An array that is read from its path, and the variable of it that is named: see [`media::is_array_path`].
    Array(PathBuf, Option<String>),
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
        Ok(Content { name, bytes: std::mem::take(bytes), place: None, variable: None })
    }
}

impl SignalInput {
    /// Opens `path`; `-` is standard input, and `FILE.nc:VARIABLE` a variable of a file.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        match !is_stdin(path) && media::is_video_path(path) {
            true => Ok(SignalInput::Video(path.into())),
            false => {
                let (file, variable) = split(path);
                let input = Input::open(&file)?;
                match !is_stdin(path) && media::is_array_path(&file) {
                    true => Ok(SignalInput::Array(file, variable)),
                    false => Ok(SignalInput::Plain(input, variable)),
                }
            }
        }
    }
    /// Reads the input to its end, but not a video or an array, which [`Content::source`] reads.
    pub fn read(self, limits: &Limits) -> Result<Content, Failure> {
        match self {
            SignalInput::Plain(Input::Stdin, _) => {
                let stream = media::is_video_stream(&mut io::stdin().lock());
                if stream.map_err(|error| Failure::media(Input::Stdin.name(), error))? {
                    return Ok(Content::at(Input::Stdin.name(), Place::Stream));
                }
                Input::Stdin.read(limits)
            }
            SignalInput::Plain(input, variable) => Ok(input.read(limits)?.of_variable(variable)),
            SignalInput::Array(path, variable) => {
                let content = Content::at(path.display().to_string(), Place::Array(path));
                Ok(content.of_variable(variable))
            }
            SignalInput::Video(path) => Ok(Content::at(path.display().to_string(), Place::Video(path))),
        }
    }
}

/// The bytes of an input.
#[derive(Debug)]
pub struct Content {
    /// The name for messages.
    pub name: String,
    pub bytes: Vec<u8>,
    /// Where the signal is, if there are no bytes.
    place: Option<Place>,
    /// The variable to read of a file that holds several.
    variable: Option<String>,
}

/// Where a signal is read from, box by box.
#[derive(Debug)]
enum Place {
    Video(PathBuf),
    Array(PathBuf),
    /// A video on standard input.
    Stream,
}

impl Content {
    fn at(name: String, place: Place) -> Self {
        Content { name, bytes: vec![], place: Some(place), variable: None }
    }
    fn of_variable(mut self, variable: Option<String>) -> Self {
        if let Some(variable) = &variable {
            self.name = format!("{}:{variable}", self.name);
        }
        Content { variable, ..self }
    }
    /// Reads `path` to its end; `-` is standard input.
    pub fn read(path: &Path, limits: &Limits) -> Result<Self, Failure> {
        Input::open(path)?.read(limits)
    }
    /// Whether this is a video or an array that is read box by box, if memory is to be short.
    pub fn is_in_place(&self) -> bool {
        self.place.is_some()
    }
    /// Opens the content as a signal that is read box by box, and prints its notes.
    pub fn source(&self, limits: &Limits, read: &ReadArgs, quiet: bool) -> Result<SourceReading, Failure> {
        let bytes = io::Cursor::new(&self.bytes);
        let mut choice = read.choice();
        choice.variable = self.variable.clone();
        let reading = match &self.place {
            Some(Place::Array(path)) => media::open_source(path, &choice, limits),
            Some(_) if choice != Choice::default() => {
                let sentence = "this is a video, but --axes and --slice are for arrays and volumes";
                return Err(Failure::new(Exit::Usage, &self.name, sentence));
            }
            Some(Place::Video(path)) => media::open_video_source(path, read.rate(), limits),
            Some(Place::Stream) => {
                media::read_video_stream(BufReader::new(io::stdin().lock()), read.rate(), limits)
            }
            None if read.all_frames() && choice == Choice::default() => {
                media::read_video_source_from(bytes, read.rate(), limits)
            }
            None => media::read_chosen(bytes, &choice, limits).map(Reading::into),
        };
        let mut reading = reading.map_err(|error| match error {
            error @ Error::Parameter { .. } => Failure::work(&self.name, error),
            error => Failure::media(&self.name, error),
        })?;
        if let (Some(_), Some(rate)) = (read.axes(), read.rate()) {
            reading = reading.set_rate(rate);
        }
        read.admit(&self.name, reading.source.description())?;
        notes::print(&self.name, &reading.notes, quiet);
        Ok(reading)
    }
    /// Reads `path` like [`Content::read`], or finds a video or an array there.
    pub fn read_signal(path: &Path, limits: &Limits) -> Result<Self, Failure> {
        SignalInput::open(path)?.read(limits)
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

/// The file and the variable of `FILE.nc:VARIABLE`, unless a file has this name as a whole.
pub fn split(path: &Path) -> (PathBuf, Option<String>) {
    let parts = path.to_str().and_then(|text| text.rsplit_once(':'));
    let is_variable = |(file, variable): &(&str, &str)| {
        let extension = Path::new(file).extension().unwrap_or_default();
        let named = ["nc", "cdf"].iter().any(|known| extension.eq_ignore_ascii_case(known));
        let possible = !variable.is_empty() && !variable.contains(['/', '\\']);
        possible && (named || Path::new(file).is_file()) && !path.exists()
    };
    match parts.filter(is_variable) {
        Some((file, variable)) => (file.into(), Some(variable.into())),
        None => (path.into(), None),
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
