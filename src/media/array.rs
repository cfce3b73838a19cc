//! NumPy arrays as signals.
//!
//! Without names of its axes, an array of one axis is a sound of one channel. Two axes are a sound (samples,
//! channels) if the second has a length of at most 8, and else a grey picture (height, width). Three axes are a
//! picture (height, width, channels) if the last has a length of at most 4, and else a volume (depth, height,
//! width), and four axes are a volume with at most 4 channels.

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::choice::Choice;
use crate::media::notes::{ASSUMED_RATE, Reading};
use crate::media::npy::NpyReader;
use crate::media::numbers::{NONE_MISSING, Numbers, describe};
use crate::media::slices::{Taken, taken};
use crate::media::stored::{InSignal, Stored, StoredAxis};
use crate::signal::{Axis, Description, Kind, Rate};
use std::io::{BufRead, Seek};

const NPY: &str = "NPY";

/// Reads an array, or the part of it that is chosen, from a file of `length` bytes.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn read<R: BufRead + Seek>(
    mut reader: R,
    length: u64,
    choice: &Choice,
    limits: &Limits,
) -> Result<Reading> {
    open(&mut reader, length, choice, limits)?.read(reader, length, limits)
}

/// Reads the header of an array of which the part that is chosen will be read, from a file of `length` bytes.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn open<R: BufRead + Seek>(
    reader: &mut R,
    length: u64,
    choice: &Choice,
    limits: &Limits,
) -> Result<Stored> {
    let array = NpyReader::new(reader)?;
    let Plan { axes, channels, parts, notes } = Plan::of(array.shape(), choice)?;
    let (kind, big) = array.numbers();
    let numbers = Numbers { kind, big, scaling: None, missing: NONE_MISSING };
    let measured: Vec<_> = axes.iter().map(|axis| (axis.length.into(), axis.measure)).collect();
    let description = describe(NPY, &measured, channels.into(), &numbers, limits)?;
    let start = array.reader.stream_position()?;
    array.require_length(length.saturating_sub(start))?;

    let of_axis = |(&length, (part, becomes)): (&u64, (Taken, InSignal))| StoredAxis {
        length,
        part: part.range,
        becomes,
    };
    let mut axes: Vec<_> = array.shape().iter().zip(parts).map(of_axis).collect();
    if !array.is_fortran() {
        axes.reverse();
    }
    let rate_assumed = description.kind() == Kind::Sound && choice.axes.is_none();
    Ok(Stored { what: NPY, start, numbers, axes, description, metadata: vec![], notes, rate_assumed })
}

/// What is read of an array.
struct Plan {
    /// The axes of the signal.
    axes: Vec<Axis>,
    channels: u8,
    /// What is taken of each axis of the array, the slowest first, and what it is in the signal.
    parts: Vec<(Taken, InSignal)>,
    notes: Vec<String>,
}

impl Plan {
    /// The plan for an array of `shape`, with notes on how its axes are interpreted without names.
    fn of(shape: &[u64], choice: &Choice) -> Result<Self> {
        let refuse = |expected: &str| {
            let detail = format!("an array of shape {}, but {expected} was expected", words(shape));
            Err(Error::unsupported(NPY, detail))
        };
        if shape.iter().any(|&length| length > u32::MAX.into()) {
            return refuse("lengths below 2³²");
        }
        let Some(names) = choice.axes.as_deref().or(usual(shape)) else {
            return refuse("1 to 4 axes; --axes names others");
        };
        let letters = letters(names, shape.len())?;
        let channels = match (letters.last(), shape.last()) {
            (Some('c'), Some(&channels)) => channels,
            _ => 1,
        };
        let Some(channels) =
            u8::try_from(channels).ok().filter(|c| (1..=Description::MOST_CHANNELS).contains(c))
        else {
            return refuse("1 to 64 channels");
        };
        let named = letters.iter().zip(shape).filter(|&(&letter, _)| letter != 'c');
        let named: Vec<_> = named.map(|(letter, &length)| (vec![letter.to_string()], length)).collect();
        let taken = taken(&choice.slices, &named)?;
        let kept = letters.iter().zip(&taken).filter(|(_, part)| part.kept).rev();
        // Sounds have a rate, although an array states none; an axis that is named has not.
        let rate = Rate::new(ASSUMED_RATE, 1).filter(|_| choice.axes.is_none());
        let axes: Vec<_> = kept.map(|(&letter, part)| axis(letter, part.count() as u32, rate)).collect();
        if !(1..=Description::MOST_AXES).contains(&axes.len()) {
            let (found, most) = (axes.len(), Description::MOST_AXES);
            let detail = format!(
                "{names:?} leaves {found} axes besides channels, expected 1 to {most} (--slice takes a part)"
            );
            return Err(Error::parameter("axes", detail));
        }
        // The slowest axis of the array is the last of the signal.
        let mut numbers = (0..axes.len()).rev().map(InSignal::Axis);
        let with_meaning = |part: Taken| {
            let becomes = if part.kept { numbers.next() } else { None };
            (part, becomes.unwrap_or(InSignal::Nothing))
        };
        let mut parts: Vec<_> = taken.into_iter().map(with_meaning).collect();
        if parts.len() < shape.len() {
            parts.push((Taken::whole(channels.into()), InSignal::Channels));
        }
        let note = choice.axes.is_none().then(|| note(names, shape, channels)).flatten();
        Ok(Plan { axes, channels, parts, notes: note.into_iter().collect() })
    }
}

/// A note on how an array is read without names of its axes.
fn note(names: &str, shape: &[u64], channels: u8) -> Option<String> {
    let what = match names {
        // Three axes, the last of them short, can hardly be anything else.
        "yxc" => return None,
        "yx" => "a grey picture".to_owned(),
        "t" => "a sound of 1 channel".into(),
        "tc" => format!("a sound of {channels} channel{}", if channels == 1 { "" } else { "s" }),
        "zyx" => "a volume (depth, height, width)".into(),
        _ => format!("a volume (depth, height, width) of {channels} channels"),
    };
    let other = if shape.len() > 2 { " (--axes names others)" } else { "" };
    Some(format!("its shape {} is read as {what}{other}", words(shape)))
}

/// The names of the axes that an array of this shape most often has.
fn usual(shape: &[u64]) -> Option<&'static str> {
    match *shape {
        [_] => Some("t"),
        [_, 1..=8] => Some("tc"),
        [_, _] => Some("yx"),
        [_, _, 1..=4] => Some("yxc"),
        [_, _, _] => Some("zyx"),
        [_, _, _, 1..=4] => Some("zyxc"),
        _ => None,
    }
}

/// The axis of a letter: x, y, z are space, t is time, other letters are other axes.
pub(super) fn axis(letter: char, length: u32, rate: Option<Rate>) -> Axis {
    match letter {
        'x' | 'y' | 'z' => Axis::space(length),
        't' => Axis::time(length, rate),
        _ => Axis::other(length),
    }
}

/// The letters of `count` axes, the slowest first: different ones from a to z, c at the end.
pub(super) fn letters(names: &str, count: usize) -> Result<Vec<char>> {
    let refuse = |detail: String| Err(Error::parameter("axes", detail));
    let letters: Vec<char> = names.chars().collect();
    if letters.len() != count {
        return refuse(format!("{names:?} for an array of {count} axes"));
    }
    let repeated = letters.iter().enumerate().find(|&(i, letter)| letters[..i].contains(letter));
    if let Some(letter) =
        repeated.map(|(_, letter)| letter).or(letters.iter().find(|l| !l.is_ascii_lowercase()))
    {
        return refuse(format!("{names:?} with {letter:?}, expected different letters from a to z"));
    }
    match letters.iter().position(|&letter| letter == 'c') {
        Some(at) if at + 1 < count => refuse(format!("{names:?}, expected the channels c at the end")),
        _ => Ok(letters),
    }
}

/// A shape in NumPy's notation.
fn words(shape: &[u64]) -> String {
    let lengths: Vec<_> = shape.iter().map(u64::to_string).collect();
    format!("({}{})", lengths.join(", "), if shape.len() == 1 { "," } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::slices::{Part, Slice};
    use crate::signal::{SampleFormat, Samples};
    use std::io::Cursor;

    /// Reads an array whose header is built from the arguments and whose numbers are `bytes`.
    fn array(kind: &str, order: &str, shape: &str, bytes: &[u8]) -> Result<Reading> {
        let header = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut file = b"\x93NUMPY\x01\0".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(bytes);
        let length = file.len() as u64;
        read(Cursor::new(file), length, &Choice::default(), &Limits::default())
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
        let plan = |names: &str, slices: &[(&str, Part)]| {
            let slice = |(axis, part): &(&str, Part)| Slice { axis: (*axis).into(), part: part.clone() };
            let choice = Choice { slices: slices.iter().map(slice).collect(), ..Choice::axes(names) };
            Plan::of(&[7, 6, 5], &choice).map(|plan| (plan.axes, plan.channels))
        };
        assert_eq!(plan("tyc", &[]).unwrap(), (vec![Axis::space(6), Axis::time(7, None)], 5));
        assert_eq!(plan("wzx", &[]).unwrap().0, [Axis::space(5), Axis::space(6), Axis::other(7)]);
        for names in ["tz", "tzz", "tcz", "tzX", "tzé", ""] {
            assert!(matches!(plan(names, &[]), Err(Error::Parameter { name: "axes", .. })), "{names}");
        }
        let sliced = plan("tyc", &[("t", Part::At(6)), ("Y", Part::Range(2..4))]).unwrap();
        assert_eq!(sliced, (vec![Axis::space(2)], 5));
        assert!(plan("tyc", &[("c", Part::At(0))]).unwrap_err().to_string().contains("the axes are t, y"));
        let none = plan("tyc", &[("t", Part::At(0)), ("y", Part::At(0))]).unwrap_err();
        assert!(none.to_string().contains("leaves 0 axes"), "{none}");
    }

    #[test]
    fn slices_leave_at_most_four_axes() {
        let header =
            |order| format!("{{'descr': '|u1', 'fortran_order': {order}, 'shape': (2, 1, 3, 2, 2), }}\n");
        let open = |order, bytes: &[u8], slices: &[Slice]| {
            let header = header(order);
            let head = [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()];
            let file = [&head.concat(), bytes].concat();
            let choice = Choice { slices: slices.to_vec(), ..Choice::axes("vtzyx") };
            read(Cursor::new(&file), file.len() as u64, &choice, &Limits::default())
        };
        let bytes: Vec<u8> = (0..24).collect();
        let whole = open("False", &bytes, &[]).unwrap_err().to_string();
        assert!(whole.contains("leaves 5 axes") && whole.contains("--slice"), "{whole}");
        let slices = [("v", Part::At(1)), ("z", Part::Range(1..3)), ("x", Part::Range(1..2))];
        let slices = slices.map(|(axis, part)| Slice { axis: axis.into(), part });
        let part = open("False", &bytes, &slices).unwrap();
        assert_eq!(outline(&part), (Kind::Field, vec![1, 2, 2, 1], 1, SampleFormat::U8));
        assert_eq!(part.signal.samples, Samples::U8(vec![17, 19, 21, 23]));
        // The number of index (v, t, z, y, x) is v + 2 (z + 3 (y + 2 x)).
        let part = open("True", &bytes, &slices).unwrap();
        assert_eq!(part.signal.samples, Samples::U8(vec![15, 21, 17, 23]));
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
