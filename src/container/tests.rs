//! Whole files: goldens, round trips, damage, limits, and the cost of the entropy coder.

use super::*;
use crate::error::Error;
use crate::limits::Limits;
use crate::network::Shape;
use crate::signal::{MetadataKind, SampleFormat};
use proptest::prelude::*;

fn bytes_of(file: &File) -> Vec<u8> {
    let mut bytes = vec![];
    write(file, &mut bytes).unwrap();
    bytes
}
fn parse_default(bytes: &[u8]) -> crate::error::Result<File> {
    parse(bytes, &Limits::default())
}

fn picture(width: u32, height: u32, channels: u8) -> Description {
    Description::picture([width, height], channels, SampleFormat::U8)
}

/// A small picture with all sections of an ordinary file.
fn tiny() -> File {
    let description = picture(3, 2, 1);
    let shape = Shape { inputs: 2, outputs: 1, layers: 1, width: 2 };
    File {
        field: Stored::Siren {
            tiles: Tiles::one(&description),
            networks: Networks::Quantized(vec![QuantizedNetwork {
                shape,
                steps: vec![LayerSteps::new(-24, -32), LayerSteps::new(-16, -32)],
                symbols: vec![2, -1, 0, 3, 1, 4, 2, -2, 8],
            }]),
        },
        description,
        units: None,
        missing: None,
        metadata: vec![],
    }
}

/// The first example of the specification.
#[test]
fn golden_picture() {
    #[rustfmt::skip]
    let bytes = [
        0x89, b'S', b'R', b'N', 0x0d, 0x0a, 0x1a, 0x0a, 0, // magic, version
        1, 5, // SIGNAL, 5 bytes
        0, 0, 1, 3, 2, // picture, U8, 1 channel, 3 × 2
        0xa1, 0x1d, 0x37, 0xaf, // CRC-32
        0x7f, 12, // NETWORK, 12 bytes
        0, 1, 2, 0x18, // quantized, 1 hidden layer, width 2; Laplace tables, sorted biases
        0xfb, 0x21, 0x65, 0x11, 0x2e, 0x06, 0x40, 0x5b, // steps and symbols
        0x32, 0x51, 0x4b, 0xa3, // CRC-32
    ];
    assert_eq!(parse_default(&bytes).unwrap(), tiny());
    assert_eq!(bytes_of(&tiny()), bytes);
}

/// The second example of the specification. It is only read: versions of Zstandard may write different
/// frames.
#[test]
fn golden_sound() {
    let description = Description::sound(300, 1, SampleFormat::I16, 8000);
    let shape = Shape { inputs: 1, outputs: 1, layers: 1, width: 1 };
    let file = File {
        field: Stored::Siren {
            tiles: Tiles::new(&description, &[2], 20).unwrap(),
            networks: Networks::Half(vec![
                Network::from_parameters(shape, vec![3.0, 0.25, 0.5, 0.0]),
                Network::from_parameters(shape, vec![-2.0, 0.0, 0.75, -0.125]),
            ]),
        },
        description,
        units: None,
        missing: None,
        metadata: vec![],
    };
    #[rustfmt::skip]
    let bytes = [
        0x89, b'S', b'R', b'N', 0x0d, 0x0a, 0x1a, 0x0a, 0, // magic, version
        1, 7, // SIGNAL, 7 bytes
        1, 3, 1, 0xac, 0x02, 0xc0, 0x3e, // sound, I16, 1 channel, 300 samples, 8000 Hz
        0x68, 0xe1, 0x96, 0xe8, // CRC-32
        2, 2, // TILES, 2 bytes
        2, 20, // two tiles, overlap 20
        0x06, 0x75, 0x25, 0xa0, // CRC-32
        0x7f, 29, // NETWORK, 29 bytes
        1, 1, 1, 1, // binary16, 1 hidden layer, widths 1 and 1
        0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x10, 0x81, 0x00, 0x00, // a Zstandard frame with 16 raw bytes
        0x00, 0x42, 0x00, 0x34, 0x00, 0x38, 0x00, 0x00,
        0x00, 0xc0, 0x00, 0x00, 0x00, 0x3a, 0x00, 0xb0,
        0xa4, 0x9e, 0xbe, 0x07, // CRC-32
    ];
    assert_eq!(parse_default(&bytes).unwrap(), file);
}

/// A sound with stored parameters, tiles and metadata.
fn rich() -> File {
    let description = Description::sound(100, 2, SampleFormat::I16, 8000);
    let network = |width: usize| {
        let shape = Shape { inputs: 1, outputs: 2, layers: 1, width };
        Network::from_parameters(shape, (0..shape.parameters()).map(|i| i as f32 / 8.0 - 0.5).collect())
    };
    File {
        field: Stored::Siren {
            tiles: Tiles::new(&description, &[2], 5).unwrap(),
            networks: Networks::Half(vec![network(1), network(2)]),
        },
        description,
        units: None,
        missing: None,
        metadata: vec![Metadata { kind: MetadataKind::Xmp, bytes: b"<x/>".to_vec() }],
    }
}

#[test]
fn stored_parameters_round_trip() {
    let half = rich();
    assert_eq!(parse_default(&bytes_of(&half)).unwrap(), half);
    let Stored::Siren { tiles, networks: Networks::Half(networks) } = half.field.clone() else {
        unreachable!()
    };
    let single = File { field: Stored::Siren { tiles, networks: Networks::Single(networks) }, ..half };
    assert_eq!(parse_default(&bytes_of(&single)).unwrap(), single);
}

#[test]
fn damage_is_always_noticed() {
    for file in [tiny(), rich()] {
        let bytes = bytes_of(&file);
        for end in 0..bytes.len() {
            assert!(parse_default(&bytes[..end]).is_err(), "cut at {end}");
        }
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(parse_default(&damaged).is_err(), "bit {bit}");
        }
        assert!(parse_default(&[&bytes[..], &[0]].concat()).is_err());
    }
}

/// Damage with a corrected checksum: must not panic, and an accepted file must be written as the same bytes.
#[test]
fn damage_with_a_corrected_checksum_never_panics() {
    for file in [tiny(), rich()] {
        let bytes = bytes_of(&file);
        let sections = sections(&bytes).unwrap();
        let mut start = 9;
        for section in sections {
            let end = start + section.bytes as usize;
            for at in start..end - 4 {
                for value in 0..=255u8 {
                    let mut damaged = bytes.clone();
                    damaged[at] = value;
                    let checksum = crc32fast::hash(&damaged[start..end - 4]).to_le_bytes();
                    damaged[end - 4..end].copy_from_slice(&checksum);
                    if let Ok(read) = parse_default(&damaged) {
                        assert_eq!(parse_default(&bytes_of(&read)).unwrap(), read);
                    }
                }
            }
            start = end;
        }
    }
}

#[test]
fn unknown_sections_are_skipped_or_refused() {
    let bytes = bytes_of(&tiny());
    let first = 9 + sections(&bytes).unwrap()[0].bytes as usize;
    let with = |number| {
        let mut with = bytes[..first].to_vec();
        section::push(&mut with, number, b"new");
        parse_default(&[&with, &bytes[first..]].concat())
    };
    assert_eq!(with(0x85).unwrap(), tiny());
    assert!(matches!(with(0x05), Err(Error::Unsupported { .. })));
}

#[test]
fn sections_are_required() {
    let bytes = bytes_of(&tiny());
    let first = 9 + sections(&bytes).unwrap()[0].bytes as usize;
    assert!(matches!(parse_default(&bytes[..first]), Err(Error::Format { .. })));
    let second = [&bytes[..9], &bytes[first..]].concat();
    assert!(matches!(parse_default(&second), Err(Error::Format { .. })));
}

#[test]
fn limits_are_checked() {
    let bytes = bytes_of(&rich());
    let needs = |limits: Limits| matches!(read(&bytes[..], &limits), Err(Error::Limit { .. }));
    let all = Limits {
        file_bytes: bytes.len() as u64,
        metadata_bytes: 6,
        parameters: 6 + 10,
        tiles: 2,
        ..Limits::default()
    };
    assert!(parse(&bytes, &all).is_ok(), "{:?}", parse(&bytes, &all));
    assert!(needs(Limits { file_bytes: all.file_bytes - 1, ..all.clone() }));
    assert!(needs(Limits { metadata_bytes: 5, ..all.clone() }));
    assert!(needs(Limits { parameters: all.parameters - 1, ..all.clone() }));
    assert!(needs(Limits { tiles: 1, ..all.clone() }));
}

#[test]
fn read_sizes_do_not_matter() {
    struct Dribble<'a>(&'a [u8], bool);
    impl std::io::Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(std::io::ErrorKind::Interrupted.into());
            }
            let n = self.0.len().min(buffer.len()).min(1);
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }
    let bytes = bytes_of(&rich());
    assert_eq!(read(Dribble(&bytes, false), &Limits::default()).unwrap(), rich());
}

/// A writer that accepts a few bytes at a time, is interrupted in between, and is full after `room` bytes.
struct Full {
    room: usize,
    taken: Vec<u8>,
    interrupted: bool,
}

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let n = bytes.len().min(7).min(self.room - self.taken.len());
        self.taken.extend(&bytes[..n]);
        if n == 0 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(n) }
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_may_fail_at_any_byte() {
    let bytes = bytes_of(&rich());
    for room in 0..=bytes.len() {
        let mut writer = Full { room, taken: vec![], interrupted: false };
        match write(&rich(), &mut writer) {
            Ok(()) => assert_eq!(room, bytes.len()),
            Err(Error::Io(error)) => {
                assert!(room < bytes.len() && error.kind() == std::io::ErrorKind::StorageFull);
            }
            Err(other) => panic!("{other}"),
        }
        assert_eq!(writer.taken, bytes[..room]);
    }
}

#[test]
fn what_cannot_be_read_is_not_written() {
    let good = tiny();
    let Stored::Siren { tiles, networks: Networks::Quantized(networks) } = good.field.clone() else {
        unreachable!()
    };
    let of = |tiles: Tiles, networks: Vec<QuantizedNetwork>| File {
        field: Stored::Siren { tiles, networks: Networks::Quantized(networks) },
        ..good.clone()
    };
    let with = |change: &dyn Fn(&mut QuantizedNetwork)| {
        let mut network = networks[0].clone();
        change(&mut network);
        of(tiles.clone(), vec![network])
    };
    let other = picture(4, 2, 1);
    let broken = [
        with(&|n| n.steps[0].weights = 512),
        with(&|n| n.symbols.push(0)),
        with(&|n| n.shape.outputs = 2),
        with(&|n| n.shape.width = 0),
        of(tiles.clone(), vec![]),
        of(tiles.clone(), [&networks[..], &networks[..]].concat()),
        of(Tiles::one(&other), networks.clone()),
        File {
            description: Description {
                axes: vec![crate::signal::Axis::other(4); 2],
                ..good.description.clone()
            },
            ..good.clone()
        },
        File { description: Description { channels: 5, ..good.description.clone() }, ..good.clone() },
    ];
    for file in broken {
        assert!(matches!(write(&file, std::io::sink()), Err(Error::Parameter { .. })), "{file:?}");
    }
}

#[test]
fn an_ordinary_header_is_small() {
    // All bytes of a file except the coded parameters.
    let description = picture(768, 512, 3);
    let shape = Shape { inputs: 2, outputs: 3, layers: 9, width: 28 };
    let networks = vec![QuantizedNetwork {
        shape,
        steps: vec![LayerSteps::new(-40, -40); 10],
        symbols: vec![5; shape.parameters()],
    }];
    let coded = quantized_size(&networks);
    let file = File {
        field: Stored::Siren { tiles: Tiles::one(&description), networks: Networks::Quantized(networks) },
        description,
        units: None,
        missing: None,
        metadata: vec![],
    };
    assert_eq!(bytes_of(&file).len() as u64 - coded, 32);
}

#[test]
fn networks_that_no_file_holds_have_no_size() {
    let network = |layers, width| {
        let shape = Shape { inputs: 2, outputs: 3, layers, width };
        let steps = vec![LayerSteps::new(-40, -40); layers + 1];
        QuantizedNetwork { shape, steps, symbols: vec![5; shape.parameters()] }
    };
    assert!(quantized_size(&[network(2, 4), network(2, 5)]) < 100);
    for networks in [[network(2, 4), network(3, 4)], [network(65, 1), network(65, 1)]] {
        assert_eq!(quantized_size(&networks), u64::MAX);
    }
}

prop_compose! {
    fn quantized(inputs: usize, outputs: usize, layers: usize)(
        width in 1usize..6,
    )(
        steps in prop::collection::vec((-300i16..60, -300i16..60), layers + 1),
        symbols in prop::collection::vec(
            prop_oneof![4 => -30i32..30, 1 => -3000i32..3000, 1 => Just(0), 1 => -(1i32 << 20)..=1 << 20],
            Shape { inputs, outputs, layers, width }.parameters(),
        ),
        sort in any::<bool>(),
        width in Just(width),
    ) -> QuantizedNetwork {
        let steps = steps.iter().map(|s| LayerSteps::new(s.0.min(-36), s.1.min(-36))).collect();
        let shape = Shape { inputs, outputs, layers, width };
        let mut network = QuantizedNetwork { shape, steps, symbols };
        if sort {
            network.sort_neurons();
        }
        network
    }
}

proptest! {
    #[test]
    fn quantized_files_round_trip(
        networks in (1u8..=8, 1usize..4).prop_flat_map(|(channels, layers)|
            prop::collection::vec(quantized(1, channels.into(), layers), 1..4)),
    ) {
        let description = Description::sound(1000, networks[0].shape.outputs as u8, SampleFormat::F32, 48000);
        let tiles = match networks.len() as u32 {
            1 => Tiles::one(&description),
            n => Tiles::new(&description, &[n], 100).unwrap(),
        };
        let field = Stored::Siren { tiles, networks: Networks::Quantized(networks) };
        let file = File { description, units: None, missing: None, field, metadata: vec![] };
        let bytes = bytes_of(&file);
        prop_assert_eq!(&parse_default(&bytes).unwrap(), &file);
        prop_assert_eq!(bytes_of(&file), bytes);
    }
}

/// A xorshift generator, for tests that need many symbols of one distribution.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
    fn gauss(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
    fn laplace(&mut self) -> f64 {
        let u = self.uniform() - 0.5;
        -(1.0 - 2.0 * u.abs()).ln() * u.signum() * std::f64::consts::FRAC_1_SQRT_2
    }
    fn flat(&mut self) -> f64 {
        (self.uniform() - 0.5) * 12f64.sqrt()
    }
}

/// Bits per symbol of integers drawn from the cells of a continuous distribution of standard deviation
/// `scale`.
fn entropy(draw: fn(&mut Random) -> f64, scale: f64) -> f64 {
    let (mut random, mut counts, draws) = (Random(99), std::collections::HashMap::new(), 2_000_000);
    for _ in 0..draws {
        *counts.entry((draw(&mut random) * scale).round() as i32).or_insert(0u32) += 1;
    }
    counts.values().map(|&n| f64::from(n) / f64::from(draws)).map(|p| -p * p.log2()).sum()
}

/// Files with one network each, so that each pays for all learning and all steps.
#[test]
fn the_coder_stays_close_to_the_entropy() {
    for (name, draw, allowed) in [
        ("Gauss", Random::gauss as fn(&mut Random) -> f64, 1.01),
        ("Laplace", Random::laplace, 1.01),
        ("uniform", Random::flat, 1.06),
    ] {
        for scale in [4.0, 8.0, 20.0, 60.0] {
            let bits = entropy(draw, scale);
            for (layers, width) in [(4, 10), (9, 28), (5, 54)] {
                let shape = Shape { inputs: 2, outputs: 3, layers, width };
                let mut random = Random(1 + layers as u64);
                let mut network = || {
                    let symbols = (0..shape.parameters()).map(|_| (draw(&mut random) * scale).round() as i32);
                    QuantizedNetwork {
                        shape,
                        steps: vec![LayerSteps::new(-40, -40); layers + 1],
                        symbols: symbols.collect(),
                    }
                };
                let networks: Vec<_> = (0..20).map(|_| network()).collect();
                let coded: u64 = networks.iter().map(|n| 8 * quantized_size(std::slice::from_ref(n))).sum();
                let ideal = bits * (20 * shape.parameters()) as f64;
                let ratio = coded as f64 / ideal;
                println!("{name} {scale} {layers}×{width} {} parameters: {ratio:.4}", shape.parameters());
                let allowed = if layers == 4 { allowed + 0.05 } else { allowed };
                assert!(ratio < allowed, "{name} {scale}: {ratio}");
            }
        }
    }
}
