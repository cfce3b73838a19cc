//! Groups of tiles that a trainer works on together, and their training points.

use crate::backend::trainer::{Resident, Turn};
use crate::encoder::budget::Pace;
use crate::encoder::session::{Session, most_points};
use crate::error::Result;
use crate::fit::{Dataset, GradientTerm};
use crate::signal::{Source, Tiles};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Gathers the groups of a session and runs work on them.
pub(super) struct Groups<'a> {
    session: &'a Session<'a>,
    /// The last group, kept for trainers that work on one group at a time. Nearly all signals are a single
    /// group: it is gathered and uploaded once for each partition.
    kept: Mutex<Option<Arc<Group<'a>>>>,
}

/// Tiles whose training points are resident together.
pub(super) struct Group<'a> {
    tiles: Tiles,
    numbers: Vec<usize>,
    pub data: Vec<Dataset>,
    pub resident: Box<dyn Resident + 'a>,
}

impl<'a> Groups<'a> {
    pub fn new(session: &'a Session<'a>) -> Self {
        Groups { session, kept: Mutex::new(None) }
    }

    /// Gathers the training points of the tiles `numbers`, or reuses them.
    pub fn hold(&self, tiles: &Tiles, numbers: Vec<usize>) -> Result<Arc<Group<'a>>> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let last = kept().take().filter(|group| group.tiles == *tiles && group.numbers == numbers);
        let group = match last {
            Some(group) => group,
            None => Arc::new(self.gathered(tiles, numbers)?),
        };
        if self.session.trainer.concurrency() == 1 {
            *kept() = Some(group.clone());
        }
        Ok(group)
    }

    fn gathered(&self, tiles: &Tiles, numbers: Vec<usize>) -> Result<Group<'a>> {
        let data: Vec<Dataset> =
            numbers.par_iter().map(|&n| self.dataset(tiles, n)).collect::<Result<_>>()?;
        let resident = self.session.trainer.hold(data.iter().map(|data| data.points.clone()).collect())?;
        Ok(Group { tiles: tiles.clone(), numbers, data, resident })
    }

    fn dataset(&self, tiles: &Tiles, number: usize) -> Result<Dataset> {
        let Session { signal, options, normalised, .. } = *self.session;
        let weight = options.gradient_weight;
        let term = GradientTerm { weight: weight as f32, reference: options.gradient.as_deref() };
        let term = (weight > 0.0).then_some(term);
        let (most, seed) = (most_points(options.target), self.session.seed(number));
        let source: (&dyn Source, _) = (signal, normalised.missing.as_ref());
        let data = Dataset::of_tile(source, tiles, number, term, most, seed)?;
        let by_alpha = self.session.weighs_by_alpha();
        Ok(Dataset { by_alpha: by_alpha.then(|| normalised.units_of_alpha()), ..data })
    }

    /// Runs `work` on every group of tiles, formed by their `points`, and returns its result for each tile.
    /// Groups run side by side, the most expensive first; the last ones, too few for all threads, run one by
    /// one with all threads inside. The results do not depend on this order. `costs` are per tile, in any
    /// unit, and divide the fraction `time` of the remaining time.
    pub fn each<T: Send>(
        &self,
        points: &[u64],
        costs: &[u64],
        time: f64,
        work: impl Fn(Range<usize>, Turn) -> Result<Vec<T>> + Sync,
    ) -> Result<Vec<T>> {
        let groups = self.session.trainer.groups(points);
        let costs: Vec<u64> = groups.iter().map(|group| costs[group.clone()].iter().sum()).collect();
        let side_by_side = self.session.trainer.concurrency();
        let pace = self.session.meter.remaining().map(|left| Pace::new(left.mul_f64(time), &costs));
        let work = |n: usize, alone: bool| {
            let time = pace.as_ref().map(|pace| pace.begin(costs[n], if alone { 1 } else { side_by_side }));
            let results = work(groups[n].clone(), Turn { alone, time });
            pace.iter().for_each(|pace| pace.end(costs[n]));
            results.map(|results| (n, results))
        };
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_by_key(|&n| std::cmp::Reverse(costs[n]));
        let together = if side_by_side > 1 { order.len() / side_by_side * side_by_side } else { 0 };
        let (together, alone) = order.split_at(together);
        let mut results: Vec<(usize, Vec<T>)> =
            together.iter().par_bridge().map(|&n| work(n, false)).collect::<Result<_>>()?;
        for &n in alone {
            results.push(work(n, true)?);
        }
        results.sort_by_key(|(n, _)| *n);
        Ok(results.into_iter().flat_map(|(_, results)| results).collect())
    }
}
