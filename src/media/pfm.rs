//! PFM: binary32 pictures, grey or RGB, rows from the bottom up.
//!
//! The header is text: `PF` or `Pf`, width, height, and a scale whose sign gives the byte order. The samples
//! follow. Reference: P. Debevec, *The Portable FloatMap Image Format*.

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::notes::Reading;
use crate::media::picture::from_io;
use crate::media::{admit, require_finite, require_samples_fit};
use crate::signal::{Description, SampleFormat, Samples, Signal};
use std::io::{BufRead, Read};

/// The longest word of the header, bytes.
const LONGEST: u64 = 64;

/// Reads the picture.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn read<R: BufRead>(mut reader: R, limits: &Limits) -> Result<Reading> {
    let channels = if word(&mut reader)? == "PF" { 3 } else { 1 };
    let (width, height): (u32, u32) = (number(&mut reader)?, number(&mut reader)?);
    let scale: f64 = number(&mut reader)?;
    if scale == 0.0 || !scale.is_finite() {
        return Err(Error::format(
            "PFM",
            format!("a scale of {scale}, but a finite number other than 0 was expected"),
        ));
    }
    let description = Description::picture([width, height], channels, SampleFormat::F32);
    admit("PFM", &description, limits)?;
    require_samples_fit(&description, 1, 0, limits)?;

    let row = width as usize * usize::from(channels);
    let mut values = vec![0.0; row * height as usize];
    for row in values.chunks_exact_mut(row).rev() {
        for value in row {
            let mut bytes = [0; 4];
            reader.read_exact(&mut bytes).map_err(|error| from_io(error, "PFM"))?;
            *value = if scale < 0.0 { f32::from_le_bytes(bytes) } else { f32::from_be_bytes(bytes) };
        }
    }
    let missing = require_finite("PFM", &values, &description)?;
    let unit = scale.abs();
    let notes = (unit != 1.0).then(|| format!("its scale of {unit} is not applied to the samples"));
    let signal = Signal { description, samples: Samples::F32(values), metadata: vec![] };
    Ok(Reading { notes: notes.into_iter().chain(missing).collect(), ..signal.into() })
}

/// Reads the next word and the one byte of white space after it.
fn word(reader: &mut impl BufRead) -> Result<String> {
    let mut word = String::new();
    for byte in reader.take(LONGEST).bytes() {
        let byte = byte?;
        match (byte.is_ascii_whitespace(), word.is_empty()) {
            (false, _) => word.push(byte.into()),
            (true, true) => {}
            (true, false) => return Ok(word),
        }
    }
    Err(Error::format("PFM", "the header is incomplete: width, height and a scale were expected"))
}

fn number<T: std::str::FromStr>(reader: &mut impl BufRead) -> Result<T> {
    let word = word(reader)?;
    word.parse()
        .map_err(|_| Error::format("PFM", format!("{word:?} in the header, but a number was expected")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(header: &str, values: &[f32], big: bool) -> Result<(Vec<f32>, Vec<String>)> {
        let bytes = values.iter().flat_map(|v| if big { v.to_be_bytes() } else { v.to_le_bytes() });
        let file: Vec<u8> = header.bytes().chain(bytes).collect();
        let reading = read(&file[..], &Limits::default())?;
        let Samples::F32(values) = reading.signal.samples else { panic!() };
        Ok((values, reading.notes))
    }

    #[test]
    fn rows_come_from_the_bottom_up_in_both_orders_of_bytes() {
        let little = values("Pf\n2 2\n-1.0\n", &[1.0, 2.0, 3.0, 4.0], false).unwrap();
        assert_eq!(little, (vec![3.0, 4.0, 1.0, 2.0], vec![]));
        let big = values("PF 1 1 2 ", &[1.0, 2.0, -3.0], true).unwrap();
        assert_eq!(big, (vec![1.0, 2.0, -3.0], vec!["its scale of 2 is not applied to the samples".into()]));
    }

    #[test]
    fn broken_files_are_refused() {
        for header in ["Pf", "Pf\n2 x\n1\n", "Pf\n2 2\n0\n", "Pf\n0 2\n1\n", "Pf\n2 2\n-1\n"] {
            assert!(matches!(values(header, &[1.0], false), Err(Error::Format { .. })), "{header}");
        }
    }
}
