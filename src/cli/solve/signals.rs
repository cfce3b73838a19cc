//! Signals and masks of problems.

use crate::cli::failure::{Exit, Failure};
use crate::cli::input::Content;
use crate::cli::reading::ReadArgs;
use crate::cli::report;
use sirenc::signal::{Grid, Signal};
use sirenc::solve::{Interpolant, waves};
use sirenc::{Limits, media};
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

/// Reads velocities on a square: its side, the least of them, and the curve through them.
pub(super) fn velocities(path: &Path) -> Result<(u32, f64, Interpolant), Failure> {
    let wrong = |sentence: String| Failure::new(Exit::Input, path.display(), sentence);
    let content = Content::read(path, &Limits::default())?;
    let (shape, numbers) = media::read_npy(&content.bytes, &Limits::default())
        .map_err(|error| Failure::media(path.display(), error))?;
    let side = match shape[..] {
        [height, width] if height == width && (16..=4096).contains(&width) => width as u32,
        _ => {
            return Err(wrong(format!(
                "an array of {shape:?} was found, a square of 16 to 4096 was expected"
            )));
        }
    };
    if let Some(number) = numbers.iter().find(|&&number| !(number > 0.0 && number.is_finite())) {
        return Err(wrong(format!("a velocity of {number}, expected a positive number")));
    }
    let slowest = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let samples = numbers.into_iter().map(|number| number as f32).collect();
    let curve =
        Interpolant::new(&[side; 2], 1, samples).map_err(|error| Failure::work(path.display(), error))?;
    Ok((side, slowest, curve))
}

/// Reads what receivers heard of the waves of some sources: positions on a square of `side` samples, and what was heard there.
pub(super) fn receivers(path: &Path, side: u32, sources: usize) -> Result<(Vec<f64>, Vec<f32>), Failure> {
    let wrong = |sentence: String| Failure::new(Exit::Input, path.display(), sentence);
    let content = Content::read(path, &Limits::default())?;
    let (shape, numbers) = media::read_npy(&content.bytes, &Limits::default())
        .map_err(|error| Failure::media(path.display(), error))?;
    let columns = 2 + 2 * sources;
    if shape.len() != 2 || shape[0] == 0 || shape[1] != columns as u64 {
        let sources = if sources == 1 { "1 source".into() } else { format!("{sources} sources") };
        let sentence =
            format!("an array of {shape:?} was found, (receivers, {columns}) was expected for {sources}");
        return Err(wrong(sentence));
    }
    if let Some(number) = numbers.iter().find(|number| !number.is_finite()) {
        return Err(wrong(format!("{number} among what was heard, expected finite numbers")));
    }
    let (mut positions, mut heard) = (vec![], vec![]);
    for row in numbers.chunks_exact(columns) {
        if let Some(x) = row[..2].iter().find(|x| x.abs() > 1.0) {
            return Err(wrong(format!("a receiver at {x}, expected one within ±1")));
        }
        positions.extend(row[..2].iter().map(|&x| waves::sample_of(side, x)));
        heard.extend(row[2..].iter().map(|&x| x as f32));
    }
    Ok((positions, heard))
}
