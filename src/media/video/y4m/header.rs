//! The header of a YUV4MPEG2 file: parameters of one letter each, separated by spaces, up to the end of the line.

use super::chroma::{Chroma, Siting};
use crate::error::{Error, Result};
use crate::signal::Rate;

/// The name for messages.
pub(super) const NAME: &str = "Y4M";

/// The first bytes of a file.
pub(in crate::media) const SIGNATURE: &[u8] = b"YUV4MPEG2 ";

/// What the header states.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub width: u32,
    pub height: u32,
    pub rate: Rate,
    /// Bits of a code: 8 to 16; two bytes above 8.
    pub depth: u32,
    /// `None` for grey.
    pub chroma: Option<Chroma>,
    /// Whether codes use their full range, if that is stated.
    pub full: Option<bool>,
    /// What is not kept.
    pub notes: Vec<String>,
}

impl Header {
    /// Parses the line that begins a file, without its end.
    pub fn parse(line: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(line).unwrap_or_default();
        let Some(parameters) = text.strip_prefix("YUV4MPEG2") else {
            return Err(Error::format(NAME, "a header that is not text was found"));
        };
        let (mut size, mut rate) = ([None; 2], None);
        let (mut depth, mut chroma) = (8, Some(HALF_BETWEEN));
        let (mut full, mut notes) = (None, vec![]);
        for parameter in parameters.split(' ').filter(|parameter| !parameter.is_empty()) {
            let (tag, value) = parameter.split_at(parameter.chars().next().map_or(0, char::len_utf8));
            match (tag, value) {
                ("W", _) => size[0] = Some(number("a width", value)?),
                ("H", _) => size[1] = Some(number("a height", value)?),
                ("F", _) => rate = Some(fraction(value)?),
                ("I", "p" | "?") => {}
                ("I", _) => {
                    let detail = format!("interlaced frames (I{value}), but progressive ones were expected");
                    return Err(Error::unsupported(NAME, detail));
                }
                ("A", "1:1" | "0:0") => {}
                ("A", _) => notes.push(format!("its pixel aspect of {value} is not kept")),
                ("C", _) => (depth, chroma) = sampling(value)?,
                ("X", "COLORRANGE=FULL") => full = Some(true),
                ("X", "COLORRANGE=LIMITED") => full = Some(false),
                // Comments, and parameters of later writers.
                _ => {}
            }
        }
        let ([Some(width), Some(height)], Some(rate)) = (size, rate) else {
            return Err(Error::format(NAME, "a header without width (W), height (H) or rate (F)"));
        };
        Ok(Header { width, height, rate, depth, chroma, full, notes })
    }

    /// The samples of each plane of chroma, along the width and the height.
    pub fn chroma_size(&self, chroma: Chroma) -> [usize; 2] {
        [chroma.across.length(self.width as usize), chroma.down.length(self.height as usize)]
    }

    /// The bytes of a frame.
    pub fn frame_bytes(&self) -> u64 {
        let chroma = self.chroma.map_or(0, |chroma| {
            let [width, height] = self.chroma_size(chroma);
            2 * (width as u64).saturating_mul(height as u64)
        });
        let luma = u64::from(self.width) * u64::from(self.height);
        luma.saturating_add(chroma).saturating_mul(if self.depth > 8 { 2 } else { 1 })
    }
}

/// Half as many samples of chroma along both axes, as in JPEG.
const HALF_BETWEEN: Chroma = Chroma { across: Siting::Between, down: Siting::Between };

/// The bits of a code and the chroma that the parameter C names.
fn sampling(name: &str) -> Result<(u32, Option<Chroma>)> {
    let left = Chroma { across: Siting::First, down: Siting::Between };
    let corner = Chroma { across: Siting::First, down: Siting::First };
    let half = Chroma { across: Siting::First, down: Siting::Every };
    let every = Chroma { across: Siting::Every, down: Siting::Every };
    let known = match name {
        "420" | "420jpeg" => Some((8, Some(HALF_BETWEEN))),
        "420mpeg2" => Some((8, Some(left))),
        "420paldv" => Some((8, Some(corner))),
        "422" => Some((8, Some(half))),
        "444" => Some((8, Some(every))),
        "mono" => Some((8, None)),
        _ => {
            let families =
                [("420p", Some(left)), ("422p", Some(half)), ("444p", Some(every)), ("mono", None)];
            families.into_iter().find_map(|(prefix, chroma)| {
                let depth = name.strip_prefix(prefix)?.parse().ok()?;
                (9..=16).contains(&depth).then_some((depth, chroma))
            })
        }
    };
    known.ok_or_else(|| {
        let detail = format!("chroma {name:?}, but mono, 420, 422 or 444 of 8 to 16 bits was expected");
        Error::unsupported(NAME, detail)
    })
}

fn number(what: &str, text: &str) -> Result<u32> {
    let most = i32::MAX as u32;
    let number = text.parse().ok().filter(|n| (1..=most).contains(n));
    number.ok_or_else(|| Error::format(NAME, format!("{what} of {text:?}, but 1 to {most} was expected")))
}

fn fraction(text: &str) -> Result<Rate> {
    let parts = text.split_once(':').and_then(|(n, d)| Some((n.parse().ok()?, d.parse().ok()?)));
    let rate = parts.and_then(|(numerator, denominator)| Rate::new(numerator, denominator));
    rate.ok_or_else(|| {
        let detail = format!("a rate of {text:?}, but two positive numbers as in 30000:1001 were expected");
        Error::format(NAME, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parameters: &str) -> Result<Header> {
        Header::parse(format!("YUV4MPEG2 {parameters}").as_bytes())
    }

    #[test]
    fn parameters_may_come_in_any_order() {
        let header = of("C420p10 H5 F30000:1001 W7 Ip A128:117 Xnote XCOLORRANGE=FULL").unwrap();
        assert_eq!((header.width, header.height, header.depth), (7, 5, 10));
        assert_eq!((header.rate, header.full), (Rate::new(30000, 1001).unwrap(), Some(true)));
        assert_eq!(header.notes, ["its pixel aspect of 128:117 is not kept"]);
        assert_eq!(header.frame_bytes(), 2 * (35 + 2 * 4 * 3));
        let plain = of("W2 H2 F25:1 A0:0").unwrap();
        assert_eq!((plain.chroma, plain.depth, plain.full), (Some(HALF_BETWEEN), 8, None));
        assert_eq!(of("W2 H2 F25:1 Cmono16").unwrap().frame_bytes(), 8);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (parameters, part) in [
            ("W2 H2", "without width"),
            ("W0 H2 F1:1", "a width of \"0\""),
            ("W2 H-2 F1:1", "a height of \"-2\""),
            ("W2 H2 F0:0", "a rate of \"0:0\""),
            ("W2 H2 F25", "a rate of \"25\""),
            ("W2 H2 F1:1 It", "interlaced frames (It)"),
            ("W2 H2 F1:1 C411", "chroma \"411\""),
            ("W2 H2 F1:1 C420p17", "chroma \"420p17\""),
            ("W2 H2 F1:1 C444alpha", "chroma \"444alpha\""),
        ] {
            let error = of(parameters).unwrap_err().to_string();
            assert!(error.contains(part), "{parameters}: {error}");
        }
        assert!(Header::parse(b"YUV4MPEG2 \xFF").is_err());
    }
}
