//! `--gradient`: reads the target gradient.

use crate::cli::failure::{Exit, Failure};
use crate::cli::input::Content;
use sirenc::signal::Description;
use sirenc::{Limits, media};
use std::path::Path;
use std::sync::Arc;

/// Reads an array as written by `decode --derivative gradient`: `(…, height, width, channels, axes)`.
pub fn read(path: &Path, of: &Description) -> Result<Arc<[f32]>, Failure> {
    let content = Content::read(path, &Limits::default())?;
    let (shape, slopes) = media::read_npy(&content.bytes, &Limits::default())
        .map_err(|error| Failure::media(&content.name, error))?;
    let lengths = of.axes.iter().rev().map(|axis| u64::from(axis.length));
    let expected: Vec<u64> = lengths.chain([of.channels.into(), of.axes.len() as u64]).collect();
    if shape != expected {
        let sentence = format!("an array of {shape:?} was found, {expected:?} was expected");
        return Err(Failure::new(Exit::Input, &content.name, sentence)
            .hint("`sirenc decode --derivative gradient` writes such arrays"));
    }
    // Measurements in integers have slopes in their numbers.
    let number = of.unit_number();
    Ok(slopes.into_iter().map(|slope| (slope / number) as f32).collect())
}
