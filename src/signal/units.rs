//! Units of binary32 samples: the map from network values to signal values.

use std::ops::RangeInclusive;

/// The map from a network value `v` to the signal value `offset + 2^exponent · v`. It keeps network values in
/// about 0..1, whether the signal is in kelvin, metres or nanometres. Integer signals have no units.
#[derive(Clone, Debug, PartialEq)]
pub struct Units {
    /// One finite offset for each channel.
    pub offsets: Vec<f32>,
    /// Exponent of the scale that all channels share; within [`Units::EXPONENTS`].
    pub exponent: i16,
}

impl Units {
    /// Exponents of 2 that binary32 can represent, subnormal numbers included.
    pub const EXPONENTS: RangeInclusive<i16> = -149..=127;

    /// Signal value per network value.
    pub fn scale(&self) -> f32 {
        let exponent = self.exponent.clamp(*Self::EXPONENTS.start(), *Self::EXPONENTS.end());
        match exponent {
            -126.. => f32::from_bits(((exponent + 127) as u32) << 23),
            _ => f32::from_bits(1 << (exponent + 149)),
        }
    }

    /// Whether the units change nothing, so that a file need not store them.
    pub fn is_default(&self) -> bool {
        self.exponent == 0 && self.offsets.iter().all(|offset| offset.to_bits() == 0)
    }

    /// Converts network `values` to signal values: `components` for each channel in turn, the value and then
    /// its derivatives. Rounds once; values beyond the finite range become the largest finite number.
    pub(crate) fn apply(&self, components: usize, values: &mut [f32]) {
        let (scale, channels) = (self.scale(), self.offsets.len().max(1));
        let finite = |value: f32| value.clamp(f32::MIN, f32::MAX);
        for position in values.chunks_mut(channels.saturating_mul(components).max(1)) {
            for (jet, &offset) in position.chunks_mut(components.max(1)).zip(&self.offsets) {
                let Some((value, derivatives)) = jet.split_first_mut() else { continue };
                // A sum with +0 would lose the sign of an offset of −0.
                *value = if *value == 0.0 { offset } else { finite(scale.mul_add(*value, offset)) };
                derivatives.iter_mut().for_each(|derivative| *derivative = finite(scale * *derivative));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_powers_of_two_down_to_the_last_subnormal() {
        for exponent in Units::EXPONENTS {
            let scale = Units { offsets: vec![], exponent }.scale();
            assert_eq!(f64::from(scale), f64::from(exponent).exp2(), "{exponent}");
        }
    }

    #[test]
    fn values_are_scaled_and_moved_and_derivatives_scaled() {
        let units = Units { offsets: vec![290.0, -1.0], exponent: 3 };
        let mut values = [0.5, 1.0, -2.0, 0.0, 0.25, 4.0];
        units.apply(3, &mut values);
        assert_eq!(values, [294.0, 8.0, -16.0, -1.0, 2.0, 32.0]);
    }

    #[test]
    fn values_are_rounded_once_and_stay_finite() {
        let at = |offset: f32, exponent, value: f32| {
            let mut values = [value];
            Units { offsets: vec![offset], exponent }.apply(1, &mut values);
            values[0]
        };
        // 1 + 2⁻²³·(1 + 2⁻²³) rounds to 1 + 2⁻²³.
        assert_eq!(at(1.0, 0, f32::EPSILON * (1.0 + f32::EPSILON)), 1.0 + f32::EPSILON);
        assert_eq!([at(f32::MAX, 127, 0.5), at(f32::MIN, 127, -2.0)], [f32::MAX, f32::MIN]);
        assert_eq!(at(0.0, -149, 3.0).to_bits(), 3);
        // 2½ steps round to 2; rounding 1½ first would give 2, and 3 in the end.
        assert_eq!(at(f32::from_bits(1), -149, 1.5).to_bits(), 2);
        assert_eq!([at(-0.0, 0, 0.0), at(-0.0, 5, -0.0)].map(f32::to_bits), [1 << 31; 2]);
    }
}
