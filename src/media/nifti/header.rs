//! The header of a NIfTI file: numbers at fixed places, in either order of bytes.

use crate::error::{Error, Result};
use crate::signal::{Metadata, MetadataKind};

const NIFTI: &str = "NIfTI";
/// The bytes after a header that say whether extensions follow.
const EXTENDER: usize = 4;
/// The bytes of a number in a header: those of dimensions, of codes, of other numbers.
type Widths = (usize, usize, usize);

/// The places of the numbers in a header of one version.
#[derive(Debug, PartialEq)]
pub(super) struct Layout {
    /// The bytes of the header, which its first number says.
    pub bytes: usize,
    /// The version: 1 or 2.
    version: u8,
    magic: usize,
    widths: Widths,
    dim: usize,
    datatype: usize,
    bitpix: usize,
    pixdim: usize,
    vox_offset: usize,
    scl_slope: usize,
    slice_start: usize,
    slice_end: usize,
    slice_code: (usize, usize),
    slice_duration: usize,
    toffset: usize,
    units: (usize, usize),
    intent: usize,
    qform_code: usize,
    quaternion: usize,
    srow: usize,
}

const NIFTI_1: Layout = Layout {
    bytes: 348,
    version: 1,
    magic: 344,
    widths: (2, 2, 4),
    dim: 40,
    datatype: 70,
    bitpix: 72,
    pixdim: 76,
    vox_offset: 108,
    scl_slope: 112,
    slice_start: 74,
    slice_end: 120,
    slice_code: (122, 1),
    slice_duration: 132,
    toffset: 136,
    units: (123, 1),
    intent: 68,
    qform_code: 252,
    quaternion: 256,
    srow: 280,
};

const NIFTI_2: Layout = Layout {
    bytes: 540,
    version: 2,
    magic: 4,
    widths: (8, 4, 8),
    dim: 16,
    datatype: 12,
    bitpix: 14,
    pixdim: 104,
    vox_offset: 168,
    scl_slope: 176,
    slice_start: 224,
    slice_end: 232,
    slice_code: (496, 4),
    slice_duration: 208,
    toffset: 216,
    units: (500, 4),
    intent: 504,
    qform_code: 344,
    quaternion: 352,
    srow: 400,
};

/// A header, and what follows it up to the samples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub bytes: Vec<u8>,
    layout: &'static Layout,
    /// Whether its numbers are big-endian.
    pub big: bool,
    /// Whether the samples are in a file of their own.
    pub pair: bool,
}

impl Header {
    /// The version and order of bytes of a header that begins with `head`.
    pub fn layout(head: &[u8]) -> Option<(&'static Layout, bool, bool)> {
        let size = head.get(..4)?.try_into().ok()?;
        let of = |size: i32| [&NIFTI_1, &NIFTI_2].into_iter().find(|layout| layout.bytes as i32 == size);
        let little = of(i32::from_le_bytes(size)).map(|layout| (layout, false));
        let (layout, big) = little.or(of(i32::from_be_bytes(size)).map(|layout| (layout, true)))?;
        let pair = match *head.get(layout.magic..layout.magic + 4)? {
            [b'n', b'+', version, 0] if version == b'0' + layout.version => false,
            [b'n', b'i', version, 0] if version == b'0' + layout.version => true,
            _ => return None,
        };
        Some((layout, big, pair))
    }

    /// A header from its bytes, and those that follow it.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        let (layout, big, pair) = Self::layout(&bytes)?;
        (bytes.len() >= layout.bytes).then_some(Header { bytes, layout, big, pair })
    }

    /// A little-endian header of version 1 that says nothing.
    pub fn empty() -> Self {
        let mut header =
            Header { bytes: vec![0; NIFTI_1.bytes + EXTENDER], layout: &NIFTI_1, big: false, pair: false };
        header.set_int(0, 4, NIFTI_1.bytes as i64);
        header
    }

    /// The header among the metadata of a signal.
    pub fn of(metadata: &[Metadata]) -> Option<Self> {
        let block = metadata.iter().find(|block| block.kind == MetadataKind::Nifti)?;
        Self::new(block.bytes.clone())
    }

    /// The first byte of the samples.
    pub fn start(&self) -> Result<u64> {
        let at = self.layout.vox_offset;
        let start = if self.layout.version == 1 { self.float(at) } else { self.int(at, 8) as f64 };
        let least = self.layout.bytes + EXTENDER;
        // Some writers leave out the number, some the bytes that say whether extensions follow.
        match start {
            0.0 => Ok(least as u64),
            _ if start >= self.layout.bytes as f64 && start < 2f64.powi(53) => Ok(start as u64),
            _ => {
                let detail = format!("samples from byte {start} on, but 0 or at least {least} was expected");
                Err(Error::format(NIFTI, detail))
            }
        }
    }

    /// The lengths of the axes: 1 to 7.
    pub fn lengths(&self) -> Result<Vec<u64>> {
        let dim = |n: usize| self.int(self.layout.dim + n * self.layout.widths.0, self.layout.widths.0);
        let count = dim(0);
        if !(1..=7).contains(&count) {
            return Err(Error::format(NIFTI, format!("{count} axes, but 1 to 7 were expected")));
        }
        let length = |n| {
            let length = dim(n);
            u64::try_from(length).ok().filter(|&length| length > 0).ok_or_else(|| {
                Error::format(NIFTI, format!("axis {n} has {length} samples, but at least 1 was expected"))
            })
        };
        (1..=count as usize).map(length).collect()
    }

    /// The distance of samples along axis `n`, from 1 on; 0 if it is unknown.
    pub fn step(&self, n: usize) -> f64 {
        let step = self.float(self.pixdim(n)).abs();
        if step.is_finite() { step } else { 0.0 }
    }
    pub fn set_step(&mut self, n: usize, step: f64) {
        self.set_float(self.pixdim(n), step);
    }
    fn pixdim(&self, n: usize) -> usize {
        self.layout.pixdim + n * self.layout.widths.2
    }

    pub fn datatype(&self) -> i64 {
        self.int(self.layout.datatype, 2)
    }

    /// Slope and intercept, if they change samples.
    pub fn scaling(&self) -> Option<(f64, f64)> {
        let [slope, intercept] = [0, 1].map(|k| self.float(self.layout.scl_slope + k * self.layout.widths.2));
        let scaling = (slope, if intercept.is_finite() { intercept } else { 0.0 });
        (slope.is_finite() && slope != 0.0 && scaling != (1.0, 0.0)).then_some(scaling)
    }

    /// The codes of the units of space and time.
    pub fn units(&self) -> (i64, i64) {
        let units = self.int(self.layout.units.0, self.layout.units.1);
        (units & 0x07, units & 0x38)
    }
    pub fn set_units(&mut self, (space, time): (i64, i64)) {
        self.set_int(self.layout.units.0, self.layout.units.1, space | time);
    }

    /// Says that channels are the components of a vector.
    pub fn set_vector(&mut self) {
        self.set_int(self.layout.intent, self.layout.widths.1, 1007);
    }

    /// Sets all that says how samples are stored.
    pub fn set_samples(&mut self, lengths: &[u64], datatype: i64, bits: i64) {
        let (layout, dim) = (self.layout, self.layout.widths.0);
        if self.lengths().ok().is_none_or(|own| own.iter().take(3).ne(lengths.iter().take(3))) {
            // The order in which slices were taken is that of the source's slices.
            self.set_int(layout.slice_start, dim, 0);
            self.set_int(layout.slice_end, dim, 0);
            self.set_int(layout.slice_code.0, layout.slice_code.1, 0);
            self.set_float(layout.slice_duration, 0.0);
        }
        self.set_int(layout.dim, dim, lengths.len() as i64);
        for n in 0..7 {
            let length = lengths.get(n).map_or(1, |&length| length as i64);
            self.set_int(layout.dim + (n + 1) * dim, dim, length);
        }
        self.set_int(layout.datatype, 2, datatype);
        self.set_int(layout.bitpix, 2, bits);
        self.set_float(layout.scl_slope, 1.0);
        self.set_float(layout.scl_slope + layout.widths.2, 0.0);
        self.bytes[layout.magic..layout.magic + 4].copy_from_slice(&[b'n', b'+', b'0' + layout.version, 0]);
        let end = self.bytes.len().max(layout.bytes + EXTENDER).next_multiple_of(16);
        self.bytes.resize(end, 0);
        match layout.version {
            1 => self.set_float(layout.vox_offset, end as f64),
            _ => self.set_int(layout.vox_offset, 8, end as i64),
        }
    }

    /// Makes sample `k` along axis `n` the one that was at `starts[n] + steps[n] · k`, for `x, y, z, t`.
    pub fn resample(&mut self, starts: [f64; 4], steps: [f64; 4]) {
        let (width, sides) = (self.layout.widths.2, [1, 2, 3, 4].map(|n| self.step(n)));
        let (rotation, place) = (self.rotation(), self.layout.quaternion + 3 * width);
        for (row, from) in rotation.iter().enumerate() {
            let moved: f64 = (0..3).map(|k| from[k] * sides[k] * starts[k]).sum();
            self.add(place + row * width, moved);
            let at = self.layout.srow + row * 4 * width;
            let moved: f64 = (0..3).map(|k| self.float(at + k * width) * starts[k]).sum();
            self.add(at + 3 * width, moved);
            for (k, step) in steps.iter().take(3).enumerate() {
                self.set_float(at + k * width, self.float(at + k * width) * step);
            }
        }
        self.add(self.layout.toffset, sides[3] * starts[3]);
        for (k, step) in steps.iter().enumerate() {
            let (at, own) = (self.pixdim(k + 1), self.float(self.pixdim(k + 1)));
            self.set_float(at, own * step);
        }
    }

    /// The directions of the axes in space, as columns, according to the quaternion.
    fn rotation(&self) -> [[f64; 3]; 3] {
        if self.int(self.layout.qform_code, self.layout.widths.1) == 0 {
            return [[0.0; 3]; 3];
        }
        let [b, c, d] = [0, 1, 2].map(|k| self.float(self.layout.quaternion + k * self.layout.widths.2));
        let a = (1.0 - b * b - c * c - d * d).max(0.0).sqrt();
        let hand = if self.float(self.pixdim(0)) < 0.0 { -1.0 } else { 1.0 };
        [
            [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), hand * 2.0 * (b * d + a * c)],
            [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, hand * 2.0 * (c * d - a * b)],
            [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), hand * (a * a + d * d - b * b - c * c)],
        ]
    }

    /// The integer of `width` bytes at `at`.
    fn int(&self, at: usize, width: usize) -> i64 {
        let bytes = &self.bytes[at..at + width];
        let byte = |n: usize| bytes[if self.big { n } else { width - 1 - n }];
        (1..width).fold((byte(0) as i8).into(), |number: i64, n| number << 8 | i64::from(byte(n)))
    }
    fn set_int(&mut self, at: usize, width: usize, number: i64) {
        for n in 0..width {
            let place = if self.big { at + width - 1 - n } else { at + n };
            self.bytes[place] = (number >> (8 * n)) as u8;
        }
    }
    /// The float at `at`, of the width of the version.
    fn float(&self, at: usize) -> f64 {
        let bits = self.int(at, self.layout.widths.2);
        if self.layout.version == 1 {
            f32::from_bits(bits as u32).into()
        } else {
            f64::from_bits(bits as u64)
        }
    }
    fn set_float(&mut self, at: usize, number: f64) {
        match self.layout.version {
            1 => self.set_int(at, 4, (number as f32).to_bits().into()),
            _ => self.set_int(at, 8, number.to_bits() as i64),
        }
    }
    fn add(&mut self, at: usize, number: f64) {
        if number != 0.0 {
            self.set_float(at, self.float(at) + number);
        }
    }
}
