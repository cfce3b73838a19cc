//! Reads the first part of an OpenEXR file, block by block, as binary32 in its own units.
//!
//! OpenEXR stores colours multiplied by alpha; they are divided by it, because signals have straight alpha.

use super::block::unpacked;
use super::header::{Channel, Header, Kind, number};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::notes::{Reading, Rounding};
use crate::media::picture::from_io;
use crate::media::{admit, alpha, require_finite, require_samples_fit};
use crate::signal::{Description, SampleFormat, Samples, Signal};
use half::f16;
use std::io::{BufRead, Seek, SeekFrom};

/// Reads the picture.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(in crate::media) fn read<R: BufRead + Seek>(mut reader: R, limits: &Limits) -> Result<Reading> {
    let header = Header::read(&mut reader)?;
    let (width, height) = header.size()?;
    let picked = picked(&header.channels)?;
    let description = Description::picture([width, height], picked.len() as u8, SampleFormat::F32);
    admit("EXR", &description, limits)?;
    let block = header.line_bytes(width).saturating_mul(header.compression.lines().into());
    // A block is held three times: stored, decompressed, and reordered.
    require_samples_fit(&description, 1, block.saturating_mul(4), limits)?;
    let mut notes = notes(&header, (width, height), &picked);

    let mut values = vec![0f32; width as usize * height as usize * picked.len()];
    let mut rounding = Rounding::default();
    let offsets = reader.stream_position()?;
    let lines = header.compression.lines();
    let rows = width as usize * picked.len();
    for (k, first) in (0..height).step_by(lines as usize).enumerate() {
        let count = lines.min(height - first);
        reader.seek(SeekFrom::Start(offsets + 8 * k as u64))?;
        let length = (header.line_bytes(width) * u64::from(count)) as usize;
        let stored = stored(&mut reader, &header, first, length)?;
        let bytes = unpacked(stored, length, header.compression)?;
        for (y, line) in bytes.chunks_exact(length / count as usize).enumerate() {
            let row = &mut values[(first as usize + y) * rows..][..rows];
            spread(line, &header.channels, width as usize, &picked, row, &mut rounding);
        }
    }
    notes.extend(rounding.note());
    notes.extend(require_finite("EXR", &values, &description)?);
    let mut samples = Samples::F32(values);
    if picked.len().is_multiple_of(2) {
        notes.extend(alpha::note(alpha::straighten(&mut samples, picked.len())));
    }
    Ok(Reading { notes, ..Signal { description, samples, metadata: vec![] }.into() })
}

/// Reads the bytes of the block at the next offset. It must start at line `first` and have at most `length`
/// bytes.
fn stored(reader: &mut (impl BufRead + Seek), header: &Header, first: u32, length: usize) -> Result<Vec<u8>> {
    let mut offset = [0; 8];
    reader.read_exact(&mut offset).map_err(|error| from_io(error, "EXR"))?;
    reader.seek(SeekFrom::Start(u64::from_le_bytes(offset)))?;
    if header.parts > 1 {
        let part = number(reader)?;
        if part != 0 {
            return Err(Error::format("EXR", format!("a block of part {part} among the blocks of part 0")));
        }
    }
    let (line, size) = (number(reader)? as i32, number(reader)? as usize);
    let expected = i64::from(header.data[1]) + i64::from(first);
    if i64::from(line) != expected || size > length {
        let detail = format!(
            "a block of {size} bytes from line {line}, but at most {length} bytes from line {expected} were expected"
        );
        return Err(Error::format("EXR", detail));
    }
    let mut stored = vec![0; size];
    reader.read_exact(&mut stored).map_err(|error| from_io(error, "EXR"))?;
    Ok(stored)
}

/// Interleaves the channels of a line into the pixels of a row.
fn spread(
    mut line: &[u8],
    channels: &[Channel],
    width: usize,
    picked: &[usize],
    row: &mut [f32],
    rounding: &mut Rounding,
) {
    for (index, channel) in channels.iter().enumerate() {
        let (samples, rest) = line.split_at(width * channel.kind.bytes());
        line = rest;
        let Some(to) = picked.iter().position(|&picked| picked == index) else { continue };
        let places = row.iter_mut().skip(to).step_by(picked.len());
        match channel.kind {
            Kind::Half => places
                .zip(samples.as_chunks().0)
                .for_each(|(place, &bytes)| *place = f16::from_le_bytes(bytes).to_f32()),
            Kind::Single => places
                .zip(samples.as_chunks().0)
                .for_each(|(place, &bytes)| *place = f32::from_le_bytes(bytes)),
            Kind::U32 => places
                .zip(samples.as_chunks().0)
                .for_each(|(place, &bytes)| *place = rounding.integer(u32::from_le_bytes(bytes).into())),
        }
    }
}

/// The indices of the channels that are read, in the order of the channels of a picture.
fn picked(channels: &[Channel]) -> Result<Vec<usize>> {
    let at = |wanted: &str| channels.iter().position(|channel| channel.name == wanted);
    let names = || channels.iter().map(|channel| channel.name.as_str()).collect::<Vec<_>>().join(", ");
    let colours: Option<Vec<usize>> = match at("Y") {
        Some(grey) => Some(vec![grey]),
        None => ["R", "G", "B"].into_iter().map(at).collect(),
    };
    let mut picked = match (colours, channels.len()) {
        (Some(colours), _) => colours,
        (None, 1) => vec![0],
        (None, _) => {
            let detail =
                format!("channels {}, but R, G and B, or Y, or a single channel was expected", names());
            return Err(Error::unsupported("EXR", detail));
        }
    };
    picked.extend(at("A").filter(|alpha| !picked.contains(alpha)));
    // The channels of a block are stored one after another, so a subsampled one, even if not read, would
    // shift the rest.
    match channels.iter().find(|channel| !channel.full) {
        Some(sparse) => Err(Error::unsupported("EXR", format!("channel {} is subsampled", sparse.name))),
        None => Ok(picked),
    }
}

fn notes(header: &Header, (width, height): (u32, u32), picked: &[usize]) -> Vec<String> {
    let mut notes = vec![];
    if header.parts > 1 {
        notes.push(format!("only the first of its {} parts is read", header.parts));
    }
    let others = header.channels.iter().enumerate().filter(|(i, _)| !picked.contains(i));
    let others: Vec<_> = others.map(|(_, channel)| channel.name.as_str()).collect();
    if !others.is_empty() {
        notes.push(format!("its channels {} are not read", others.join(", ")));
    }
    if header.data != header.display {
        notes.push(format!(
            "all its {width}×{height} stored pixels are read, regardless of its display window"
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::exr::write;
    use std::io::Cursor;

    fn file(channels: u8, values: Vec<f32>) -> (Signal, Vec<u8>) {
        let [width, height] = [3, values.len() as u32 / 3 / u32::from(channels)];
        let description = Description::picture([width, height], channels, SampleFormat::F32);
        let signal = Signal { description, samples: Samples::F32(values), metadata: vec![] };
        let mut file = vec![];
        write(&signal, (width, height), &mut file).unwrap();
        (signal, file)
    }
    fn back(file: &[u8]) -> Result<Reading> {
        read(Cursor::new(file), &Limits::default())
    }

    #[test]
    fn what_is_written_is_read() {
        for channels in 1..=4 {
            let values = (0..6 * u32::from(channels)).map(|i| if i % 2 == 0 { i as f32 } else { 0.5 });
            let (signal, file) = file(channels, values.collect());
            let reading = back(&file).unwrap();
            assert_eq!((reading.signal, reading.notes), (signal, vec![]), "{channels} channels");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (_, file) = file(1, vec![0.0; 6]);
        for cut in 0..file.len() {
            assert!(matches!(back(&file[..cut]), Err(Error::Format { .. })), "cut at {cut}");
        }
        let at = |name: &[u8]| file.windows(name.len()).position(|bytes| bytes == name).unwrap() + name.len();
        let changed = |at: usize, byte: u8| {
            let mut file = file.clone();
            file[at] = byte;
            back(&file).unwrap_err().to_string()
        };
        assert!(changed(at(b"compression\0compression\0") + 4, 4).contains("compressed by PIZ"));
        assert!(changed(5, 2).contains("tiles"));
        assert!(changed(5, 8).contains("deep"));
    }
}
