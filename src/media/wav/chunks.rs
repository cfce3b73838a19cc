//! The chunks of a WAV file: announced sizes are checked against the bytes present.

use super::Layout;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::blocks;
use std::io::{BufRead, Read, Seek, SeekFrom};

/// The length written by programs that stream and cannot seek back: the data extend to the end of the file.
pub(super) const STREAMED: u32 = u32::MAX;

/// Chunks with nothing to keep: padding, and values derived from the samples.
const IDLE: [&[u8; 4]; 6] = [b"fact", b"PEAK", b"JUNK", b"junk", b"PAD ", b"FLLR"];
/// The most names of chunks in a note.
const MOST_NAMES: usize = 8;

/// The facts found in the chunks.
pub(super) struct Chunks {
    pub layout: Layout,
    /// The offset of the samples; their bytes are all present.
    pub place: u64,
    pub bytes: u32,
    /// The content of the list of tags, after the word `INFO`.
    pub tags: Option<Vec<u8>>,
    /// The names of chunks that are not kept.
    pub others: Vec<String>,
}

impl Chunks {
    /// Walks the chunks. Up to the samples they must be valid; after the samples the walk ends at the first
    /// invalid one.
    pub fn find<R: BufRead + Seek>(reader: &mut R, length: u64, limits: &Limits) -> Result<Self> {
        let (mut layout, mut data, mut tags, mut others) = (None, None, None, vec![]);
        let mut at = 12;
        while at + 8 <= length {
            reader.seek(SeekFrom::Start(at))?;
            let mut header = [0; 8];
            reader.read_exact(&mut header)?;
            let [name @ .., a, b, c, d] = header;
            let size = u32::from_le_bytes([a, b, c, d]);
            at += 8;
            let present = length - at;
            match &name {
                b"data" if data.is_none() => {
                    let layout: Layout =
                        layout.ok_or_else(|| Error::format("WAV", "data chunk before the fmt chunk"))?;
                    if size == STREAMED {
                        let whole = present - present % u64::from(layout.block());
                        let most = STREAMED - STREAMED % layout.block();
                        data = Some((at, u32::try_from(whole).unwrap_or(most)));
                        break;
                    }
                    if u64::from(size) > present {
                        let detail =
                            format!("truncated: {size} bytes of samples announced, {present} present");
                        return Err(Error::format("WAV", detail));
                    }
                    data = Some((at, size));
                }
                b"fmt " if layout.is_none() => {
                    let mut fields = Vec::new();
                    reader.by_ref().take(u64::from(size.min(40))).read_to_end(&mut fields)?;
                    layout = Some(Layout::parse(&fields)?);
                }
                // An incomplete chunk after the samples is ignored.
                _ if u64::from(size) > present => break,
                _ if IDLE.contains(&&name) => {}
                b"LIST" if size >= 4 => {
                    let mut kind = [0; 4];
                    reader.read_exact(&mut kind)?;
                    let bytes = u64::from(size) - 4;
                    if kind == *b"INFO" && tags.is_none() && bytes <= blocks::most(limits) {
                        let mut content = vec![];
                        reader.by_ref().take(bytes).read_to_end(&mut content)?;
                        tags = Some(content);
                    } else {
                        others.push(["LIST ", &printable(kind)].concat());
                    }
                }
                _ => others.push(printable(name)),
            }
            if others.len() > MOST_NAMES {
                (_, others[MOST_NAMES - 1]) = (others.pop(), "more".into());
            }
            at += u64::from(size) + u64::from(size % 2);
        }
        let Some((layout, (place, bytes))) = layout.zip(data) else {
            let missing = if layout.is_none() { "fmt" } else { "data" };
            let detail = format!("the file ends at byte {length} without a {missing} chunk");
            return Err(Error::format("WAV", detail));
        };
        Ok(Chunks { layout, place, bytes, tags, others })
    }
}

/// The name of a chunk, printable.
fn printable(name: [u8; 4]) -> String {
    String::from_utf8_lossy(&name).trim_end().escape_debug().to_string()
}
