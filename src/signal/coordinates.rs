//! The physical meaning of axes and channels: names, units and coordinates, which decoding does not need.

use crate::signal::{Description, Grid, Metadata, MetadataKind, Sampling};
use std::ops::Range;

/// What the axes and channels of a signal stand for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coordinates {
    /// One for each axis, in the order of [`Description::axes`].
    pub axes: Vec<AxisCoordinates>,
    /// One for each channel.
    pub channels: Vec<Label>,
}

/// The name, unit and coordinates of an axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AxisCoordinates {
    /// Its name and unit.
    pub label: Label,
    /// The coordinates of its samples.
    pub positions: Positions,
}

/// A name and a unit, such as `"depth"` and `"mm"`; each at most 255 bytes, and empty if unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// The name.
    pub name: String,
    /// The unit.
    pub unit: String,
}

/// The coordinates of the samples along an axis, in its unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Positions {
    /// Unknown.
    #[default]
    None,
    /// Sample `k` is at `origin + spacing · k`.
    Uniform {
        /// The coordinate of sample 0; finite.
        origin: f64,
        /// The distance to the next sample; finite and not 0, negative if coordinates fall.
        spacing: f64,
    },
    /// One coordinate for each sample: finite, and rising or falling strictly.
    Listed(Vec<f64>),
}

impl Label {
    /// A name and a unit; beyond 255 bytes they are cut.
    pub fn new(name: &str, unit: &str) -> Self {
        let end = |text: &str| (0..=255).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        let cut = |text: &str| text[..end(text)].to_string();
        Label { name: cut(name), unit: cut(unit) }
    }
}

impl Coordinates {
    /// The coordinates among the metadata of a signal of `description`; `None` if there are none, or if their
    /// block is malformed or does not fit the description.
    pub fn of(metadata: &[Metadata], description: &Description) -> Option<Self> {
        let block = metadata.iter().find(|block| block.kind == MetadataKind::Coordinates)?;
        let mut rest = &block.bytes[..];
        let mut axes = vec![];
        for axis in &description.axes {
            let label = label(&mut rest)?;
            let positions = match take(&mut rest, 1)?[0] {
                0 => Positions::None,
                1 => Positions::Uniform { origin: number(&mut rest)?, spacing: number(&mut rest)? },
                2 => {
                    let bytes = take(&mut rest, usize::try_from(axis.length).ok()?.checked_mul(8)?)?;
                    Positions::Listed(bytes.chunks_exact(8).filter_map(|mut c| number(&mut c)).collect())
                }
                _ => return None,
            };
            axes.push(AxisCoordinates { label, positions });
        }
        let mut channels = vec![];
        for _ in 0..description.channels {
            channels.push(label(&mut rest)?);
        }
        let coordinates = Coordinates { axes, channels };
        (rest.is_empty() && coordinates.fits(description)).then_some(coordinates)
    }

    /// The block of metadata; `None` if the coordinates are not those of a signal of `description`.
    pub fn to_metadata(&self, description: &Description) -> Option<Metadata> {
        if !self.fits(description) {
            return None;
        }
        let mut bytes = vec![];
        let put = |label: &Label, bytes: &mut Vec<u8>| {
            for text in [&label.name, &label.unit] {
                bytes.push(text.len() as u8);
                bytes.extend_from_slice(text.as_bytes());
            }
        };
        for axis in &self.axes {
            put(&axis.label, &mut bytes);
            let (form, numbers) = match &axis.positions {
                Positions::None => (0, &[][..]),
                Positions::Uniform { origin, spacing } => (1, &[*origin, *spacing][..]),
                Positions::Listed(numbers) => (2, &numbers[..]),
            };
            bytes.push(form);
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
        self.channels.iter().for_each(|label| put(label, &mut bytes));
        Some(Metadata { kind: MetadataKind::Coordinates, bytes })
    }

    /// The coordinates of the samples of a grid over the signal that they belong to.
    pub fn on(&self, grid: &Grid) -> Self {
        let axes = self.axes.iter().zip(&grid.axes).map(|(axis, sampling)| AxisCoordinates {
            label: axis.label.clone(),
            positions: axis.positions.on(sampling),
        });
        Coordinates { axes: axes.collect(), channels: self.channels.clone() }
    }

    /// Whether nothing is known: all names and units are empty, and there are no positions.
    pub fn is_empty(&self) -> bool {
        let nameless = |label: &Label| label.name.is_empty() && label.unit.is_empty();
        self.axes.iter().all(|axis| nameless(&axis.label) && axis.positions == Positions::None)
            && self.channels.iter().all(nameless)
    }

    /// Whether they are valid for a signal of `description`.
    fn fits(&self, description: &Description) -> bool {
        let short = |label: &Label| [&label.name, &label.unit].iter().all(|text| text.len() <= 255);
        let axes = self.axes.iter().zip(&description.axes);
        self.axes.len() == description.axes.len()
            && self.channels.len() == usize::from(description.channels)
            && self.channels.iter().all(short)
            && axes.into_iter().all(|(own, axis)| short(&own.label) && own.positions.fit(axis.length))
    }
}

impl Positions {
    /// The coordinates `numbers`: uniform if their spacing is equal to binary64 rounding, none if they are not finite or
    /// neither rise nor fall strictly.
    pub fn of(numbers: Vec<f64>) -> Self {
        let (count, last) = (numbers.len(), numbers.last().copied().unwrap_or(f64::NAN));
        let Some(&origin) = numbers.first() else { return Positions::None };
        let spacing = (last - origin) / (count as f64 - 1.0);
        let rounding = f64::EPSILON * origin.abs().max(last.abs());
        let even = |(k, number): (usize, &f64)| (origin + spacing * k as f64 - number).abs() <= rounding;
        let uniform = Positions::Uniform { origin, spacing };
        if count > 1 && uniform.fit(count as u32) && numbers.iter().enumerate().all(even) {
            return uniform;
        }
        let listed = Positions::Listed(numbers);
        if listed.fit(count as u32) { listed } else { Positions::None }
    }

    /// The coordinates of the samples in `part`; none if listed ones are not that many.
    pub fn part(&self, part: &Range<u64>) -> Self {
        match self {
            Positions::None => Positions::None,
            &Positions::Uniform { origin, spacing } => {
                Positions::Uniform { origin: origin + spacing * part.start as f64, spacing }
            }
            Positions::Listed(numbers) => {
                let inside = numbers.get(part.start as usize..part.end as usize);
                inside.map_or(Positions::None, |inside| Positions::Listed(inside.to_vec()))
            }
        }
    }

    /// Whether they are valid for an axis of `length` samples.
    fn fit(&self, length: u32) -> bool {
        match self {
            Positions::None => true,
            Positions::Uniform { origin, spacing } => {
                origin.is_finite() && spacing.is_finite() && *spacing != 0.0
            }
            Positions::Listed(numbers) => {
                let pairs = || numbers.windows(2);
                numbers.len() as u64 == u64::from(length)
                    && numbers.iter().all(|number| number.is_finite())
                    && (pairs().all(|pair| pair[0] < pair[1]) || pairs().all(|pair| pair[0] > pair[1]))
            }
        }
    }

    /// The coordinates at the positions of `sampling`; between two listed ones on the line through them.
    fn on(&self, sampling: &Sampling) -> Self {
        match self {
            Positions::None => Positions::None,
            Positions::Uniform { origin, spacing } => Positions::Uniform {
                origin: origin + spacing * sampling.position(0),
                spacing: spacing * sampling.spacing,
            },
            // No line passes through a single coordinate.
            Positions::Listed(numbers) if numbers.len() < 2 => match *sampling {
                _ if sampling.count == 1 => self.clone(),
                _ => Positions::None,
            },
            Positions::Listed(numbers) => {
                let at = |position: f64| {
                    let k = (position.max(0.0) as usize).min(numbers.len() - 2);
                    numbers[k] + (position - k as f64) * (numbers[k + 1] - numbers[k])
                };
                Positions::Listed((0..sampling.count).map(|i| at(sampling.position(i))).collect())
            }
        }
    }
}

/// The next `count` bytes.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

fn number(rest: &mut &[u8]) -> Option<f64> {
    take(rest, 8)?.try_into().ok().map(f64::from_le_bytes)
}

fn label(rest: &mut &[u8]) -> Option<Label> {
    let mut text = || {
        let length = take(rest, 1)?[0];
        String::from_utf8(take(rest, length.into())?.to_vec()).ok()
    };
    Some(Label { name: text()?, unit: text()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Axis, SampleFormat};

    fn description() -> Description {
        let axes = vec![Axis::space(3), Axis::other(2), Axis::space(9)];
        Description { axes, channels: 1, format: SampleFormat::F32 }
    }
    fn example() -> Coordinates {
        let axis = |name, unit, positions| AxisCoordinates { label: Label::new(name, unit), positions };
        Coordinates {
            axes: vec![
                axis("x", "mm", Positions::Uniform { origin: -1.0, spacing: 0.5 }),
                axis("λ", "", Positions::Listed(vec![2.0, 1.0])),
                axis("", "", Positions::None),
            ],
            channels: vec![Label::new("T", "K")],
        }
    }
    const BYTES: &[u8] = b"\x01x\x02mm\x01\0\0\0\0\0\0\xF0\xBF\0\0\0\0\0\0\xE0\x3F\
        \x02\xCE\xBB\0\x02\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\xF0\x3F\
        \0\0\0\
        \x01T\x01K";
    fn of(bytes: &[u8]) -> Option<Coordinates> {
        let block = Metadata { kind: MetadataKind::Coordinates, bytes: bytes.to_vec() };
        Coordinates::of(&[block], &description())
    }

    #[test]
    fn the_bytes_are_those_of_the_specification() {
        assert_eq!(example().to_metadata(&description()).unwrap().bytes, BYTES);
        assert_eq!(of(BYTES), Some(example()));
        assert!(!example().is_empty() && Coordinates::default().is_empty());
        assert_eq!(Coordinates::of(&[], &description()), None);
    }

    #[test]
    fn malformed_blocks_are_none() {
        for cut in 0..BYTES.len() {
            assert_eq!(of(&BYTES[..cut]), None, "cut at {cut}");
        }
        assert_eq!(of(&[BYTES, b"\0"].concat()), None);
        let with = |at: usize, bytes: &[u8]| {
            let mut changed = BYTES.to_vec();
            changed[at..at + bytes.len()].copy_from_slice(bytes);
            of(&changed)
        };
        assert!(with(1, b"y").is_some());
        // A text that is not UTF-8; an unknown form; a spacing of 0; an origin and a spacing that are not
        // finite; listed coordinates that are equal, or not finite.
        assert_eq!(with(1, b"\xFF"), None);
        assert_eq!(with(5, b"\x03"), None);
        assert_eq!(with(14, &0f64.to_le_bytes()), None);
        assert_eq!(with(6, &f64::NAN.to_le_bytes()), None);
        assert_eq!(with(14, &f64::INFINITY.to_le_bytes()), None);
        assert_eq!(with(27, &1f64.to_le_bytes()), None);
        assert_eq!(with(27, &f64::INFINITY.to_le_bytes()), None);
        // A list that turns around, and descriptions of other axes and channels.
        let turning = Positions::Listed(vec![1.0, 2.0, 1.5]);
        assert!(!turning.fit(3) && Positions::Listed(vec![1.0, 1.5, 2.0]).fit(3));
        let block = [example().to_metadata(&description()).unwrap()];
        for (axes, channels) in [(2, 1), (3, 2)] {
            let mut other = Description { channels, ..description() };
            other.axes.truncate(axes);
            assert_eq!(Coordinates::of(&block, &other), None);
            assert_eq!(example().to_metadata(&other), None);
        }
        let mut other = description();
        other.axes[1].length = 3;
        assert_eq!(Coordinates::of(&block, &other), None);
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(Label::new(&"µ".repeat(200), "").name, "µ".repeat(127));
    }

    #[test]
    fn numbers_are_uniform_or_listed_or_no_coordinates() {
        let tenths = (0..11).map(|k| f64::from(k) * 0.1).collect();
        assert_eq!(Positions::of(tenths), Positions::Uniform { origin: 0.0, spacing: 0.1 });
        assert_eq!(Positions::of(vec![3.0, 1.0]), Positions::Uniform { origin: 3.0, spacing: -2.0 });
        for listed in [vec![7.0], vec![1.0, 2.0, 4.0], vec![0.0, 0.1f32.into(), 0.2f32.into(), 0.3f32.into()]]
        {
            assert_eq!(Positions::of(listed.clone()), Positions::Listed(listed));
        }
        for none in [vec![], vec![f64::NAN], vec![1.0, 1.0], vec![0.0, 2.0, 1.0], vec![0.0, f64::INFINITY]] {
            assert_eq!(Positions::of(none), Positions::None);
        }
        let part = Positions::Uniform { origin: 1.0, spacing: 0.5 }.part(&(2..3));
        assert_eq!(part, Positions::Uniform { origin: 2.0, spacing: 0.5 });
        assert_eq!(Positions::Listed(vec![1.0, 3.0, 4.0]).part(&(1..3)), Positions::Listed(vec![3.0, 4.0]));
    }

    #[test]
    fn a_grid_has_the_coordinates_of_its_positions() {
        let on = |positions: Positions, sampling| positions.on(&sampling);
        let uniform = Positions::Uniform { origin: 10.0, spacing: 2.0 };
        let half = Positions::Uniform { origin: 9.5, spacing: 1.0 };
        assert_eq!(on(uniform.clone(), Sampling::resized(3, 6)), half);
        let later = Sampling { first: 2, count: 1, ..Sampling::native(3) };
        assert_eq!(on(uniform, later), Positions::Uniform { origin: 14.0, spacing: 2.0 });
        let listed = Positions::Listed(vec![1.0, 2.0, 4.0]);
        assert_eq!(on(listed.clone(), Sampling::native(3)), listed);
        let twice = Positions::Listed(vec![0.75, 1.25, 1.75, 2.5, 3.5, 4.5]);
        assert_eq!(on(listed, Sampling::resized(3, 6)), twice);
        let one = Positions::Listed(vec![7.0]);
        assert_eq!(on(one.clone(), Sampling::native(1)), one);
        assert_eq!(on(one, Sampling::resized(1, 2)), Positions::None);
    }

    mod random {
        use super::*;
        use proptest::prelude::*;

        proptest! {
            #[test]
            fn what_is_written_is_read(
                name in ".{0,20}", unit in ".{0,20}", origin in -1e300..1e300, spacing in 1e-300..1e300,
                steps in proptest::collection::vec(1e-3..1e3, 2),
            ) {
                let axis = |positions| AxisCoordinates { label: Label::new(&name, &unit), positions };
                let uniform = Positions::Uniform { origin, spacing };
                let listed = Positions::Listed(vec![steps[0], steps[0] + steps[1]]);
                let coordinates = Coordinates {
                    axes: vec![axis(uniform), axis(listed), axis(Positions::None)],
                    channels: vec![Label::new(&unit, &name)],
                };
                let block = coordinates.to_metadata(&description()).unwrap();
                prop_assert_eq!(Coordinates::of(&[block], &description()), Some(coordinates));
            }

            #[test]
            fn any_bytes_are_read_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
                if let Some(coordinates) = of(&bytes) {
                    prop_assert_eq!(coordinates.to_metadata(&description()).unwrap().bytes, bytes);
                }
            }
        }
    }
}
