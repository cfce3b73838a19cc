//! The error of each tile of a signal, to find the worst tile.

use super::distortion::{ratio_db, relative};
use crate::signal::{Description, SampleFormat, Samples, Signal, Tiles};

/// Accumulates the squared error of each tile's core, the samples for which it is the nearest tile.
#[derive(Clone, Debug)]
pub struct TileErrors {
    tiles: Tiles,
    format: SampleFormat,
    channels: usize,
    /// Whether errors of colours are weighted by the alpha in the last channel.
    by_alpha: bool,
    /// For each axis, the tile that each native sample belongs to.
    owners: Vec<Vec<u32>>,
    /// Of each channel of each tile.
    sums: Vec<f64>,
    /// Samples that are missing in either signal.
    missing: Vec<u64>,
}

/// The tile with the largest error.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WorstTile {
    /// First native sample of its core along each axis.
    pub start: Vec<u32>,
    /// Native samples of its core along each axis.
    pub lengths: Vec<u32>,
    /// PSNR of its core, dB.
    pub psnr_db: f64,
}

impl TileErrors {
    /// Empty sums for a signal with partition `tiles`.
    pub fn new(description: &Description, tiles: &Tiles) -> Self {
        let owners = |axis: usize| {
            let cores = (0..tiles.counts()[axis]).map(move |k| (k, tiles.core(axis, k)));
            cores.flat_map(|(k, core)| std::iter::repeat_n(k, core.len())).collect()
        };
        TileErrors {
            format: description.format,
            channels: usize::from(description.channels.max(1)),
            by_alpha: description.has_alpha(),
            owners: (0..description.axes.len()).map(owners).collect(),
            sums: vec![0.0; tiles.len() * usize::from(description.channels.max(1))],
            missing: vec![0; tiles.len()],
            tiles: tiles.clone(),
        }
    }

    /// Gives all colours weight 1, whatever their alpha.
    pub fn with_invisible(self) -> Self {
        TileErrors { by_alpha: false, ..self }
    }

    /// Adds the error of `rendered`, whole positions of unit values that are rounded to the format here,
    /// against as many samples of `source` from the sample (not the position) `start_index` on.
    ///
    /// # Panics
    /// If `source` ends earlier.
    pub fn add(&mut self, source: &Samples, start_index: usize, rendered: &[f32]) {
        self.add_rendered(0, source, start_index, rendered);
    }

    /// Adds the error of `rendered`, whole positions of unit values that are rounded to the format here, against
    /// `source`, as many samples of the signal from sample number `first` on.
    ///
    /// # Panics
    /// If `source` is shorter.
    pub fn add_part(&mut self, first: usize, source: &Samples, rendered: &[f32]) {
        self.add_rendered(first, source, 0, rendered);
    }

    fn add_rendered(&mut self, first: usize, source: &Samples, start_index: usize, rendered: &[f32]) {
        let format = self.format;
        self.add_errors((first, source), start_index, rendered.len(), |i| {
            let rounded = format.unit(format.quantize(rendered[i]));
            f64::from(rounded) - f64::from(source.get(start_index + i))
        });
    }

    /// Adds the error of a whole signal against another.
    pub fn add_signal(&mut self, source: &Signal, other: &Signal) {
        self.add_samples(0, &source.samples, &other.samples);
    }

    /// Adds the error of `other` against `source`, samples of two signals from sample number `first` on.
    pub fn add_samples(&mut self, first: usize, source: &Samples, other: &Samples) {
        let count = source.len().min(other.len());
        self.add_errors((first, source), 0, count, |i| f64::from(other.get(i)) - f64::from(source.get(i)));
    }

    /// Adds the errors of `count` samples of `source`, whose first sample has the number `first`.
    fn add_errors(
        &mut self,
        (first, source): (usize, &Samples),
        start_index: usize,
        count: usize,
        error: impl Fn(usize) -> f64,
    ) {
        if self.tiles.len() < 2 {
            return;
        }
        let width = self.owners[0].len();
        let (mut at, start) = (0, (first + start_index) / self.channels);
        while at < count {
            // Along the first axis, runs of samples of one tile at a time.
            let position = start + at / self.channels;
            let (x, row) = (position % width, self.of_row(position / width));
            let owner = self.owners[0][x];
            let run = self.tiles.core(0, owner).end as usize - x;
            let end = (at + run * self.channels).min(count);
            let tile = row + owner as usize;
            for i in at..end {
                match error(i) {
                    error if error.is_nan() => self.missing[tile] += 1,
                    error => {
                        let weighted = self.weight(source, start_index, i) * error.powi(2);
                        self.sums[tile * self.channels + i % self.channels] += weighted;
                    }
                }
            }
            at = end;
        }
    }

    /// The weight of the error of sample `start_index + i`.
    fn weight(&self, source: &Samples, start_index: usize, i: usize) -> f64 {
        let channel = i % self.channels;
        match self.by_alpha && channel + 1 < self.channels {
            true => super::opacity(source.get(start_index + i - channel + self.channels - 1).into()),
            false => 1.0,
        }
    }

    /// The number of the first tile that a row of the first axis crosses.
    fn of_row(&self, mut row: usize) -> usize {
        let (mut number, mut stride) = (0, self.tiles.counts()[0] as usize);
        for (owners, &count) in self.owners.iter().zip(self.tiles.counts()).skip(1) {
            number += stride * owners[row % owners.len()] as usize;
            row /= owners.len();
            stride *= count as usize;
        }
        number
    }

    /// The tile with the lowest PSNR by the `peaks` of the channels; `None` if there is only one tile.
    pub fn worst(&self, peaks: &[f64]) -> Option<WorstTile> {
        let mse = |number: usize| {
            let samples = (self.core_samples(number) * self.channels) as u64 - self.missing[number];
            let sums = self.sums[number * self.channels..][..self.channels].iter().zip(peaks);
            sums.map(|(&sum, &peak)| relative(sum, peak)).sum::<f64>() / samples.max(1) as f64
        };
        let worst = (0..self.tiles.len()).max_by(|&a, &b| mse(a).total_cmp(&mse(b)))?;
        let cores = self.cores(worst);
        (self.tiles.len() > 1).then(|| WorstTile {
            start: cores.iter().map(|core| core.start).collect(),
            lengths: cores.iter().map(|core| core.end - core.start).collect(),
            psnr_db: ratio_db(1.0, mse(worst)),
        })
    }

    fn core_samples(&self, number: usize) -> usize {
        self.cores(number).iter().map(|core| core.len()).product()
    }

    fn cores(&self, number: usize) -> Vec<std::ops::Range<u32>> {
        let index = self.tiles.tile(number).index;
        index.into_iter().enumerate().map(|(axis, k)| self.tiles.core(axis, k)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::metric::tests::picture;

    #[test]
    fn the_worst_tile_is_found_however_its_samples_arrive() {
        let signal = picture(7, 5, 3, Samples::U8(vec![100; 7 * 5 * 3]));
        let tiles = Tiles::new(&signal.description, &[2, 2], 1).unwrap();
        // Cores: 0..3 and 3..7, 0..2 and 2..5. An error of one code everywhere, three in one sample at the
        // lower left.
        let mut rendered = vec![101.0 / 255.0; 7 * 5 * 3];
        rendered[(4 * 7 + 2) * 3 + 1] = 103.0 / 255.0;
        for step in [3, 6, 21, 33, 105] {
            let mut errors = TileErrors::new(&signal.description, &tiles);
            for (k, part) in rendered.chunks(step).enumerate() {
                errors.add(&signal.samples, k * step, part);
            }
            let worst = errors.worst(&[1.0; 3]).unwrap();
            assert_eq!((&worst.start[..], &worst.lengths[..]), (&[0, 2][..], &[3, 3][..]), "{step}");
            let mse = (26.0 + 9.0) / 27.0 / 255f64.powi(2);
            assert!((worst.psnr_db + 10.0 * mse.log10()).abs() < 1e-4, "{worst:?}");
        }
    }

    #[test]
    fn a_tile_is_not_the_worst_for_what_nobody_sees() {
        // On the left a large error under an alpha of 0, on the right a visible error of one code.
        let signal = picture(2, 1, 2, Samples::U8(vec![0, 0, 100, 255]));
        let tiles = Tiles::new(&signal.description, &[2, 1], 0).unwrap();
        let starts = [
            TileErrors::new(&signal.description, &tiles),
            TileErrors::new(&signal.description, &tiles).with_invisible(),
        ]
        .map(|mut errors| {
            errors.add(&signal.samples, 0, &[1.0, 0.0, 101.0 / 255.0, 1.0]);
            errors.worst(&[1.0; 2]).unwrap().start
        });
        assert_eq!(starts, [[1, 0], [0, 0]]);
    }

    #[test]
    fn one_tile_is_not_the_worst() {
        let signal = picture(4, 4, 1, Samples::U8(vec![1; 16]));
        let mut errors = TileErrors::new(&signal.description, &Tiles::one(&signal.description));
        errors.add(&signal.samples, 0, &[0.5; 16]);
        assert_eq!(errors.worst(&[1.0]), None);
    }
}
