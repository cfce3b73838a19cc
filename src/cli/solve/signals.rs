//! Signals and masks of problems.

use crate::cli::failure::{Exit, Failure};
use crate::cli::input::Content;
use crate::cli::reading::ReadArgs;
use crate::cli::report;
use sirenc::Limits;
use sirenc::signal::{Grid, Signal};
use std::path::Path;

/// Reads a whole signal without alpha.
pub(super) fn read(path: &Path, read: &ReadArgs, quiet: bool) -> Result<Signal, Failure> {
    let signal = whole(path, read, quiet)?;
    if signal.description.has_alpha() {
        let sentence = "this has alpha, whose derivatives are not those of colours";
        return Err(Failure::new(Exit::Input, path.display(), sentence));
    }
    Ok(signal)
}

fn whole(path: &Path, read: &ReadArgs, quiet: bool) -> Result<Signal, Failure> {
    let content = Content::read_signal(path, &Limits::default())?;
    let reading = content.source(&Limits::default(), read, quiet)?;
    let description = reading.source.description().clone();
    let region: Vec<_> = description.lengths().into_iter().map(|length| 0..length).collect();
    let samples = reading.source.read(&region).map_err(|error| Failure::media(path.display(), error))?;
    Ok(Signal { description, samples: samples.into_owned(), metadata: vec![] })
}

/// Reads the mask of a signal: for each sample whether the first channel there is above the middle of its range.
pub(super) fn mask(path: &Path, of: &Signal, quiet: bool) -> Result<Vec<bool>, Failure> {
    let mask = whole(path, &ReadArgs::default(), quiet)?;
    let (found, expected) = (&mask.description, &of.description);
    if found.lengths() != expected.lengths() {
        let [found, expected] = [found, expected].map(report::description);
        let sentence = format!("a mask for another signal: {found}, but the signal is {expected}");
        return Err(Failure::new(Exit::Input, path.display(), sentence));
    }
    let channels = usize::from(found.channels);
    let count = Grid::native(expected).axes.iter().map(|axis| axis.count as usize).product::<usize>();
    Ok((0..count).map(|sample| mask.samples.get(sample * channels) > 0.5).collect())
}
