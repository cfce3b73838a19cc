//! The tensors of parameters of a spline field: their sizes, and their places in file order.

use super::{Layer, Shape, coarser};

/// A tensor of parameters: `rows` outputs of `columns` inputs each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Rows.
    pub rows: usize,
    /// Columns; 1 for biases.
    pub columns: usize,
}

impl Tensor {
    fn new(rows: usize, columns: usize) -> Self {
        Tensor { rows, columns }
    }
    /// The number of parameters.
    pub fn parameters(self) -> usize {
        self.rows * self.columns
    }
}

/// The places of tensors in file order.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    layers: usize,
    informed: usize,
}

impl Order {
    /// The taps.
    pub const TAPS: usize = 0;

    /// The weights of a layer of the network, whose last layer follows the hidden ones; its biases are next.
    pub fn layer(self, layer: usize) -> usize {
        1 + 2 * layer
    }
    /// The weights that lead from the features to the outputs.
    pub fn skip(self) -> usize {
        self.layer(self.layers + 1)
    }
    /// The tensors of the filters and the network, which come first: the number of the first of the context
    /// model.
    pub fn context(self) -> usize {
        self.skip() + 1
    }
    /// The weights of the combinations of an informed grid, numbered in coding order; their biases are next.
    pub fn combination(self, informed: usize) -> usize {
        self.context() + 2 * informed
    }
    /// The weights of a layer of the context model, whose third layer is the last; its biases are next.
    pub fn context_layer(self, layer: usize) -> usize {
        self.combination(self.informed) + 2 * layer
    }
    /// The weights that lead from the inputs of the context model to its outputs.
    pub fn context_skip(self) -> usize {
        self.context_layer(3)
    }
}

impl Shape {
    /// The places of the tensors.
    pub fn order(&self) -> Order {
        Order { layers: self.layers, informed: self.context.informed.count_ones() as usize }
    }

    /// The taps of the filter of each feature grid, without the 1 of the central tap.
    pub fn taps(&self) -> Tensor {
        Tensor::new(self.inputs(), 4)
    }
    /// The tensors of the network: weights and biases of each layer, then the weights that lead from the
    /// features to the outputs.
    pub fn network_tensors(&self) -> Vec<Tensor> {
        let (mut inputs, mut tensors) = (self.inputs(), vec![]);
        for _ in 0..self.layers {
            tensors.extend([Tensor::new(self.width, inputs), Tensor::new(self.width, 1)]);
            inputs = self.width;
        }
        tensors.extend([Tensor::new(self.outputs, inputs), Tensor::new(self.outputs, 1)]);
        tensors.push(Tensor::new(self.outputs, self.inputs()));
        tensors
    }
    /// The tensors of the context model: weights and biases of the combinations of each informed grid in
    /// coding order; weights and biases of two layers, the first with biases for every grid; weights and
    /// biases of the two outputs, and the weights that lead from the inputs to them.
    pub fn context_tensors(&self) -> Vec<Tensor> {
        let (grids, width) = (self.grids(), self.context.width());
        let mut tensors = vec![];
        for (number, _) in grids.iter().enumerate().filter(|(_, grid)| grid.is_informed()) {
            tensors.push(Tensor::new(self.context.combinations, coarser(&grids, number).count()));
            tensors.push(Tensor::new(self.context.combinations, 1));
        }
        tensors.extend([Tensor::new(width, width), Tensor::new(grids.len() * width, 1)]);
        tensors.extend([Tensor::new(width, width), Tensor::new(width, 1)]);
        tensors.extend([Tensor::new(2, width), Tensor::new(2, 1), Tensor::new(2, width)]);
        tensors
    }
    /// All tensors in file order.
    pub fn tensors(&self) -> Vec<Tensor> {
        let mut tensors = vec![self.taps()];
        tensors.extend(self.network_tensors());
        tensors.extend(self.context_tensors());
        tensors
    }
    /// The number of all parameters.
    pub fn parameters(&self) -> usize {
        self.tensors().into_iter().map(Tensor::parameters).sum()
    }
    /// The number of parameters of the network.
    pub fn network_parameters(&self) -> usize {
        self.network_tensors().into_iter().map(Tensor::parameters).sum()
    }
    /// Multiply-adds of the network at a point.
    pub fn macs(&self) -> usize {
        self.network_tensors().into_iter().filter(|t| t.columns > 1).map(Tensor::parameters).sum()
    }

    /// The layers of the network, from `tensors` in file order. A row of the last layer has the weights of
    /// hidden neurons, then those of features.
    pub fn network(&self, tensors: &[Vec<f32>]) -> Vec<Layer> {
        let order = self.order();
        let layer = |number: usize| {
            let at = order.layer(number);
            Layer { weights: tensors[at].clone(), biases: tensors[at + 1].clone() }
        };
        let mut layers: Vec<Layer> = (0..=self.layers).map(layer).collect();
        let last = &mut layers[self.layers];
        let features = tensors[order.skip()].chunks_exact(self.inputs());
        let rows = last.weights.chunks_exact(self.width).zip(features);
        last.weights = rows.flat_map(|(hidden, features)| [hidden, features].concat()).collect();
        layers
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::tests::shape;
    use super::*;

    #[test]
    fn the_parameters_are_those_of_the_design() {
        // 4·7 taps; 7 → 16 → 16 → 3 with a skip; combinations of 9, 8 and 7 grids; 16 → 16 → 16 → 2 with a
        // skip and 10 biases.
        let network = 8 * 16 + 17 * 16 + 17 * 3 + 7 * 3;
        let context = 4 * (10 + 9 + 8) + 16 * 16 + 160 + 17 * 16 + 2 * 17 + 32;
        assert_eq!(shape().parameters(), 28 + network + context);
        assert_eq!(shape().network_parameters(), network);
    }

    #[test]
    fn places_are_those_of_tensors_of_the_same_size() {
        let (shape, order, all) = (shape(), shape().order(), shape().tensors());
        assert_eq!(all[Order::TAPS], shape.taps());
        assert_eq!(all[order.layer(2)], Tensor { rows: 3, columns: 16 });
        assert_eq!(all[order.skip()], Tensor { rows: 3, columns: 7 });
        assert_eq!(all[order.context()..], shape.context_tensors());
        assert_eq!(all[order.combination(2)], Tensor { rows: 4, columns: 9 });
        assert_eq!(all[order.context_layer(0) + 1], Tensor { rows: 10 * 16, columns: 1 });
        assert_eq!(
            (all[order.context_skip()], all.len()),
            (Tensor { rows: 2, columns: 16 }, order.context_skip() + 1)
        );
    }
}
