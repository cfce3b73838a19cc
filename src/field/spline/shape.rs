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
/// The most neighbours in earlier slices that predict a latent.
pub const MAX_EARLIER: usize = 8;
/// The most series of slow grids.
pub const MAX_SLOW: usize = 4;
/// The axes beyond the two of a plane, at most.
pub const FURTHER: usize = 2;
/// The largest magnitude of a latent.
pub const MAX_LATENT: i32 = (1 << 15) - 1;

/// The neighbours of a latent in a picture, `(x, y)` before it, nearest first.
const NEIGHBOURS: [(isize, usize); 12] =
    [(1, 0), (0, 1), (1, 1), (-1, 1), (2, 0), (0, 2), (2, 1), (-2, 1), (1, 2), (-1, 2), (2, 2), (-2, 2)];

/// The neighbours of a latent in slices before its own, `(x, y)` after it and `[z, t]` before it, for a signal of
/// three axes and of four.
const EARLIER: [[([isize; 2], [usize; 2]); MAX_EARLIER]; 2] = [
    [
        ([0, 0], [1, 0]),
        ([0, 0], [2, 0]),
        ([-1, 0], [1, 0]),
        ([1, 0], [1, 0]),
        ([0, -1], [1, 0]),
        ([0, 1], [1, 0]),
        ([-1, -1], [1, 0]),
        ([1, 1], [1, 0]),
    ],
    [
        ([0, 0], [0, 1]),
        ([0, 0], [1, 0]),
        ([0, 0], [1, 1]),
        ([-1, 0], [1, 0]),
        ([1, 0], [1, 0]),
        ([0, -1], [1, 0]),
        ([0, 1], [1, 0]),
        ([0, 0], [0, 2]),
    ],
];

/// The shape of a spline field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Samples along each axis of the signal.
    pub lengths: Vec<u32>,
    /// Channels of the signal.
    pub outputs: usize,
    /// Bit `k` is set if there is a feature grid at level `k`.
    pub levels: u16,
    /// The grids along the axes beyond the second.
    pub further: Further,
    /// Hidden layers of the network.
    pub layers: usize,
    /// Neurons of a hidden layer.
    pub width: usize,
    /// The model of the entropy coder.
    pub context: ContextShape,
}

/// How grids are spaced along the axes beyond the second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Further {
    /// Along the third and the fourth axis a grid at level `k` has the level `max(0, k − delay)`.
    pub delays: [u32; FURTHER],
    /// Further feature grids, whose levels along these axes are the same for all of a series.
    pub slow: Vec<Slow>,
}

/// A series of feature grids that share their levels along the axes beyond the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// Bit `k` is set if there is a feature grid at level `k` along the first two axes.
    pub levels: u16,
    /// The levels along the third and the fourth axis.
    pub further: [u32; FURTHER],
}

/// The shape of the model that predicts latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextShape {
    /// Bit `k` is set if there is a grid at level `k` for this model alone.
    pub levels: u16,
    /// Bit `k` is set if the feature grid at level `k` is predicted from coarser grids too.
    pub informed: u16,
    /// Neighbours in its plane that predict a latent.
    pub neighbours: usize,
    /// Neighbours in earlier slices that predict a latent.
    pub earlier: usize,
    /// Linear combinations of coarser grids that predict a latent.
    pub combinations: usize,
}

impl ContextShape {
    /// Inputs of the model, and neurons of its layers.
    pub fn width(self) -> usize {
        self.neighbours + self.earlier + self.combinations
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
    /// Its spacing along the first two axes is `2^level` samples.
    pub level: u32,
    /// Likewise along the third and the fourth axis; 0 where there is none.
    pub further: [u32; FURTHER],
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
    /// The level along an axis.
    pub fn level(&self, axis: usize) -> u32 {
        axis.checked_sub(2).map_or(self.level, |axis| self.further[axis])
    }
    /// Latents along the first two axes; a sound has a single row.
    pub fn plane(&self) -> [usize; 2] {
        plane(&self.lengths)
    }
    /// Planes of latents along the third and the fourth axis, 1 where there is none.
    pub fn slices(&self) -> [usize; FURTHER] {
        slices(&self.lengths)
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

/// Lengths along the third and the fourth axis, 1 where there is none.
fn slices(lengths: &[u32]) -> [usize; FURTHER] {
    [2, 3].map(|axis| lengths.get(axis).map_or(1, |&n| n as usize))
}

/// Lengths along the first two axes; a sound has a single row.
fn plane(lengths: &[u32]) -> [usize; 2] {
    [0, 1].map(|axis| lengths.get(axis).map_or(1, |&n| n as usize))
}

impl Shape {
    /// The axes of the signal.
    pub fn axes(&self) -> usize {
        self.lengths.len()
    }
    /// Samples along the first two axes; a sound has a single row.
    pub fn plane(&self) -> [usize; 2] {
        plane(&self.lengths)
    }
    /// Planes of samples along the third and the fourth axis, 1 where there is none.
    pub fn slices(&self) -> [usize; FURTHER] {
        slices(&self.lengths)
    }

    /// A grid of this signal, whether the shape has it or not.
    fn grid(&self, level: u32, further: [u32; FURTHER], role: Role) -> Grid {
        let levels = [level, level, further[0], further[1]];
        let lengths = self.lengths.iter().zip(levels).map(|(n, level)| n.div_ceil(1 << level)).collect();
        Grid { level, further, lengths, role }
    }
    /// The grid at a level of the pyramid.
    fn of_pyramid(&self, level: u32, role: Role) -> Grid {
        let further = |axis: usize| match axis + 2 < self.axes() {
            true => level.saturating_sub(self.further.delays[axis]),
            false => 0,
        };
        self.grid(level, std::array::from_fn(further), role)
    }

    /// The feature grids in the reverse of coding order: ascending levels of the pyramid, then those of slow grids, the
    /// last series first.
    pub fn features(&self) -> impl Iterator<Item = Grid> {
        let informed = |level: u32| self.context.informed >> level & 1 == 1;
        let pyramid = levels(self.levels)
            .map(move |level| self.of_pyramid(level, Role::Feature { informed: informed(level) }));
        let slow = self.further.slow.iter().rev().flat_map(|slow| {
            levels(slow.levels).map(|level| self.grid(level, slow.further, Role::Feature { informed: false }))
        });
        pyramid.chain(slow)
    }
    /// The number of feature grids.
    pub fn inputs(&self) -> usize {
        let slow = self.further.slow.iter().map(|slow| slow.levels.count_ones() as usize);
        self.levels.count_ones() as usize + slow.sum::<usize>()
    }

    /// All grids in coding order: slow grids first, series by series, then the pyramid; of both, coarse ones
    /// first. At equal level of the pyramid the one of the context model is first.
    pub fn grids(&self) -> Vec<Grid> {
        let mut grids: Vec<Grid> = self.features().collect();
        let slow = grids.split_off(self.levels.count_ones() as usize);
        grids.extend(levels(self.context.levels).map(|level| self.of_pyramid(level, Role::Context)));
        grids.sort_by_key(|grid| (std::cmp::Reverse(grid.level), grid.role != Role::Context));
        slow.into_iter().rev().chain(grids).collect()
    }

    /// The neighbours in the plane of a latent that predict it, `(x, y)` before it.
    pub fn neighbours(&self) -> Vec<(isize, usize)> {
        let count = self.context.neighbours;
        match self.axes() {
            1 => (1..=count.cast_signed()).map(|x| (x, 0)).collect(),
            _ => NEIGHBOURS[..count].to_vec(),
        }
    }
    /// The neighbours in earlier slices that predict a latent, `(x, y)` after it and `[z, t]` before it.
    pub fn earlier(&self) -> &'static [([isize; 2], [usize; FURTHER])] {
        &EARLIER[usize::from(self.axes() > 3)][..self.context.earlier]
    }
    /// The number of latents of all grids.
    pub fn latents(&self) -> u64 {
        self.grids().iter().map(Grid::latents).sum()
    }
}

/// The levels whose bits are set.
fn levels(mask: u16) -> impl DoubleEndedIterator<Item = u32> {
    (0..MAX_LEVELS).filter(move |level| mask >> level & 1 == 1)
}

/// The numbers of the grids coarser than grid `number` of `grids` in coding order: those before it with at least
/// twice its spacing along the first two axes, and no finer one along the others.
pub fn coarser(grids: &[Grid], number: usize) -> impl Iterator<Item = usize> {
    let of = &grids[number];
    let is_coarser = |grid: &Grid| {
        grid.level > of.level && grid.further.iter().zip(of.further).all(|(&coarse, own)| coarse >= own)
    };
    (0..number).filter(move |&other| is_coarser(&grids[other]))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The shape of a photograph.
    pub(in crate::field) fn shape() -> Shape {
        let context =
            ContextShape { levels: 0b111_0000, informed: 0b111, neighbours: 12, earlier: 0, combinations: 4 };
        let further = Further::default();
        Shape {
            lengths: vec![768, 512],
            outputs: 3,
            levels: 0b111_1111,
            further,
            layers: 2,
            width: 16,
            context,
        }
    }

    #[test]
    fn coarse_grids_come_first() {
        let levels = shape().grids().iter().map(|g| (g.level, g.role == Role::Context)).collect::<Vec<_>>();
        let expected = [(6, true), (6, false), (5, true), (5, false), (4, true), (4, false)];
        assert_eq!(levels[..6], expected);
        assert_eq!(levels[6..], [(3, false), (2, false), (1, false), (0, false)]);
        let grids = shape().grids();
        let coarser = |level: u32| {
            let number = grids.iter().position(|grid| grid.level == level && grid.is_feature()).unwrap();
            super::coarser(&grids, number).count()
        };
        assert_eq!([0, 3, 4, 6].map(coarser), [9, 6, 4, 0]);
    }

    #[test]
    fn lengths_are_rounded_up() {
        let small = Shape { lengths: vec![5, 1], ..shape() };
        let lengths: Vec<Vec<u32>> = small.features().take(4).map(|grid| grid.lengths).collect();
        assert_eq!(lengths, [[5, 1], [3, 1], [2, 1], [1, 1]]);
        assert_eq!(small.latents(), 5 + 3 + 2 + 1 + 3 + 3);
    }
}
