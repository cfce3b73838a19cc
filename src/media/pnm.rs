//! Writes PGM (P5), PPM (P6) and, for alpha, PAM (P7): a short text header, then samples, big-endian.
//!
//! Reference: the Netpbm manual pages pgm(5), ppm(5), pam(5).

use crate::error::{Error, Result};
use crate::signal::{Samples, Signal};
use std::io::Write;

/// Writes a picture of 8 or 16-bit samples.
///
/// # Errors
/// [`Error::Unsupported`] for other samples; [`Error::Io`] if writing fails.
pub(super) fn write<W: Write>(signal: &Signal, size: (u32, u32), mut writer: W) -> Result<()> {
    let (width, height) = size;
    let channels = signal.description.channels;
    let top = (1u32 << signal.description.format.bits().min(16)) - 1;
    match channels {
        1 | 3 => {
            let kind = if channels == 1 { 5 } else { 6 };
            write!(writer, "P{kind}\n{width} {height}\n{top}\n")?;
        }
        _ => {
            let kind = if channels == 2 { "GRAYSCALE_ALPHA" } else { "RGB_ALPHA" };
            write!(
                writer,
                "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL {top}\nTUPLTYPE {kind}\nENDHDR\n"
            )?;
        }
    }
    match &signal.samples {
        Samples::U8(v) => writer.write_all(v)?,
        Samples::U16(v) => {
            let mut bytes = Vec::with_capacity(8192);
            for block in v.chunks(4096) {
                bytes.clear();
                bytes.extend(block.iter().flat_map(|code| code.to_be_bytes()));
                writer.write_all(&bytes)?;
            }
        }
        other => return Err(Error::unsupported("PNM", format!("{:?} samples", other.format()))),
    }
    Ok(())
}
