//! Any grid over a file: it must be rejected, or rendered within its limits to the values of plain loops
//! written from the specification.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sirenc::container::{File, Networks, Stored, write};
use sirenc::field::Siren;
use sirenc::network::{Network, Shape};
use sirenc::signal::{Description, Grid, SampleFormat, Sampling, Tiles};
use sirenc::{Decoder, Error};
use sirenc_fuzz::limits;
use std::sync::LazyLock;

#[derive(Arbitrary, Debug)]
struct Input {
    file: u8,
    axes: Vec<(Place, u32, u32)>,
}

/// The origin and spacing of an axis.
#[derive(Arbitrary, Debug)]
enum Place {
    Resized(u32),
    Any(f64, f64),
}

/// A picture and a sound with several tiles, and a picture and a sound of splines.
static DECODERS: LazyLock<[Decoder; 4]> = LazyLock::new(|| {
    let splines: [&[u8]; 2] = [
        include_bytes!("../../fixtures/valid/spline-grey-u8.siren"),
        include_bytes!("../../fixtures/valid/spline-sound-i16.siren"),
    ];
    let [picture, sound] = splines.map(|file| Decoder::with_limits(file, &limits()).expect("a small file"));
    let [tiled_picture, tiled_sound] = tiled();
    [tiled_picture, tiled_sound, picture, sound]
});

fn tiled() -> [Decoder; 2] {
    [(vec![61, 40], 3, vec![3, 2], 5), (vec![900], 2, vec![7], 64)].map(
        |(lengths, channels, counts, overlap)| {
            let description = match lengths[..] {
                [width, height] => Description::picture([width, height], channels, SampleFormat::U8),
                _ => Description::sound(lengths[0], channels, SampleFormat::I16, 8000),
            };
            let tiles = Tiles::new(&description, &counts, overlap).expect("a partition");
            let network = |tile: usize| {
                let (inputs, outputs) = (description.axes.len(), channels.into());
                let shape = Shape { inputs, outputs, layers: 2, width: 3 + tile };
                let parameter = |i: usize| ((i * 37 + tile) % 17) as f32 / 8.0 - 1.0;
                Network::from_parameters(shape, (0..shape.parameters()).map(parameter).collect())
            };
            let networks = Networks::Single((0..tiles.len()).map(network).collect());
            let mut bytes = vec![];
            let field = Stored::Siren { tiles, networks };
            write(&File { description, units: None, missing: None, field, metadata: vec![] }, &mut bytes)
                .expect("a good file");
            Decoder::with_limits(&bytes[..], &limits()).expect("a small file")
        },
    )
}

fuzz_target!(|input: Input| {
    let decoder = &DECODERS[usize::from(input.file % 4)];
    let lengths = &decoder.description().lengths();
    let axis = |((place, first, count), &length): (&(Place, u32, u32), &u32)| {
        let axis = match *place {
            Place::Resized(count) => Sampling::resized(length, count),
            Place::Any(origin, spacing) => Sampling { origin, spacing, ..Sampling::native(length) },
        };
        // Mostly small counts; sometimes any representable count.
        let few = if count % 16 == 0 { *count } else { count % 64 };
        Sampling { first: *first, count: few, ..axis }
    };
    let grid = Grid { axes: input.axes.iter().zip(lengths).map(axis).collect() };
    // With footprints it only has to end: the loops below handle points only.
    let _ = decoder.render(&grid);
    let grid = grid.at_points();
    match decoder.render(&grid) {
        Ok(values) => {
            assert_eq!(values.len() as u64, grid.positions() * u64::from(decoder.description().channels));
            let last: Vec<f64> = grid.axes.iter().map(|axis| axis.position(axis.count - 1)).collect();
            let end = &values[values.len() - usize::from(decoder.description().channels)..];
            for (got, expected) in end.iter().zip(naive(decoder, &last)) {
                assert!(got.to_bits() == expected.to_bits(), "{got:e}, {expected:e} at {last:?}");
            }
        }
        Err(Error::Limit { .. } | Error::Parameter { .. }) => {}
        Err(other) => panic!("{other}"),
    }
});

/// Evaluates one position with plain loops, as written in the specification.
fn naive(decoder: &Decoder, position: &[f64]) -> Vec<f32> {
    if let Some(spline) = decoder.field().spline() {
        return spline.evaluate(position);
    }
    let Siren { tiles, networks } = decoder.field().siren().expect("networks");
    let mut value = vec![0.0; decoder.description().channels.into()];
    for (number, network) in networks.iter().enumerate() {
        let tile = tiles.tile(number);
        let axes = || position.iter().enumerate();
        let weights: Vec<f32> = axes().map(|(a, &p)| tiles.weight(a, tile.index[a], p)).collect();
        if weights.iter().all(|&w| w > 0.0) {
            let weight = weights.iter().product::<f32>();
            let point: Vec<f32> = axes().map(|(a, &p)| tile.coordinate(a, p)).collect();
            value.iter_mut().zip(network.evaluate(&point)).for_each(|(v, y)| *v = weight.mul_add(y, *v));
        }
    }
    value
}
