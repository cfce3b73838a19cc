//! A derivative per native sample, or per unit of the axes.

use super::Derivative;
use crate::error::{Error, Result};
use crate::network::Jet;
use crate::signal::{Description, Steps};

/// A derivative and the steps that it is divided by, if any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Differential<'a> {
    pub derivative: Derivative,
    pub steps: Option<&'a Steps>,
}

impl Differential<'_> {
    /// The steps of `derivative` in a signal of `description`; see [`Steps::of`].
    ///
    /// # Errors
    /// `Parameter` if the signal has no such derivative, or an axis has no step.
    pub fn steps(
        derivative: Derivative,
        description: &Description,
        of: impl FnOnce(&[usize]) -> Result<Steps>,
    ) -> Result<Steps> {
        derivative.check(description)?;
        check_has_units(derivative)?;
        let steps = of(&derivative.axes(description))?;
        Differential { derivative, steps: Some(&steps) }.check(description)?;
        Ok(steps)
    }

    /// The jet from which it is computed.
    pub fn jet(self, description: &Description) -> Jet {
        match self.derivative.jet(description) {
            // Each second derivative is divided by the steps of its own axis.
            Jet::Laplacian if self.steps.is_some() => Jet::Hessian,
            jet => jet,
        }
    }

    /// Checks that a signal of `description` has this derivative in these steps.
    pub fn check(self, description: &Description) -> Result<()> {
        self.derivative.check(description)?;
        let Some(steps) = self.steps else { return Ok(()) };
        check_has_units(self.derivative)?;
        let refuse = |detail: String| Err(Error::parameter("derivative", detail));
        if steps.axes().len() != description.axes.len() {
            let (found, axes) = (steps.axes().len(), description.axes.len());
            return refuse(format!("steps of {found} axes, expected {axes}"));
        }
        let mut units = vec![];
        for axis in self.derivative.axes(description) {
            match &steps.axes()[axis] {
                Some(step) => units.push(step.unit.as_str()),
                None => {
                    return refuse(format!("no step along axis {axis}, expected those of the derivative"));
                }
            }
        }
        let mixed = units.iter().any(|unit| *unit != units[0]);
        if self.derivative.adds_axes() && mixed {
            let derivative = self.derivative;
            return refuse(format!(
                "{derivative:?} per unit along axes in {units:?}, expected one unit for all"
            ));
        }
        Ok(())
    }

    /// The derivative at positions of a signal of `description`, whose jets follow each other in `jets`.
    ///
    /// # Errors
    /// `Io` if the system has not enough memory.
    pub fn of(self, description: &Description, mut jets: Vec<f32>) -> Result<Vec<f32>> {
        let jet = self.jet(description);
        if let Some(steps) = self.steps {
            steps.divide(jet.components(description.axes.len()), &mut jets);
        }
        self.derivative.of(description, jet, &jets)
    }
}

/// Rejects a derivative that cannot be per unit.
fn check_has_units(derivative: Derivative) -> Result<()> {
    match derivative {
        Derivative::Normals { .. } => {
            let detail = "normals per unit, expected normals per sample, whose height is in samples";
            Err(Error::parameter("derivative", detail))
        }
        _ => Ok(()),
    }
}
