//! Renderings against the specification, position by position.

use super::*;
use crate::container::Networks;
use crate::error::Error;
use crate::network::{Jet, Network, Shape};
use crate::render::Derivative;
use crate::signal::{Grid, Region, SampleFormat, Samples, Sampling, Tiles};

/// A picture of `tiles` with networks of pseudo-random parameters.
pub fn decoder(lengths: [u32; 2], counts: [u32; 2], overlap: u32) -> Decoder {
    decoder_of(3, lengths, counts, overlap)
}

fn decoder_of(channels: u8, lengths: [u32; 2], counts: [u32; 2], overlap: u32) -> Decoder {
    let description = Description::picture(lengths, channels, SampleFormat::U8);
    let tiles = Tiles::new(&description, &counts, overlap).unwrap();
    let networks = (0..tiles.len())
        .map(|n| {
            let shape = Shape { inputs: 2, outputs: channels.into(), layers: 2, width: 5 + n % 100 };
            let parameter = |k: usize| ((k * 7919 + n * 31) % 97) as f32 / 97.0 - 0.5;
            Network::from_parameters(shape, (0..shape.parameters()).map(parameter).collect())
        })
        .collect();
    let field = Stored::Siren { tiles, networks: Networks::Single(networks) };
    let file = File { description, units: None, missing: None, field, metadata: vec![] };
    Decoder::of(file, &Limits::default()).unwrap()
}

/// The values as the specification defines them, position by position.
fn naive(decoder: &Decoder, grid: &Grid) -> Vec<f32> {
    let [x, y] = [0, 1].map(|a| footprints(&grid.axes[a], decoder.description().lengths()[a]));
    let (mut out, alpha) = (vec![], usize::from(decoder.description().channels) - 1);
    for ys in &y {
        for xs in &x {
            let positions: Vec<[f64; 2]> = ys.iter().flat_map(|&y| xs.iter().map(move |&x| [x, y])).collect();
            let values: Vec<Vec<f32>> = positions.iter().map(|&p| value(decoder, p)).collect();
            let sum = |of: &dyn Fn(&[f32]) -> f64| values.iter().map(|v| of(v)).fold(0.0, |sum, v| sum + v);
            let weight = |v: &[f32]| f64::from(v[alpha].clamp(0.0, 1.0));
            let weights =
                if decoder.description().has_alpha() && values.len() > 1 { sum(&weight) } else { 0.0 };
            out.extend((0..=alpha).map(|c| match weights > 0.0 && c < alpha {
                true => (sum(&|v| weight(v) * f64::from(v[c])) / weights) as f32,
                false => (sum(&|v| f64::from(v[c])) / values.len() as f64) as f32,
            }));
        }
    }
    out
}

/// The positions of each sample of an axis.
fn footprints(axis: &Sampling, length: u32) -> Vec<Vec<f64>> {
    let m = axis.footprint;
    let position = |i, j| {
        let offset = ((f64::from(j) + 0.5) / f64::from(m) - 0.5) * axis.spacing;
        (axis.position(i) + offset).clamp(-0.5, f64::from(length) - 0.5)
    };
    (0..axis.count).map(|i| (0..m).map(|j| position(i, j)).collect()).collect()
}

fn value(decoder: &Decoder, position: [f64; 2]) -> Vec<f32> {
    let Siren { tiles, networks } = decoder.field().siren().unwrap();
    let mut value = vec![0f32; decoder.description().channels.into()];
    for (n, network) in networks.iter().enumerate() {
        let tile = tiles.tile(n);
        let weight = (0..2).map(|a| tiles.weight(a, tile.index[a], position[a])).product::<f32>();
        if weight > 0.0 {
            let point = [tile.coordinate(0, position[0]), tile.coordinate(1, position[1])];
            for (v, y) in value.iter_mut().zip(network.evaluate(&point)) {
                *v = weight.mul_add(y, *v);
            }
        }
    }
    value
}

#[test]
fn rendering_has_the_bits_of_the_specification() {
    for (lengths, counts, overlap) in
        [([33, 20], [1, 1], 0), ([33, 20], [3, 2], 4), ([40, 9], [4, 1], 0), ([300, 70], [2, 3], 7)]
    {
        let decoder = decoder(lengths, counts, overlap);
        // Larger, smaller, and one of each; a footprint of many slabs.
        for size in [lengths, [17, 31], [5, 1], [1, 1]] {
            let grid = Grid::resized(decoder.description(), &size).unwrap();
            let (got, expected) = (decoder.render(&grid).unwrap(), naive(&decoder, &grid));
            let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&got), bits(&expected), "{lengths:?} {counts:?} {size:?}");
        }
    }
}

#[test]
fn colours_of_a_smaller_picture_count_by_their_alpha() {
    for (channels, counts) in [(2, [1, 1]), (4, [3, 2])] {
        let decoder = decoder_of(channels, [60, 44], counts, 4);
        let native = decoder.render(&Grid::native(decoder.description())).unwrap();
        let alpha = native.chunks_exact(channels.into()).map(|v| v[usize::from(channels) - 1]);
        assert!(alpha.clone().any(|a| a < 0.0) && alpha.clone().any(|a| a > 0.0 && a < 1.0));
        for size in [[17, 31], [30, 22], [5, 1]] {
            let grid = Grid::resized(decoder.description(), &size).unwrap();
            let got = decoder.render(&grid).unwrap();
            assert_eq!(got, naive(&decoder, &grid), "{channels} {size:?}");
            // In a jet the values are the same, and the derivatives are plain means.
            let jets = decoder.request(&grid).jet(Jet::Gradient).values().unwrap();
            assert!(got.iter().eq(jets.iter().step_by(3)), "{channels} {size:?}");
        }
    }
}

#[test]
fn a_region_has_the_bits_of_the_whole() {
    let decoder = decoder([64, 48], [2, 2], 5);
    // The window in samples of the grid, for an enlarged and a reduced grid.
    for (size, [x, y], [width, height]) in
        [([200, 100], [90, 40], [20, 15]), ([23, 17], [7, 6], [9, 5]), ([64, 48], [31, 0], [2, 48])]
    {
        let grid = Grid::resized(decoder.description(), &size).unwrap();
        let edge = |a: usize, i: u32| grid.axes[a].position(i) - grid.axes[a].spacing * 0.5;
        let (from, to) = ([edge(0, x), edge(1, y)], [edge(0, x + width), edge(1, y + height)]);
        let region = Region::new(decoder.description(), &from, &to).unwrap();
        let whole = decoder.render(&grid).unwrap();
        let part = decoder.render(&grid.crop(&region).unwrap()).unwrap();
        assert_eq!(part.len() as u32, 3 * width * height);
        for (j, row) in part.chunks_exact(3 * width as usize).enumerate() {
            assert_eq!(row, &whole[((y as usize + j) * size[0] as usize + x as usize) * 3..][..row.len()]);
        }
    }
}

#[test]
fn a_hundredth_of_a_large_rendering_costs_a_fiftieth_at_most() {
    for (counts, overlap) in [([1, 1], 0), ([9, 7], 16)] {
        let decoder = decoder([512, 512], counts, overlap);
        let grid = Grid::resized(decoder.description(), &[4096, 4096]).unwrap();
        let region = Region::new(decoder.description(), &[200.0, 300.0], &[251.2, 351.2]).unwrap();
        let [whole, part] =
            [&grid, &grid.crop(&region).unwrap()].map(|grid| decoder.request(grid).cost().unwrap());
        assert!(part.macs * 50 <= whole.macs, "{part:?} of {whole:?}");
        assert!(part.memory_bytes * 10 <= whole.memory_bytes, "{part:?} of {whole:?}");
    }
}

#[test]
fn half_the_size_is_the_mean_of_two_by_two_native_samples() {
    let decoder = decoder([40, 30], [2, 1], 3);
    let native = decoder.render(&Grid::native(decoder.description())).unwrap();
    let half = Grid::resized(decoder.description(), &[20, 15]).unwrap();
    let got = decoder.render(&half).unwrap();
    let at = |x: usize, y: usize, c: usize| f64::from(native[(y * 40 + x) * 3 + c]);
    for (i, value) in got.iter().enumerate() {
        let (x, y, c) = (i / 3 % 20 * 2, i / 60 * 2, i % 3);
        let mean = (at(x, y, c) + at(x + 1, y, c) + at(x, y + 1, c) + at(x + 1, y + 1, c)) / 4.0;
        assert_eq!(*value, mean as f32);
    }
    let points = decoder.render(&half.at_points()).unwrap();
    assert_eq!(points[..3], value(&decoder, [0.5, 0.5]));
}

#[test]
fn a_footprint_ends_at_the_edge_of_the_signal() {
    let decoder = decoder([40, 30], [1, 1], 0);
    let edge = Grid { axes: vec![Sampling::new(0.0, 7.0, 6), Sampling::new(0.0, 1.0, 1)] };
    assert_eq!(decoder.render(&edge).unwrap(), naive(&decoder, &edge));
    let outside = Grid { axes: vec![Sampling::new(-1.0, 7.0, 6), Sampling::new(0.0, 1.0, 1)] };
    assert!(matches!(decoder.render(&outside), Err(Error::Parameter { name: "grid", .. })));
}

#[test]
fn bands_and_samples_are_the_rendering() {
    let decoder = decoder([300, 70], [2, 3], 7);
    let grid = Grid::resized(decoder.description(), &[500, 90]).unwrap();
    let values = decoder.render(&grid).unwrap();
    let bands: Vec<Vec<f32>> = decoder.request(&grid).bands().unwrap().map(Result::unwrap).collect();
    assert!(bands.len() > 1 && bands.iter().all(|band| band.len().is_multiple_of(1500)));
    assert_eq!(bands.concat(), values);
    for format in [SampleFormat::U8, SampleFormat::U16] {
        let mut expected = Samples::with_capacity(format, 0);
        expected.extend_from_units(&values);
        assert_eq!(decoder.request(&grid).samples(format).unwrap(), expected);
    }
}

#[test]
fn tiles_that_see_a_few_points_at_a_time_cost_whole_blocks_and_visits() {
    // 512 rows of 128 positions are four bands, each a visit of 64 tiles, whose blocks see 2 × 128 positions.
    let tall = decoder([128, 512], [64, 1], 0);
    // 1024 positions in as many tiles, in one band: a block for each of them.
    let single = decoder([1024, 1], [1024, 1], 0);
    for (decoder, visits, blocks) in [(tall, 64 * 4, 64 * 4 * 2), (single, 1024, 1024)] {
        let cost = decoder.request(&Grid::native(decoder.description())).cost().unwrap();
        let networks = &decoder.field().siren().unwrap().networks;
        let lanes = 128 * blocks / networks.len() as u64;
        let shapes = networks.iter().map(|network| network.shape());
        let networks: u64 = shapes.map(|s| lanes * (s.macs() + 16 * s.layers * s.width) as u64).sum();
        assert_eq!(cost.network_macs, networks);
        let positions = decoder.description().positions();
        assert_eq!(cost.macs - cost.network_macs, positions * 2600 + visits * 35_000);
    }
}

#[test]
fn a_rendering_ends_when_it_is_cancelled_or_its_time_is_over() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let decoder = decoder([64, 48], [3, 2], 4);
    let grid = Grid::resized(decoder.description(), &[2000, 1500]).unwrap();
    let work = decoder.request(&grid).cost().unwrap();
    assert!(work.samples / 128 > 50_000, "many blocks");
    let cancelled = decoder.clone().with_cancel(move || count.fetch_add(1, Ordering::Relaxed) >= 20);
    assert!(matches!(cancelled.render(&grid), Err(Error::Cancelled)));
    // Each thread may have called once more.
    let most = 21 + std::thread::available_parallelism().map_or(1, |threads| threads.get() as u32);
    assert!(calls.load(Ordering::Relaxed) <= most, "{calls:?}");
    assert!(matches!(cancelled.sample(&[1.0, 1.0]), Err(Error::Cancelled)));
    assert!(matches!(
        cancelled.request(&grid).derivative(Derivative::Gradient).values(),
        Err(Error::Cancelled)
    ));

    let mut limited = decoder.clone();
    limited.limits.time = Some(std::time::Duration::ZERO);
    let refused = limited.render(&grid).unwrap_err().to_string();
    assert!(refused.starts_with("milliseconds of the rendering"), "{refused}");
    limited.limits.time = Some(std::time::Duration::from_secs(3600));
    let small = Grid::native(decoder.description());
    assert_eq!(limited.render(&small).unwrap(), decoder.render(&small).unwrap());
}

/// Whatever control bits a host has set, a file decodes to the same parameters, values, reduced means,
/// derivatives and samples, also on threads that inherit the bits.
#[test]
#[cfg(all(feature = "threads", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn the_control_bits_of_the_host_change_no_bits() {
    use crate::ieee::tests::{DISTURBED, disturbed};
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let of = |bytes: &[u8]| {
        let decoder = Decoder::open(bytes).unwrap();
        let description = decoder.description().clone();
        let counts: Vec<u32> = description.lengths().iter().map(|n| n.div_ceil(3)).collect();
        let (native, third) = (Grid::native(&description), Grid::resized(&description, &counts).unwrap());
        let mut bits: Vec<u32> = decoder
            .field()
            .siren()
            .map_or(&[][..], |siren| &siren.networks)
            .iter()
            .flat_map(|n| n.parameters())
            .map(|p| p.to_bits())
            .collect();
        // Exact in any mode, as it is computed under the host's bits.
        let point: Vec<f64> = description.lengths().iter().map(|&n| f64::from(n / 3) + 0.25).collect();
        let renderings = [
            decoder.render(&native).unwrap(),
            decoder.render(&third).unwrap(),
            decoder.request(&native).jet(Jet::Hessian).values().unwrap(),
            decoder.sample(&point).unwrap(),
        ];
        bits.extend(renderings.iter().flatten().map(|v| v.to_bits()));
        let samples = decoder.request(&third).samples(SampleFormat::U16).unwrap();
        // Text, since a missing sample is NaN, which equals nothing.
        (bits, samples, format!("{:?}", decoder.taylor(&point, 3).unwrap()))
    };
    let mut files = 0;
    for sub in ["valid", "uncommon"] {
        for entry in std::fs::read_dir(folder.join(sub)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let decoder = Decoder::open(&bytes[..]).unwrap();
            if decoder.description().positions() > 2000 {
                continue;
            }
            let expected = of(&bytes);
            for host in DISTURBED {
                let work = || {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
                    pool.install(|| of(&bytes))
                };
                assert!(disturbed(host, work) == expected, "{} {host:#x}", path.display());
            }
            files += 1;
        }
    }
    assert!(files > 40, "{files}");
}

#[test]
fn the_cost_is_known_and_limited_before_rendering() {
    let mut decoder = decoder([64, 48], [1, 1], 0);
    let grid = Grid::native(decoder.description());
    let cost = decoder.request(&grid).cost().unwrap();
    // 24 blocks of points with two layers of five sines, evaluated at once.
    let networks = 24 * 128 * (10 + 25 + 15 + 16 * 10);
    let rest = 64 * 48 * (2000 + 3 * 200) + 35_000;
    assert_eq!((cost.samples, cost.network_macs, cost.macs), (64 * 48 * 3, networks, networks + rest));
    decoder.limits.macs = cost.macs - 1;
    assert!(matches!(decoder.render(&grid), Err(Error::Limit { .. })));
    decoder.limits = Limits { samples: 10, ..Limits::default() };
    assert!(matches!(decoder.request(&grid).cost(), Err(Error::Limit { needed: 9216, allowed: 10, .. })));
    assert!(matches!(decoder.render(&Grid { axes: vec![] }), Err(Error::Parameter { .. })));
}
