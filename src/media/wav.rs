//! Sound in WAV files, through `hound`.
//!
//! The chunks are walked here for two reasons: announced sizes must be checked before anything is allocated,
//! and `hound` ignores the byte that pads odd chunks. `hound` then decodes the samples after a minimal
//! header. Reference: Microsoft, *Multiple channel audio data and WAVE files*, 2007.

mod chunks;
mod write;

pub(super) use write::write;

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::blocks::Blocks;
use crate::media::notes::{Reading, Rounding};
use crate::media::{admit, require_finite};
use crate::signal::{Description, MetadataKind, SampleFormat, Samples, Signal};
use chunks::Chunks;
use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};

/// `wFormatTag` of integer samples.
const PCM: u16 = 1;
/// `wFormatTag` of binary32 and binary64 samples.
const FLOAT: u16 = 3;
/// `wFormatTag` of an extensible header, whose sub-format is the actual tag.
const EXTENSIBLE: u16 = 0xFFFE;

/// Reads a sound from a file of `length` bytes.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn read<R: BufRead + Seek>(mut reader: R, length: u64, limits: &Limits) -> Result<Reading> {
    let Chunks { layout, place, bytes, tags, others } = Chunks::find(&mut reader, length, limits)?;
    let block = layout.block();
    if bytes == 0 {
        return Err(Error::format("WAV", "it holds 0 samples, but at least 1 was expected"));
    }
    if bytes % block != 0 {
        let detail = format!(
            "{bytes} bytes of samples, but a multiple of {block} (one sample per channel) was expected"
        );
        return Err(Error::format("WAV", detail));
    }
    let description = Description::sound(bytes / block, layout.channels as u8, layout.format()?, layout.rate);
    admit("WAV", &description, limits)?;
    let mut notes = vec![];
    if !others.is_empty() {
        notes.push(format!("its chunks {} are not kept", others.join(", ")));
    }

    reader.seek(SeekFrom::Start(place))?;
    let data = reader.take(u64::from(bytes));
    let samples = if layout.container == 8 {
        Samples::F32(doubles(data, (bytes / 8) as usize, &mut notes)?)
    } else {
        let wav = hound::WavReader::new(Cursor::new(layout.header(bytes)).chain(data)).map_err(fault)?;
        match description.format {
            SampleFormat::I8 => Samples::I8(collect(wav)?),
            SampleFormat::I16 => Samples::I16(collect(wav)?),
            SampleFormat::I24 => Samples::I24(collect(wav)?),
            SampleFormat::I32 => Samples::I32(collect(wav)?),
            _ => Samples::F32(collect(wav)?),
        }
    };
    if let Samples::F32(values) = &samples {
        notes.extend(require_finite("WAV", values, &description)?);
    }
    let mut blocks = Blocks::new(limits);
    blocks.add(MetadataKind::Tags, tags, &mut notes);
    Ok(Reading { notes, ..Signal { description, samples, metadata: blocks.into() }.into() })
}

/// Reads binary64 samples, rounded to binary32.
fn doubles(mut data: impl Read, count: usize, notes: &mut Vec<String>) -> Result<Vec<f32>> {
    let (mut samples, mut rounding) = (Vec::with_capacity(count), Rounding::default());
    for _ in 0..count {
        let mut bytes = [0; 8];
        data.read_exact(&mut bytes)?;
        samples.push(rounding.single(f64::from_le_bytes(bytes)));
    }
    rounding.require_range("WAV")?;
    notes.extend(rounding.note());
    Ok(samples)
}

fn collect<R: Read, S: hound::Sample>(wav: hound::WavReader<R>) -> Result<Vec<S>> {
    let mut samples = Vec::with_capacity(wav.len() as usize);
    for sample in wav.into_samples() {
        samples.push(sample.map_err(fault)?);
    }
    Ok(samples)
}

/// The content of the format chunk.
#[derive(Clone, Copy)]
struct Layout {
    float: bool,
    channels: u16,
    rate: u32,
    /// The bytes of one sample.
    container: u16,
}

impl Layout {
    /// Reads `WAVEFORMATEX` or `WAVEFORMATEXTENSIBLE`.
    fn parse(fields: &[u8]) -> Result<Self> {
        let short = |at: usize| Some(u16::from_le_bytes([*fields.get(at)?, *fields.get(at + 1)?]));
        let long = |at: usize| Some(u32::from(short(at)?) | u32::from(short(at + 2)?) << 16);
        let cut = || {
            Error::format(
                "WAV",
                format!("fmt chunk of {} bytes, but 16 or (extensible) 40 were expected", fields.len()),
            )
        };
        let mut tag = short(0).ok_or_else(cut)?;
        let channels = short(2).ok_or_else(cut)?;
        let rate = long(4).ok_or_else(cut)?;
        let block = short(12).ok_or_else(cut)?;
        let bits = short(14).ok_or_else(cut)?;
        if tag == EXTENSIBLE {
            // The sub-format GUID begins with the tag it stands for.
            tag = short(24).ok_or_else(cut)?;
        }
        if tag != PCM && tag != FLOAT {
            let detail = format!(
                "{} samples, but integers or floats were expected (convert it to 16-bit PCM first)",
                coding(tag)
            );
            return Err(Error::unsupported("WAV", detail));
        }
        if channels == 0 || rate == 0 || block == 0 || block % channels != 0 {
            let detail = format!("{channels} channels at {rate} Hz in blocks of {block} bytes");
            return Err(Error::format("WAV", detail));
        }
        if channels > 8 {
            return Err(Error::unsupported("WAV", format!("{channels} channels, but 1 to 8 were expected")));
        }
        // Samples with fewer valid bits than their container are left-justified: the width of the container
        // sets the scale.
        let container = block / channels;
        if bits == 0 || u32::from(bits) > 8 * u32::from(container) {
            let detail = format!("{bits} bits in a sample of {container} bytes");
            return Err(Error::format("WAV", detail));
        }
        if rate.checked_mul(u32::from(block)).is_none() {
            let detail = format!(
                "{rate} Hz in blocks of {block} bytes, but fewer than 2³² bytes per second were expected"
            );
            return Err(Error::format("WAV", detail));
        }
        Ok(Layout { float: tag == FLOAT, channels, rate, container })
    }

    fn format(&self) -> Result<SampleFormat> {
        match (self.container, self.float) {
            (1, false) => Ok(SampleFormat::I8),
            (2, false) => Ok(SampleFormat::I16),
            (3, false) => Ok(SampleFormat::I24),
            (4, false) => Ok(SampleFormat::I32),
            (4 | 8, true) => Ok(SampleFormat::F32),
            (bytes, float) => {
                let kind = if float { "float" } else { "integer" };
                let detail = format!(
                    "{}-bit {kind} samples, but 8 to 32-bit integers or 32 and 64-bit floats were expected",
                    8 * bytes
                );
                Err(Error::unsupported("WAV", detail))
            }
        }
    }

    /// The bytes of one sample of every channel.
    fn block(&self) -> u32 {
        u32::from(self.container) * u32::from(self.channels)
    }

    /// A minimal header for `bytes` of samples in this layout.
    fn header(&self, bytes: u32) -> Vec<u8> {
        let mut header = Vec::with_capacity(44);
        let block = self.block();
        header.extend(b"RIFF");
        header.extend(bytes.saturating_add(36).to_le_bytes());
        header.extend(b"WAVEfmt ");
        header.extend(16u32.to_le_bytes());
        header.extend(if self.float { FLOAT } else { PCM }.to_le_bytes());
        header.extend(self.channels.to_le_bytes());
        header.extend(self.rate.to_le_bytes());
        header.extend((self.rate * block).to_le_bytes());
        header.extend((block as u16).to_le_bytes());
        header.extend((8 * self.container).to_le_bytes());
        header.extend(b"data");
        header.extend(bytes.to_le_bytes());
        header
    }
}

/// The name of an unsupported coding.
fn coding(tag: u16) -> String {
    match tag {
        0x02 | 0x11 => "ADPCM".into(),
        0x06 => "A-law".into(),
        0x07 => "µ-law".into(),
        0x31 => "GSM".into(),
        0x50 => "MPEG".into(),
        0x55 => "MP3".into(),
        0xFF | 0x1600 | 0x1610 => "AAC".into(),
        other => format!("coding {other:#06x}"),
    }
}

fn fault(error: hound::Error) -> Error {
    match error {
        hound::Error::IoError(error) if error.kind() == io::ErrorKind::Other => {
            Error::format("WAV", error.to_string())
        }
        hound::Error::IoError(error) => Error::Io(error),
        hound::Error::TooWide => Error::parameter("samples", "a sample is outside the range of its format"),
        other => Error::format("WAV", other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::chunks::STREAMED;
    use super::*;

    /// A mono 16-bit file at 8 kHz with `chunks` between fmt and data, and an announced length of data.
    fn file(chunks: &[u8], announced: u32, data: &[u8]) -> Vec<u8> {
        let layout = Layout { float: false, channels: 1, rate: 8000, container: 2 };
        let mut bytes = layout.header(announced);
        let tail = bytes.split_off(36);
        [&bytes, chunks, &tail, data].concat()
    }

    fn samples(bytes: &[u8]) -> Result<Samples> {
        Ok(read(Cursor::new(bytes), bytes.len() as u64, &Limits::default())?.signal.samples)
    }

    #[test]
    fn odd_chunks_are_padded() {
        let list = b"LIST\x03\0\0\0abc\0";
        assert_eq!(samples(&file(list, 4, &[1, 0, 0xFF, 0xFF])).unwrap(), Samples::I16(vec![1, -1]));
    }

    #[test]
    fn tags_are_kept_wherever_they_stand_and_other_chunks_are_told() {
        let tags = b"IART\x03\0\0\0Me\0\0";
        let list = [&b"LIST\x10\0\0\0INFO"[..], tags].concat();
        let bext = b"bext\x02\0\0\0xy";
        for bytes in
            [file(&[&list[..], bext].concat(), 2, &[5, 0]), file(bext, 2, &[&[5, 0], &list[..]].concat())]
        {
            let length = bytes.len() as u64;
            let reading = read(Cursor::new(bytes), length, &Limits::default()).unwrap();
            assert_eq!(reading.notes, ["its chunks bext are not kept"]);
            assert_eq!(reading.signal.metadata[0].bytes, tags);
            let mut again = Cursor::new(vec![]);
            write(&reading.signal, &mut again).unwrap();
            let again = again.into_inner();
            assert_eq!(
                u32::from_le_bytes([again[4], again[5], again[6], again[7]]) as usize,
                again.len() - 8
            );
            let length = again.len() as u64;
            let back = read(Cursor::new(again), length, &Limits::default()).unwrap();
            assert_eq!((back.signal, back.notes), (reading.signal, vec![]));
        }
    }

    #[test]
    fn binary64_is_rounded_and_told() {
        let mut bytes = Layout { float: true, channels: 1, rate: 8000, container: 8 }.header(16);
        bytes.extend([0.5f64, 0.1].map(f64::to_le_bytes).concat());
        let reading = read(Cursor::new(&bytes), bytes.len() as u64, &Limits::default()).unwrap();
        assert_eq!(reading.signal.samples, Samples::F32(vec![0.5, 0.1]));
        assert!(reading.notes[0].starts_with("1 sample rounded to binary32"), "{:?}", reading.notes);
    }

    #[test]
    fn a_streamed_length_means_the_rest_of_the_file() {
        assert_eq!(samples(&file(&[], STREAMED, &[1, 0, 2, 0, 3])).unwrap(), Samples::I16(vec![1, 2]));
    }

    #[test]
    fn lengths_beyond_the_file_are_refused_before_allocating() {
        let error = samples(&file(&[], 0xFFFF_FFF0, &[0; 100])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "malformed WAV: truncated: 4294967280 bytes of samples announced, 100 present"
        );
        let error = samples(&file(b"LIST\xFF\xFF\xFF\xFF", 2, &[0; 2])).unwrap_err();
        assert!(error.to_string().contains("without a data chunk"), "{error}");
    }

    #[test]
    fn twenty_bits_in_three_bytes_are_left_justified() {
        let mut bytes = Layout { float: false, channels: 1, rate: 8000, container: 3 }.header(3);
        bytes[34] = 20;
        bytes.extend([0x10, 0, 0x80]);
        assert_eq!(samples(&bytes).unwrap(), Samples::I24(vec![0x10 - (1 << 23)]));
    }

    #[test]
    fn what_a_header_cannot_say_is_not_written() {
        let mut signal = read(Cursor::new(file(&[], 2, &[5, 0])), 46, &Limits::default()).unwrap().signal;
        let sound = |rate| Description::sound(1, 1, SampleFormat::I16, rate);
        for rate in [0, u32::MAX] {
            signal.description = sound(rate);
            assert!(
                matches!(write(&signal, Cursor::new(vec![])), Err(Error::Unsupported { .. })),
                "{rate} Hz"
            );
        }
        signal.description = Description { format: SampleFormat::I24, ..sound(8000) };
        signal.samples = Samples::I24(vec![1 << 23]);
        assert!(matches!(write(&signal, Cursor::new(vec![])), Err(Error::Parameter { .. })));
    }

    #[test]
    fn other_codings_are_named() {
        let mut bytes = file(&[], 2, &[0; 2]);
        bytes[20] = 7;
        assert!(samples(&bytes).unwrap_err().to_string().contains("µ-law"));
        bytes[20] = 1;
        bytes[22] = 0;
        assert!(matches!(samples(&bytes), Err(Error::Format { .. })));
    }
}
