//! NumPy arrays as signals.
//!
//! Without names of its axes, an array of one axis is a sound of one channel. Two axes are a sound (samples,
//! channels) if the second has a length of at most 8, and else a grey picture (height, width). Three axes are a
//! picture (height, width, channels) if the last has a length of at most 4, and else a volume (depth, height,
//! width), and four axes are a volume with at most 4 channels.

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::notes::{ASSUMED_RATE, Reading, Rounding};
use crate::media::npy::{NpyReader, PART};
use crate::media::{admit, require_finite, require_samples_fit};
use crate::signal::{Axis, Description, Kind, Rate, SampleFormat, Samples, Signal};
use std::io::{BufRead, Read, Seek};

/// Reads an array from a file of `length` bytes.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn read<R: BufRead + Seek>(
    reader: R,
    length: u64,
    names: Option<&str>,
    limits: &Limits,
) -> Result<Reading> {
    let mut array = NpyReader::new(reader)?;
    let (description, mut notes) = describe(array.shape(), array.kind(), names)?;
    admit("NPY", &description, limits)?;
    require_samples_fit(&description, 1, 16 * PART as u64, limits)?;
    let start = array.reader.stream_position()?;
    array.require_length(length.saturating_sub(start))?;

    let mut rounding = Rounding::default();
    let samples = match description.format {
        SampleFormat::U8 => Samples::U8(collect(&mut array, |v| v as u8)?),
        SampleFormat::U16 => Samples::U16(collect(&mut array, |v| v as u16)?),
        SampleFormat::I8 => Samples::I8(collect(&mut array, |v| v as i8)?),
        SampleFormat::I16 => Samples::I16(collect(&mut array, |v| v as i16)?),
        SampleFormat::I32 => Samples::I32(collect(&mut array, |v| v as i32)?),
        _ => Samples::F32(collect(&mut array, |v| rounding.single(v))?),
    };
    rounding.require_range("NPY")?;
    notes.extend(rounding.note());
    if let Samples::F32(values) = &samples {
        notes.extend(require_finite("NPY", values, &description)?);
    }
    let rate_assumed = description.kind() == Kind::Sound && names.is_none();
    Ok(Reading { signal: Signal { description, samples, metadata: vec![] }, notes, rate_assumed })
}

/// Reads all numbers, in C order, converted to samples.
fn collect<R: Read, T: Copy + Default>(
    array: &mut NpyReader<R>,
    mut convert: impl FnMut(f64) -> T,
) -> Result<Vec<T>> {
    let count = array.shape().iter().product::<u64>() as usize;
    let (mut samples, mut at) = (vec![T::default(); count], 0);
    while at < count {
        for number in array.read(PART)? {
            samples[array.place(at)] = convert(number);
            at += 1;
        }
    }
    Ok(samples)
}

/// What the axes of an array are, and the number of channels.
type Axes = (Vec<Axis>, u64);

/// The description of an array of `shape` and type `kind` whose axes are `names`, and notes on how they are
/// interpreted without names.
fn describe(shape: &[u64], kind: &str, names: Option<&str>) -> Result<(Description, Vec<String>)> {
    let refuse = |expected: &str| {
        let detail = format!("an array of shape {}, but {expected} was expected", words(shape));
        Err(Error::unsupported("NPY", detail))
    };
    let Some(lengths) = shape.iter().map(|&n| u32::try_from(n).ok()).collect::<Option<Vec<u32>>>() else {
        return refuse("lengths below 2³²");
    };
    let (axes, channels) = match names {
        Some(names) => named(&lengths, names)?,
        None => match usual(&lengths) {
            Some(axes) => axes,
            None => return refuse("1 to 4 axes; --axes names others"),
        },
    };
    let Some(channels) = u8::try_from(channels).ok().filter(|c| (1..=Description::MOST_CHANNELS).contains(c))
    else {
        return refuse("1 to 64 channels");
    };
    let signal = Description { axes, channels, format: SampleFormat::F32 };
    let own = match kind {
        "u1" => SampleFormat::U8,
        "u2" => SampleFormat::U16,
        "i1" => SampleFormat::I8,
        "i2" => SampleFormat::I16,
        "i4" => SampleFormat::I32,
        _ => SampleFormat::F32,
    };
    let format = if signal.kind().allows(own) { own } else { SampleFormat::F32 };
    let what = match (signal.kind(), channels) {
        // Three axes, the last of them short, can hardly be anything else.
        (Kind::Picture, _) if shape.len() == 3 => None,
        (Kind::Picture, _) => Some("a grey picture".to_owned()),
        (Kind::Sound, 1) => Some("a sound of 1 channel".into()),
        (Kind::Sound, channels) => Some(format!("a sound of {channels} channels")),
        (_, 1) => Some("a volume (depth, height, width)".into()),
        (_, channels) => Some(format!("a volume (depth, height, width) of {channels} channels")),
    };
    let other = if shape.len() > 2 { " (--axes names others)" } else { "" };
    let note = what.filter(|_| names.is_none());
    let note = note.map(|what| format!("its shape {} is read as {what}{other}", words(shape)));
    Ok((Description { format, ..signal }, note.into_iter().collect()))
}

/// The axes that an array of this shape most often has.
fn usual(shape: &[u32]) -> Option<Axes> {
    let sound = |samples: u32| vec![Axis::time(samples, Rate::new(ASSUMED_RATE, 1))];
    let space = |lengths: &[u32]| lengths.iter().rev().map(|&length| Axis::space(length)).collect();
    match *shape {
        [samples] => Some((sound(samples), 1)),
        [samples, channels @ 1..=8] => Some((sound(samples), channels.into())),
        [_, _] => Some((space(shape), 1)),
        [ref rest @ .., channels @ 1..=4] if (2..=3).contains(&rest.len()) => {
            Some((space(rest), channels.into()))
        }
        [_, _, _] => Some((space(shape), 1)),
        _ => None,
    }
}

/// The axes named by a letter each, the slowest first: x, y, z are space, t is time, c at the end are the channels,
/// other letters are other axes.
fn named(shape: &[u32], names: &str) -> Result<Axes> {
    let refuse = |detail: String| Err(Error::parameter("axes", detail));
    let letters: Vec<char> = names.chars().collect();
    if letters.len() != shape.len() {
        return refuse(format!("{names:?} for an array of {} axes", shape.len()));
    }
    let repeated = letters.iter().enumerate().find(|&(i, letter)| letters[..i].contains(letter));
    if let Some(letter) =
        repeated.map(|(_, letter)| letter).or(letters.iter().find(|l| !l.is_ascii_lowercase()))
    {
        return refuse(format!("{names:?} with {letter:?}, expected different letters from a to z"));
    }
    let (mut axes, mut channels) = (vec![], 1);
    for (i, (&letter, &length)) in letters.iter().zip(shape).enumerate() {
        match letter {
            'c' if i + 1 == letters.len() => channels = length.into(),
            'c' => return refuse(format!("{names:?}, expected the channels c at the end")),
            'x' | 'y' | 'z' => axes.push(Axis::space(length)),
            't' => axes.push(Axis::time(length, None)),
            _ => axes.push(Axis::other(length)),
        }
    }
    if !(1..=Description::MOST_AXES).contains(&axes.len()) {
        return refuse(format!("{names:?}, expected 1 to {} axes besides channels", Description::MOST_AXES));
    }
    axes.reverse();
    Ok((axes, channels))
}

/// A shape in NumPy's notation.
fn words(shape: &[u64]) -> String {
    let lengths: Vec<_> = shape.iter().map(u64::to_string).collect();
    format!("({}{})", lengths.join(", "), if shape.len() == 1 { "," } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// Reads an array whose header is built from the arguments and whose numbers are `bytes`.
    fn array(kind: &str, order: &str, shape: &str, bytes: &[u8]) -> Result<Reading> {
        let header = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut file = b"\x93NUMPY\x01\0".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(bytes);
        let length = file.len() as u64;
        read(Cursor::new(file), length, None, &Limits::default())
    }
    fn outline(reading: &Reading) -> (Kind, Vec<u32>, u8, SampleFormat) {
        let d = &reading.signal.description;
        (d.kind(), d.lengths(), d.channels, d.format)
    }

    #[test]
    fn the_shape_tells_pictures_from_sounds() {
        let picture = array("|u1", "False", "(2, 3, 1)", &[1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(outline(&picture), (Kind::Picture, vec![3, 2], 1, SampleFormat::U8));
        assert_eq!((picture.notes.len(), picture.rate_assumed), (0, false));
        let grey = array("<u2", "False", "(1, 9)", &[7; 18]).unwrap();
        assert_eq!(outline(&grey), (Kind::Picture, vec![9, 1], 1, SampleFormat::U16));
        assert_eq!(grey.notes, ["its shape (1, 9) is read as a grey picture"]);
        let sound = array("<i2", "False", "(3, 2)", &[1; 12]).unwrap();
        assert_eq!(outline(&sound), (Kind::Sound, vec![3], 2, SampleFormat::I16));
        assert_eq!((sound.signal.description.rate(), sound.rate_assumed), (Rate::new(48_000, 1), true));
        assert_eq!(outline(&array("|i1", "False", "(4,)", &[1; 4]).unwrap()).3, SampleFormat::I8);
        for shape in ["()", "(2, 2, 5, 5)", "(1, 1, 1, 1, 1)"] {
            assert!(
                matches!(array("|u1", "False", shape, &[0; 20]), Err(Error::Unsupported { .. })),
                "{shape}"
            );
        }
        assert!(matches!(array("|u1", "False", "(0, 9)", &[]), Err(Error::Format { .. })));
        assert!(matches!(array("|u1", "False", "(2, 9)", &[0; 17]), Err(Error::Format { .. })));
    }

    #[test]
    fn axes_have_the_names_that_are_given() {
        let volume = array("<i2", "False", "(2, 3, 5)", &[1; 60]).unwrap();
        assert_eq!(outline(&volume), (Kind::Volume, vec![5, 3, 2], 1, SampleFormat::I16));
        assert_eq!(
            volume.notes,
            ["its shape (2, 3, 5) is read as a volume (depth, height, width) (--axes names others)"]
        );
        let lengths = |names| named(&[7, 6, 5], names);
        let (axes, channels) = lengths("tyc").unwrap();
        assert_eq!((axes, channels), (vec![Axis::space(6), Axis::time(7, None)], 5));
        assert_eq!(lengths("wzx").unwrap().0, [Axis::space(5), Axis::space(6), Axis::other(7)]);
        for names in ["tz", "tzz", "tcz", "tzX", "tzé", ""] {
            assert!(matches!(lengths(names), Err(Error::Parameter { name: "axes", .. })), "{names}");
        }
    }

    #[test]
    fn fortran_order_is_turned_around() {
        let fortran = array("|u1", "True", "(2, 3, 2)", &[0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]).unwrap();
        assert_eq!(fortran.signal.samples, Samples::U8((0..12).collect()));
    }

    #[test]
    fn numbers_keep_their_units_and_roundings_are_told() {
        let halves = array("<f2", "False", "(1, 1, 2)", &[0x00, 0x3E, 0x00, 0xC0]).unwrap();
        assert_eq!(halves.signal.samples, Samples::F32(vec![1.5, -2.0]));
        let wide = array(">i4", "False", "(1, 1, 2)", &[0x01, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFE]).unwrap();
        assert_eq!(wide.signal.samples, Samples::F32(vec![16_777_216.0, -2.0]));
        assert_eq!(wide.notes, ["1 sample rounded to binary32, by 1.000 at most"]);
        let huge = array("<f8", "False", "(1, 1, 1)", &1e300f64.to_le_bytes());
        assert!(huge.unwrap_err().to_string().contains("1e300"));
        let infinite = array("<f8", "False", "(1, 1, 1)", &f64::INFINITY.to_le_bytes());
        assert!(infinite.unwrap_err().to_string().contains("pixel (0, 0), channel 0 is inf"));
        let nan = array("<f8", "False", "(1, 1, 1)", &f64::NAN.to_le_bytes()).unwrap();
        assert_eq!(nan.notes, ["1 of 1 samples are missing"]);
    }
}
