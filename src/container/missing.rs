//! The MISSING section: the mask of missing samples, bit by bit, each with a probability that its context has learned.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a mask has fewer bits than memory, and contexts have 12 bits"
)]

use super::fields::Fields;
use super::range_coder::{RangeDecoder, TOTAL_BITS};
use crate::error::Result;
use crate::limits::{Amount, Limits, Memory};
use crate::signal::{Description, Mask, Missing, SampleFormat};
use std::num::Saturating;

const MISSING: &str = "MISSING section";
/// The most bits that a byte of a stream can hold: each costs at least 2⁻¹⁶ of the interval.
const BITS_PER_BYTE: u64 = 1 << 19;
/// Bits before a bit that make its context.
const CONTEXT_BITS: usize = 12;
/// Bytes of all contexts.
const CONTEXT_BYTES: Amount = Saturating((size_of::<Context>() as u64) << CONTEXT_BITS);

/// What a context has learned.
#[derive(Clone, Copy)]
struct Context {
    /// The probability of a missing sample, in units of 2⁻³².
    chance: u32,
    /// The bits that it has seen, up to [`Context::MOST`].
    seen: u8,
}

impl Context {
    /// More bits than this change nothing.
    const MOST: u8 = 61;
    const NEW: Context = Context { chance: 1 << 31, seen: 0 };

    /// The frequency of a missing sample, of 2¹⁶.
    fn frequency(self) -> u32 {
        (self.chance >> (32 - TOTAL_BITS)).max(1)
    }
    /// Learns from a bit: much from the first ones, a 64th from the 62nd on.
    fn update(&mut self, missing: bool) {
        let shift = (u32::from(self.seen) + 3).ilog2();
        match missing {
            true => self.chance += (u32::MAX - self.chance) >> shift,
            false => self.chance -= self.chance >> shift,
        }
        self.seen = (self.seen + 1).min(Context::MOST);
    }
}

/// One direction of coding bits.
trait BitCoder {
    /// Writes bit `number` and returns it, or reads it.
    fn bit(&mut self, frequency: u32, number: u64) -> Result<bool>;
}

impl BitCoder for RangeDecoder<'_> {
    fn bit(&mut self, frequency: u32, _: u64) -> Result<bool> {
        RangeDecoder::bit(self, frequency)
    }
}

/// A line of bits that have been coded, or none.
#[derive(Clone, Copy)]
struct Line(Option<u64>);

impl Line {
    fn new(exists: bool, start: impl FnOnce() -> u64) -> Self {
        Line(exists.then(start))
    }
    /// Bit `x` of a line of `length` bits, 0 beyond it.
    fn bit(self, mask: &Mask, x: u64, length: u64) -> usize {
        self.0.is_some_and(|start| x < length && mask.bit(start + x)).into()
    }
}

/// Passes the bits of `planes` planes, first axis fastest, through `coder`.
fn visit(lengths: &[u32], planes: u8, coder: &mut impl BitCoder) -> Result<Mask> {
    let length = |axis: usize| lengths.get(axis).map_or(1, |&length| u64::from(length));
    let [width, height, depth] = [0, 1, 2].map(length);
    let slice = width * height;
    let (volume, positions) =
        (slice * depth, lengths.iter().map(|&length| u64::from(length)).product::<u64>());
    let mut mask = Mask::new(positions * u64::from(planes))?;
    let mut contexts = vec![Context::NEW; 1 << CONTEXT_BITS];
    for line in 0..positions / width * u64::from(planes) {
        let start = line * width;
        let position = start % positions;
        let (y, z, t) = (position % slice / width, position % volume / slice, position / volume);
        let above = Line::new(y > 0, || start - width);
        let second_above = Line::new(y > 1, || start - 2 * width);
        let before = Line::new(z > 0, || start - slice);
        let below_before = Line::new(z > 0 && y + 1 < height, || start - slice + width);
        let earlier = Line::new(t > 0, || start - volume);
        let channel = Line::new(start >= positions, || start - positions);
        // The last bits of the line itself, and those of the lines above and before up to the next two.
        let mut own = 0;
        let mut of_above = above.bit(&mask, 0, width) << 1 | above.bit(&mask, 1, width);
        let mut of_before = before.bit(&mask, 0, width);
        for x in 0..width {
            of_above = (of_above << 1 | above.bit(&mask, x + 2, width)) & 15;
            of_before = (of_before << 1 | before.bit(&mask, x + 1, width)) & 3;
            let single = [second_above, below_before, earlier, channel];
            let single = single.iter().fold(0, |bits, line| bits << 1 | line.bit(&mask, x, width));
            let context = &mut contexts[own | of_above << 2 | of_before << 6 | single << 8];
            let missing = coder.bit(context.frequency(), start + x)?;
            context.update(missing);
            mask.push(missing);
            own = (own << 1 | usize::from(missing)) & 3;
        }
    }
    Ok(mask)
}

/// Reads the MISSING section.
pub(super) fn read(
    payload: &[u8],
    description: &Description,
    limits: &Limits,
    memory: &mut Memory,
) -> Result<Missing> {
    let mut fields = Fields::new(payload, MISSING);
    if description.format != SampleFormat::F32 {
        return Err(fields.error(format!("samples of {:?}, expected F32", description.format)));
    }
    let (planes, channels) = (fields.u8("planes")?, description.channels);
    if planes != 1 && planes != channels {
        return Err(fields.error(format!("{planes} planes, expected 1 or {channels}")));
    }
    let bits = description.positions().saturating_mul(planes.into());
    Limits::check("samples of the mask", bits, limits.samples)?;
    let stream = fields.rest();
    // The stream may lack 4 bytes at its end.
    if bits.div_ceil(BITS_PER_BYTE) > (stream.len() as u64).saturating_add(4) {
        return Err(fields.error(format!("{} bytes for {bits} samples", stream.len())));
    }
    memory.check(Saturating(bits.div_ceil(8)) + CONTEXT_BYTES)?;
    memory.hold(Saturating(bits.div_ceil(8)))?;
    let mut decoder = RangeDecoder::named(stream, MISSING)?;
    let mask = visit(&description.lengths(), planes, &mut decoder)?;
    decoder.finish()?;
    let missing = Missing::new(description, planes, mask);
    check(&missing, description).map_err(|detail| fields.error(detail))?;
    Ok(missing)
}

/// `Ok` if a file can store the mask, otherwise what is wrong.
fn check(missing: &Missing, description: &Description) -> std::result::Result<(), String> {
    let all = description.positions() * u64::from(description.channels);
    match missing.samples() {
        0 => return Err("no sample is missing, expected no such section".into()),
        samples if samples == all => return Err(format!("all {all} samples are missing")),
        _ => {}
    }
    let positions = description.positions();
    let equal = |plane: u64| (0..positions).all(|n| missing.bit(n) == missing.bit(plane * positions + n));
    let planes = missing.planes();
    if planes > 1 && (1..u64::from(planes)).all(equal) {
        return Err(format!("{planes} equal planes, expected 1"));
    }
    Ok(())
}

#[cfg(feature = "encoder")]
pub(super) use write::write;

#[cfg(feature = "encoder")]
mod write {
    use super::*;
    use crate::container::range_coder::RangeEncoder;
    use crate::error::Error;

    struct Writer<'a> {
        missing: &'a Missing,
        range: RangeEncoder,
    }

    impl BitCoder for Writer<'_> {
        fn bit(&mut self, frequency: u32, number: u64) -> Result<bool> {
            let bit = self.missing.bit(number);
            let (start, size) = if bit { (0, frequency) } else { (frequency, (1 << TOTAL_BITS) - frequency) };
            self.range.encode(start, size, TOTAL_BITS);
            Ok(bit)
        }
    }

    /// The payload of the MISSING section.
    ///
    /// # Errors
    /// `Parameter` if the mask is not one of signals of `description`, or if all samples are missing.
    pub(in crate::container) fn write(missing: &Missing, description: &Description) -> Result<Vec<u8>> {
        let error = |detail: String| Error::parameter("missing", detail);
        if !missing.belongs_to(description) || description.format != SampleFormat::F32 {
            return Err(error("a mask of another signal".into()));
        }
        check(missing, description).map_err(error)?;
        let mut writer = Writer { missing, range: RangeEncoder::new() };
        visit(&description.lengths(), missing.planes(), &mut writer)?;
        let mut payload = vec![missing.planes()];
        payload.append(&mut writer.range.finish());
        Ok(payload)
    }
}

#[cfg(all(test, feature = "encoder"))]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::signal::{Axis, Samples};
    use proptest::prelude::*;

    fn field(lengths: &[u32], channels: u8) -> Description {
        let axes = lengths.iter().map(|&length| Axis::other(length)).collect();
        Description { axes, channels, format: SampleFormat::F32 }
    }
    fn of(description: &Description, is_missing: impl Fn(u64, u64) -> bool) -> Option<Missing> {
        let channels = u64::from(description.channels);
        let sample = |i| if is_missing(i / channels, i % channels) { f32::NAN } else { 1.0 };
        let samples = (0..description.positions() * channels).map(sample).collect();
        Missing::of(description, &Samples::F32(samples)).unwrap()
    }
    fn read(payload: &[u8], description: &Description, limits: &Limits) -> Result<Missing> {
        super::read(payload, description, limits, &mut Memory::new(limits))
    }

    proptest! {
        #[test]
        fn masks_come_back_and_no_other_bytes_give_them(
            lengths in prop::collection::vec(1u32..9, 1..5),
            channels in 1u8..4,
            (together, share, seed) in (any::<bool>(), 0u64..101, any::<u64>()),
            (at, with) in (0usize..1000, any::<u8>()),
        ) {
            let description = field(&lengths, channels);
            let hash = |n: u64| (n ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let missing = |n: u64, c: u64| hash(n + if together { 0 } else { c << 20 }) % 101 < share;
            let Some(mask) = of(&description, missing) else { return Ok(()) };
            let Ok(payload) = write(&mask, &description) else { return Ok(()) };
            let limits = Limits::default();
            prop_assert_eq!(&read(&payload, &description, &limits).unwrap(), &mask);
            let mut other = payload.clone();
            let at = at % other.len();
            other[at] = with;
            if let Ok(read) = read(&other, &description, &limits) {
                prop_assert_eq!(read == mask, other == payload);
                prop_assert_eq!(write(&read, &description).unwrap(), other);
            }
            prop_assert!(super::read(&[&payload[..], &[0]].concat(), &description, &limits, &mut Memory::new(&limits)).is_err());
        }
    }

    #[test]
    fn a_regular_mask_takes_a_few_bytes() {
        let description = field(&[64, 64, 64], 2);
        let half = of(&description, |n, _| n % 64 < 32).unwrap();
        assert!(write(&half, &description).unwrap().len() < 40);
    }

    #[test]
    fn sections_that_say_too_much_or_nothing_are_refused() {
        let limits = Limits::default();
        let refused =
            |payload: &[u8], description: &Description, part: &str| match read(payload, description, &limits)
            {
                Err(Error::Format { detail, .. }) => assert!(detail.contains(part), "{detail}"),
                other => panic!("{other:?}"),
            };
        let grey = field(&[5, 3], 1);
        refused(&[], &grey, "planes is missing");
        refused(&[2], &grey, "2 planes, expected 1 or 1");
        refused(&[0], &field(&[5, 3], 3), "0 planes, expected 1 or 3");
        refused(&[1], &field(&[3000, 3000], 1), "0 bytes for 9000000 samples");
        refused(&[1, 0xff, 0xff, 0xff, 0xff], &grey, "a code outside the intervals");
        let integers = Description { format: SampleFormat::I16, ..grey.clone() };
        refused(&[1], &integers, "samples of I16, expected F32");
        let large = field(&[u32::MAX >> 1; 4], 1);
        assert!(matches!(read(&[1], &large, &limits), Err(Error::Limit { .. })));
        let small = Limits { memory_bytes: 1000, ..Limits::default() };
        assert!(matches!(read(&[1], &grey, &small), Err(Error::Limit { what: "bytes of memory", .. })));
        let all = of(&grey, |_, _| true).unwrap();
        assert!(matches!(write(&all, &grey), Err(Error::Parameter { name: "missing", .. })));
    }
}
