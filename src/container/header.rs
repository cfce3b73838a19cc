//! The SIGNAL and TILES sections: what is stored and how it is cut.

use super::fields::Fields;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::signal::{Description, Kind, SampleFormat, Tiles};

const SIGNAL: &str = "SIGNAL section";
const TILES: &str = "TILES section";

/// The longest axis and the highest rate.
const MAX_LENGTH: u32 = (1 << 31) - 1;
/// Kinds of signal whose numbers are reserved.
const RESERVED_KINDS: [&str; 3] = ["video", "volume", "shape"];

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

/// Kinds of signal by their number in the file.
const KINDS: [Kind; 2] = [Kind::Picture, Kind::Sound];

/// Whether samples of a `kind` come in `format`.
fn allowed(kind: Kind, format: SampleFormat) -> bool {
    match format {
        SampleFormat::F32 => true,
        SampleFormat::U8 | SampleFormat::U16 => kind == Kind::Picture,
        _ => kind == Kind::Sound,
    }
}

/// The kind in words.
fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Sound => "sound",
        _ => "picture",
    }
}

/// Reads the SIGNAL section.
pub(super) fn read_signal(payload: &[u8]) -> Result<Description> {
    let mut fields = Fields::new(payload, SIGNAL);
    let number = fields.u8("kind")?;
    let Some(&kind) = KINDS.get(usize::from(number)) else {
        let reserved = usize::from(number).checked_sub(KINDS.len()).and_then(|n| RESERVED_KINDS.get(n));
        return Err(match reserved {
            Some(name) => Error::unsupported(SIGNAL, format!("kind {number}, {name}")),
            None => fields.unknown("kind", number, "0 or 1"),
        });
    };
    let number = fields.u8("sample format")?;
    let format = match FORMATS.get(usize::from(number)) {
        Some(&format) if allowed(kind, format) => format,
        _ => return Err(fields.unknown("sample format", number, &format!("one of a {}", name(kind)))),
    };
    let channels = fields.u8("channels")?;
    if channels == 0 {
        return Err(fields.error("0 channels"));
    }
    if channels > kind.max_channels() {
        let detail = format!("{channels} channels, expected 1 to {}", kind.max_channels());
        return Err(Error::unsupported(SIGNAL, detail));
    }
    let mut lengths = vec![];
    for _ in 0..kind.axes() {
        lengths.push(fields.varint_in("axis length", 1, MAX_LENGTH)?);
    }
    let rate = if kind == Kind::Sound { fields.varint_in("sample rate", 1, MAX_LENGTH)? } else { 0 };
    fields.finish()?;
    Ok(Description { kind, lengths, channels, format, rate })
}

/// Reads the TILES section, present only where there is more than one tile.
pub(super) fn read_tiles(payload: &[u8], description: &Description, limits: &Limits) -> Result<Tiles> {
    let mut fields = Fields::new(payload, TILES);
    let (mut counts, mut product) = (vec![], 1u64);
    for &length in &description.lengths {
        let count = fields.varint_in("tiles along an axis", 1, length)?;
        product = product.saturating_mul(u64::from(count));
        counts.push(count);
    }
    let overlap = fields.varint_in("overlap", 0, MAX_LENGTH)?;
    if product < 2 {
        return Err(fields.error("1 tile, expected no such section"));
    }
    fields.finish()?;
    Limits::ask("tiles", product, limits.tiles)?;
    Tiles::new(description, &counts, overlap).map_err(|e| Error::format(TILES, e.to_string()))
}

#[cfg(feature = "encoder")]
pub(super) use write::{write_signal, write_tiles};

#[cfg(feature = "encoder")]
mod write {
    use super::*;
    use crate::container::fields::push_varint;

    /// The payload of the SIGNAL section.
    ///
    /// # Errors
    /// `Parameter` if the file cannot hold such a signal.
    pub(in crate::container) fn write_signal(d: &Description) -> Result<Vec<u8>> {
        let error = |detail: String| Error::parameter("description", detail);
        let code = |found: Option<usize>| found.and_then(|n| u8::try_from(n).ok());
        let kind = code(KINDS.iter().position(|&k| k == d.kind))
            .ok_or_else(|| error(format!("{:?} has no number", d.kind)))?;
        let format = code(FORMATS.iter().position(|&f| f == d.format))
            .filter(|_| allowed(d.kind, d.format))
            .ok_or_else(|| error(format!("{:?} samples of a {:?}", d.format, d.kind)))?;
        if d.channels == 0 || d.channels > d.kind.max_channels() {
            return Err(error(format!("{} channels, expected 1 to {}", d.channels, d.kind.max_channels())));
        }
        let length = |n: u32| (1..=MAX_LENGTH).contains(&n);
        if d.lengths.len() != d.kind.axes() || !d.lengths.iter().all(|&n| length(n)) {
            return Err(error(format!("axis lengths {:?} of a {:?}", d.lengths, d.kind)));
        }
        let sound = d.kind == Kind::Sound;
        if if sound { !length(d.rate) } else { d.rate != 0 } {
            return Err(error(format!("rate {} of a {:?}", d.rate, d.kind)));
        }
        let mut payload = vec![kind, format, d.channels];
        d.lengths.iter().for_each(|&n| push_varint(&mut payload, n.into()));
        if sound {
            push_varint(&mut payload, d.rate.into());
        }
        Ok(payload)
    }

    /// The payload of the TILES section; `None` for the one tile that needs no section.
    ///
    /// # Errors
    /// `Parameter` if `tiles` is not a partition of `description`.
    pub(in crate::container) fn write_tiles(
        tiles: &Tiles,
        description: &Description,
    ) -> Result<Option<Vec<u8>>> {
        let one = tiles.counts().iter().all(|&n| n == 1);
        let expected = if one {
            Tiles::one(description)
        } else {
            Tiles::new(description, tiles.counts(), tiles.overlap())?
        };
        if *tiles != expected {
            return Err(Error::parameter("tiles", "they belong to another description"));
        }
        let mut payload = vec![];
        tiles.counts().iter().chain([&tiles.overlap()]).for_each(|&n| push_varint(&mut payload, n.into()));
        Ok((!one).then_some(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::RangeInclusive;

    #[test]
    fn goldens() {
        let picture = read_signal(&[0, 0, 3, 0x80, 0x06, 0x80, 0x04]).unwrap();
        assert_eq!((picture.kind, picture.format, picture.channels), (Kind::Picture, SampleFormat::U8, 3));
        assert_eq!((picture.lengths, picture.rate), (vec![768, 512], 0));
        let sound = read_signal(&[1, 3, 2, 0x80, 0x04, 0xc4, 0xd8, 0x02]).unwrap();
        assert_eq!((sound.kind, sound.format, sound.channels), (Kind::Sound, SampleFormat::I16, 2));
        assert_eq!((sound.lengths, sound.rate), (vec![512], 44100));
    }

    /// Every kind that means something with every sample format and number of channels, every other kind with those
    /// that mean something.
    #[test]
    fn exactly_the_possible_signals_are_read() {
        let product =
            |kinds: RangeInclusive<u8>, formats: RangeInclusive<u8>, channels: RangeInclusive<u8>| {
                let pairs = kinds.flat_map(move |k| formats.clone().map(move |f| (k, f)));
                pairs.flat_map(move |(k, f)| channels.clone().map(move |c| (k, f, c)))
            };
        for (kind, format, channels) in product(0..=6, 0..=255, 0..=255).chain(product(7..=255, 0..=7, 0..=9))
        {
            // Width and height of a picture, samples and rate of a sound.
            let read = read_signal(&[kind, format, channels, 7, 5]);
            let (formats, most) = if kind == 0 { (&[0, 1, 6][..], 4) } else { (&[2, 3, 4, 5, 6][..], 8) };
            let possible = kind < 2 && formats.contains(&format) && (1..=most).contains(&channels);
            assert_eq!(read.is_ok(), possible, "{kind} {format} {channels}");
            // What a later version may mean, and what no version will.
            let reserved = match (kind, format, channels) {
                (2.., ..) => kind < 128,
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

    /// Every string of two bytes as a length or as a rate.
    #[test]
    fn exactly_the_possible_lengths_and_rates_are_read() {
        for (low, high) in (0..=255u8).flat_map(|low| (0..=255u8).map(move |high| (low, high))) {
            // A number below 128 and one byte more, or the shortest form of a larger one.
            let read = |head: [u8; 4], tail: &[u8]| read_signal(&[&head, &[low, high][..], tail].concat());
            let possible = low >= 0x80 && (0x01..0x80).contains(&high);
            let value = u32::from(low & 0x7f) | u32::from(high) << 7;
            let (width, rate) = (read([0, 0, 1, 5], &[]), read([1, 3, 1, 5], &[]));
            assert_eq!(width.ok().map(|d| d.lengths), possible.then(|| vec![5, value]), "{low:#x} {high:#x}");
            assert_eq!(rate.ok().map(|d| d.rate), possible.then_some(value), "{low:#x} {high:#x}");
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
        assert!(unsupported(&[2, 0, 3, 1, 1]) && unsupported(&[127, 0, 3, 1, 1]));
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

    #[test]
    fn partitions_are_checked_before_use() {
        let picture = read_signal(&[0, 0, 1, 100, 50]).unwrap();
        let limits = Limits { tiles: 12, ..Limits::default() };
        let tiles = read_tiles(&[4, 3, 8], &picture, &limits).unwrap();
        assert_eq!((tiles.counts(), tiles.overlap(), tiles.len()), (&[4, 3][..], 8, 12));
        assert!(matches!(read_tiles(&[5, 3, 8], &picture, &limits), Err(Error::Limit { .. })));
        for bytes in [&[1, 1, 0][..], &[4, 3, 9], &[0, 3, 0], &[4, 51, 0], &[4, 3], &[4, 3, 8, 0]] {
            assert!(matches!(read_tiles(bytes, &picture, &limits), Err(Error::Format { .. })), "{bytes:?}");
        }
    }

    /// Every cut of every picture of up to 8 × 4, with every overlap that could be possible and some that cannot.
    #[test]
    fn exactly_the_possible_partitions_are_read() {
        // The rule by its reason: between two boundaries lie two overlaps.
        let cuts = |length: u8, count: u8, overlap: u8| {
            let boundary = |k: u8| u32::from(k) * u32::from(length) / u32::from(count);
            let core = |k: u8| boundary(k + 1) - boundary(k);
            (1..=length).contains(&count)
                && (count == 1 || (0..count).all(|k| core(k) >= 2 * u32::from(overlap)))
        };
        for (width, height) in (1..=8u8).flat_map(|width| (1..=4u8).map(move |height| (width, height))) {
            let picture = read_signal(&[0, 0, 1, width, height]).unwrap();
            for (columns, rows) in (0..=9u8).flat_map(|columns| (0..=5u8).map(move |rows| (columns, rows))) {
                for overlap in 0..=5 {
                    let read = read_tiles(&[columns, rows, overlap], &picture, &Limits::default());
                    let possible =
                        columns.max(rows) > 1 && cuts(width, columns, overlap) && cuts(height, rows, overlap);
                    assert_eq!(
                        read.is_ok(),
                        possible,
                        "{width}×{height} in {columns}×{rows}, overlap {overlap}"
                    );
                }
            }
        }
    }
}
