//! Writes PGM (P5), PPM (P6) and PAM (P7): a short text header, then big-endian samples.
//!
//! Reference: the Netpbm manual pages pgm(5), ppm(5), pam(5).

use crate::error::{Error, Result};
use crate::media::OutputFormat;
use crate::signal::{Samples, Signal};
use std::io::Write;
use std::iter::repeat_n;

/// Writes a picture of 8 or 16-bit samples as `form`: PGM, PPM, PAM, or PNM, which means the first of the
/// three that can hold it.
///
/// # Errors
/// [`Error::Unsupported`] for other samples; [`Error::Io`] if writing fails.
pub(super) fn write<W: Write>(
    signal: &Signal,
    form: OutputFormat,
    size: (u32, u32),
    mut writer: W,
) -> Result<()> {
    let (width, height) = size;
    let channels = usize::from(signal.description.channels);
    let top = (1u32 << signal.description.format.bits().min(16)) - 1;
    let grey_as_rgb = form == OutputFormat::Ppm && channels == 1;
    if form == OutputFormat::Pam || channels.is_multiple_of(2) {
        let kind = ["GRAYSCALE", "GRAYSCALE_ALPHA", "RGB", "RGB_ALPHA"][(channels - 1).min(3)];
        write!(
            writer,
            "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL {top}\nTUPLTYPE {kind}\nENDHDR\n"
        )?;
    } else {
        let kind = if channels == 3 || grey_as_rgb { 6 } else { 5 };
        write!(writer, "P{kind}\n{width} {height}\n{top}\n")?;
    }
    let copies = if grey_as_rgb { 3 } else { 1 };
    let mut bytes = Vec::with_capacity(4096 * copies * 2);
    match &signal.samples {
        Samples::U8(v) if copies == 1 => writer.write_all(v)?,
        Samples::U8(v) => {
            for block in v.chunks(4096) {
                bytes.clear();
                bytes.extend(block.iter().flat_map(|&code| repeat_n(code, copies)));
                writer.write_all(&bytes)?;
            }
        }
        Samples::U16(v) => {
            for block in v.chunks(4096) {
                bytes.clear();
                let codes = block.iter().flat_map(|&code| repeat_n(code, copies));
                bytes.extend(codes.flat_map(u16::to_be_bytes));
                writer.write_all(&bytes)?;
            }
        }
        other => return Err(Error::unsupported("PNM", format!("{:?} samples", other.format()))),
    }
    Ok(())
}
