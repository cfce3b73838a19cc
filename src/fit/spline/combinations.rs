//! The learned combinations of all coarser grids that an informed grid has in its context, at half its
//! resolution.

use super::pyramid::Grid;
use crate::backend::simd::Level;
use crate::backend::simd::spline::training::{
    Combined, GridSlopes, Include, Padded, Pool, Refine, WeightSlopes,
};
use crate::field::spline::{FURTHER, Shape, coarser};
use rayon::prelude::*;

/// The combinations of one informed grid, plane by plane.
pub(super) struct Informed {
    /// The grid.
    pub grid: usize,
    pub planes: Vec<Combinations>,
    /// For each grid and each of its planes, the planes of this one whose combinations it is part of.
    users: Vec<Vec<Vec<usize>>>,
    /// Slopes by the weights and by the biases.
    pub slopes: [Vec<f32>; 2],
}

/// The combinations of one plane, from half its resolution down to the coarsest grid's.
pub(super) struct Combinations {
    /// The coarser grids: number, plane and level.
    coarser: Vec<(usize, usize, u32)>,
    pub maps: Vec<Map>,
    slopes: [Vec<f32>; 2],
}

/// The combinations at one level.
pub(super) struct Map {
    level: u32,
    shape: Combined,
    pub values: Vec<f32>,
    /// Slopes of the loss by the values; of coarse maps, by all the finer ones made of them.
    pub slopes: Vec<f32>,
}

impl Informed {
    /// Those of all informed grids, in coding order.
    pub fn of(shape: &Shape, grids: &[Grid]) -> Vec<Informed> {
        let shapes = shape.grids();
        let coarsest = shapes.iter().map(|grid| grid.level).max().unwrap_or(0);
        let of_grid = |(number, grid): (usize, &Grid)| {
            let others: Vec<usize> = coarser(&shapes, number).collect();
            let mut users: Vec<Vec<Vec<usize>>> = grids.iter().map(|of| vec![vec![]; of.planes()]).collect();
            let [depth, times] = grid.slices;
            let slices = (0..times).flat_map(|t| (0..depth).map(move |z| [z, t]));
            let of_plane = |(plane, slice): (usize, [usize; FURTHER])| {
                let seen = |&other: &usize| {
                    let up = |axis: usize| shapes[other].further[axis] - grid.shape.further[axis];
                    let at = grids[other].plane_of(std::array::from_fn(|axis| slice[axis] >> up(axis)));
                    users[other][at].push(plane);
                    (other, at, shapes[other].level)
                };
                Combinations::new(shape, (&grid.shape, coarsest), others.iter().map(seen).collect())
            };
            let planes = slices.enumerate().map(of_plane).collect();
            let combinations = shape.context.combinations;
            let slopes = [vec![0.0; combinations * others.len()], vec![0.0; combinations]];
            Informed { grid: number, planes, users, slopes }
        };
        grids.iter().enumerate().filter(|(_, grid)| grid.shape.is_informed()).map(of_grid).collect()
    }

    /// Computes all maps.
    pub fn combine(&mut self, level: Level, grids: &[Grid], weights: &[f32], biases: &[f32]) {
        self.planes.par_iter_mut().for_each(|plane| plane.combine(level, grids, weights, biases));
    }

    /// Computes the slopes by the coarse maps, the weights and the biases from those by the finest map.
    pub fn propagate(&mut self, level: Level, grids: &[Grid]) {
        self.planes.par_iter_mut().for_each(|plane| plane.propagate(level, grids));
        for (n, slopes) in self.slopes.iter_mut().enumerate() {
            slopes.fill(0.0);
            for plane in &self.planes {
                slopes.iter_mut().zip(&plane.slopes[n]).for_each(|(sum, slope)| *sum += slope);
            }
        }
    }

    /// Adds the slopes by rows of a plane of grid `of`, whose gradient they are, from row `first` on.
    pub fn add_slopes(
        &self,
        level: Level,
        (of, plane): (usize, usize),
        weights: &[f32],
        first: usize,
        gradient: &mut [f32],
    ) {
        for &user in &self.users[of][plane] {
            self.planes[user].add_slopes(level, of, weights, first, gradient);
        }
    }
}

impl Combinations {
    fn new(
        shape: &Shape,
        (of, coarsest): (&crate::field::spline::Grid, u32),
        coarser: Vec<(usize, usize, u32)>,
    ) -> Self {
        let combinations = shape.context.combinations;
        let map = |level: u32| {
            let [columns, rows] = shape.plane().map(|n| n.div_ceil(1 << level));
            let shape = Combined { layout: Padded::new(columns, rows), count: combinations };
            Map { level, shape, values: vec![0.0; shape.len()], slopes: vec![0.0; shape.len()] }
        };
        Combinations {
            maps: (of.level + 1..=coarsest).map(map).collect(),
            slopes: [vec![0.0; combinations * coarser.len()], vec![0.0; combinations]],
            coarser,
        }
    }

    /// The weights of a coarser grid in all combinations.
    fn column(&self, weights: &[f32], column: usize) -> Vec<f32> {
        weights[column..].iter().step_by(self.coarser.len()).copied().collect()
    }

    /// From the coarsest map to the finest.
    fn combine(&mut self, level: Level, grids: &[Grid], weights: &[f32], biases: &[f32]) {
        for n in (0..self.maps.len()).rev() {
            let columns: Vec<_> = self
                .at_level(n)
                .map(|(column, of, plane)| (of, plane, self.column(weights, column)))
                .collect();
            let (maps, coarse) = self.maps.split_at_mut(n + 1);
            let Map { shape, values, .. } = &mut maps[n];
            match coarse.first() {
                Some(coarse) => level.run(Refine { shape: *shape, coarse: &coarse.values, fine: values }),
                None => {
                    let rows = values.chunks_exact_mut(shape.layout.vectors());
                    rows.zip(biases.iter().cycle()).for_each(|(row, &bias)| row.fill(bias));
                }
            }
            for (of, plane, weights) in columns {
                let (rounded, weights) = (grids[of].rounded_plane(plane), &weights[..]);
                level.run(Include { shape: *shape, weights, rounded, combined: values });
            }
        }
    }

    fn propagate(&mut self, level: Level, grids: &[Grid]) {
        let columns = self.coarser.len();
        for n in 0..self.maps.len() {
            if let Some((fine, coarse)) =
                self.maps[..=n].split_at_mut_checked(n).filter(|(fine, _)| !fine.is_empty())
            {
                let (fine, coarse) = (&fine[n - 1], &mut coarse[0]);
                level.run(Pool { shape: fine.shape, fine: &fine.slopes, coarse: &mut coarse.slopes });
            }
            for (at, of, plane) in self.at_level(n).collect::<Vec<_>>() {
                let Map { shape, slopes, .. } = &self.maps[n];
                let mut column = vec![0.0; shape.count];
                let (rounded, combined) = (grids[of].rounded_plane(plane), &slopes[..]);
                level.run(WeightSlopes { shape: *shape, rounded, combined, slopes: &mut column });
                let to = self.slopes[0][at..].iter_mut().step_by(columns);
                to.zip(&column).for_each(|(to, x)| *to = *x);
            }
        }
        let Map { shape, slopes, .. } = self.maps.last().expect("a map at half the resolution");
        self.slopes[1].fill(0.0);
        for rows in slopes.chunks_exact(shape.row()) {
            let rows = rows.chunks_exact(shape.layout.vectors());
            self.slopes[1].iter_mut().zip(rows).for_each(|(bias, row)| *bias += row.iter().sum::<f32>());
        }
    }

    /// The column, number and plane of each coarser grid at the level of map `n`.
    fn at_level(&self, n: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let level = self.maps[n].level;
        let all = self.coarser.iter().enumerate();
        all.filter(move |(_, grid)| grid.2 == level).map(|(column, &(of, plane, _))| (column, of, plane))
    }

    fn add_slopes(&self, simd: Level, of: usize, weights: &[f32], first: usize, gradient: &mut [f32]) {
        let Some(column) = self.coarser.iter().position(|grid| grid.0 == of) else { return };
        let Some(map) = self.maps.iter().find(|map| map.level == self.coarser[column].2) else { return };
        let (row, stride) = (map.shape.row(), map.shape.layout.stride);
        let combined = &map.slopes[first * row..][..gradient.len() / stride * row];
        let weights = &self.column(weights, column);
        simd.run(GridSlopes { shape: map.shape, weights, combined, slopes: gradient });
    }
}
