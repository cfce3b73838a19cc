//! A YUV4MPEG2 file whose frames are read box by box.

use super::header::NAME;
use super::read::Y4m;
use crate::error::{Error, Result};
use crate::limits::{Limits, try_filled};
use crate::media::picture::from_io;
use crate::media::positioned::{Positioned, State};
use crate::media::video::frames::Frames;
use crate::signal::source::{Source, check_region, count};
use crate::signal::{Axis, Description, Metadata, Rate, Samples};
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::ops::Range;

/// The frames of a file.
pub(in crate::media) struct Boxes {
    file: Positioned,
    /// What tells a change of the file.
    state: State,
    description: Description,
    y4m: Y4m<BufReader<File>>,
    /// Where the bytes of each frame begin.
    frames: Vec<u64>,
}

impl Boxes {
    /// Opens a file and finds its frames; at `rate`, if one is given.
    ///
    /// # Errors
    /// The errors of [`read_from`](crate::media::read_from).
    pub fn open(mut file: File, rate: Option<Rate>, limits: &Limits) -> Result<(Self, Vec<String>)> {
        let positioned = Positioned::new(file.try_clone()?);
        let state = positioned.state()?;
        file.rewind()?;
        let mut y4m = Y4m::open(BufReader::new(file), Some(state.0), limits)?;
        let frames = y4m.places(state.0, limits)?;
        let mut description = y4m.picture().clone();
        let length = u32::try_from(frames.len());
        let length = length.map_err(|_| Error::unsupported(NAME, format!("{} frames", frames.len())))?;
        description.axes.push(Axis::time(length, Some(rate.unwrap_or(y4m.rate()))));
        let notes = y4m.notes();
        Ok((Boxes { file: positioned, state, description, y4m, frames }, notes))
    }

    /// The rate that the file states.
    pub fn stated_rate(&self) -> Rate {
        self.y4m.rate()
    }
}

impl Source for Boxes {
    fn description(&self) -> &Description {
        &self.description
    }
    fn metadata(&self) -> &[Metadata] {
        &[]
    }
    fn read(&self, region: &[Range<u32>]) -> Result<Cow<'_, Samples>> {
        check_region(&self.description, region)?;
        let [columns, rows, frames] = region else {
            return Err(Error::parameter("region", "no box of three axes"));
        };
        let along = |range: &Range<u32>| range.start as usize..range.end as usize;
        let (planes, parts) = (self.y4m.planes(), self.y4m.planes().parts(&along(rows)));
        let mut bytes = try_filled(self.y4m.frame_bytes(), 0u8)?;
        let mut samples = Samples::with_capacity(self.description.format, 0);
        samples.reserve(count(&self.description, region) as usize)?;
        for &at in &self.frames[along(frames)] {
            for part in &parts {
                let read = self.file.read(&mut bytes[part.clone()], at + part.start as u64);
                read.map_err(|error| from_io(error, NAME))?;
            }
            planes.convert(&bytes, [along(columns), along(rows)], &mut samples);
        }
        if self.file.state()? != self.state {
            return Err(Error::format(NAME, "the file was changed while it was read"));
        }
        Ok(Cow::Owned(samples))
    }
    fn resident_bytes(&self) -> u64 {
        8 * self.frames.len() as u64
    }
}
