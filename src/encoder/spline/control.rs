//! Finds λ while a field is trained: the trade of squared error for bits that meets a target.

use crate::encoder::tuning::SPLINE_FAR_OFF;
use crate::field::spline::Shape;
use crate::fit::SplineLoss;

/// What a training aims at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Aim {
    /// Nothing but the λ that it begins with.
    Lambda,
    /// So many bits of latents and parameters.
    Bits(f64),
    /// A squared error, the mean over the channels, summed over positions.
    Error(f64),
}

/// The share of the training, and at least the iterations, after which λ follows the loss of rounded latents.
pub(super) const FROM: f64 = 0.12;
pub(super) const FROM_STEP: usize = 40;
/// How far λ moves when it begins to follow, for a loss that is off by a factor of e, natural logarithms.
const JUMP: f64 = 1.6;
/// The most that it moves then, natural logarithms.
const FARTHEST: f64 = 2.0;
/// How far λ moves from then on, twice the mean over a whole training: less and less, as latents get used to it.
/// The loss follows λ late, so a faster control would overshoot: latents that fell to 0 hardly come back.
const GAIN: f64 = 14.0;
/// The most that λ moves at once after the jump.
const MOST: f64 = 0.3;
/// Rounds in which a rate is found that depends on itself.
const FOR_RATE: usize = 4;
/// By what power of λ bits fall and errors rise, roughly, in one correction of a trained field.
const EXPONENT: f64 = 0.3;
/// The most by which one correction changes λ.
const MOST_FACTOR: f64 = 4.0;
/// The least factor of λ for a file that was too large.
const LEAST: f64 = 1.15;

/// Bits of rounded latents at a share `f` of a training relative to those at its end, for the same λ and about
/// `rate` bits per position: many are found to be dispensable later, at low rates above all.
fn bits_at(f: f64, rate: f64) -> f64 {
    1.0 + (0.3 / rate.sqrt() - 0.1).clamp(0.0, 1.0) * (1.0 - f).powi(2)
}

/// Likewise the squared error.
fn error_at(f: f64) -> f64 {
    1.0 + 1.6 * (1.0 - f).powi(4)
}

/// Bits of a parameter for a λ of [`USUAL_LAMBDA`] where there are usual ones and where there are none, and of
/// those for ten times as much, fewer (kodim15 at 0.15 and 0.6 bits, text, screenshot).
const PARAMETER: [f64; 2] = [5.9, 9.9];
const PER_DECADE: f64 = 1.33;
/// The least bits of a parameter.
const LEAST_PARAMETER: f64 = 0.4;
/// λ per position.
const USUAL_LAMBDA: f64 = 1.1e-8;

/// λ and what it should lead to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Control {
    aim: Aim,
    pub lambda: f64,
    positions: f64,
    /// The number of parameters, and bits of each for the usual λ.
    parameters: [f64; 2],
    /// The share of the positions whose loss is observed.
    share: f64,
    /// λ of the last file, and its bits or error.
    last: Option<(f64, f64)>,
}

impl Control {
    /// A control of the training of a field of `shape` that begins with `lambda`.
    pub fn new(aim: Aim, lambda: f64, positions: f64, shape: &Shape) -> Self {
        let parameters = [shape.parameters() as f64, PARAMETER[usize::from(!shape.has_usual())]];
        Control { aim, lambda, positions, parameters, share: 1.0, last: None }
    }

    /// The control of a training that observes the loss of a part of the positions alone, a `share` of them.
    pub fn of_part(self, share: f64) -> Self {
        Control { share, ..self }
    }

    /// Whether λ follows the loss.
    pub fn aims(&self) -> bool {
        self.aim != Aim::Lambda
    }

    /// How far a loss is from the aim, as the natural logarithm of the factor by which λ should grow.
    fn off(&self, bits: f64, error: f64) -> f64 {
        match self.aim {
            Aim::Lambda => 0.0,
            Aim::Bits(wanted) => (bits / wanted).ln(),
            Aim::Error(wanted) => (wanted / error).ln(),
        }
    }

    /// Bits of the parameters, roughly: the larger the signal is and the smaller λ, the finer their steps.
    fn parameter_bits(&self) -> f64 {
        let decades = (USUAL_LAMBDA * self.positions / self.lambda).log10();
        let [parameters, bits] = self.parameters;
        parameters * (bits + PER_DECADE * decades).max(LEAST_PARAMETER)
    }

    /// How far off the loss will be at the end, from that of rounded latents at a share `f` of the training.
    fn foreseen(&self, f: f64, loss: &SplineLoss) -> f64 {
        let (bits, error) = (loss.total_bits() / self.share, loss.squared_error / self.share);
        let mut latents = bits.max(1.0);
        for _ in 0..FOR_RATE {
            latents = bits.max(1.0) / bits_at(f, latents / self.positions);
        }
        self.off(latents + self.parameter_bits(), error.max(1e-12) / error_at(f))
    }

    /// Moves λ to where the loss of rounded latents, early in the training, says that it should be; returns
    /// whether it was so far off that the training should begin again.
    pub fn jump(&mut self, f: f64, loss: &SplineLoss) -> bool {
        // An error may be large because the training is young, whatever λ is.
        let farthest_down = if matches!(self.aim, Aim::Error(_)) { SPLINE_FAR_OFF } else { FARTHEST };
        let far = (JUMP * self.foreseen(f, loss)).clamp(-farthest_down, FARTHEST);
        self.lambda *= far.exp();
        far.abs() > SPLINE_FAR_OFF
    }

    /// Follows the loss of rounded latents at a share `f` of the training, measured this often in all.
    pub fn follow(&mut self, f: f64, loss: &SplineLoss, times: usize) {
        let step = GAIN * (1.0 - f) / times as f64 * self.foreseen(f, loss);
        self.lambda *= step.clamp(-MOST, MOST).exp();
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
        let last = self.last.replace((lambda, found));
        // By what power of λ it changed from the last file to this one, if that is plausible.
        let exponent = last.map_or(0.0, |(before, was)| sign * (found / was).ln() / (lambda / before).ln());
        let exponent = if exponent > 0.0 { exponent.clamp(0.12, 1.0) } else { usual.abs() };
        let least = if too_large { LEAST } else { 1.0 / MOST_FACTOR };
        self.lambda *= (wanted / found).powf(sign / exponent).clamp(least, MOST_FACTOR);
        // Between two files of which one has too much and the other too little.
        if let Some((before, was)) = last
            && (was < wanted) != (found < wanted)
            && (self.lambda < before) == (self.lambda < lambda)
        {
            self.lambda = (lambda * before).sqrt();
        }
    }
}
