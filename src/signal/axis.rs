//! The axes of a signal: what is sampled along each, and how often.

/// An axis of a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The number of samples; at least 1.
    pub length: u32,
    /// What is sampled.
    pub measure: Measure,
}

/// What is sampled along an axis. Axes of space share a scale: a step along one is as long as along another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Measure {
    /// A direction in space.
    Space,
    /// Time, in samples per second if that is known.
    Time(Option<Rate>),
    /// Anything else, such as a wavelength or the member of an ensemble.
    Other,
}

/// The letters of axes of these measures, the fastest first: `x, y, z` of space, `t` of time, and `u, v, w` of anything
/// else; of several axes of one letter the later ones are numbered, `t2`.
pub fn axis_letters(measures: impl IntoIterator<Item = Measure>) -> Vec<String> {
    let mut counts = [0usize; 3];
    let name = |measure| {
        let (kind, names) = match measure {
            Measure::Space => (0, &["x", "y", "z"][..]),
            Measure::Time(_) => (1, &["t"][..]),
            Measure::Other => (2, &["u", "v", "w"][..]),
        };
        counts[kind] += 1;
        let (number, last) = (counts[kind], names.len());
        let beyond = || format!("{}{}", names[last - 1], number - last + 1);
        names.get(number - 1).map_or_else(beyond, |name| name.to_string())
    };
    measures.into_iter().map(name).collect()
}

/// A positive number of samples per second, a fraction in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    numerator: u32,
    denominator: u32,
}

impl Axis {
    /// An axis of space of `length` samples.
    pub fn space(length: u32) -> Self {
        Axis { length, measure: Measure::Space }
    }
    /// An axis of time of `length` samples.
    pub fn time(length: u32, rate: Option<Rate>) -> Self {
        Axis { length, measure: Measure::Time(rate) }
    }
    /// An axis of neither space nor time, of `length` samples.
    pub fn other(length: u32) -> Self {
        Axis { length, measure: Measure::Other }
    }
}

impl Rate {
    /// `numerator / denominator` samples per second; `None` if one of them is 0.
    pub fn new(numerator: u32, denominator: u32) -> Option<Self> {
        let divisor = gcd(numerator, denominator);
        let rate = Rate {
            numerator: numerator.checked_div(divisor)?,
            denominator: denominator.checked_div(divisor)?,
        };
        (numerator > 0 && denominator > 0).then_some(rate)
    }
    /// The numerator in lowest terms.
    pub fn numerator(self) -> u32 {
        self.numerator
    }
    /// The denominator in lowest terms.
    pub fn denominator(self) -> u32 {
        self.denominator
    }
    /// The rate in hertz.
    pub fn hertz(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }
    /// The rate in hertz, if it is a whole number.
    pub fn whole(self) -> Option<u32> {
        (self.denominator == 1).then_some(self.numerator)
    }
}

impl std::fmt::Display for Rate {
    /// A whole number or a fraction: `44100`, `30000/1001`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.whole() {
            Some(rate) => write!(f, "{rate}"),
            None => write!(f, "{}/{}", self.numerator, self.denominator),
        }
    }
}

/// The greatest common divisor; 0 of two zeros.
fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_in_lowest_terms() {
        let rate = Rate::new(60000, 2002).unwrap();
        assert_eq!((rate.numerator(), rate.denominator(), rate.whole()), (30000, 1001, None));
        assert_eq!((rate.to_string().as_str(), rate.hertz()), ("30000/1001", 30000.0 / 1001.0));
        let rate = Rate::new(88200, 2).unwrap();
        assert_eq!((rate.to_string().as_str(), rate.whole()), ("44100", Some(44100)));
        assert_eq!([Rate::new(0, 1), Rate::new(1, 0), Rate::new(0, 0)], [None; 3]);
    }
}
