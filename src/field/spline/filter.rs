//! From latents to the coefficients of a spline: a symmetric filter of seven taps along each axis.

use super::Grid;

/// The taps of a filter from those that files have, where the central one is less by 1.
pub fn taps(stored: &[f32]) -> [f32; 4] {
    [1.0 + stored[0], stored[1], stored[2], stored[3]]
}

/// The factor of the coefficients of a grid: a latent counts less, the more samples it stands for.
pub fn gain(grid: &Grid) -> f32 {
    2f32.powi(3 - (grid.level + grid.further.iter().sum::<u32>() / 2).cast_signed())
}

/// Filters a box of `lengths` values along `axis`, by the loops of the specification: each value becomes
/// `a₀x₀ + a₁(x₋₁ + x₁) + a₂(x₋₂ + x₂) + a₃(x₋₃ + x₃)`.
pub fn filter(values: &[f32], lengths: &[u32], axis: usize, taps: [f32; 4]) -> Vec<f32> {
    let stride: usize = lengths[..axis].iter().map(|&n| n as usize).product();
    let length = lengths[axis] as usize;
    let value = |at: usize| {
        let index = at / stride % length;
        let neighbour = |by: i64| {
            let other = mirror(index as i64 + by, length);
            values[at + stride * other - stride * index]
        };
        (1..4).fold(taps[0] * values[at], |sum: f32, k| {
            taps[k as usize].mul_add(neighbour(-k) + neighbour(k), sum)
        })
    };
    (0..values.len()).map(value).collect()
}

/// The index into `length` items that continue as if mirrored at their ends, half a spacing beyond the last.
pub fn mirror(index: i64, length: usize) -> usize {
    let length = length as i64;
    let turn = index.rem_euclid(2 * length);
    turn.min(2 * length - 1 - turn) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::spline::Role;

    fn grid(level: u32, further: [u32; 2]) -> Grid {
        Grid { level, further, lengths: vec![1; 4], role: Role::Context }
    }

    #[test]
    fn ends_are_mirrored_as_often_as_needed() {
        let indices: Vec<usize> = (-4..8).map(|i| mirror(i, 3)).collect();
        assert_eq!(indices, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]);
        assert!((-9..9).all(|i| mirror(i, 1) == 0));
    }

    #[test]
    fn coefficients_are_those_of_the_specification() {
        for (input, result) in crate::vectors::rows("filter") {
            let taps: Vec<f32> = input[1..5].iter().map(|tap| crate::vectors::binary32(tap)).collect();
            let line: Vec<f32> = input[5..].iter().map(|latent| latent.parse().unwrap()).collect();
            let coefficients = filter(&line, &[line.len() as u32], 0, taps.try_into().unwrap());
            let gain = gain(&grid(input[0].parse().unwrap(), [0, 0]));
            let bits = coefficients.iter().map(|c| format!("{:08x}", (c * gain).to_bits()));
            assert_eq!(bits.collect::<Vec<_>>().join(" "), result, "{input:?}");
        }
    }

    #[test]
    fn gains_halve_from_level_to_level() {
        assert_eq!([0, 3, 6].map(|level| gain(&grid(level, [0, 0]))), [8.0, 1.0, 0.125]);
        assert_eq!([[0, 1], [1, 2], [3, 3]].map(|further| gain(&grid(3, further))), [1.0, 0.5, 0.125]);
    }
}
