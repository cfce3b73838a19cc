//! TIFF with the `tiff` crate. The crate is given a patched file in which every picture is grey, so that it
//! returns all samples as stored; their meaning is handled here.
//!
//! Reference: Adobe, *TIFF Revision 6.0*, 1992, and its supplements.

mod colour;
mod directory;
mod jpeg;
mod layout;
mod stack;
mod write;

pub(super) use write::{is_stack, write};

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::blocks::{self, Blocks};
use crate::media::choice::Choice;
use crate::media::notes::Reading;
use crate::media::orientation::make_upright;
use crate::media::picture::{from_io, over_budget};
use crate::media::{admit, alpha, require_finite, require_samples_fit, resolution};
use crate::signal::{Description, MetadataKind, Samples, Signal};
use directory::{Directory, Patched};
use layout::Layout;
use std::io::{BufRead, Read, Seek, SeekFrom};
use tiff::TiffError;
use tiff::decoder::ifd::Value;
use tiff::decoder::{Decoder, DecodingResult, Limits as Budget};
use tiff::tags::Tag;

/// Reads the first page, or all pages as a signal if axes or a part are chosen.
///
/// # Errors
/// The errors of [`read_chosen`](crate::media::read_chosen).
pub(super) fn read<R: BufRead + Seek>(mut reader: R, choice: &Choice, limits: &Limits) -> Result<Reading> {
    let directory = Directory::walk(&mut reader, limits)?;
    if choice.axes.is_some() || !choice.slices.is_empty() {
        return stack::read(reader, &directory, choice, limits);
    }
    page(&mut reader, &directory, directory.notes(), limits)
}

/// Reads the page of a directory.
fn page<R: BufRead + Seek>(
    reader: &mut R,
    directory: &Directory,
    mut notes: Vec<String>,
    limits: &Limits,
) -> Result<Reading> {
    let fault = |error| from_tiff(error, limits);
    let [icc, xmp] = [directory.icc, directory.xmp].map(|place| (place, block(reader, place, limits)));

    let decoder = Decoder::new(Patched::new(reader, directory)?).map_err(fault)?;
    let mut budget = Budget::default();
    let bytes = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
    (budget.decoding_buffer_size, budget.intermediate_buffer_size) = (bytes, bytes);
    let mut decoder = decoder.with_limits(budget);
    let layout = Layout::of(&mut decoder, directory, limits)?;
    layout.add_notes(&mut notes);
    let held = jpeg::require(&mut decoder, limits)?;

    let (width, height) = layout.size;
    let description = Description::picture([width, height], layout.channels(), layout.format);
    admit("TIFF", &description, limits)?;
    let mut stored = DecodingResult::U8(vec![]);
    require_samples_fit(&description, 3, held.saturating_add(layout.stored_bytes()), limits)?;
    let colours = colour::Map::of(&mut decoder, &layout, limits)?;
    let planes = decoder.read_image_to_buffer(&mut stored).map_err(fault)?;
    let samples = layout.samples(stored, &planes, &mut notes)?;
    let mut samples = colours.apply(samples, &layout)?;
    let mut description = description;
    (description.channels, description.format) = (colours.channels(&layout), samples.format());
    if layout.associated {
        let lost = alpha::straighten(&mut samples, usize::from(description.channels));
        notes.extend(alpha::note(lost));
    }

    let mut blocks = Blocks::new(limits);
    for (kind, (place, bytes)) in [(MetadataKind::Icc, icc), (MetadataKind::Xmp, xmp)] {
        match (place, bytes?) {
            (Some(_), Some(bytes)) if kind == MetadataKind::Icc => {
                blocks.profile(Some(bytes), description.channels, &mut notes);
            }
            (Some(_), Some(bytes)) => blocks.add(kind, Some(bytes), &mut notes),
            (Some((_, count)), None) => {
                notes.push(format!("{count} bytes of {kind} are too many and are not kept"));
            }
            (None, _) => {}
        }
    }
    blocks.add(MetadataKind::Resolution, density(&mut decoder), &mut notes);
    let orientation = decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
    let mut signal = Signal { description, samples, metadata: blocks.into() };
    make_upright(&mut signal, orientation.unwrap_or(1));
    if let Samples::F32(values) = &signal.samples {
        notes.extend(require_finite("TIFF", values, &signal.description)?);
    }
    Ok(Reading { notes, ..signal.into() })
}

/// Reads the bytes at a place; `None` if there are too many.
fn block(
    reader: &mut (impl Read + Seek),
    place: Option<(u64, u64)>,
    limits: &Limits,
) -> Result<Option<Vec<u8>>> {
    let Some((at, count)) = place.filter(|&(_, count)| count <= blocks::most(limits)) else {
        return Ok(None);
    };
    let mut bytes = vec![];
    reader.seek(SeekFrom::Start(at))?;
    reader.take(count).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// The resolution, if it carries information.
fn density<R: Read + Seek>(decoder: &mut Decoder<R>) -> Option<Vec<u8>> {
    let mut of = |tag| match decoder.find_tag(tag).ok().flatten()? {
        Value::Rational(n, d) => Some(f64::from(n) / f64::from(d)),
        _ => None,
    };
    let (across, down) = (of(Tag::XResolution)?, of(Tag::YResolution)?);
    // The default unit is the inch.
    let unit = decoder.find_tag_unsigned(Tag::ResolutionUnit).ok().flatten().unwrap_or(2);
    resolution::block(across, down, unit)
}

fn from_tiff(error: TiffError, limits: &Limits) -> Error {
    match error {
        TiffError::IoError(error) => from_io(error, "TIFF"),
        TiffError::LimitsExceeded => over_budget(limits),
        TiffError::UnsupportedError(error) => Error::unsupported("TIFF", error.to_string()),
        other => Error::format("TIFF", other.to_string()),
    }
}
