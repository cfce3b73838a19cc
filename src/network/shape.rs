//! The shape of a network and the place of each layer's parameters.

use std::num::Saturating;

/// The shape of a network: `inputs → width × layers (sine) → outputs (linear)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Input coordinates, 1 to 4.
    pub inputs: usize,
    /// Output channels, 1 to 8.
    pub outputs: usize,
    /// Hidden sine layers, at least 1.
    pub layers: usize,
    /// Neurons of each hidden layer, at least 1.
    pub width: usize,
}

/// One layer: its size and the place of its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerShape {
    /// Inputs of the layer.
    pub inputs: usize,
    /// Outputs of the layer.
    pub outputs: usize,
    /// Index of the first weight in the parameters; the biases follow the weights.
    pub offset: usize,
    /// Whether this is the linear output layer.
    pub last: bool,
}

impl LayerShape {
    /// Index range of the weights (`outputs × inputs`, row by row).
    pub fn weights(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.inputs * self.outputs
    }
    /// Index range of the biases.
    pub fn biases(&self) -> std::ops::Range<usize> {
        let start = self.weights().end;
        start..start + self.outputs
    }
    /// The weights and biases of this layer within `parameters`, which are those of the whole network.
    ///
    /// # Panics
    /// If there are too few parameters.
    pub fn split<'a>(&self, parameters: &'a [f32]) -> (&'a [f32], &'a [f32]) {
        (&parameters[self.weights()], &parameters[self.biases()])
    }
}

impl Shape {
    /// The layers from input to output: `layers` sine layers and the linear one. Their offsets overflow only
    /// if the number of parameters does.
    pub fn layers(self) -> impl DoubleEndedIterator<Item = LayerShape> + ExactSizeIterator {
        let of = |inputs: usize, outputs: usize| (inputs + 1) * outputs;
        let (first, hidden) = (of(self.inputs, self.width), of(self.width, self.width));
        (0..self.layers + 1).map(move |l| LayerShape {
            inputs: if l == 0 { self.inputs } else { self.width },
            outputs: if l == self.layers { self.outputs } else { self.width },
            offset: if l == 0 { 0 } else { first + hidden * (l - 1) },
            last: l == self.layers,
        })
    }
    /// The number of parameters, weights and biases; `usize::MAX`, which no vector can hold, if it overflows.
    pub fn parameters(self) -> usize {
        let [outputs, layers, width] = [self.outputs, self.layers, self.width].map(Saturating);
        (Saturating(self.macs()) + layers * width + outputs).0
    }
    /// Multiply-adds per evaluated point; `usize::MAX` if the number overflows.
    pub fn macs(self) -> usize {
        let [inputs, outputs, width] = [self.inputs, self.outputs, self.width].map(Saturating);
        let hidden = Saturating(self.layers) - Saturating(1);
        (hidden * width * width + (inputs + outputs) * width).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_tile_the_parameters() {
        for (inputs, outputs, layers, width) in [(2, 3, 1, 5), (1, 8, 4, 7), (2, 1, 9, 28)] {
            let shape = Shape { inputs, outputs, layers, width };
            let mut end = 0;
            for layer in shape.layers() {
                assert_eq!(layer.weights().start, end);
                end = layer.biases().end;
            }
            assert_eq!(end, shape.parameters());
        }
    }

    #[test]
    fn coin_networks_have_their_published_sizes() {
        // COIN (Dupont et al. 2021): layers × width 5×20 and 10×28.
        let parameters = |layers, width| Shape { inputs: 2, outputs: 3, layers, width }.parameters();
        assert_eq!((parameters(5, 20), parameters(10, 28)), (1803, 7479));
    }
}
