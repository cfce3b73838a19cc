//! container → network → a handle to render from.

mod derivatives;
mod fidelity;
mod points;

pub use fidelity::GradientError;

use crate::backend::simd::Level;
use crate::backend::{Device, Engine};
use crate::container::{self, File};
use crate::error::{Error, Result};
use crate::ieee::ieee;
use crate::limits::{Limits, addressable, bytes_of, room};
use crate::network::{Jet, Network};
use crate::render::Rendering;
use crate::signal::{Description, Grid, Metadata, SampleFormat, Samples, Tiles, Units};
use crate::watch::{Cancel, Watch};
use std::io::Read;
use std::num::Saturating;

/// An opened `.siren` file, ready to render.
#[derive(Clone, Debug)]
pub struct Decoder {
    file: File,
    networks: Vec<Network>,
    limits: Limits,
    engine: Engine,
    cancel: Option<Cancel>,
}

/// What a rendering costs, known before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Samples of the grid × channels.
    pub samples: u64,
    /// Work in multiply-adds: those of the networks and, of positions, blends and visits of tiles, those that a fast vector unit does
    /// meanwhile.
    pub macs: u64,
    /// Those of the networks among them, over whole blocks of points and with their sines: what is slow where no vector unit is.
    pub network_macs: u64,
    /// Bytes of memory at most: of the file as it is held, the rendered values (binary32) and the bands in work.
    pub memory_bytes: u64,
}

impl Cost {
    /// Seconds that one thread takes at `level`, about: rates measured on Zen 4.
    pub fn seconds(&self, level: Level) -> f64 {
        const FAST: f64 = 5e10;
        let networks = match level {
            // Where the processor has no fused multiply-add; in plain loops.
            Level::Portable => 2.5e8,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => 2.5e10,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => FAST,
        };
        self.network_macs as f64 / networks + (self.macs - self.network_macs) as f64 / FAST
    }
}

impl Decoder {
    /// Reads a `.siren` file to its end and decodes its networks.
    ///
    /// # Errors
    /// [`Error::Format`] if the file breaks the specification, `Unsupported`, `Limit`, `Io`.
    pub fn open<R: Read>(reader: R, limits: &Limits) -> Result<Self> {
        Self::of(container::read(reader, limits)?, limits)
    }
    /// As [`Decoder::open`], of a file that is in memory, which is not copied.
    ///
    /// # Errors
    /// As [`Decoder::open`], without `Io`.
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Result<Self> {
        Self::of(container::parse(bytes, limits)?, limits)
    }
    /// A decoder for a file that was read and found valid.
    ///
    /// # Errors
    /// `Io` if the system has no memory for its networks.
    pub(crate) fn of(file: File, limits: &Limits) -> Result<Self> {
        let networks = ieee(|| file.networks.decode())?;
        Ok(Decoder { networks, file, limits: limits.clone(), engine: Engine::default(), cancel: None })
    }
    /// Renderings end with [`Error::Cancelled`](crate::Error::Cancelled) soon after `cancelled` says so: it is asked between blocks of 128 points
    /// of a tile, from all threads that render. [`Limits::time`] sets a time instead.
    pub fn with_cancel(self, cancelled: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Decoder { cancel: Some(Cancel::new(cancelled)), ..self }
    }
    /// Evaluates the networks on `device` instead of the CPU: to the same bits. [`Device::Auto`] takes a usable GPU that has room
    /// for them, and otherwise the CPU, also when the GPU fails while it renders.
    ///
    /// # Errors
    /// `Device` if the device asked for by name is not usable, or a network is too wide for it; renderings give the same
    /// error where it fails later.
    pub fn with_device(self, device: Device) -> Result<Self> {
        Ok(Decoder { engine: Engine::new(device, &self.networks)?, ..self })
    }
    /// The device that evaluates the networks, as in `cpu (avx512)` or `cuda:0 (NVIDIA H100)`, and why [`Device::Auto`] came to
    /// the CPU if it did.
    pub fn device(&self) -> (String, Option<&str>) {
        self.engine.name()
    }
    /// The signal.
    pub fn description(&self) -> &Description {
        &self.file.description
    }
    /// Its partition.
    pub fn tiles(&self) -> &Tiles {
        &self.file.tiles
    }
    /// How the values of the networks become those of the signal; `None` where they are the same.
    pub fn units(&self) -> Option<&Units> {
        self.file.units.as_ref()
    }
    /// The decoded networks, one per tile.
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }
    /// The file as stored.
    pub fn file(&self) -> &File {
        &self.file
    }
    /// Metadata.
    pub fn metadata(&self) -> &[Metadata] {
        &self.file.metadata
    }
    /// What rendering `grid` would cost.
    ///
    /// # Errors
    /// `Limit` if `grid` has more samples than the limits given to [`Decoder::open`] allow, `Parameter` if it does
    /// not fit the signal.
    pub fn cost(&self, grid: &Grid) -> Result<Cost> {
        Ok(self.rendering(grid, None)?.1)
    }
    /// Renders `grid`: `samples × channels` unit values, first axis fastest, channels interleaved.
    ///
    /// # Errors
    /// `Limit` if the cost exceeds the limits given to [`Decoder::open`], `Parameter` if the grid does not fit, `Device` if
    /// the device of [`Decoder::with_device`] fails.
    pub fn render(&self, grid: &Grid) -> Result<Vec<f32>> {
        let (rendering, cost) = self.affordable(grid, None)?;
        let mut values = room(cost.samples)?;
        for band in rendering.bands() {
            values.extend(band?);
        }
        Ok(values)
    }
    /// Renders `grid` as samples of `format`, `U8` or `U16` for a picture: rounded and clamped as the specification
    /// says.
    ///
    /// # Errors
    /// As [`Decoder::render`].
    pub fn render_samples(&self, grid: &Grid, format: SampleFormat) -> Result<Samples> {
        let (rendering, cost) = self.affordable(grid, None)?;
        let mut samples = Samples::with_capacity(format, 0);
        samples.reserve(addressable(cost.samples)?)?;
        for band in rendering.bands() {
            let band = band?;
            ieee(|| samples.extend_from_units(&band));
        }
        Ok(samples)
    }
    /// Renders `grid` in bands along its last axis — rows of a picture, stretches of a sound — handing the values of
    /// each to `sink` in order. Memory stays bounded by a few bands.
    ///
    /// # Errors
    /// As [`Decoder::render`], and whatever `sink` returns.
    pub fn render_rows(&self, grid: &Grid, mut sink: impl FnMut(&[f32]) -> Result<()>) -> Result<()> {
        self.affordable(grid, None)?.0.bands().try_for_each(|band| sink(&band?))
    }
    /// The same bands as [`Decoder::render_rows`], one after the other when they are asked for: one row of a picture or
    /// several, so always a multiple of its width times the channels. One that is an error (`Device`) is the last.
    ///
    /// # Errors
    /// As [`Decoder::render`].
    pub fn bands(&self, grid: &Grid) -> Result<impl Iterator<Item = Result<Vec<f32>>>> {
        Ok(self.affordable(grid, None)?.0.bands())
    }

    /// The rendering of values, or of a jet, if the limits allow it.
    fn affordable(&self, grid: &Grid, jet: Option<Jet>) -> Result<(Rendering<'_>, Cost)> {
        let (rendering, cost) = self.rendering(grid, jet)?;
        Limits::ask("multiply-adds of the rendering", cost.macs, self.limits.macs)?;
        Limits::ask("bytes of memory for the rendering", cost.memory_bytes, self.limits.memory_bytes)?;
        Ok((rendering, cost))
    }

    fn rendering(&self, grid: &Grid, jet: Option<Jet>) -> Result<(Rendering<'_>, Cost)> {
        let Description { lengths, channels, .. } = self.description();
        if grid.axes.len() != lengths.len() {
            let detail = format!("{} axes, {} expected", grid.axes.len(), lengths.len());
            return Err(Error::parameter("grid", detail));
        }
        grid.axes.iter().zip(lengths).try_for_each(|(axis, &length)| axis.check(length))?;
        let samples = (Saturating(grid.positions()) * Saturating(u64::from(*channels))).0;
        Limits::ask("samples of the rendering", samples, self.limits.samples)?;
        let work = (&self.engine, self.watch());
        let rendering =
            ieee(|| Rendering::new(&self.networks, self.tiles(), grid, self.description(), jet, work))?;
        let rendering = rendering.in_units(self.units());
        let components = jet.map_or(1, |jet| jet.components(lengths.len())) as u64;
        let values = bytes_of::<f32>(Saturating(samples) * Saturating(components));
        let memory = self.file.memory_bytes() + values + rendering.working_bytes();
        let work = rendering.work();
        let (macs, network_macs, memory_bytes) = (work.total().0, work.networks.0, memory.0);
        let cost = Cost { samples, macs, network_macs, memory_bytes };
        Ok((rendering, cost))
    }

    /// The watch over a rendering that begins now.
    fn watch(&self) -> Watch<'_> {
        Watch::new(&self.limits, self.cancel.as_ref())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::container::Networks;
    use crate::network::Shape;
    use crate::render::Derivative;
    use crate::signal::{Axis, Kind, Region};

    /// A picture of `tiles` with networks of pseudo-random parameters.
    pub fn decoder(lengths: [u32; 2], counts: [u32; 2], overlap: u32) -> Decoder {
        decoder_of(3, lengths, counts, overlap)
    }

    fn decoder_of(channels: u8, lengths: [u32; 2], counts: [u32; 2], overlap: u32) -> Decoder {
        let description = Description {
            kind: Kind::Picture,
            lengths: lengths.to_vec(),
            channels,
            format: SampleFormat::U8,
            rate: 0,
        };
        let tiles = Tiles::new(&description, &counts, overlap).unwrap();
        let networks = (0..tiles.len())
            .map(|n| {
                let shape = Shape { inputs: 2, outputs: channels.into(), layers: 2, width: 5 + n };
                let parameter = |k: usize| ((k * 7919 + n * 31) % 97) as f32 / 97.0 - 0.5;
                Network::from_parameters(shape, (0..shape.parameters()).map(parameter).collect())
            })
            .collect();
        let file =
            File { description, tiles, units: None, networks: Networks::Single(networks), metadata: vec![] };
        Decoder::of(file, &Limits::default()).unwrap()
    }

    /// The specification, position by position.
    fn naive(decoder: &Decoder, grid: &Grid) -> Vec<f32> {
        let [x, y] = [0, 1].map(|a| footprints(&grid.axes[a], decoder.description().lengths[a]));
        let (mut out, alpha) = (vec![], usize::from(decoder.description().channels) - 1);
        for ys in &y {
            for xs in &x {
                let positions: Vec<[f64; 2]> =
                    ys.iter().flat_map(|&y| xs.iter().map(move |&x| [x, y])).collect();
                let values: Vec<Vec<f32>> = positions.iter().map(|&p| value(decoder, p)).collect();
                let sum =
                    |of: &dyn Fn(&[f32]) -> f64| values.iter().map(|v| of(v)).fold(0.0, |sum, v| sum + v);
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
    fn footprints(axis: &Axis, length: u32) -> Vec<Vec<f64>> {
        let m = axis.footprint;
        let position = |i, j| {
            let offset = ((f64::from(j) + 0.5) / f64::from(m) - 0.5) * axis.spacing;
            (axis.position(i) + offset).clamp(-0.5, f64::from(length) - 0.5)
        };
        (0..axis.count).map(|i| (0..m).map(|j| position(i, j)).collect()).collect()
    }

    fn value(decoder: &Decoder, position: [f64; 2]) -> Vec<f32> {
        let (tiles, mut value) = (decoder.tiles(), vec![0f32; decoder.description().channels.into()]);
        for (n, network) in decoder.networks().iter().enumerate() {
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
                // In a jet too the values are those, and the derivatives plain means.
                let jets = decoder.render_jet(&grid, Jet::Gradient).unwrap();
                assert!(got.iter().eq(jets.iter().step_by(3)), "{channels} {size:?}");
            }
        }
    }

    #[test]
    fn a_region_has_the_bits_of_the_whole() {
        let decoder = decoder([64, 48], [2, 2], 5);
        // The window in samples of the grid, for an enlarged and a reduced one.
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
                assert_eq!(
                    row,
                    &whole[((y as usize + j) * size[0] as usize + x as usize) * 3..][..row.len()]
                );
            }
        }
    }

    #[test]
    fn a_hundredth_of_a_large_rendering_costs_a_fiftieth_at_most() {
        for (counts, overlap) in [([1, 1], 0), ([9, 7], 16)] {
            let decoder = decoder([512, 512], counts, overlap);
            let grid = Grid::resized(decoder.description(), &[4096, 4096]).unwrap();
            let region = Region::new(decoder.description(), &[200.0, 300.0], &[251.2, 351.2]).unwrap();
            let [whole, part] = [&grid, &grid.crop(&region).unwrap()].map(|grid| decoder.cost(grid).unwrap());
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
        let edge = Grid { axes: vec![Axis::new(0.0, 7.0, 6), Axis::new(0.0, 1.0, 1)] };
        assert_eq!(decoder.render(&edge).unwrap(), naive(&decoder, &edge));
        let outside = Grid { axes: vec![Axis::new(-1.0, 7.0, 6), Axis::new(0.0, 1.0, 1)] };
        assert!(matches!(decoder.render(&outside), Err(Error::Parameter { name: "grid", .. })));
    }

    #[test]
    fn bands_and_samples_are_the_rendering() {
        let decoder = decoder([300, 70], [2, 3], 7);
        let grid = Grid::resized(decoder.description(), &[500, 90]).unwrap();
        let values = decoder.render(&grid).unwrap();
        let bands: Vec<Vec<f32>> = decoder.bands(&grid).unwrap().map(Result::unwrap).collect();
        assert!(bands.len() > 1 && bands.iter().all(|band| band.len().is_multiple_of(1500)));
        assert_eq!(bands.concat(), values);
        for format in [SampleFormat::U8, SampleFormat::U16] {
            let mut expected = Samples::with_capacity(format, 0);
            expected.extend_from_units(&values);
            assert_eq!(decoder.render_samples(&grid, format).unwrap(), expected);
        }
    }

    #[test]
    fn tiles_that_see_a_few_points_at_a_time_cost_whole_blocks_and_visits() {
        // 512 rows of 128 positions are four bands, each a visit of 64 tiles, whose blocks see 2 × 128 positions.
        let tall = decoder([128, 512], [64, 1], 0);
        // 1024 positions in as many tiles, in one band: a block for each of them.
        let single = decoder([1024, 1], [1024, 1], 0);
        for (decoder, visits, blocks) in [(tall, 64 * 4, 64 * 4 * 2), (single, 1024, 1024)] {
            let cost = decoder.cost(&Grid::native(decoder.description())).unwrap();
            let lanes = 128 * blocks / decoder.networks().len() as u64;
            let shapes = decoder.networks().iter().map(|network| network.shape());
            let networks: u64 = shapes.map(|s| lanes * (s.macs() + 16 * s.layers * s.width) as u64).sum();
            assert_eq!(cost.network_macs, networks);
            let positions = decoder.description().positions();
            assert_eq!(cost.macs - cost.network_macs, positions * 2600 + visits * 70_000);
        }
    }

    #[test]
    fn a_rendering_ends_when_it_is_cancelled_or_its_time_is_over() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicU32, Ordering};
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let decoder = decoder([64, 48], [3, 2], 4);
        let grid = Grid::resized(decoder.description(), &[2000, 1500]).unwrap();
        let work = decoder.cost(&grid).unwrap();
        assert!(work.samples / 128 > 50_000, "many blocks");
        let cancelled = decoder.clone().with_cancel(move || count.fetch_add(1, Ordering::Relaxed) >= 20);
        assert!(matches!(cancelled.render(&grid), Err(Error::Cancelled)));
        // Each thread may have asked once more.
        let most = 21 + std::thread::available_parallelism().unwrap().get() as u32;
        assert!(asked.load(Ordering::Relaxed) <= most, "{asked:?}");
        assert!(matches!(cancelled.sample(&[1.0, 1.0]), Err(Error::Cancelled)));
        assert!(matches!(cancelled.differentiate(&grid, Derivative::Gradient), Err(Error::Cancelled)));

        let mut limited = decoder.clone();
        limited.limits.time = Some(std::time::Duration::ZERO);
        let refused = limited.render(&grid).unwrap_err().to_string();
        assert!(refused.starts_with("milliseconds of the rendering"), "{refused}");
        limited.limits.time = Some(std::time::Duration::from_secs(3600));
        let small = Grid::native(decoder.description());
        assert_eq!(limited.render(&small).unwrap(), decoder.render(&small).unwrap());
    }

    /// Whatever a host has set, a file is the same: its parameters, its values, the means of a smaller size, its derivatives, and its
    /// samples, on threads too that inherit what is set.
    #[test]
    #[cfg(all(feature = "threads", any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn the_control_bits_of_the_host_change_no_bits() {
        use crate::ieee::tests::{DISTURBED, disturbed};
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let of = |bytes: &[u8]| {
            let decoder = Decoder::from_bytes(bytes, &Limits::default()).unwrap();
            let description = decoder.description().clone();
            let counts: Vec<u32> = description.lengths.iter().map(|n| n.div_ceil(3)).collect();
            let (native, third) = (Grid::native(&description), Grid::resized(&description, &counts).unwrap());
            let mut bits: Vec<u32> =
                decoder.networks().iter().flat_map(|n| n.parameters()).map(|p| p.to_bits()).collect();
            // Exact, as it is computed where the host's bits hold.
            let point: Vec<f64> = description.lengths.iter().map(|&n| f64::from(n / 3) + 0.25).collect();
            let renderings = [
                decoder.render(&native).unwrap(),
                decoder.render(&third).unwrap(),
                decoder.render_jet(&native, Jet::Laplacian).unwrap(),
                decoder.sample(&point).unwrap(),
            ];
            bits.extend(renderings.iter().flatten().map(|v| v.to_bits()));
            let samples = decoder.render_samples(&third, SampleFormat::U16).unwrap();
            (bits, samples, decoder.taylor(&point, 3).unwrap())
        };
        let mut files = 0;
        for sub in ["valid", "uncommon"] {
            for entry in std::fs::read_dir(folder.join(sub)).unwrap() {
                let path = entry.unwrap().path();
                let bytes = std::fs::read(&path).unwrap();
                let decoder = Decoder::from_bytes(&bytes, &Limits::default()).unwrap();
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
        let cost = decoder.cost(&grid).unwrap();
        // 24 blocks of points with two layers of five sines, evaluated at once.
        let networks = 24 * 128 * (10 + 25 + 15 + 16 * 10);
        let rest = 64 * 48 * (2000 + 3 * 200) + 70_000;
        assert_eq!((cost.samples, cost.network_macs, cost.macs), (64 * 48 * 3, networks, networks + rest));
        decoder.limits.macs = cost.macs - 1;
        assert!(matches!(decoder.render(&grid), Err(Error::Limit { .. })));
        decoder.limits = Limits { samples: 10, ..Limits::default() };
        assert!(matches!(decoder.cost(&grid), Err(Error::Limit { needed: 9216, allowed: 10, .. })));
        assert!(matches!(decoder.render(&Grid { axes: vec![] }), Err(Error::Parameter { .. })));
    }
}
