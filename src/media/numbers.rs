//! Numbers of volumes and fields: their types and orders of bytes, and how they become samples.

use crate::error::{Error, Result};
use crate::limits::{Limits, try_filled};
use crate::media::notes::Rounding;
use crate::media::picture::from_io;
use crate::media::{admit_count, bytes_of, require_finite, require_samples_fit};
use crate::signal::{Axis, Description, Kind, Measure, SampleFormat, Samples};
use half::f16;
use std::io::Read;

/// The bytes that are read at a time.
const PART: usize = 1 << 13;
/// Upper bound on the memory of a decompressor and of buffers.
const HELD: u64 = 1 << 17;

/// The type of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    F32,
    F64,
}

impl Type {
    pub fn bytes(self) -> usize {
        match self {
            Type::U8 | Type::I8 => 1,
            Type::U16 | Type::I16 | Type::F16 => 2,
            Type::U32 | Type::I32 | Type::F32 => 4,
            Type::U64 | Type::I64 | Type::F64 => 8,
        }
    }

    /// The number of big-endian `bytes`, which are as many as such a number has.
    pub fn number(self, bytes: &[u8]) -> f64 {
        macro_rules! of {
            ($number:ty) => {
                bytes.try_into().map_or(f64::NAN, |bytes| <$number>::from_be_bytes(bytes) as f64)
            };
        }
        match self {
            Type::U8 => of!(u8),
            Type::I8 => of!(i8),
            Type::U16 => of!(u16),
            Type::I16 => of!(i16),
            Type::U32 => of!(u32),
            Type::I32 => of!(i32),
            Type::U64 => of!(u64),
            Type::I64 => of!(i64),
            Type::F16 => bytes.try_into().map_or(f64::NAN, |bytes| f16::from_be_bytes(bytes).into()),
            Type::F32 => of!(f32),
            Type::F64 => of!(f64),
        }
    }

    /// The samples that hold the numbers in a signal of `kind`: of the same type if such signals have it, and
    /// else binary32 in the units of the file.
    fn format(self, kind: Kind) -> SampleFormat {
        let own = match self {
            Type::U8 => SampleFormat::U8,
            Type::U16 => SampleFormat::U16,
            Type::I8 => SampleFormat::I8,
            Type::I16 => SampleFormat::I16,
            Type::I32 => SampleFormat::I32,
            _ => SampleFormat::F32,
        };
        if kind.allows(own) { own } else { SampleFormat::F32 }
    }
}

/// How the numbers of a file are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Numbers {
    pub kind: Type,
    /// Whether they are big-endian.
    pub big: bool,
    /// A slope and an intercept that apply to each number.
    pub scaling: Option<(f64, f64)>,
    /// Numbers in place of missing samples, which become NaN; NaN if there are none.
    pub missing: [f64; 2],
}

/// No numbers stand for missing samples.
pub(super) const NONE_MISSING: [f64; 2] = [f64::NAN; 2];

/// The description of a signal of `channels` along `axes`, each a length and a measure, whose numbers are
/// stored as `numbers`.
///
/// # Errors
/// `Format` if there are no samples; `Unsupported` if there are too many channels or axes, or if an axis is
/// too long; `Limit` if there are more samples than the limits allow.
pub(super) fn describe(
    what: &'static str,
    axes: &[(u64, Measure)],
    channels: u64,
    numbers: &Numbers,
    limits: &Limits,
) -> Result<Description> {
    if !(1..=Description::MOST_AXES).contains(&axes.len()) {
        let (found, most) = (axes.len(), Description::MOST_AXES);
        let detail = format!("{found} axes beside that of channels, but 1 to {most} were expected");
        return Err(Error::unsupported(what, detail));
    }
    let most = Description::MOST_CHANNELS;
    if !(1..=most.into()).contains(&channels) {
        let detail = format!("{channels} channels, but 1 to {most} were expected");
        return Err(Error::unsupported(what, detail));
    }
    let mut description = Description { axes: vec![], channels: channels as u8, format: SampleFormat::F32 };
    for &(length, measure) in axes {
        let Ok(length) = u32::try_from(length) else {
            let detail = format!("an axis of {length} samples, but fewer than 2³² were expected");
            return Err(Error::unsupported(what, detail));
        };
        description.axes.push(Axis { length, measure });
    }
    if numbers.scaling.is_none() && !numbers.marks_missing() {
        description.format = numbers.kind.format(description.kind());
    }
    admit_count(what, &description, limits)?;
    Ok(description)
}

/// Rejects a signal whose samples need more memory than the limits allow.
pub(super) fn require_memory(description: &Description, limits: &Limits) -> Result<()> {
    Limits::check("bytes of samples", bytes_of(description), limits.memory_bytes)?;
    require_samples_fit(description, 1, HELD, limits)
}

/// Rejects a file that has fewer than `needed` bytes of numbers, of which it holds at most `present`.
pub(super) fn require_bytes(what: &'static str, needed: u64, present: u64) -> Result<()> {
    if needed <= present {
        return Ok(());
    }
    let detail = format!("truncated: {needed} bytes of samples announced, at most {present} present");
    Err(Error::format(what, detail))
}

impl Numbers {
    /// Whether a number stands for missing samples.
    fn marks_missing(&self) -> bool {
        self.missing.iter().any(|number| !number.is_nan())
    }

    /// The bytes of an array of numbers whose axes have these lengths, `u64::MAX` if they are more.
    pub fn bytes_of(&self, lengths: impl IntoIterator<Item = u64>) -> u64 {
        lengths.into_iter().fold(self.kind.bytes() as u64, |product, length| product.saturating_mul(length))
    }

    /// Whether samples of `format` may be rounded.
    pub fn may_round(&self, format: SampleFormat) -> bool {
        let wide = matches!(self.kind, Type::U32 | Type::I32 | Type::U64 | Type::I64 | Type::F64);
        format == SampleFormat::F32 && (wide || self.scaling.is_some())
    }

    /// Reads the samples of a signal of `description`, which [`describe`] has admitted; each number belongs to the next
    /// of `places`. Adds notes if some are rounded or missing.
    ///
    /// # Errors
    /// `Format` if the file ends before, or if a sample is infinite; `Unsupported` if one is too large
    /// for binary32.
    pub fn read(
        &self,
        what: &'static str,
        reader: impl Read,
        description: &Description,
        places: Places,
        notes: &mut Vec<String>,
    ) -> Result<Samples> {
        let (samples, rounding) = self.samples(what, reader, description.format, places)?;
        notes.extend(rounding.note());
        if let Samples::F32(values) = &samples {
            notes.extend(require_finite(what, values, description)?);
        }
        Ok(samples)
    }

    /// Reads samples of `format`, infinite ones among them, and tells how they were rounded.
    ///
    /// # Errors
    /// `Format` if the file ends before; `Unsupported` if a sample is too large for binary32.
    pub fn samples(
        &self,
        what: &'static str,
        mut reader: impl Read,
        format: SampleFormat,
        places: Places,
    ) -> Result<(Samples, Rounding)> {
        let mut rounding = Rounding::default();
        let source = &mut reader;
        let (scaling, missing, plain) =
            (self.scaling, self.missing, self.scaling.is_none() && !self.marks_missing());
        let scaled = |value: f64, rounding: &mut Rounding| match scaling {
            _ if missing.contains(&value) => f32::NAN,
            Some((slope, intercept)) => rounding.single(slope * value + intercept),
            None => rounding.single(value),
        };
        macro_rules! collect {
            ($number:ty, $convert:expr) => {
                self.collect(what, source, places, |bytes| {
                    $convert(bytes.try_into().map_or(<$number>::default(), <$number>::from_le_bytes))
                })?
            };
        }
        let samples = match (format, self.kind) {
            (SampleFormat::U8, _) => Samples::U8(collect!(u8, |v| v)),
            (SampleFormat::U16, _) => Samples::U16(collect!(u16, |v| v)),
            (SampleFormat::I8, _) => Samples::I8(collect!(i8, |v| v)),
            (SampleFormat::I16, _) => Samples::I16(collect!(i16, |v| v)),
            (SampleFormat::I32, _) => Samples::I32(collect!(i32, |v| v)),
            (_, Type::U8) => Samples::F32(collect!(u8, |v| scaled(f64::from(v), &mut rounding))),
            (_, Type::I8) => Samples::F32(collect!(i8, |v| scaled(f64::from(v), &mut rounding))),
            (_, Type::U16) => Samples::F32(collect!(u16, |v| scaled(f64::from(v), &mut rounding))),
            (_, Type::I16) => Samples::F32(collect!(i16, |v| scaled(f64::from(v), &mut rounding))),
            (_, Type::U32) => Samples::F32(collect!(u32, |v| scaled(f64::from(v), &mut rounding))),
            (_, Type::I32) => Samples::F32(collect!(i32, |v| scaled(f64::from(v), &mut rounding))),
            (_, Type::F16) => Samples::F32(collect!(f16, |v: f16| scaled(v.into(), &mut rounding))),
            (_, Type::F32) => Samples::F32(collect!(f32, |v| scaled(f64::from(v), &mut rounding))),
            (_, Type::F64) => Samples::F32(collect!(f64, |v| scaled(v, &mut rounding))),
            (_, Type::U64) if plain => Samples::F32(collect!(u64, |v| rounding.integer(i128::from(v)))),
            (_, Type::I64) if plain => Samples::F32(collect!(i64, |v| rounding.integer(i128::from(v)))),
            (_, Type::U64) => Samples::F32(collect!(u64, |v| scaled(v as f64, &mut rounding))),
            (_, Type::I64) => Samples::F32(collect!(i64, |v| scaled(v as f64, &mut rounding))),
        };
        rounding.require_range(what)?;
        Ok((samples, rounding))
    }

    /// Reads all numbers as little-endian bytes, converts each, and places it where its sample belongs.
    fn collect<T: Clone + Default>(
        &self,
        what: &'static str,
        reader: &mut impl Read,
        mut places: Places,
        mut convert: impl FnMut(&[u8]) -> T,
    ) -> Result<Vec<T>> {
        let width = self.kind.bytes();
        let mut samples = try_filled(places.count(), T::default())?;
        let mut part = [0; PART];
        let mut left = samples.len();
        while left > 0 {
            let count = left.min(PART / width);
            let bytes = &mut part[..count * width];
            reader.read_exact(bytes).map_err(|error| from_io(error, what))?;
            for number in bytes.chunks_exact_mut(width) {
                if self.big {
                    number.reverse();
                }
                samples[places.step()] = convert(number);
            }
            left -= count;
        }
        Ok(samples)
    }
}

/// Where, among samples, numbers belong that come one after the other.
pub(super) struct Places {
    axes: Vec<Along>,
    next: usize,
}

/// An axis of [`Places`].
struct Along {
    /// The numbers along it, and the distance of their samples.
    count: usize,
    stride: usize,
    /// The numbers along it that have come.
    come: usize,
}

impl Places {
    /// The places of numbers in the order of their samples.
    pub fn in_order(description: &Description) -> Self {
        Places::new([(description.samples(), 1)])
    }

    /// The places along axes, the fastest of the numbers first: each the numbers along it, at least 1, and the distance
    /// of their samples. The samples must be countable in memory.
    pub fn new(axes: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut merged: Vec<Along> = vec![];
        for (count, stride) in axes.into_iter().filter(|&(count, _)| count > 1) {
            let (count, stride) = (count as usize, stride as usize);
            match merged.last_mut() {
                Some(last) if last.count * last.stride == stride => last.count *= count,
                _ => merged.push(Along { count, stride, come: 0 }),
            }
        }
        Places { axes: merged, next: 0 }
    }

    /// The number of places.
    fn count(&self) -> usize {
        self.axes.iter().map(|axis| axis.count).product()
    }

    /// The next place.
    fn step(&mut self) -> usize {
        let place = self.next;
        for axis in &mut self.axes {
            axis.come += 1;
            if axis.come < axis.count {
                self.next += axis.stride;
                break;
            }
            axis.come = 0;
            self.next -= (axis.count - 1) * axis.stride;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Type, big: bool, scaling: Option<(f64, f64)>, bytes: &[u8]) -> (Samples, Vec<String>) {
        let numbers = Numbers { kind, big, scaling, missing: NONE_MISSING };
        let axes = [(bytes.len() as u64 / kind.bytes() as u64, Measure::Space), (1, Measure::Space)];
        let axes = [axes[0], axes[1], axes[1]];
        let description = describe("test", &axes, 1, &numbers, &Limits::default()).unwrap();
        let mut notes = vec![];
        let samples =
            numbers.read("test", bytes, &description, Places::in_order(&description), &mut notes).unwrap();
        (samples, notes)
    }

    #[test]
    fn types_that_volumes_have_are_kept() {
        let plain = |kind, big, bytes| read(kind, big, None, bytes).0;
        assert_eq!(plain(Type::U8, false, &[1, 255]), Samples::U8(vec![1, 255]));
        assert_eq!(plain(Type::I8, false, &[1, 255]), Samples::I8(vec![1, -1]));
        assert_eq!(plain(Type::U16, true, &[1, 2]), Samples::U16(vec![258]));
        assert_eq!(plain(Type::I16, false, &[0xFE, 0xFF]), Samples::I16(vec![-2]));
        assert_eq!(plain(Type::I32, true, &[0xFF, 0xFF, 0xFF, 0xFE]), Samples::I32(vec![-2]));
        assert_eq!(plain(Type::F32, true, &1.5f32.to_be_bytes()), Samples::F32(vec![1.5]));
    }

    #[test]
    fn other_types_become_binary32_and_roundings_are_told() {
        let (samples, notes) = read(Type::U32, false, None, &[1, 0, 0, 1]);
        assert_eq!((samples, notes.len()), (Samples::F32(vec![16_777_216.0]), 1));
        let (samples, notes) = read(Type::I64, false, None, &((1i64 << 60) + 1).to_le_bytes());
        assert_eq!(samples, Samples::F32(vec![(1u64 << 60) as f32]));
        assert_eq!(notes, ["1 sample rounded to binary32, by 1.000 at most"]);
        assert_eq!(read(Type::U64, false, None, &[7, 0, 0, 0, 0, 0, 0, 0]).0, Samples::F32(vec![7.0]));
        assert_eq!(read(Type::F64, true, None, &0.5f64.to_be_bytes()), (Samples::F32(vec![0.5]), vec![]));
        assert_eq!(read(Type::U8, false, Some((0.5, -1.0)), &[0, 3]).0, Samples::F32(vec![-1.0, 0.5]));
        assert_eq!(
            read(Type::I64, false, Some((2.0, 0.0)), &[3, 0, 0, 0, 0, 0, 0, 0]).0,
            Samples::F32(vec![6.0])
        );
    }

    #[test]
    fn pictures_and_sounds_have_the_formats_that_they_can_have() {
        assert_eq!(Type::I16.format(Kind::Picture), SampleFormat::F32);
        assert_eq!(Type::U16.format(Kind::Video), SampleFormat::U16);
        assert_eq!(Type::U8.format(Kind::Sound), SampleFormat::F32);
        assert_eq!(Type::I32.format(Kind::Sound), SampleFormat::I32);
        assert_eq!(Type::I32.format(Kind::Field), SampleFormat::I32);
    }

    #[test]
    fn places_follow_the_order_of_the_file() {
        let places = |axes: &[(u64, u64)]| {
            let mut places = Places::new(axes.iter().copied());
            (0..places.count()).map(|_| places.step()).collect::<Vec<_>>()
        };
        // Two channels of four positions each: one after the other, interleaved, and in runs of two.
        assert_eq!(places(&[(4, 2), (2, 1)]), [0, 2, 4, 6, 1, 3, 5, 7]);
        assert_eq!(places(&[(2, 1), (4, 2)]), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(places(&[(2, 2), (2, 1), (2, 4)]), [0, 2, 1, 3, 4, 6, 5, 7]);
        assert_eq!(places(&[(1, 7), (2, 3), (1, 0), (3, 1)]), [0, 3, 1, 4, 2, 5]);
        assert_eq!(places(&[(1, 1)]), [0]);
        assert_eq!(Places::new([(3, 1), (5, 3), (2, 15)]).axes.len(), 1);
    }

    #[test]
    fn what_is_too_much_is_refused_before_it_is_allocated() {
        let numbers = Numbers { kind: Type::F64, big: false, scaling: None, missing: NONE_MISSING };
        let describe = |lengths: &[u64], channels| {
            let axes: Vec<_> = lengths.iter().map(|&length| (length, Measure::Space)).collect();
            describe("test", &axes, channels, &numbers, &Limits::default())
        };
        assert!(matches!(describe(&[u32::MAX.into(); 4], 64), Err(Error::Limit { needed: u64::MAX, .. })));
        assert!(matches!(describe(&[1 << 32], 1), Err(Error::Unsupported { .. })));
        assert!(matches!(describe(&[1; 5], 1), Err(Error::Unsupported { .. })));
        assert!(matches!(describe(&[], 1), Err(Error::Unsupported { .. })));
        assert!(matches!(describe(&[1], 65), Err(Error::Unsupported { .. })));
        assert!(matches!(describe(&[3, 0], 1), Err(Error::Format { .. })));
        assert!(require_bytes("test", 8, 8).is_ok() && require_bytes("test", 9, 8).is_err());
    }
}
