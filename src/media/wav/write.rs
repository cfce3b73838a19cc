//! Writes WAV, with tags after the samples.

use super::fault;
use crate::error::{Error, Result};
use crate::signal::{MetadataKind, Rate, SampleFormat, Samples, Signal};
use std::io::{Seek, SeekFrom, Write};

/// Writes a sound.
///
/// # Errors
/// [`Error::Unsupported`] if a WAV file cannot hold it (a rate of 0, too many bytes); [`Error::Parameter`] if
/// a sample is outside the range of its format; [`Error::Io`] if writing fails.
pub(in crate::media) fn write<W: Write + Seek>(signal: &Signal, mut writer: W) -> Result<()> {
    let tags = signal.metadata.iter().find(|block| block.kind == MetadataKind::Tags);
    let tags = tags.map_or(&[][..], |block| &block.bytes);
    let description = &signal.description;
    let (bits, channels) = (description.format.bits(), u32::from(description.channels));
    let block = bits / 8 * channels;
    let rate = description.rate();
    let Some(sample_rate) = rate.and_then(Rate::whole).filter(|rate| rate.checked_mul(block).is_some())
    else {
        let rate = rate.map_or("0".into(), |rate| rate.to_string());
        let most = u32::MAX / block;
        let detail = format!("{rate} Hz in blocks of {block} bytes, but 1 to {most} Hz were expected");
        return Err(Error::unsupported("WAV", detail));
    };
    let bytes = signal.samples.len() as u64 * u64::from(bits / 8);
    // The length of the file includes 36 to 60 bytes of header, 12 of the list of tags, and up to 2 of
    // padding.
    let most = (u64::from(u32::MAX) - 74).saturating_sub(tags.len() as u64);
    if bytes > most {
        return Err(Error::unsupported(
            "WAV",
            format!("{bytes} bytes of samples, but at most {most} were expected"),
        ));
    }
    let spec = hound::WavSpec {
        channels: u16::from(description.channels),
        sample_rate,
        bits_per_sample: bits as u16,
        sample_format: match description.format {
            SampleFormat::F32 => hound::SampleFormat::Float,
            _ => hound::SampleFormat::Int,
        },
    };
    let mut wav = hound::WavWriter::new(&mut writer, spec).map_err(fault)?;
    match &signal.samples {
        Samples::I8(v) => put(&mut wav, v)?,
        Samples::I16(v) => put(&mut wav, v)?,
        Samples::I24(v) | Samples::I32(v) => put(&mut wav, v)?,
        Samples::F32(v) => put(&mut wav, v)?,
        other => return Err(Error::unsupported("WAV", format!("{:?} samples", other.format()))),
    }
    wav.finalize().map_err(fault)?;
    if !tags.is_empty() {
        append_tags(tags, &mut writer)?
    }
    Ok(())
}

/// Appends the list of tags, and adds its length to that of the file.
fn append_tags<W: Write + Seek>(tags: &[u8], writer: &mut W) -> Result<()> {
    let end = writer.seek(SeekFrom::End(0))?;
    let mut list = vec![0; (end % 2) as usize];
    list.extend(b"LIST");
    list.extend((tags.len() as u32 + 4).to_le_bytes());
    list.extend(b"INFO");
    list.extend(tags);
    list.resize(list.len() + tags.len() % 2, 0);
    writer.write_all(&list)?;
    writer.seek(SeekFrom::Start(4))?;
    writer.write_all(&((end as usize + list.len() - 8) as u32).to_le_bytes())?;
    writer.seek(SeekFrom::End(0))?;
    Ok(())
}

fn put<W: Write + Seek, S: hound::Sample + Copy>(wav: &mut hound::WavWriter<W>, samples: &[S]) -> Result<()> {
    samples.iter().try_for_each(|&sample| wav.write_sample(sample)).map_err(fault)
}
