//! The model that predicts a latent: a small network in integers, from neighbours and coarser grids.
//!
//! Numbers have 8 fractional bits in 16 bits, weights 10 fractional bits. [`Model::new`] checks that no sum
//! can exceed 32 bits.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "sums are bounded by what `Model::new` checks, lengths by the shape"
)]

use crate::field::spline::{FURTHER, Grid, SCALES, Shape, Tensor};

/// Fractional bits of inputs and activations, of weights and biases.
pub(super) const ACTIVATION_BITS: u32 = 8;
pub(super) const WEIGHT_BITS: u32 = 10;
/// The most that the magnitudes of a row of weights may sum to: then 32768 times the sum is below 2³⁰.
pub(super) const MAX_ROW: i64 = 1 << 15;
/// The largest magnitude of a bias.
pub(super) const MAX_BIAS: i64 = 1 << 20;
/// The fractional bits of a sum that are dropped for the centre, sixteenths, and for the scale, eighths.
const CENTRE_SHIFT: u32 = ACTIVATION_BITS + WEIGHT_BITS - 4;
const SCALE_SHIFT: u32 = ACTIVATION_BITS + WEIGHT_BITS - 3;

/// Places that are predicted together; rows of numbers are padded to whole groups.
const GROUP: usize = 8;

/// A dense layer: weights of each output, and biases with the fractional bits of products.
#[derive(Clone, Debug)]
struct Dense {
    weights: Vec<Vec<i16>>,
    biases: Vec<i32>,
}

/// Rows of numbers at places.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    /// Groups of places in a row.
    groups: usize,
    numbers: Vec<[i16; GROUP]>,
}

impl Rows {
    /// Makes room for `rows` rows at `count` places.
    pub fn resize(&mut self, rows: usize, count: usize) {
        self.groups = count.div_ceil(GROUP);
        self.numbers.clear();
        self.numbers.resize(rows * self.groups, [0; GROUP]);
    }
    /// Sets the numbers of a row at the first places.
    pub fn set(&mut self, row: usize, numbers: impl Iterator<Item = i16>) {
        let places = self.numbers[row * self.groups..][..self.groups].as_flattened_mut();
        places.iter_mut().zip(numbers).for_each(|(place, number)| *place = number);
    }
}

impl Dense {
    /// The sums of outputs `from..from + R` at a group of places.
    #[inline(always)]
    fn sums<const R: usize>(&self, from: usize, inputs: &Rows, group: usize) -> [[i32; GROUP]; R] {
        let mut sums: [[i32; GROUP]; R] = std::array::from_fn(|r| [self.biases[from + r]; GROUP]);
        let weights: [&[i16]; R] = std::array::from_fn(|r| &self.weights[from + r][..]);
        for (k, numbers) in inputs.numbers.iter().skip(group).step_by(inputs.groups).enumerate() {
            for (sums, weights) in sums.iter_mut().zip(weights) {
                let weight = i32::from(weights[k]);
                for (sum, &number) in sums.iter_mut().zip(numbers) {
                    *sum += weight * i32::from(number);
                }
            }
        }
        sums
    }

    /// A hidden layer: `h' = max(0, W·h + b + h)`.
    fn hidden(&self, h: &Rows, out: &mut Rows) {
        let outputs = self.biases.len();
        out.resize(outputs, h.groups * GROUP);
        for group in 0..h.groups {
            let mut row = 0;
            while row + 4 <= outputs {
                self.activate::<4>(row, h, group, out);
                row += 4;
            }
            (row..outputs).for_each(|row| self.activate::<1>(row, h, group, out));
        }
    }

    #[inline(always)]
    fn activate<const R: usize>(&self, from: usize, h: &Rows, group: usize, out: &mut Rows) {
        for (r, sums) in self.sums::<R>(from, h, group).iter().enumerate() {
            let at = (from + r) * h.groups + group;
            let numbers = sums.iter().zip(h.numbers[at]);
            let after = out.numbers[at].iter_mut().zip(numbers);
            after.for_each(|(after, (&sum, before))| {
                *after = (rounded(sum) + i32::from(before)).clamp(0, i16::MAX.into()) as i16;
            });
        }
    }
}

/// A neighbour of a latent in an earlier slice: `(x, y)` after it and `[z, t]` before it.
pub(super) type Earlier = ([isize; 2], [usize; FURTHER]);

/// The model of one field.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// For each grid in coding order, what combines the coarser ones, if it is informed.
    combinations: Vec<Option<Dense>>,
    /// For each grid, the first layer with its biases.
    first: Vec<Dense>,
    second: Dense,
    /// The outputs, of the last layer beside the inputs.
    last: Dense,
    width: usize,
    neighbours: Vec<(isize, usize)>,
    earlier: Vec<Earlier>,
}

impl Model {
    /// The model of a field of `shape`; `parameters` are those of its context tensors, with [`WEIGHT_BITS`].
    ///
    /// # Errors
    /// What is too large.
    pub fn new(shape: &Shape, parameters: &[i32]) -> Result<Self, String> {
        let mut rest = parameters;
        let mut tensors = shape.context_tensors().into_iter();
        let mut take = || {
            let tensor = tensors.next().unwrap_or(Tensor { rows: 0, columns: 0 });
            let (taken, after) = rest.split_at(tensor.parameters());
            rest = after;
            (tensor, taken)
        };
        let mut dense = || {
            let ((tensor, weights), (_, biases)) = (take(), take());
            Ok(Dense { weights: rows(tensor, weights)?, biases: shifted(biases)? })
        };
        let grids = shape.grids();
        let informed = grids.iter().map(Grid::is_informed);
        let combinations: Result<_, String> = informed.map(|yes| yes.then(&mut dense).transpose()).collect();
        let (combinations, all, second, mut last): (_, Dense, Dense, Dense) =
            (combinations?, dense()?, dense()?, dense()?);
        let (tensor, skip) = take();
        for (row, skip) in last.weights.iter_mut().zip(rows(tensor, skip)?) {
            row.extend(skip);
            check_row(row.iter().map(|&w| w.into()))?;
        }
        let width = shape.context.width();
        let of_grid = |biases: &[i32]| Dense { weights: all.weights.clone(), biases: biases.to_vec() };
        Ok(Model {
            combinations,
            first: all.biases.chunks_exact(width).map(of_grid).collect(),
            second,
            last,
            width,
            neighbours: shape.neighbours(),
            earlier: shape.earlier().to_vec(),
        })
    }

    /// Combinations of the coarser grids of grid `number`, from a row of each of them: a row of numbers for
    /// each combination, in whole groups.
    pub fn combine(&self, number: usize, coarser: &Rows, mut out: impl FnMut(usize, usize, [i16; GROUP])) {
        let Some(dense) = &self.combinations[number] else { return };
        for group in 0..coarser.groups {
            for row in 0..dense.biases.len() {
                let [sums] = dense.sums::<1>(row, coarser, group);
                out(row, group * GROUP, sums.map(|sum| saturate(rounded(sum))));
            }
        }
    }

    /// The distributions at places of grid `number` from a row of numbers for every input: `out` receives a
    /// centre in sixteenths and a scale for each place.
    pub fn predict(&self, number: usize, inputs: &Rows, layers: &mut [Rows; 2], out: &mut [(i32, i32)]) {
        let [h1, h2] = layers;
        self.first[number].hidden(inputs, h1);
        self.second.hidden(h1, h2);
        h2.numbers.extend(&inputs.numbers);
        for (group, out) in out.chunks_mut(GROUP).enumerate() {
            let [centres, scales] = self.last.sums::<2>(0, h2, group);
            for ((out, centre), scale) in out.iter_mut().zip(centres).zip(scales) {
                let centre = (centre + (1 << (CENTRE_SHIFT - 1))) >> CENTRE_SHIFT;
                let scale = (scale + (1 << (SCALE_SHIFT - 1))) >> SCALE_SHIFT;
                *out = (centre, scale.clamp(0, SCALES - 1));
            }
        }
    }

    /// The number of combinations of coarser grids that predict grid `number`.
    pub fn combinations(&self, number: usize) -> usize {
        self.combinations[number].as_ref().map_or(0, |dense| dense.biases.len())
    }
    /// The neighbours of a latent, `(x, y)` before it.
    pub fn neighbours(&self) -> &[(isize, usize)] {
        &self.neighbours
    }
    /// The neighbours of a latent in earlier slices.
    pub fn earlier(&self) -> &[Earlier] {
        &self.earlier
    }
    /// The number of inputs.
    pub fn width(&self) -> usize {
        self.width
    }
}

/// The rows of a tensor, if they are small enough.
fn rows(tensor: Tensor, values: &[i32]) -> Result<Vec<Vec<i16>>, String> {
    let row = |row: &[i32]| {
        check_row(row.iter().map(|&w| w.into()))?;
        // A weight of a small row fits.
        Ok(row.iter().map(|&weight| weight as i16).collect())
    };
    values.chunks(tensor.columns.max(1)).map(row).collect()
}

fn check_row(row: impl Iterator<Item = i64>) -> Result<(), String> {
    let sum: i64 = row.map(i64::abs).sum();
    if sum < MAX_ROW {
        Ok(())
    } else {
        Err(format!("a row of weights sums to {sum}, expected below {MAX_ROW}"))
    }
}

/// Biases with the fractional bits of products, if they are small enough.
fn shifted(biases: &[i32]) -> Result<Vec<i32>, String> {
    match biases.iter().find(|bias| i64::from(**bias).abs() > MAX_BIAS) {
        Some(large) => Err(format!("a bias of {large}, expected at most {MAX_BIAS}")),
        None => Ok(biases.iter().map(|bias| bias << ACTIVATION_BITS).collect()),
    }
}

/// A sum of products, rounded to the fractional bits of activations.
fn rounded(sum: i32) -> i32 {
    (sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS
}

/// `x` within 16 bits, symmetric.
fn saturate(x: i32) -> i16 {
    x.clamp(-i32::from(i16::MAX), i16::MAX.into()) as i16
}

/// A latent as an input of the model.
pub(super) fn input(latent: i16) -> i16 {
    saturate(i32::from(latent) << ACTIVATION_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::spline::ContextShape;

    fn shape(context: ContextShape) -> Shape {
        let further = Default::default();
        Shape { lengths: vec![1, 1], outputs: 1, levels: 1, further, layers: 1, width: 1, context }
    }

    /// The rows of `what` in the vectors of the specification: numbers, the last two of which are inputs of
    /// the model, and the result.
    fn rows(what: &str) -> impl Iterator<Item = (Vec<i32>, Rows, &'static str)> {
        crate::vectors::rows(what).into_iter().map(|(input, result)| {
            let mut numbers: Vec<i32> = input.iter().map(|number| number.parse().unwrap()).collect();
            let inputs = numbers.split_off(numbers.len() - 2);
            let mut rows = Rows::default();
            rows.resize(2, 1);
            (0..2).for_each(|row| rows.set(row, std::iter::once(inputs[row] as i16)));
            (numbers, rows, result)
        })
    }

    #[test]
    fn predictions_are_those_of_the_specification() {
        let shape =
            shape(ContextShape { levels: 0, informed: 0, neighbours: 2, earlier: 0, combinations: 0 });
        for (parameters, inputs, result) in rows("predict") {
            let (model, mut out) = (Model::new(&shape, &parameters).unwrap(), [(0, 0)]);
            model.predict(0, &inputs, &mut Default::default(), &mut out);
            assert_eq!(format!("{} {}", out[0].0, out[0].1), result, "{parameters:?}");
        }
    }

    #[test]
    fn combinations_are_those_of_the_specification() {
        // Two grids, each coarser than the third, which is informed.
        let shape =
            shape(ContextShape { levels: 0b110, informed: 0b1, neighbours: 1, earlier: 0, combinations: 1 });
        let count: usize = shape.context_tensors().into_iter().map(Tensor::parameters).sum();
        for (mut parameters, inputs, result) in rows("combine") {
            parameters.resize(count, 0);
            let (model, mut combined) = (Model::new(&shape, &parameters).unwrap(), None);
            model.combine(2, &inputs, |_, _, numbers| combined = Some(numbers[0]));
            assert_eq!(combined.map(|number| number.to_string()).as_deref(), Some(result), "{parameters:?}");
        }
    }
}
