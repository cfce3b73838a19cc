//! Frame after frame: the one trait of all readers of videos, and reading all frames into a signal.

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::notes::{Reading, SourceReading};
use crate::media::spool::Spool;
use crate::media::{admit, bytes_of};
use crate::signal::{Axis, Description, Metadata, Rate, Samples, Signal, Source};

/// A video that is read frame after frame.
pub trait Frames {
    /// A frame as a picture: its size, channels and format, which are those of all frames.
    fn picture(&self) -> &Description;
    /// Frames per second.
    fn rate(&self) -> Rate;
    /// The number of frames, as far as it is known before they are read.
    fn expected(&self) -> u64;
    /// Appends the samples of the next frame to `frame`, a buffer of the frames' format; `false` after the
    /// last frame.
    ///
    /// # Errors
    /// The errors of [`read_from`](crate::media::read_from).
    fn append(&mut self, frame: &mut Samples) -> Result<bool>;
    /// Metadata and notes, which are complete after the last frame.
    fn finish(&mut self) -> (Vec<Metadata>, Vec<String>);
}

/// Upper bound on the memory of a reader, bytes per pixel of a frame.
pub(super) const WORKING: u64 = 48;

/// Rejects a video whose readers would exceed the memory limit with one frame.
pub(super) fn require_frame_fits(what: &'static str, picture: &Description, limits: &Limits) -> Result<()> {
    admit(what, picture, limits)?;
    Limits::check("bytes of memory for decoding", working(picture), limits.memory_bytes)
}

fn working(picture: &Description) -> u64 {
    picture.positions().saturating_mul(WORKING)
}

/// All frames of a video.
pub(super) struct Collected {
    description: Description,
    samples: Store,
    metadata: Vec<Metadata>,
    notes: Vec<String>,
}

/// Where samples are while a video is read.
enum Store {
    Memory(Samples),
    File(Spool),
}

/// Reads all frames into memory, or, as soon as the samples take more than `most` bytes, into a temporary file.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn collect(
    what: &'static str,
    frames: &mut dyn Frames,
    limits: &Limits,
    most: u64,
) -> Result<Collected> {
    let picture = frames.picture().clone();
    require_frame_fits(what, &picture, limits)?;
    let of_frame = picture.samples();
    Limits::check("samples", of_frame.saturating_mul(frames.expected()), limits.samples)?;
    let mut store = Store::Memory(Samples::with_capacity(picture.format, 0));
    let mut frame = Samples::with_capacity(picture.format, 0);
    frame.reserve(of_frame as usize)?;
    let (mut count, mut room) = (0u64, 0u64);
    loop {
        clear(&mut frame);
        if !frames.append(&mut frame)? {
            break;
        }
        if let Store::Memory(samples) = &mut store
            && count == room
        {
            room = frames.expected().max(count + count / 8 + 1);
            if bytes_of(&picture).saturating_mul(room) > most {
                let mut spool = Spool::new()?;
                spool.append(samples)?;
                store = Store::File(spool);
            } else {
                Limits::check("samples", of_frame.saturating_mul(room), limits.samples)?;
                // Beyond the expected number the samples move to a larger place.
                let bytes = bytes_of(&picture).saturating_mul(room.saturating_add(count));
                let needed = bytes.saturating_add(working(&picture));
                Limits::check("bytes of memory for decoding", needed, limits.memory_bytes)?;
                samples.reserve((of_frame * (room - count)) as usize)?;
            }
        }
        count += 1;
        Limits::check("samples", of_frame.saturating_mul(count), limits.samples)?;
        match &mut store {
            Store::Memory(samples) => append(samples, &frame),
            Store::File(spool) => spool.append(&frame)?,
        }
    }
    let rate = frames.rate();
    let length = match u32::try_from(count) {
        Ok(0) => return Err(Error::format(what, "no frames, but at least 1 was expected")),
        Ok(length) => length,
        Err(_) => return Err(Error::unsupported(what, format!("{count} frames"))),
    };
    let mut description = picture;
    description.axes.push(Axis::time(length, Some(rate)));
    let (metadata, notes) = frames.finish();
    Ok(Collected { description, samples: store, metadata, notes })
}

impl Collected {
    /// The video in memory, where it was read to with no other limit.
    pub fn reading(self) -> Result<Reading> {
        let Store::Memory(samples) = self.samples else { return Err(Error::out_of_memory()) };
        let signal = Signal { description: self.description, samples, metadata: self.metadata };
        Ok(Reading { notes: self.notes, ..signal.into() })
    }

    /// The video wherever it is.
    pub fn source(self) -> SourceReading {
        let Collected { description, samples, metadata, notes } = self;
        let source: Box<dyn Source> = match samples {
            Store::Memory(samples) => Box::new(Signal { description, samples, metadata }),
            Store::File(spool) => Box::new(spool.into_source(description, metadata)),
        };
        SourceReading { notes, ..source.into() }
    }
}

fn clear(samples: &mut Samples) {
    match samples {
        Samples::U8(v) => v.clear(),
        Samples::U16(v) => v.clear(),
        Samples::I8(v) => v.clear(),
        Samples::I16(v) => v.clear(),
        Samples::I24(v) | Samples::I32(v) => v.clear(),
        Samples::F32(v) => v.clear(),
    }
}

/// Appends samples of the same format; frames have no others than these.
pub(super) fn append(samples: &mut Samples, frame: &Samples) {
    match (samples, frame) {
        (Samples::U8(all), Samples::U8(new)) => all.extend_from_slice(new),
        (Samples::U16(all), Samples::U16(new)) => all.extend_from_slice(new),
        (Samples::F32(all), Samples::F32(new)) => all.extend_from_slice(new),
        (_, frame) => debug_assert!(frame.is_empty(), "a frame of {:?}", frame.format()),
    }
}
