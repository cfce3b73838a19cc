//! Renders band by band, a few bands at a time on all threads.

use super::Rendering;
use crate::backend::simd::Workspace;
use crate::error::Result;
use crate::ieee::ieee;
use std::ops::Range;

/// Iterates over the bands of a rendering in order, `samples × channels × components` values each; after an
/// error it ends.
pub(crate) struct Bands<'a> {
    rendering: Rendering<'a>,
    /// The first index along the last axis that is not rendered yet.
    next: u32,
    ready: std::vec::IntoIter<Vec<f32>>,
}

impl<'a> Bands<'a> {
    pub fn new(rendering: Rendering<'a>) -> Self {
        Bands { rendering, next: 0, ready: vec![].into_iter() }
    }
}

impl Iterator for Bands<'_> {
    type Item = Result<Vec<f32>>;

    fn next(&mut self) -> Option<Result<Vec<f32>>> {
        if self.ready.len() == 0 {
            let (length, count) = (self.rendering.band_length(), self.rendering.last().axis.count);
            let group: Vec<Range<u32>> = (self.next..count)
                .step_by(length as usize)
                .take(group_size(self.rendering.band_positions()))
                .map(|from| from..from + length.min(count - from))
                .collect();
            self.next = group.last().map_or(count, |band| band.end);
            match render(&self.rendering, &group) {
                Ok(bands) => self.ready = bands.into_iter(),
                Err(error) => {
                    self.next = count;
                    return Some(Err(error));
                }
            }
        }
        self.ready.next().map(Ok)
    }
}

#[cfg(feature = "threads")]
fn render(rendering: &Rendering<'_>, bands: &[Range<u32>]) -> Result<Vec<Vec<f32>>> {
    use rayon::prelude::*;
    let band = |workspace: &mut Workspace, band| ieee(|| rendering.band(band, workspace));
    bands.par_iter().map_init(Workspace::default, band).collect()
}

#[cfg(not(feature = "threads"))]
fn render(rendering: &Rendering<'_>, bands: &[Range<u32>]) -> Result<Vec<Vec<f32>>> {
    let mut workspace = Workspace::default();
    bands.iter().map(|band| ieee(|| rendering.band(band, &mut workspace))).collect()
}

/// Positions of all bands of a thread that are rendered together, if there are several.
const TOGETHER: u64 = 1 << 20;

/// Bands of so many positions that are rendered together before the first of them is returned: a few for every thread,
/// or one if they are large, as the frames of a video are.
pub(super) fn group_size(positions: u64) -> usize {
    let each = (TOGETHER / positions.max(1)).clamp(1, 4) as usize;
    if cfg!(feature = "threads") { threads() * each } else { 1 }
}

/// Number of rendering threads.
pub(super) fn threads() -> usize {
    #[cfg(feature = "threads")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "threads"))]
    1
}
