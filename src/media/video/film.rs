//! Videos that are written frame by frame.

use crate::error::{Error, Result};
use crate::signal::{Description, Kind, Metadata, Samples, Signal, Source};

/// A video to be written, whose frames come one after the other.
pub struct Film<'a> {
    description: Description,
    metadata: Vec<Metadata>,
    parts: Box<dyn Iterator<Item = Result<Samples>> + 'a>,
    /// A part that came, and the samples of it that were taken.
    part: Samples,
    taken: usize,
}

impl<'a> Film<'a> {
    /// A video of `description` whose samples come in `parts`: one whole frame in each, or several.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the description is that of no video, or has no samples.
    pub fn new(
        description: Description,
        metadata: Vec<Metadata>,
        parts: impl Iterator<Item = Result<Samples>> + 'a,
    ) -> Result<Self> {
        let kind = description.kind();
        if kind != Kind::Video {
            return Err(Error::unsupported("video", format!("a signal of kind {kind:?}")));
        }
        if description.samples() == 0 {
            return Err(Error::unsupported("video", "a signal without samples"));
        }
        let part = Samples::with_capacity(description.format, 0);
        Ok(Film { description, metadata, parts: Box::new(parts), part, taken: 0 })
    }

    /// The frames of a video in memory.
    ///
    /// # Errors
    /// The errors of [`Film::new`]; [`Error::Parameter`] if the samples do not match the description.
    pub fn of(signal: &'a Signal) -> Result<Self> {
        crate::media::output::require_samples(signal)?;
        let Signal { description, metadata, .. } = signal;
        let [width, height, frames] = description.lengths()[..] else {
            return Err(Error::unsupported("video", format!("a signal of kind {:?}", description.kind())));
        };
        let frame = move |n: u32| Ok(signal.read(&[0..width, 0..height, n..n + 1])?.into_owned());
        Film::new(description.clone(), metadata.clone(), (0..frames).map(frame))
    }

    /// What the video is.
    pub fn description(&self) -> &Description {
        &self.description
    }
    /// What belongs to the video as a whole.
    pub fn metadata(&self) -> &[Metadata] {
        &self.metadata
    }
    /// A frame as a picture.
    pub(in crate::media) fn picture(&self) -> Description {
        let Description { axes, channels, format } = &self.description;
        Description { axes: axes[..axes.len() - 1].to_vec(), channels: *channels, format: *format }
    }

    /// The samples of the next frame.
    ///
    /// # Errors
    /// Those of the parts; [`Error::Parameter`] if they end, or hold other samples.
    pub(in crate::media) fn frame(&mut self) -> Result<Samples> {
        let count = self.picture().samples() as usize;
        if self.taken == self.part.len() {
            let wrong = |detail: String| Error::parameter("samples", detail);
            self.part = self.parts.next().ok_or_else(|| wrong("the frames end too early".into()))??;
            let (found, format) = (self.part.len(), self.part.format());
            if format != self.description.format || found == 0 || !found.is_multiple_of(count) {
                let expected = self.description.format;
                let detail =
                    format!("{found} of {format:?}, but frames of {count} of {expected:?} were expected");
                return Err(wrong(detail));
            }
            self.taken = 0;
        }
        let mut frame = Samples::with_capacity(self.description.format, 0);
        if self.part.len() == count {
            std::mem::swap(&mut frame, &mut self.part);
            return Ok(frame);
        }
        frame.reserve(count)?;
        frame.extend_from(&self.part, self.taken..self.taken + count);
        self.taken += count;
        Ok(frame)
    }

    /// All frames at once, for formats that are written as a whole.
    pub(in crate::media) fn whole(&mut self) -> Result<Signal> {
        let mut samples = Samples::with_capacity(self.description.format, 0);
        samples.reserve(self.description.samples() as usize)?;
        for _ in 0..self.description.axes.last().map_or(0, |axis| axis.length) {
            let frame = self.frame()?;
            samples.extend_from(&frame, 0..frame.len());
        }
        Ok(Signal { description: self.description.clone(), samples, metadata: self.metadata.clone() })
    }
}
