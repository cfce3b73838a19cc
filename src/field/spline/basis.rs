//! Uniform cubic B-splines: the four coefficients around a position, and their weights.

/// The coefficients that a position sees along one axis, and their weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taps {
    /// The index of the first of four coefficients, not yet mirrored.
    pub first: i64,
    /// The weight of each.
    pub weights: [f32; 4],
}

impl Taps {
    /// The taps at a position, native samples, on a grid of `level`.
    pub fn new(position: f64, level: u32) -> Self {
        let (first, t) = place(position, level);
        Taps { first, weights: weights(t) }
    }
    /// The taps of the derivative of `order` by the position, at most 2; [`Taps::new`] for order 0.
    pub fn derivative(position: f64, level: u32, order: usize) -> Self {
        let (first, t) = place(position, level);
        let weights = match order {
            0 => weights(t),
            1 => slopes(t).map(|w| w * per_sample(level)),
            _ => curvatures(t).map(|w| w * (per_sample(level) * per_sample(level))),
        };
        Taps { first, weights }
    }
}

/// Spacings of a grid of `level` per native sample.
pub fn per_sample(level: u32) -> f32 {
    2f32.powi(-level.cast_signed())
}

/// The index of the first coefficient at a position, and the position between the second and the third, from
/// 0 to 1.
pub fn place(position: f64, level: u32) -> (i64, f32) {
    let u = (position + 0.5) * f64::from(per_sample(level)) - 0.5;
    let cell = u.floor();
    (cell as i64 - 1, (u - cell) as f32)
}

const SIXTH: f32 = 1.0 / 6.0;
const TWO_THIRDS: f32 = 2.0 / 3.0;

fn weights(t: f32) -> [f32; 4] {
    let s = 1.0 - t;
    let (tt, ss) = (t * t, s * s);
    let middle = |x: f32, xx: f32| xx.mul_add(x.mul_add(0.5, -1.0), TWO_THIRDS);
    [(ss * s) * SIXTH, middle(t, tt), middle(s, ss), (tt * t) * SIXTH]
}

/// Derivatives of the weights by `t`.
fn slopes(t: f32) -> [f32; 4] {
    let s = 1.0 - t;
    let middle = |x: f32| x * x.mul_add(1.5, -2.0);
    [(s * s) * -0.5, middle(t), -middle(s), (t * t) * 0.5]
}

/// Second derivatives of the weights by `t`.
fn curvatures(t: f32) -> [f32; 4] {
    let s = 1.0 - t;
    [s, t.mul_add(3.0, -2.0), s.mul_add(3.0, -2.0), t]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_a_partition_of_unity_and_symmetric() {
        for i in 0..=64 {
            let t = i as f32 / 64.0;
            let (w, v) = (weights(t), weights(1.0 - t));
            assert!((w.iter().sum::<f32>() - 1.0).abs() < 2e-7, "{t}");
            assert!((0..4).all(|j| (w[j] - v[3 - j]).abs() < 1e-7), "{t}");
            assert!(slopes(t).iter().sum::<f32>().abs() < 5e-7 && curvatures(t).iter().sum::<f32>() == 0.0);
        }
        assert_eq!(weights(0.0)[3], 0.0);
        assert!((weights(0.0)[1] - TWO_THIRDS).abs() < 1e-7);
    }

    #[test]
    fn derivatives_are_differences() {
        let h = 1e-3f64;
        for position in [-0.5, 0.3, 2.0, 7.77] {
            for level in 0..4 {
                let at = |p: f64, order| Taps::derivative(p, level, order);
                for order in 0..2 {
                    let (before, after) = (at(position - h, order), at(position + h, order));
                    if before.first != after.first {
                        continue;
                    }
                    for j in 0..4 {
                        let difference = f64::from(after.weights[j] - before.weights[j]) / (2.0 * h);
                        let derivative = f64::from(at(position, order + 1).weights[j]);
                        assert!((difference - derivative).abs() < 2e-3, "{position} {level} {order} {j}");
                    }
                }
            }
        }
    }

    #[test]
    fn weights_are_those_of_the_specification() {
        for (input, result) in crate::vectors::rows("basis") {
            let taps = Taps::new(input[0].parse().unwrap(), input[1].parse().unwrap());
            let weights = taps.weights.map(|weight| format!("{:08x}", weight.to_bits())).join(" ");
            assert_eq!(format!("{} {weights}", taps.first), result, "{input:?}");
        }
    }

    #[test]
    fn samples_lie_between_the_coefficients_of_coarse_grids() {
        // Sample 0 is a quarter of a spacing before coefficient 0 of level 1.
        assert_eq!(place(0.0, 1), (-2, 0.75));
        assert_eq!(place(1.0, 1), (-1, 0.25));
        assert_eq!(place(3.0, 0), (2, 0.0));
    }
}
