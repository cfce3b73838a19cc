//! Tells what a file is from its first bytes, never from its name.

use crate::error::{Error, Result};
use image::ImageFormat;

/// Bytes of the beginning of a file that [`sniff`] looks at.
pub(super) const SNIFFED: usize = 64;

/// The first bytes of every `.siren` file.
const SIREN: [u8; 8] = [0x89, b'S', b'R', b'N', b'\r', b'\n', 0x1A, b'\n'];

/// What is read, for messages.
pub(super) const READABLE: &str = "PNG, JPEG, TIFF, WebP, BMP, PNM, GIF and WAV are read";

/// A kind of file that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A picture, and its name for messages.
    Picture(ImageFormat, &'static str),
    /// A WAV file.
    Wav,
}

/// Whether `bytes` begin like a `.siren` file.
pub fn is_siren(bytes: &[u8]) -> bool {
    bytes.starts_with(&SIREN)
}

/// The kind of file that `bytes` begin like, in words, if it is a known one other than a `.siren` file.
pub fn kind(bytes: &[u8]) -> Option<&'static str> {
    let head = bytes.get(..SNIFFED).unwrap_or(bytes);
    match readable(head) {
        Some(Found::Picture(_, name)) => Some(name),
        Some(Found::Wav) => Some("WAV"),
        None if is_siren(head) => None,
        None => signature(head),
    }
}

/// What the file beginning with `head` is.
///
/// # Errors
/// [`Error::Format`] if there is nothing; [`Error::Unsupported`], naming what was found, if it is not read here.
pub(super) fn sniff(head: &[u8]) -> Result<Found> {
    if head.is_empty() {
        return Err(Error::format("input", format!("it is empty; {READABLE}")));
    }
    if let Some(found) = readable(head) {
        return Ok(found);
    }
    Err(Error::unsupported("input", format!("{} was found; {READABLE}", name(head))))
}

fn readable(head: &[u8]) -> Option<Found> {
    let picture = |format, name| Some(Found::Picture(format, name));
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => picture(ImageFormat::Png, "PNG"),
        [0xFF, 0xD8, 0xFF, ..] => picture(ImageFormat::Jpeg, "JPEG"),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => picture(ImageFormat::Tiff, "TIFF"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => picture(ImageFormat::Gif, "GIF"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            picture(ImageFormat::WebP, "WebP")
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Found::Wav),
        // Two letters are weak: the next field tells a picture from text that begins with them.
        [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] => picture(ImageFormat::Pnm, "PNM"),
        [b'B', b'M', ..] if head.len() >= 18 && matches!(head[14], 12..=124) && head[15..18] == [0; 3] => {
            picture(ImageFormat::Bmp, "BMP")
        }
        _ => None,
    }
}

/// Signatures of files that are not read, at a byte offset.
const OTHERS: [(usize, &[u8], &str); 28] = [
    (0, &SIREN, "a .siren file, which is encoded already,"),
    (0, b"fLaC", "FLAC sound"),
    (0, b"OggS", "Ogg sound or video"),
    (0, b"ID3", "MP3 sound"),
    (0, b"\xFF\xFB", "MP3 sound"),
    (0, b"FORM", "AIFF sound"),
    (0, b"RF64", "RF64 sound"),
    (0, b"BW64", "BW64 sound"),
    (0, b".snd", "Sun/NeXT sound"),
    (0, b"%PDF", "a PDF document"),
    (0, b"qoif", "a QOI picture"),
    (0, b"\xFF\x0A", "a JPEG XL picture"),
    (0, b"\0\0\0\x0CJXL ", "a JPEG XL picture"),
    (0, b"\0\0\0\x0CjP  ", "a JPEG 2000 picture"),
    (0, b"\xFF\x4F\xFF\x51", "a JPEG 2000 picture"),
    (4, b"ftypavif", "an AVIF picture"),
    (4, b"ftyphei", "a HEIF picture"),
    (4, b"ftypmif1", "a HEIF picture"),
    (4, b"ftyp", "MP4 video or sound"),
    (0, b"\x1A\x45\xDF\xA3", "Matroska or WebM video"),
    (8, b"AVI ", "AVI video"),
    (0, b"v/1\x01", "an OpenEXR picture"),
    (0, b"#?RADIANCE", "a Radiance HDR picture"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1F\x8B", "a gzip file"),
    (0, b"\x28\xB5\x2F\xFD", "a Zstandard file"),
];

/// The name of the signature in [`OTHERS`] that `head` has.
fn signature(head: &[u8]) -> Option<&'static str> {
    let has = |&&(offset, signature, _): &&(usize, &[u8], _)| {
        head.get(offset..).is_some_and(|rest| rest.starts_with(signature))
    };
    OTHERS.iter().find(has).map(|&(.., name)| name)
}

/// The best name for what `head` begins.
fn name(head: &[u8]) -> &'static str {
    if let Some(name) = signature(head) {
        return name;
    }
    // The head may end inside a character; only a byte that cannot continue one speaks against text.
    let utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    let control = head.iter().any(|&b| b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r'));
    match (utf8 && !control, head.trim_ascii_start().first()) {
        (true, Some(b'<')) => "markup (SVG, XML or HTML)",
        (true, _) => "text",
        _ => "an unknown kind of file",
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
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n").unwrap(), Found::Picture(ImageFormat::Png, "PNG"));
        assert_eq!(sniff(b"RIFF\0\0\0\0WAVEfmt ").unwrap(), Found::Wav);
        assert_eq!(sniff(b"P6\n1 1\n255\n").unwrap(), Found::Picture(ImageFormat::Pnm, "PNM"));
    }

    #[test]
    fn what_is_not_read_is_named() {
        assert!(message(b"fLaC\0\0\0\x22").contains("FLAC"));
        assert!(message(b"%PDF-1.7").contains("PDF"));
        assert!(message(b"P5-processor notes").contains("text"));
        assert!(message(b"BMW are cars, and this is text").contains("text"));
        assert!(message("na\u{ef}ve caf\u{e9}".as_bytes()).contains("text"));
        assert!(message(b"\xFF\xFE\x00\x01").contains("unknown kind"));
        assert!(message(b"").contains("empty"));
        assert!(message(&SIREN).contains(".siren"));
    }

    #[test]
    fn a_kind_is_named_only_if_it_is_known() {
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n"), Some("PNG"));
        assert_eq!(kind(b"fLaC\0\0\0\x22"), Some("FLAC sound"));
        assert_eq!((kind(&SIREN), kind(b"text"), kind(b"")), (None, None, None));
    }

    #[test]
    fn a_siren_is_known_by_its_magic() {
        assert!(is_siren(b"\x89SRN\r\n\x1a\nrest"));
        assert!(!is_siren(b"\x89SRN\r\n\x1a"));
    }
}
