//! Files with missing samples, and masks that must be rejected.

use crate::Case;
use crate::bad::rejected;
use crate::compose::{Random, bytes_of, in_units, picture, plain, sound, tiled};
use crate::good::{EXAMPLE_PICTURE, good};
use crate::pieces::{insert, join, replace, section, split};
use crate::splines::rgb;
use sirenc::container::File;
use sirenc::signal::{Axis, Description, Missing, SampleFormat, Samples};

/// The file, with the samples missing for which `is_missing` of a position and a channel holds.
pub fn without(file: File, mut is_missing: impl FnMut(u32, u32) -> bool) -> File {
    let channels = u32::from(file.description.channels);
    let mut sample = |i: u32| if is_missing(i / channels, i % channels) { f32::NAN } else { 0.0 };
    let samples = (0..file.description.positions() as u32 * channels).map(&mut sample).collect();
    let missing = Missing::of(&file.description, &Samples::F32(samples)).expect("a small mask");
    File { missing, ..file }
}

/// Samples that are missing at random, in runs.
fn in_runs(file: File) -> File {
    let (mut random, mut now) = (Random::new(5), [false; 64]);
    without(file, |_, channel| {
        let now = &mut now[channel as usize];
        *now ^= random.one_in(6);
        *now
    })
}

/// Land in the lower right corner of a picture of 4 × 3.
fn example() -> Vec<u8> {
    bytes_of(&without(plain(picture(4, 3, 1, SampleFormat::F32), 1, 1), |n, _| n % 4 > 1 && n > 3))
}

#[rustfmt::skip]
pub fn valid() -> Vec<Case> {
    use SampleFormat::F32;
    let field = |lengths: &[u32], channels| Description {
        axes: lengths.iter().map(|&length| Axis::other(length)).collect(),
        channels,
        format: F32,
    };
    let volume = Description { axes: vec![Axis::space(11), Axis::space(9), Axis::space(7)], channels: 1, format: F32 };
    let disc = |n: u32, width: u32, radius: f64| f64::from(n % width).hypot(f64::from(n / width)) > radius;
    good("valid", vec![
        ("example-missing", "section 13.5 of the specification", example()),
        ("missing-picture", "a region without samples, all channels together, tiles and units", bytes_of(&without(
            in_units(tiled(picture(31, 20, 3, F32), &[2, 1], 4, 2, &[7]), 5, &[290.0, 0.0, -1.5]), |n, _| disc(n, 31, 24.0)))),
        ("missing-channels", "channels without samples in different regions", bytes_of(&without(
            plain(picture(23, 14, 3, F32), 2, 6), |n, c| disc(n, 23, f64::from(7 * c) + 4.5)))),
        ("missing-alpha", "grey and alpha, each missing in runs", bytes_of(&in_runs(plain(picture(16, 12, 2, F32), 2, 5)))),
        ("missing-sound", "gaps in both channels of a sound", bytes_of(&without(plain(sound(333, 2, F32), 2, 5), |n, _| n % 50 > 37))),
        ("missing-volume", "a ball without samples", bytes_of(&without(
            plain(volume, 2, 6), |n, _| (n % 11).pow(2) + (n / 11 % 9).pow(2) + (n / 99).pow(2) < 60))),
        ("missing-field", "runs in two channels along four axes", bytes_of(&in_runs(plain(field(&[7, 5, 4, 3], 2), 2, 5)))),
        ("missing-spline", "splines with missing samples", bytes_of(&in_runs(rgb(picture(23, 17, 3, F32))))),
    ])
}

#[rustfmt::skip]
pub fn uncommon() -> Vec<Case> {
    let small = |channels| plain(picture(9, 8, channels, SampleFormat::F32), 1, 3);
    good("uncommon", vec![
        ("missing-one", "one sample is missing", bytes_of(&without(small(1), |n, _| n == 40))),
        ("missing-all-but-one", "one sample exists", bytes_of(&without(small(2), |n, c| (n, c) != (40, 1)))),
        ("missing-channel", "a channel without any sample", bytes_of(&without(small(3), |_, c| c == 1))),
        ("missing-half", "a mask that takes less than a bit for a hundred samples", bytes_of(&without(
            plain(picture(200, 150, 1, SampleFormat::F32), 1, 2), |n, _| n % 200 < 99))),
    ])
}

#[rustfmt::skip]
pub fn invalid() -> Vec<Case> {
    let grey = replace(EXAMPLE_PICTURE, 0x01, &[0, 6, 1, 3, 2]);
    let with = |file: &[u8], payload: &[u8]| insert(file, 1, section(0x07, payload));
    let rgb = replace(EXAMPLE_PICTURE, 0x01, &[0, 6, 3, 3, 2]);
    let large = |length: &[u8]| replace(EXAMPLE_PICTURE, 0x01, &[&[0, 6, 1], length, length].concat());
    rejected(vec![
        ("missing-integers", "a mask of 8-bit samples", with(EXAMPLE_PICTURE, b"\x01\xa9"), "Format: samples of U8, expected F32"),
        ("missing-empty", "no field", with(&grey, b""), "Format: planes is missing"),
        ("missing-planes-0", "no plane", with(&grey, b"\0\xa9"), "Format: 0 planes, expected 1 or 1"),
        ("missing-planes-2", "two planes of three channels", with(&rgb, b"\x02\xa9"), "Format: 2 planes, expected 1 or 3"),
        ("missing-none", "a mask without a missing sample", with(&grey, b"\x01\xc9"), "Format: no sample is missing"),
        ("missing-all", "a signal without samples", with(&grey, b"\x01"), "Format: all 6 samples are missing"),
        ("missing-equal", "three planes that are equal", with(&rgb, b"\x03\xaa\x70"), "Format: 3 equal planes, expected 1"),
        ("missing-long", "a byte after the stream", with(&grey, b"\x01\xa9\x01"), "Format: does not end in the shortest way"),
        ("missing-garbage", "bytes after the stream", with(&grey, b"\x01\xa9garbage"), "Format: bytes after the end of the stream"),
        ("missing-outside", "a code outside the intervals", with(&grey, b"\x01\xff\xff\xff\xff\xff"), "Format: a code outside the intervals"),
        ("missing-bytes", "more samples than bytes can hold, within every limit", with(&large(&[0xd0, 0x0f]), b"\x01"), "Format: 0 bytes for 4000000 samples"),
        ("missing-limit", "more samples than the limit", with(&large(&[0x80, 0x80, 4]), b"\x01\xa9"), "Limit: samples of the mask"),
        ("missing-order", "MISSING before UNITS", {
            let sections = split(&grey);
            join(&[sections[0].clone(), section(0x07, b"\x01\xa9"), section(0x06, &[5, 0, 0, 0, 0]), sections[1].clone()])
        }, "Format: section 0x06 after section 0x07"),
    ])
}
