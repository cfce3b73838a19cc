//! `--background`: the colour on which a picture with alpha is put to write it without alpha.

use sirenc::signal::{Description, SampleFormat};

/// A colour: red, green and blue, each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Background([f32; 3]);

impl Background {
    /// Parses `white`, `black`, `#rrggbb`, `#rgb`, or `R,G,B` from 0 to 255.
    pub fn parse(text: &str) -> Result<Self, String> {
        let codes = match text.trim().to_ascii_lowercase().as_str() {
            "white" => Some([255.0; 3]),
            "black" => Some([0.0; 3]),
            text => match text.strip_prefix('#') {
                Some(digits) => hexadecimal(digits),
                None => decimal(text),
            },
        };
        let codes =
            codes.ok_or("white, black, #rrggbb or R,G,B from 0 to 255 was expected, as in 255,128,0")?;
        Ok(Background(codes.map(|code| code / 255.0)))
    }

    pub fn is_grey(self) -> bool {
        self.0.iter().all(|&part| part == self.0[0])
    }

    /// Blends the background into `values` of a picture with alpha, and removes the alpha channel: `alpha ·
    /// colour + (1 − alpha) · background`, with colour and alpha clipped as they would be when stored.
    /// `description` is that of the result.
    pub fn put_behind(self, values: &mut Vec<f32>, description: &Description) {
        let colours = usize::from(description.channels);
        let stored = |value: f32| match description.format {
            SampleFormat::F32 => value,
            _ => value.clamp(0.0, 1.0),
        };
        let pixels = values.len() / (colours + 1);
        for pixel in 0..pixels {
            let from = pixel * (colours + 1);
            let alpha = values[from + colours].clamp(0.0, 1.0);
            for c in 0..colours {
                values[pixel * colours + c] = alpha * stored(values[from + c]) + (1.0 - alpha) * self.0[c];
            }
        }
        values.truncate(pixels * colours);
    }
}

/// Parses `rrggbb` or `rgb`.
fn hexadecimal(digits: &str) -> Option<[f32; 3]> {
    let number =
        u32::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let part = |bits: u32, index: u32| number >> (bits * (2 - index)) & ((1 << bits) - 1);
    match digits.len() {
        6 => Some([0, 1, 2].map(|index| part(8, index) as f32)),
        3 => Some([0, 1, 2].map(|index| (part(4, index) * 17) as f32)),
        _ => None,
    }
}

/// Parses `R,G,B`.
fn decimal(text: &str) -> Option<[f32; 3]> {
    let parts =
        text.split(',').map(|part| part.trim().parse().ok().filter(|code| (0.0..=255.0).contains(code)));
    parts.collect::<Option<Vec<f32>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_names_digits_and_numbers() {
        let parsed = |text: &str| Background::parse(text).map(|colour| colour.0.map(|part| part * 255.0));
        for (text, colour) in [
            ("white", [255.0, 255.0, 255.0]),
            ("BLACK", [0.0, 0.0, 0.0]),
            ("#1080ff", [16.0, 128.0, 255.0]),
            ("#08F", [0.0, 136.0, 255.0]),
            ("255, 127.5,0", [255.0, 127.5, 0.0]),
        ] {
            let found = parsed(text).unwrap();
            assert!(found.iter().zip(colour).all(|(a, b)| (a - b).abs() < 1e-4), "{text}: {found:?}");
        }
        for text in ["", "red", "#12345", "#+12345", "1,2", "1,2,3,4", "256,0,0", "-1,0,0", "nan,0,0"] {
            assert!(Background::parse(text).unwrap_err().contains("#rrggbb"), "{text}");
        }
        assert!(
            Background::parse("#777").unwrap().is_grey() && !Background::parse("#778").unwrap().is_grey()
        );
    }

    #[test]
    fn alpha_mixes_what_is_stored_with_the_background() {
        let description = |format, channels| Description::picture([2, 1], channels, format);
        // The first pixel is half transparent and above white, the second has alpha above 1.
        let pixels = [1.5, 0.0, 0.5, 0.5, 0.25, 0.5, 0.75, 1.25];
        let orange = Background([1.0, 0.5, 0.0]);
        for (format, red) in [(SampleFormat::U8, 1.0), (SampleFormat::F32, 1.25)] {
            let mut values = pixels.to_vec();
            orange.put_behind(&mut values, &description(format, 3));
            assert_eq!(values, [red, 0.25, 0.25, 0.25, 0.5, 0.75]);
        }
        let mut grey = vec![0.5, -0.5, 0.5, 0.25];
        Background([1.0; 3]).put_behind(&mut grey, &description(SampleFormat::U16, 1));
        assert_eq!(grey, [1.0, 0.875]);
    }
}
