//! Finds λ while a field is trained: the trade of squared error for bits that meets a target.

use crate::fit::SplineLoss;

/// What a training aims at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Aim {
    /// Nothing but the λ that it begins with.
    Lambda,
    /// So many bits of latents.
    Bits(f64),
    /// A squared error, the mean over the channels, summed over positions.
    Error(f64),
}

/// The share of the training after which λ follows the loss.
const FROM: f64 = 0.12;
/// How far λ moves once, when it begins to follow, for a loss that is off by a factor of e, natural logarithms.
const JUMP: f64 = 1.8;
/// How far λ moves from then on in a whole training. The loss follows λ late, so a faster control would
/// overshoot: latents that fell to 0 hardly come back.
const GAIN: f64 = 9.0;
/// The most that λ moves in one iteration after the jump.
const MOST: f64 = 0.05;
/// By what power of λ bits fall and errors rise, roughly, in one correction of a trained field.
const EXPONENT: f64 = 0.3;
/// The most by which one correction changes λ.
const MOST_FACTOR: f64 = 4.0;
/// The least factor of λ for a file that was too large.
const LEAST: f64 = 1.15;

/// Bits at a share `f` of a training relative to those at its end, for the same λ and about `rate` bits per
/// position: of few bits more are found to be dispensable later (kodim03, 07 and 15 at 0.1 to 0.6 bits).
fn bits_at(f: f64, rate: f64) -> f64 {
    1.0 + (0.17 * rate.powf(-1.15)).clamp(0.2, 3.0) * (1.0 - f).powi(2)
}

/// Likewise the squared error.
fn error_at(f: f64) -> f64 {
    1.0 + 1.5 * (1.0 - f).powi(4)
}

/// λ and what it should lead to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Control {
    aim: Aim,
    pub lambda: f64,
    steps: f64,
    positions: f64,
    follows: bool,
    /// λ of the last file, and its bits or error.
    last: Option<(f64, f64)>,
}

impl Control {
    /// A control of a training of `steps` iterations that begins with `lambda`.
    pub fn new(aim: Aim, lambda: f64, steps: usize, positions: f64) -> Self {
        Control { aim, lambda, steps: steps as f64, positions, follows: false, last: None }
    }

    /// This control for a training of another length.
    pub fn of_steps(self, steps: usize) -> Self {
        Control { steps: steps as f64, ..self }
    }

    /// How far a loss is from the aim, as the natural logarithm of the factor by which λ should grow.
    fn off(&self, bits: f64, error: f64) -> f64 {
        match self.aim {
            Aim::Lambda => 0.0,
            Aim::Bits(wanted) => (bits / wanted).ln(),
            Aim::Error(wanted) => (wanted / error).ln(),
        }
    }

    /// Bits per position that are aimed at.
    fn rate(&self) -> f64 {
        match self.aim {
            Aim::Bits(bits) => bits / self.positions,
            _ => 1.0,
        }
    }

    /// Follows the loss at a share `f` of the training.
    pub fn follow(&mut self, f: f64, loss: &SplineLoss) {
        if f >= FROM {
            let gain = if self.follows { (GAIN / self.steps, MOST) } else { (JUMP, f64::INFINITY) };
            self.follows = true;
            let bits = loss.total_bits().max(1.0) / bits_at(f, self.rate());
            let off = self.off(bits, loss.squared_error.max(1e-12) / error_at(f));
            self.lambda *= (gain.0 * off).clamp(-gain.1, gain.1).exp();
        }
    }

    /// Corrects λ for a trained field whose bits or error turned out to be `found` instead of `wanted`. Where a
    /// file was too large, λ grows by at least [`LEAST`]: trained on for the same λ, a field takes more bits.
    pub fn correct(&mut self, found: f64, wanted: f64, too_large: bool) {
        let usual = match self.aim {
            Aim::Lambda => return,
            Aim::Bits(_) => -EXPONENT,
            Aim::Error(_) => EXPONENT,
        };
        let (lambda, sign) = (self.lambda, usual.signum());
        // By what power of λ it changed from the last file to this one, if that is plausible.
        let exponent = match self.last {
            Some((before, was)) => sign * (found / was).ln() / (lambda / before).ln(),
            None => usual.abs(),
        };
        let exponent = if exponent.is_finite() { exponent.clamp(0.12, 1.0) } else { usual.abs() };
        self.last = Some((lambda, found));
        let least = if too_large { LEAST } else { 1.0 / MOST_FACTOR };
        let factor = (wanted / found).powf(sign / exponent);
        self.lambda *= factor.clamp(least, MOST_FACTOR);
    }
}
