//! The length of a native sample along each axis in the unit of the axis.

use crate::error::{Error, Result};
use crate::signal::{Coordinates, Description, Measure, Metadata, Positions, axis_letters};

/// How far a native sample is from the next along axes of a signal: what derivatives per unit are divided by. See
/// [`Decoder::steps`](crate::Decoder::steps).
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    axes: Vec<Option<Step>>,
}

/// The distance to the next native sample along an axis.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// The distance; finite and not 0, negative if coordinates fall.
    pub length: f64,
    /// Its unit: `s` along time at a known rate, else that of the [`Coordinates`], which may be empty.
    pub unit: String,
}

impl Steps {
    /// The steps along `axes`: seconds along time at a known rate, else the uniform spacing of the coordinates.
    ///
    /// # Errors
    /// `Parameter` for an axis without a spacing and for one with listed coordinates, naming it.
    pub(crate) fn of(description: &Description, metadata: &[Metadata], axes: &[usize]) -> Result<Self> {
        let coordinates = Coordinates::of(metadata, description);
        let names = axis_letters(description.axes.iter().map(|axis| axis.measure));
        let step = |a: usize| {
            let known = coordinates.as_ref().map(|coordinates| &coordinates.axes[a]);
            let label = known.map_or("", |axis| &axis.label.name);
            let name = match label {
                "" => names[a].clone(),
                label if label == names[a] => names[a].clone(),
                label => format!("{} ({label})", names[a]),
            };
            let refuse = |why: &str| {
                let detail = format!("per unit of axis {name}, which has {why}, expected a uniform spacing");
                Err(Error::parameter("derivative", detail))
            };
            match (description.axes[a].measure, known.map(|axis| &axis.positions)) {
                (Measure::Time(Some(rate)), _) => {
                    let length = f64::from(rate.denominator()) / f64::from(rate.numerator());
                    Ok(Step { length, unit: "s".into() })
                }
                (_, Some(&Positions::Uniform { spacing, .. })) => {
                    let unit = known.map_or(String::new(), |axis| axis.label.unit.clone());
                    Ok(Step { length: spacing, unit })
                }
                (_, Some(Positions::Listed(_))) => refuse("listed coordinates"),
                _ => refuse("no spacing"),
            }
        };
        let step = |a: usize| axes.contains(&a).then(|| step(a)).transpose();
        Ok(Steps { axes: (0..description.axes.len()).map(step).collect::<Result<_>>()? })
    }

    /// The step along each axis of the signal; `None` along those that the derivative is not taken by.
    pub fn axes(&self) -> &[Option<Step>] {
        &self.axes
    }

    /// Divides the derivatives of jets of `components` by the steps: the value, the first derivatives, and the upper
    /// triangle of the second ones if there are any. Results beyond the finite range become the largest finite number.
    pub(crate) fn divide(&self, components: usize, jets: &mut [f32]) {
        let lengths: Vec<f64> =
            self.axes.iter().map(|step| step.as_ref().map_or(1.0, |s| s.length)).collect();
        let second = (0..lengths.len()).flat_map(|i| (i..lengths.len()).map(move |j| [i, j]));
        let first = lengths.iter().map(|&length| [length, 1.0]);
        let divisors: Vec<[f64; 2]> = first.chain(second.map(|[i, j]| [lengths[i], lengths[j]])).collect();
        for jet in jets.chunks_exact_mut(components) {
            for (derivative, [a, b]) in jet[1..].iter_mut().zip(&divisors) {
                let quotient = f64::from(*derivative) / a / b;
                *derivative = quotient.clamp(f32::MIN.into(), f32::MAX.into()) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Axis, AxisCoordinates, Label, Rate, SampleFormat};

    /// Time at 30000/1001 Hz, an axis of 0.5 mm, one of −2 without a unit, and one of listed coordinates.
    fn example() -> (Description, Vec<Metadata>) {
        let rate = Rate::new(30000, 1001);
        let axes = vec![Axis::time(4, rate), Axis::space(4), Axis::space(4), Axis::other(2)];
        let description = Description { axes, channels: 1, format: SampleFormat::F32 };
        let axis = |name, unit, positions| AxisCoordinates { label: Label::new(name, unit), positions };
        let uniform = |spacing| Positions::Uniform { origin: 3.0, spacing };
        let coordinates = Coordinates {
            axes: vec![
                axis("t", "h", uniform(7.0)),
                axis("", "mm", uniform(0.5)),
                axis("lat", "", uniform(-2.0)),
                axis("u", "nm", Positions::Listed(vec![1.0, 2.0])),
            ],
            channels: vec![Label::default()],
        };
        let metadata = coordinates.to_metadata(&description).into_iter().collect();
        (description, metadata)
    }

    #[test]
    fn steps_are_those_of_the_rate_and_of_uniform_coordinates() {
        let (description, metadata) = example();
        let steps = Steps::of(&description, &metadata, &[0, 1, 2]).unwrap();
        let found: Vec<_> = steps.axes().iter().flatten().map(|s| (s.length, s.unit.as_str())).collect();
        assert_eq!(found, [(1001.0 / 30000.0, "s"), (0.5, "mm"), (-2.0, "")]);
        assert_eq!(steps.axes()[3], None);
    }

    #[test]
    fn an_axis_without_a_step_is_named() {
        let (description, metadata) = example();
        let why = |metadata: &[Metadata], axes: &[usize]| {
            Steps::of(&description, metadata, axes).unwrap_err().to_string()
        };
        let listed = why(&metadata, &[1, 3]);
        assert!(listed.contains("axis u, which has listed coordinates"), "{listed}");
        let none = why(&[], &[0, 2]);
        assert!(none.contains("axis y, which has no spacing"), "{none}");
        let mut coordinates = Coordinates::of(&metadata, &description).unwrap();
        coordinates.axes[2].positions = Positions::None;
        let named = why(&[coordinates.to_metadata(&description).unwrap()], &[2]);
        assert!(named.contains("axis y (lat), which has no spacing"), "{named}");
    }

    #[test]
    fn each_derivative_is_divided_by_the_steps_of_its_axes() {
        let step = |length| Some(Step { length, unit: String::new() });
        let steps = Steps { axes: vec![step(0.5), step(-2.0)] };
        let mut hessian = [9.0, 1.0, 2.0, 3.0, 4.0, 8.0];
        steps.divide(6, &mut hessian);
        assert_eq!(hessian, [9.0, 2.0, -1.0, 12.0, -4.0, 2.0]);
        let mut gradients = [9.0, 1.0, 2.0, 7.0, f32::MAX, 0.0];
        steps.divide(3, &mut gradients);
        assert_eq!(gradients, [9.0, 2.0, -1.0, 7.0, f32::MAX, 0.0]);
        let tiny = Steps { axes: vec![step(1e-300)] };
        let mut jet = [0.0, 0.0, 0.0];
        tiny.divide(3, &mut jet);
        assert_eq!(jet, [0.0; 3]);
    }
}
