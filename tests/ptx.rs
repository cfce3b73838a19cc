//! The PTX that the program ships, interpreted: values, jets, gradients and a whole fit against the processor's. For
//! all shapes: `SIRENC_TEST_PTX=1 cargo test --test cuda`, which takes minutes.
#![cfg(all(feature = "cuda", target_os = "linux"))]

mod emulator;

use sirenc::backend::cuda::Cuda;
use sirenc::backend::simd::{BLOCK, Batch, Level, Residuals, Workspace};
use sirenc::network::{Jet, Network, Shape};
use sirenc::signal::{Description, SampleFormat, Samples, Signal};
use sirenc::{Device, EncodeOptions, Target, encode};
use std::sync::OnceLock;

fn device() -> Option<&'static Cuda> {
    static DEVICE: OnceLock<Option<Cuda>> = OnceLock::new();
    DEVICE.get_or_init(|| emulator::load_interpreter().then(|| Cuda::open(0).unwrap())).as_ref()
}

/// Numbers in −1..1, the same for the same seed.
fn numbers(seed: usize, count: usize) -> Vec<f32> {
    (0..count).map(|n| ((n * 7919 + seed * 104729 + 13) % 65536) as f32 / 32768.0 - 1.0).collect()
}

/// A network with phases of about a turn.
fn network(shape: Shape) -> Network {
    let scale = 0.5 / (shape.width as f32).sqrt();
    Network::from_parameters(shape, numbers(1, shape.parameters()).iter().map(|x| x * scale).collect())
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// One shape of each class of width that evaluates.
fn shapes() -> impl Iterator<Item = Shape> {
    [(2, 7), (3, 33), (2, 70), (1, 130)].into_iter().map(|(layers, width)| Shape {
        inputs: 2,
        outputs: 3,
        layers,
        width,
    })
}

#[test]
fn values_and_jets_have_the_bits_of_the_processor() {
    let Some(cuda) = device() else { return };
    for shape in shapes() {
        let (network, coordinates) = (network(shape), numbers(2, shape.inputs * BLOCK));
        let mut expected = vec![0.0; shape.outputs * BLOCK];
        Level::best().forward(&network, &coordinates, &mut expected, &mut Workspace::default());
        assert_eq!(bits(&cuda.forward(&network, &coordinates).unwrap()), bits(&expected), "{shape:?}");
        for jet in [Jet::Gradient, Jet::Hessian] {
            let mut expected = vec![0.0; jet.components(shape.inputs) * shape.outputs * BLOCK];
            Level::best().jet(&network, &coordinates, jet, &mut expected, &mut Workspace::default());
            let got = cuda.jet(&network, &coordinates, jet).unwrap();
            assert_eq!(bits(&got), bits(&expected), "{shape:?} {jet:?}");
        }
    }
}

#[test]
fn gradients_are_those_of_the_processor() {
    let Some(cuda) = device() else { return };
    for (shape, residuals) in shapes().zip([Residuals::Values, Residuals::SumsAndDifferences].repeat(2)) {
        let network = network(shape);
        let [coordinates, targets, weights] =
            [shape.inputs, shape.outputs, 1].map(|rows| numbers(rows, rows * BLOCK));
        let weights: Vec<f32> = weights.iter().map(|w| w.abs()).collect();
        let batch = Batch {
            coordinates: &coordinates,
            targets: &targets,
            weights: &weights,
            first_layer: 0,
            residuals,
        };
        let (loss, gradient) = cuda.step(&network, batch).unwrap();
        let evaluations = residuals.points_per_sample(shape.inputs);
        let scale = 1.0 / (shape.outputs * BLOCK / evaluations) as f32;
        let mut expected = vec![0.0; shape.parameters()];
        let expected_loss =
            Level::best().step(&network, batch, scale, &mut expected, &mut Workspace::default());
        let norm =
            |values: &mut dyn Iterator<Item = f32>| values.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        let error = norm(&mut gradient.iter().zip(&expected).map(|(a, b)| a - b));
        let error = error / norm(&mut expected.iter().copied());
        assert!(error < 1e-5, "{shape:?}: {error:e}");
        assert!((loss / expected_loss - 1.0).abs() < 1e-6, "{shape:?}: {loss}, {expected_loss}");
    }
}

/// A short fit and its quantization, as good as the processor's.
#[test]
fn a_fit_trains_and_is_quantized() {
    if device().is_none() {
        return;
    }
    let samples = (0..16 * 12).map(|i| (128.0 + 90.0 * (i as f32 * 0.11).sin()) as u8).collect();
    let signal = Signal {
        description: Description::picture([16, 12], 1, SampleFormat::U8),
        samples: Samples::U8(samples),
        metadata: vec![],
    };
    let options = EncodeOptions::default().target(Target::Shape { layers: 2, width: 6 }).effort(1);
    let [fitted, expected] = [Device::Cuda(0), Device::Cpu]
        .map(|device| encode(&signal, &options.clone().device(device)).unwrap());
    assert_eq!(fitted.report.device, "cuda:0 (emulated)");
    let [psnr, expected] = [fitted, expected].map(|encoded| encoded.report.psnr_db);
    assert!((psnr - expected).abs() < 0.5, "{psnr} dB, {expected} dB on the processor");
}
