//! Formats numbers and descriptions for people and for JSON.

use serde_json::{Map, Value, json};
use sirenc::Device;
use sirenc::signal::metric::{ChannelDistortion, Distortion, WorstTile};
use sirenc::signal::{Axis, Description, Kind, Rate, SampleFormat};
use std::path::Path;
use std::time::Duration;

/// Groups digits: `31204` becomes `31 204`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

/// A large count with a prefix: `3.02 G`.
pub fn prefixed(number: u64) -> String {
    let prefixes = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")];
    let number_f = number as f64;
    match prefixes.into_iter().find(|&(scale, _)| number_f >= scale) {
        Some((scale, prefix)) => format!("{:.2} {prefix}", number_f / scale),
        None => grouped(number),
    }
}

/// A number as a user would write it, in few characters: `5`, `0.25`, `1e300`.
pub fn short(number: f64) -> String {
    let text = format!("{number:?}");
    text.strip_suffix(".0").map_or(text.clone(), String::from)
}

/// An estimated time with few digits: `4 s`, `2 min`, `1 h 20 min`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil();
    match seconds {
        s if s <= 90.0 => format!("{s:.0} s"),
        s if s < 3600.0 => format!("{:.0} min", s / 60.0),
        s if s < 360_000.0 => format!("{} h {} min", (s / 3600.0).floor(), (s % 3600.0 / 60.0).floor()),
        _ => "days".into(),
    }
}

/// The tile with the lowest PSNR: `worst tile 24.1 dB at 128,0 (64×48)`.
pub fn worst_tile(worst: &WorstTile) -> String {
    let joined = |numbers: &[u32], by: &str| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(by);
    let (start, lengths) = (joined(&worst.start, ","), joined(&worst.lengths, "×"));
    format!("worst tile {} at {start} ({lengths})", decibels(worst.psnr_db))
}

/// The worst tile as JSON: `{"psnr_db": 24.1, "region": [128, 0, 64, 48]}`, null if there is only one tile.
pub fn worst_tile_json(worst: Option<&WorstTile>) -> Value {
    worst.map_or(Value::Null, |worst| {
        let region: Vec<u32> = worst.start.iter().chain(&worst.lengths).copied().collect();
        json!({ "psnr_db": number(worst.psnr_db), "region": region })
    })
}

/// The shortest text that identifies a binary32.
pub fn short_f32(number: f32) -> String {
    let text = format!("{number:?}");
    text.strip_suffix(".0").map_or(text.clone(), String::from)
}

/// A measured number to four significant digits: `310.2`, `0.01234`, `1.234e-9`.
pub fn significant(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude > 0.0 && !(1e-3..1e6).contains(&magnitude) {
        return format!("{number:.3e}");
    }
    let digits = 3 - magnitude.max(1e-3).log10().floor() as i32;
    let text = format!("{number:.0$}", digits.max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

/// The numbers of samples that are missing in two signals, if there are any.
pub fn missing([a, b]: [u64; 2]) -> Option<String> {
    match (a, b) {
        (0, 0) => None,
        _ if a == b => Some(grouped(a)),
        _ => Some(format!("{} and {}", grouped(a), grouped(b))),
    }
}

/// `33.02 dB`; identical signals have no finite ratio.
pub fn decibels(value: f64) -> String {
    if value.is_infinite() && value > 0.0 { "∞ dB (identical)".into() } else { format!("{value:.2} dB") }
}

/// A PSNR in words. It is infinite without being `identical` if samples differ only where alpha hides them.
pub fn psnr(psnr_db: f64, identical: bool) -> String {
    match psnr_db {
        f64::INFINITY if !identical => "∞ dB (identical where visible)".into(),
        psnr_db => decibels(psnr_db),
    }
}

/// A JSON number; infinities, which JSON lacks, become null.
pub fn number(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { Value::Null }
}

/// The rate of a file of `bytes`, in bits per pixel or kilobits (1000 bits) per second: its name in JSON, its
/// value and its unit.
pub fn rate(description: &Description, bytes: u64) -> (&'static str, f64, &'static str) {
    let (bits, positions) = (8.0 * bytes as f64, description.positions() as f64);
    match (description.kind(), description.seconds()) {
        (Kind::Sound, Some(seconds)) => ("kbps", bits / seconds / 1000.0, "kbps"),
        _ => ("bpp", bits / positions, "bpp"),
    }
}

/// [`rate`] for people, with two more digits for small files.
pub fn rate_text(description: &Description, bytes: u64) -> String {
    let (_, rate, unit) = rate(description, bytes);
    if rate < 0.1 { format!("{rate:.4} {unit}") } else { format!("{rate:.2} {unit}") }
}

/// The device in use, with the reason why `auto` chose the CPU; `requested` is the value of `--device`.
pub fn device(name: &str, cpu_reason: Option<&str>, requested: Device) -> String {
    match cpu_reason {
        Some(reason) => format!("{name}; auto: {reason}"),
        None if requested == Device::Auto => format!("{name}; auto"),
        None => name.into(),
    }
}

/// The size of a picture, `512×384`, or the duration and rate of a sound.
pub fn extent(description: &Description) -> String {
    let lengths = |axes: &[Axis]| axes.iter().map(|a| a.length.to_string()).collect::<Vec<_>>().join("×");
    match (description.kind(), description.seconds(), description.rate()) {
        (Kind::Sound, Some(seconds), Some(rate)) => format!("{seconds:.2} s at {rate} Hz"),
        (Kind::Video, Some(seconds), Some(rate)) => {
            format!("{}, {seconds:.2} s at {rate} Hz", lengths(&description.axes[..2]))
        }
        _ => lengths(&description.axes),
    }
}

/// A rate in JSON: a whole number where it is one.
pub fn hertz(rate: Rate) -> Value {
    rate.whole().map_or_else(|| json!(rate.hertz()), |whole| json!(whole))
}

/// The kind of a signal in one word.
pub fn kind(description: &Description) -> &'static str {
    match description.kind() {
        Kind::Picture => "picture",
        Kind::Sound => "sound",
        Kind::Video => "video",
        Kind::Volume => "volume",
        _ => "field",
    }
}

/// The channels in words, such as `RGB` or `stereo`.
pub fn channels(description: &Description) -> String {
    match (description.kind(), description.channels) {
        (Kind::Picture | Kind::Video, 1) => "grey".into(),
        (Kind::Picture | Kind::Video, 2) => "grey with alpha".into(),
        (Kind::Picture | Kind::Video, 3) => "RGB".into(),
        (Kind::Picture | Kind::Video, 4) => "RGBA".into(),
        (Kind::Sound, 1) => "mono".into(),
        (Kind::Sound, 2) => "stereo".into(),
        (_, 1) => "1 channel".into(),
        (_, channels) => format!("{channels} channels"),
    }
}

/// A sample format, for JSON and for people.
pub fn sample_format(format: SampleFormat) -> (&'static str, &'static str) {
    match format {
        SampleFormat::U8 => ("u8", "8 bits"),
        SampleFormat::U16 => ("u16", "16 bits"),
        SampleFormat::I8 => ("i8", "8 bits"),
        SampleFormat::I16 => ("i16", "16 bits"),
        SampleFormat::I24 => ("i24", "24 bits"),
        SampleFormat::I32 => ("i32", "32 bits"),
        SampleFormat::F32 => ("f32", "binary32"),
        _ => ("other", "other samples"),
    }
}

/// The SNR of a sound, dB; `None` for pictures.
pub fn snr_db(description: &Description, distortion: &Distortion) -> Option<f64> {
    (description.kind() == Kind::Sound).then(|| distortion.snr_db())
}

/// A unit value of a signal, such as an error, in the numbers that its samples are.
pub fn in_numbers(description: &Description, value: f64) -> f64 {
    value * description.unit_number()
}

/// The largest error: as codes and a fraction of full scale for codes, in the units of the samples for
/// measurements.
pub fn max_error(description: &Description, distortion: &Distortion) -> String {
    let max = distortion.max();
    match (description.format, description.format.bits()) {
        _ if description.has_own_range() => significant(in_numbers(description, max)),
        (SampleFormat::U8 | SampleFormat::U16, bits) => {
            let full = (1u64 << bits) - 1;
            format!("{:.0}/{full}", max * full as f64)
        }
        (_, bits) => {
            let full = 1u64 << (bits - 1);
            format!("{:.0}/{full}", max * full as f64)
        }
    }
}

/// The NRMSE of samples that have their own range, in words: `NRMSE 1.2 % (range 310)`; without the range if
/// each channel has another.
pub fn nrmse(description: &Description, nrmse: f64, range: Option<f64>) -> String {
    let error = format!("NRMSE {} %", significant(100.0 * nrmse));
    match range.map(|range| significant(in_numbers(description, range))) {
        Some(range) => format!("{error} (range {range})"),
        None => error,
    }
}

/// The error of each channel that is a quantity of its own, in words: `range 310, NRMSE 1.2 %, max error 7.1`.
/// Nothing for a single channel and for those that share a unit.
pub fn channels_of(description: &Description, distortion: &Distortion) -> Vec<String> {
    let words = |channel: &ChannelDistortion| {
        let [range, max] = [channel.range, channel.max].map(|x| significant(in_numbers(description, x)));
        format!("range {range}, NRMSE {} %, max error {max}", significant(100.0 * channel.nrmse()))
    };
    of_each_channel(description, distortion).iter().map(words).collect()
}

/// The error of each channel that is a quantity of its own, as JSON.
pub fn channels_json(description: &Description, distortion: &Distortion) -> Vec<Value> {
    let object = |channel: &ChannelDistortion| {
        let numbers = |x| number(in_numbers(description, x));
        json!({"range": numbers(channel.range), "nrmse": number(channel.nrmse()), "max_error": numbers(channel.max)})
    };
    of_each_channel(description, distortion).iter().map(object).collect()
}

fn of_each_channel<'a>(description: &Description, distortion: &'a Distortion) -> &'a [ChannelDistortion] {
    match &distortion.channels[..] {
        channels if description.has_range_per_channel() && channels.len() > 1 => channels,
        _ => &[],
    }
}

/// A number that all channels share, as JSON in the numbers of the samples; null if each has another.
pub fn shared(description: &Description, value: Option<f64>) -> Value {
    value.map_or(Value::Null, |value| number(in_numbers(description, value)))
}

/// A signal in words: `a picture of 512×384 RGB`.
pub fn description(description: &Description) -> String {
    format!("a {} of {} {}", kind(description), extent(description), channels(description))
}

/// Puts `path` into a JSON object. If it is not UTF-8, invalid parts become U+FFFD and `key_hex` holds all
/// its bytes in hexadecimal.
pub fn put_path(object: &mut Map<String, Value>, key: &str, path: &Path) {
    object.insert(key.into(), json!(path.to_string_lossy()));
    if path.to_str().is_none() {
        let bytes = path.as_os_str().as_encoded_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        object.insert(format!("{key}_hex"), json!(hex));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [0, 999, 1000, 31_204, 1_234_567].map(grouped),
            ["0", "999", "1 000", "31 204", "1 234 567"]
        );
        assert_eq!([999, 1_500_000, 3_020_000_000].map(prefixed), ["999", "1.50 M", "3.02 G"]);
    }

    #[test]
    fn times_to_come_are_as_exact_as_they_are_worth() {
        let cases = [(0.0, "0 s"), (3.2, "4 s"), (90.0, "90 s"), (200.0, "3 min"), (4900.0, "1 h 21 min")];
        for (seconds, text) in cases {
            assert_eq!(duration(Duration::from_secs_f64(seconds)), text);
        }
        assert_eq!(duration(Duration::MAX), "days");
    }

    #[test]
    fn given_numbers_stay_short() {
        let cases = [(5.0, "5"), (0.25, "0.25"), (-1e15, "-1000000000000000"), (1e300, "1e300"), (0.0, "0")];
        for (number, text) in cases.into_iter().chain([(f64::INFINITY, "inf"), (f64::NAN, "NaN")]) {
            assert_eq!(short(number), text);
        }
        for number in [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 1.0 / 3e9] {
            assert!(short(number).len() <= 24 && short(number).parse() == Ok(number), "{}", short(number));
        }
    }

    #[test]
    fn measured_numbers_have_four_digits_in_any_unit() {
        for (number, text) in [
            (0.0, "0"),
            (310.0, "310"),
            (310.24, "310.2"),
            (0.012344, "0.01234"),
            (123456.0, "123456"),
            (1.2344e-9, "1.234e-9"),
            (1e20, "1.000e20"),
            (0.5, "0.5"),
            (-4.0, "-4"),
        ] {
            assert_eq!(significant(number), text);
        }
    }

    #[test]
    fn infinities_are_null_in_json() {
        assert_eq!(number(f64::INFINITY), Value::Null);
        assert_eq!(number(1.5), json!(1.5));
    }

    #[test]
    fn pictures_have_bits_per_pixel_and_sounds_kilobits_per_second() {
        let picture = Description::picture([10, 8], 3, SampleFormat::U8);
        let sound = Description::sound(8000, 3, SampleFormat::I16, 8000);
        assert_eq!(rate(&picture, 20), ("bpp", 2.0, "bpp"));
        assert_eq!(rate(&sound, 2000), ("kbps", 16.0, "kbps"));
    }
}
