//! Files ↔ signals: pictures, sounds, volumes and videos, one source file per family of formats, recognised by
//! content.
//!
//! ```text
//! bytes → sniff → picture | png | tiff | exr | pfm | array | nrrd | nifti | netcdf | wav | video → Reading (Signal, notes)
//! Signal → output → PNG, JPEG, TIFF, WebP, BMP, PNM, EXR, WAV, NPY, NRRD, NIfTI, NetCDF, Y4M
//! ```
//!
//! Samples keep the width of their source if signals support it, pixels are stored upright, alpha is
//! straight, and metadata are kept. Losses are reported in notes. This module does not depend on networks.

mod alpha;
mod array;
mod blocks;
mod choice;
mod exr;
mod gif;
mod netcdf;
mod nifti;
mod notes;
mod npy;
mod nrrd;
mod numbers;
mod open;
mod orientation;
mod output;
mod pfm;
mod picture;
mod png;
mod pnm;
mod positioned;
mod raw;
mod resolution;
mod slices;
mod sniff;
mod spool;
mod steps;
mod stored;
mod streams;
mod tiff;
mod video;
mod wav;

pub use choice::Choice;
pub use notes::{ASSUMED_RATE, Reading, SourceReading};
pub use npy::{NpyReader, read_npy, write_npy, write_npy_header};
pub use open::{is_array_path, open_source};
pub use output::{EXTENSIONS, OutputFormat, write};
pub use slices::{Part, Slice};
pub use sniff::{is_readable, is_siren, kind};
pub use video::{
    ASSUMED_FRAME_RATE, Film, Frames, existing_picture, is_video_name, is_video_path, is_video_stream,
    open_video, open_video_source, read_video, read_video_from, read_video_source_from, read_video_stream,
    write_film, write_video, write_y4m,
};

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::signal::source::whole;
use crate::signal::{Description, Signal};
use sniff::Found;
use std::io::{BufRead, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use streams::Input;

/// Reads a picture, a sound or a video from memory; like [`read_from`], but without the notes.
///
/// # Errors
/// The errors of [`read_from`].
///
/// # Examples
/// ```
/// use sirenc::{Limits, media};
///
/// # fn main() -> sirenc::Result<()> {
/// let file = include_bytes!("../../fixtures/media/chirp-16.wav");
/// let signal = media::read(file, &Limits::default())?;
/// let (channels, seconds) = (signal.description.channels, signal.description.seconds());
/// assert_eq!((signal.samples.len(), channels, seconds), (16_000, 1, Some(1.0)));
/// # Ok(())
/// # }
/// ```
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Signal> {
    read_from(Cursor::new(bytes), limits).map(|reading| reading.signal)
}

/// Reads a picture (PNG, JPEG, TIFF, WebP, BMP, PNM, PFM, GIF, OpenEXR), a sound (WAV), an array of either
/// (NPY), a volume or a field (NRRD, NIfTI, classic NetCDF) or a video (Y4M); the content decides which. Of an animation the first
/// frame is read, as a picture: [`read_video_from`] reads all.
///
/// Pictures have 1 to 4 channels (grey, grey + alpha, RGB, RGBA) of 8 or 16 bits or binary32. Palettes and
/// samples of 1, 2 and 4 bits are expanded to 8 bits; signed and wider integers and other floats become
/// binary32 in their own units. If there are several pages or frames, the first is read. Colours that are
/// multiplied by their alpha are divided by it. The orientation of the file is applied to the pixels and set
/// to 1 in the Exif block.
///
/// The pages of a TIFF are a volume or a field where [`read_chosen`] names axes, such as `zyx`, `tyx` or `tzyx`: they have
/// the same size, channels and format. What ImageJ's description and the resolution tell about slices, frames and
/// distances becomes [`Coordinates`](crate::signal::Coordinates).
///
/// Sounds have 1 to 8 channels of 8, 16, 24 or 32 bits or binary32. An array of one axis is a sound, of two
/// axes a sound (samples, channels) if the second is at most 8 and else a grey picture, of three axes a picture
/// (height, width, channels) if the last is at most 4 and else a volume, of four axes a volume with at most 4
/// channels; [`read_array`] takes names for others.
///
/// NRRD (versions 1 to 5; raw, gzip, text and hex) and NIfTI (versions 1 and 2, also as `.nii.gz`) have 1 to 4
/// axes and 1 to 64 channels; their samples are in the same file. Integers of 8 and 16 bits and signed ones of
/// 32 bits are kept if such signals have them, other numbers become binary32. An axis of channels becomes the
/// fastest; axes of NIfTI that have a length of 1 at the end are dropped, and its slope and intercept are
/// applied. Names, units and spacings become [`Coordinates`](crate::signal::Coordinates), and the header of
/// NIfTI is kept.
///
/// NetCDF (versions 1, 2 and 5) has a variable that is neither coordinates nor their edges; [`read_chosen`] names
/// others. Its dimensions are axes of space or time where CF's conventions say so (`units`, `axis`, `positive`,
/// `standard_name`, usual names), and those of one sample are left out. Times have no rate. `scale_factor`
/// and `add_offset` are applied; samples that are `_FillValue` or `missing_value` become NaN in binary32. Integers
/// without these attributes are kept as those of NRRD are.
///
/// Videos have luma alone (grey) or chroma at every, every second or every fourth pixel, which is interpolated
/// linearly; 8 bits give `U8`, more `U16`. Colours become RGB by BT.601 up to 576 lines and by BT.709 above.
///
/// [`Reading::notes`] reports everything that is left out, rounded or assumed, including metadata beyond
/// `metadata_bytes`.
///
/// Memory is budgeted from the announced size, which over-estimates the use of some decoders: twice the
/// samples in general; for TIFF three times plus the stored samples; for JPEG 16 bytes per pixel, also of the
/// largest strip or tile of a TIFF that holds JPEGs; for WebP 12 bytes per pixel (20 if animated) plus up to
/// 17 MiB (lossy) or 512 times the file size, at most 1 GiB (lossless); for a video the samples plus 48 bytes
/// per pixel of one frame. Up to 512 KiB for tables of a decoder
/// are not counted.
///
/// # Errors
/// [`Error::Format`] if the file is empty, truncated or malformed, has no samples, or holds an infinite sample;
/// [`Error::Unsupported`] if the format or its variant is not supported; [`Error::Limit`], before anything is
/// allocated, if the file is larger than `memory_bytes`, has more than `samples` samples or needs more than
/// `memory_bytes`; [`Error::Io`] if reading fails.
///
/// # Examples
/// ```no_run
/// use sirenc::{Limits, media};
/// use std::io::BufReader;
///
/// # fn main() -> sirenc::Result<()> {
/// let file = BufReader::new(std::fs::File::open("photo.jpg")?);
/// let reading = media::read_from(file, &Limits::default())?;
/// for note in &reading.notes {
///     eprintln!("{note}");
/// }
/// println!("{:?}", reading.signal.description);
/// # Ok(())
/// # }
/// ```
pub fn read_from<R: BufRead + Seek>(reader: R, limits: &Limits) -> Result<Reading> {
    read_chosen(reader, &Choice::default(), limits)
}

/// Reads what is chosen of a file: a variable, axes with given names, a part. Like [`read_from`] otherwise.
///
/// # Errors
/// `Parameter` if the file has no such variable, axes or part, or is of a kind that has none, and the errors of
/// [`read_from`].
///
/// # Examples
/// ```
/// use sirenc::media::{self, Choice, Part, Slice};
/// use sirenc::{Limits, signal::Kind};
/// use std::io::Cursor;
///
/// # fn main() -> sirenc::Result<()> {
/// let mut file = vec![];
/// media::write_npy(&mut file, &[5, 2, 3, 4], (0..120u8).map(f32::from))?;
/// let mut choice = Choice::axes("tzyx");
/// choice.slices = vec![Slice { axis: "t".into(), part: Part::At(4) }];
/// let volume = media::read_chosen(Cursor::new(&file), &choice, &Limits::default())?.signal;
/// assert_eq!((volume.description.kind(), volume.description.lengths()), (Kind::Volume, vec![4, 3, 2]));
/// assert_eq!(volume.samples.get(0), 96.0);
/// # Ok(())
/// # }
/// ```
pub fn read_chosen<R: BufRead + Seek>(mut reader: R, choice: &Choice, limits: &Limits) -> Result<Reading> {
    read_part(&mut reader, choice, limits)
}

fn read_part(reader: &mut dyn Input, choice: &Choice, limits: &Limits) -> Result<Reading> {
    let (found, length) = recognise(reader, limits)?;
    choice.admit(found)?;
    let (mut reading, frames) = read_first(reader, found, length, choice, limits)?;
    if frames > 1 {
        let note = format!("only the first of its {frames} frames is read (--video keeps all)");
        reading.notes.push(note);
    }
    Ok(reading)
}

/// The kind of a file, and its length in bytes.
fn recognise(reader: &mut dyn Input, limits: &Limits) -> Result<(Found, u64)> {
    let mut head = Vec::with_capacity(sniff::SNIFFED);
    Read::take(&mut *reader, sniff::SNIFFED as u64).read_to_end(&mut head)?;
    let found = sniff::sniff(&head)?;
    let length = reader.seek(SeekFrom::End(0))?;
    Limits::check("bytes of the input file", length, limits.memory_bytes)?;
    Ok((found, length))
}

/// Reads a file, of an animation the first frame, and the number of frames of an animation; 1 for all others.
fn read_first(
    reader: &mut dyn Input,
    found: Found,
    length: u64,
    choice: &Choice,
    limits: &Limits,
) -> Result<(Reading, u64)> {
    let slices = &choice.slices;
    reader.seek(SeekFrom::Start(0))?;
    let reading = match found {
        Found::Png => return png::read(reader, limits),
        Found::Picture(format) => return picture::read(reader, format, found.name(), limits),
        Found::Wav => wav::read(reader, length, limits),
        Found::Tiff => tiff::read(reader, choice, limits),
        Found::Exr => exr::read(reader, limits),
        Found::Pfm => pfm::read(reader, limits),
        Found::Npy => array::read(reader, length, choice, limits),
        Found::Nrrd => nrrd::read(reader, length, slices, limits),
        Found::NetCdf => netcdf::read(reader, length, choice, limits),
        Found::Nifti { compressed } => nifti::read(reader, length, compressed, slices, limits),
        Found::Y4m => video::read_y4m(reader, length, limits),
        Found::Container(_) => {
            let detail =
                format!("{} was found; it is read by FFmpeg, which needs a file with a name", found.name());
            Err(Error::unsupported("input", detail))
        }
    };
    Ok((reading?, 1))
}

/// Reads an array (NPY) whose axes are named by a letter each, the slowest first: `x`, `y`, `z` are space, `t` is
/// time of an unknown rate, `c` at the end are 1 to 64 channels, other letters are axes of something else. An array
/// has 1 to 4 axes besides its channels.
///
/// # Errors
/// `Parameter` if the names do not fit the array, and the errors of [`read_from`].
///
/// # Examples
/// ```
/// use sirenc::signal::Kind;
/// use sirenc::{Limits, media};
/// use std::io::Cursor;
///
/// # fn main() -> sirenc::Result<()> {
/// let mut file = vec![];
/// media::write_npy(&mut file, &[2, 3, 4], (0..24u8).map(f32::from))?;
/// let volume = media::read_array(Cursor::new(&file), "zyx", &Limits::default())?.signal;
/// assert_eq!((volume.description.kind(), volume.description.lengths()), (Kind::Volume, vec![4, 3, 2]));
/// # Ok(())
/// # }
/// ```
pub fn read_array<R: BufRead + Seek>(mut reader: R, axes: &str, limits: &Limits) -> Result<Reading> {
    read_named(&mut reader, axes, limits)
}

fn read_named(reader: &mut dyn Input, axes: &str, limits: &Limits) -> Result<Reading> {
    let length = reader.seek(SeekFrom::End(0))?;
    Limits::check("bytes of the input file", length, limits.memory_bytes)?;
    reader.seek(SeekFrom::Start(0))?;
    array::read(reader, length, &Choice::axes(axes), limits)
}

/// Rejects a signal without samples or beyond the limits, before its samples are allocated.
fn admit(what: &'static str, description: &Description, limits: &Limits) -> Result<()> {
    admit_count(what, description, limits)?;
    Limits::check("bytes of samples", bytes_of(description), limits.memory_bytes)
}

/// Rejects a signal without samples, or with more than the limits allow.
fn admit_count(what: &'static str, description: &Description, limits: &Limits) -> Result<()> {
    if description.lengths().contains(&0) {
        let size: Vec<_> = description.lengths().iter().map(u32::to_string).collect();
        return Err(Error::format(
            what,
            format!("size {}, but at least 1 along each axis was expected", size.join("×")),
        ));
    }
    let samples = description.positions().saturating_mul(u64::from(description.channels));
    Limits::check("samples", samples, limits.samples)
}

/// Signals whose samples take more than one part in so many of the memory are not held in memory, where they can be
/// read box by box.
const IN_MEMORY: u64 = 4;

/// Whether the samples of a signal are not to be held in memory.
fn is_large(description: &Description, limits: &Limits) -> bool {
    bytes_of(description) > limits.memory_bytes / IN_MEMORY
}

/// The bytes of the samples in memory.
fn bytes_of(description: &Description) -> u64 {
    // 24-bit samples are held in 32 bits.
    let bytes = u64::from(description.format.bits()).div_ceil(8).next_power_of_two();
    description.positions().saturating_mul(u64::from(description.channels)).saturating_mul(bytes)
}

/// Rejects a signal if `times` its samples plus `held` bytes exceed the memory limit.
fn require_samples_fit(description: &Description, times: u64, held: u64, limits: &Limits) -> Result<()> {
    let needed = bytes_of(description).saturating_mul(times).saturating_add(held);
    Limits::check("bytes of memory for decoding", needed, limits.memory_bytes)
}

/// Rejects infinite samples, which cannot be fitted; returns a note if samples are missing, which are NaN.
fn require_finite(what: &'static str, values: &[f32], description: &Description) -> Result<Option<String>> {
    require_finite_in(what, values, description.channels, &whole(description))?;
    let missing = values.iter().filter(|v| v.is_nan()).count();
    Ok((missing > 0).then(|| format!("{missing} of {} samples are missing", values.len())))
}

/// Rejects infinite samples among those of a box of a signal.
fn require_finite_in(what: &'static str, values: &[f32], channels: u8, region: &[Range<u32>]) -> Result<()> {
    let Some(index) = values.iter().position(|v| v.is_infinite()) else { return Ok(()) };
    let channels = usize::from(channels);
    let (mut position, channel) = (index / channels, index % channels);
    let place = region.iter().map(|range| {
        let along = range.start as usize + position % range.len();
        position /= range.len();
        along.to_string()
    });
    let place = place.collect::<Vec<_>>().join(", ");
    let at = match region.len() {
        1 => format!("sample {place}"),
        2 => format!("pixel ({place})"),
        _ => format!("sample ({place})"),
    };
    Err(Error::format(
        what,
        format!(
            "{at}, channel {channel} is {}, but a finite value was expected, or NaN if it is missing",
            values[index]
        ),
    ))
}
