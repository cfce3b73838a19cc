//! Pictures in numbered files, or in a folder, as the frames of a video.

use super::frames::{Frames, append};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::signal::{Description, Kind, Metadata, Rate, Samples, Signal};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Frames per second of pictures for which no rate is given.
pub const ASSUMED_FRAME_RATE: u32 = 24;

/// The name for messages.
pub(super) const NAME: &str = "sequence of pictures";

/// A name with one number, such as `shot-%04d.png`, as in `printf`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    before: String,
    /// The least digits.
    digits: usize,
    after: String,
}

impl Pattern {
    /// The pattern in the name of `path`: `%d` or `%0Nd`, once; `%%` is a percent sign.
    pub fn of(path: &Path) -> Option<Self> {
        let text = path.to_str()?;
        let (mut parts, mut digits) = (vec![String::new()], 0);
        let mut rest = text;
        while let Some((before, from)) = rest.split_once('%') {
            parts.last_mut()?.push_str(before);
            if let Some(after) = from.strip_prefix('%') {
                parts.last_mut()?.push('%');
                rest = after;
                continue;
            }
            let (width, after) = from.split_once('d')?;
            digits = match width.strip_prefix('0') {
                Some(width) => width.parse().ok().filter(|digits| (1..=20).contains(digits))?,
                None if width.is_empty() => 1,
                None => return None,
            };
            parts.push(String::new());
            rest = after;
        }
        parts.last_mut()?.push_str(rest);
        let [before, after] = parts.try_into().ok()?;
        Some(Pattern { before, digits, after })
    }

    /// The path of the file of a `number`.
    pub fn path(&self, number: u64) -> PathBuf {
        format!("{}{number:0digits$}{}", self.before, self.after, digits = self.digits).into()
    }

    /// The files from the number 0 or 1 to the first gap.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let first = if self.path(0).is_file() { 0 } else { 1 };
        let files: Vec<_> = (first..).map(|n| self.path(n)).take_while(|path| path.is_file()).collect();
        if files.is_empty() {
            let (zero, one) = (self.path(0), self.path(1));
            let detail = format!("neither {} nor {} exists", zero.display(), one.display());
            return Err(Error::Io(std::io::Error::new(std::io::ErrorKind::InvalidInput, detail)));
        }
        Ok(files)
    }
}

/// The pictures of a folder, without hidden ones, in the natural order of their names: 9 before 10.
fn of_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = vec![];
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && !name.starts_with('.') {
            files.push((natural(&name), path));
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Error::format(NAME, format!("{} holds no files", folder.display())));
    }
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// A key that sorts names by their parts: texts, and numbers by their value.
fn natural(name: &str) -> Vec<(String, usize, String)> {
    let mut parts = vec![];
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, from) = rest.split_at(text);
        let number = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (number, after) = from.split_at(number);
        let number = number.trim_start_matches('0');
        // Of two numbers the one with more digits is larger.
        parts.push((text.to_lowercase(), number.len(), number.to_string()));
        rest = after;
    }
    parts
}

/// A sequence that is being read.
pub(super) struct Sequence {
    files: Vec<PathBuf>,
    /// The number of files that have been read.
    read: usize,
    first: Signal,
    rate: Rate,
    notes: Vec<String>,
    limits: Limits,
}

impl Sequence {
    /// Opens a pattern or a folder and reads the first picture.
    ///
    /// # Errors
    /// The errors of [`read_from`](crate::media::read_from), which name the file.
    pub fn open(path: &Path, rate: Option<Rate>, limits: &Limits) -> Result<Self> {
        let files = match Pattern::of(path) {
            Some(pattern) if !path.is_dir() => pattern.files()?,
            _ => of_folder(path)?,
        };
        let mut notes = vec![];
        let first = picture(&files[0], limits, &mut notes)?;
        let assumed = Rate::new(ASSUMED_FRAME_RATE, 1);
        let Some(rate) = rate.or(assumed) else { return Err(Error::format(NAME, "a rate of 0")) };
        Ok(Sequence { files, read: 0, first, rate, notes, limits: limits.clone() })
    }
}

impl Frames for Sequence {
    fn picture(&self) -> &Description {
        &self.first.description
    }
    fn rate(&self) -> Rate {
        self.rate
    }
    fn expected(&self) -> u64 {
        self.files.len() as u64
    }
    fn append(&mut self, frame: &mut Samples) -> Result<bool> {
        let Some(path) = self.files.get(self.read) else { return Ok(false) };
        let next;
        let signal = match self.read {
            0 => &self.first,
            _ => {
                next = picture(path, &self.limits, &mut self.notes)?;
                &next
            }
        };
        let (found, expected) = (&signal.description, &self.first.description);
        if found != expected {
            let detail = format!(
                "{} has {}, but {} of {} was expected",
                path.display(),
                words(found),
                words(expected),
                self.files[0].display()
            );
            return Err(Error::format(NAME, detail));
        }
        if signal.metadata != self.first.metadata {
            let note = "metadata of its first picture are kept, those of others differ".to_string();
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        append(frame, &signal.samples);
        self.read += 1;
        Ok(true)
    }
    fn finish(&mut self) -> (Vec<Metadata>, Vec<String>) {
        (std::mem::take(&mut self.first.metadata), std::mem::take(&mut self.notes))
    }
}

/// The size, channels and format of a picture: `640×480 pixels of 3 channels of U8`.
fn words(description: &Description) -> String {
    let size: Vec<_> = description.lengths().iter().map(u32::to_string).collect();
    format!("{} pixels, {} channels, {:?}", size.join("×"), description.channels, description.format)
}

/// Reads the picture of a file. Of several files with the same note, the first has it.
fn picture(path: &Path, limits: &Limits, notes: &mut Vec<String>) -> Result<Signal> {
    let named = |error| match error {
        Error::Io(error) => {
            Error::Io(std::io::Error::new(error.kind(), format!("{}: {error}", path.display())))
        }
        Error::Format { what, detail } => Error::format(what, format!("{}: {detail}", path.display())),
        Error::Unsupported { what, detail } => {
            Error::unsupported(what, format!("{}: {detail}", path.display()))
        }
        other => other,
    };
    let read = || crate::media::read_from(BufReader::new(File::open(path)?), limits);
    let reading = read().map_err(named)?;
    if reading.signal.description.kind() != Kind::Picture {
        return Err(named(Error::unsupported(NAME, "this is no picture")));
    }
    for note in reading.notes {
        if !notes.iter().any(|known| known.ends_with(&note)) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            notes.push(format!("{name}: {note}"));
        }
    }
    Ok(reading.signal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_one_number() {
        let path = |pattern: &str, number| Pattern::of(Path::new(pattern)).map(|p| p.path(number));
        assert_eq!(path("a/%04d.png", 7), Some("a/0007.png".into()));
        assert_eq!(path("%d", 12345), Some("12345".into()));
        assert_eq!(path("50%%-%02d-x", 3), Some("50%-03-x".into()));
        for pattern in ["a.png", "%4d.png", "%d-%d", "%s", "100%", "%0d", "%099d", "%%"] {
            assert_eq!(Pattern::of(Path::new(pattern)), None, "{pattern}");
        }
    }

    #[test]
    fn numbers_in_names_sort_by_value() {
        let mut names = ["b2", "a10", "a9", "a09.png", "a9-1", "a"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["a", "a9", "a9-1", "a09.png", "a10", "b2"]);
    }
}
