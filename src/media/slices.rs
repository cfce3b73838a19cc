//! Parts of a file along its axes: which samples are taken, and a reader that passes on these alone.

use crate::error::{Error, Result};
use std::io::{self, ErrorKind, Read, Seek};
use std::ops::Range;

/// A part of a file along one of its axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The name of the axis in the file, in upper or lower case, or its letter: `x`, `y`, `z` of space, `t` of time, `u`,
    /// `v`, `w` of anything else.
    pub axis: String,
    /// What is taken.
    pub part: Part,
}

/// What is taken along an axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// One sample, counted from 0; the axis is left out.
    At(u64),
    /// The samples from the first number on, before the second.
    Range(Range<u64>),
}

/// An axis of a file: its names, the most specific first, and its length.
pub(super) type Named = (Vec<String>, u64);

/// The samples of an axis that are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub range: Range<u64>,
    /// Whether the axis is one of the signal.
    pub kept: bool,
}

impl Taken {
    /// All samples of an axis.
    pub fn whole(length: u64) -> Self {
        Taken { range: 0..length, kept: true }
    }
    /// The number of samples.
    pub fn count(&self) -> u64 {
        self.range.end - self.range.start
    }
}

impl std::fmt::Display for Slice {
    /// The slice as it is written on the command line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.part {
            Part::At(at) => write!(f, "{}={at}", self.axis),
            Part::Range(range) => write!(f, "{}={}..{}", self.axis, range.start, range.end),
        }
    }
}

/// What `slices` take of each of the `axes`.
///
/// # Errors
/// `Parameter` if a slice names no axis, is not within it, or is the second of an axis.
pub(super) fn taken(slices: &[Slice], axes: &[Named]) -> Result<Vec<Taken>> {
    let mut taken: Vec<_> = axes.iter().map(|&(_, length)| Taken::whole(length)).collect();
    let mut seen = vec![];
    for slice in slices {
        let refuse = |detail: String| Err(Error::parameter("slice", format!("{slice}, but {detail}")));
        let named = |(names, _): &Named, rank: usize| {
            names.get(rank).is_some_and(|name| name.to_lowercase() == slice.axis.to_lowercase())
        };
        let most = axes.iter().map(|(names, _)| names.len()).max().unwrap_or(0);
        let number = (0..most).find_map(|rank| axes.iter().position(|axis| named(axis, rank)));
        let Some(number) = number else {
            let names: Vec<_> = axes.iter().map(|(names, _)| names.join(" or ")).collect();
            return refuse(format!("the axes are {}", names.join(", ")));
        };
        let length = axes[number].1;
        let (range, kept) = match &slice.part {
            Part::At(at) => (*at..at.saturating_add(1), false),
            Part::Range(range) => (range.clone(), true),
        };
        if range.start >= range.end || range.end > length {
            return refuse(format!("this axis has the samples 0 to {}", length.saturating_sub(1)));
        }
        if seen.contains(&number) {
            return refuse("this axis is sliced twice".into());
        }
        seen.push(number);
        taken[number] = Taken { range, kept };
    }
    Ok(taken)
}

/// The runs of numbers of a part of an array that follow each other: the first number of each, and their count.
pub(super) struct Runs {
    count: u64,
    first: u64,
    /// The axes beyond the runs: the distance of samples, the part, and the present place in it.
    outer: Vec<(u64, Range<u64>, u64)>,
    over: bool,
}

impl Runs {
    /// The runs of an array whose axes have these lengths and parts, the fastest first.
    pub fn new(axes: &[(u64, Range<u64>)]) -> Self {
        let (mut count, mut first, mut stride, mut inner) = (1, 0, 1u64, 0);
        // Axes that are taken whole, and the first that is not.
        for (length, range) in axes {
            (count, first) =
                ((range.end - range.start).saturating_mul(stride), range.start.saturating_mul(stride));
            stride = stride.saturating_mul(*length);
            inner += 1;
            if *range != (0..*length) {
                break;
            }
        }
        let mut outer = vec![];
        for (length, range) in &axes[inner..] {
            outer.push((stride, range.clone(), range.start));
            stride = stride.saturating_mul(*length);
        }
        let over = axes.iter().any(|(_, range)| range.is_empty());
        Runs { count, first, outer, over }
    }
}

impl Iterator for Runs {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        if self.over {
            return None;
        }
        let start = self.outer.iter().fold(self.first, |sum, (stride, _, at)| sum + stride * at);
        // The next place: the fastest axis that has one moves on, those before it start again.
        self.over = true;
        for (_, range, at) in &mut self.outer {
            *at += 1;
            if *at < range.end {
                self.over = false;
                break;
            }
            *at = range.start;
        }
        Some((start, self.count))
    }
}

/// A reader that passes on a part of an array of numbers, and skips the rest.
pub(super) struct Cut<R> {
    reader: R,
    /// Skips so many bytes.
    pass: fn(&mut R, u64) -> io::Result<()>,
    runs: Runs,
    /// The bytes that have been read or skipped.
    at: u64,
    /// The bytes of the present run that are left.
    left: u64,
    /// The bytes of the whole array.
    end: u64,
}

impl<R: Read + Seek> Cut<R> {
    /// Like [`Cut::new`], of a reader that skips by seeking.
    pub fn seeking(reader: R, width: usize, axes: &[(u64, Range<u64>)]) -> Self {
        let pass = |reader: &mut R, count| {
            reader.seek_relative(i64::try_from(count).map_err(|_| ErrorKind::UnexpectedEof)?)
        };
        Cut { pass, ..Cut::new(reader, width, axes) }
    }
}

impl<R: Read> Cut<R> {
    /// A part of an array of numbers of `width` bytes, whose axes have these lengths and parts, the fastest first. The
    /// bytes of the array must be countable.
    pub fn new(reader: R, width: usize, axes: &[(u64, Range<u64>)]) -> Self {
        let pass = |reader: &mut R, count| match io::copy(&mut reader.take(count), &mut io::sink())? {
            passed if passed < count => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        };
        let width = width as u64;
        let axes: Vec<_> = [(width, 0..width)].into_iter().chain(axes.iter().cloned()).collect();
        let end = axes.iter().fold(1u64, |product, (length, _)| product.saturating_mul(*length));
        Cut { reader, pass, runs: Runs::new(&axes), at: 0, left: 0, end }
    }

    /// Skips the rest of the array.
    pub fn finish(mut self) -> io::Result<()> {
        self.skip(self.end)
    }

    /// Skips all bytes before `to`.
    fn skip(&mut self, to: u64) -> io::Result<()> {
        let count = to.saturating_sub(self.at);
        if count > 0 {
            (self.pass)(&mut self.reader, count)?;
        }
        self.at = self.at.max(to);
        Ok(())
    }
}

impl<R: Read> Read for Cut<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            let Some((start, count)) = self.runs.next() else { return Ok(0) };
            self.skip(start)?;
            self.left = count;
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let count = self.reader.read(&mut bytes[..most])?;
        (self.at, self.left) = (self.at + count as u64, self.left - count as u64);
        Ok(count)
    }
}

/// Copies the numbers of a part of an array whose axes have these lengths and parts, the fastest first.
pub(super) fn part_of<T: Copy>(numbers: &[T], axes: &[(u64, Range<u64>)]) -> Vec<T> {
    Runs::new(axes)
        .flat_map(|(start, count)| numbers[start as usize..(start + count) as usize].iter().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slice(axis: &str, part: Part) -> Slice {
        Slice { axis: axis.into(), part }
    }

    #[test]
    fn axes_have_names_and_letters() {
        let axes = [(vec!["lon".into(), "x".into()], 4), (vec!["x".into(), "y".into()], 3)];
        let of = |axis: &str, part| taken(&[slice(axis, part)], &axes);
        let at = Taken { range: 2..3, kept: false };
        assert_eq!(of("LON", Part::At(2)).unwrap(), [at.clone(), Taken::whole(3)]);
        // An own name comes before a letter.
        assert_eq!(of("x", Part::At(2)).unwrap(), [Taken::whole(4), at]);
        assert_eq!(of("y", Part::Range(1..3)).unwrap()[1], Taken { range: 1..3, kept: true });
        let message = |axis: &str, part| of(axis, part).unwrap_err().to_string();
        assert_eq!(message("t", Part::At(0)), "slice: t=0, but the axes are lon or x, x or y");
        assert_eq!(message("y", Part::At(3)), "slice: y=3, but this axis has the samples 0 to 2");
        for range in [2..2, Range { start: 3, end: 1 }, 0..4, u64::MAX - 1..u64::MAX] {
            assert!(of("y", Part::Range(range)).is_err());
        }
        assert!(of("y", Part::At(u64::MAX)).is_err());
        let twice = taken(&[slice("y", Part::At(0)), slice("y", Part::Range(0..1))], &axes);
        assert!(twice.unwrap_err().to_string().contains("y=0..1, but this axis is sliced twice"));
    }

    #[test]
    fn a_file_that_ends_early_is_an_error() {
        let read = |bytes: &[u8]| {
            let mut cut = Cut::new(bytes, 2, &[(3, 1..2), (2, 0..2)]);
            let mut found = vec![];
            cut.read_to_end(&mut found).and_then(|_| cut.finish()).map(|()| found)
        };
        assert_eq!(read(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]).unwrap(), [2, 3, 8, 9]);
        for end in [0, 1, 2, 5, 6, 7, 10, 11] {
            assert!(read(&[0; 12][..end]).is_err() || end == 9, "{end}");
        }
    }

    /// A part of an array by its definition.
    fn plain(lengths: &[u64], parts: &[Range<u64>]) -> Vec<u64> {
        let count: u64 = lengths.iter().product();
        let inside = |&number: &u64| {
            let mut rest = number;
            lengths.iter().zip(parts).all(|(&length, part)| {
                let at = rest % length;
                rest /= length;
                part.contains(&at)
            })
        };
        (0..count).filter(inside).collect()
    }

    proptest! {
        #[test]
        fn a_part_has_the_numbers_of_the_whole(
            axes in proptest::collection::vec((1u64..5).prop_flat_map(|length| {
                (Just(length), 0..length).prop_flat_map(|(length, from)| (Just(length), Just(from), from + 1..length + 1))
            }), 1..5),
        ) {
            let lengths: Vec<_> = axes.iter().map(|&(length, ..)| length).collect();
            let parts: Vec<_> = axes.iter().map(|&(_, from, to)| from..to).collect();
            let expected = plain(&lengths, &parts);
            let axes: Vec<_> = lengths.iter().copied().zip(parts).collect();
            let numbers: Vec<u64> = (0..lengths.iter().product()).collect();
            prop_assert_eq!(&part_of(&numbers, &axes), &expected);
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| (*number as u16).to_le_bytes()).collect();
            let mut cut = Cut::new(&bytes[..], 2, &axes);
            let mut found = vec![];
            cut.read_to_end(&mut found).unwrap();
            cut.finish().unwrap();
            let mut sought = vec![];
            let file = io::BufReader::with_capacity(8, io::Cursor::new(&bytes));
            Cut::seeking(file, 2, &axes).read_to_end(&mut sought).unwrap();
            prop_assert_eq!(&sought, &found);
            let found: Vec<u64> = found.chunks(2).map(|b| u16::from_le_bytes([b[0], b[1]]).into()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
