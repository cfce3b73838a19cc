//! Luma and chroma ↔ RGB.
//!
//! Reference: Recommendations ITU-R BT.601-7 and BT.709-6.

/// The most lines of a video of standard definition.
const STANDARD_LINES: u32 = 576;

/// The weights of red and blue in luma, and the codes of luma and chroma.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix {
    name: &'static str,
    red: f32,
    blue: f32,
    black: f32,
    /// From black to white.
    range: f32,
    /// The code of no colour.
    neutral: f32,
    /// From the lowest to the highest code of chroma.
    span: f32,
}

impl Matrix {
    /// The matrix of videos of `height` lines, BT.601 for standard definition and BT.709 above, with codes of
    /// `depth` bits, 8 to 16, in full or in limited range.
    pub fn of(height: u32, depth: u32, full: bool) -> Self {
        let (name, red, blue) =
            if height <= STANDARD_LINES { ("BT.601", 0.299, 0.114) } else { ("BT.709", 0.2126, 0.0722) };
        let (step, neutral) = ((1u32 << (depth - 8)) as f32, (1u32 << (depth - 1)) as f32);
        let top = ((1u32 << depth) - 1) as f32;
        let (black, range, span) =
            if full { (0.0, top, top) } else { (16.0 * step, 219.0 * step, 224.0 * step) };
        Matrix { name, red, blue, black, range, neutral, span }
    }

    /// The name of the recommendation.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The value of a code of luma: 0 for black, 1 for white.
    pub fn luma(&self, code: f32) -> f32 {
        (code - self.black) / self.range
    }

    /// Red, green and blue of the codes of luma, Cb and Cr.
    pub fn rgb(&self, [luma, blue, red]: [f32; 3]) -> [f32; 3] {
        let y = self.luma(luma);
        let b = y + 2.0 * (1.0 - self.blue) * (blue - self.neutral) / self.span;
        let r = y + 2.0 * (1.0 - self.red) * (red - self.neutral) / self.span;
        let g = (y - self.red * r - self.blue * b) / (1.0 - self.red - self.blue);
        [r, g, b]
    }

    /// The code of a value of luma, not rounded.
    pub fn code(&self, luma: f32) -> f32 {
        self.black + self.range * luma
    }

    /// The codes of luma, Cb and Cr of red, green and blue, not rounded.
    pub fn codes(&self, [r, g, b]: [f32; 3]) -> [f32; 3] {
        let y = self.red * r + (1.0 - self.red - self.blue) * g + self.blue * b;
        let blue = self.neutral + self.span * (b - y) / (2.0 * (1.0 - self.blue));
        let red = self.neutral + self.span * (r - y) / (2.0 * (1.0 - self.red));
        [self.code(y), blue, red]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_the_codes_of_the_recommendations() {
        let rounded = |matrix: Matrix, rgb| matrix.codes(rgb).map(f32::round);
        let standard = Matrix::of(576, 8, false);
        assert_eq!(standard.name(), "BT.601");
        assert_eq!(rounded(standard, [1.0, 0.0, 0.0]), [81.0, 90.0, 240.0]);
        assert_eq!(rounded(standard, [1.0, 1.0, 1.0]), [235.0, 128.0, 128.0]);
        let high = Matrix::of(577, 10, false);
        assert_eq!((high.name(), rounded(high, [0.0, 0.0, 1.0])), ("BT.709", [127.0, 960.0, 471.0]));
        assert_eq!(rounded(Matrix::of(1, 8, true), [0.0, 0.0, 0.0]), [0.0, 128.0, 128.0]);
    }

    #[test]
    fn codes_lead_back_to_their_colour() {
        for (height, depth, full) in [(1, 8, false), (720, 12, false), (720, 16, true)] {
            let matrix = Matrix::of(height, depth, full);
            for colour in [[0.0, 0.5, 1.0], [0.9, 0.1, 0.3]] {
                let back = matrix.rgb(matrix.codes(colour));
                assert!(colour.iter().zip(back).all(|(a, b)| (a - b).abs() < 1e-5), "{colour:?} {back:?}");
            }
        }
    }
}
