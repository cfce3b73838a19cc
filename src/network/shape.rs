//! The shape of a network and where each layer's parameters lie.

/// `inputs → width × layers (sine) → outputs (linear)`.
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
    /// Where the weights start in the parameters; the biases follow them.
    pub offset: usize,
    /// Whether it is the linear output layer.
    pub last: bool,
}

impl LayerShape {
    /// Index range of the weights (`outputs × inputs`, row by row).
    pub fn weights(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.inputs * self.outputs
    }
    /// Index range of the biases.
    pub fn biases(&self) -> std::ops::Range<usize> {
        self.weights().end..self.weights().end + self.outputs
    }
    /// The weights and biases of this layer among all `parameters`.
    pub fn split<'a>(&self, parameters: &'a [f32]) -> (&'a [f32], &'a [f32]) {
        (&parameters[self.weights()], &parameters[self.biases()])
    }
}

impl Shape {
    /// The layers from input to output: `layers` sine layers and the linear one.
    pub fn layers(self) -> impl DoubleEndedIterator<Item = LayerShape> + ExactSizeIterator {
        let (first, hidden) = ((self.inputs + 1) * self.width, (self.width + 1) * self.width);
        (0..self.layers + 1).map(move |l| LayerShape {
            inputs: if l == 0 { self.inputs } else { self.width },
            outputs: if l == self.layers { self.outputs } else { self.width },
            offset: if l == 0 { 0 } else { first + (l - 1) * hidden },
            last: l == self.layers,
        })
    }
    /// The number of parameters, weights and biases.
    pub fn parameters(self) -> usize {
        self.macs() + self.layers * self.width + self.outputs
    }
    /// Multiply-adds per evaluated point.
    pub fn macs(self) -> usize {
        self.inputs * self.width + (self.layers - 1) * self.width * self.width + self.width * self.outputs
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
