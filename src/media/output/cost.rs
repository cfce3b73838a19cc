//! Upper bounds on the cost of writing, to check limits in advance.

use super::OutputFormat::{
    self, Bmp, Exr, Jpeg, NetCdf, Nifti, NiftiGz, Npy, Nrrd, Pam, Pgm, Png, Pnm, Ppm, Tiff, Wav, WebP, Y4m,
};
use crate::signal::{Description, Metadata};

impl OutputFormat {
    /// Upper bound on the memory that [`write()`](super::write) needs in addition to the signal, in bytes. Encoders of
    /// compressed formats hold more than a few rows.
    pub fn working_bytes(self, description: &Description, metadata: &[Metadata]) -> u64 {
        const SCRATCH: u64 = 1 << 20;
        let samples = bytes_of_samples(description);
        let held = match self {
            Wav | Npy | Nrrd | Nifti | NiftiGz | Pnm | Pgm | Pam | Exr | Bmp => 0,
            // Coordinates as they are read, chosen and written.
            NetCdf => sum_of_lengths(description).saturating_mul(24),
            // Grey becomes RGB.
            Ppm => samples.saturating_mul(4),
            // The filtered rows, which are compressed in one go; the result in a growing buffer; for 16 bits
            // also the samples in the byte order of the file.
            Png => samples.saturating_mul(5),
            Jpeg | Tiff => samples,
            // The planes of a frame.
            Y4m => samples / u64::from(description.lengths().last().copied().unwrap_or(1).max(1)),
            // 4 bytes per pixel, the symbols, and the file.
            WebP => description.positions().saturating_mul(32),
        };
        held.saturating_add(metadata_bytes(metadata).saturating_mul(3)).saturating_add(SCRATCH)
    }

    /// Upper bound on the size of the file that [`write()`](super::write) writes, in bytes.
    pub fn most_bytes(self, description: &Description, metadata: &[Metadata]) -> u64 {
        const HEAD: u64 = 1 << 16;
        let samples = bytes_of_samples(description);
        let stored = match self {
            Wav | Nrrd | Nifti | Pnm | Pgm | Pam | Exr => samples,
            // 24 bits in 32, and a coordinate for each sample of an axis.
            NetCdf => samples.saturating_mul(2).saturating_add(8 * sum_of_lengths(description)),
            Ppm => samples.saturating_mul(3),
            // Each frame has a line of 6 bytes.
            Y4m => samples.saturating_mul(7),
            Npy => description.positions().saturating_mul(4 * u64::from(description.channels)),
            // Noise does not compress, and rows, blocks and offsets add to it. A JPEG needs up to 27 bits per
            // coefficient.
            Png | Tiff | Bmp | NiftiGz => samples.saturating_mul(2),
            Jpeg | WebP => description.positions().saturating_mul(16),
        };
        stored.saturating_add(metadata_bytes(metadata)).saturating_add(HEAD)
    }
}

fn sum_of_lengths(description: &Description) -> u64 {
    description.axes.iter().map(|axis| u64::from(axis.length)).sum()
}

fn bytes_of_samples(description: &Description) -> u64 {
    let samples = description.positions().saturating_mul(description.channels.into());
    samples.saturating_mul(u64::from(description.format.bits()).div_ceil(8))
}

fn metadata_bytes(metadata: &[Metadata]) -> u64 {
    metadata.iter().fold(0, |sum: u64, block| sum.saturating_add(block.bytes.len() as u64))
}
