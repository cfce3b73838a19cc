//! An array as a file stores it: which of its axes are those of a signal, and the samples of a box of it.
//!
//! An array is read as a whole, or stays where it is in its file as a [`Source`].

use super::numbers::{Numbers, Places, require_bytes, require_memory};
use super::picture::from_io;
use super::positioned::{Positioned, State};
use super::slices::Cut;
use super::spool::Spool;
use super::{Reading, require_finite_in};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::signal::source::{Source, check_region, whole};
use crate::signal::{Description, Metadata, Samples, Signal};
use std::borrow::Cow;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

/// An array in a file.
pub(super) struct Stored {
    /// The name of the format.
    pub what: &'static str,
    /// The first byte of its numbers.
    pub start: u64,
    pub numbers: Numbers,
    /// Its axes, the fastest first.
    pub axes: Vec<StoredAxis>,
    /// The signal that is read of it.
    pub description: Description,
    pub metadata: Vec<Metadata>,
    pub notes: Vec<String>,
    /// Whether its rate is assumed, because the file states none.
    pub rate_assumed: bool,
}

/// An axis of an array in a file.
pub(super) struct StoredAxis {
    /// Its length in the file.
    pub length: u64,
    /// What is read of it.
    pub part: Range<u64>,
    pub becomes: InSignal,
}

/// What an axis in a file is in the signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InSignal {
    /// The axis of this number.
    Axis(usize),
    Channels,
    /// One sample of it is read.
    Nothing,
}

impl StoredAxis {
    /// The axis in a file that holds its part alone.
    fn cut(self) -> Self {
        let length = self.part.end - self.part.start;
        StoredAxis { length, part: 0..length, ..self }
    }
}

impl Stored {
    /// The bytes of all its numbers in the file.
    pub fn bytes(&self) -> u64 {
        self.numbers.bytes_of(self.axes.iter().map(|axis| axis.length))
    }

    /// Reads all samples from a file of `length` bytes.
    ///
    /// # Errors
    /// `Limit` if they do not fit into memory, and the errors of [`Numbers::read`].
    pub fn read(mut self, mut file: impl Read + Seek, length: u64, limits: &Limits) -> Result<Reading> {
        require_memory(&self.description, limits)?;
        file.seek(SeekFrom::Start(self.start))?;
        let parts = self.parts(&whole(&self.description));
        let samples = self.samples(Cut::seeking(file, self.numbers.kind.bytes(), &parts))?;
        self.note_rest(length);
        Ok(self.reading(samples))
    }

    /// Reads all samples from a stream that begins with the numbers and is read to its end.
    ///
    /// # Errors
    /// Like [`Stored::read`].
    pub fn read_stream(mut self, mut stream: impl Read, limits: &Limits) -> Result<Reading> {
        require_memory(&self.description, limits)?;
        let parts = self.parts(&whole(&self.description));
        let mut cut = Cut::new(&mut stream, self.numbers.kind.bytes(), &parts);
        let samples = self.samples(&mut cut)?;
        cut.finish().map_err(|error| from_io(error, self.what))?;
        self.note_end(&mut stream)?;
        Ok(self.reading(samples))
    }

    /// The array as a source, whose samples stay in the file, which had this state when its header was read; and notes.
    pub fn into_source(mut self, file: Positioned, state: State) -> (Boxes, Vec<String>) {
        if self.numbers.may_round(self.description.format) {
            self.notes.push("its samples are rounded to binary32 where that does not hold them".into());
        }
        self.note_rest(state.0);
        let notes = std::mem::take(&mut self.notes);
        (Boxes { file, state, stored: self }, notes)
    }

    /// The array as a source, whose numbers are copied to a temporary file from a stream that begins with them and is
    /// read to its end.
    ///
    /// # Errors
    /// `Format` if the stream ends before or is damaged; `Io` if the temporary file has no room.
    pub fn into_spooled(mut self, mut stream: impl Read) -> Result<(Boxes, Vec<String>)> {
        let parts = self.parts(&whole(&self.description));
        let mut spool = Spool::new()?;
        let mut cut = Cut::new(&mut stream, self.numbers.kind.bytes(), &parts);
        let copied = spool.copy(&mut cut, self.what)?;
        cut.finish().map_err(|error| from_io(error, self.what))?;
        self.note_end(&mut stream)?;
        (self.start, self.axes) = (0, self.axes.into_iter().map(StoredAxis::cut).collect());
        require_bytes(self.what, self.bytes(), copied)?;
        let file = spool.into_file();
        let state = file.state()?;
        Ok(self.into_source(file, state))
    }

    /// Whether numbers that follow each other in the file are along the last axis of the signal. Each step along this
    /// axis then needs bytes from all of the file.
    pub fn is_turned(&self) -> bool {
        let first = self.axes.iter().find(|axis| axis.length > 1);
        let last = self.description.axes.len() - 1;
        last > 0 && first.is_some_and(|axis| axis.becomes == InSignal::Axis(last))
    }

    /// Adds a note if a file of `length` bytes has more than its samples.
    fn note_rest(&mut self, length: u64) {
        if length > self.start.saturating_add(self.bytes()) {
            self.notes.push("what follows its samples is not read".into());
        }
    }

    /// Adds a note if a stream does not end. The end of a compressed one holds its checksum.
    fn note_end(&mut self, stream: &mut impl Read) -> Result<()> {
        let rest = stream.read(&mut [0]).map_err(|error| from_io(error, self.what))?;
        self.note_rest(self.start.saturating_add(self.bytes()).saturating_add(rest as u64));
        Ok(())
    }

    fn samples(&mut self, numbers: impl Read) -> Result<Samples> {
        let places = self.places(&whole(&self.description));
        self.numbers.read(self.what, numbers, &self.description, places, &mut self.notes)
    }

    fn reading(self, samples: Samples) -> Reading {
        let Stored { description, metadata, notes, rate_assumed, .. } = self;
        Reading { signal: Signal { description, samples, metadata }, notes, rate_assumed }
    }

    /// The lengths of the axes of the file, and what a box takes of each.
    fn parts(&self, region: &[Range<u32>]) -> Vec<(u64, Range<u64>)> {
        let part = |axis: &StoredAxis| match axis.becomes {
            InSignal::Axis(n) => {
                let at = |place: u32| axis.part.start + u64::from(place);
                at(region[n].start)..at(region[n].end)
            }
            InSignal::Channels | InSignal::Nothing => axis.part.clone(),
        };
        self.axes.iter().map(|axis| (axis.length, part(axis))).collect()
    }

    /// Where the numbers of a box belong among its samples.
    fn places(&self, region: &[Range<u32>]) -> Places {
        let mut strides = vec![u64::from(self.description.channels)];
        for range in region {
            strides.push(strides[strides.len() - 1] * u64::from(range.end - range.start));
        }
        Places::new(self.axes.iter().map(|axis| match axis.becomes {
            InSignal::Axis(n) => ((region[n].end - region[n].start).into(), strides[n]),
            InSignal::Channels => (axis.part.end - axis.part.start, 1),
            InSignal::Nothing => (1, 0),
        }))
    }
}

/// An array that is read box by box.
pub(super) struct Boxes {
    file: Positioned,
    /// What tells a change of the file.
    state: State,
    stored: Stored,
}

impl Source for Boxes {
    fn description(&self) -> &Description {
        &self.stored.description
    }
    fn metadata(&self) -> &[Metadata] {
        &self.stored.metadata
    }
    fn read(&self, region: &[Range<u32>]) -> Result<Cow<'_, Samples>> {
        let Stored { what, start, numbers, description, .. } = &self.stored;
        check_region(description, region)?;
        let file = BufReader::new(self.file.reader(*start));
        let cut = Cut::seeking(file, numbers.kind.bytes(), &self.stored.parts(region));
        let (samples, _) = numbers.samples(what, cut, description.format, self.stored.places(region))?;
        if self.file.state()? != self.state {
            return Err(Error::format(what, "the file was changed while it was read"));
        }
        if let Samples::F32(values) = &samples {
            require_finite_in(what, values, description.channels, region)?;
        }
        Ok(Cow::Owned(samples))
    }
    fn resident_bytes(&self) -> u64 {
        0
    }
}
