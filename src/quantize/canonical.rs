//! Chooses one representative of each network's symmetry class: biases within a quarter turn.

use crate::network::Network;

/// Moves the biases of the sine layers into −¼..¼ turns without changing what the network computes: `sin(2π(t
/// + k/2)) = ±sin(2πt)`, and the sign moves into the weights of the next layer.
pub(crate) fn fold_biases(network: &mut Network) {
    let layers: Vec<_> = network.shape().layers().collect();
    let parameters = network.parameters_mut();
    for pair in layers.windows(2) {
        let (layer, next) = (pair[0], pair[1]);
        for neuron in 0..layer.outputs {
            let bias = &mut parameters[layer.biases().start + neuron];
            let half_turns = (*bias * 2.0).round_ties_even();
            *bias -= half_turns * 0.5;
            if half_turns.rem_euclid(2.0) == 1.0 {
                let column = next.weights().skip(neuron).step_by(next.inputs);
                column.for_each(|w| parameters[w] = -parameters[w]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;

    #[test]
    fn folding_keeps_the_function() {
        let shape = Shape { inputs: 2, outputs: 2, layers: 3, width: 4 };
        let parameters: Vec<f32> =
            (0..shape.parameters()).map(|k| ((k * 37 % 29) as f32 - 14.0) / 24.0).collect();
        let network = Network::from_parameters(shape, parameters);
        let mut folded = network.clone();
        fold_biases(&mut folded);
        for layer in shape.layers().filter(|layer| !layer.last) {
            assert!(folded.parameters()[layer.biases()].iter().all(|b| b.abs() <= 0.25));
        }
        for point in [[0.0, 0.0], [0.3, -0.7], [-1.0, 0.9]] {
            for (a, b) in network.evaluate(&point).iter().zip(folded.evaluate(&point)) {
                assert!((a - b).abs() < 2e-5, "{a} {b}");
            }
        }
    }
}
