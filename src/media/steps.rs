//! Steps along axes of time: from a spacing and its unit to samples per second.

use crate::signal::{Measure, Rate};

/// An axis of time whose samples are `spacing` apart, in `unit`; its rate is unknown if one of these is.
pub(super) fn time(spacing: Option<f64>, unit: &str) -> Measure {
    let step = spacing.zip(seconds(unit)).map(|(spacing, seconds)| spacing * seconds);
    Measure::Time(step.and_then(|step| rate(1.0 / step)))
}

/// The seconds of a unit of time.
fn seconds(unit: &str) -> Option<f64> {
    match unit {
        "s" | "sec" | "second" | "seconds" => Some(1.0),
        "ms" | "msec" | "millisecond" | "milliseconds" => Some(1e-3),
        "us" | "µs" | "μs" | "usec" | "microsecond" | "microseconds" => Some(1e-6),
        _ => None,
    }
}

/// The simplest rate within 10⁻⁷ of `hertz`, the precision of binary32; `None` if there is none, as for 0,
/// negative numbers and NaN.
fn rate(hertz: f64) -> Option<Rate> {
    // Rates of television are thousandths of 1001.
    let thousands = (hertz * 1.001).round();
    if (1.0..=1e6).contains(&thousands) && (thousands / 1.001 / hertz - 1.0).abs() < 1e-7 {
        return Rate::new(thousands as u32 * 1000, 1001);
    }
    // Convergents of the continued fraction: each is the nearest fraction up to its denominator.
    let (mut before, mut last) = ((0.0, 1.0), (1.0, 0.0));
    let mut rest = hertz;
    for _ in 0..32 {
        let whole = rest.floor();
        let next: (f64, f64) = (whole * last.0 + before.0, whole * last.1 + before.1);
        let within = |number: f64| (1.0..=f64::from(u32::MAX)).contains(&number);
        if within(next.0) && within(next.1) && (next.0 / next.1 / hertz - 1.0).abs() < 1e-7 {
            return Rate::new(next.0 as u32, next.1 as u32);
        }
        (before, last, rest) = (last, next, 1.0 / (rest - whole));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_simple_fractions() {
        let of = |spacing, unit| time(Some(spacing), unit);
        let expect = |n, d| Measure::Time(Rate::new(n, d));
        assert_eq!(of(0.04, "s"), expect(25, 1));
        assert_eq!(of(1001.0 / 30.0, "ms"), expect(30000, 1001));
        assert_eq!(of(0.041_708_33, "s"), expect(24000, 1001));
        assert_eq!(of(2000.0, "ms"), expect(1, 2));
        assert_eq!(of(f64::from(2.2f32), "s"), expect(5, 11));
        assert_eq!(of(1e6 / 44100.0, "us"), expect(44100, 1));
        for (spacing, unit) in
            [(0.0, "s"), (-1.0, "s"), (f64::NAN, "s"), (1e-30, "s"), (1e30, "s"), (1.0, "mm")]
        {
            assert_eq!(of(spacing, unit), Measure::Time(None), "{spacing} {unit}");
        }
        assert_eq!(time(None, "s"), Measure::Time(None));
    }
}
