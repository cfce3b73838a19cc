//! Flags that limit the cost of a decode or an encode.

use super::failure::Failure;
use super::values;
use sirenc::signal::Grid;
use sirenc::{Error, Limits};

/// Limits of a decode. A file that needs more is rejected before any work is done (exit code 5).
#[derive(Debug, clap::Args)]
pub struct LimitArgs {
    /// Most pixels (sound: sample positions) to render; suffixes k, M, G or Ki, Mi, Gi
    #[arg(long, value_name = "N", default_value = "256Mi", value_parser = values::count, help_heading = HEADING)]
    max_pixels: u64,
    /// Most bytes of memory for the file, the rendering and the output; suffixes k, M, G or Ki, Mi, Gi
    #[arg(long, value_name = "BYTES", default_value = "4Gi", value_parser = values::count, help_heading = HEADING)]
    max_memory: u64,
    /// Most multiply-adds (`sirenc info` shows the cost of a file); suffixes k, M, G, T, P
    ///
    /// Positions and tiles are counted too, as the multiply-adds that take as long. 10T take 100 s on two
    /// cores with AVX-512.
    #[arg(long, value_name = "N", default_value = "10T", value_parser = values::count, help_heading = HEADING)]
    max_macs: u64,
}

const HEADING: &str = "Limits";

/// Limits of an encode.
#[derive(Debug, clap::Args)]
pub struct InputLimitArgs {
    /// Most pixels (sound: sample positions) of the input; suffixes k, M, G or Ki, Mi, Gi
    #[arg(long, value_name = "N", default_value = "1Gi", value_parser = values::count, help_heading = HEADING)]
    max_pixels: u64,
    /// Most bytes of memory for the input, its samples and the fit; suffixes k, M, G or Ki, Mi, Gi
    ///
    /// A video or an array (NPY, NRRD, NIfTI) whose samples take more than a quarter of it is read box by box: from its
    /// file, or from a temporary file of its samples in the folder TMPDIR, by default /var/tmp (videos other than Y4M,
    /// compressed arrays and those in Fortran order).
    #[arg(long, value_name = "BYTES", default_value = "4Gi", value_parser = values::count, help_heading = HEADING)]
    max_memory: u64,
}

/// The most channels of a signal.
const MOST_CHANNELS: u64 = 8;

impl InputLimitArgs {
    /// Converts the flags to limits of the library.
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.samples = self.max_pixels.saturating_mul(MOST_CHANNELS);
        limits.memory_bytes = self.max_memory;
        limits
    }
    /// Rejects a signal with too many pixels.
    pub fn admit(&self, name: &str, pixels: u64) -> Result<(), Failure> {
        admit(name, "pixels", pixels, self.max_pixels)
    }
}

impl LimitArgs {
    /// Limits of reading an original, which `encode` has read by limits of its own. One that is `in_place` is read box by
    /// box, if memory is to be short.
    pub fn of_originals(&self, in_place: bool) -> Limits {
        let mut limits = Limits::default();
        if in_place {
            limits.samples = limits.samples.max(self.limits().samples);
            limits.memory_bytes = self.max_memory;
        }
        limits
    }
    /// Converts the flags to limits of the library, which counts samples: pixels times channels.
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.samples = self.max_pixels.saturating_mul(MOST_CHANNELS);
        limits.memory_bytes = self.max_memory;
        limits.macs = self.max_macs;
        limits
    }
    /// Rejects a rendering of `grid` with too many pixels.
    pub fn check(&self, grid: &Grid) -> sirenc::Result<()> {
        check("pixels", grid.positions(), self.max_pixels)
    }
    /// Rejects a rendering of `grid` with too many pixels, of the file `name`.
    pub fn admit(&self, name: &str, grid: &Grid) -> Result<(), Failure> {
        self.check(grid).map_err(|error| Failure::work(name, error))
    }
    /// Rejects work that needs too many bytes of memory.
    pub fn admit_memory(&self, name: &str, bytes: u64) -> Result<(), Failure> {
        admit(name, "bytes of memory", bytes, self.max_memory)
    }
    /// Adds the flag that raises the limit, if a limit was exceeded.
    pub fn name_flag(failure: Failure) -> Failure {
        let flags = [
            ("pixels", "--max-pixels raises it"),
            ("samples", "--max-pixels raises it"),
            ("bytes of", "--max-memory raises it"),
            ("multiply-adds", "--max-macs raises it"),
        ];
        let limit = failure.limit().unwrap_or_default();
        match flags.into_iter().find(|(what, _)| limit.starts_with(what)) {
            Some((_, hint)) => failure.hint(hint),
            None => failure,
        }
    }
}

fn admit(name: &str, what: &'static str, needed: u64, allowed: u64) -> Result<(), Failure> {
    check(what, needed, allowed).map_err(|error| Failure::work(name, error))
}

fn check(what: &'static str, needed: u64, allowed: u64) -> sirenc::Result<()> {
    if needed <= allowed { Ok(()) } else { Err(Error::Limit { what, needed, allowed }) }
}
