use super::*;
use crate::network::Shape;

/// A small deterministic generator: the tests need variety, not quality.
pub(super) fn numbers(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed.wrapping_mul(0x9e3779b97f4a7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

pub(super) fn network(shape: Shape, seed: u64) -> Network {
    let mut next = numbers(seed);
    let parameters = (0..shape.parameters()).map(|_| 0.5 * next()).collect();
    Network::from_parameters(shape, parameters)
}

/// Asserts that every level gives the bits of the specification's loops at `points` of `coordinates`.
fn assert_bits(network: &Network, coordinates: &[f32], points: impl Iterator<Item = usize>) {
    let Shape { inputs, outputs, .. } = network.shape();
    let run = |level: Level| {
        let mut values = vec![0.0; coordinates.len() / inputs * outputs];
        level.forward(network, coordinates, &mut values, &mut Workspace::default());
        values
    };
    let levels: Vec<_> = Level::available().into_iter().map(|level| (level, run(level))).collect();
    for p in points {
        let (block, lane) = (p / BLOCK, p % BLOCK);
        let point: Vec<f32> = (0..inputs).map(|i| coordinates[(block * inputs + i) * BLOCK + lane]).collect();
        for (c, expected) in network.evaluate(&point).into_iter().enumerate() {
            assert!(!expected.is_nan(), "{:?} {point:?}", network.shape());
            for (level, values) in &levels {
                let got = values[(block * outputs + c) * BLOCK + lane];
                assert_eq!(got.to_bits(), expected.to_bits(), "{level:?} {:?} {point:?}", network.shape());
            }
        }
    }
}

#[test]
fn every_level_has_the_bits_of_the_specification_at_every_width() {
    let mut next = numbers(7);
    let coordinates: Vec<f32> = (0..2 * BLOCK).map(|_| next()).collect();
    for width in 1..=300 {
        let shape = Shape { inputs: 2, outputs: 1 + width % 8, layers: 2, width };
        // All rows of the products are needed for every width, but not all points.
        let points = (0..BLOCK).skip(width % 37).step_by(37);
        assert_bits(&network(shape, width as u64), &coordinates, points);
    }
}

#[test]
fn every_level_has_the_bits_of_the_specification_at_every_depth_and_for_every_phase() {
    let special = [0.0, -0.0, 1e-45, -1e-40, 0.5, 8388607.5, 16777216.0, -3e9, 65536.0, f32::MIN_POSITIVE];
    // Phases of a turn, subnormal ones, and ones without a fractional part, up to the limits of parameters.
    let scales = [1.0, -1e-30, 1e-40, 65536.0, 1.8e19];
    let mut next = numbers(5);
    for case in 0..40 {
        let mut within = |limit: usize| ((next() + 1.0) * 0.5 * limit as f32) as usize % limit;
        let shape = Shape {
            inputs: 1 + within(4),
            outputs: 1 + within(8),
            layers: 1 + case % 10,
            width: 1 + within(30),
        };
        let mut network = network(shape, case as u64);
        for layer in shape.layers() {
            let scale = scales[within(scales.len())];
            network.parameters_mut()[layer.weights()].iter_mut().for_each(|w| *w *= scale);
            let zeros = layer.biases().step_by(3);
            zeros.for_each(|b| network.parameters_mut()[b] = -0.0);
        }
        let coordinates: Vec<f32> =
            (0..2 * shape.inputs * BLOCK).map(|_| special[within(special.len())]).collect();
        assert_bits(&network, &coordinates, 0..2 * BLOCK);
    }
}

#[test]
fn gradients_match_binary64_backpropagation() {
    for (seed, shape) in [
        Shape { inputs: 2, outputs: 3, layers: 4, width: 22 },
        Shape { inputs: 1, outputs: 1, layers: 1, width: 3 },
        Shape { inputs: 2, outputs: 4, layers: 2, width: 37 },
    ]
    .into_iter()
    .enumerate()
    {
        let mut network = network(shape, seed as u64);
        // Trained networks have phases of about a turn; larger ones only amplify the rounding of the inputs.
        network.parameters_mut().iter_mut().for_each(|w| *w *= 0.4);
        let mut next = numbers(99);
        let points = 2 * BLOCK;
        let coordinates: Vec<f32> = (0..points * shape.inputs).map(|_| next()).collect();
        let targets: Vec<f32> = (0..points * shape.outputs).map(|_| next()).collect();
        let weights: Vec<f32> = (0..points).map(|p| (p % 3) as f32 * 0.5).collect();
        let batch = Batch {
            coordinates: &coordinates,
            targets: &targets,
            weights: &weights,
            first_layer: 0,
            residuals: Residuals::Values,
        };
        let (loss, gradient) = binary64_step(&network, batch);
        for level in Level::available() {
            let mut got = vec![0.0; shape.parameters()];
            let got_loss = level.step(&network, batch, 1.0, &mut got, &mut Workspace::default());
            let error: f64 = got.iter().zip(&gradient).map(|(&a, b)| (f64::from(a) - b).powi(2)).sum();
            let norm: f64 = gradient.iter().map(|b| b * b).sum();
            assert!((error / norm).sqrt() < 1e-5, "{level:?} {shape:?}: {:e}", (error / norm).sqrt());
            assert!((got_loss / loss - 1.0).abs() < 1e-6, "{level:?} {got_loss} {loss}");
        }
    }
}

/// Points of a batch for `shape` in `blocks` blocks: coordinates, targets, weights.
fn points(shape: Shape, blocks: usize) -> [Vec<f32>; 3] {
    [shape.inputs, shape.outputs, 1].map(|rows| {
        let mut next = numbers(rows as u64);
        (0..blocks * rows * BLOCK).map(|_| next()).collect()
    })
}

#[test]
fn curvatures_of_all_levels_agree() {
    for (residuals, shape) in [
        (Residuals::Values, Shape { inputs: 2, outputs: 3, layers: 3, width: 14 }),
        (Residuals::SumsAndDifferences, Shape { inputs: 2, outputs: 2, layers: 2, width: 9 }),
        (Residuals::Values, Shape { inputs: 1, outputs: 1, layers: 1, width: 1 }),
    ] {
        let network = network(shape, 3);
        let [coordinates, targets, weights] = &points(shape, 2);
        let weights: &Vec<f32> = &weights.iter().map(|w| w.abs()).collect();
        for (l, layer) in shape.layers().enumerate() {
            let pairs = |n: usize| (0..n).flat_map(|a| (0..=a).map(move |b| (a, b)));
            // Each pair on its own, and all pairs together.
            let mut outputs: Vec<Vec<(usize, usize)>> = pairs(layer.outputs).map(|pair| vec![pair]).collect();
            outputs.push(pairs(layer.outputs).collect());
            let entries = Entries { outputs, inputs: pairs(layer.inputs + 1).collect() };
            let batch = Batch { coordinates, targets, weights, first_layer: l, residuals };
            let run = |level: Level| {
                let mut workspace = Workspace::default();
                let mut matrix = vec![0.0; entries.outputs.len() * entries.inputs.len()];
                level.step(&network, batch, 1.0, &mut vec![0.0; shape.parameters()], &mut workspace);
                workspace.poison();
                level.curvature(&network, batch, &entries, &mut matrix, &mut workspace);
                matrix
            };
            let expected = run(Level::Portable);
            let (sum, single) = expected.rchunks(entries.inputs.len()).next().zip(Some(&expected)).unwrap();
            for (i, sum) in sum.iter().enumerate() {
                let of_pairs = single.chunks(entries.inputs.len()).take(entries.outputs.len() - 1);
                let total: f32 = of_pairs.map(|row| row[i]).sum();
                assert!((total - sum).abs() <= 1e-4 * expected.iter().fold(0.0, |m: f32, x| m.max(x.abs())));
            }
            let norm: f32 = expected.iter().map(|x| x * x).sum();
            assert!(norm > 0.0 && norm.is_finite());
            for level in Level::available() {
                let error: f32 = run(level).iter().zip(&expected).map(|(a, b)| (a - b).powi(2)).sum();
                assert!((error / norm).sqrt() < 1e-5, "{level:?} {shape:?} {l}: {error:e} of {norm:e}");
            }
        }
    }
}

#[test]
fn a_used_workspace_gives_the_bits_of_a_fresh_one() {
    let shapes = [(2, 3, 5, 40), (1, 8, 1, 1), (2, 8, 3, 2), (2, 1, 9, 7), (1, 1, 2, 64), (2, 3, 5, 40)];
    for level in Level::available() {
        let mut used = Workspace::default();
        for (inputs, outputs, layers, width) in shapes {
            let shape = Shape { inputs, outputs, layers, width };
            let network = network(shape, 5);
            let [coordinates, targets, weights] = &points(shape, 2);
            let batch = Batch { coordinates, targets, weights, first_layer: 0, residuals: Residuals::Values };
            let run = |workspace: &mut Workspace| {
                let mut values = vec![0.0; targets.len()];
                level.forward(&network, coordinates, &mut values, workspace);
                let mut gradient = vec![0.0; shape.parameters()];
                let loss = level.step(&network, batch, 0.5, &mut gradient, workspace);
                values.extend(gradient);
                (values, loss)
            };
            // Numbers left by an earlier pass must not be read.
            used.poison();
            assert_eq!(run(&mut used), run(&mut Workspace::default()), "{level:?} {shape:?}");
        }
    }
}

#[test]
fn the_bounds_of_every_buffer_hold_for_thin_and_shallow_networks() {
    for (inputs, outputs, layers, width) in
        [(1, 1, 1, 1), (4, 8, 1, 1), (1, 8, 3, 2), (4, 1, 2, 5), (3, 8, 1, 7)]
    {
        let shape = Shape { inputs, outputs, layers, width };
        let network = network(shape, 11);
        let [coordinates, targets, weights] = &points(shape, 2);
        let batch = Batch { coordinates, targets, weights, first_layer: 0, residuals: Residuals::Values };
        let (loss, gradient) = binary64_step(&network, batch);
        let norm = gradient.iter().map(|b| b * b).sum::<f64>().sqrt();
        assert_bits(&network, coordinates, 0..2 * BLOCK);
        for level in Level::available() {
            let mut got = vec![0.0; shape.parameters()];
            let got_loss = level.step(&network, batch, 1.0, &mut got, &mut Workspace::default());
            for (&a, b) in got.iter().zip(&gradient) {
                assert!((f64::from(a) - b).abs() < 1e-5 * norm, "{level:?} {shape:?}: {a} {b}");
            }
            assert!((got_loss - loss).abs() < 1e-5 * loss.abs().max(1.0), "{level:?} {got_loss} {loss}");
        }
    }
}

#[test]
fn pairs_of_equal_weights_are_as_good_as_points() {
    // (a + b − s)² + (a − b − d)² = 2 (a − ½(s + d))² + 2 (b − ½(s − d))²
    let shape = Shape { inputs: 2, outputs: 3, layers: 2, width: 9 };
    let network = network(shape, 3);
    let [coordinates, targets, mut weights] = points(shape, 2);
    for block in weights.chunks_exact_mut(BLOCK) {
        block.copy_within(..BLOCK / 2, BLOCK / 2);
    }
    let mut of_points = targets.clone();
    for row in of_points.chunks_exact_mut(BLOCK) {
        let (sums, differences) = row.split_at_mut(BLOCK / 2);
        for (s, d) in sums.iter_mut().zip(differences) {
            (*s, *d) = (0.5 * (*s + *d), 0.5 * (*s - *d));
        }
    }
    let doubled: Vec<f32> = weights.iter().map(|w| 2.0 * w).collect();
    let batch = Batch {
        coordinates: &coordinates,
        targets: &of_points,
        weights: &doubled,
        first_layer: 0,
        residuals: Residuals::Values,
    };
    let (loss, gradient) = binary64_step(&network, batch);
    let norm = gradient.iter().map(|b| b * b).sum::<f64>().sqrt();
    for level in Level::available() {
        let mut got = vec![0.0; shape.parameters()];
        let pairs =
            Batch { targets: &targets, weights: &weights, residuals: Residuals::SumsAndDifferences, ..batch };
        let got_loss = level.step(&network, pairs, 1.0, &mut got, &mut Workspace::default());
        for (&a, b) in got.iter().zip(&gradient) {
            assert!((f64::from(a) - b).abs() < 1e-5 * norm, "{level:?}: {a} {b}");
        }
        assert!((got_loss - loss).abs() < 1e-5 * loss.abs().max(1.0), "{level:?} {got_loss} {loss}");
    }
}

#[test]
fn no_blocks_give_no_values_and_no_gradient() {
    let shape = Shape { inputs: 2, outputs: 3, layers: 2, width: 5 };
    let network = network(shape, 1);
    let batch =
        Batch { coordinates: &[], targets: &[], weights: &[], first_layer: 0, residuals: Residuals::Values };
    for level in Level::available() {
        let (mut workspace, mut gradient) = (Workspace::default(), vec![7.0; shape.parameters()]);
        level.forward(&network, &[], &mut [], &mut workspace);
        assert_eq!(level.step(&network, batch, 1.0, &mut gradient, &mut workspace), 0.0);
        assert!(gradient.iter().all(|&g| g == 7.0));
    }
}

#[test]
#[should_panic(expected = "whole blocks")]
fn ragged_coordinates_are_refused() {
    let shape = Shape { inputs: 2, outputs: 1, layers: 1, width: 3 };
    let mut values = [0.0; BLOCK];
    let coordinates = [0.0; 3 * BLOCK];
    Level::Portable.forward(&network(shape, 1), &coordinates, &mut values, &mut Workspace::default());
}

/// `(2^57 + 1) · 128` is 128 in 64 bits, so every length of this network agrees, after wrapping around.
#[test]
#[cfg(target_pointer_width = "64")]
#[should_panic]
fn shapes_whose_sizes_wrap_around_are_refused() {
    let shape = Shape { inputs: (1 << 57) + 1, outputs: 1, layers: 1, width: 128 };
    let network = Network::zeros(shape);
    Level::Portable.forward(&network, &[0.0; BLOCK], &mut [0.0; BLOCK], &mut Workspace::default());
}

/// A row `2^57 + 1` of blocks would wrap around to row 1.
#[test]
#[cfg(target_pointer_width = "64")]
#[should_panic(expected = "expected one below")]
fn entries_that_are_not_of_the_layer_are_refused() {
    let network = Network::zeros(Shape { inputs: 1, outputs: 1, layers: 1, width: 3 });
    let batch = Batch {
        coordinates: &[0.0; BLOCK],
        targets: &[0.0; BLOCK],
        weights: &[1.0; BLOCK],
        first_layer: 1,
        residuals: Residuals::Values,
    };
    let entries = Entries { outputs: vec![vec![(0, 0)]], inputs: vec![((1 << 57) + 1, 0)] };
    Level::Portable.curvature(&network, batch, &entries, &mut [0.0], &mut Workspace::default());
}

#[test]
#[cfg(target_arch = "x86_64")]
fn levels_that_can_be_named_but_not_run_are_refused() {
    for level in [Level::Avx2, Level::Avx512] {
        let run = || {
            level.forward(
                &Network::zeros(Shape { inputs: 1, outputs: 1, layers: 1, width: 1 }),
                &[],
                &mut [],
                &mut Workspace::default(),
            )
        };
        assert_eq!(std::panic::catch_unwind(run).is_ok(), level.is_available());
    }
}

#[test]
fn orthogonalization_does_not_depend_on_the_scale() {
    let (n, stride) = (20, 32);
    let mut next = numbers(4);
    let m: Vec<f32> = (0..n * stride).map(|i| if i % stride < n { next() } else { 0.0 }).collect();
    for level in Level::available() {
        let orthogonal = |scale: f32| {
            let mut m: Vec<f32> = m.iter().map(|x| scale * x).collect();
            level.orthogonalize(n, stride, &mut m, &mut Default::default());
            m
        };
        let expected = orthogonal(1.0);
        for scale in [1e-20, 1e-26, 1e-30, 1e20, 1e30] {
            for (a, b) in orthogonal(scale).iter().zip(&expected) {
                assert!((a - b).abs() < 1e-3, "{level:?} at {scale:e}: {a}, expected {b}");
            }
        }
        assert!(orthogonal(0.0).iter().all(|&x| x == 0.0));
    }
}

fn binary64_step(network: &Network, batch: Batch<'_>) -> (f64, Vec<f64>) {
    let shape = network.shape();
    let parameters: Vec<f64> = network.parameters().iter().map(|&w| w.into()).collect();
    let (mut loss, mut gradient) = (0.0, vec![0.0; parameters.len()]);
    let at = |data: &[f32], rows: usize, row: usize, p: usize| {
        f64::from(data[(p / BLOCK * rows + row) * BLOCK + p % BLOCK])
    };
    for p in 0..batch.weights.len() {
        let mut inputs =
            vec![(0..shape.inputs).map(|i| at(batch.coordinates, shape.inputs, i, p)).collect::<Vec<_>>()];
        let mut slopes = vec![];
        for layer in shape.layers() {
            let x = inputs.last().unwrap();
            let phase = |j: usize| {
                let row = &parameters[layer.weights()][j * layer.inputs..][..layer.inputs];
                parameters[layer.biases()][j] + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()
            };
            let t: Vec<f64> = (0..layer.outputs).map(phase).collect();
            let tau = std::f64::consts::TAU;
            slopes.push(t.iter().map(|t| tau * (tau * t).cos()).collect::<Vec<_>>());
            inputs.push(if layer.last { t } else { t.iter().map(|t| (tau * t).sin()).collect() });
        }
        let weight = f64::from(batch.weights[p]);
        let mut delta: Vec<f64> = inputs
            .pop()
            .unwrap()
            .iter()
            .enumerate()
            .map(|(c, y)| y - at(batch.targets, shape.outputs, c, p))
            .collect();
        loss += weight * delta.iter().map(|e| e * e).sum::<f64>();
        delta.iter_mut().for_each(|e| *e *= 2.0 * weight);
        for (l, layer) in shape.layers().enumerate().rev() {
            let (x, weights) = (&inputs[l], &parameters[layer.weights()]);
            for (j, d) in delta.iter().enumerate() {
                gradient[layer.biases()][j] += d;
                for (i, x) in x.iter().enumerate() {
                    gradient[layer.weights()][j * layer.inputs + i] += d * x;
                }
            }
            if l > 0 {
                delta = (0..layer.inputs)
                    .map(|i| {
                        let back: f64 =
                            delta.iter().enumerate().map(|(j, d)| d * weights[j * layer.inputs + i]).sum();
                        back * slopes[l - 1][i]
                    })
                    .collect();
            }
        }
    }
    (loss, gradient)
}
