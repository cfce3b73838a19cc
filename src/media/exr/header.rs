//! The header: attributes of the first part.

use crate::error::{Error, Result};
use crate::media::picture::from_io;
use std::io::{BufRead, Read, Seek};

/// Flags in the version field: tiles, deep samples, several parts.
const TILED: u32 = 0x200;
const DEEP: u32 = 0x800;
const PARTS: u32 = 0x1000;
/// Limits on names and on values of attributes, bytes.
const LONGEST_NAME: u64 = 256;
const LARGEST: u32 = 1 << 16;

/// A channel of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Channel {
    pub name: String,
    pub kind: Kind,
    /// Whether every pixel has a sample: the channel is not subsampled.
    pub full: bool,
}

/// The type of a channel's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    U32,
    Half,
    Single,
}

impl Kind {
    pub fn bytes(self) -> usize {
        if self == Kind::Half { 2 } else { 4 }
    }
}

/// How blocks are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Compression {
    #[default]
    None,
    Rle,
    /// Zlib, in blocks of one or 16 lines.
    Zip {
        lines: u32,
    },
}

impl Compression {
    /// The number of lines of a block.
    pub fn lines(self) -> u32 {
        if let Compression::Zip { lines } = self { lines } else { 1 }
    }
}

/// A rectangle of pixels: left, top, right, bottom, all inclusive.
pub(super) type Window = [i32; 4];

/// The header of the first part, and the number of parts.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub channels: Vec<Channel>,
    pub compression: Compression,
    pub data: Window,
    pub display: Window,
    pub parts: usize,
}

impl Header {
    /// Reads the headers of all parts; stops before the offsets.
    pub fn read(reader: &mut (impl BufRead + Seek)) -> Result<Self> {
        let [_magic, version] = [number(reader)?, number(reader)?];
        if version & 0xFF != 2 {
            return Err(Error::unsupported("EXR", format!("version {}, but 2 was expected", version & 0xFF)));
        }
        if version & TILED != 0 {
            return refuse("tiles, but only scanlines are read (save it with scanlines first)".into());
        }
        if version & DEEP != 0 {
            return refuse("deep samples, but only one sample per pixel is read (flatten it first)".into());
        }
        let mut first = Self::part(reader)?;
        first.parts = 1;
        while version & PARTS != 0 && !reader.fill_buf()?.starts_with(&[0]) {
            Self::part(reader)?;
            first.parts += 1;
        }
        if version & PARTS != 0 {
            reader.consume(1);
        }
        Ok(first)
    }

    /// Reads the attributes of a part.
    fn part(reader: &mut (impl BufRead + Seek)) -> Result<Self> {
        let (mut header, mut found) = (Header::default(), 0);
        loop {
            let name = name(reader)?;
            if name.is_empty() {
                break;
            }
            let kind = self::name(reader)?;
            let size = number(reader)?;
            match (name.as_str(), kind.as_str()) {
                ("channels", "chlist") => header.channels = channels(&bytes(reader, size)?)?,
                ("compression", "compression") => header.compression = compression(&bytes(reader, size)?)?,
                ("dataWindow", "box2i") => header.data = window(&bytes(reader, size)?)?,
                ("displayWindow", "box2i") => header.display = window(&bytes(reader, size)?)?,
                ("type", "string") => {
                    let kind = bytes(reader, size)?;
                    if kind != b"scanlineimage" {
                        return refuse(format!(
                            "a part of type {}, but only scanlines are read",
                            kind.escape_ascii()
                        ));
                    }
                    continue;
                }
                _ => {
                    reader.seek_relative(size.into())?;
                    continue;
                }
            }
            found += 1;
        }
        if found < 4 {
            let detail = "one of channels, compression, dataWindow and displayWindow is missing";
            return Err(Error::format("EXR", detail));
        }
        Ok(header)
    }

    /// Width and height of the stored pixels.
    pub fn size(&self) -> Result<(u32, u32)> {
        let [left, top, right, bottom] = self.data.map(i64::from);
        match (u32::try_from(right - left + 1), u32::try_from(bottom - top + 1)) {
            (Ok(width), Ok(height)) => Ok((width, height)),
            _ => Err(Error::format("EXR", format!("a window of {:?}", self.data))),
        }
    }

    /// The bytes of one line, all channels together.
    pub fn line_bytes(&self, width: u32) -> u64 {
        self.channels.iter().map(|channel| channel.kind.bytes() as u64 * u64::from(width)).sum()
    }
}

fn refuse<T>(detail: String) -> Result<T> {
    Err(Error::unsupported("EXR", detail))
}

/// Reads a list of channels: for each a name that ends with 0, a type, a flag for perceptually linear, and
/// the sampling along both axes.
fn channels(mut list: &[u8]) -> Result<Vec<Channel>> {
    let mut channels = vec![];
    while list.first().is_some_and(|&byte| byte != 0) {
        let name = name(&mut list)?;
        let [kind, _linear, across, down] =
            [number(&mut list)?, number(&mut list)?, number(&mut list)?, number(&mut list)?];
        let kind = match kind {
            0 => Kind::U32,
            1 => Kind::Half,
            2 => Kind::Single,
            other => return Err(Error::format("EXR", format!("samples of type {other} in channel {name}"))),
        };
        channels.push(Channel { name, kind, full: (across, down) == (1, 1) });
    }
    Ok(channels)
}

fn compression(bytes: &[u8]) -> Result<Compression> {
    let name = match bytes {
        [0] => return Ok(Compression::None),
        [1] => return Ok(Compression::Rle),
        [2] => return Ok(Compression::Zip { lines: 1 }),
        [3] => return Ok(Compression::Zip { lines: 16 }),
        [4] => "PIZ",
        [5] => "PXR24",
        [6 | 7] => "B44",
        [8 | 9] => "DWA",
        _ => "an unknown method",
    };
    refuse(format!(
        "compressed by {name}, but only none, RLE and ZIP are read (save it with ZIP compression first)"
    ))
}

fn window(bytes: &[u8]) -> Result<Window> {
    match bytes.as_chunks::<4>() {
        (&[a, b, c, d], []) => Ok([a, b, c, d].map(i32::from_le_bytes)),
        _ => Err(Error::format("EXR", format!("a window of {} bytes, but 16 were expected", bytes.len()))),
    }
}

/// Reads a text that ends with 0.
fn name(reader: &mut impl BufRead) -> Result<String> {
    let mut bytes = vec![];
    reader.take(LONGEST_NAME).read_until(0, &mut bytes)?;
    match bytes.pop() {
        Some(0) => Ok(String::from_utf8_lossy(&bytes).escape_debug().to_string()),
        _ => Err(Error::format("EXR", "truncated: a name in the header has no end")),
    }
}

fn bytes(reader: &mut impl Read, size: u32) -> Result<Vec<u8>> {
    if size > LARGEST {
        return Err(Error::format(
            "EXR",
            format!("an attribute of {size} bytes, but at most {LARGEST} were expected"),
        ));
    }
    let mut bytes = vec![0; size as usize];
    reader.read_exact(&mut bytes).map_err(|error| from_io(error, "EXR"))?;
    Ok(bytes)
}

/// Reads a 32-bit number.
pub(super) fn number(reader: &mut impl Read) -> Result<u32> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes).map_err(|error| from_io(error, "EXR"))?;
    Ok(u32::from_le_bytes(bytes))
}
