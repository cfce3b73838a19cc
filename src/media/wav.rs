//! Sound in WAV files, through `hound`.
//!
//! The chunks are walked here, because what a header claims has to be held against what is there before anything is
//! allocated, and because `hound` takes no notice of the byte that pads odd chunks. It then decodes the samples behind
//! a header in its plainest form. Reference: Microsoft, *Multiple channel audio data and WAVE files*, 2007.

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::{admit, require_finite};
use crate::signal::{Description, Kind, SampleFormat, Samples, Signal};
use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom, Write};

/// `wFormatTag` of integer samples.
const PCM: u16 = 1;
/// `wFormatTag` of binary32 samples.
const FLOAT: u16 = 3;
/// `wFormatTag` of a header whose sub-format says which.
const EXTENSIBLE: u16 = 0xFFFE;
/// The length written by programs that stream and cannot go back: everything up to the end of the file.
const STREAMED: u32 = u32::MAX;

/// Reads a sound from a file of `length` bytes.
///
/// # Errors
/// Those of [`read_from`](crate::media::read_from).
pub(super) fn read<R: BufRead + Seek>(mut reader: R, length: u64, limits: &Limits) -> Result<Signal> {
    let (layout, bytes) = find_data(&mut reader, length)?;
    let block = layout.block();
    if bytes == 0 {
        return Err(Error::format("WAV", "it holds 0 samples, at least 1 expected"));
    }
    if bytes % block != 0 {
        let detail = format!("{bytes} bytes of samples, a multiple of {block} (one per channel) expected");
        return Err(Error::format("WAV", detail));
    }
    let description = Description {
        kind: Kind::Sound,
        lengths: vec![bytes / block],
        channels: layout.channels as u8,
        format: layout.format()?,
        rate: layout.rate,
    };
    admit("WAV", &description, limits)?;

    let data = reader.take(u64::from(bytes));
    let wav = hound::WavReader::new(Cursor::new(layout.header(bytes)).chain(data)).map_err(fault)?;
    let samples = match description.format {
        SampleFormat::I8 => Samples::I8(collect(wav)?),
        SampleFormat::I16 => Samples::I16(collect(wav)?),
        SampleFormat::I24 => Samples::I24(collect(wav)?),
        SampleFormat::I32 => Samples::I32(collect(wav)?),
        _ => Samples::F32(collect(wav)?),
    };
    if let Samples::F32(values) = &samples {
        require_finite("WAV", values, &description)?;
    }
    Ok(Signal { description, samples, metadata: vec![] })
}

fn collect<R: Read, S: hound::Sample>(wav: hound::WavReader<R>) -> Result<Vec<S>> {
    let mut samples = Vec::with_capacity(wav.len() as usize);
    for sample in wav.into_samples() {
        samples.push(sample.map_err(fault)?);
    }
    Ok(samples)
}

/// What the format chunk says.
#[derive(Clone, Copy)]
struct Layout {
    float: bool,
    channels: u16,
    rate: u32,
    /// Bytes that hold one sample.
    container: u16,
}

/// Walks the chunks up to the samples; the layout and the number of bytes of samples, all of them present.
fn find_data<R: BufRead + Seek>(reader: &mut R, length: u64) -> Result<(Layout, u32)> {
    let mut layout = None;
    let mut at = 12;
    loop {
        if at + 8 > length {
            let missing = if layout.is_none() { "fmt" } else { "data" };
            return Err(Error::format(
                "WAV",
                format!("the file ends at byte {length} without a {missing} chunk"),
            ));
        }
        reader.seek(SeekFrom::Start(at))?;
        let mut header = [0; 8];
        reader.read_exact(&mut header)?;
        let [a, b, c, d, size @ ..] = header;
        let size = u32::from_le_bytes(size);
        at += 8;
        let present = length - at;
        match &[a, b, c, d] {
            b"data" => {
                let layout: Layout =
                    layout.ok_or_else(|| Error::format("WAV", "data chunk before the fmt chunk"))?;
                if size == STREAMED {
                    let whole = present - present % u64::from(layout.block());
                    return Ok((
                        layout,
                        u32::try_from(whole).unwrap_or(STREAMED - STREAMED % layout.block()),
                    ));
                }
                if u64::from(size) > present {
                    let detail = format!("truncated: {size} bytes of samples announced, {present} present");
                    return Err(Error::format("WAV", detail));
                }
                return Ok((layout, size));
            }
            b"fmt " => {
                let mut fields = Vec::new();
                reader.by_ref().take(u64::from(size.min(40))).read_to_end(&mut fields)?;
                layout = Some(Layout::parse(&fields)?);
            }
            _ => {}
        }
        at += u64::from(size) + u64::from(size % 2);
    }
}

impl Layout {
    /// Reads `WAVEFORMATEX` or `WAVEFORMATEXTENSIBLE`.
    fn parse(fields: &[u8]) -> Result<Self> {
        let short = |at: usize| Some(u16::from_le_bytes([*fields.get(at)?, *fields.get(at + 1)?]));
        let long = |at: usize| Some(u32::from(short(at)?) | u32::from(short(at + 2)?) << 16);
        let cut = || {
            Error::format(
                "WAV",
                format!("fmt chunk of {} bytes, 16 or (extensible) 40 expected", fields.len()),
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
            let detail = format!("{} samples, integer or binary32 samples expected", coding(tag));
            return Err(Error::unsupported("WAV", detail));
        }
        if channels == 0 || rate == 0 || block == 0 || block % channels != 0 {
            let detail = format!("{channels} channels at {rate} Hz in blocks of {block} bytes");
            return Err(Error::format("WAV", detail));
        }
        if channels > 8 {
            return Err(Error::unsupported("WAV", format!("{channels} channels, 1 to 8 expected")));
        }
        // Fewer valid bits than the container holds are left-justified in it: the container's width is the scale.
        let container = block / channels;
        if bits == 0 || u32::from(bits) > 8 * u32::from(container) {
            let detail = format!("{bits} bits in a sample of {container} bytes");
            return Err(Error::format("WAV", detail));
        }
        if rate.checked_mul(u32::from(block)).is_none() {
            let detail =
                format!("{rate} Hz in blocks of {block} bytes, fewer than 2³² bytes per second expected");
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
            (4, true) => Ok(SampleFormat::F32),
            (bytes, float) => {
                let kind = if float { "float" } else { "integer" };
                let detail =
                    format!("{}-bit {kind} samples, 8 to 32-bit integers or binary32 expected", 8 * bytes);
                Err(Error::unsupported("WAV", detail))
            }
        }
    }

    /// Bytes of one sample of every channel.
    fn block(&self) -> u32 {
        u32::from(self.container) * u32::from(self.channels)
    }

    /// The plainest header of `bytes` of such samples.
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

/// The name of a coding that is not read.
fn coding(tag: u16) -> String {
    match tag {
        0x02 | 0x11 => "ADPCM".into(),
        0x06 => "A-law".into(),
        0x07 => "µ-law".into(),
        0x31 => "GSM".into(),
        0x55 => "MP3".into(),
        other => format!("coding {other:#06x}"),
    }
}

/// Writes a sound.
///
/// # Errors
/// [`Error::Unsupported`] if a WAV file cannot hold it: a rate of 0, too many bytes; [`Error::Parameter`] if a sample is
/// outside its format; [`Error::Io`] if writing fails.
pub(super) fn write<W: Write + Seek>(signal: &Signal, writer: W) -> Result<()> {
    let description = &signal.description;
    let (bits, channels) = (description.format.bits(), u32::from(description.channels));
    let block = bits / 8 * channels;
    if description.rate == 0 || description.rate.checked_mul(block).is_none() {
        let detail = format!(
            "{} Hz in blocks of {block} bytes, 1 to {} Hz expected",
            description.rate,
            u32::MAX / block
        );
        return Err(Error::unsupported("WAV", detail));
    }
    let bytes = signal.samples.len() as u64 * u64::from(bits / 8);
    // 36 to 60 bytes of header are counted with the samples.
    let most = u64::from(u32::MAX) - 60;
    if bytes > most {
        return Err(Error::unsupported("WAV", format!("{bytes} bytes of samples, at most {most} expected")));
    }
    let spec = hound::WavSpec {
        channels: u16::from(description.channels),
        sample_rate: description.rate,
        bits_per_sample: bits as u16,
        sample_format: match description.format {
            SampleFormat::F32 => hound::SampleFormat::Float,
            _ => hound::SampleFormat::Int,
        },
    };
    let mut wav = hound::WavWriter::new(writer, spec).map_err(fault)?;
    match &signal.samples {
        Samples::I8(v) => put(&mut wav, v)?,
        Samples::I16(v) => put(&mut wav, v)?,
        Samples::I24(v) | Samples::I32(v) => put(&mut wav, v)?,
        Samples::F32(v) => put(&mut wav, v)?,
        other => return Err(Error::unsupported("WAV", format!("{:?} samples", other.format()))),
    }
    wav.finalize().map_err(fault)
}

fn put<W: Write + Seek, S: hound::Sample + Copy>(wav: &mut hound::WavWriter<W>, samples: &[S]) -> Result<()> {
    samples.iter().try_for_each(|&sample| wav.write_sample(sample)).map_err(fault)
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
    use super::*;

    /// A mono 16-bit file at 8 kHz with `chunks` between fmt and data.
    fn file(chunks: &[u8], announced: u32, data: &[u8]) -> Vec<u8> {
        let layout = Layout { float: false, channels: 1, rate: 8000, container: 2 };
        let mut bytes = layout.header(announced);
        let tail = bytes.split_off(36);
        [&bytes, chunks, &tail, data].concat()
    }

    fn samples(bytes: &[u8]) -> Result<Samples> {
        Ok(read(Cursor::new(bytes), bytes.len() as u64, &Limits::default())?.samples)
    }

    #[test]
    fn odd_chunks_are_padded() {
        let list = b"LIST\x03\0\0\0abc\0";
        assert_eq!(samples(&file(list, 4, &[1, 0, 0xFF, 0xFF])).unwrap(), Samples::I16(vec![1, -1]));
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
        let mut signal = read(Cursor::new(file(&[], 2, &[5, 0])), 46, &Limits::default()).unwrap();
        for rate in [0, u32::MAX] {
            signal.description.rate = rate;
            assert!(
                matches!(write(&signal, Cursor::new(vec![])), Err(Error::Unsupported { .. })),
                "{rate} Hz"
            );
        }
        (signal.description.rate, signal.description.format) = (8000, SampleFormat::I24);
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
