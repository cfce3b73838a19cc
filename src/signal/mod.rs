//! The stored signal: axes, channels, sample formats and samples. Independent of files and networks.

mod grid;
pub mod metric;
mod samples;
mod tiles;
mod units;

pub(crate) use grid::first_index;
pub use grid::{Axis, Grid, Region};
pub use samples::{SampleFormat, Samples};
pub use tiles::{Tile, Tiles};
pub use units::Units;

/// The kind of a signal; it fixes the meaning of axes and channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Axes `width, height`; channels 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA.
    Picture,
    /// Axis `samples`; channels 1 to 8.
    Sound,
}

impl Kind {
    /// The number of axes.
    pub fn axes(self) -> usize {
        match self {
            Kind::Picture => 2,
            Kind::Sound => 1,
        }
    }
    /// The largest number of channels.
    pub fn max_channels(self) -> u8 {
        match self {
            Kind::Picture => 4,
            Kind::Sound => 8,
        }
    }
}

/// A signal without its samples: everything that a `.siren` header says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Picture or sound.
    pub kind: Kind,
    /// Lengths of the axes in samples, fastest first (`width, height`); each at least 1.
    pub lengths: Vec<u32>,
    /// Number of channels, interleaved; 1 to [`Kind::max_channels`].
    pub channels: u8,
    /// The format of the source's samples.
    pub format: SampleFormat,
    /// Samples per second of a sound; 0 for a picture.
    pub rate: u32,
}

impl Description {
    /// A picture of `width × height` pixels.
    pub fn picture([width, height]: [u32; 2], channels: u8, format: SampleFormat) -> Self {
        Description { kind: Kind::Picture, lengths: vec![width, height], channels, format, rate: 0 }
    }
    /// A sound of `samples` samples in each channel, `rate` of them per second.
    pub fn sound(samples: u32, channels: u8, format: SampleFormat, rate: u32) -> Self {
        Description { kind: Kind::Sound, lengths: vec![samples], channels, format, rate }
    }
    /// The number of positions: the product of the axis lengths.
    pub fn positions(&self) -> u64 {
        self.lengths.iter().map(|&n| u64::from(n)).product()
    }
    /// Whether the last channel is alpha: the opacity of the colours before it, from 0 to 1.
    pub fn has_alpha(&self) -> bool {
        self.kind == Kind::Picture && self.channels.is_multiple_of(2)
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
