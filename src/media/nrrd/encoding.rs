//! The encodings of the samples of an NRRD file as sources of plain bytes.

use crate::media::numbers::Type;
use half::f16;
use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// The longest word of numbers as text, bytes.
const LONGEST: usize = 400;

/// Numbers as text, separated by white space or commas, as little-endian bytes of their type.
pub(super) struct Text<R> {
    pub reader: R,
    pub kind: Type,
    /// The number that is being read, and how many of its bytes have been.
    number: ([u8; 8], usize),
}

impl<R: BufRead> Text<R> {
    pub fn new(reader: R, kind: Type) -> Self {
        Text { reader, kind, number: ([0; 8], kind.bytes()) }
    }

    /// The next word; empty at the end of the file.
    fn word(&mut self) -> Result<String> {
        let mut word = String::new();
        for byte in self.reader.by_ref().bytes() {
            let byte = byte?;
            match (byte.is_ascii_whitespace() || byte == b',', word.is_empty()) {
                (true, true) => {}
                (true, false) => break,
                (false, _) if word.len() >= LONGEST => break,
                (false, _) => word.push(byte.into()),
            }
        }
        Ok(word)
    }
}

impl<R: BufRead> Read for Text<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        for (at, out) in out.iter_mut().enumerate() {
            if self.number.1 == self.kind.bytes() {
                let word = self.word()?;
                if word.is_empty() {
                    return Ok(at);
                }
                let Some(number) = parse(self.kind, &word) else {
                    let detail = format!("the number {word:?}, but one of {} was expected", name(self.kind));
                    return Err(Error::new(ErrorKind::InvalidData, detail));
                };
                self.number = (number, 0);
            }
            *out = self.number.0[self.number.1];
            self.number.1 += 1;
        }
        Ok(out.len())
    }
}

fn name(kind: Type) -> &'static str {
    match kind {
        Type::U8 => "uint8",
        Type::I8 => "int8",
        Type::U16 => "uint16",
        Type::I16 => "int16",
        Type::U32 => "uint32",
        Type::I32 => "int32",
        Type::U64 => "uint64",
        Type::I64 => "int64",
        Type::F16 => "half",
        Type::F32 => "float",
        Type::F64 => "double",
    }
}

/// The bytes of a number, lowest first.
fn parse(kind: Type, word: &str) -> Option<[u8; 8]> {
    let number = match kind {
        Type::U8 => word.parse::<u8>().ok()?.into(),
        Type::U16 => word.parse::<u16>().ok()?.into(),
        Type::U32 => word.parse::<u32>().ok()?.into(),
        Type::U64 => word.parse::<u64>().ok()?,
        Type::I8 => word.parse::<i8>().ok()? as u64,
        Type::I16 => word.parse::<i16>().ok()? as u64,
        Type::I32 => word.parse::<i32>().ok()? as u64,
        Type::I64 => word.parse::<i64>().ok()? as u64,
        Type::F16 => f16::from_f32(word.parse().ok()?).to_bits().into(),
        Type::F32 => word.parse::<f32>().ok()?.to_bits().into(),
        Type::F64 => word.parse::<f64>().ok()?.to_bits(),
    };
    Some(number.to_le_bytes())
}

/// Bytes as pairs of hexadecimal digits, between which there may be white space.
pub(super) struct Hex<R>(pub R);

impl<R: BufRead> Read for Hex<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let mut digits =
            self.0.by_ref().bytes().filter(|byte| !matches!(byte, Ok(b) if b.is_ascii_whitespace()));
        for (at, out) in out.iter_mut().enumerate() {
            let mut digit = || {
                let Some(byte) = digits.next().transpose()? else { return Ok(None) };
                let value = char::from(byte).to_digit(16).ok_or_else(|| {
                    let detail = format!("the digit {:?}, but one of 0 to f was expected", char::from(byte));
                    Error::new(ErrorKind::InvalidData, detail)
                })?;
                Ok::<_, Error>(Some(value as u8))
            };
            let (Some(high), Some(low)) = (digit()?, digit()?) else { return Ok(at) };
            *out = high << 4 | low;
        }
        Ok(out.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: Type, text: &str) -> Result<Vec<u8>> {
        let mut bytes = vec![];
        Text::new(text.as_bytes(), kind).read_to_end(&mut bytes).map(|_| bytes)
    }

    #[test]
    fn text_becomes_bytes() {
        assert_eq!(text(Type::I16, " 1\n-2, 300").unwrap(), [1, 0, 0xFE, 0xFF, 0x2C, 1]);
        assert_eq!(text(Type::F32, "1.5").unwrap(), 1.5f32.to_le_bytes());
        assert_eq!(text(Type::F64, "-1e300").unwrap(), (-1e300f64).to_le_bytes());
        assert_eq!(text(Type::U64, &u64::MAX.to_string()).unwrap(), [255; 8]);
        for (kind, bad) in [(Type::U8, "256"), (Type::I8, "1.5"), (Type::F32, "x"), (Type::U16, "-1")] {
            assert!(text(kind, bad).unwrap_err().to_string().contains(bad), "{bad}");
        }
        assert!(text(Type::U8, &"1".repeat(1000)).is_err());
    }

    #[test]
    fn digits_become_bytes() {
        let hex = |text: &str| {
            let mut bytes = vec![];
            Hex(text.as_bytes()).read_to_end(&mut bytes).map(|_| bytes)
        };
        assert_eq!(hex("0fA0\n 1 2").unwrap(), [0x0F, 0xA0, 0x12]);
        assert_eq!(hex("0fa").unwrap(), [0x0F]);
        assert!(hex("0g").unwrap_err().to_string().contains("'g'"));
    }
}
