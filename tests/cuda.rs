//! The source of the CUDA kernels, compiled for the host and run through the driver's calls, against the CPU
//! kernels.
//!
//! `SIRENC_TEST_GPU=1` runs the same tests on a GPU.
#![cfg(all(feature = "cuda", target_os = "linux"))]

mod emulator;

use sirenc::backend::cuda::Cuda;
use sirenc::backend::simd::{BLOCK, Batch, Level, Residuals, Workspace};
use sirenc::network::{Jet, Network, Shape};
use sirenc::signal::{Grid, Sampling};
use sirenc::{Decoder, Derivative, Device, Error};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// The device under test: the GPU if requested, else the emulated device; `None` without a C++ compiler.
fn device() -> Option<&'static Cuda> {
    static DEVICE: OnceLock<Option<Cuda>> = OnceLock::new();
    DEVICE.get_or_init(|| emulator::load_unless_gpu().then(|| Cuda::open(0).unwrap())).as_ref()
}

/// A small deterministic generator of numbers in −1..1.
fn numbers(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed.wrapping_mul(0x9e3779b97f4a7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

fn network(shape: Shape, scale: f32) -> Network {
    let mut next = numbers(shape.parameters() as u64);
    Network::from_parameters(shape, (0..shape.parameters()).map(|_| scale * next()).collect())
}

/// A network with phases of about one turn in every layer, as in trained networks; larger phases only amplify
/// the rounding of the inputs.
fn siren(shape: Shape) -> Network {
    let mut network = network(shape, 1.0);
    for (l, layer) in shape.layers().enumerate() {
        let bound = (6.0 / layer.inputs as f32).sqrt();
        let bound = if l == 0 || layer.last { 0.5 * bound } else { bound / std::f32::consts::TAU };
        network.parameters_mut()[layer.weights()].iter_mut().for_each(|w| *w *= bound);
    }
    network
}

fn points(rows: usize, blocks: usize) -> Vec<f32> {
    let mut next = numbers(rows as u64 + 11);
    (0..blocks * rows * BLOCK).map(|_| next()).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// Shapes at, below and above the edges of every class of width, as far as the device has room for them.
fn shapes(cuda: &Cuda) -> impl Iterator<Item = Shape> {
    let widths = [1, 2, 7, 14, 16, 17, 28, 32, 33, 47, 48, 49, 64, 65, 100, 128, 129, 256, 300];
    let shapes = widths.into_iter().enumerate().map(|(n, width)| Shape {
        inputs: 1 + n % 4,
        outputs: 1 + n * 3 % 8,
        layers: 1 + n % 5,
        width,
    });
    shapes.filter(|shape| shape.width <= cuda.widest())
}

#[test]
fn values_have_the_bits_of_the_processor() {
    let Some(cuda) = device() else { return };
    for shape in shapes(cuda) {
        let (network, coordinates) = (network(shape, 0.5), points(shape.inputs, 2));
        let mut expected = vec![0.0; 2 * shape.outputs * BLOCK];
        Level::Portable.forward(&network, &coordinates, &mut expected, &mut Workspace::default());
        assert_eq!(bits(&cuda.forward(&network, &coordinates).unwrap()), bits(&expected), "{shape:?}");
    }
}

#[test]
fn values_have_the_bits_of_the_specification_for_every_phase() {
    let Some(cuda) = device() else { return };
    let special = [0.0, -0.0, 1e-45, -1e-40, 0.5, 8388607.5, 16777216.0, -3e9, 65536.0, f32::MIN_POSITIVE];
    let shape = Shape { inputs: 2, outputs: 3, layers: 2, width: 9 };
    for scale in [1.0, -1e-30, 1e-40, 65536.0, 1.8e19] {
        let network = network(shape, scale);
        let coordinates: Vec<f32> =
            (0..2 * BLOCK).map(|n| special[(n * 7 + n / BLOCK) % special.len()]).collect();
        let values = cuda.forward(&network, &coordinates).unwrap();
        for p in 0..BLOCK {
            for (c, expected) in
                network.evaluate(&[coordinates[p], coordinates[BLOCK + p]]).iter().enumerate()
            {
                assert_eq!(values[c * BLOCK + p].to_bits(), expected.to_bits(), "{scale:e} {p}");
            }
        }
    }
}

#[test]
fn jets_have_the_bits_of_the_processor() {
    let Some(cuda) = device() else { return };
    for shape in shapes(cuda) {
        let (network, coordinates) = (network(shape, 0.5), points(shape.inputs, 1));
        for jet in [Jet::Gradient, Jet::Laplacian, Jet::Hessian] {
            let mut expected = vec![0.0; jet.components(shape.inputs) * shape.outputs * BLOCK];
            Level::Portable.jet(&network, &coordinates, jet, &mut expected, &mut Workspace::default());
            let got = cuda.jet(&network, &coordinates, jet).unwrap();
            assert_eq!(bits(&got), bits(&expected), "{shape:?} {jet:?}");
        }
    }
}

/// The valid fixtures that have few enough samples to be rendered.
fn fixtures() -> impl Iterator<Item = (String, Decoder)> {
    // Where the tests run, which need not be where they were built.
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let folder = Path::new(&root).join("fixtures");
    let manifest = std::fs::read_to_string(folder.join("siren.tsv")).unwrap();
    let good = |name: &str| name.starts_with("valid/") || name.starts_with("uncommon/");
    let names: Vec<String> = manifest.lines().map(|row| row.split('\t').next().unwrap().to_owned()).collect();
    names.into_iter().filter(move |name| good(name)).map(move |name| {
        let decoder = Decoder::open(&std::fs::read(folder.join(&name)).unwrap()[..]);
        (name, decoder.unwrap())
    })
}

#[test]
fn files_decode_to_the_bits_of_the_processor() {
    let Some(cuda) = device() else { return };
    let mut compared = 0;
    for (name, processor) in fixtures().filter(|(_, d)| d.description().positions() <= 1 << 14) {
        let device = match processor.clone().with_device(Device::Cuda(0)) {
            Ok(device) => device,
            Err(Error::Device { .. }) if processor.field().spline().is_some() => continue,
            Err(Error::Device { detail, .. }) => {
                let limits = [
                    format!(" wide, expected at most {}", cuda.widest()),
                    "expected 1 to 8 in- and outputs".into(),
                ];
                let known = limits.iter().any(|limit| detail.contains(limit));
                assert!(name.starts_with("uncommon/") && known, "{name}: {detail}");
                // `auto` falls back to the CPU.
                let other = processor.with_device(Device::Auto).unwrap();
                assert_eq!(other.device().cpu_reason.unwrap(), detail);
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        };
        assert!(device.device().name.starts_with("cuda:0 ("), "{name}");
        let lengths = &device.description().lengths();
        let axes = |count: &dyn Fn(u32) -> u32| Grid {
            axes: lengths.iter().map(|&n| Sampling::resized(n, count(n))).collect(),
        };
        // The native grid, a finer grid, and a coarser grid with means.
        for grid in [axes(&|n| n), axes(&|n| (n + n / 7 + 1).min(300)), axes(&|n| n / 3 + 1)] {
            let [got, expected] = [&device, &processor].map(|decoder| decoder.render(&grid).unwrap());
            assert_eq!(bits(&got), bits(&expected), "{name}: {grid:?}");
        }
        let grid = axes(&|n| n / 2 + 1);
        let one_scale = device.description().scales().iter().all(|&scale| scale == 0);
        let jet = if name.contains("tiles") || !one_scale { Jet::Hessian } else { Jet::Laplacian };
        let [got, expected] =
            [&device, &processor].map(|decoder| decoder.request(&grid).jet(jet).values().unwrap());
        assert_eq!(bits(&got), bits(&expected), "{name}: {jet:?}");
        let positions: Vec<f64> = (0..9)
            .flat_map(|k| lengths.iter().map(move |&n| f64::from(n - 1) * f64::from(k * 5 % 9) / 9.0))
            .collect();
        let [got, expected] = [&device, &processor]
            .map(|decoder| decoder.sample_derivative(&positions, Derivative::Gradient).unwrap());
        assert_eq!(
            (bits(&got.values), bits(&got.derivatives)),
            (bits(&expected.values), bits(&expected.derivatives)),
            "{name}: points"
        );
        compared += 1;
    }
    assert!(compared > 50, "{compared} fixtures");
}

#[test]
fn gradients_match_binary64_backpropagation() {
    let Some(cuda) = device() else { return };
    for shape in shapes(cuda) {
        let network = siren(shape);
        // In one case enough blocks that a thread block processes several parts in turn.
        let blocks = if shape.width == 7 { 70 } else { 3 };
        let (coordinates, targets) = (points(shape.inputs, blocks), points(shape.outputs, blocks));
        let weights: Vec<f32> = (0..blocks * BLOCK).map(|p| (p % 3) as f32 * 0.5).collect();
        for first_layer in [0, shape.layers / 2, shape.layers] {
            let batch = Batch {
                coordinates: &coordinates,
                targets: &targets,
                weights: &weights,
                first_layer,
                residuals: Residuals::Values,
            };
            let (loss, mut gradient) = binary64_step(&network, batch);
            gradient[..shape.layers().nth(first_layer).unwrap().offset].fill(0.0);
            let (got_loss, got) = cuda.step(&network, batch).unwrap();
            let numbers = (blocks * BLOCK * shape.outputs) as f64;
            let error: f64 =
                got.iter().zip(&gradient).map(|(&a, b)| (f64::from(a) - b / numbers).powi(2)).sum();
            let norm: f64 = gradient.iter().map(|b| (b / numbers).powi(2)).sum();
            println!("{shape:?} from layer {first_layer}: {:.1e}", (error / norm).sqrt());
            assert!((error / norm).sqrt() < 1e-5, "{shape:?} {first_layer}: {:e}", (error / norm).sqrt());
            assert!((got_loss / loss - 1.0).abs() < 1e-6, "{shape:?} {first_layer}: {got_loss} {loss}");
            // The result does not depend on the order of threads.
            let (again_loss, again) = cuda.step(&network, batch).unwrap();
            assert_eq!((again_loss, bits(&again)), (got_loss, bits(&got)), "{shape:?} {first_layer}");
        }
    }
}

#[test]
fn no_points_give_no_values_and_no_gradient() {
    let Some(cuda) = device() else { return };
    let network = network(Shape { inputs: 2, outputs: 3, layers: 2, width: 5 }, 0.5);
    let batch =
        Batch { coordinates: &[], targets: &[], weights: &[], first_layer: 0, residuals: Residuals::Values };
    assert!(cuda.forward(&network, &[]).unwrap().is_empty());
    assert!(cuda.jet(&network, &[], Jet::Hessian).unwrap().is_empty());
    let (loss, gradient) = cuda.step(&network, batch).unwrap();
    assert!(loss == 0.0 && gradient.iter().all(|&g| g == 0.0));
}

#[test]
fn networks_too_wide_are_refused() {
    let Some(cuda) = device() else { return };
    let network = network(Shape { inputs: 2, outputs: 1, layers: 1, width: cuda.widest() + 1 }, 0.5);
    let error = cuda.forward(&network, &points(2, 1)).unwrap_err().to_string();
    assert!(error.contains(&format!("expected at most {}", cuda.widest())), "{error}");
}

#[test]
fn shapes_that_the_kernels_do_not_count_are_refused() {
    let Some(cuda) = device() else { return };
    let usual = Shape { inputs: 2, outputs: 1, layers: 1, width: 2 };
    for (shape, word) in [
        (Shape { layers: 65, ..usual }, "65 layers, expected 1 to 64"),
        (Shape { layers: 0, ..usual }, "0 layers"),
        (Shape { inputs: 0, ..usual }, "0 inputs"),
        (Shape { inputs: 9, ..usual }, "9 inputs"),
        (Shape { outputs: 0, ..usual }, "0 outputs"),
        (Shape { width: 0, ..usual }, "0 neurons"),
    ] {
        let network = Network::zeros(shape);
        let error = cuda.forward(&network, &points(2, 1)).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
        let batch = Batch {
            coordinates: &[],
            targets: &[],
            weights: &[],
            first_layer: 0,
            residuals: Residuals::Values,
        };
        assert!(cuda.step(&network, batch).is_err(), "{shape:?}");
    }
}

/// The kernels go backwards from the last layer to the first trained one: a first layer beyond the last would
/// take them outside their memory.
#[test]
fn a_first_layer_that_is_none_is_refused() {
    let Some(cuda) = device() else { return };
    let network = network(Shape { inputs: 2, outputs: 3, layers: 3, width: 16 }, 0.5);
    let (coordinates, targets, weights) = (points(2, 1), points(3, 1), vec![1.0; BLOCK]);
    let batch = |first_layer| Batch {
        coordinates: &coordinates,
        targets: &targets,
        weights: &weights,
        first_layer,
        residuals: Residuals::Values,
    };
    assert!(cuda.step(&network, batch(3)).is_ok());
    for first_layer in [4, usize::MAX] {
        let refused = |work: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err();
        assert!(refused(&|| drop(cuda.step(&network, batch(first_layer)))));
        assert!(refused(&|| drop(cuda.time_steps(&network, batch(first_layer), 1))));
    }
}

/// In a process of its own, where the first launch after those of the check fails, and no other.
#[test]
fn a_device_that_failed_is_opened_anew() {
    const FAILURE: &str = "SIRENC_EMULATED_FAILURE";
    if std::env::var_os("SIRENC_TEST_GPU").is_some() {
        return println!("skipped: a GPU does not fail when asked to");
    }
    if !emulator::load_unless_gpu() {
        return;
    }
    if std::env::var_os(FAILURE).is_none() {
        let mut again = Command::new(std::env::current_exe().unwrap());
        let again = again.args(["--exact", "a_device_that_failed_is_opened_anew"]).env(FAILURE, "once15");
        let output = again.output().unwrap();
        return assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let (_, processor) = fixtures().next().unwrap();
    let lengths = processor.description().lengths().into_iter();
    let grid = Grid { axes: lengths.map(|n| Sampling::resized(n, n)).collect() };
    let render = || processor.clone().with_device(Device::Cuda(0)).unwrap().render(&grid);
    let error = render().unwrap_err().to_string();
    assert!(error.contains("CUDA_ERROR_LAUNCH_FAILED"), "{error}");
    assert_eq!(bits(&render().unwrap()), bits(&processor.render(&grid).unwrap()));
}

#[test]
fn a_device_that_is_not_there_is_an_error() {
    if device().is_none() {
        return;
    }
    let error = Cuda::open(7).unwrap_err().to_string();
    assert!(error.starts_with("device cuda:7: this machine has "), "{error}");
}

/// Loss and gradient in binary64, point by point.
fn binary64_step(network: &Network, batch: Batch<'_>) -> (f64, Vec<f64>) {
    const TAU: f64 = std::f64::consts::TAU;
    let shape = network.shape();
    let parameters: Vec<f64> = network.parameters().iter().map(|&w| w.into()).collect();
    let (mut loss, mut gradient) = (0.0, vec![0.0; parameters.len()]);
    let at = |data: &[f32], rows: usize, row: usize, p: usize| {
        f64::from(data[(p / BLOCK * rows + row) * BLOCK + p % BLOCK])
    };
    for p in 0..batch.weights.len() {
        let mut inputs: Vec<Vec<f64>> =
            vec![(0..shape.inputs).map(|i| at(batch.coordinates, shape.inputs, i, p)).collect()];
        let mut phases = vec![];
        for layer in shape.layers() {
            let x = &inputs[inputs.len() - 1];
            let rows =
                parameters[layer.weights()].chunks_exact(layer.inputs).zip(&parameters[layer.biases()]);
            let t: Vec<f64> =
                rows.map(|(row, bias)| bias + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()).collect();
            inputs.push(t.iter().map(|t| if layer.last { *t } else { (TAU * t).sin() }).collect());
            phases.push(t);
        }
        let weight = f64::from(batch.weights[p]);
        let errors = inputs[inputs.len() - 1].iter().enumerate();
        let mut delta: Vec<f64> = errors.map(|(c, y)| y - at(batch.targets, shape.outputs, c, p)).collect();
        loss += weight * delta.iter().map(|e| e * e).sum::<f64>();
        delta.iter_mut().for_each(|e| *e *= 2.0 * weight);
        for (l, layer) in shape.layers().enumerate().rev() {
            for (j, d) in delta.iter().enumerate() {
                gradient[layer.biases()][j] += d;
                for (i, x) in inputs[l].iter().enumerate() {
                    gradient[layer.weights()][j * layer.inputs + i] += d * x;
                }
            }
            if l > 0 {
                let weights = &parameters[layer.weights()];
                let back = |i: usize| -> f64 {
                    let sum: f64 =
                        delta.iter().enumerate().map(|(j, d)| d * weights[j * layer.inputs + i]).sum();
                    sum * TAU * (TAU * phases[l - 1][i]).cos()
                };
                delta = (0..layer.inputs).map(back).collect();
            }
        }
    }
    (loss, gradient)
}
