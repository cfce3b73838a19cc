//! `--colormap`: colours for the values of a single channel.

use clap::ValueEnum;

/// A map from the unit range to colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colormap {
    /// Black to white
    Grey,
    /// Dark blue over green to yellow: lightness rises evenly
    Viridis,
    /// Blue over white to red, for values with signs
    BlueRed,
}

impl Colormap {
    /// The map, if it has colours.
    pub fn coloured(self) -> Option<Self> {
        Some(self).filter(|map| *map != Colormap::Grey)
    }

    /// The name.
    pub fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().into())
    }

    /// The range of values to show instead of `low..high`: one with 0 in the middle, if the map has a middle and there
    /// are values of both signs.
    pub fn widened(self, (low, high): (f64, f64)) -> (f64, f64) {
        let most = high.max(-low);
        if self == Colormap::BlueRed && low < 0.0 && high > 0.0 { (-most, most) } else { (low, high) }
    }

    /// Replaces values from 0 to 1 by red, green and blue, also from 0 to 1. Values outside have the colours of the ends.
    pub fn paint(self, values: &mut Vec<f32>) {
        let table: Vec<[f32; 3]> = (0..=255u8).map(|code| self.colour(f64::from(code) / 255.0)).collect();
        // NaN becomes 0.
        let code = |value: f32| (value * 255.0).round_ties_even().clamp(0.0, 255.0) as usize;
        *values = values.iter().flat_map(|&value| table[code(value)]).collect();
    }

    fn colour(self, value: f64) -> [f32; 3] {
        let colour = match self {
            Colormap::Grey => return [value as f32; 3],
            Colormap::Viridis => colorous::VIRIDIS.eval_continuous(value),
            Colormap::BlueRed => colorous::RED_BLUE.eval_continuous(1.0 - value),
        };
        [colour.r, colour.g, colour.b].map(|code| f32::from(code) / 255.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(map: Colormap, values: &[f32]) -> Vec<u8> {
        let mut values = values.to_vec();
        map.paint(&mut values);
        values.into_iter().map(|value| (value * 255.0).round() as u8).collect()
    }

    #[test]
    fn the_ends_and_the_middle_have_their_colours() {
        assert_eq!(
            painted(Colormap::Viridis, &[0.0, -3.0, 1.0, 9.0]),
            [68, 1, 84, 68, 1, 84, 253, 231, 37, 253, 231, 37]
        );
        let signs = painted(Colormap::BlueRed, &[0.0, 0.5, 1.0, f32::NAN]);
        assert!(
            signs[2] > signs[0] && signs[3..6].iter().all(|&code| code > 230) && signs[6] > signs[8],
            "{signs:?}"
        );
        assert_eq!(signs[9..], signs[..3]);
        assert_eq!(painted(Colormap::Grey, &[0.2]), [51; 3]);
    }

    #[test]
    fn zero_is_in_the_middle_of_signed_values() {
        assert_eq!(Colormap::BlueRed.widened((-1.0, 4.0)), (-4.0, 4.0));
        assert_eq!(Colormap::BlueRed.widened((1.0, 4.0)), (1.0, 4.0));
        assert_eq!(Colormap::Viridis.widened((-1.0, 4.0)), (-1.0, 4.0));
    }
}
