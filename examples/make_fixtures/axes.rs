//! Signals of other axes than those of pictures and sounds.

use crate::Case;
use crate::bad::rejected;
use crate::compose::{bytes_of, in_units, plain, quantized, sorted};
use crate::good::{EXAMPLE_PICTURE, good};
use crate::pieces::{insert, replace, section};
use sirenc::container::{File, Networks, Stored};
use sirenc::signal::{Axis, Description, Rate, SampleFormat, Tiles, Units};

fn of(axes: Vec<Axis>, channels: u8, format: SampleFormat) -> Description {
    Description { axes, channels, format }
}

fn rate(numerator: u32, denominator: u32) -> Option<Rate> {
    Rate::new(numerator, denominator)
}

pub fn video([width, height]: [u32; 2], frames: u32, channels: u8, format: SampleFormat) -> Description {
    of(vec![Axis::space(width), Axis::space(height), Axis::time(frames, rate(30000, 1001))], channels, format)
}

pub fn volume(lengths: [u32; 3], channels: u8, format: SampleFormat) -> Description {
    of(lengths.map(Axis::space).to_vec(), channels, format)
}

/// Four axes of space.
pub fn field_of_four(lengths: [u32; 4], format: SampleFormat) -> Description {
    of(lengths.map(Axis::space).to_vec(), 1, format)
}

/// Tiles with an overlap for each scale.
fn tiled(d: Description, counts: &[u32], overlaps: &[u32], layers: usize, widths: &[usize]) -> File {
    let tiles = Tiles::with_overlaps(&d, counts, overlaps).expect("a partition");
    let networks = Networks::Quantized(quantized(&d, &tiles, layers, widths));
    File {
        description: d,
        units: None,
        missing: None,
        field: Stored::Siren { tiles, networks },
        metadata: vec![],
    }
}

/// Four axes: space, something else, space, time.
fn mixed(channels: u8) -> Description {
    let axes = vec![Axis::space(7), Axis::other(4), Axis::space(5), Axis::time(6, None)];
    of(axes, channels, SampleFormat::F32)
}

#[rustfmt::skip]
pub fn valid() -> Vec<Case> {
    use SampleFormat::{F32, I16, U8, U16};
    let spectrum = of(vec![Axis::other(90)], 1, F32);
    let slow = of(vec![Axis::time(50, rate(1, 60))], 2, F32);
    let quantities = Units { offsets: vec![290.0, 101_325.0, -0.0], scales: vec![40.0, 3000.0, 0.0] };
    let section = of(vec![Axis::space(17), Axis::time(11, None)], 1, U16);
    good("valid", vec![
        ("video-rgb-u8", "frames at 30000/1001 per second", bytes_of(&sorted(&plain(video([12, 9], 8, 3, U8), 3, 9)))),
        ("video-tiles", "tiles in space and time, with an overlap of each", bytes_of(&tiled(video([21, 10], 19, 1, U8), &[2, 1, 3], &[3, 2], 2, &[6, 4]))),
        ("video-alpha-u16", "alpha, one tile in time, so that space alone has an overlap", bytes_of(&tiled(video([16, 6], 3, 4, U16), &[2, 1, 1], &[2, 0], 2, &[7]))),
        ("volume-i16-units", "integers in units, tiles along the depth", bytes_of(&in_units(tiled(volume([9, 8, 14], 1, I16), &[1, 1, 2], &[2], 2, &[8]), -4, &[0.0625]))),
        ("volume-f32-3-channels", "a vector at each position", bytes_of(&plain(volume([6, 5, 4], 3, F32), 2, 6))),
        ("volume-units-channels", "three quantities in units of their own, one of them constant", bytes_of(&File { units: Some(quantities), ..plain(volume([6, 5, 4], 3, F32), 2, 6) })),
        ("field-other", "an axis of neither space nor time", bytes_of(&plain(spectrum, 2, 6))),
        ("field-slow", "one sample a minute: a rate that no sound has", bytes_of(&plain(slow, 2, 5))),
        ("field-section", "space and time", bytes_of(&plain(section, 2, 5))),
        ("field-4-axes", "four axes of three scales, tiles along each scale", bytes_of(&tiled(mixed(2), &[2, 2, 1, 3], &[1, 0, 1], 2, &[5, 3]))),
    ])
}

pub fn uncommon() -> Vec<Case> {
    let sensors = of(vec![Axis::time(40, rate(256, 1))], 64, SampleFormat::I24);
    good("uncommon", vec![("field-sensors", "64 channels at a rate", bytes_of(&plain(sensors, 2, 5)))])
}

#[rustfmt::skip]
pub fn invalid() -> Vec<Case> {
    let with_signal = |payload: &[u8]| replace(EXAMPLE_PICTURE, 0x01, payload);
    let film = bytes_of(&tiled(video([21, 10], 19, 1, SampleFormat::U8), &[2, 1, 3], &[3, 2], 1, &[2]));
    let integers = bytes_of(&plain(video([3, 2], 2, 1, SampleFormat::U8), 1, 1));
    rejected(vec![
        ("kind-shape", "a reserved kind of signal", with_signal(&[4, 6, 1, 1, 1, 1]), "Unsupported: kind 4, shape"),
        ("kind-6", "a kind of a later version", with_signal(&[6, 0, 3, 1, 1]), "Unsupported: kind 6"),
        ("kind-128", "a kind that no version will have", with_signal(&[128, 0, 3, 1, 1]), "Format: kind 128"),
        ("video-format", "a sound's format in a video", with_signal(&[2, 3, 1, 3, 2, 2, 25, 1]), "Unsupported: sample format 3, expected one of a video"),
        ("video-channels", "too many for a video", with_signal(&[2, 0, 5, 3, 2, 2, 25, 1]), "Unsupported: 5 channels, expected 1 to 4"),
        ("video-rate-0", "no frames per second", with_signal(&[2, 0, 1, 3, 2, 2, 0, 1]), "Format: sample rate 0"),
        ("video-denominator-0", "a rate of 1/0", with_signal(&[2, 0, 1, 3, 2, 2, 1, 0]), "Format: denominator of the rate 0"),
        ("video-rate-not-lowest", "a rate of 50/2", with_signal(&[2, 0, 1, 3, 2, 2, 50, 2]), "Format: a rate of 50/2, expected lowest terms"),
        ("video-rate-missing", "a video without a rate", with_signal(&[2, 0, 1, 3, 2, 2]), "Format: sample rate is missing"),
        ("video-no-denominator", "half a rate", with_signal(&[2, 0, 1, 3, 2, 2, 25]), "Format: denominator of the rate is missing"),
        ("video-overlap-missing", "an overlap for two scales", replace(&film, 0x02, &[2, 1, 3, 3]), "Format: overlap is missing"),
        ("video-overlap-too-many", "an overlap of an undivided scale", replace(&film, 0x02, &[2, 1, 1, 3, 2]), "Format: 1 bytes after the last field"),
        ("video-overlap-too-wide", "an overlap of more than half a tile in time", replace(&film, 0x02, &[2, 1, 3, 3, 4]), "Format: 4 samples, more than half of the smallest core"),
        ("video-units", "units of 8-bit samples", insert(&integers, 1, section(0x06, &[0x9e, 1, 0, 0, 0x91, 0x43])), "Format: units of U8 samples of a video"),
        ("volume-channels", "too many for a volume", with_signal(&[3, 0, 65, 3, 2, 2]), "Unsupported: 65 channels, expected 1 to 64"),
        ("volume-depth", "a missing depth", with_signal(&[3, 0, 1, 3, 2]), "Format: axis length is missing"),
        ("field-no-axes", "no axes", with_signal(&[5, 0, 1, 0]), "Format: 0 axes"),
        ("field-5-axes", "more axes than this version has", with_signal(&[5, 0, 1, 5, 3, 3, 3, 3, 3, 1, 1, 1, 1, 1]), "Unsupported: 5 axes, expected 1 to 4"),
        ("field-measure-4", "a measure of a later version", with_signal(&[5, 0, 1, 1, 4, 9]), "Unsupported: measure 4"),
        ("field-measure-128", "a measure that no version will have", with_signal(&[5, 0, 1, 1, 128, 9]), "Format: measure 128"),
        ("field-as-picture", "a field that is a picture", with_signal(&[5, 0, 4, 2, 0, 0, 3, 2]), "Format: its axes are those of a picture"),
        ("field-as-sound", "a field that is a sound", with_signal(&[5, 3, 8, 1, 2, 9, 0xc0, 0x3e, 1]), "Format: its axes are those of a sound"),
        ("field-as-video", "a field that is a video", with_signal(&[5, 0, 3, 3, 0, 0, 2, 3, 2, 2, 25, 1]), "Format: its axes are those of a video"),
        ("field-as-volume", "a field that is a volume", with_signal(&[5, 0, 9, 3, 0, 0, 0, 3, 2, 2]), "Format: its axes are those of a volume"),
        ("field-length-0", "an axis of length 0", with_signal(&[5, 0, 1, 2, 3, 3, 0, 2]), "Format: axis length 0"),
    ])
}
