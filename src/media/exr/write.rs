//! Writes OpenEXR: one part of binary32 scanlines. No compression: it hardly shrinks floats.

use crate::error::{Error, Result};
use crate::signal::{Samples, Signal};
use std::io::Write;

/// Magic and version field: version 2, one part of scanlines, short names.
const HEAD: [u8; 8] = [0x76, 0x2F, 0x31, 0x01, 2, 0, 0, 0];
/// The type of channels with binary32 samples.
const FLOAT: u32 = 2;

/// The names of the channels in alphabetical order, and the index of each among the channels of a picture.
fn channels(count: u8) -> &'static [(&'static str, usize)] {
    match count {
        1 => &[("Y", 0)],
        2 => &[("A", 1), ("Y", 0)],
        3 => &[("B", 2), ("G", 1), ("R", 0)],
        _ => &[("A", 3), ("B", 2), ("G", 1), ("R", 0)],
    }
}

/// The most pixels of a row: its bytes are counted in 31 bits.
pub(in crate::media) fn longest_row(channels: u8) -> u32 {
    i32::MAX as u32 / 4 / u32::from(channels.max(1))
}

/// Writes a picture of binary32. Values are stored unchanged, except that colours are multiplied by alpha, as
/// readers of the format expect.
///
/// # Errors
/// [`Error::Unsupported`] for other samples; [`Error::Io`] if writing fails.
pub(in crate::media) fn write<W: Write>(
    signal: &Signal,
    (width, height): (u32, u32),
    mut writer: W,
) -> Result<()> {
    let Samples::F32(values) = &signal.samples else {
        return Err(Error::unsupported("EXR", format!("{:?} samples", signal.samples.format())));
    };
    let count = signal.description.channels;
    let (names, has_alpha) = (channels(count), count.is_multiple_of(2));
    let header = header(names, width, height);
    writer.write_all(&header)?;

    let row = usize::from(count) * width as usize * 4;
    let first = (header.len() + 8 * height as usize) as u64;
    for y in 0..u64::from(height) {
        writer.write_all(&(first + y * (8 + row as u64)).to_le_bytes())?;
    }
    let mut bytes = Vec::with_capacity(8 + row);
    for (y, pixels) in values.chunks_exact(row / 4).enumerate() {
        bytes.clear();
        bytes.extend((y as u32).to_le_bytes());
        bytes.extend((row as u32).to_le_bytes());
        for &(name, channel) in names {
            for pixel in pixels.chunks_exact(usize::from(count)) {
                let alpha = if has_alpha && name != "A" { pixel[usize::from(count) - 1] } else { 1.0 };
                bytes.extend((pixel[channel] * alpha).to_le_bytes());
            }
        }
        writer.write_all(&bytes)?;
    }
    Ok(())
}

/// Everything before the offsets.
fn header(names: &[(&str, usize)], width: u32, height: u32) -> Vec<u8> {
    let mut list = vec![];
    for (name, _) in names {
        list.extend([name.as_bytes(), &[0]].concat());
        // The type; the flag for perceptually linear, with padding; the sampling along both axes.
        list.extend([FLOAT, 0, 1, 1].map(u32::to_le_bytes).concat());
    }
    list.push(0);
    let window = [0, 0, width - 1, height - 1].map(u32::to_le_bytes).concat();
    let one = 1f32.to_le_bytes();
    let mut header = HEAD.to_vec();
    for (name, kind, value) in [
        ("channels", "chlist", &list[..]),
        ("compression", "compression", &[0]),
        ("dataWindow", "box2i", &window),
        ("displayWindow", "box2i", &window),
        ("lineOrder", "lineOrder", &[0]),
        ("pixelAspectRatio", "float", &one),
        ("screenWindowCenter", "v2f", &[0; 8]),
        ("screenWindowWidth", "float", &one),
    ] {
        header.extend([name.as_bytes(), &[0], kind.as_bytes(), &[0]].concat());
        header.extend((value.len() as u32).to_le_bytes());
        header.extend(value);
    }
    header.push(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Description, SampleFormat};

    fn exr(channels: u8, size: (u32, u32), values: Vec<f32>) -> Vec<u8> {
        let description = Description::picture([size.0, size.1], channels, SampleFormat::F32);
        let signal = Signal { description, samples: Samples::F32(values), metadata: vec![] };
        let mut file = vec![];
        write(&signal, size, &mut file).unwrap();
        file
    }

    #[test]
    fn the_bytes_are_those_of_the_layout() {
        let file = exr(1, (2, 1), vec![0.5, -1.0]);
        let mut expected = b"\x76\x2f\x31\x01\x02\0\0\0".to_vec();
        expected.extend(b"channels\0chlist\0\x13\0\0\0Y\0\x02\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0");
        expected.extend(b"compression\0compression\0\x01\0\0\0\0");
        expected.extend(b"dataWindow\0box2i\0\x10\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0");
        expected.extend(b"displayWindow\0box2i\0\x10\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0");
        expected.extend(b"lineOrder\0lineOrder\0\x01\0\0\0\0");
        expected.extend(b"pixelAspectRatio\0float\0\x04\0\0\0\0\0\x80\x3f");
        expected.extend(b"screenWindowCenter\0v2f\0\x08\0\0\0\0\0\0\0\0\0\0\0");
        expected.extend(b"screenWindowWidth\0float\0\x04\0\0\0\0\0\x80\x3f\0");
        let offset = expected.len() as u64 + 8;
        expected.extend(offset.to_le_bytes());
        expected.extend(b"\0\0\0\0\x08\0\0\0\0\0\0\x3f\0\0\x80\xbf");
        assert_eq!(file, expected);
    }

    #[test]
    fn channels_come_by_name_and_rows_where_their_offsets_say() {
        let size = (3, 2);
        let values: Vec<f32> = (0..24).map(|i| if i % 4 == 3 { 0.5 } else { i as f32 }).collect();
        let file = exr(4, size, values.clone());
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let table = header(channels(4), 3, 2).len();
        for y in 0..2 {
            let at = word(table + 8 * y) as usize;
            assert_eq!((word(at), word(at + 4)), (y as u32, 48));
            let row = &values[12 * y..12 * (y + 1)];
            for (n, (channel, alpha)) in [(3, 1.0), (2, 0.5), (1, 0.5), (0, 0.5)].into_iter().enumerate() {
                for x in 0..3 {
                    let got = f32::from_bits(word(at + 8 + 4 * (3 * n + x)));
                    assert_eq!(got, alpha * row[4 * x + channel]);
                }
            }
        }
        assert_eq!(file.len(), table + 16 + 2 * 56);
    }
}
