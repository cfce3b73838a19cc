//! Videos → files: the name decides the format.

use super::sequence::Pattern;
use super::{Film, ffmpeg, gif};
use crate::error::{Error, Result};
use crate::media::output::{OutputFormat, write};
use crate::media::png;
use crate::signal::{Samples, Signal};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Whether [`write_video`] alone knows what a name says: a pattern of pictures, an animation or a container.
pub fn is_video_name(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let known = ["gif", "apng", "png"].contains(&extension.as_str())
        || ffmpeg::CONTAINERS.iter().any(|(container, _)| *container == extension);
    known || Pattern::of(path).is_some()
}

/// The first file that exists of those that a video of `frames` frames would be written to by a pattern of pictures;
/// `None` if `path` is no pattern.
pub fn existing_picture(path: &Path, frames: u32) -> Option<PathBuf> {
    let pattern = Pattern::of(path)?;
    (1..=u64::from(frames)).map(|number| pattern.path(number)).find(|path| path.exists())
}

/// Writes a video to `path`, and tells what the format cannot hold. Existing files are replaced.
///
/// The name decides: a pattern such as `shot-%04d.png` gives one picture for each frame, counted from 1, in a
/// format of [`OutputFormat`]; `.gif` and `.apng` or `.png` an animation; `.mp4`, `.m4v`, `.mov`, `.mkv` and
/// `.webm` are written by `ffmpeg`, with loss; other extensions are those of [`OutputFormat`]. Except for a
/// pattern, the file is written under another name beside `path` and renamed when it is complete.
///
/// # Errors
/// [`Error::Unsupported`] if the signal is no video, the format cannot hold it or `ffmpeg` is needed and
/// missing; [`Error::Format`] if `ffmpeg` fails; [`Error::Io`] if writing fails.
pub fn write_video(signal: &Signal, path: &Path) -> Result<Vec<String>> {
    write_film(&mut Film::of(signal)?, path)
}

/// Writes the frames of a YUV4MPEG2 file as they come. Unbuffered: pass a buffered writer.
///
/// # Errors
/// The errors of [`write_film`].
pub fn write_y4m(film: &mut Film<'_>, writer: impl Write) -> Result<()> {
    OutputFormat::Y4m.accepts(film.description())?;
    super::y4m::write(film, writer)
}

/// Writes a video like [`write_video`], frame by frame as they come; only arrays and volumes (NPY, NRRD, NIfTI) are
/// written as a whole.
///
/// # Errors
/// The errors of [`write_video`] and those of the frames.
pub fn write_film(film: &mut Film<'_>, path: &Path) -> Result<Vec<String>> {
    if let Some(pattern) = Pattern::of(path) {
        let format = OutputFormat::from_extension(path)?;
        return write_pictures(film, &pattern, format);
    }
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let muxer = ffmpeg::CONTAINERS.iter().find(|(known, _)| *known == extension).map(|&(_, muxer)| muxer);
    if let Some(muxer) = muxer {
        return replace(path, |draft| ffmpeg::write(film, muxer, draft));
    }
    let format = match extension.as_str() {
        "gif" => None,
        "apng" => Some(OutputFormat::Png),
        _ => Some(OutputFormat::from_extension(path).map_err(|_| {
            let detail = format!(
                "extension {extension:?}, but one of y4m npy gif apng png mp4 m4v mov mkv webm was expected"
            );
            Error::unsupported("output format", detail)
        })?),
    };
    replace(path, |draft| {
        let mut file = BufWriter::new(File::create(draft)?);
        let notes = match format {
            None => gif::write(film, &mut file)?,
            Some(OutputFormat::Png) => {
                png::write_animation(film, &mut file)?;
                vec![]
            }
            Some(OutputFormat::Y4m) => {
                write_y4m(film, &mut file)?;
                vec![]
            }
            Some(format) => {
                write(&film.whole()?, format, &mut file)?;
                vec![]
            }
        };
        file.flush()?;
        Ok(notes)
    })
}

/// Writes with `fill` to a temporary sibling of `path`, which takes its place.
fn replace(path: &Path, fill: impl FnOnce(&Path) -> Result<Vec<String>>) -> Result<Vec<String>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut draft = tempfile::Builder::new();
    draft.prefix(".sirenc-").suffix(".tmp");
    #[cfg(unix)]
    draft.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let draft = draft.tempfile_in(folder.unwrap_or(Path::new(".")))?.into_temp_path();
    let notes = fill(&draft)?;
    draft.persist(path).map_err(|failed| Error::Io(failed.error))?;
    Ok(notes)
}

/// Writes each frame as a picture.
fn write_pictures(film: &mut Film<'_>, pattern: &Pattern, format: OutputFormat) -> Result<Vec<String>> {
    let (description, metadata) = (film.picture(), film.metadata().to_vec());
    format.accepts(&description)?;
    let mut picture =
        Signal { samples: Samples::with_capacity(description.format, 0), description, metadata };
    for number in 1..=film.description().axes.last().map_or(0, |axis| u64::from(axis.length)) {
        picture.samples = film.frame()?;
        let mut file = BufWriter::new(File::create(pattern.path(number))?);
        write(&picture, format, &mut file)?;
        file.flush()?;
    }
    Ok(vec![])
}
