//! NIfTI: volumes of the brain, also as series in time, in one file, plain or compressed by gzip.
//!
//! A binary header, possibly extensions, and the samples, x fastest. The header is kept as metadata. Reference:
//! R. Cox et al., *NIfTI-1 Data Format*, and its version 2, nifti.nimh.nih.gov.

mod header;
#[cfg(test)]
mod tests;
mod write;

pub(super) use write::{accepts, write};

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::blocks::{Blocks, most};
use crate::media::notes::Reading;
use crate::media::numbers::{NONE_MISSING, Numbers, Type, describe, require_bytes};
use crate::media::picture::from_io;
use crate::media::slices::{Slice, Taken, taken};
use crate::media::steps;
use crate::media::stored::{InSignal, Stored, StoredAxis};
use crate::signal::{AxisCoordinates, Coordinates, Label, Measure, MetadataKind, Positions};
use flate2::bufread::MultiGzDecoder;
use header::Header;
use std::io::{BufRead, Read, Seek, copy, sink};

const NIFTI: &str = "NIfTI";
/// The longest header, that of version 2.
const LONGEST: usize = 540;
/// The names of the axes; u is that of channels.
const NAMES: [&str; 7] = ["x", "y", "z", "t", "u", "v", "w"];
/// Codes of units of space and of time, and their names.
const SPACE: [(i64, &str); 3] = [(1, "m"), (2, "mm"), (3, "um")];
const TIME: [(i64, &str); 6] = [(8, "s"), (16, "ms"), (24, "us"), (32, "Hz"), (40, "ppm"), (48, "rad/s")];

/// Whether a file that begins with `head` is NIfTI.
pub(super) fn is_nifti(head: &[u8]) -> bool {
    Header::layout(head).is_some()
}

/// Whether a gzip file that begins with `head` holds NIfTI.
pub(super) fn is_compressed(head: &[u8]) -> bool {
    let mut start = vec![];
    // The end of `head` is not that of the stream: what could be decompressed counts.
    let _ = MultiGzDecoder::new(head).take(LONGEST as u64).read_to_end(&mut start);
    is_nifti(&start)
}

/// Reads a signal, or a part of it, from a file of `length` bytes.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn read<R: BufRead + Seek>(
    mut reader: R,
    length: u64,
    compressed: bool,
    slices: &[Slice],
    limits: &Limits,
) -> Result<Reading> {
    if !compressed {
        return open(&mut reader, length, slices, limits)?.read(reader, length, limits);
    }
    let (stored, stream) = open_compressed(reader, length, slices, limits)?;
    stored.read_stream(stream, limits)
}

/// Reads what precedes the samples of a compressed file of `length` bytes; the stream that is left begins with them.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn open_compressed<R: BufRead>(
    reader: R,
    length: u64,
    slices: &[Slice],
    limits: &Limits,
) -> Result<(Stored, MultiGzDecoder<R>)> {
    let mut stream = MultiGzDecoder::new(reader);
    // Deflate cannot exceed this ratio.
    let stored = open(&mut stream, length.saturating_mul(1032), slices, limits)?;
    Ok((stored, stream))
}

/// Reads what precedes the samples of a file, which can hold at most `present` bytes.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn open(
    source: &mut impl Read,
    present: u64,
    slices: &[Slice],
    limits: &Limits,
) -> Result<Stored> {
    let mut notes = vec![];
    let (header, start) = read_header(source, present, limits, &mut notes)?;
    let lengths = header.lengths()?;
    let named: Vec<_> =
        NAMES.into_iter().zip(&lengths).map(|(name, &length)| (vec![name.into()], length)).collect();
    let parts = taken(slices, &named)?;
    let (axes, channels) = axes(&header, &parts)?;
    let (kind, colours) = datatype(header.datatype())?;
    if colours > 1 && channels > 1 {
        return Err(Error::unsupported(
            NIFTI,
            format!("vectors of {channels} colours, but one was expected"),
        ));
    }
    let numbers = Numbers {
        kind,
        big: header.big,
        scaling: header.scaling().filter(|_| colours == 1),
        missing: NONE_MISSING,
    };
    let measured: Vec<_> = axes.iter().map(|axis| (axis.length, axis.measure)).collect();
    let description = describe(NIFTI, &measured, channels * colours, &numbers, limits)?;
    let mut stored = vec![StoredAxis { length: colours, part: 0..colours, becomes: InSignal::Channels }];
    stored.extend(lengths.iter().zip(&parts).enumerate().map(|(n, (&length, part))| StoredAxis {
        length,
        part: part.range.clone(),
        becomes: match axes.iter().position(|axis| axis.number == n) {
            Some(axis) => InSignal::Axis(axis),
            None if n == 4 && colours == 1 => InSignal::Channels,
            None => InSignal::Nothing,
        },
    }));
    let needed = numbers.bytes_of(stored.iter().map(|axis| axis.length));
    require_bytes(NIFTI, needed, present.saturating_sub(start))?;

    let coordinates = Coordinates {
        axes: axes.into_iter().map(|axis| axis.coordinates).collect(),
        channels: vec![Label::default(); description.channels.into()],
    };
    let mut blocks = Blocks::new(limits);
    let block = coordinates.to_metadata(&description).map(|block| block.bytes);
    blocks.add(MetadataKind::Coordinates, block, &mut notes);
    // The header does not say where a slice of space and time is.
    let whole = parts.iter().take(4).all(|part| part.kept);
    match whole {
        true => blocks.add(MetadataKind::Nifti, Some(header.bytes), &mut notes),
        false => notes.push("its header, which does not say where a slice is, is not kept".into()),
    }
    let metadata = blocks.into();
    Ok(Stored {
        what: NIFTI,
        start,
        numbers,
        axes: stored,
        description,
        metadata,
        notes,
        rate_assumed: false,
    })
}

/// Reads what precedes the samples; returns it and the place of the samples. `present` is the most bytes that
/// the file can hold.
fn read_header(
    source: &mut impl Read,
    present: u64,
    limits: &Limits,
    notes: &mut Vec<String>,
) -> Result<(Header, u64)> {
    let fault = |error| from_io(error, NIFTI);
    let mut bytes = vec![0; 348];
    source.read_exact(&mut bytes).map_err(fault)?;
    let unlike = || Error::format(NIFTI, "no header of version 1 or 2 at the beginning");
    let (layout, ..) = Header::layout(&bytes).ok_or_else(unlike)?;
    let more = layout.bytes - bytes.len();
    bytes.resize(layout.bytes, 0);
    source.read_exact(&mut bytes[layout.bytes - more..]).map_err(fault)?;
    let mut header = Header::new(bytes).ok_or_else(unlike)?;
    if header.pair {
        let detail =
            "a header whose samples are in another file (.hdr and .img), but one .nii file was expected";
        return Err(Error::unsupported(NIFTI, detail));
    }
    let start = header.start()?;
    let between = start - header.bytes.len() as u64;
    require_bytes(NIFTI, between, present.saturating_sub(header.bytes.len() as u64))?;
    let kept = if start <= most(limits) { between } else { 0 };
    let read = source.by_ref().take(kept).read_to_end(&mut header.bytes).map_err(fault)? as u64;
    let skipped = copy(&mut source.by_ref().take(between - kept), &mut sink()).map_err(fault)?;
    if read + skipped < between {
        return Err(fault(std::io::ErrorKind::UnexpectedEof.into()));
    }
    if skipped > 0 {
        notes.push(format!("{between} bytes of extensions are too many and are not kept"));
    }
    Ok((header, start))
}

/// An axis: its number in the file, its length, what it measures, and where its samples are.
struct Known {
    number: usize,
    length: u64,
    measure: Measure,
    coordinates: AxisCoordinates,
}

/// The axes, without those of length 1 at the end of space, without a time of length 1 and without those that `parts`
/// leave out, and the number of channels.
fn axes(header: &Header, parts: &[Taken]) -> Result<(Vec<Known>, u64)> {
    let lengths: Vec<_> = parts.iter().map(Taken::count).collect();
    if let Some(length) = lengths.iter().skip(5).find(|&&length| length > 1) {
        let detail = format!(
            "an axis of {length} samples beyond the fifth, but 1 was expected; --slice takes a part of it"
        );
        return Err(Error::unsupported(NIFTI, detail));
    }
    let of = |n: usize| lengths.get(n).copied().unwrap_or(1);
    let series = of(3) > 1;
    let space = (0..3).rev().find(|&n| of(n) > 1).map_or(usize::from(!series), |last| last + 1);
    let (unit_of_space, unit_of_time) = header.units();
    let name = |names: &[(i64, &'static str)], code| {
        names.iter().find(|&&(own, _)| own == code).map_or("", |&(_, name)| name)
    };
    let axis = |n: usize| {
        let unit = if n < 3 { name(&SPACE, unit_of_space) } else { name(&TIME, unit_of_time) };
        let spacing = Some(header.step(n + 1)).filter(|&step| step > 0.0);
        let measure = match (n, unit) {
            (0..3, _) => Measure::Space,
            (_, "Hz" | "ppm" | "rad/s") => Measure::Other,
            _ => steps::time(spacing, unit),
        };
        let positions =
            spacing.map_or(Positions::None, |spacing| Positions::Uniform { origin: 0.0, spacing });
        let positions = parts.get(n).map_or(positions.clone(), |part| positions.part(&part.range));
        let coordinates = AxisCoordinates { label: Label::new(NAMES[n], unit), positions };
        Known { number: n, length: of(n), measure, coordinates }
    };
    let kept = |n: &usize| parts.get(*n).is_none_or(|part| part.kept);
    let axes = (0..space).chain(series.then_some(3)).filter(kept).map(axis).collect();
    Ok((axes, of(4)))
}

/// The type of the numbers and the number of colours of a data type.
fn datatype(code: i64) -> Result<(Type, u64)> {
    let kind = match code {
        2 => Type::U8,
        4 => Type::I16,
        8 => Type::I32,
        16 => Type::F32,
        64 => Type::F64,
        128 => return Ok((Type::U8, 3)),
        256 => Type::I8,
        512 => Type::U16,
        768 => Type::U32,
        1024 => Type::I64,
        1280 => Type::U64,
        2304 => return Ok((Type::U8, 4)),
        _ => {
            let name = match code {
                1 => " (bits)",
                32 | 1792 | 2048 => " (complex numbers)",
                1536 => " (binary128)",
                _ => "",
            };
            let detail = format!(
                "data type {code}{name}, but integers of 8 to 64 bits, binary32, binary64, RGB or RGBA were expected"
            );
            return Err(Error::unsupported(NIFTI, detail));
        }
    };
    Ok((kind, 1))
}
