//! Delays of an animation → a constant rate.

use crate::error::{Error, Result};
use crate::signal::Rate;

/// The most frames of a constant rate for each frame of the animation.
const MOST_PER_FRAME: u64 = 4;
/// Ticks per second where delays have no small common denominator.
const MICROSECONDS: u64 = 1_000_000;
/// The delay, in milliseconds, of a frame that states none: as in browsers.
const UNSTATED: (u32, u32) = (100, 1);

/// A constant rate, and how often each frame of the animation is shown at it.
#[derive(Debug, PartialEq)]
pub(super) struct Timing {
    pub rate: Rate,
    pub repeats: Vec<u64>,
    /// What was assumed or resampled.
    pub notes: Vec<String>,
}

impl Timing {
    /// Each of `count` frames once.
    pub fn constant(rate: Rate, count: usize) -> Self {
        Timing { rate, repeats: vec![1; count], notes: vec![] }
    }

    /// The timing of frames that are shown for the given fractions of a millisecond, which the format rounds to
    /// `resolution` milliseconds.
    ///
    /// Delays that are equal but for their rounding give their mean rate. Others give the rate of their greatest
    /// common divisor, of the shortest, or of a quarter of the mean delay: the first that has at most four
    /// frames for one.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if there is no rate for the delays.
    pub fn of(what: &'static str, delays: &[(u32, u32)], resolution: u64) -> Result<Self> {
        let mut notes = vec![];
        let is_stated = |&&(delay, unit): &&(u32, u32)| delay > 0 && unit > 0;
        let unstated = delays.len() - delays.iter().filter(is_stated).count();
        if unstated > 0 {
            notes.push(format!("{unstated} of its frames state no delay, 0.1 s is assumed"));
        }
        let stated = delays.iter().map(|delay| if is_stated(&delay) { *delay } else { UNSTATED });
        let stated: Vec<_> = stated.collect();
        let per_second = ticks_per_second(&stated);
        let ticks =
            |&(delay, unit): &(u32, u32)| (u64::from(delay) * per_second / (1000 * u64::from(unit))).max(1);
        let ticks: Vec<u64> = stated.iter().map(ticks).collect();
        let (count, total) = (ticks.len() as u64, ticks.iter().sum::<u64>());
        let [shortest, longest] =
            [ticks.iter().min(), ticks.iter().max()].map(|ticks| ticks.copied().unwrap_or(1));
        let range = [shortest, longest].map(|ticks| 1000.0 * ticks as f64 / per_second as f64);
        let no_rate = || Error::unsupported(what, "delays without a common rate");
        // Writers guess the delay of the last frame, after which nothing begins.
        let begun = &ticks[..ticks.len() - usize::from(ticks.len() > 2)];
        if 1000 * (longest - shortest) <= resolution * per_second && is_even(begun, resolution * per_second) {
            let numerator = per_second.saturating_mul(begun.len() as u64);
            let rate = ratio(numerator, begun.iter().sum()).ok_or_else(no_rate)?;
            if shortest != longest {
                let [from, to] = range;
                notes.push(format!(
                    "its delays of {from:.0} to {to:.0} ms are read as {rate} frames per second, rounded"
                ));
            }
            return Ok(Timing { notes, ..Timing::constant(rate, ticks.len()) });
        }
        let most = MOST_PER_FRAME * count;
        let common = ticks.iter().copied().fold(0, gcd).max(1);
        let step = [common, shortest].into_iter().find(|step| total.div_ceil(*step) <= most);
        let step = step.unwrap_or_else(|| total.div_ceil(most)).max(1);
        let rate = ratio(per_second, step).ok_or_else(no_rate)?;
        let repeats = repeats(&ticks, step);
        let (sum, [from, to]) = (repeats.iter().sum::<u64>(), range);
        notes.push(format!(
            "its delays of {from:.0} to {to:.0} ms are resampled to {rate} frames per second: {sum} instead of {count} frames"
        ));
        Ok(Timing { rate, repeats, notes })
    }
}

/// Whether every frame ends where it would with equal delays, within a `resolution` of thousandths of ticks.
fn is_even(ticks: &[u64], resolution: u64) -> bool {
    let (count, total) = (ticks.len() as u128, ticks.iter().map(|&ticks| u128::from(ticks)).sum::<u128>());
    let mut end = 0u128;
    ticks.iter().zip(1..).all(|(&ticks, number)| {
        end += u128::from(ticks);
        1000 * (end * count).abs_diff(number * total) <= u128::from(resolution) * count
    })
}

/// How often each frame is shown, if one is shown at each multiple of `step` ticks.
fn repeats(ticks: &[u64], step: u64) -> Vec<u64> {
    let mut at = 0u64;
    let shown = |ticks: &u64| {
        let first = at.div_ceil(step);
        at += ticks;
        at.div_ceil(step) - first
    };
    ticks.iter().map(shown).collect()
}

/// A rate as a fraction; `None` if its numbers are too large.
fn ratio(numerator: u64, denominator: u64) -> Option<Rate> {
    let divisor = gcd(numerator, denominator).max(1);
    let part = |number: u64| u32::try_from(number / divisor).ok();
    Rate::new(part(numerator)?, part(denominator)?)
}

/// Ticks per second of which every delay has a whole number, or microseconds where these would be too many.
fn ticks_per_second(delays: &[(u32, u32)]) -> u64 {
    let mut units = 1u64;
    for &(delay, unit) in delays {
        // The delay in seconds, in lowest terms.
        let unit = 1000 * u64::from(unit);
        let unit = unit / gcd(u64::from(delay), unit);
        units = units / gcd(units, unit) * unit;
        if units > MICROSECONDS {
            return MICROSECONDS;
        }
    }
    units
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: &[u32]) -> (String, Vec<u64>, usize) {
        let delays: Vec<_> = milliseconds.iter().map(|&delay| (delay, 1)).collect();
        let timing = Timing::of("GIF", &delays, 10).unwrap();
        (timing.rate.to_string(), timing.repeats, timing.notes.len())
    }

    #[test]
    fn equal_delays_are_the_rate() {
        assert_eq!(of(&[40, 40, 40]), ("25".into(), vec![1, 1, 1], 0));
        assert_eq!(of(&[70, 70]), ("100/7".into(), vec![1, 1], 0));
        let ntsc = Timing::of("PNG", &[(1_001_000, 30_000); 2], 0).unwrap();
        assert_eq!((ntsc.rate, ntsc.notes.len()), (Rate::new(30_000, 1001).unwrap(), 0));
        assert_eq!(of(&[0, 100]), ("10".into(), vec![1, 1], 1));
    }

    #[test]
    fn rounded_delays_are_equal() {
        assert_eq!(of(&[30, 40, 30, 30]), ("30".into(), vec![1; 4], 1));
        assert_eq!(of(&[30, 40, 30, 30, 40, 30, 30, 40, 40]), ("800/27".into(), vec![1; 9], 1));
        assert_eq!(of(&[30, 60, 30]).1, [1, 2, 1]);
    }

    #[test]
    fn unequal_delays_are_resampled_to_few_frames() {
        assert_eq!(of(&[40, 80, 120]), ("25".into(), vec![1, 2, 3], 1));
        // A common divisor of 10 ms would give 27 frames for 3.
        assert_eq!(of(&[60, 110, 100]), ("50/3".into(), vec![1, 2, 2], 1));
        let (rate, repeats, _) = of(&[10, 1000, 10]);
        assert_eq!((rate.as_str(), repeats.iter().sum::<u64>()), ("100/9", 12));
        let timing = Timing::of("PNG", &[(1000, 999), (1000, 998), (1000, 997)], 0).unwrap();
        assert_eq!(timing.repeats.iter().sum::<u64>(), 4);
    }
}
