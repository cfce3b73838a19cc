//! Flags that choose a derivative, and the names of its axes and channels.

use super::failure::{Exit, Failure};
use super::{report, values};
use clap::ValueEnum;
use sirenc::signal::{Description, Kind, Steps, axis_letters};
use sirenc::{Decoder, Derivative};

/// Flags that choose what is rendered.
#[derive(Debug, clap::Args)]
pub struct DerivativeArgs {
    /// Render a derivative of the signal, exact, in its units per native sample, or see --per
    ///
    /// Integer samples are scaled to 0..1 (pictures) or −1..1 (sound). gradient: all first derivatives;
    /// hessian: the second derivatives xx, xy, yy; laplacian: xx + yy; magnitude: the length of the gradient;
    /// normals: those of the picture seen as a height field (x to the right, y down, z towards the viewer).
    /// divergence, curl: of 2 or 3 channels that are the components of a vector along the first axes of space,
    /// in their order; curl has 1 or 3 components.
    #[arg(long, value_name = "WHAT", default_value = "value", hide_default_value = true)]
    #[arg(help_heading = HEADING)]
    derivative: Quantity,
    /// For normals: height of the value 1, in native pixels [default: 1]
    #[arg(long, value_name = "PIXELS", value_parser = values::positive, help_heading = HEADING)]
    height: Option<f64>,
    /// What the derivative is per: native sample, or unit of the axes
    #[arg(long, value_name = "WHAT", default_value = "sample", hide_default_value = true, help_heading = HEADING)]
    per: Per,
}

/// What a derivative is per.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Per {
    /// Native sample, the default
    Sample,
    /// Unit of the coordinates of each axis, which must have a uniform spacing; second along time at a known rate
    Unit,
}

pub const HEADING: &str = "Derivatives";

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Quantity {
    Value,
    Gradient,
    Dx,
    Dy,
    Dz,
    Dt,
    Laplacian,
    Hessian,
    Magnitude,
    Normals,
    Divergence,
    Curl,
}

impl DerivativeArgs {
    /// The chosen derivative, if the signal has it; `None` is the signal itself.
    pub fn of(&self, name: &str, description: &Description) -> Result<Option<Derivative>, Failure> {
        if self.height.is_some() && self.derivative != Quantity::Normals {
            return Err(Failure::usage("--height is only for --derivative normals"));
        }
        if self.per == Per::Unit && self.derivative == Quantity::Value {
            return Err(Failure::usage("--per unit is only for --derivative"));
        }
        let by = |axis: &str| {
            let axes = axis_names(description);
            axes.iter().position(|name| *name == axis).map(Derivative::Partial).ok_or_else(|| {
                let kind = report::kind(description);
                let found = format!("d{axis} of a {kind}, which has the axes {}", axes.join(" and "));
                Failure::new(Exit::Usage, name, found.replace("axes t", "axis t"))
            })
        };
        let derivative = match self.derivative {
            Quantity::Value => return Ok(None),
            Quantity::Gradient => Derivative::Gradient,
            Quantity::Dx => by("x")?,
            Quantity::Dy => by("y")?,
            Quantity::Dz => by("z")?,
            Quantity::Dt => by("t")?,
            Quantity::Laplacian => Derivative::Laplacian,
            Quantity::Hessian => Derivative::Hessian,
            Quantity::Magnitude => Derivative::Magnitude,
            Quantity::Divergence => Derivative::Divergence,
            Quantity::Curl => Derivative::Curl,
            Quantity::Normals => Derivative::Normals { height: self.height.unwrap_or(1.0) as f32 },
        };
        derivative.check(description).map_err(|error| Failure::work(name, error))?;
        Ok(Some(derivative))
    }
    /// The steps that the chosen derivative is divided by; `None` if it is per native sample.
    pub fn steps(
        &self,
        name: &str,
        decoder: &Decoder,
        derivative: Option<Derivative>,
    ) -> Result<Option<Steps>, Failure> {
        let derivative = derivative.filter(|_| self.per == Per::Unit);
        let steps = derivative.map(|derivative| decoder.steps(derivative)).transpose();
        steps.map_err(|error| Failure::work(name, error))
    }
    /// The name of the chosen quantity.
    pub fn word(&self) -> String {
        self.derivative.to_possible_value().map_or_else(String::new, |value| value.get_name().into())
    }
}

/// The names of the axes of a signal, the fastest axis first: `x, y, z` of space, `t` of time, and `u, v, w` of
/// anything else; of several axes of one name the later ones are numbered, `t2`.
pub fn axis_names(description: &Description) -> Vec<String> {
    axis_letters(description.axes.iter().map(|axis| axis.measure))
}

/// What the numbers of a derivative are: `values per native sample`, or per units of the axes in `steps`.
pub fn meaning(derivative: Derivative, steps: Option<&Steps>, description: &Description) -> String {
    let second = matches!(derivative, Derivative::Laplacian | Derivative::Hessian);
    let Some(steps) = steps else {
        return match derivative {
            Derivative::Normals { .. } => "components of a unit vector".into(),
            Derivative::Laplacian => "values per native sample squared".into(),
            _ => "values per native sample".into(),
        };
    };
    let named = axis_names(description).into_iter().zip(steps.axes());
    let word = |unit: &str| if unit.is_empty() { "unit".to_string() } else { unit.to_string() };
    let mut units: Vec<(String, Vec<String>)> = vec![];
    for (axis, unit) in named.filter_map(|(axis, step)| Some((axis, word(&step.as_ref()?.unit)))) {
        match units.iter_mut().find(|(known, _)| *known == unit) {
            Some((_, axes)) => axes.push(axis),
            None => units.push((unit, vec![axis])),
        }
    }
    match &units[..] {
        [(unit, _)] if second => format!("values per {unit} squared"),
        [(unit, _)] => format!("values per {unit}"),
        _ => {
            let along = |(unit, axes): &(String, Vec<String>)| format!("{unit} along {}", axes.join(" and "));
            let along: Vec<String> = units.iter().map(along).collect();
            let per = if second { "by two axes, per " } else { "per " };
            format!("values {per}{}", along.join(", per "))
        }
    }
}

/// The names of the channels: grey and mono are `v`, alpha is `a`.
pub fn channel_names(description: &Description) -> Vec<String> {
    let names: &[&str] = match (description.kind(), description.channels) {
        (_, 1) => &["v"],
        (Kind::Picture, 2) => &["v", "a"],
        (Kind::Picture, _) => &["r", "g", "b", "a"],
        (_, channels) => return (0..channels).map(|c| format!("c{c}")).collect(),
    };
    names.iter().take(description.channels.into()).map(|name| name.to_string()).collect()
}

/// The names of the columns of a derivative, in the order of its values.
pub fn column_names(derivative: Derivative, description: &Description) -> Vec<String> {
    let axes = axis_names(description);
    let of_channel = |c: &str| -> Vec<String> {
        match derivative {
            Derivative::Gradient => axes.iter().map(|axis| format!("d{c}_d{axis}")).collect(),
            Derivative::Partial(axis) => vec![format!("d{c}_d{}", axes[axis])],
            Derivative::Laplacian => vec![format!("laplacian_{c}")],
            Derivative::Magnitude => vec![format!("magnitude_{c}")],
            _ => {
                let second = |i: usize, j: usize| match i == j {
                    true => format!("d2{c}_d{}2", axes[i]),
                    false => format!("d2{c}_d{}d{}", axes[i], axes[j]),
                };
                (0..axes.len()).flat_map(|i| (i..axes.len()).map(move |j| second(i, j))).collect()
            }
        }
    };
    match derivative {
        Derivative::Normals { .. } => ["nx", "ny", "nz"].map(String::from).into(),
        Derivative::Divergence => vec!["divergence".into()],
        Derivative::Curl if description.channels == 2 => vec!["curl".into()],
        Derivative::Curl => ["x", "y", "z"].map(|axis| format!("curl_{axis}")).into(),
        _ => channel_names(description).iter().flat_map(|c| of_channel(c)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sirenc::signal::SampleFormat;

    #[test]
    fn columns_are_named_by_channel_and_axis() {
        let grey = Description::picture([2, 2], 1, SampleFormat::U8);
        let stereo = Description::sound(9, 2, SampleFormat::I16, 8000);
        assert_eq!(column_names(Derivative::Gradient, &grey), ["dv_dx", "dv_dy"]);
        assert_eq!(column_names(Derivative::Hessian, &grey), ["d2v_dx2", "d2v_dxdy", "d2v_dy2"]);
        assert_eq!(column_names(Derivative::Partial(0), &stereo), ["dc0_dt", "dc1_dt"]);
        assert_eq!(column_names(Derivative::Normals { height: 1.0 }, &grey), ["nx", "ny", "nz"]);
        let rgba = Description { channels: 4, ..grey };
        assert_eq!(column_names(Derivative::Laplacian, &rgba)[3], "laplacian_a");
        assert_eq!(column_names(Derivative::Divergence, &stereo), ["divergence"]);
        assert_eq!(column_names(Derivative::Curl, &stereo), ["curl"]);
        assert_eq!(
            column_names(Derivative::Curl, &Description { channels: 3, ..stereo }),
            ["curl_x", "curl_y", "curl_z"]
        );
    }
}
