//! Where samples of chroma lie among those of luma, and linear interpolation between them.

use std::ops::Range;

/// The samples of chroma along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Siting {
    /// One for each sample of luma.
    Every,
    /// One for two samples of luma, at the first of them.
    First,
    /// One for two samples of luma, halfway between them.
    Between,
}

/// The chroma of a frame: its siting along the width and along the height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chroma {
    pub across: Siting,
    pub down: Siting,
}

impl Siting {
    /// The number of samples of chroma for `luma` samples of luma.
    pub fn length(self, luma: usize) -> usize {
        if self == Siting::Every { luma } else { luma.div_ceil(2) }
    }

    /// The two samples of chroma, of `length`, around sample `at` of luma, and the weight of the second.
    fn around(self, at: usize, length: usize) -> (usize, usize, f32) {
        let (half, odd) = (at / 2, at % 2 == 1);
        let (first, second, weight) = match (self, odd) {
            (Siting::Every, _) => (at, at, 0.0),
            (Siting::First, false) => (half, half, 0.0),
            (Siting::First, true) => (half, half + 1, 0.5),
            (Siting::Between, false) => (half.saturating_sub(1), half, 0.75),
            (Siting::Between, true) => (half, half + 1, 0.25),
        };
        (first, second.min(length - 1), weight)
    }
}

impl Chroma {
    /// The rows of a plane of so many, between which `rows` of luma are interpolated.
    pub fn rows(self, height: usize, rows: &Range<usize>) -> Range<usize> {
        let (first, ..) = self.down.around(rows.start, height);
        let (_, last, _) = self.down.around(rows.end - 1, height);
        first..last + 1
    }

    /// Interpolates a row of a plane of `size` samples, whose codes `code` gives, to a value for each of the
    /// samples of luma in `row`, which begins at the place `[x, y]` of luma.
    pub fn interpolate(
        self,
        size: [usize; 2],
        [x, y]: [usize; 2],
        code: impl Fn(usize) -> f32,
        row: &mut [f32],
    ) {
        let [width, height] = size;
        let (above, below, down) = self.down.around(y, height);
        let column = |x: usize| {
            let (a, b) = (code(above * width + x), code(below * width + x));
            a + (b - a) * down
        };
        for (x, value) in (x..).zip(row) {
            let (left, right, across) = self.across.around(x, width);
            let a = column(left);
            *value = if across == 0.0 { a } else { a + (column(right) - a) * across };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(chroma: Chroma, y: usize) -> Vec<f32> {
        let plane = [0.0, 4.0, 40.0, 44.0];
        let mut row = [0.0; 4];
        chroma.interpolate([2, 2], [0, y], |i| plane[i], &mut row);
        row.to_vec()
    }

    #[test]
    fn chroma_is_linear_between_its_places() {
        let (first, between) = (Siting::First, Siting::Between);
        assert_eq!(row(Chroma { across: first, down: first }, 0), [0.0, 2.0, 4.0, 4.0]);
        assert_eq!(row(Chroma { across: first, down: between }, 1), [10.0, 12.0, 14.0, 14.0]);
        assert_eq!(row(Chroma { across: between, down: between }, 3), [40.0, 41.0, 43.0, 44.0]);
        let (mut every, plane) = ([0.0; 2], [1.0, 2.0, 3.0, 4.0]);
        let chroma = Chroma { across: Siting::Every, down: Siting::Every };
        chroma.interpolate([2, 2], [0, 1], |i| plane[i], &mut every);
        assert_eq!(every, [3.0, 4.0]);
        assert_eq!((first.length(5), Siting::Every.length(5)), (3, 5));
    }
}
