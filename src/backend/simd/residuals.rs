//! What the residuals of an error are: linear combinations of the values at a few points of a block.

use super::BLOCK;

/// The residuals of a block of points: each combines the values of one channel at the points of a group.
///
/// In a block the first points of all groups come first, then the second ones: those of a group are [`Residuals::groups`]
/// apart. A group has as many residuals, whose targets and weights come in the places of its points. The first residual is
/// the sum of the values, the others are 0 if the values are equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum Residuals {
    /// The value of each point.
    #[default]
    Values,
    /// The sum of the values of two points, and the first less the second. Of close neighbours the difference is a slope.
    SumsAndDifferences,
}

impl Residuals {
    /// Points of a group.
    pub const fn points(self) -> usize {
        match self {
            Residuals::Values => 1,
            Residuals::SumsAndDifferences => 2,
        }
    }

    /// Groups of a block.
    pub const fn groups(self) -> usize {
        BLOCK / self.points()
    }

    /// Points for each sample of a signal of so many `axes`: itself, or a group along each axis.
    pub const fn points_per_sample(self, axes: usize) -> usize {
        match self {
            Residuals::Values => 1,
            Residuals::SumsAndDifferences => 2 * axes,
        }
    }

    /// Replaces the values of one channel at the points of a block by their residuals.
    ///
    /// # Panics
    /// If `values` are not [`BLOCK`].
    #[inline(always)]
    pub fn apply(self, values: &mut [f32]) {
        assert_eq!(values.len(), BLOCK);
        match self {
            Residuals::Values => {}
            Residuals::SumsAndDifferences => {
                let (first, second) = values.split_at_mut(self.groups());
                first.iter_mut().zip(second).for_each(|(a, b)| (*a, *b) = (*a + *b, *a - *b));
            }
        }
    }

    /// The transpose of [`Residuals::apply`]: replaces the derivatives of a loss by the residuals of one channel by those
    /// by the values.
    ///
    /// # Panics
    /// If `slopes` are not [`BLOCK`].
    #[inline(always)]
    pub fn transpose(self, slopes: &mut [f32]) {
        // The maps of both are symmetric.
        self.apply(slopes);
    }

    /// The derivatives of residual `number` of all groups by the values, each times the root of the residual's weight.
    #[inline(always)]
    pub(super) fn seed(self, number: usize, weights: &[f32], seeds: &mut [f32]) {
        let places = number * self.groups()..(number + 1) * self.groups();
        seeds.fill(0.0);
        for (seed, weight) in seeds[places.clone()].iter_mut().zip(&weights[places]) {
            *seed = weight.sqrt();
        }
        self.transpose(seeds);
    }

    /// How far apart, around the end of a block, points are whose values are in one residual: 0, from each point to itself,
    /// and the others.
    pub(super) fn lags(self) -> impl Iterator<Item = usize> {
        (0..self.points()).map(move |point| point * self.groups())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Residuals; 2] = [Residuals::Values, Residuals::SumsAndDifferences];

    /// The residuals of a block as rows of coefficients of its values.
    fn rows(residuals: Residuals, map: fn(Residuals, &mut [f32])) -> Vec<Vec<f32>> {
        let column = |point: usize| {
            let mut unit = vec![0.0; BLOCK];
            unit[point] = 1.0;
            map(residuals, &mut unit);
            unit
        };
        let columns: Vec<Vec<f32>> = (0..BLOCK).map(column).collect();
        (0..BLOCK).map(|row| columns.iter().map(|column| column[row]).collect()).collect()
    }

    #[test]
    fn residuals_are_of_their_group_and_the_transpose_is_one() {
        for residuals in ALL {
            let groups = residuals.groups();
            let [rows, transposed] = [Residuals::apply, Residuals::transpose].map(|map| rows(residuals, map));
            for (r, row) in rows.iter().enumerate() {
                for (p, &coefficient) in row.iter().enumerate() {
                    assert_eq!(coefficient, transposed[p][r], "{residuals:?} {r} {p}");
                    assert!(coefficient == 0.0 || p % groups == r % groups, "{residuals:?} {r} {p}");
                    assert!(coefficient == 0.0 || residuals.lags().any(|lag| (p + lag) % BLOCK == r));
                }
                let expected = if r < groups { residuals.points() as f32 } else { 0.0 };
                assert_eq!(row.iter().sum::<f32>(), expected, "{residuals:?} {r}");
            }
        }
    }

    #[test]
    fn a_seed_is_a_row_times_the_root_of_its_weight() {
        let weights: Vec<f32> = (0..BLOCK).map(|p| (p % 5) as f32).collect();
        for residuals in ALL {
            let rows = rows(residuals, Residuals::apply);
            for number in 0..residuals.points() {
                let mut seeds = vec![f32::NAN; BLOCK];
                residuals.seed(number, &weights, &mut seeds);
                for (p, seed) in seeds.into_iter().enumerate() {
                    let r = number * residuals.groups() + p % residuals.groups();
                    assert_eq!(seed, rows[r][p] * weights[r].sqrt(), "{residuals:?} {number} {p}");
                }
            }
        }
    }
}
