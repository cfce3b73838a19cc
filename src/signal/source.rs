//! Signals that are read box by box, so that they need not be in memory as a whole.

use crate::error::{Error, Result};
use crate::signal::{Description, Metadata, SampleFormat, Samples, Signal};
use std::borrow::Cow;
use std::ops::Range;

/// A signal that is read box by box: a [`Signal`] in memory, a file, or anything else.
///
/// A box is a range of native samples along each axis, first axis fastest. All reads of a source give the same
/// samples, and several threads may read at once.
pub trait Source: Sync {
    /// Axes, channels and sample format.
    fn description(&self) -> &Description;
    /// Metadata, at most one block of each kind.
    fn metadata(&self) -> &[Metadata];
    /// The samples of the box `region`, in the format of the description: first axis fastest, channels interleaved.
    /// A source in memory lends them where they are all of its samples.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `region` is empty or not within the signal; those of reading.
    fn read(&self, region: &[Range<u32>]) -> Result<Cow<'_, Samples>>;
    /// Bytes of memory that the samples take while none are read: all of them, or none if they are in a file.
    fn resident_bytes(&self) -> u64;
}

impl Source for Signal {
    fn description(&self) -> &Description {
        &self.description
    }
    fn metadata(&self) -> &[Metadata] {
        &self.metadata
    }
    fn read(&self, region: &[Range<u32>]) -> Result<Cow<'_, Samples>> {
        let Signal { description, samples, .. } = self;
        check_samples(description, samples, description.samples())?;
        check_region(description, region)?;
        if whole(description) == region {
            return Ok(Cow::Borrowed(samples));
        }
        let mut part = Samples::with_capacity(samples.format(), 0);
        part.reserve(count(description, region) as usize)?;
        for run in runs(description, region) {
            part.extend_from(samples, run.start as usize..run.end as usize);
        }
        Ok(Cow::Owned(part))
    }
    fn resident_bytes(&self) -> u64 {
        self.samples.len() as u64 * self.samples.format().bytes()
    }
}

/// The box of the whole signal.
pub(crate) fn whole(description: &Description) -> Vec<Range<u32>> {
    description.axes.iter().map(|axis| 0..axis.length).collect()
}

/// The samples of a box, channels included.
pub(crate) fn count(description: &Description, region: &[Range<u32>]) -> u64 {
    region.iter().fold(description.channels.into(), |count: u64, range| {
        count.saturating_mul(range.end.saturating_sub(range.start).into())
    })
}

/// Rejects a box that is empty or not within the signal.
pub(crate) fn check_region(description: &Description, region: &[Range<u32>]) -> Result<()> {
    let within = |(range, end): (&Range<u32>, u32)| range.start < range.end && range.end <= end;
    let lengths = description.lengths();
    if region.len() == lengths.len() && region.iter().zip(lengths.clone()).all(within) {
        return Ok(());
    }
    Err(Error::parameter("region", format!("{region:?}, expected a box within {lengths:?}")))
}

/// The runs of neighbouring samples in the order of the signal that make up a box: numbers of samples.
pub(crate) fn runs(description: &Description, region: &[Range<u32>]) -> impl Iterator<Item = Range<u64>> {
    let lengths = description.lengths();
    let mut strides = vec![u64::from(description.channels)];
    strides.extend(lengths.iter().scan(strides[0], |stride, &length| {
        *stride = stride.saturating_mul(length.into());
        Some(*stride)
    }));
    // The first axis that the box does not span ends a run.
    let is_part = |(range, &length): (&Range<u32>, &u32)| *range != (0..length);
    let cut = region.iter().zip(&lengths).position(is_part).unwrap_or(lengths.len() - 1);
    let length = u64::from(region[cut].end - region[cut].start) * strides[cut];
    let first: u64 = region.iter().zip(&strides).map(|(range, stride)| u64::from(range.start) * stride).sum();
    let outer: Vec<(u64, u64)> = region
        .iter()
        .zip(strides)
        .skip(cut + 1)
        .map(|(range, stride)| (u64::from(range.end - range.start), stride))
        .collect();
    let number = outer.iter().map(|(side, _)| side).product::<u64>();
    (0..number).map(move |mut n| {
        let start = outer.iter().fold(first, |start, (side, stride)| {
            let at = n % side;
            n /= side;
            start + at * stride
        });
        start..start + length
    })
}

/// Cuts a box along its last axis into slabs of at most so many `samples`, or of one step along the axis.
#[cfg(any(test, feature = "encoder", feature = "media"))]
pub(crate) fn slabs(
    description: &Description,
    region: &[Range<u32>],
    samples: u64,
) -> impl Iterator<Item = Vec<Range<u32>>> {
    let region = region.to_vec();
    let last = region.last().cloned().unwrap_or_default();
    let step = (count(description, &region) / last.len().max(1) as u64).max(1);
    let length = (samples / step).clamp(1, u32::MAX.into()) as usize;
    last.clone().step_by(length).map(move |from| {
        let mut slab = region.clone();
        let to = last.end.min(from.saturating_add(length as u32));
        slab.iter_mut().last().into_iter().for_each(|range| *range = from..to);
        slab
    })
}

/// Reads a box of any source, and rejects what is not its samples.
pub(crate) fn read<'a>(source: &'a dyn Source, region: &[Range<u32>]) -> Result<Cow<'a, Samples>> {
    let description = source.description();
    check_region(description, region)?;
    let samples = source.read(region)?;
    check_samples(description, &samples, count(description, region))?;
    Ok(samples)
}

/// Rejects samples that are not so many as are `expected`, or have another format than the description.
fn check_samples(description: &Description, samples: &Samples, expected: u64) -> Result<()> {
    let error = |detail| Err(Error::parameter("signal", detail));
    if samples.len() as u64 != expected || expected == 0 {
        return error(format!("{} samples, expected {expected}", samples.len()));
    }
    if samples.format() != description.format {
        return error(format!("{:?} samples in a signal of {:?}", samples.format(), description.format));
    }
    Ok(())
}

/// A box of samples that was read.
#[cfg(feature = "encoder")]
pub(crate) struct Patch<'a> {
    samples: Cow<'a, Samples>,
    region: Vec<Range<u32>>,
    channels: usize,
}

#[cfg(feature = "encoder")]
impl<'a> Patch<'a> {
    /// Reads a box.
    ///
    /// # Errors
    /// The errors of [`Source::read`].
    pub fn read(source: &'a dyn Source, region: Vec<Range<u32>>) -> Result<Self> {
        let channels = source.description().channels.into();
        Ok(Patch { samples: read(source, &region)?, region, channels })
    }
    /// The number, in the box, of a position of the signal that lies in it.
    pub fn place(&self, position: &[u32]) -> usize {
        let axes = self.region.iter().zip(position).rev();
        axes.fold(0, |place, (range, at)| place * range.len() + (at - range.start) as usize)
    }
    /// The distance, in numbers of positions, between neighbours along an axis.
    pub fn stride(&self, axis: usize) -> usize {
        self.region[..axis].iter().map(|range| range.len()).product()
    }
    /// The number of the next position along an axis, if it lies in the box.
    pub fn next(&self, position: &[u32], axis: usize) -> Option<usize> {
        (position[axis] + 1 < self.region[axis].end).then(|| self.place(position) + self.stride(axis))
    }
    /// The unit value of a channel at the position of this number.
    pub fn value(&self, place: usize, channel: usize) -> f32 {
        self.samples.get(place * self.channels + channel)
    }
}

/// Samples of a slab of a [`Scan`].
const SLAB: u64 = 1 << 20;

/// Reads a source from its first sample to its last: slabs along its last axis, lines of a picture or frames of a
/// video.
///
/// ```
/// use sirenc::signal::{Description, SampleFormat, Samples, Scan, Signal};
///
/// # fn main() -> sirenc::Result<()> {
/// let signal = Signal {
///     description: Description::picture([2, 3], 1, SampleFormat::U8),
///     samples: Samples::U8(vec![1, 2, 3, 4, 5, 6]),
///     metadata: vec![],
/// };
/// let mut scan = Scan::of(&signal);
/// assert_eq!(*scan.read(2)?, Samples::U8(vec![1, 2]));
/// assert_eq!(*scan.read(4)?, Samples::U8(vec![3, 4, 5, 6]));
/// # Ok(())
/// # }
/// ```
pub struct Scan<'a> {
    source: &'a dyn Source,
    /// The first index along the last axis that is not read yet.
    next: u32,
}

impl<'a> Scan<'a> {
    /// A scan that begins.
    pub fn of(source: &'a dyn Source) -> Self {
        Scan { source, next: 0 }
    }
    /// The next samples, `count` of them: whole steps along the last axis.
    ///
    /// # Errors
    /// [`Error::Parameter`] if these are no whole steps or more than are left; the errors of [`Source::read`].
    pub fn read(&mut self, count: usize) -> Result<Cow<'a, Samples>> {
        let description = self.source.description();
        let mut region = whole(description);
        let Some(last) = region.last_mut() else { return Err(Error::parameter("signal", "no axes")) };
        let (step, left) = (description.samples() / u64::from(last.end.max(1)), last.end - self.next);
        let steps = (count as u64).checked_div(step).filter(|steps| steps * step == count as u64);
        let Some(steps) = steps.filter(|&steps| steps > 0 && steps <= left.into()) else {
            let detail = format!("{count} samples, expected up to {left} times {step}");
            return Err(Error::parameter("count", detail));
        };
        *last = self.next..self.next + steps as u32;
        let samples = read(self.source, &region)?;
        self.next += steps as u32;
        Ok(samples)
    }
}

/// The rest of the signal in slabs of about a million samples; nothing follows an error.
impl<'a> Iterator for Scan<'a> {
    type Item = Result<Cow<'a, Samples>>;

    fn next(&mut self) -> Option<Self::Item> {
        let description = self.source.description();
        let last = description.axes.last().map_or(0, |axis| axis.length);
        if self.next >= last {
            return None;
        }
        let step = description.samples() / u64::from(last);
        let steps = (SLAB / step.max(1)).clamp(1, (last - self.next).into());
        let samples = self.read((steps * step) as usize);
        if samples.is_err() {
            self.next = last;
        }
        Some(samples)
    }
}

impl SampleFormat {
    /// Bytes of a sample in memory: those of 24 bits are held in 32.
    pub(crate) fn bytes(self) -> u64 {
        u64::from(self.bits()).div_ceil(8).next_power_of_two()
    }
}

#[cfg(test)]
mod tests;
