//! NumPy arrays as signals.
//!
//! Three axes are a picture: height, width and 1 to 4 channels. One axis is a sound of one channel. Two axes
//! are a sound (samples, channels) if the second has a length of at most 8, and else a grey picture (height,
//! width).

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::notes::{ASSUMED_RATE, Reading, Rounding};
use crate::media::npy::{NpyReader, PART};
use crate::media::{admit, require_finite, require_samples_fit};
use crate::signal::{Description, Kind, SampleFormat, Samples, Signal};
use std::io::{BufRead, Read, Seek};

/// Reads an array from a file of `length` bytes.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn read<R: BufRead + Seek>(reader: R, length: u64, limits: &Limits) -> Result<Reading> {
    let mut array = NpyReader::new(reader)?;
    let (description, mut notes) = describe(array.shape(), array.kind())?;
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
        require_finite("NPY", values, &description)?;
    }
    let rate_assumed = description.kind() == Kind::Sound;
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

/// The description of an array of `shape` and type `kind`, and notes on how its axes are interpreted.
fn describe(shape: &[u64], kind: &str) -> Result<(Description, Vec<String>)> {
    let refuse = |expected: &str| {
        let detail = format!("an array of shape {}, but {expected} was expected", words(shape));
        Err(Error::unsupported("NPY", detail))
    };
    const AXES: &str = "(height, width, channels) or (height, width) of a picture or (samples, channels) or (samples,) of a sound";
    let (lengths, channels, note) = match *shape {
        [samples] => (vec![samples], 1, Some("a sound of 1 channel".to_string())),
        [samples, channels @ 1..=8] => {
            (vec![samples], channels, Some(format!("a sound of {channels} channels")))
        }
        [height, width] => (vec![width, height], 1, Some("a grey picture".into())),
        [height, width, channels @ 1..=4] => (vec![width, height], channels, None),
        [_, _, _] => return refuse("a last axis of 1 to 4 channels"),
        _ => return refuse(AXES),
    };
    let format = match (lengths.len(), kind) {
        (2, "u1") => SampleFormat::U8,
        (2, "u2") => SampleFormat::U16,
        (1, "i1") => SampleFormat::I8,
        (1, "i2") => SampleFormat::I16,
        (1, "i4") => SampleFormat::I32,
        _ => SampleFormat::F32,
    };
    let Ok(lengths) = lengths.into_iter().map(u32::try_from).collect::<std::result::Result<Vec<_>, _>>()
    else {
        return refuse("lengths below 2³²");
    };
    let description = match lengths[..] {
        [samples] => Description::sound(samples, channels as u8, format, ASSUMED_RATE),
        [width, height] => Description::picture([width, height], channels as u8, format),
        _ => return refuse(AXES),
    };
    let notes =
        note.map(|what| format!("its shape {} is read as {what}", words(shape))).into_iter().collect();
    Ok((description, notes))
}

/// A shape in NumPy's notation.
fn words(shape: &[u64]) -> String {
    let lengths: Vec<_> = shape.iter().map(u64::to_string).collect();
    format!("({}{})", lengths.join(", "), if shape.len() == 1 { "," } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Rate;
    use std::io::Cursor;

    /// Reads an array whose header is built from the arguments and whose numbers are `bytes`.
    fn array(kind: &str, order: &str, shape: &str, bytes: &[u8]) -> Result<Reading> {
        let header = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut file = b"\x93NUMPY\x01\0".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(bytes);
        let length = file.len() as u64;
        read(Cursor::new(file), length, &Limits::default())
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
        for shape in ["()", "(2, 2, 5)", "(1, 1, 1, 1)"] {
            assert!(
                matches!(array("|u1", "False", shape, &[0; 20]), Err(Error::Unsupported { .. })),
                "{shape}"
            );
        }
        assert!(matches!(array("|u1", "False", "(0, 9)", &[]), Err(Error::Format { .. })));
        assert!(matches!(array("|u1", "False", "(2, 9)", &[0; 17]), Err(Error::Format { .. })));
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
        let nan = array("<f8", "False", "(1, 1, 1)", &f64::NAN.to_le_bytes());
        assert!(nan.unwrap_err().to_string().contains("pixel (0, 0), channel 0 is NaN"));
    }
}
