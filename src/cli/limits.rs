//! The limits of a rendering as flags.

use super::failure::Failure;
use super::values;
use sirenc::signal::Grid;
use sirenc::{Error, Limits};

/// What a decode may cost. A file that asks for more is refused before anything is spent (exit code 5).
#[derive(Debug, clap::Args)]
pub struct LimitArgs {
    /// Most pixels (sound: sample positions) to render; k, M, G or Ki, Mi, Gi may follow
    #[arg(long, value_name = "N", default_value = "256Mi", value_parser = values::count, help_heading = HEADING)]
    max_pixels: u64,
    /// Most bytes of working memory; k, M, G or Ki, Mi, Gi may follow
    #[arg(long, value_name = "BYTES", default_value = "4Gi", value_parser = values::count, help_heading = HEADING)]
    max_memory: u64,
    /// Most multiply-adds (`sirenc info` tells the cost of a file); k, M, G, T, P may follow
    #[arg(long, value_name = "N", default_value = "1P", value_parser = values::count, help_heading = HEADING)]
    max_macs: u64,
}

const HEADING: &str = "Limits";

impl LimitArgs {
    /// As limits of the library, which counts samples: pixels times channels.
    pub fn limits(&self) -> Limits {
        const MOST_CHANNELS: u64 = 8;
        let mut limits = Limits::default();
        limits.samples = self.max_pixels.saturating_mul(MOST_CHANNELS);
        limits.memory_bytes = self.max_memory;
        limits.macs = self.max_macs;
        limits
    }
    /// Refuses a rendering of `grid` with too many pixels.
    pub fn admit(&self, name: &str, grid: &Grid) -> Result<(), Failure> {
        let (needed, allowed) = (grid.positions(), self.max_pixels);
        if needed > allowed {
            return Err(Failure::work(name, Error::Limit { what: "pixels", needed, allowed }));
        }
        Ok(())
    }
    /// Says of the limit that was exceeded, if one was, which flag raises it.
    pub fn name_flag(failure: Failure) -> Failure {
        let flags = [
            ("pixels", "--max-pixels raises it"),
            ("samples of the rendering", "--max-pixels raises it"),
            ("bytes of memory", "--max-memory raises it"),
            ("multiply-adds", "--max-macs raises it"),
        ];
        let limit = failure.limit().unwrap_or_default();
        match flags.into_iter().find(|(what, _)| limit.starts_with(what)) {
            Some((_, hint)) => failure.hint(hint),
            None => failure,
        }
    }
}
