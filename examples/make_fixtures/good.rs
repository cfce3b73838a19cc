//! Files that must be accepted: ordinary ones, uncommon ones, and some fitted by the encoder.

use crate::compose::*;
use crate::pieces::*;
use crate::{Case, Result};
use sirenc::container::{File, LayerSteps, Networks, QuantizedNetwork};
use sirenc::network::Network;
use sirenc::signal::{Description, Metadata, MetadataKind, SampleFormat, Units};
use sirenc::{EncodeOptions, FieldKind, Limits, Target, media};
use std::fs;
use std::path::Path;

pub fn good(folder: &str, rows: Vec<(&str, &'static str, Vec<u8>)>) -> Vec<Case> {
    let case = |(name, tests, bytes): (&str, _, _)| Case {
        name: format!("{folder}/{name}.siren"),
        tests,
        bytes,
        error: None,
    };
    rows.into_iter().map(case).collect()
}

pub fn metadata(blocks: &[(MetadataKind, &[u8])]) -> Vec<u8> {
    let block = |&(kind, bytes): &(MetadataKind, &[u8])| Metadata { kind, bytes: bytes.to_vec() };
    let metadata = blocks.iter().map(block).collect();
    bytes_of(&File { metadata, ..plain(picture(8, 6, 3, SampleFormat::U8), 2, 5) })
}

#[rustfmt::skip]
pub fn valid() -> Vec<Case> {
    use MetadataKind::{Chromaticities, CodePoints, Exif, Gamma, Icc, Resolution, Tags, Xmp};
    use SampleFormat::{F32, I8, I16, I24, I32, U8, U16};
    let rgb = plain(picture(33, 21, 3, U8), 4, 10);
    let seams = tiled(sound(700, 2, I16), &[5], 20, 3, &[6, 3, 8]);
    let half = |file: &File| bytes_of(&with_networks(file, |n| Networks::Half(numbers(n))));
    let dequantized = |n: &[QuantizedNetwork]| n.iter().map(QuantizedNetwork::dequantize).collect();
    let binary32 = |file: &File| bytes_of(&with_networks(file, |n| Networks::Single(dequantized(n))));
    let (profile, exif) = (&[7; 300][..], &b"II*\0\x08\0\0\0\0\0\0\0\0\0"[..]);
    let packet = &b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"[..];
    let primaries: [u32; 8] = [31_270, 32_900, 70_800, 29_200, 17_000, 79_700, 13_100, 4_600];
    let chromaticities = &primaries.map(u32::to_be_bytes).concat()[..];
    good("valid", vec![
        ("picture-grey-u8", "grey, 8 bits", bytes_of(&plain(picture(37, 23, 1, U8), 3, 12))),
        ("picture-grey-alpha-u8", "grey and alpha", bytes_of(&plain(picture(20, 30, 2, U8), 3, 9))),
        ("picture-rgb-u8", "RGB, biases not sorted", bytes_of(&rgb)),
        ("picture-rgb-u8-sorted", "RGB, biases sorted", bytes_of(&sorted(&rgb))),
        ("picture-rgba-u8", "RGB and alpha", bytes_of(&plain(picture(17, 19, 4, U8), 2, 8))),
        ("picture-grey-u16", "grey, 16 bits", bytes_of(&plain(picture(24, 16, 1, U16), 3, 12))),
        ("picture-rgba-u16", "RGB and alpha, 16 bits", bytes_of(&plain(picture(9, 14, 4, U16), 3, 7))),
        ("picture-grey-f32", "grey, binary32", bytes_of(&plain(picture(12, 31, 1, F32), 3, 7))),
        ("picture-rgb-f32", "RGB, binary32", bytes_of(&sorted(&plain(picture(16, 9, 3, F32), 4, 11)))),
        ("picture-grey-alpha-u16", "grey and alpha, 16 bits", bytes_of(&sorted(&plain(picture(11, 8, 2, U16), 2, 9)))),
        ("picture-rgb-u16", "RGB, 16 bits", bytes_of(&plain(picture(10, 13, 3, U16), 4, 6))),
        ("picture-grey-alpha-f32", "grey and alpha, binary32", bytes_of(&plain(picture(7, 12, 2, F32), 2, 5))),
        ("picture-rgba-f32", "RGB and alpha, binary32", bytes_of(&plain(picture(13, 6, 4, F32), 2, 6))),
        ("tiles-2x1", "two tiles", bytes_of(&tiled(picture(64, 40, 3, U8), &[2, 1], 5, 3, &[8]))),
        ("tiles-1x2", "two tiles, one above the other", bytes_of(&tiled(picture(21, 34, 1, U8), &[1, 2], 8, 3, &[8]))),
        (
            "tiles-3x2",
            "six tiles of different widths; where four meet; odd boundaries",
            bytes_of(&sorted(&tiled(picture(61, 41, 3, U8), &[3, 2], 4, 3, &[5, 9, 1]))),
        ),
        ("tiles-hard-seam", "overlap 0", bytes_of(&tiled(picture(25, 18, 3, U8), &[2, 2], 0, 2, &[6]))),
        ("sound-mono-i8", "8 bits", bytes_of(&plain(sound(300, 1, I8), 3, 8))),
        ("sound-mono-i16", "16 bits", bytes_of(&sorted(&plain(sound(1000, 1, I16), 4, 12)))),
        ("sound-stereo-i24", "2 channels, 24 bits", bytes_of(&plain(sound(400, 2, I24), 3, 10))),
        ("sound-8-channels-i32", "8 channels, 32 bits", bytes_of(&plain(sound(250, 8, I32), 3, 10))),
        ("sound-3-channels-i8", "3 channels", bytes_of(&sorted(&plain(sound(90, 3, I8), 2, 6)))),
        ("sound-4-channels-i16", "4 channels", bytes_of(&plain(sound(91, 4, I16), 2, 6))),
        ("sound-5-channels-i24", "5 channels", bytes_of(&sorted(&plain(sound(92, 5, I24), 2, 6)))),
        ("sound-6-channels-f32", "6 channels", bytes_of(&plain(sound(93, 6, F32), 2, 6))),
        ("sound-7-channels-i32", "7 channels", bytes_of(&sorted(&plain(sound(94, 7, I32), 2, 6)))),
        ("sound-stereo-f32", "2 channels, binary32", bytes_of(&plain(sound(333, 2, F32), 2, 9))),
        ("sound-tiles", "five tiles of three widths in time", bytes_of(&seams)),
        ("units-kelvin", "an offset and a scale", bytes_of(&in_units(plain(picture(23, 14, 1, F32), 3, 8), 5, &[290.0]))),
        ("units-channels", "an offset for each channel, tiles", bytes_of(&in_units(tiled(picture(31, 20, 3, F32), &[2, 1], 4, 2, &[7]), -20, &[1e-3, 0.0, -2.5e-4]))),
        ("units-sound", "a sound around a pressure", bytes_of(&in_units(plain(sound(320, 2, F32), 3, 6), 1, &[101_325.0, -0.125]))),
        ("half-picture", "parameters in binary16", half(&rgb)),
        ("half-sound-tiles", "binary16, several networks in one frame", half(&seams)),
        ("single-picture", "parameters in binary32", binary32(&rgb)),
        ("single-sound-tiles", "binary32, several networks in one frame", binary32(&seams)),
        ("metadata-icc", "an ICC profile", metadata(&[(Icc, profile)])),
        ("metadata-exif", "an Exif block", metadata(&[(Exif, exif)])),
        ("metadata-xmp", "an XMP packet", metadata(&[(Xmp, packet)])),
        ("metadata-all", "three kinds", metadata(&[(Icc, profile), (Exif, exif), (Xmp, packet)])),
        ("metadata-colour", "code points, gamma, chromaticities and resolution", metadata(&[
            (CodePoints, &[9, 16, 0, 1]), (Gamma, &45_455u32.to_be_bytes()), (Chromaticities, chromaticities),
            (Resolution, &[0, 0, 0x2e, 0x23, 0, 0, 0x2e, 0x23, 1]),
        ])),
        ("metadata-tags", "tags of a sound", bytes_of(&File {
            metadata: vec![Metadata { kind: Tags, bytes: b"INAM\x05\0\0\0noise\0".to_vec() }],
            ..plain(sound(60, 1, I16), 2, 5)
        })),
        ("example-picture", "section 13.1 of the specification", EXAMPLE_PICTURE.to_vec()),
        ("example-sound", "section 13.2 of the specification", EXAMPLE_SOUND.to_vec()),
        ("example-tiles", "section 13.3 of the specification", example_tiles()),
    ])
}

/// Two tiles of different widths in one coded stream that contains an escape.
fn example_tiles() -> Vec<u8> {
    let file = tiled(sound(12, 1, SampleFormat::I16), &[2], 2, 1, &[1, 2]);
    bytes_of(&with_networks(&file, |networks| {
        let mut networks = networks.to_vec();
        networks[0].steps = vec![LayerSteps::new(-32, -32), LayerSteps::new(-24, -72)];
        networks[0].symbols = vec![3, 1, -2, 150];
        networks[1].steps = vec![LayerSteps::new(-32, -30), LayerSteps::new(-24, -72)];
        networks[1].symbols = vec![-5, 4, 0, 2, 3, 1, -40];
        Networks::Quantized(networks)
    }))
}

/// A sound or picture with a constant value in each channel, `values`.
fn constant(description: Description, values: &[f32]) -> Vec<u8> {
    let axes = description.axes.len();
    let parameters = [&vec![0.0; axes + 1 + values.len()], values].concat();
    bytes_of(&single(description, 1, 1, &parameters))
}

pub const EXAMPLE_PICTURE: &[u8] = b"\x89SRN\r\n\x1a\n\0\x01\x05\0\0\x01\x03\x02\xa1\x1d\x37\xaf\
    \x7f\x0c\0\x01\x02\x18\xfb\x21\x65\x11\x2e\x06\x40\x5b\x32\x51\x4b\xa3";
pub const EXAMPLE_SOUND: &[u8] = b"\x89SRN\r\n\x1a\n\0\x01\x07\x01\x03\x01\xac\x02\xc0\x3e\x68\xe1\x96\xe8\
    \x02\x02\x02\x14\x06\x75\x25\xa0\x7f\x1d\x01\x01\x01\x01\x28\xb5\x2f\xfd\x20\x10\x81\0\0\
    \0\x42\0\x34\0\x38\0\0\0\xc0\0\0\0\x3a\0\xb0\xa4\x9e\xbe\x07";

#[rustfmt::skip]
pub fn uncommon() -> Vec<Case> {
    use SampleFormat::{F32, I8, I16, I24, I32, U8, U16};
    let small = || picture(8, 6, 1, U8);
    let bytes = |file| bytes_of(&file);
    let edited = |d: Description, layers, width, change: fn(&mut QuantizedNetwork)| {
        bytes_of(&with_networks(&plain(d, layers, width), |networks| {
            let mut networks = networks.to_vec();
            networks.iter_mut().for_each(change);
            Networks::Quantized(networks)
        }))
    };
    let wild = |n: &mut QuantizedNetwork| {
        // Magnitudes of every size up to the largest, and steps small enough that parameters are at most 1.
        n.steps.iter_mut().for_each(|s| *s = LayerSteps::new(-100, -90));
        for (i, symbol) in n.symbols.iter_mut().enumerate() {
            *symbol = (*symbol << (i % 16)) | (i as i32 % 2);
        }
        n.symbols[5] = 1 << 20;
        n.symbols[6] = -(1 << 20);
    };
    let far = |n: &mut QuantizedNetwork| {
        for (l, steps) in n.steps.iter_mut().enumerate() {
            *steps = if l % 2 == 0 { LayerSteps::new(-512, 20) } else { LayerSteps::new(24, -512) };
        }
    };
    let heavy = |n: &mut QuantizedNetwork| n.symbols.iter_mut().for_each(|s| *s = if *s > 18 { 97 } else { *s / 16 });
    let rate = Description::sound(20, 1, I16, i32::MAX as u32);
    let huge = picture(i32::MAX as u32, i32::MAX as u32, 4, U8);
    let zeros = [0.0, 0.0, 0.125, -0.0, -0.0];
    let tiny = [2e-40, 0.0, 0.0, 1.0, 3e-42];
    let most = 2f32.powi(64);
    let large = [3e6, -65535.99, 0.3, most, -most];
    let nothing = Units { offsets: vec![-0.0], scales: vec![0.0] };
    let blocks = [&[77, 2, 8, 8][..], &[2, 1, 9]];
    // Mixes an increasing share of a Laplace distribution into a Gaussian one until the encoder chooses the
    // shape.
    let shape = |shape: u8| {
        let mixture = |share: i32| {
            bytes_of(&with_networks(&plain(picture(9, 7, 1, U8), 2, 24), |networks| {
                let mut networks = networks.to_vec();
                networks.iter_mut().for_each(|n| n.symbols = mixed_symbols(n.symbols.len(), share));
                Networks::Quantized(networks)
            }))
        };
        (0..=32).map(mixture).find(|file| payload(file, 0x7f)[3] == shape).expect("a mixture of this shape")
    };
    good("uncommon", vec![
        ("1x1", "one pixel", bytes(plain(picture(1, 1, 3, U8), 2, 3))),
        ("1x17", "one pixel wide", bytes(plain(picture(1, 17, 3, U8), 2, 5))),
        ("37x1", "one pixel high", bytes(plain(picture(37, 1, 3, U8), 2, 5))),
        ("one-sample", "a sound of one sample", bytes(plain(sound(1, 1, I16), 1, 2))),
        ("depth-12", "12 hidden layers", bytes(sorted(&plain(picture(20, 20, 3, U8), 12, 6)))),
        ("depth-64", "the most layers, one neuron each", bytes(plain(small(), 64, 1))),
        ("width-1", "one neuron", bytes(plain(picture(15, 10, 3, U8), 3, 1))),
        ("width-4096", "the most neurons", edited(sound(3, 1, I16), 1, 4096, |n| n.symbols.iter_mut().for_each(|s| *s /= 15))),
        ("width-70", "wide layers", bytes(sorted(&plain(picture(19, 23, 3, U8), 2, 70)))),
        ("all-zero", "every symbol 0: the shortest stream", edited(small(), 2, 6, |n| n.symbols.fill(0))),
        ("wild-symbols", "magnitudes up to 2^20, escapes, low bits apart", edited(picture(9, 9, 3, F32), 3, 12, wild)),
        ("far-steps", "steps from 2^-64 to 8, far from their predictions", edited(picture(9, 9, 1, F32), 4, 5, far)),
        ("heavy-tails", "mostly zeros and a few large symbols", edited(picture(9, 9, 1, F32), 4, 16, heavy)),
        ("shape-1", "tables of shape 1", shape(1)),
        ("shape-2", "tables of shape 2", shape(2)),
        ("shape-3", "tables of shape 3", shape(3)),
        ("shape-4", "tables of shape 4", shape(4)),
        ("shape-5", "tables of shape 5", shape(5)),
        ("shape-6", "tables of shape 6", shape(6)),
        ("shape-7", "tables of shape 7", shape(7)),
        ("largest-bias", "sorted biases of 2^20", replace(EXAMPLE_PICTURE, 0x7f,
            b"\0\x01\x02\x18\xfe\x53\x47\xb7\xc3\xfd\x33\x7f\xc4\xda\x4e\x91\0\0\x0c\x1e")),
        ("negative-zero", "a network that gives -0: blending makes it +0", bytes(single(picture(3, 2, 1, F32), 1, 1, &zeros))),
        ("subnormal", "subnormal parameters and values", bytes(single(picture(4, 3, 1, F32), 1, 1, &tiny))),
        ("largest", "parameters of 2^64, phases of many turns", bytes(single(picture(5, 5, 1, F32), 1, 1, &large))),
        ("units-largest", "the largest scale: what is beyond the largest number is clamped", bytes(in_units(plain(picture(9, 8, 1, F32), 2, 5), 127, &[2f32.powi(127)]))),
        ("units-smallest", "the smallest scale: multiples of the smallest number", bytes(in_units(plain(picture(9, 8, 1, F32), 2, 5), -149, &[f32::from_bits(3)]))),
        ("units-negative-zero", "a value of 0 is the offset, -0 too", bytes(in_units(single(picture(3, 2, 1, F32), 1, 1, &[0.0; 5]), 0, &[-0.0]))),
        ("units-rounding", "a product that underflows is not rounded by itself", bytes(in_units(single(picture(2, 1, 1, F32), 1, 1, &[0.0, 0.0, 0.0, 0.0, 1.5]), -149, &[f32::from_bits(1)]))),
        ("units-constant", "a scale of 0: the offset everywhere, -0 too", bytes(File { units: Some(nothing), ..plain(picture(3, 2, 1, F32), 1, 3) })),
        ("tile-per-sample", "tiles of one sample", bytes(tiled(picture(5, 3, 1, U8), &[5, 3], 0, 1, &[2]))),
        ("widest-overlap", "overlap of half a tile: every sample is a blend", bytes(tiled(sound(96, 1, I16), &[6], 8, 2, &[5]))),
        ("unknown-ancillary", "unknown sections that may be skipped", {
            let file = bytes_of(&plain(small(), 2, 5));
            insert(&insert(&file, 1, section(0x85, b"index")), 2, section(0xe0, b""))
        }),
        ("unknown-metadata", "a block of an unknown kind", {
            // The unknown kind comes after Exif, because kinds ascend.
            insert(&bytes_of(&plain(small(), 2, 5)), 1, section(0x83, &compressed(&[blocks[1], blocks[0]].concat())))
        }),
        ("frame-blocks", "a frame with a window descriptor and raw blocks, one of them empty", {
            let packet = [&[3, 0xcd, 0x0f][..], &[b' '; 1997]].concat();
            let frame = raw_frame(&[0x40, 0, 0xd0, 6], &[&packet[..1000], &[], &packet[1000..]], &[]);
            insert(&bytes_of(&plain(small(), 2, 5)), 1, section(0x83, &[varint(2000), frame].concat()))
        }),
        ("frame-long-size", "a frame that states its size in 8 bytes", {
            let frame = raw_frame(&[0xe0, 3, 0, 0, 0, 0, 0, 0, 0], &[&[3, 1, b'x']], &[]);
            insert(&bytes_of(&plain(small(), 2, 5)), 1, section(0x83, &[&varint(3)[..], &frame].concat()))
        }),
        ("extreme-steps", "the largest and the smallest step", edited(picture(3, 2, 1, F32), 1, 2, |n| {
            n.steps = vec![LayerSteps::new(511, -512), LayerSteps::new(-512, 511)];
            n.symbols = vec![1, 0, 0, -1, 3, 7, 1, 1, -1];
        })),
        ("fma", "a sum that changes if its product is rounded to binary64 and then to binary32", {
            let bits = [0x3f00_0000, 0x3e80_0000, 0x3dcd_2b2c, 0x33d9_6da5, 0x3f80_0001];
            bytes(single(picture(1, 1, 1, F32), 1, 1, &bits.map(f32::from_bits)))
        }),
        ("ramp", "two tiles of constants 1 and 0: the values are the weights, one of which depends on how the ramp is grouped", {
            let file = tiled(sound(460, 1, F32), &[2], 114, 1, &[1]);
            let constant = |file: &File, value: f32| with_networks(file, |n| {
                let network = |n: &QuantizedNetwork, value| Network::from_parameters(n.shape, vec![0.0, 0.0, 0.0, value]);
                Networks::Single(vec![network(&n[0], value), network(&n[1], 0.0)])
            });
            bytes(constant(&file, 1.0))
        }),
        ("samples-u8", "ties, and values out of range", constant(picture(1, 1, 4, U8), &[126.5 / 255.0, 127.5 / 255.0, -0.1, 1.1])),
        ("samples-u16", "ties, and values out of range", constant(picture(1, 1, 4, U16), &[0.5 / 65535.0, 1.5 / 65535.0, -1e15, 1.0])),
        ("samples-i8", "ties, and values out of range", constant(sound(1, 8, I8), &[0.5 / 128.0, -0.5 / 128.0, -1.5 / 128.0, 2.5 / 128.0, -1.0, 1.0, -2.0, -0.0])),
        ("samples-i16", "ties, and values out of range", constant(sound(1, 8, I16), &[0.5 / 32768.0, -0.5 / 32768.0, 1.5 / 32768.0, 2.5 / 32768.0, -1.0, 1.0, 2.0, -7.0])),
        ("samples-i24", "ties, and values out of range", constant(sound(1, 6, I24), &[1.5 / 8388608.0, -2.5 / 8388608.0, 1.0, -1.0, 1.1, -1.1])),
        ("samples-i32", "the largest code is not a binary32", constant(sound(1, 6, I32), &[1.0, -1.0, 0.99999994, 2f32.powi(64), 3.0 / 2147483648.0, 0.5 / 2147483648.0])),
        // Grey from one neuron, alpha from the other: -0.5 on the left, 1.5 on the right.
        ("alpha-out-of-range", "alpha from below 0 to above 1, which weighs footprints: see siren.md, 7.5", {
            let parameters = [0.3, 0.1, 0.25, 0.0, 0.05, 0.0, 0.4, 0.0, 0.0, 1.0, 0.5, 0.5];
            bytes(single(picture(16, 6, 2, F32), 1, 2, &parameters))
        }),
        ("rate", "the highest sample rate", bytes(plain(rate, 1, 3))),
        ("huge", "the largest picture: it can be read, but not rendered at its native size", bytes(plain(huge, 1, 2))),
    ])
}

/// Pictures and sounds fitted by the encoder.
pub fn fitted(folder: &Path) -> Result<Vec<Case>> {
    let encode = |source: &str, size| -> Result<Vec<u8>> {
        let signal = media::read(&fs::read(folder.join("media").join(source))?, &Limits::default())?;
        let options = EncodeOptions::default().field(FieldKind::Siren).target(Target::Bytes(size)).effort(4);
        Ok(sirenc::encode(&signal, &options)?.bytes)
    };
    Ok(good(
        "valid",
        vec![
            ("fitted-astronaut", "media/astronaut-128.png in 2000 bytes", encode("astronaut-128.png", 2000)?),
            ("fitted-astronaut-tiles", "the same in 8000 bytes: tiles", encode("astronaut-128.png", 8000)?),
            ("fitted-chirp", "media/chirp-16.wav in 4000 bytes", encode("chirp-16.wav", 4000)?),
        ],
    ))
}
