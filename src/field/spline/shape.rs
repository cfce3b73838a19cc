//! The shape of a spline field: its grids, and the sizes of its network and of the model of its entropy
//! coder.

use std::ops::Range;

/// Levels are numbered below this.
pub const MAX_LEVELS: u32 = 16;
/// The most hidden layers of the network.
pub const MAX_LAYERS: usize = 4;
/// The most neurons of a hidden layer.
pub const MAX_WIDTH: usize = 64;
/// The most neighbours that predict a latent.
pub const MAX_NEIGHBOURS: usize = NEIGHBOURS.len();
/// The most combinations of coarser grids that predict a latent.
pub const MAX_COMBINATIONS: usize = 8;
/// The largest magnitude of a latent.
pub const MAX_LATENT: i32 = (1 << 15) - 1;

/// The neighbours of a latent in a picture, `(x, y)` before it, nearest first.
const NEIGHBOURS: [(isize, usize); 12] =
    [(1, 0), (0, 1), (1, 1), (-1, 1), (2, 0), (0, 2), (2, 1), (-2, 1), (1, 2), (-1, 2), (2, 2), (-2, 2)];

/// The shape of a spline field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Samples along each axis of the signal.
    pub lengths: Vec<u32>,
    /// Channels of the signal.
    pub outputs: usize,
    /// Bit `k` is set if there is a feature grid at level `k`.
    pub levels: u16,
    /// Hidden layers of the network.
    pub layers: usize,
    /// Neurons of a hidden layer.
    pub width: usize,
    /// The model of the entropy coder.
    pub context: ContextShape,
}

/// The shape of the model that predicts latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextShape {
    /// Bit `k` is set if there is a grid at level `k` for this model alone.
    pub levels: u16,
    /// Bit `k` is set if the feature grid at level `k` is predicted from coarser grids too.
    pub informed: u16,
    /// Neighbours that predict a latent.
    pub neighbours: usize,
    /// Linear combinations of coarser grids that predict a latent.
    pub combinations: usize,
}

impl ContextShape {
    /// Inputs of the model, and neurons of its layers.
    pub fn width(self) -> usize {
        self.neighbours + self.combinations
    }
}

/// What a grid is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is interpolated: an input of the network.
    Feature {
        /// Whether it is predicted from coarser grids too.
        informed: bool,
    },
    /// It serves the prediction of finer grids alone.
    Context,
}

/// A grid of the pyramid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Its spacing is `2^level` samples.
    pub level: u32,
    /// Latents along each axis.
    pub lengths: Vec<u32>,
    /// What it is for.
    pub role: Role,
}

impl Grid {
    /// The number of latents.
    pub fn latents(&self) -> u64 {
        self.lengths.iter().map(|&n| u64::from(n)).product()
    }
    /// Latents along the two axes of a picture; a sound has a single row.
    pub fn plane(&self) -> [usize; 2] {
        plane(&self.lengths)
    }
    /// The columns and rows of the latents whose places are in these columns and rows of samples.
    pub fn places(&self, area: &[Range<usize>; 2]) -> [Range<usize>; 2] {
        let lengths = self.plane();
        std::array::from_fn(|axis| {
            let end = |sample: usize| sample.div_ceil(1 << self.level).min(lengths[axis]);
            end(area[axis].start)..end(area[axis].end)
        })
    }
    /// Whether it is interpolated.
    pub fn is_feature(&self) -> bool {
        self.role != Role::Context
    }
    /// Whether it is predicted from coarser grids too.
    pub fn is_informed(&self) -> bool {
        self.role == Role::Feature { informed: true }
    }
}

/// Lengths along the two axes of a picture; a sound has a single row.
fn plane(lengths: &[u32]) -> [usize; 2] {
    [0, 1].map(|axis| lengths.get(axis).map_or(1, |&n| n as usize))
}

impl Shape {
    /// The axes of the signal.
    pub fn axes(&self) -> usize {
        self.lengths.len()
    }
    /// Samples along the two axes of a picture; a sound has a single row.
    pub fn plane(&self) -> [usize; 2] {
        plane(&self.lengths)
    }

    /// The grid at `level`, whether the shape has it or not.
    pub fn grid(&self, level: u32, role: Role) -> Grid {
        Grid { level, lengths: self.lengths.iter().map(|n| n.div_ceil(1 << level)).collect(), role }
    }

    /// The feature grids, ascending levels.
    pub fn features(&self) -> impl Iterator<Item = Grid> {
        let levels = (0..MAX_LEVELS).filter(|&level| self.levels >> level & 1 == 1);
        levels.map(|level| {
            self.grid(level, Role::Feature { informed: self.context.informed >> level & 1 == 1 })
        })
    }
    /// The number of feature grids.
    pub fn inputs(&self) -> usize {
        self.levels.count_ones() as usize
    }

    /// All grids in coding order: coarse ones first, at equal level the one of the context model.
    pub fn grids(&self) -> Vec<Grid> {
        let mut grids: Vec<Grid> = self.features().collect();
        let context = (0..MAX_LEVELS).filter(|&level| self.context.levels >> level & 1 == 1);
        grids.extend(context.map(|level| self.grid(level, Role::Context)));
        grids.sort_by_key(|grid| (std::cmp::Reverse(grid.level), grid.role != Role::Context));
        grids
    }
    /// The number of the feature at `level`, ascending levels.
    pub fn feature(&self, level: u32) -> usize {
        (self.levels & ((1 << level) - 1)).count_ones() as usize
    }
    /// The number of grids coarser than `level`.
    pub fn coarser(&self, level: u32) -> usize {
        let above = |levels: u16| (u32::from(levels) >> (level + 1)).count_ones() as usize;
        above(self.levels) + above(self.context.levels)
    }

    /// The neighbours that predict a latent, `(x, y)` before it.
    pub fn neighbours(&self) -> Vec<(isize, usize)> {
        let count = self.context.neighbours;
        match self.axes() {
            1 => (1..=count.cast_signed()).map(|x| (x, 0)).collect(),
            _ => NEIGHBOURS[..count].to_vec(),
        }
    }
    /// The number of latents of all grids.
    pub fn latents(&self) -> u64 {
        self.grids().iter().map(Grid::latents).sum()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The shape of a photograph.
    pub(in crate::field) fn shape() -> Shape {
        let context = ContextShape { levels: 0b111_0000, informed: 0b111, neighbours: 12, combinations: 4 };
        Shape { lengths: vec![768, 512], outputs: 3, levels: 0b111_1111, layers: 2, width: 16, context }
    }

    #[test]
    fn coarse_grids_come_first() {
        let levels = shape().grids().iter().map(|g| (g.level, g.role == Role::Context)).collect::<Vec<_>>();
        let expected = [(6, true), (6, false), (5, true), (5, false), (4, true), (4, false)];
        assert_eq!(levels[..6], expected);
        assert_eq!(levels[6..], [(3, false), (2, false), (1, false), (0, false)]);
        assert_eq!([0, 3, 4, 6].map(|level| shape().coarser(level)), [9, 6, 4, 0]);
    }

    #[test]
    fn lengths_are_rounded_up() {
        let small = Shape { lengths: vec![5, 1], ..shape() };
        let lengths: Vec<Vec<u32>> = small.features().take(4).map(|grid| grid.lengths).collect();
        assert_eq!(lengths, [[5, 1], [3, 1], [2, 1], [1, 1]]);
        assert_eq!(small.latents(), 5 + 3 + 2 + 1 + 3 + 3);
    }
}
