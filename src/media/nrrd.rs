//! NRRD: arrays of any number of axes with their meaning, as volumes of microscopes and scanners are shared.
//!
//! A header of text, an empty line, and the samples, the first axis fastest, possibly compressed. An axis of
//! channels can be anywhere. Reference: G. Kindlmann, *Definition of NRRD File Format*, teem.sourceforge.net.

mod axes;
mod encoding;
mod header;
mod write;

pub(super) use write::write;

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::blocks::Blocks;
use crate::media::notes::Reading;
use crate::media::numbers::{NONE_MISSING, Numbers, Type, describe, require_bytes};
use crate::media::slices::Slice;
use crate::media::stored::Stored;
use crate::signal::{Description, MetadataKind};
use axes::Axes;
use flate2::bufread::MultiGzDecoder;
use header::Header;
use std::io::{BufRead, Read, Seek};

const NRRD: &str = "NRRD";

/// The fields that are read, and those that tell nothing that the others do not.
const KNOWN: [&str; 24] = [
    "type",
    "dimension",
    "sizes",
    "encoding",
    "endian",
    "kinds",
    "labels",
    "units",
    "spacings",
    "axismins",
    "centers",
    "centerings",
    "spacedimension",
    "spacedirections",
    "spaceorigin",
    "spaceunits",
    "sampleunits",
    "byteskip",
    "lineskip",
    "datafile",
    "blocksize",
    "min",
    "max",
    "number",
];

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Encoding {
    Raw,
    Gzip,
    Text,
    Hex,
}

/// Reads a signal, or a part of it, from a file of `length` bytes.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn read<R: BufRead + Seek>(
    mut reader: R,
    length: u64,
    slices: &[Slice],
    limits: &Limits,
) -> Result<Reading> {
    let (stored, encoding) = open(&mut reader, length, slices, limits)?;
    match encoding {
        Encoding::Raw => stored.read(reader, length, limits),
        encoding => {
            let stream = encoding.stream(reader, stored.numbers.kind);
            stored.read_stream(stream, limits)
        }
    }
}

impl Encoding {
    /// The plain numbers of type `kind` that a reader of encoded ones holds.
    pub fn stream<'a>(self, reader: impl BufRead + 'a, kind: Type) -> Box<dyn Read + 'a> {
        match self {
            Encoding::Raw => Box::new(reader),
            Encoding::Gzip => Box::new(MultiGzDecoder::new(reader)),
            Encoding::Text => Box::new(encoding::Text::new(reader, kind)),
            Encoding::Hex => Box::new(encoding::Hex(reader)),
        }
    }
}

/// Reads the header of a file of `length` bytes.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn open<R: BufRead + Seek>(
    reader: &mut R,
    length: u64,
    slices: &[Slice],
    limits: &Limits,
) -> Result<(Stored, Encoding)> {
    let header = Header::read(reader)?;
    require_attached(&header)?;
    let (kind, encoding) = (kind(header.require("type")?)?, encoding(header.require("encoding")?)?);
    let mut notes = vec![];
    let mut axes = Axes::of(&header, &mut notes)?;
    let stored = axes.cut(slices)?;
    let big = match header.get("endian").map(str::to_ascii_lowercase).as_deref() {
        Some("big") => encoding != Encoding::Text,
        Some("little") => false,
        None if kind.bytes() == 1 || encoding == Encoding::Text => false,
        other => {
            let detail =
                format!("endian is {:?}, but little or big was expected", other.unwrap_or("missing"));
            return Err(Error::format(NRRD, detail));
        }
    };
    let numbers = Numbers { kind, big, scaling: None, missing: NONE_MISSING };
    let description = describe(NRRD, &axes.samples, axes.channels, &numbers, limits)?;
    let start = reader.stream_position()?;
    let left = length.saturating_sub(start);
    let needed = numbers.bytes_of(stored.iter().map(|axis| axis.length));
    // At least one digit and what separates it from the next; the ratio that Deflate cannot exceed.
    match encoding {
        Encoding::Raw => require_bytes(NRRD, needed, left)?,
        Encoding::Gzip => require_bytes(NRRD, needed, left.saturating_mul(1032))?,
        Encoding::Text => require_bytes(NRRD, (needed / kind.bytes() as u64).saturating_mul(2) - 1, left)?,
        Encoding::Hex => require_bytes(NRRD, needed.saturating_mul(2), left)?,
    }
    let coordinates = axes.coordinates(&description);
    notes.extend(note_on_alpha(&description, axes.channel_kind.as_deref()));
    notes.extend(note_on_fields(&header));
    let mut blocks = Blocks::new(limits);
    if !coordinates.is_empty() {
        let block = coordinates.to_metadata(&description).map(|block| block.bytes);
        blocks.add(MetadataKind::Coordinates, block, &mut notes);
    }
    let metadata = blocks.into();
    Ok((
        Stored {
            what: NRRD,
            start,
            numbers,
            axes: stored,
            description,
            metadata,
            notes,
            rate_assumed: false,
        },
        encoding,
    ))
}

/// Rejects files whose samples are elsewhere.
fn require_attached(header: &Header) -> Result<()> {
    if let Some(file) = header.get("datafile") {
        let detail =
            format!("its samples are in other files ({file:?}), but samples after the header were expected");
        return Err(Error::unsupported(NRRD, detail));
    }
    for field in ["byteskip", "lineskip"] {
        match header.get(field) {
            None | Some("0") => {}
            Some(skip) => {
                let detail = format!("{field} is {skip:?}, but samples right after the header were expected");
                return Err(Error::unsupported(NRRD, detail));
            }
        }
    }
    Ok(())
}

fn kind(name: &str) -> Result<Type> {
    Ok(match name {
        "signed char" | "int8" | "int8_t" => Type::I8,
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => Type::U8,
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => Type::I16,
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Type::U16,
        "int" | "signed int" | "int32" | "int32_t" => Type::I32,
        "uint" | "unsigned int" | "uint32" | "uint32_t" => Type::U32,
        "longlong"
        | "long long"
        | "long long int"
        | "signed long long"
        | "signed long long int"
        | "int64"
        | "int64_t" => Type::I64,
        "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => Type::U64,
        "float" => Type::F32,
        "double" => Type::F64,
        _ => {
            let detail =
                format!("type {name:?}, but int8 to int64, uint8 to uint64, float or double was expected");
            return Err(Error::unsupported(NRRD, detail));
        }
    })
}

fn encoding(name: &str) -> Result<Encoding> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "raw" => Encoding::Raw,
        "gz" | "gzip" => Encoding::Gzip,
        "txt" | "text" | "ascii" => Encoding::Text,
        "hex" => Encoding::Hex,
        _ => {
            let detail = format!("encoding {name:?}, but raw, gzip, text or hex was expected");
            return Err(Error::unsupported(NRRD, detail));
        }
    })
}

/// A note that the last channel is read as alpha, unless the file says so.
fn note_on_alpha(description: &Description, kind: Option<&str>) -> Option<String> {
    let colours = if description.channels == 2 { "grey" } else { "RGB" };
    (description.has_alpha() && kind != Some("rgba-color"))
        .then(|| format!("its {} channels are read as {colours} and alpha", description.channels))
}

/// A note on what the header says beyond what is kept.
fn note_on_fields(header: &Header) -> Option<String> {
    let mut left: Vec<_> =
        header.others(&KNOWN).into_iter().map(str::escape_debug).map(|f| f.to_string()).collect();
    if header.pairs > 0 {
        left.push(format!("{} pairs of keys and values", header.pairs));
    }
    (!left.is_empty()).then(|| {
        format!("of its header {} not kept: {}", if left.len() == 1 { "is" } else { "are" }, left.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::slices::Part;
    use crate::signal::{
        AxisCoordinates, Coordinates, Kind, Label, Measure, Positions, Rate, SampleFormat, Samples,
    };
    use std::io::Cursor;

    /// Reads a file of these lines after the magic, and these bytes.
    fn file(lines: &str, bytes: &[u8]) -> Result<Reading> {
        part(lines, bytes, &[])
    }
    fn part(lines: &str, bytes: &[u8], slices: &[Slice]) -> Result<Reading> {
        let file = [format!("NRRD0004\n{lines}\n\n").as_bytes(), bytes].concat();
        let length = file.len() as u64;
        read(Cursor::new(file), length, slices, &Limits::default())
    }
    fn outline(reading: &Reading) -> (Kind, Vec<u32>, u8, SampleFormat) {
        let d = &reading.signal.description;
        (d.kind(), d.lengths(), d.channels, d.format)
    }
    fn coordinates(reading: &Reading) -> Coordinates {
        Coordinates::of(&reading.signal.metadata, &reading.signal.description).unwrap()
    }
    fn known(name: &str, unit: &str, origin: f64, spacing: f64) -> AxisCoordinates {
        AxisCoordinates { label: Label::new(name, unit), positions: Positions::Uniform { origin, spacing } }
    }

    #[test]
    fn kinds_tell_axes_and_channels() {
        let plain =
            file("type: uchar\ndimension: 3\nsizes: 1 2 3\nencoding: raw", &[0, 1, 2, 3, 4, 5]).unwrap();
        assert_eq!(outline(&plain), (Kind::Volume, vec![1, 2, 3], 1, SampleFormat::U8));
        assert_eq!((plain.notes.len(), plain.signal.metadata.len()), (0, 0));
        assert_eq!(plain.signal.samples, Samples::U8((0..6).collect()));
        // The axis of channels is the last: it becomes the fastest.
        let lines = "type: short\ndimension: 3\nsizes: 3 1 2\nencoding: raw\nendian: big\nkinds: domain domain vector";
        let last = file(lines, &[0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6]).unwrap();
        assert_eq!(outline(&last), (Kind::Picture, vec![3, 1], 2, SampleFormat::F32));
        assert_eq!(last.signal.samples, Samples::F32(vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
        assert_eq!(last.notes, ["its 2 channels are read as grey and alpha"]);
        let lines = "type: int8\ndimension: 4\nsizes: 2 1 1 2\nencoding: raw\nkinds: list space space list";
        let lists = file(lines, &[1, 2, 3, 4]).unwrap();
        assert_eq!(outline(&lists), (Kind::Field, vec![1, 1, 2], 2, SampleFormat::I8));
        assert_eq!(lists.signal.description.axes[2].measure, Measure::Other);
    }

    #[test]
    fn time_has_a_rate_if_its_spacing_has_a_unit() {
        let lines = "type: uchar\ndimension: 3\nsizes: 1 1 2\nencoding: raw\nkinds: space space time\nspacings: nan nan 40";
        let video = file(&format!("{lines}\nunits: \"\" \"\" \"ms\""), &[0, 1]).unwrap();
        assert_eq!((outline(&video).0, video.signal.description.rate()), (Kind::Video, Rate::new(25, 1)));
        assert_eq!(coordinates(&video).axes[2], known("", "ms", 0.0, 40.0));
        let unknown = file(lines, &[0, 1]).unwrap();
        assert_eq!(outline(&unknown).0, Kind::Field);
        // One sample each second needs no coordinates.
        let plain = file(&format!("{lines}\nunits: \"\" \"\" \"s\"").replace("40", "1"), &[0, 1]).unwrap();
        assert_eq!((outline(&plain).0, plain.signal.metadata.len()), (Kind::Video, 0));
    }

    #[test]
    fn spacings_units_and_labels_become_coordinates() {
        let lines = "type: float\ndimension: 3\nsizes: 1 1 1\nencoding: raw\nendian: little\ncenters: cell node ???\n\
            spacings: 2 0.5 nan\naxis mins: 10 10 nan\nlabels: \"x\" \"y\" \"z\"\nunits: \"mm\" \"mm\" \"\"\nsample units: \"K\"";
        let found = coordinates(&file(lines, &[0; 4]).unwrap());
        let unknown = AxisCoordinates { label: Label::new("z", ""), positions: Positions::None };
        assert_eq!(found.axes, [known("x", "mm", 11.0, 2.0), known("y", "mm", 10.0, 0.5), unknown]);
        assert_eq!(found.channels, [Label::new("", "K")]);
    }

    #[test]
    fn directions_along_the_axes_of_space_are_spacings() {
        let lines = "type: uchar\ndimension: 4\nsizes: 1 1 1 1\nencoding: raw\nspace: left-posterior-superior\n\
            space directions: none (0,-2,0) (0,0,3) (0.5,0,0)\nspace origin: (1,2,3)\nspace units: \"mm\" \"mm\" \"um\"";
        let reading = file(lines, &[0]).unwrap();
        assert_eq!(outline(&reading).0, Kind::Volume);
        let along = [known("", "mm", 2.0, -2.0), known("", "um", 3.0, 3.0), known("", "mm", 1.0, 0.5)];
        assert_eq!(coordinates(&reading).axes, along);
        assert_eq!(reading.notes, ["of its header is not kept: space"]);
        let turned = lines.replace("(0,-2,0)", "(0,-4,3)").replace("um", "mm");
        let reading = file(&turned, &[0]).unwrap();
        assert_eq!(coordinates(&reading).axes[0], known("", "mm", 0.0, 5.0));
        assert!(reading.notes[0].contains("not along the axes of space"), "{:?}", reading.notes);
    }

    #[test]
    fn a_part_has_the_coordinates_of_its_samples() {
        // Channels between two axes of space, and more axes than a signal has.
        let lines = "type: uchar\ndimension: 6\nsizes: 2 2 3 2 1 2\nencoding: raw\n\
            kinds: space vector space space time list\nspacings: 1 nan 0.5 2 nan nan\nlabels: \"lon\" \"\" \"\" \"\" \"\" \"\"";
        let bytes: Vec<u8> = (0..48).collect();
        let slice = |axis: &str, part| Slice { axis: axis.into(), part };
        let slices = [slice("u", Part::At(1)), slice("Lon", Part::At(1)), slice("y", Part::Range(1..3))];
        let reading = part(lines, &bytes, &slices).unwrap();
        assert_eq!(outline(&reading), (Kind::Field, vec![2, 2, 1], 2, SampleFormat::U8));
        assert_eq!(reading.signal.samples, Samples::U8(vec![29, 31, 33, 35, 41, 43, 45, 47]));
        assert_eq!(coordinates(&reading).axes[0], known("", "", 0.5, 0.5));
        assert!(file(lines, &bytes).unwrap_err().to_string().contains("5 axes"));
        assert!(part(lines, &bytes[..47], &slices).is_err());
        assert!(part(lines, &bytes, &[slice("c", Part::At(0))]).is_err());
    }

    #[test]
    fn encodings_give_the_same_samples() {
        let with = |encoding: &str, bytes: &[u8]| {
            file(
                &format!("type: ushort\ndimension: 3\nsizes: 2 1 1\nendian: big\nencoding: {encoding}"),
                bytes,
            )
        };
        let raw = with("raw", &[1, 2, 0, 7]).unwrap();
        assert_eq!(raw.signal.samples, Samples::U16(vec![258, 7]));
        let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
        std::io::Write::write_all(&mut gzip, &[1, 2, 0, 7]).unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(with("gzip", &gzip).unwrap(), raw);
        assert_eq!(with("ascii", b"258 7\n").unwrap(), raw);
        assert_eq!(with("hex", b"01020007\n").unwrap(), raw);
        for cut in 1..gzip.len() {
            assert!(matches!(with("gzip", &gzip[..cut]), Err(Error::Format { .. })), "cut at {cut}");
        }
        assert!(
            with("gzip", b"no gzip").is_err()
                && with("hex", b"0102000").is_err()
                && with("text", b"1").is_err()
        );
        let more = with("raw", &[1, 2, 0, 7, 9]).unwrap();
        assert_eq!(more.notes, ["what follows its samples is not read"]);
    }

    #[test]
    fn what_is_not_read_is_refused() {
        let good = "type: float\ndimension: 2\nsizes: 1 1\nendian: little\nencoding: raw";
        let with = |from: &str, to: &str| file(&good.replace(from, to), &[0; 4]).map(|_| ());
        assert!(with("", "").is_ok());
        let message = |from: &str, to: &str| with(from, to).unwrap_err().to_string();
        assert!(message("float", "block").contains("\"block\""));
        assert!(message("raw", "bzip2").contains("\"bzip2\""));
        assert!(
            message("endian", "data file: a.raw\nendian").contains("samples after the header were expected")
        );
        assert!(message("endian", "byte skip: -1\nendian").contains("byteskip is \"-1\""));
        assert!(message("endian: little\n", "").contains("endian is \"missing\""));
        assert!(message("sizes: 1 1", "sizes: 1").contains("1 values in sizes"));
        assert!(message("sizes: 1 1", "sizes: 1 0").contains("size 1×0"));
        assert!(message("sizes: 1 1", "sizes: 1 -1").contains("\"-1\""));
        assert!(
            message("sizes: 1 1", "sizes: 99999 2").contains("799992 bytes of samples announced, at most 4")
        );
        assert!(message("dimension: 2", "dimension: 17").contains("17"));
        assert!(message("endian", "kinds: space fruit\nendian").contains("\"fruit\""));
        assert!(file(good, &f32::INFINITY.to_le_bytes()).unwrap_err().to_string().contains("is inf"));
    }
}
