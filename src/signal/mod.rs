//! The stored signal: axes, channels, sample formats and samples. Independent of files and networks.

mod axis;
mod coordinates;
mod grid;
pub mod metric;
mod missing;
mod samples;
pub(crate) mod source;
mod steps;
mod tiles;
mod units;

pub use axis::{Axis, Measure, Rate, axis_letters};
pub use coordinates::{AxisCoordinates, Coordinates, Label, Positions};
pub(crate) use grid::first_index;
pub use grid::{Grid, Region, Sampling};
pub(crate) use missing::Mask;
pub use missing::Missing;
pub use samples::{SampleFormat, Samples};
pub use source::{Scan, Source};
pub use steps::{Step, Steps};
pub use tiles::{Tile, Tiles};
pub use units::Units;

/// The kind of a signal: a name for what its axes and channels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Two axes of space, `width, height`; channels 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA.
    Picture,
    /// An axis of time with a whole number of samples per second; 1 to 8 channels.
    Sound,
    /// A picture at each sample of time, at a rate of frames per second: `width, height, frames`.
    Video,
    /// Three axes of space, `width, height, depth`.
    Volume,
    /// All other signals.
    Field,
}

impl Kind {
    /// Whether signals of this kind have samples of `format`.
    pub fn allows(self, format: SampleFormat) -> bool {
        match format {
            SampleFormat::F32 => true,
            SampleFormat::U8 | SampleFormat::U16 => self != Kind::Sound,
            _ => !matches!(self, Kind::Picture | Kind::Video),
        }
    }
}

/// A signal without its samples: what is sampled, and in which format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The axes, fastest first (`width, height`); 1 to [`Description::MOST_AXES`].
    pub axes: Vec<Axis>,
    /// Number of channels, interleaved; 1 to [`Description::MOST_CHANNELS`].
    pub channels: u8,
    /// The format of the source's samples.
    pub format: SampleFormat,
}

impl Description {
    /// The most axes of a signal.
    pub const MOST_AXES: usize = 4;
    /// The most channels of a signal.
    pub const MOST_CHANNELS: u8 = 64;
    /// The most channels of a sound.
    const MOST_SOUND_CHANNELS: u8 = 8;

    /// A picture of `width × height` pixels and 1 to 4 channels.
    pub fn picture(size: [u32; 2], channels: u8, format: SampleFormat) -> Self {
        Description { axes: size.map(Axis::space).to_vec(), channels, format }
    }
    /// A sound of `samples` samples in each of 1 to 8 channels, `rate` of them per second.
    pub fn sound(samples: u32, channels: u8, format: SampleFormat, rate: u32) -> Self {
        Description { axes: vec![Axis::time(samples, Rate::new(rate, 1))], channels, format }
    }
    /// The kind of the signal.
    pub fn kind(&self) -> Kind {
        use Measure::{Space, Time};
        let measures: Vec<_> = self.axes.iter().map(|axis| axis.measure).collect();
        match measures[..] {
            [Space, Space] if self.channels <= 4 => Kind::Picture,
            [Time(Some(rate))] if rate.whole().is_some() && self.channels <= Self::MOST_SOUND_CHANNELS => {
                Kind::Sound
            }
            [Space, Space, Time(Some(_))] if self.channels <= 4 => Kind::Video,
            [Space, Space, Space] => Kind::Volume,
            _ => Kind::Field,
        }
    }
    /// The lengths of the axes in samples.
    pub fn lengths(&self) -> Vec<u32> {
        self.axes.iter().map(|axis| axis.length).collect()
    }
    /// The scale of each axis, numbered in the order of the axes: those of space share one, in which a sample is as
    /// long along each, and every other axis has its own.
    pub fn scales(&self) -> Vec<usize> {
        let mut scales: Vec<usize> = vec![];
        let is_space = |axis: &Axis| axis.measure == Measure::Space;
        for axis in &self.axes {
            let shared =
                self.axes.iter().zip(&scales).find(|&(before, _)| is_space(before) && is_space(axis));
            let next = scales.iter().max().map_or(0, |&last| last + 1);
            scales.push(shared.map_or(next, |(_, &scale)| scale));
        }
        scales
    }
    /// The number of positions: the product of the axis lengths, at most `u64::MAX`.
    pub fn positions(&self) -> u64 {
        self.axes.iter().fold(1, |product: u64, axis| product.saturating_mul(axis.length.into()))
    }
    /// The number of samples: positions times channels, at most `u64::MAX`.
    pub fn samples(&self) -> u64 {
        self.positions().saturating_mul(self.channels.into())
    }
    /// The number of samples per second along its axis of time, if it has one and the number is known.
    pub fn rate(&self) -> Option<Rate> {
        self.axes.iter().find_map(|axis| match axis.measure {
            Measure::Time(rate) => rate,
            _ => None,
        })
    }
    /// The duration in seconds, if the signal has an axis of time whose rate is known.
    pub fn seconds(&self) -> Option<f64> {
        self.axes.iter().find_map(|axis| match axis.measure {
            Measure::Time(Some(rate)) => Some(f64::from(axis.length) / rate.hertz()),
            _ => None,
        })
    }
    /// The description of the signal on a grid of its axes; axes keep their measures.
    pub fn on(&self, grid: &Grid) -> Self {
        let mut on_grid = self.clone();
        let axes = on_grid.axes.iter_mut().zip(&grid.axes);
        axes.for_each(|(axis, sampling)| axis.length = sampling.count);
        on_grid
    }
    /// Returns the description with another rate along its axes of time.
    pub fn with_rate(mut self, rate: Rate) -> Self {
        let times = self.axes.iter_mut().filter(|axis| matches!(axis.measure, Measure::Time(_)));
        times.for_each(|axis| axis.measure = Measure::Time(Some(rate)));
        self
    }
    /// Whether samples are measurements, which PSNR relates to their own range, and not codes of colours or of
    /// a sound, whose range is that of the format.
    pub fn has_own_range(&self) -> bool {
        self.format == SampleFormat::F32 || matches!(self.kind(), Kind::Volume | Kind::Field)
    }
    /// Whether each channel is a quantity of its own, with its own unit and range; otherwise all share one.
    pub fn has_range_per_channel(&self) -> bool {
        matches!(self.kind(), Kind::Volume | Kind::Field)
    }
    /// The number that the unit value 1 stands for: the code of integers that are measurements, 1 for all others.
    pub fn unit_number(&self) -> f64 {
        if matches!(self.kind(), Kind::Volume | Kind::Field) { self.format.codes_per_unit() } else { 1.0 }
    }
    /// Whether the channels are those of a picture at each position.
    pub fn has_colours(&self) -> bool {
        matches!(self.kind(), Kind::Picture | Kind::Video)
    }
    /// Whether the last channel is alpha: the opacity of the colours before it, from 0 to 1.
    pub fn has_alpha(&self) -> bool {
        self.has_colours() && self.channels.is_multiple_of(2)
    }
}

/// The kind of a block of metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MetadataKind {
    /// An ICC colour profile.
    Icc,
    /// An Exif block, starting at its TIFF header; its orientation is 1 (samples are stored upright).
    Exif,
    /// An XMP packet.
    Xmp,
    /// The meaning of the colours as code points of ITU-T H.273, one byte each: primaries, transfer function,
    /// matrix (0, as samples are RGB) and 1 for the full range.
    CodePoints,
    /// The exponent from light to samples, times 100 000, in 4 bytes, highest first.
    Gamma,
    /// x and y of the white point and of red, green and blue, times 100 000, in 4 bytes each, highest first.
    Chromaticities,
    /// Pixels per unit along the width and the height, in 4 bytes each, highest first; then 1 if the unit is
    /// the metre, 0 if only the aspect ratio of a pixel is known.
    Resolution,
    /// Tags of a sound as they follow `INFO` in a RIFF list: chunks of a name, a size and a text.
    Tags,
    /// The physical meaning of axes and channels; see [`Coordinates`].
    Coordinates,
    /// What precedes the samples in a NIfTI file: its header, and its extensions if there are any.
    Nifti,
    /// The number that the source had in place of missing samples: a binary32 number, lowest byte first.
    Fill,
}

impl std::fmt::Display for MetadataKind {
    /// The usual name of the kind.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            MetadataKind::Icc => "ICC",
            MetadataKind::Exif => "Exif",
            MetadataKind::Xmp => "XMP",
            MetadataKind::CodePoints => "cICP",
            MetadataKind::Gamma => "gAMA",
            MetadataKind::Chromaticities => "cHRM",
            MetadataKind::Resolution => "resolution",
            MetadataKind::Tags => "tags",
            MetadataKind::Coordinates => "coordinates",
            MetadataKind::Nifti => "NIfTI header",
            MetadataKind::Fill => "fill value",
        })
    }
}

/// A block of metadata, stored without interpretation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The kind of the block.
    pub kind: MetadataKind,
    /// The bytes of the block.
    pub bytes: Vec<u8>,
}

/// A signal on its native grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Axes, channels and sample format.
    pub description: Description,
    /// `positions × channels` samples, first axis fastest, channels interleaved.
    pub samples: Samples,
    /// Metadata, at most one block of each kind.
    pub metadata: Vec<Metadata>,
}
