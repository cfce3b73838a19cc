//! Parses the values of flags: numbers with units, and error messages that state the expected form.

use clap::builder::{PossibleValue, TypedValueParser};
use sirenc::Device;
use sirenc::media;
use sirenc::signal::Rate;
use std::ffi::OsStr;
use std::fmt::Display;
use std::num::NonZeroU16;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// A parser that lists its values, or the most common ones, for help and completions.
#[derive(Clone)]
pub struct Listed<P> {
    names: Vec<&'static str>,
    parse: P,
}

/// A parser that lists `names`; `parse` may accept more.
pub fn listed<P>(names: impl IntoIterator<Item = &'static str>, parse: P) -> Listed<P> {
    Listed { names: names.into_iter().collect(), parse }
}

impl<P: TypedValueParser> TypedValueParser for Listed<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        self.parse.parse_ref(command, arg, value)
    }
    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.names.iter().map(PossibleValue::new)))
    }
}

/// A parser of whole numbers within `range`.
pub fn whole<T>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| match text.parse() {
        Ok(value) if range.contains(&value) => Ok(value),
        _ => Err(format!("a whole number from {} to {} was expected", range.start(), range.end())),
    }
}

/// Parses a rate in hertz: a whole number or a fraction.
pub fn rate(text: &str) -> Result<Rate, String> {
    const MOST: u32 = (1 << 31) - 1;
    let number = |text: &str| text.parse().ok().filter(|n| (1..=MOST).contains(n));
    let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
    let rate = number(numerator).zip(number(denominator)).and_then(|(n, d)| Rate::new(n, d));
    rate.ok_or_else(|| format!("a whole number from 1 to {MOST} or a fraction as in 30000/1001 was expected"))
}

/// Parses a number of threads.
pub fn threads(text: &str) -> Result<NonZeroU16, String> {
    whole(NonZeroU16::MIN..=NonZeroU16::MAX)(text)
}

/// Parses a positive finite number.
pub fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("a positive number was expected".into()),
    }
}

/// Parses a fraction, 0.01 or 1%, above 0 and at most 1.
pub fn fraction(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number.trim_end(), 100.0),
        None => (text, 1.0),
    };
    let fraction = number.parse::<f64>().ok().map(|number| number / unit);
    let fraction = fraction.filter(|&fraction| fraction > 0.0 && fraction <= 1.0);
    fraction.ok_or_else(|| "a fraction above 0 and at most 1 was expected, as in 0.01 or 1%".into())
}

/// Parses a quality, 0 to 100.
pub fn quality(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=100.0).contains(&value) => Ok(value),
        _ => Err("a number from 0 to 100 was expected".into()),
    }
}

/// Parses a weight, 0 to 1000.
pub fn weight(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1000.0).contains(&value) => Ok(value),
        _ => Err("a number from 0 to 1000 was expected".into()),
    }
}

/// Parses a duration in seconds, fractions allowed.
pub fn seconds(text: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(positive(text)?).map_err(|_| "too many seconds".into())
}

/// Parses a size in bytes: a whole number, or a number with `kB`, `MB` (powers of 1000), `KiB` or `MiB`
/// (powers of 1024).
pub fn bytes(text: &str) -> Result<u64, String> {
    let units =
        [("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30), ("kb", 1_000), ("mb", 1_000_000), ("b", 1)];
    scaled(text, &units).ok_or_else(|| "bytes were expected, as in 31000, 31kB or 30KiB".into())
}

/// Parses a count: a whole number, or a number with `k`, `M`, `G`, `T`, `P` (powers of 1000) or `Ki`, `Mi`,
/// `Gi`, `Ti` (powers of 1024).
pub fn count(text: &str) -> Result<u64, String> {
    let units = [
        ("ki", 1 << 10),
        ("mi", 1 << 20),
        ("gi", 1 << 30),
        ("ti", 1 << 40),
        ("k", 1_000),
        ("m", 1_000_000),
        ("g", 1_000_000_000),
        ("t", 1_000_000_000_000),
        ("p", 1_000_000_000_000_000),
    ];
    scaled(text, &units).ok_or_else(|| "a count was expected, as in 5000, 64M or 4Gi".into())
}

/// Parses a number followed by one of `units` in either case; the first unit that matches is used, and the
/// result must be at least 1.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let unit = units.iter().find_map(|&(unit, scale)| Some((text.strip_suffix(unit)?, scale)));
    let (number, scale) = unit.unwrap_or((&text, 1));
    let number = number.trim_end();
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(scale).filter(|&value| value > 0);
    }
    let value = number.parse::<f64>().ok()? * scale as f64;
    let whole = scale > 1 && value.is_finite() && value >= 1.0 && value < 2f64.powi(63);
    whole.then_some(value as u64)
}

/// Parses `WxH` or `WxHxD`, up to four numbers of at least 1.
pub fn size(text: &str) -> Result<Box<[u32]>, String> {
    let numbers = text.split(['x', 'X', '×']).map(|number| number.trim().parse().ok().filter(|&n| n > 0));
    let numbers: Option<Box<[u32]>> = numbers.collect();
    let size = numbers.filter(|numbers| numbers.len() <= 4);
    size.ok_or_else(|| "width and height in pixels were expected, as in 1920x1080".into())
}

/// Parses a region, `X,Y,W,H` or of any number of axes: the first edges, at least 0, and then as many lengths above 0.
pub fn region(text: &str) -> Result<Box<[f64]>, String> {
    let numbers = text.split(',').map(|number| number.trim().parse::<f64>());
    let numbers = numbers.collect::<Result<Box<[f64]>, _>>().unwrap_or_default();
    let (edges, lengths) = numbers.split_at(numbers.len() / 2);
    let valid = edges.len() == lengths.len() && (1..=4).contains(&edges.len());
    let valid = valid && edges.iter().all(|&edge| edge >= 0.0) && lengths.iter().all(|&length| length > 0.0);
    let expected = "X,Y,W,H in pixels were expected, W and H above 0, as in 10,20,64,64.5";
    if valid { Ok(numbers) } else { Err(expected.into()) }
}

/// A time or an interval, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Time {
    At(f64),
    Span { from: f64, to: f64 },
}

/// Parses a time `A` or an interval `A..B`, 0 ≤ A < B.
pub fn time(text: &str) -> Result<Time, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|&time| time >= 0.0);
    let parse = || match text.split_once("..") {
        None => number(text).filter(|time| time.is_finite()).map(Time::At),
        Some((from, to)) => {
            let (from, to) = (number(from)?, number(to)?);
            (from < to).then_some(Time::Span { from, to })
        }
    };
    parse().ok_or_else(|| "A..B in seconds were expected, A before B, as in 1.5..2".into())
}

/// A place on an axis, which is named.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    pub axis: String,
    pub at: f64,
}

/// Parses `AXIS=K`, K in native samples from −½ on.
pub fn slice(text: &str) -> Result<Slice, String> {
    let parse = || {
        let (axis, at) = text.split_once('=')?;
        let at = at.trim().parse::<f64>().ok().filter(|&at| at >= -0.5 && at.is_finite())?;
        Some(Slice { axis: axis.trim().to_lowercase(), at })
    };
    parse().ok_or_else(|| "an axis and a place on it were expected, as in z=40".into())
}

/// Parses a part of a file along an axis, `AXIS=N` or `AXIS=LO..HI`.
pub fn part(text: &str) -> Result<media::Slice, String> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let parse = || {
        let (axis, part) = text.split_once('=')?;
        let part = match part.split_once("..") {
            None => media::Part::At(number(part)?),
            Some((from, to)) => media::Part::Range(number(from)?..number(to)?),
        };
        let axis = axis.trim();
        (!axis.is_empty()).then(|| media::Slice { axis: axis.into(), part })
    };
    parse().ok_or_else(|| {
        "an axis and whole numbers of its samples from 0 on were expected, as in t=3 or z=10..20".into()
    })
}

/// The values that the codes of a picture stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// The value of the highest code.
    Top(f64),
    /// The values of the lowest and of the highest code.
    Between(f64, f64),
}

/// Parses a positive number, or `LOW..HIGH`.
pub fn range(text: &str) -> Result<Range, String> {
    let parse = || {
        let Some((low, high)) = text.split_once("..") else {
            return positive(text).ok().map(Range::Top);
        };
        let [low, high] =
            [low, high].map(|number| number.trim().parse::<f64>().ok().filter(|n| n.is_finite()));
        low.zip(high).filter(|(low, high)| low < high).map(|(low, high)| Range::Between(low, high))
    };
    parse().ok_or_else(|| "LOW..HIGH was expected, as in 0..310, or a positive number".into())
}

/// A parser of devices: `auto`, `cpu`, `cuda` or `cuda:I`.
pub fn devices() -> impl TypedValueParser<Value = Device> {
    listed(["auto", "cpu", "cuda"], device)
}

fn device(text: &str) -> Result<Device, String> {
    match text.to_ascii_lowercase().as_str() {
        "auto" => Ok(Device::Auto),
        "cpu" => Ok(Device::Cpu),
        "cuda" => Ok(Device::Cuda(0)),
        other => other
            .strip_prefix("cuda:")
            .and_then(|index| index.parse().ok())
            .map(Device::Cuda)
            .ok_or_else(|| "auto, cpu, cuda or cuda:I was expected".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_decimal_and_binary_units() {
        let cases = [("1", 1), ("31000", 31_000), ("20kB", 20_000), ("20KiB", 20_480), ("1.5 kB", 1_500)];
        for (text, expected) in cases.into_iter().chain([("2MB", 2_000_000), ("2MiB", 2 << 20), ("7B", 7)]) {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "0", "-1", "1.5", "kB", "1 zB", "nan", "1e400kB", "99999999999999999999"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_have_the_prefixes_of_the_field() {
        for (text, expected) in
            [("5000", 5_000), ("64M", 64_000_000), ("4Gi", 4 << 30), ("1P", 10u64.pow(15))]
        {
            assert_eq!(count(text), Ok(expected), "{text}");
        }
        assert!(count("0").is_err() && count("-4k").is_err());
    }

    #[test]
    fn whole_numbers_say_their_range() {
        assert_eq!(whole(1..=9u8)("9"), Ok(9));
        for text in ["0", "10", "-1", "1.5", "", "300", "many"] {
            assert_eq!(whole(1..=9u8)(text), Err("a whole number from 1 to 9 was expected".into()), "{text}");
        }
        assert!(threads("0").is_err() && threads("100000").unwrap_err().contains("1 to 65535"));
    }

    #[test]
    fn fractions_may_be_percentages() {
        for (text, expected) in [("0.01", 0.01), ("1%", 0.01), ("0.5 %", 0.005), ("1", 1.0), ("100%", 1.0)] {
            assert_eq!(fraction(text), Ok(expected), "{text}");
        }
        for text in ["", "0", "-1", "1.01", "101%", "%", "1%%", "nan", "inf"] {
            assert!(fraction(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_positive_numbers() {
        assert_eq!(size("640x480").as_deref(), Ok(&[640, 480][..]));
        assert_eq!(size("4×5×6").as_deref(), Ok(&[4, 5, 6][..]));
        for text in ["", "640x", "0x4", "4x0", "-1x4", "1x2x3x4x5", "99999999999x1"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_one_or_two() {
        assert_eq!(time("1.5"), Ok(Time::At(1.5)));
        assert_eq!(time("1.5..2"), Ok(Time::Span { from: 1.5, to: 2.0 }));
        for text in ["", "-1", "inf", "2..1", "1..1", "1..2..3"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn slices_name_their_axis() {
        assert_eq!(slice("z=40"), Ok(Slice { axis: "z".into(), at: 40.0 }));
        for text in ["", "z", "z=", "z=-1", "z=nan", "40"] {
            assert!(slice(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parts_are_one_sample_or_several() {
        let of = |axis: &str, part| Ok(media::Slice { axis: axis.into(), part });
        assert_eq!(part("t=3"), of("t", media::Part::At(3)));
        assert_eq!(part(" lon = 10 .. 20"), of("lon", media::Part::Range(10..20)));
        for text in ["", "z", "z=", "=3", "z=-1", "z=1.5", "z=1..", "z=1..2..3", "3"] {
            assert!(part(text).unwrap_err().contains("as in t=3 or z=10..20"), "{text}");
        }
    }

    #[test]
    fn ranges_are_one_number_or_two() {
        assert_eq!(range("0.5"), Ok(Range::Top(0.5)));
        assert_eq!(range("-3e2..310.5"), Ok(Range::Between(-300.0, 310.5)));
        for text in ["", "0", "-1", "1..1", "2..1", "0..", "..1", "0..inf", "nan..1"] {
            assert!(range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn devices_have_an_index() {
        assert_eq!(device("cuda"), Ok(Device::Cuda(0)));
        assert_eq!(device("cuda:3"), Ok(Device::Cuda(3)));
        assert!(device("cuda:").is_err() && device("gpu").is_err());
    }
}
