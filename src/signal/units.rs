//! Units of samples: the map from network values to signal values.

use std::ops::RangeInclusive;

/// The map from a network value `v` to the signal value `offset + scale · v` of each channel. It keeps network
/// values in about 0..1, whether a channel is in kelvin, metres or nanometres. Codes of colours and sounds have
/// no units.
#[derive(Clone, Debug, PartialEq)]
pub struct Units {
    /// One finite offset for each channel.
    pub offsets: Vec<f32>,
    /// One finite scale for each channel: signal value per network value, 0 or more. A channel of scale 0 has its
    /// offset everywhere.
    pub scales: Vec<f32>,
}

impl Units {
    /// Exponents of 2 that binary32 can represent, subnormal numbers included.
    pub const EXPONENTS: RangeInclusive<i16> = -149..=127;

    /// Units with the scale `2^exponent` in all channels; exponents beyond [`Units::EXPONENTS`] are clamped.
    pub fn with_exponent(exponent: i16, offsets: Vec<f32>) -> Self {
        let exponent = exponent.clamp(*Self::EXPONENTS.start(), *Self::EXPONENTS.end());
        let scale = match exponent {
            -126.. => f32::from_bits(((exponent + 127) as u32) << 23),
            _ => f32::from_bits(1 << (exponent + 149)),
        };
        Units { scales: vec![scale; offsets.len()], offsets }
    }

    /// The exponent of 2 of a scale that all channels share; `None` if they differ or it is not a power of two.
    pub fn exponent(&self) -> Option<i16> {
        let (&scale, others) = self.scales.split_first()?;
        let bits = scale.to_bits();
        let shared = others.iter().all(|other| other.to_bits() == bits);
        match (bits >> 23, bits & 0x7f_ffff) {
            _ if !shared || !scale.is_finite() || scale.is_sign_negative() => None,
            (0, fraction) if fraction.is_power_of_two() => Some(fraction.ilog2() as i16 - 149),
            (biased @ 1.., 0) => Some(biased as i16 - 127),
            _ => None,
        }
    }

    /// Whether the units change nothing, so that a file need not store them.
    pub fn is_default(&self) -> bool {
        self.exponent() == Some(0) && self.offsets.iter().all(|offset| offset.to_bits() == 0)
    }

    /// Converts network `values` to signal values: `components` for each channel in turn, the value and then
    /// its derivatives. Rounds once; values beyond the finite range become the largest finite number.
    pub(crate) fn apply(&self, components: usize, values: &mut [f32]) {
        let channels = self.offsets.len().max(1);
        let finite = |value: f32| value.clamp(f32::MIN, f32::MAX);
        for position in values.chunks_mut(channels.saturating_mul(components).max(1)) {
            let units = self.scales.iter().zip(&self.offsets);
            for (jet, (&scale, &offset)) in position.chunks_mut(components.max(1)).zip(units) {
                let Some((value, derivatives)) = jet.split_first_mut() else { continue };
                // A sum with +0 would lose the sign of an offset of −0.
                let constant = *value == 0.0 || scale == 0.0;
                *value = if constant { offset } else { finite(scale.mul_add(*value, offset)) };
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
            let units = Units::with_exponent(exponent, vec![0.0; 2]);
            assert_eq!(
                units.scales.iter().map(|&s| f64::from(s)).collect::<Vec<_>>(),
                [f64::from(exponent).exp2(); 2],
                "{exponent}"
            );
            assert_eq!(units.exponent(), Some(exponent));
        }
    }

    #[test]
    fn only_a_shared_power_of_two_has_an_exponent() {
        let exponent = |scales: &[f32]| Units { offsets: vec![], scales: scales.to_vec() }.exponent();
        assert_eq!([exponent(&[2.0, 2.0]), exponent(&[0.5])], [Some(1), Some(-1)]);
        for scales in [&[][..], &[1.0, 2.0], &[3.0], &[0.0], &[-0.0], &[-2.0], &[f32::INFINITY], &[3e-44]] {
            assert_eq!(exponent(scales), None, "{scales:?}");
        }
    }

    #[test]
    fn values_are_scaled_and_moved_and_derivatives_scaled() {
        let units = Units { offsets: vec![290.0, -1.0, 7.0], scales: vec![8.0, 3.0, 0.0] };
        let mut values = [0.5, 1.0, -2.0, 0.0, 0.25, 4.0, -5.0, 3.0, 0.0];
        units.apply(3, &mut values);
        assert_eq!(values, [294.0, 8.0, -16.0, -1.0, 0.75, 12.0, 7.0, 0.0, 0.0]);
    }

    #[test]
    fn values_are_rounded_once_and_stay_finite() {
        let at = |offset: f32, exponent, value: f32| {
            let mut values = [value];
            Units::with_exponent(exponent, vec![offset]).apply(1, &mut values);
            values[0]
        };
        // 1 + 2⁻²³·(1 + 2⁻²³) rounds to 1 + 2⁻²³.
        assert_eq!(at(1.0, 0, f32::EPSILON * (1.0 + f32::EPSILON)), 1.0 + f32::EPSILON);
        assert_eq!([at(f32::MAX, 127, 0.5), at(f32::MIN, 127, -2.0)], [f32::MAX, f32::MIN]);
        assert_eq!(at(0.0, -149, 3.0).to_bits(), 3);
        // 2½ steps round to 2; rounding 1½ first would give 2, and 3 in the end.
        assert_eq!(at(f32::from_bits(1), -149, 1.5).to_bits(), 2);
        assert_eq!([at(-0.0, 0, 0.0), at(-0.0, 5, -0.0)].map(f32::to_bits), [1 << 31; 2]);
        let mut constant = [-3.0];
        Units { offsets: vec![-0.0], scales: vec![0.0] }.apply(1, &mut constant);
        assert_eq!(constant[0].to_bits(), 1 << 31);
    }
}
