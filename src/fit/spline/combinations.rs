//! The learned combinations of all coarser grids that an informed grid has in its context, at half its
//! resolution.

use super::pyramid::{Grid, layout};
use crate::backend::simd::Level;
use crate::backend::simd::spline::training::{Combined, GridSlopes, Include, Pool, Refine, WeightSlopes};
use crate::field::spline::Shape;

/// The combinations of one informed grid, from half its resolution down to the coarsest grid's.
pub(super) struct Combinations {
    /// The grid, and the number of grids that are coarser, all of them before it in coding order.
    pub grid: usize,
    pub coarser: usize,
    pub maps: Vec<Map>,
    /// Slopes by the weights and by the biases.
    pub slopes: [Vec<f32>; 2],
}

/// The combinations at one level.
pub(super) struct Map {
    level: u32,
    shape: Combined,
    pub values: Vec<f32>,
    /// Slopes of the loss by the values; of coarse maps, by all the finer ones made of them.
    pub slopes: Vec<f32>,
}

impl Combinations {
    /// Those of all informed grids, in coding order.
    pub fn of(shape: &Shape, grids: &[Grid]) -> Vec<Combinations> {
        let (coarsest, combinations) = (grids[0].shape.level, shape.context.combinations);
        let of_grid = |(grid, of): (usize, &Grid)| {
            let finest = of.shape.level + 1;
            let map = |level| {
                let shape = Combined { layout: layout(shape, level), count: combinations };
                Map { level, shape, values: vec![0.0; shape.len()], slopes: vec![0.0; shape.len()] }
            };
            let coarser = shape.coarser(of.shape.level);
            Combinations {
                grid,
                coarser,
                maps: (finest..=coarsest).map(map).collect(),
                slopes: [vec![0.0; combinations * coarser], vec![0.0; combinations]],
            }
        };
        grids.iter().enumerate().filter(|(_, grid)| grid.shape.is_informed()).map(of_grid).collect()
    }

    /// The weights of coarser grid `of` in all combinations.
    fn column(&self, weights: &[f32], of: usize) -> Vec<f32> {
        weights[of..].iter().step_by(self.coarser).copied().collect()
    }

    /// Computes all maps, from the coarsest to the finest.
    pub fn combine(&mut self, level: Level, grids: &[Grid], weights: &[f32], biases: &[f32]) {
        for n in (0..self.maps.len()).rev() {
            let columns: Vec<_> = self.at_level(grids, n).map(|of| (of, self.column(weights, of))).collect();
            let (maps, coarse) = self.maps.split_at_mut(n + 1);
            let Map { shape, values, .. } = &mut maps[n];
            match coarse.first() {
                Some(coarse) => level.run(Refine { shape: *shape, coarse: &coarse.values, fine: values }),
                None => {
                    let rows = values.chunks_exact_mut(shape.layout.vectors());
                    rows.zip(biases.iter().cycle()).for_each(|(row, &bias)| row.fill(bias));
                }
            }
            for (of, weights) in columns {
                let (rounded, weights) = (&grids[of].rounded[..], &weights[..]);
                level.run(Include { shape: *shape, weights, rounded, combined: values });
            }
        }
    }

    /// Computes the slopes by the coarse maps, the weights and the biases from those by the finest map.
    pub fn propagate(&mut self, level: Level, grids: &[Grid]) {
        for n in 0..self.maps.len() {
            if let Some((fine, coarse)) =
                self.maps[..=n].split_at_mut_checked(n).filter(|(fine, _)| !fine.is_empty())
            {
                let (fine, coarse) = (&fine[n - 1], &mut coarse[0]);
                level.run(Pool { shape: fine.shape, fine: &fine.slopes, coarse: &mut coarse.slopes });
            }
            for of in self.at_level(grids, n).collect::<Vec<_>>() {
                let Map { shape, slopes, .. } = &self.maps[n];
                let mut column = vec![0.0; shape.count];
                let (rounded, combined) = (&grids[of].rounded[..], &slopes[..]);
                level.run(WeightSlopes { shape: *shape, rounded, combined, slopes: &mut column });
                self.slopes[0][of..]
                    .iter_mut()
                    .step_by(self.coarser)
                    .zip(&column)
                    .for_each(|(to, x)| *to = *x);
            }
        }
        let Map { shape, slopes, .. } = self.maps.last().expect("a map at half the resolution");
        self.slopes[1].fill(0.0);
        for rows in slopes.chunks_exact(shape.row()) {
            let rows = rows.chunks_exact(shape.layout.vectors());
            self.slopes[1].iter_mut().zip(rows).for_each(|(bias, row)| *bias += row.iter().sum::<f32>());
        }
    }

    /// The coarser grids at the level of map `n`.
    fn at_level(&self, grids: &[Grid], n: usize) -> impl Iterator<Item = usize> {
        let level = self.maps[n].level;
        let of: Vec<_> = (0..self.coarser).filter(|&of| grids[of].shape.level == level).collect();
        of.into_iter()
    }

    /// Adds the slopes by `rows` of coarser grid `of`, which is at `level`, to `slopes`.
    pub fn add_slopes(
        &self,
        simd: Level,
        (of, level): (usize, u32),
        weights: &[f32],
        rows: std::ops::Range<usize>,
        slopes: &mut [f32],
    ) {
        let Some(map) = self.maps.iter().find(|map| map.level == level && of < self.coarser) else { return };
        let row = map.shape.row();
        let combined = &map.slopes[rows.start * row..rows.end * row];
        simd.run(GridSlopes { shape: map.shape, weights: &self.column(weights, of), combined, slopes });
    }
}
