//! The SIGNAL section: the axes, channels and sample format of the signal.

use super::fields::Fields;
use crate::error::{Error, Result};
use crate::signal::{Axis, Description, Kind, Rate, SampleFormat};

const SIGNAL: &str = "SIGNAL section";

/// The longest axis, and the largest numerator and denominator of a rate.
pub(super) const MAX_LENGTH: u32 = (1 << 31) - 1;

/// Sample formats by their number in the file.
const FORMATS: [SampleFormat; 7] = [
    SampleFormat::U8,
    SampleFormat::U16,
    SampleFormat::I8,
    SampleFormat::I16,
    SampleFormat::I24,
    SampleFormat::I32,
    SampleFormat::F32,
];

/// Kinds of signal by their number in the file; `None` is reserved for shapes.
const KINDS: [Option<Kind>; 6] =
    [Some(Kind::Picture), Some(Kind::Sound), Some(Kind::Video), Some(Kind::Volume), None, Some(Kind::Field)];

/// What is sampled along an axis of a field, by its number in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sampled {
    Space,
    Time,
    TimeAtRate,
    Other,
}

const SAMPLED: [Sampled; 4] = [Sampled::Space, Sampled::Time, Sampled::TimeAtRate, Sampled::Other];

/// The axes of a kind; `None` for fields, which list theirs.
fn axes(kind: Kind) -> Option<&'static [Sampled]> {
    match kind {
        Kind::Picture => Some(&[Sampled::Space; 2]),
        Kind::Sound => Some(&[Sampled::TimeAtRate]),
        Kind::Video => Some(&[Sampled::Space, Sampled::Space, Sampled::TimeAtRate]),
        Kind::Volume => Some(&[Sampled::Space; 3]),
        Kind::Field => None,
    }
}

/// The most channels of a signal of `kind`.
fn max_channels(kind: Kind) -> u8 {
    match kind {
        Kind::Picture | Kind::Video => 4,
        Kind::Sound => 8,
        Kind::Volume | Kind::Field => Description::MOST_CHANNELS,
    }
}

/// The kind in words.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Picture => "picture",
        Kind::Sound => "sound",
        Kind::Video => "video",
        Kind::Volume => "volume",
        Kind::Field => "field",
    }
}

/// Reads the SIGNAL section.
pub(super) fn read_signal(payload: &[u8]) -> Result<Description> {
    let mut fields = Fields::new(payload, SIGNAL);
    let number = fields.u8("kind")?;
    let kind = match KINDS.get(usize::from(number)) {
        Some(&Some(kind)) => kind,
        Some(None) => return Err(Error::unsupported(SIGNAL, format!("kind {number}, shape"))),
        None => return Err(fields.unknown("kind", number, "0 to 3 or 5")),
    };
    let number = fields.u8("sample format")?;
    let format = match FORMATS.get(usize::from(number)) {
        Some(&format) if kind.allows(format) => format,
        _ => return Err(fields.unknown("sample format", number, &format!("one of a {}", name(kind)))),
    };
    let channels = fields.u8("channels")?;
    if channels == 0 {
        return Err(fields.error("0 channels"));
    }
    if channels > max_channels(kind) {
        let detail = format!("{channels} channels, expected 1 to {}", max_channels(kind));
        return Err(Error::unsupported(SIGNAL, detail));
    }
    let sampled = match axes(kind) {
        Some(axes) => axes.to_vec(),
        None => read_axes(&mut fields)?,
    };
    let mut lengths = vec![];
    for _ in &sampled {
        lengths.push(fields.varint_in("axis length", 1, MAX_LENGTH)?);
    }
    let mut axes = vec![];
    for (sampled, length) in sampled.into_iter().zip(lengths) {
        axes.push(match sampled {
            Sampled::Space => Axis::space(length),
            Sampled::Time => Axis::time(length, None),
            Sampled::TimeAtRate => Axis::time(length, Some(read_rate(&mut fields, kind)?)),
            Sampled::Other => Axis::other(length),
        });
    }
    let description = Description { axes, channels, format };
    if description.kind() != kind {
        return Err(
            fields.error(format!("a field, but its axes are those of a {}", name(description.kind())))
        );
    }
    fields.finish()?;
    Ok(description)
}

/// Reads what is sampled along each axis of a field.
fn read_axes(fields: &mut Fields<'_>) -> Result<Vec<Sampled>> {
    let count = usize::from(fields.u8("axes")?);
    if count == 0 {
        return Err(fields.error("0 axes"));
    }
    if count > Description::MOST_AXES {
        let detail = format!("{count} axes, expected 1 to {}", Description::MOST_AXES);
        return Err(Error::unsupported(SIGNAL, detail));
    }
    let mut sampled = vec![];
    for _ in 0..count {
        let number = fields.u8("measure")?;
        match SAMPLED.get(usize::from(number)) {
            Some(&measure) => sampled.push(measure),
            None => return Err(fields.unknown("measure", number, "0 to 3")),
        }
    }
    Ok(sampled)
}

/// Reads a rate: a whole number for a sound, a fraction in lowest terms for others.
fn read_rate(fields: &mut Fields<'_>, kind: Kind) -> Result<Rate> {
    let numerator = fields.varint_in("sample rate", 1, MAX_LENGTH)?;
    let denominator = match kind {
        Kind::Sound => 1,
        _ => fields.varint_in("denominator of the rate", 1, MAX_LENGTH)?,
    };
    let rate = Rate::new(numerator, denominator);
    let found = format!("a rate of {numerator}/{denominator}, expected lowest terms");
    rate.filter(|rate| rate.denominator() == denominator).ok_or_else(|| fields.error(found))
}

#[cfg(feature = "encoder")]
pub(super) use write::write_signal;

#[cfg(feature = "encoder")]
mod write {
    use super::*;
    use crate::container::fields::push_varint;
    use crate::signal::Measure;

    /// The payload of the SIGNAL section.
    ///
    /// # Errors
    /// `Parameter` if a file cannot store this signal.
    pub(in crate::container) fn write_signal(d: &Description) -> Result<Vec<u8>> {
        let error = |detail: String| Error::parameter("description", detail);
        let code = |found: Option<usize>| found.and_then(|n| u8::try_from(n).ok());
        let kind = d.kind();
        let number = code(KINDS.iter().position(|&k| k == Some(kind)))
            .ok_or_else(|| error(format!("a {kind:?} has no number")))?;
        let format = code(FORMATS.iter().position(|&f| f == d.format))
            .filter(|_| kind.allows(d.format))
            .ok_or_else(|| error(format!("{:?} samples of a {}", d.format, name(kind))))?;
        if d.channels == 0 || d.channels > max_channels(kind) {
            return Err(error(format!("{} channels, expected 1 to {}", d.channels, max_channels(kind))));
        }
        if d.axes.is_empty() || d.axes.len() > Description::MOST_AXES {
            return Err(error(format!("{} axes, expected 1 to {}", d.axes.len(), Description::MOST_AXES)));
        }
        let rates = d.axes.iter().filter_map(|axis| match axis.measure {
            Measure::Time(rate) => rate,
            _ => None,
        });
        let mut numbers = d.lengths();
        for rate in rates {
            numbers.push(rate.numerator());
            numbers.extend((kind != Kind::Sound).then_some(rate.denominator()));
        }
        if let Some(number) = numbers.iter().find(|&n| !(1..=MAX_LENGTH).contains(n)) {
            return Err(error(format!("a length or rate of {number}, expected 1 to {MAX_LENGTH}")));
        }
        let mut payload = vec![number, format, d.channels];
        if axes(kind).is_none() {
            let sampled = d.axes.iter().map(sampled);
            let measures = sampled.filter_map(|of| code(SAMPLED.iter().position(|&s| s == of)));
            payload.push(d.axes.len() as u8);
            payload.extend(measures);
        }
        numbers.iter().for_each(|&n| push_varint(&mut payload, n.into()));
        Ok(payload)
    }

    fn sampled(axis: &Axis) -> Sampled {
        match axis.measure {
            Measure::Space => Sampled::Space,
            Measure::Time(None) => Sampled::Time,
            Measure::Time(Some(_)) => Sampled::TimeAtRate,
            Measure::Other => Sampled::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::RangeInclusive;

    #[test]
    fn goldens() {
        let picture = read_signal(&[0, 0, 3, 0x80, 0x06, 0x80, 0x04]).unwrap();
        assert_eq!((picture.kind(), picture.format, picture.channels), (Kind::Picture, SampleFormat::U8, 3));
        assert_eq!((picture.lengths(), picture.rate()), (vec![768, 512], None));
        let sound = read_signal(&[1, 3, 2, 0x80, 0x04, 0xc4, 0xd8, 0x02]).unwrap();
        assert_eq!((sound.kind(), sound.format, sound.channels), (Kind::Sound, SampleFormat::I16, 2));
        assert_eq!((sound.lengths(), sound.rate()), (vec![512], Rate::new(44100, 1)));
    }

    /// Every valid kind with every sample format and number of channels, and every other kind with valid
    /// ones.
    #[test]
    fn exactly_the_possible_signals_are_read() {
        let product =
            |kinds: RangeInclusive<u8>, formats: RangeInclusive<u8>, channels: RangeInclusive<u8>| {
                let pairs = kinds.flat_map(move |k| formats.clone().map(move |f| (k, f)));
                pairs.flat_map(move |(k, f)| channels.clone().map(move |c| (k, f, c)))
            };
        for (kind, format, channels) in product(0..=6, 0..=255, 0..=255).chain(product(7..=255, 0..=7, 0..=9))
        {
            let all = &[0, 1, 2, 3, 4, 5, 6][..];
            let (formats, most, rest) = match kind {
                // Width and height, and the frames and the rate of a video.
                0 => (&[0, 1, 6][..], 4, &[7, 5][..]),
                2 => (&[0, 1, 6][..], 4, &[7, 5, 3, 25, 1][..]),
                // Samples and rate.
                1 => (&[2, 3, 4, 5, 6][..], 8, &[7, 5][..]),
                3 => (all, 64, &[7, 5, 3][..]),
                // An axis of something else.
                _ => (all, 64, &[1, 3, 7][..]),
            };
            let read = read_signal(&[&[kind, format, channels], rest].concat());
            let known = matches!(kind, 0..=3 | 5);
            let possible = known && formats.contains(&format) && (1..=most).contains(&channels);
            assert_eq!(read.is_ok(), possible, "{kind} {format} {channels}");
            // Numbers that a later version may define, and numbers that no version will.
            let reserved = match (kind, format, channels) {
                _ if !known => kind < 128,
                (_, format, _) if !formats.contains(&format) => format < 128,
                (_, _, channels) => channels > most,
            };
            assert_eq!(
                matches!(read, Err(Error::Unsupported { .. })),
                reserved,
                "{kind} {format} {channels}"
            );
        }
    }

    /// Every string of two bytes as a length and as a rate.
    #[test]
    fn exactly_the_possible_lengths_and_rates_are_read() {
        for (low, high) in (0..=255u8).flat_map(|low| (0..=255u8).map(move |high| (low, high))) {
            // A number below 128 and another byte, or the shortest form of a larger number.
            let read = |head: [u8; 4], tail: &[u8]| read_signal(&[&head, &[low, high][..], tail].concat());
            let possible = low >= 0x80 && (0x01..0x80).contains(&high);
            let value = u32::from(low & 0x7f) | u32::from(high) << 7;
            let (width, rate) = (read([0, 0, 1, 5], &[]), read([1, 3, 1, 5], &[]));
            assert_eq!(
                width.ok().map(|d| d.lengths()),
                possible.then(|| vec![5, value]),
                "{low:#x} {high:#x}"
            );
            assert_eq!(
                rate.ok().and_then(|d| d.rate()),
                possible.then(|| Rate::new(value, 1)).flatten(),
                "{low:#x} {high:#x}"
            );
        }
        for (length, possible) in
            [([0xff, 0xff, 0xff, 0xff, 0x07], true), ([0x80, 0x80, 0x80, 0x80, 0x08], false)]
        {
            assert_eq!(read_signal(&[&[0, 0, 1, 5][..], &length].concat()).is_ok(), possible, "{length:x?}");
            assert_eq!(read_signal(&[&[1, 3, 1, 5][..], &length].concat()).is_ok(), possible, "{length:x?}");
        }
    }

    #[test]
    fn impossible_signals_are_refused() {
        let unsupported = |bytes: &[u8]| matches!(read_signal(bytes), Err(Error::Unsupported { .. }));
        assert!(unsupported(&[4, 0, 3, 1, 1]) && unsupported(&[127, 0, 3, 1, 1]));
        assert!(
            unsupported(&[0, 3, 3, 1, 1]) && unsupported(&[0, 127, 3, 1, 1]) && unsupported(&[1, 0, 1, 1, 1])
        );
        assert!(unsupported(&[0, 0, 5, 1, 1]) && unsupported(&[1, 3, 9, 1, 1]));
        for bytes in [
            &[128, 0, 3, 1, 1][..],
            &[0, 128, 3, 1, 1],
            &[0, 0, 0, 1, 1],
            &[0, 0, 3, 0, 1],
            &[0, 0, 3, 1],
            &[0, 0, 3, 1, 1, 1],
            &[0, 0, 3, 1, 0x80, 0x80, 0x80, 0x80, 0x08],
            &[1, 3, 1, 1, 0],
        ] {
            assert!(matches!(read_signal(bytes), Err(Error::Format { .. })), "{bytes:?}");
        }
    }
}
