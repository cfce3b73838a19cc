//! The TILES and UNITS sections: the partition of the signal, and the units of its samples.

use super::fields::Fields;
use super::signal::{MAX_LENGTH, name};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::signal::{Description, Tiles, Units};
use std::num::Saturating;

const TILES: &str = "TILES section";
const UNITS: &str = "UNITS section";

/// Reads the TILES section, which is present only if there is more than one tile.
pub(super) fn read_tiles(payload: &[u8], description: &Description, limits: &Limits) -> Result<Tiles> {
    let mut fields = Fields::new(payload, TILES);
    let (mut counts, mut product) = (vec![], Saturating(1u64));
    for &length in &description.lengths() {
        let count = fields.varint_in("tiles along an axis", 1, length)?;
        product *= u64::from(count);
        counts.push(count);
    }
    if product.0 < 2 {
        return Err(fields.error("1 tile, expected no such section"));
    }
    let scales = description.scales();
    let mut overlaps = vec![];
    while let Some(scale) = Some(overlaps.len()).filter(|scale| scales.contains(scale)) {
        let divided = scales.iter().zip(&counts).any(|(&of, &count)| of == scale && count > 1);
        overlaps.push(if divided { fields.varint_in("overlap", 0, MAX_LENGTH)? } else { 0 });
    }
    fields.finish()?;
    Limits::check("tiles", product.0, limits.tiles)?;
    Tiles::with_overlaps(description, &counts, &overlaps).map_err(|e| Error::format(TILES, e.to_string()))
}

/// Reads the UNITS section, which is present only if unit values differ from the values of the field.
#[allow(clippy::arithmetic_side_effects, reason = "exponents have 9 bits")]
pub(super) fn read_units(payload: &[u8], description: &Description) -> Result<Units> {
    let mut fields = Fields::new(payload, UNITS);
    let biased = fields.varint_in("scale", 0, SCALE_PER_CHANNEL)?;
    let mut numbers = |what| -> Result<Vec<f32>> {
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |bits, &byte| bits << 8 | u32::from(byte));
        let one = |_| Ok(f32::from_bits(number(fields.take(4, what)?)));
        (0..description.channels).map(one).collect()
    };
    let units = match biased {
        SCALE_PER_CHANNEL => Units { scales: numbers("scale of a channel")?, offsets: numbers("offset")? },
        _ => Units::with_exponent(biased as i16 - EXPONENT_BIAS, numbers("offset")?),
    };
    check_units(&units, description).map_err(|detail| fields.error(detail))?;
    if let Some(exponent) = units.exponent().filter(|_| biased == SCALE_PER_CHANNEL) {
        let detail = format!("a scale of 2^{exponent} for each channel, expected a common one");
        return Err(fields.error(detail));
    }
    fields.finish()?;
    Ok(units)
}

/// Added to the exponent of the common scale in the file.
const EXPONENT_BIAS: i16 = 149;
/// In place of a common exponent: each channel has a scale of its own.
const SCALE_PER_CHANNEL: u32 = 277;

/// `Ok` if a file can store these units, otherwise what is wrong.
fn check_units(units: &Units, description: &Description) -> std::result::Result<(), String> {
    if !description.has_own_range() {
        let (format, kind) = (description.format, name(description.kind()));
        return Err(format!("units of {format:?} samples of a {kind}, which have none"));
    }
    if let Some(offset) = units.offsets.iter().find(|offset| !offset.is_finite()) {
        return Err(format!("offset {offset}, expected a finite number"));
    }
    let is_scale = |scale: &f32| scale.is_finite() && scale.is_sign_positive();
    if let Some(scale) = units.scales.iter().find(|scale| !is_scale(scale)) {
        return Err(format!("scale {scale}, expected a finite number from 0 on"));
    }
    if units.is_default() {
        return Err("scale 1 and offsets 0, expected no such section".into());
    }
    Ok(())
}

#[cfg(feature = "encoder")]
pub(super) use write::{write_tiles, write_units};

#[cfg(feature = "encoder")]
mod write {
    use super::*;
    use crate::container::fields::push_varint;

    /// The payload of the UNITS section.
    ///
    /// # Errors
    /// `Parameter` if these are not valid units of `description`, or change nothing.
    #[allow(clippy::arithmetic_side_effects, reason = "exponents are -149 to 127")]
    pub(in crate::container) fn write_units(units: &Units, description: &Description) -> Result<Vec<u8>> {
        let error = |detail: String| Error::parameter("units", detail);
        let counts = [units.scales.len(), units.offsets.len()];
        if counts != [usize::from(description.channels); 2] {
            let [scales, offsets] = counts;
            let detail =
                format!("{scales} scales and {offsets} offsets of {} channels", description.channels);
            return Err(error(detail));
        }
        check_units(units, description).map_err(error)?;
        let mut payload = vec![];
        let mut numbers = units.offsets.clone();
        match units.exponent() {
            Some(exponent) => push_varint(&mut payload, (exponent + EXPONENT_BIAS) as u64),
            None => {
                push_varint(&mut payload, SCALE_PER_CHANNEL.into());
                numbers.splice(0..0, units.scales.iter().copied());
            }
        }
        numbers.iter().for_each(|number| payload.extend(number.to_le_bytes()));
        Ok(payload)
    }

    /// The payload of the TILES section; `None` for a single tile, which needs no section.
    ///
    /// # Errors
    /// `Parameter` if `tiles` is not a partition of `description`.
    pub(in crate::container) fn write_tiles(
        tiles: &Tiles,
        description: &Description,
    ) -> Result<Option<Vec<u8>>> {
        let one = tiles.counts().iter().all(|&n| n == 1);
        if !tiles.belong_to(description) {
            return Err(Error::parameter("tiles", "they belong to another description"));
        }
        let mut payload = vec![];
        tiles.counts().iter().chain(&tiles.overlaps()).for_each(|&n| push_varint(&mut payload, n.into()));
        Ok((!one).then_some(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::signal::read_signal;

    #[test]
    fn partitions_are_checked_before_use() {
        let picture = read_signal(&[0, 0, 1, 100, 50]).unwrap();
        let limits = Limits { tiles: 12, ..Limits::default() };
        let tiles = read_tiles(&[4, 3, 8], &picture, &limits).unwrap();
        assert_eq!((tiles.counts(), tiles.overlaps(), tiles.len()), (&[4, 3][..], vec![8], 12));
        assert!(matches!(read_tiles(&[5, 3, 8], &picture, &limits), Err(Error::Limit { .. })));
        for bytes in [&[1, 1, 0][..], &[4, 3, 9], &[0, 3, 0], &[4, 51, 0], &[4, 3], &[4, 3, 8, 0]] {
            assert!(matches!(read_tiles(bytes, &picture, &limits), Err(Error::Format { .. })), "{bytes:?}");
        }
    }

    #[cfg(feature = "encoder")]
    #[test]
    fn units_are_read_as_they_were_written() {
        let picture = read_signal(&[0, 6, 2, 100, 50]).unwrap();
        let offsets = [290f32, -0.0].map(f32::to_le_bytes).concat();
        for exponent in [0, 1, 148, 149, 150, 276] {
            let mut bytes = vec![];
            crate::container::fields::push_varint(&mut bytes, exponent);
            bytes.extend(&offsets);
            let units = read_units(&bytes, &picture).unwrap();
            assert_eq!(units.exponent().map(|e| e + 149), i16::try_from(exponent).ok());
            assert_eq!(write_units(&units, &picture).unwrap(), bytes);
        }
        let scales = [2f32, 0.0].map(f32::to_le_bytes).concat();
        let bytes = [&[0x95, 2][..], &scales, &offsets].concat();
        let units = read_units(&bytes, &picture).unwrap();
        assert_eq!((&units.scales[..], units.offsets[0]), (&[2.0, 0.0][..], 290.0));
        assert_eq!(write_units(&units, &picture).unwrap(), bytes);
        for scales in [vec![], vec![1.0], vec![-1.0, 1.0], vec![f32::NAN, 1.0]] {
            let wrong = Units { scales, ..units.clone() };
            assert!(matches!(write_units(&wrong, &picture), Err(Error::Parameter { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn units_are_read_and_checked() {
        let picture = read_signal(&[0, 6, 2, 100, 50]).unwrap();
        let offsets = [290f32, -0.0].map(f32::to_le_bytes).concat();
        let with = |scale: &[u8], offsets: &[u8]| read_units(&[scale, offsets].concat(), &picture);
        let units = with(&[0x9e, 1], &offsets).unwrap();
        assert_eq!((&units.scales[..], &units.offsets[..]), (&[512.0; 2][..], &[290.0, -0.0][..]));
        let refused = |read: Result<Units>| matches!(read, Err(Error::Format { .. }));
        assert!(refused(with(&[0x95, 1], &[0; 8])), "the default");
        assert!(!refused(with(&[0x95, 1], &[0, 0, 0, 0, 0, 0, 0, 0x80])), "an offset of −0 is none");
        assert!(refused(with(&[0x96, 2], &offsets)), "2^129");
        let with_scales = |scales: [f32; 2]| {
            with(&[0x95, 2], &[&scales.map(f32::to_le_bytes).concat()[..], &offsets].concat())
        };
        assert_eq!(with_scales([3.0, 3.0]).unwrap().scales, [3.0, 3.0]);
        assert!(refused(with_scales([4.0, 4.0])), "a power of two that all share has a shorter form");
        for wrong in [f32::NAN, f32::INFINITY, -1.0, -0.0] {
            assert!(refused(with_scales([1.0, wrong])), "{wrong}");
        }
        assert!(refused(with(&[5], &offsets[..7])) && refused(with(&[5], &[&offsets[..], &[0]].concat())));
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(refused(with(&[5], &[&offsets[..4], &wrong.to_le_bytes()].concat())), "{wrong}");
        }
        for integers in [&[0, 0, 2, 100, 50][..], &[0, 1, 2, 100, 50], &[1, 5, 2, 100, 50]] {
            let signal = read_signal(integers).unwrap();
            assert!(refused(read_units(&[&[5], &offsets[..]].concat(), &signal)), "{:?}", signal.format);
        }
    }

    /// Every division of every picture of up to 8 × 4, with every possible overlap and some impossible ones.
    #[test]
    fn exactly_the_possible_partitions_are_read() {
        // The reason for the rule: between two boundaries there are two overlaps.
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
