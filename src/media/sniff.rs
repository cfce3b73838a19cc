//! Recognises a file by its first bytes, never by its name.

use crate::container::MAGIC;
use crate::error::{Error, Result};
use crate::media::nifti;
use crate::media::video::ffmpeg::Container;
use crate::media::video::y4m;
use image::ImageFormat;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The number of leading bytes of a file that [`sniff`] needs.
///
/// A NIfTI header has 348 bytes; compressed, it may follow a file name, and tables of up to 300 bytes.
pub(super) const SNIFFED: usize = 4096;

/// The formats that are read, for messages.
const READABLE: &str =
    "PNG, JPEG, TIFF, WebP, BMP, PNM, PFM, GIF, OpenEXR, NPY, NRRD, NIfTI, NetCDF, WAV and Y4M are read";

/// What a file is. Only a regular file can be looked at without taking bytes from its reader.
pub(super) fn of_file(path: &Path) -> Option<Found> {
    let mut head = vec![];
    let file = File::open(path).ok().filter(|_| path.is_file())?;
    file.take(SNIFFED as u64).read_to_end(&mut head).ok()?;
    sniff(&head).ok()
}

/// A kind of file that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Png,
    Tiff,
    Exr,
    Pfm,
    /// A NumPy array.
    Npy,
    Nrrd,
    /// Classic NetCDF.
    NetCdf,
    Nifti {
        /// Whether the whole file is in gzip.
        compressed: bool,
    },
    Wav,
    /// A YUV4MPEG2 video.
    Y4m,
    /// A picture of another format.
    Picture(ImageFormat),
    /// A container of video that FFmpeg reads.
    Container(Container),
}

impl Found {
    /// The name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Found::Png => "PNG",
            Found::Tiff => "TIFF",
            Found::Exr => "OpenEXR",
            Found::Pfm => "PFM",
            Found::Npy => "NPY",
            Found::Nrrd => "NRRD",
            Found::NetCdf => "NetCDF",
            Found::Nifti { .. } => "NIfTI",
            Found::Wav => "WAV",
            Found::Y4m => "Y4M",
            Found::Container(Container::Mp4) => "MP4 or QuickTime video",
            Found::Container(Container::Matroska) => "Matroska or WebM video",
            Found::Container(Container::Avi) => "AVI video",
            Found::Container(Container::Mpeg | Container::MpegVideo) => "MPEG video",
            Found::Picture(ImageFormat::Jpeg) => "JPEG",
            Found::Picture(ImageFormat::Gif) => "GIF",
            Found::Picture(ImageFormat::WebP) => "WebP",
            Found::Picture(ImageFormat::Bmp) => "BMP",
            Found::Picture(_) => "PNM",
        }
    }
}

/// Whether `bytes` begin like a `.siren` file.
pub fn is_siren(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Whether `bytes` begin like a file that is read, a container of video that FFmpeg reads among them.
pub fn is_readable(bytes: &[u8]) -> bool {
    sniff(bytes.get(..SNIFFED).unwrap_or(bytes)).is_ok()
}

/// The kind of file that `bytes` begin like, in words, if it is a known one other than a `.siren` file.
pub fn kind(bytes: &[u8]) -> Option<&'static str> {
    let head = bytes.get(..SNIFFED).unwrap_or(bytes);
    match readable(head) {
        Some(found) => Some(found.name()),
        None if is_siren(head) => None,
        None => known(head).map(|(name, _)| name),
    }
}

/// The kind of a file that begins with `head`.
///
/// # Errors
/// [`Error::Format`] if `head` is empty; [`Error::Unsupported`], which names what was found, if the kind is
/// not read.
pub(super) fn sniff(head: &[u8]) -> Result<Found> {
    if head.is_empty() {
        return Err(Error::format("input", format!("it is empty; {READABLE}")));
    }
    if let Some(found) = readable(head) {
        return Ok(found);
    }
    let (name, hint) = match known(head) {
        Some((_, To::Video(container))) => return Ok(Found::Container(container)),
        Some((name, to)) => (name, to.hint()),
        None => unknown(head),
    };
    Err(Error::unsupported("input", format!("{name} was found; {READABLE}{hint}")))
}

fn readable(head: &[u8]) -> Option<Found> {
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Found::Png),
        [0xFF, 0xD8, 0xFF, ..] => Some(Found::Picture(ImageFormat::Jpeg)),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Found::Tiff),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Found::Picture(ImageFormat::Gif)),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            Some(Found::Picture(ImageFormat::WebP))
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Found::Wav),
        [b'v', b'/', b'1', 1, ..] => Some(Found::Exr),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Some(Found::Npy),
        [b'N', b'R', b'R', b'D', b'0', b'0', b'0', ..] => Some(Found::Nrrd),
        [b'C', b'D', b'F', 1 | 2 | 5, ..] => Some(Found::NetCdf),
        _ if head.starts_with(y4m::SIGNATURE) => Some(Found::Y4m),
        // Two letters are weak evidence: the next field separates a picture from text that begins with them.
        [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] => {
            Some(Found::Picture(ImageFormat::Pnm))
        }
        [b'P', b'F' | b'f', b'\r' | b'\n', ..] => Some(Found::Pfm),
        [b'P', b'F' | b'f', b' ' | b'\t', b'0'..=b'9', ..] => Some(Found::Pfm),
        [b'B', b'M', ..] if head.len() >= 18 && matches!(head[14], 12..=124) && head[15..18] == [0; 3] => {
            Some(Found::Picture(ImageFormat::Bmp))
        }
        [0x1F, 0x8B, ..] => nifti::is_compressed(head).then_some(Found::Nifti { compressed: true }),
        _ => nifti::is_nifti(head).then_some(Found::Nifti { compressed: false }),
    }
}

/// The conversion to suggest for a file that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Picture,
    Sound,
    /// None: FFmpeg reads it.
    Video(Container),
    /// Classic NetCDF.
    Classic,
    Nothing,
}

impl To {
    fn hint(self) -> &'static str {
        match self {
            To::Picture => " (convert it to PNG or TIFF first)",
            To::Sound => " (convert it to WAV first)",
            To::Classic => " (`nccopy -k cdf5` converts NetCDF-4)",
            To::Video(_) | To::Nothing => "",
        }
    }
}

/// Signatures of files that are not read here: a byte offset, the signature, a name and a conversion. A signature
/// comes before those that are prefixes of it.
const OTHERS: [(usize, &[u8], &str, To); 60] = [
    (0, &MAGIC, "a .siren file, which is encoded already,", To::Nothing),
    (0, b"fLaC", "FLAC sound", To::Sound),
    (0, b"OggS", "Ogg sound or video", To::Sound),
    (0, b"ID3", "MP3 sound", To::Sound),
    (8, b"AIFF", "AIFF sound", To::Sound),
    (8, b"AIFC", "AIFF sound", To::Sound),
    (0, b"RF64", "RF64 sound", To::Sound),
    (0, b"BW64", "BW64 sound", To::Sound),
    (0, b"RIFX", "RIFX (big-endian WAV) sound", To::Sound),
    (0, b"riff\x2E\x91\xCF\x11", "Wave64 sound", To::Sound),
    (0, b".snd", "Sun/NeXT sound", To::Sound),
    (0, b"caff", "Core Audio sound", To::Sound),
    (0, b"#!AMR", "AMR sound", To::Sound),
    (0, b"MAC ", "Monkey's Audio sound", To::Sound),
    (0, b"wvpk", "WavPack sound", To::Sound),
    (0, b"MThd", "MIDI notes", To::Nothing),
    (0, b"qoif", "a QOI picture", To::Picture),
    (0, b"farbfeld", "a farbfeld picture", To::Picture),
    (0, b"\xFF\x0A", "a JPEG XL picture", To::Picture),
    (0, b"\0\0\0\x0CJXL ", "a JPEG XL picture", To::Picture),
    (0, b"\0\0\0\x0CjP  ", "a JPEG 2000 picture", To::Picture),
    (0, b"\xFF\x4F\xFF\x51", "a JPEG 2000 picture", To::Picture),
    (0, b"II\xBC\x01", "a JPEG XR picture", To::Picture),
    (4, b"ftypavif", "an AVIF picture", To::Picture),
    (4, b"ftypavis", "an AVIF animation", To::Picture),
    (4, b"ftyphei", "a HEIF (HEIC) picture", To::Picture),
    (4, b"ftyphev", "a HEIF (HEIC) animation", To::Picture),
    (4, b"ftypmif1", "a HEIF picture", To::Picture),
    (4, b"ftypM4A", "MPEG-4 sound", To::Sound),
    (4, b"ftyp", "MP4 or QuickTime video", To::Video(Container::Mp4)),
    (4, b"moov", "QuickTime video", To::Video(Container::Mp4)),
    (4, b"mdat", "QuickTime video", To::Video(Container::Mp4)),
    (0, b"\0\0\x01\xBA", "MPEG video", To::Video(Container::Mpeg)),
    (0, b"\0\0\x01\xB3", "MPEG video", To::Video(Container::MpegVideo)),
    (0, b"#?RADIANCE", "a Radiance HDR picture", To::Picture),
    (0, b"#?RGBE", "a Radiance HDR picture", To::Picture),
    (0, b"DDS ", "a DDS picture", To::Picture),
    (0, b"\0\0\x01\0", "an ICO picture", To::Picture),
    (0, b"icns", "an Apple icon", To::Picture),
    (0, b"8BPS", "a Photoshop document", To::Picture),
    (0, b"gimp xcf", "a GIMP document", To::Picture),
    (0, b"\x01\xDA\0", "an SGI picture", To::Picture),
    (0, b"\x01\xDA\x01", "an SGI picture", To::Picture),
    (0, b"\x0A\x05\x01", "a PCX picture", To::Picture),
    (0, b"SDPX", "a DPX picture", To::Picture),
    (0, b"XPDS", "a DPX picture", To::Picture),
    (0, b"PF4", "a PFM picture with alpha", To::Picture),
    (0, b"SIMPLE  =", "a FITS file", To::Picture),
    (128, b"DICM", "a DICOM file", To::Picture),
    (0, b"%PDF", "a PDF document", To::Nothing),
    (0, b"%!PS", "a PostScript document", To::Nothing),
    (0, b"\x1A\x45\xDF\xA3", "Matroska or WebM video", To::Video(Container::Matroska)),
    (8, b"AVI ", "AVI video", To::Video(Container::Avi)),
    (0, b"\x89HDF\r\n", "an HDF5 or NetCDF-4 file", To::Classic),
    (0, b"MATLAB 5", "a MATLAB file", To::Nothing),
    (0, b"PK\x03\x04", "a ZIP archive", To::Nothing),
    (0, b"\x1F\x8B", "a gzip file", To::Nothing),
    (0, b"BZh", "a bzip2 file", To::Nothing),
    (0, b"\xFD7zXZ", "an xz file", To::Nothing),
    (0, b"\x28\xB5\x2F\xFD", "a Zstandard file", To::Nothing),
];

/// The name of a known kind of file that is not read, and the conversion to suggest.
fn known(head: &[u8]) -> Option<(&'static str, To)> {
    let has = |&&(offset, signature, ..): &&(usize, &[u8], &str, To)| {
        head.get(offset..).is_some_and(|rest| rest.starts_with(signature))
    };
    let signed = OTHERS.iter().find(has).map(|&(.., name, to)| (name, to));
    signed.or_else(|| match *head {
        // A frame of MPEG audio: eleven set bits, a valid layer, a bit rate that is neither free nor
        // reserved, and a sampling rate that is not reserved.
        [0xFF, b, c, ..]
            if b & 0xE0 == 0xE0
                && b & 0x06 != 0
                && b & 0x18 != 0x08
                && !matches!(c >> 4, 0 | 15)
                && c & 0x0C != 0x0C =>
        {
            Some(("MP3 sound", To::Sound))
        }
        [0xFF, 0xF0 | 0xF1 | 0xF8 | 0xF9, ..] => Some(("AAC sound", To::Sound)),
        // The size of the header, and a letter that it always holds.
        [0x5C, 1, 0, 0, ..] | [0, 0, 1, 0x5C, ..] if head.get(38) == Some(&b'r') => {
            Some(("an Analyze 7.5 header", To::Nothing))
        }
        _ if is_tga(head) => Some(("a TGA picture", To::Picture)),
        _ => None,
    })
}

/// Whether a file is TGA, which has no signature: all fields of its header must be plausible.
fn is_tga(head: &[u8]) -> bool {
    let &[_, map, kind, _, _, low, high, depth, _, _, _, _, w0, w1, h0, h1, bits, flags, ..] = head else {
        return false;
    };
    let length = u16::from_le_bytes([low, high]);
    let palette = match (map, kind) {
        (1, 1 | 9) => length > 0 && matches!(depth, 15 | 16 | 24 | 32) && matches!(bits, 8 | 16),
        (0, 2 | 10) => length == 0 && depth == 0 && matches!(bits, 15 | 16 | 24 | 32),
        (0, 3 | 11) => length == 0 && depth == 0 && matches!(bits, 8 | 16),
        _ => false,
    };
    palette && (w0, w1) != (0, 0) && (h0, h1) != (0, 0) && flags & 0xC0 == 0
}

/// The best description of an unknown file, and a hint.
fn unknown(head: &[u8]) -> (&'static str, &'static str) {
    // `head` may end inside a character: only an invalid byte rules out text.
    let utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    let control = head.iter().any(|&b| b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r'));
    match (utf8 && !control, head.trim_ascii_start().first()) {
        (true, Some(b'<')) => ("markup (SVG, XML or HTML)", ""),
        (true, _) => ("text", ""),
        _ => ("an unknown kind of file", " (convert a picture to PNG or TIFF, a sound to WAV first)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(head: &[u8]) -> String {
        sniff(head).unwrap_err().to_string()
    }

    #[test]
    fn content_decides() {
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n").unwrap(), Found::Png);
        assert_eq!(sniff(b"RIFF\0\0\0\0WAVEfmt ").unwrap(), Found::Wav);
        assert_eq!(sniff(b"P6\n1 1\n255\n").unwrap(), Found::Picture(ImageFormat::Pnm));
        assert_eq!(sniff(b"NRRD0004\ntype: uchar").unwrap(), Found::Nrrd);
    }

    #[test]
    fn a_volume_is_known_by_what_its_first_bytes_hold() {
        let mut header = [vec![0x5C, 1, 0, 0], vec![0; 340], b"n+1\0".to_vec()].concat();
        assert_eq!(sniff(&header).unwrap(), Found::Nifti { compressed: false });
        assert!(message(&header[..347]).contains("unknown kind"));
        let gzip = |bytes: &[u8]| {
            // A long name, and bytes that do not compress, as after any header.
            let builder = flate2::GzBuilder::new().filename("n".repeat(255));
            let mut gzip = builder.write(vec![], flate2::Compression::best());
            std::io::Write::write_all(&mut gzip, bytes).unwrap();
            gzip.finish().unwrap()
        };
        let mut state = 1u32;
        let noise = (0..20_000).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let volume: Vec<u8> = header.iter().copied().chain(noise).collect();
        let compressed = gzip(&volume);
        assert!(compressed.len() > SNIFFED);
        assert_eq!(sniff(&compressed[..SNIFFED]).unwrap(), Found::Nifti { compressed: true });
        assert_eq!(kind(&compressed), Some("NIfTI"));
        header[344] = b'N';
        assert!(message(&gzip(&header)).contains("a gzip file was found"));
        header[..4].copy_from_slice(&[0, 0, 1, 0x5C]);
        header[38] = b'r';
        assert!(message(&header).contains("an Analyze 7.5 header was found"));
    }

    #[test]
    fn what_is_not_read_is_named() {
        assert!(message(b"fLaC\0\0\0\x22").contains("FLAC"));
        assert!(message(b"%PDF-1.7").contains("PDF"));
        assert!(message(b"P5-processor notes").contains("text"));
        assert!(message(b"BMW are cars, and this is text").contains("text"));
        assert!(message("na\u{ef}ve caf\u{e9}".as_bytes()).contains("text"));
        assert!(message(b"\xFF\xFE\x00\x01").contains("unknown kind"));
        assert!(message(b"\xFF\xFB\x90\x64").contains("MP3 sound"));
        assert!(message(b"\0\0\x02\0\0\0\0\0\0\0\0\0\x20\0\x10\0\x18\0rest").contains("a TGA picture"));
        assert!(message(b"\0\0\x0A\0\0\0\0\0\0\0\0\0\0\0\x10\0\x18\0rest").contains("unknown kind"));
        assert!(message(b"\0\0\x01\0\x01\0").contains("an ICO picture"));
        assert!(message(b"riff\x2E\x91\xCF\x11").contains("Wave64"));
        assert!(message(b"PF makes a word").contains("text"));
        assert!(message(b"").contains("empty"));
        assert!(message(&MAGIC).contains(".siren"));
    }

    #[test]
    fn what_can_be_converted_is_told_to_be() {
        assert!(message(b"qoif").ends_with("are read (convert it to PNG or TIFF first)"));
        assert!(message(b"fLaC").ends_with("are read (convert it to WAV first)"));
        assert!(message(b"%PDF-1.7").ends_with("are read"));
    }

    #[test]
    fn a_kind_is_named_only_if_it_is_known() {
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n"), Some("PNG"));
        assert_eq!(kind(b"fLaC\0\0\0\x22"), Some("FLAC sound"));
        assert_eq!((kind(&MAGIC), kind(b"text"), kind(b"")), (None, None, None));
    }

    #[test]
    fn a_siren_is_known_by_its_magic() {
        assert!(is_siren(b"\x89SRN\r\n\x1a\nrest"));
        assert!(!is_siren(b"\x89SRN\r\n\x1a"));
    }
}
