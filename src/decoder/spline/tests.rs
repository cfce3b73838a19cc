//! Fields of splines, from bytes to samples.

use super::super::Decoder;
use crate::backend::simd::spline::{Coefficients, Interpolate, Synthesis};
use crate::backend::simd::{BLOCK, Level};
use crate::container::{File, QuantizedSpline, Stored, parse, write};
use crate::error::Error;
use crate::field::spline::basis::Taps;
use crate::field::spline::{ContextShape, Further, Role, Shape, Slow, filter, gain};
use crate::limits::Limits;
use crate::network::Jet;
use crate::signal::{Axis, Description, Grid, Kind, Measure, Region, SampleFormat};

/// Numbers without a pattern, from −1 to 1.
fn noise(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    std::iter::from_fn(move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        Some((state >> 40) as f64 / f64::from(1 << 23) - 1.0)
    })
}

fn description(lengths: &[u32], channels: u8) -> Description {
    let axis = |measure| move |&length: &u32| Axis { length, measure };
    let (format, axes) = match *lengths {
        [x, y] => return Description::picture([x, y], channels, SampleFormat::U8),
        [length] => return Description::sound(length, channels, SampleFormat::I16, 8000),
        [_, _, _] => (SampleFormat::F32, lengths.iter().map(axis(Measure::Space)).collect()),
        _ => (SampleFormat::F32, lengths.iter().map(axis(Measure::Other)).collect()),
    };
    Description { axes, channels, format }
}

/// A field with parameters of ordinary sizes, and a few large latents.
fn field(lengths: &[u32], channels: u8, levels: u16, context: ContextShape) -> QuantizedSpline {
    let (lengths, mut context, mut further) = (lengths.to_vec(), context, Further::default());
    if let Some(axes @ 1..) = lengths.len().checked_sub(2) {
        context.earlier = 7;
        further.delays = [1, if axes > 1 { 15 } else { 0 }];
        further.slow = vec![Slow { levels: 0b10, further: [0, 2 * (axes as u32 - 1)] }];
    }
    let shape = Shape { lengths, outputs: channels.into(), levels, further, layers: 2, width: 9, context };
    let tensors = shape.tensors();
    let network = 1 + shape.network_tensors().len();
    let mut noise = noise(7);
    let exponents: Vec<u8> = (0..tensors.len()).map(|n| if n < network { 8 } else { 7 }).collect();
    let symbols = tensors.iter().enumerate().flat_map(|(n, tensor)| {
        let size = if n == 0 {
            20.0
        } else if n < network {
            60.0
        } else {
            25.0
        };
        (0..tensor.parameters()).map(|_| (noise.next().unwrap() * size) as i32).collect::<Vec<_>>()
    });
    let symbols = symbols.collect();
    let mut noise = self::noise(11);
    let grids = shape.grids();
    let latents = grids.iter().map(|grid| {
        let size = if grid.level == 0 { 1.4 } else { 4.0 };
        let latent = |i: u64| {
            let value = noise.next().unwrap();
            if i % 997 == 500 { (value * 30000.0) as i16 } else { (value * size) as i16 }
        };
        (0..grid.latents()).map(latent).collect()
    });
    let latents = latents.collect();
    QuantizedSpline { shape, table: 8, exponents, blocks: 0, symbols, latents }
}

const CONTEXT: ContextShape =
    ContextShape { levels: 0b1100, informed: 0b11, neighbours: 12, earlier: 0, combinations: 3 };
const ALONE: ContextShape =
    ContextShape { levels: 0, informed: 0, neighbours: 2, earlier: 0, combinations: 0 };

fn fields() -> Vec<(Description, QuantizedSpline)> {
    [
        (&[37, 23][..], 3, 0b1111, CONTEXT),
        (&[1, 1], 1, 0b1, ALONE),
        (&[1, 300], 2, 0b111, ALONE),
        (&[300, 1], 4, 0b111, CONTEXT),
        (
            &[64, 40],
            1,
            0b1010,
            ContextShape { levels: 0b1, informed: 0b10, neighbours: 5, earlier: 0, combinations: 8 },
        ),
        (&[1000], 2, 0b11111, CONTEXT),
        (&[13, 11, 9], 2, 0b111, CONTEXT),
        (&[7, 5, 6, 4], 1, 0b11, CONTEXT),
        (&[3, 1, 40], 1, 0b1, ALONE),
    ]
    .map(|(lengths, channels, levels, context)| {
        (description(lengths, channels), field(lengths, channels, levels, context))
    })
    .into()
}

fn bytes(description: &Description, field: &QuantizedSpline) -> Vec<u8> {
    let (description, field) = (description.clone(), Stored::Spline(field.clone()));
    let mut bytes = vec![];
    write(&File { description, units: None, missing: None, field, metadata: vec![] }, &mut bytes).unwrap();
    bytes
}

fn decoder(description: &Description, field: &QuantizedSpline) -> Decoder {
    Decoder::open(&bytes(description, field)[..]).unwrap()
}

#[test]
fn fields_round_trip_through_bytes_and_no_damage_panics() {
    for (description, field) in fields() {
        let bytes = bytes(&description, &field);
        let file = parse(&bytes, &Limits::default()).unwrap();
        assert!(file.field == Stored::Spline(field), "{description:?}");
        for at in (0..bytes.len()).step_by(5) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(parse(&damaged, &Limits::default()).is_err(), "byte {at}");
        }
    }
}

/// A field in blocks of which a part is decoded gives the bits of the whole there, and refuses the rest.
#[test]
fn a_part_has_the_bits_of_the_whole() {
    for (lengths, channels, levels) in
        [(&[150, 90][..], 3, 0b111), (&[700], 2, 0b1111), (&[40, 300], 1, 0b1), (&[50, 70, 60], 1, 0b11)]
    {
        let context = ContextShape { levels: 0, informed: levels >> 1 & 0b11, ..CONTEXT };
        let context = if levels == 1 { ALONE } else { context };
        let (description, whole) =
            (description(lengths, channels), field(lengths, channels, levels, context));
        let bytes = bytes(&description, &QuantizedSpline { blocks: 4, ..whole.clone() });
        let decoder = decoder(&description, &whole);
        let native = Grid::native(&description);
        let values = decoder.render(&native).unwrap();
        for of in [0.0, 0.31, 0.7, 0.93] {
            let from: Vec<f64> = lengths.iter().map(|&n| of * f64::from(n) - 0.5).collect();
            let to: Vec<f64> =
                from.iter().zip(lengths).map(|(x, &n)| (x + 5.0).min(f64::from(n) - 0.5)).collect();
            let grid = native.crop(&Region::new(&description, &from, &to).unwrap()).unwrap();
            let part = Decoder::for_grid(&bytes, &Limits::default(), |_| Ok(Some(grid.clone()))).unwrap();
            assert!(part.covers(&grid) && !part.covers(&native));
            assert_eq!(part.render(&grid).unwrap(), decoder.render(&grid).unwrap(), "{lengths:?} {of}");
            let point: Vec<f64> = from.iter().zip(&to).map(|(a, b)| (a + b) / 2.0).collect();
            assert_eq!(part.sample(&point).unwrap(), decoder.sample(&point).unwrap());
            let beyond: Vec<f64> = lengths.iter().map(|&n| (of + 0.5) % 1.0 * f64::from(n)).collect();
            for refused in
                [part.render(&native), part.sample(&beyond), part.taylor(&beyond, 1).map(|_| vec![])]
            {
                assert!(matches!(refused, Err(Error::Parameter { name: "grid", .. })), "{refused:?}");
            }
            // Latents that are not those of the file are not shown.
            let Stored::Spline(stored) = &part.file().field else { unreachable!("splines") };
            assert!(stored.latents.is_empty());
        }
        // A grid of other axes would be taken for one that covers everything.
        for axes in [0, lengths.len() + 1] {
            let grid = Grid { axes: vec![native.axes[0]; axes] };
            let refused = Decoder::for_grid(&bytes, &Limits::default(), |_| Ok(Some(grid.clone())));
            assert!(matches!(refused, Err(Error::Parameter { name: "grid", .. })), "{refused:?}");
        }
        let all = Decoder::for_grid(&bytes, &Limits::default(), |_| Ok(None)).unwrap();
        assert!(all.covers(&native));
        assert_eq!(all.render(&native).unwrap(), values);
    }
}

/// The same latents in blocks give the same values, and take a stream for each block.
#[test]
fn blocks_change_nothing_but_the_bytes() {
    for (description, field) in fields() {
        let highest = field.shape.grids().iter().map(|grid| grid.level).max().unwrap().max(1) as u8;
        let longest = description.lengths().iter().max().unwrap().saturating_sub(1);
        let whole = decoder(&description, &field).field().clone();
        for side in (highest..16).filter(|side| longest >> side > 0) {
            let field = QuantizedSpline { blocks: side, ..field.clone() };
            let bytes = bytes(&description, &field);
            let file = parse(&bytes, &Limits::default()).unwrap();
            assert!(file.field == Stored::Spline(field), "{description:?} {side}");
            assert!(*Decoder::open(&bytes[..]).unwrap().field() == whole, "{description:?} {side}");
            for at in (0..bytes.len()).step_by(7) {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << (at % 8);
                assert!(parse(&damaged, &Limits::default()).is_err(), "byte {at}");
            }
        }
    }
}

#[test]
fn fields_that_no_file_can_store_are_refused() {
    let (description, stored) = fields().swap_remove(0);
    let changes: [fn(&mut QuantizedSpline); 16] = [
        |field| field.shape.levels = 0,
        |field| field.shape.context.informed = 0b10000,
        |field| field.shape.context.levels = 0,
        |field| field.shape.layers = 5,
        |field| field.shape.width = 256 + 9,
        |field| field.shape.context.combinations = 0,
        |field| field.table = 9,
        |field| field.blocks = 2,
        |field| field.blocks = 6,
        |field| field.blocks = 16,
        |field| field.exponents[0] = 32,
        |field| field.symbols[0] = -(1 << 20) - 1,
        |field| field.symbols.truncate(5),
        |field| field.latents[1].truncate(1),
        |field| field.latents[0][0] = i16::MIN,
        |field| (field.exponents[1], field.symbols[40]) = (0, 1025),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut field = stored.clone();
        change(&mut field);
        let field = Stored::Spline(field);
        let file =
            File { description: description.clone(), units: None, missing: None, field, metadata: vec![] };
        assert!(matches!(write(&file, vec![]), Err(Error::Parameter { .. })), "{number}");
    }
}

/// The kernels of every level give the bits of the specification's loops.
#[test]
fn coefficients_and_features_have_the_bits_of_the_loops() {
    const COUNT: usize = 20;
    for (description, stored) in fields() {
        let grids = stored.shape.grids();
        let positions: Vec<Vec<f64>> = description
            .lengths()
            .iter()
            .map(|&n| (0..COUNT).map(|i| (i as f64 + 0.3) / COUNT as f64 * f64::from(n) - 0.5).collect())
            .collect();
        let is_feature = |role: Role| role != Role::Context;
        let of_grid = grids.iter().zip(&stored.latents).filter(|(grid, _)| is_feature(grid.role));
        for (grid, latents) in of_grid {
            let (taps, values) = ([1.1, -0.3, 0.2, 0.05], latents.iter().map(|&q| f32::from(q)));
            let values: Vec<f32> = values.collect();
            let axes = 0..grid.lengths.len();
            let expected: Vec<f32> = axes
                .clone()
                .fold(values.clone(), |values, axis| filter(&values, &grid.lengths, axis, taps))
                .into_iter()
                .map(|value| value * gain(grid))
                .collect();
            let along: Vec<Vec<Taps>> = positions
                .iter()
                .enumerate()
                .map(|(n, axis)| axis.iter().map(|&p| Taps::new(p, grid.level(n))).collect())
                .collect();
            let along: Vec<&[Taps]> = along.iter().map(Vec::as_slice).collect();
            let count = COUNT.pow(axes.len() as u32);
            let mut first: Option<Vec<f32>> = None;
            for level in Level::available() {
                let (mut got, mut scratch) = (values.clone(), vec![0.0; values.len() + 6]);
                level.run(Coefficients { grid, taps, values: &mut got, scratch: &mut scratch });
                assert_eq!(got, expected, "{level:?} {grid:?}");
                let mut out = vec![0.0; count];
                let (coefficients, scratch) = (&got[..], &mut [vec![], vec![]]);
                level.run(Interpolate { grid, coefficients, taps: &along, scratch, out: &mut out });
                assert_eq!(first.get_or_insert(out.clone()), &out, "{level:?}");
            }
        }
    }
}

/// The position of number `i` of a grid, the first axis fastest.
fn position(grid: &Grid, mut i: usize) -> Vec<f64> {
    let along = |axis: &crate::signal::Sampling| {
        let index = i % axis.count as usize;
        i /= axis.count as usize;
        axis.position(index as u32)
    };
    grid.axes.iter().map(along).collect()
}

#[test]
fn renderings_have_the_bits_of_the_loops_at_every_position() {
    for (description, stored) in fields() {
        let decoder = decoder(&description, &stored);
        let field = decoder.field().spline().unwrap();
        let counts: Vec<u32> = description.lengths().iter().map(|n| n * 3 / 2 + 1).collect();
        for grid in [Grid::native(&description), Grid::resized(&description, &counts).unwrap()] {
            let values = decoder.render(&grid).unwrap();
            let channels = usize::from(description.channels);
            let mut positions = vec![];
            for (i, got) in values.chunks_exact(channels).enumerate() {
                let position = position(&grid, i);
                assert_eq!(got, field.evaluate(&position), "{position:?} of {description:?}");
                positions.extend(position);
            }
            assert_eq!(values, decoder.sample(&positions).unwrap());
        }
    }
}

#[test]
fn every_level_computes_the_same_values_and_jets() {
    let (description, stored) = &fields()[0];
    let decoder = decoder(description, stored);
    let field = decoder.field().spline().unwrap();
    let inputs = field.shape.inputs();
    for jet in [Jet::Value, Jet::Gradient, Jet::Laplacian, Jet::Hessian] {
        let components = jet.components(2);
        let features: Vec<f32> = noise(3).map(|x| x as f32).take(2 * components * inputs * BLOCK).collect();
        let mut first: Option<Vec<f32>> = None;
        for level in Level::available() {
            let mut out = vec![0.0; 2 * components * 3 * BLOCK];
            let (layers, features, scratch) = (&field.layers[..], &features[..], &mut vec![]);
            level.run(Synthesis { layers, axes: 2, jet, features, scratch, out: &mut out });
            assert_eq!(first.get_or_insert(out.clone()), &out, "{level:?} {jet:?}");
        }
    }
}

#[test]
fn jets_are_close_to_the_taylor_polynomials() {
    for (description, mut stored) in fields() {
        // Phases of thousands of turns have no precision left.
        stored.latents.iter_mut().flatten().for_each(|latent| *latent %= 100);
        let decoder = decoder(&description, &stored);
        let axes = description.axes.len();
        let position: Vec<f64> = description.lengths().iter().map(|&n| f64::from(n) * 0.37 - 0.2).collect();
        let taylor = decoder.taylor(&position, 2).unwrap();
        let along = |indices: &[usize]| {
            (0..axes).map(|a| indices.iter().filter(|&&i| i == a).count()).collect::<Vec<_>>()
        };
        let pairs: Vec<[usize; 2]> = (0..axes).flat_map(|i| (i..axes).map(move |j| [i, j])).collect();
        let one_scale = description.scales().iter().all(|&scale| scale == 0);
        let jets = [Jet::Gradient, Jet::Hessian, Jet::Laplacian];
        for jet in jets.into_iter().take(if one_scale { 3 } else { 2 }) {
            let grid_axes = position.iter().map(|&p| crate::signal::Sampling::new(p, 1.0, 1)).collect();
            let got = decoder.request(&Grid { axes: grid_axes }).jet(jet).values().unwrap();
            for (got, taylor) in got.chunks_exact(jet.components(axes)).zip(&taylor) {
                let partial = |indices: &[usize]| taylor.partial(&along(indices)).unwrap();
                let mut expected = vec![partial(&[])];
                expected.extend((0..axes).map(|i| partial(&[i])));
                match jet {
                    Jet::Laplacian => expected.push((0..axes).map(|i| partial(&[i, i])).sum()),
                    Jet::Hessian => expected.extend(pairs.iter().map(|ij| partial(ij))),
                    _ => {}
                }
                let scale = expected.iter().fold(1f64, |scale, e| scale.max(e.abs()));
                for (got, expected) in got.iter().zip(&expected) {
                    let error = (f64::from(*got) - expected).abs();
                    assert!(error < 1e-5 * scale, "{jet:?} {description:?}: {got}, {expected}");
                }
            }
        }
    }
}

/// Jets at many positions have errors within the limits of the specification, relative to binary64.
#[test]
fn jets_are_within_the_limits_of_the_specification() {
    // Along short axes derivatives nearly vanish.
    let long = |(description, _): &(Description, _)| description.lengths().iter().all(|&n| n > 20);
    for (description, mut stored) in fields().into_iter().filter(long) {
        // Small latents and weights: phases stay below a turn.
        stored.latents.iter_mut().flatten().for_each(|latent| *latent %= 4);
        stored.symbols.iter_mut().skip(stored.shape.taps().parameters()).for_each(|symbol| *symbol /= 8);
        let decoder = decoder(&description, &stored);
        let axes = description.axes.len();
        let counts: Vec<u32> = description.lengths().iter().map(|&n| 3 * n / 2 + 1).collect();
        let grid = Grid::resized(&description, &counts).unwrap();
        let got = decoder.request(&grid).jet(Jet::Hessian).values().unwrap();
        let (mut errors, mut sizes) = ([[0f64; 2]; 3], [[0f64; 2]; 3]);
        let mut jets = got.chunks_exact(Jet::Hessian.components(axes));
        for number in 0..counts.iter().product::<u32>() {
            let position = position(&grid, number as usize);
            for taylor in decoder.taylor(&position, 2).unwrap() {
                let jet = jets.next().unwrap();
                let pairs = (0..axes).flat_map(|i| (i..axes).map(move |j| vec![i, j]));
                let indices = std::iter::once(vec![]).chain((0..axes).map(|i| vec![i])).chain(pairs);
                for (indices, &got) in indices.zip(jet) {
                    let along: Vec<usize> =
                        (0..axes).map(|a| indices.iter().filter(|&&i| i == a).count()).collect();
                    let expected = taylor.partial(&along).unwrap();
                    let (order, error) = (indices.len(), (f64::from(got) - expected).abs());
                    errors[order] = [errors[order][0] + error * error, errors[order][1].max(error)];
                    let size = expected.abs();
                    sizes[order] = [sizes[order][0] + size * size, sizes[order][1].max(size)];
                }
            }
        }
        for (order, limits) in [(1, [5e-6, 1e-5]), (2, [2e-5, 4e-5])] {
            let l2 = (errors[order][0] / sizes[order][0]).sqrt();
            let worst = errors[order][1] / sizes[order][1];
            assert!(l2 < limits[0] && worst < limits[1], "{description:?}, order {order}: {l2:e}, {worst:e}");
        }
    }
}

#[test]
fn a_region_has_the_bits_of_the_whole() {
    let (description, stored) = &fields()[0];
    let decoder = decoder(description, stored);
    let grid = Grid::native(description);
    let region = Region::new(description, &[8.5, 3.5], &[14.5, 16.5]).unwrap();
    let part = decoder.render(&grid.crop(&region).unwrap()).unwrap();
    let whole = decoder.render(&grid).unwrap();
    for (j, row) in part.chunks_exact(18).enumerate() {
        assert_eq!(row, &whole[((4 + j) * 37 + 9) * 3..][..18]);
    }
}

#[test]
fn a_gpu_that_was_asked_for_is_refused_and_auto_says_why_not() {
    let (description, stored) = &fields()[0];
    let decoder = decoder(description, stored);
    let refused = decoder.clone().with_device(crate::Device::Cuda(0));
    assert!(matches!(refused, Err(Error::Device { .. })));
    let auto = decoder.with_device(crate::Device::Auto).unwrap();
    assert_eq!(auto.device().cpu_reason, Some("fields of splines are evaluated on the CPU"));
    assert_eq!(description.kind(), Kind::Picture);
}
