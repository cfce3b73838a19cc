//! Training on the device, or on the emulated one, compared with the CPU.

#![allow(unsafe_code)]

#[path = "../../../tests/emulator/mod.rs"]
pub(crate) mod emulator;

use super::{Cuda, CurvatureOf, Fit};
use crate::backend::simd::Level;
use crate::backend::trainer::{Schedule, Turn};
use crate::fit::{self, Dataset, GradientTerm, MOST_POINTS};
use crate::network::{Network, Shape};
use crate::quantize::mean_curvature;
use crate::signal::{Description, SampleFormat, Samples, Signal, Tiles};
use cudarc::driver::sys;
use std::sync::{Arc, OnceLock};

pub(crate) fn device() -> Option<&'static Cuda> {
    static DEVICE: OnceLock<Option<Cuda>> = OnceLock::new();
    DEVICE.get_or_init(|| emulator::load_unless_gpu().then(|| Cuda::open(0).unwrap())).as_ref()
}

/// A picture of 30 × 20 pixels in three channels, five blocks of points; pairs if slopes have a weight.
fn picture(slopes: f32) -> Dataset {
    let description = Description::picture([30, 20], 3, SampleFormat::F32);
    let value = |i: usize| ((i / 3 % 30) as f32 * 0.3).sin() * ((i / 90) as f32 * 0.2 + (i % 3) as f32).cos();
    let samples = Samples::F32((0..1800).map(value).collect());
    let tiles = Tiles::one(&description);
    let term = (slopes > 0.0).then_some(GradientTerm { weight: slopes, reference: None });
    let signal = Signal { description, samples, metadata: vec![] };
    Dataset::of_tile((&signal, None), &tiles, 0, term, MOST_POINTS, 1).unwrap()
}

fn initial(shape: Shape, data: &Dataset) -> Network {
    fit::initial_network(shape, data, &mut fastrand::Rng::with_seed(3))
}

fn shape(layers: usize, width: usize) -> Shape {
    Shape { inputs: 2, outputs: 3, layers, width }
}

fn schedule(iterations: usize, rate: f32, first_layer: usize) -> Schedule {
    Schedule { iterations, blocks: 2, rate, warmup: 0.1, end: 0.02, first_layer, loss_of_mean: f64::INFINITY }
}

fn trained(cuda: &Cuda, network: &Network, data: &Dataset, schedule: Schedule) -> Network {
    let mut network = network.clone();
    let samples = cuda.upload(data.points.all()).unwrap();
    let fit = Fit { network: &mut network, samples: &samples, schedule };
    cuda.train(&mut [fit], None, |_, _, _| true).unwrap();
    network
}

/// The distance of two networks, relative to how far the first has moved from `from`.
fn distance(from: &Network, a: &Network, b: &Network) -> f64 {
    let norm = |a: &Network, b: &Network| {
        let pairs = a.parameters().iter().zip(b.parameters());
        pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
    };
    norm(a, b) / norm(from, a)
}

/// An encode drops its samples on the thread of its caller, which need not be one that has used the device.
#[test]
fn samples_are_freed_on_a_thread_without_a_context() {
    let Some(cuda) = device() else { return };
    let samples = cuda.upload(picture(0.0).points.all()).unwrap();
    // An error of a drop is kept for the next call on the context, by whichever thread.
    std::thread::spawn(|| drop(samples)).join().unwrap();
    cuda.device.context.check_err().unwrap();
}

#[test]
fn threads_that_wait_for_the_device_sleep() {
    let Some(cuda) = device() else { return };
    let (mut flags, mut active) = (0, 0);
    // SAFETY: the device is open; the call writes two numbers.
    let state =
        unsafe { sys::cuDevicePrimaryCtxGetState(cuda.device.context.cu_device(), &mut flags, &mut active) };
    state.result().unwrap();
    assert_eq!((flags, active), (sys::CUctx_flags::CU_CTX_SCHED_BLOCKING_SYNC as u32, 1));
}

#[test]
fn training_takes_the_steps_of_the_processor() {
    let Some(cuda) = device() else { return };
    for (layers, width, iterations, slopes) in [
        (1, 5, 20, 0.0),
        (2, 1, 20, 0.0),
        (3, 7, 20, 0.0),
        (3, 7, 20, 1.0),
        (4, 16, 20, 0.0),
        (3, 28, 20, 0.0),
        (3, 28, 10, 20.0),
        (3, 44, 10, 0.0),
        (2, 64, 10, 0.0),
        (3, 70, 5, 0.0),
        (2, 128, 3, 0.0),
        (3, 130, 2, 0.0),
        (4, 256, 1, 0.0),
    ] {
        if width > cuda.widest() {
            continue;
        }
        let data = picture(slopes);
        for first_layer in [0, layers - 1, layers] {
            let schedule = schedule(iterations, 0.03, first_layer);
            let start = initial(shape(layers, width), &data);
            let mut expected = start.clone();
            let values = fit::Values::new(&data.points, &schedule);
            let networks = std::slice::from_mut(&mut expected);
            fit::train(Level::best(), networks, &values, &schedule, Turn::default(), |_, _| true);
            let got = trained(cuda, &start, &data, schedule);
            let distance = distance(&start, &expected, &got);
            let case = format!("{layers} × {width} from layer {first_layer}, slopes {slopes}");
            println!("{case}: {distance:.1e}");
            assert!(distance < 1e-5, "{case}: {distance:e}");
            let frozen = shape(layers, width).layers().nth(first_layer).unwrap().offset;
            assert_eq!(got.parameters()[..frozen], start.parameters()[..frozen]);
        }
    }
}

#[test]
fn networks_train_to_the_same_bits_beside_others() {
    let Some(cuda) = device() else { return };
    let data = picture(0.0);
    let plans =
        [(3, 7, 9), (2, 20, 4), (4, 16, 7), (1, 9, 0), (3, 33, 3)].map(|(layers, width, iterations)| {
            (initial(shape(layers, width), &data), schedule(iterations, 0.03, 0))
        });
    let mut together: Vec<Network> = plans.iter().map(|(network, _)| network.clone()).collect();
    let samples = &cuda.upload(data.points.all()).unwrap();
    let mut fits: Vec<Fit<'_>> = together
        .iter_mut()
        .zip(&plans)
        .map(|(network, (_, schedule))| Fit { network, samples, schedule: *schedule })
        .collect();
    let mut seen = [0; 5];
    cuda.train(&mut fits, None, |fit, iteration, mse| {
        seen[fit] = iteration;
        mse.is_finite()
    })
    .unwrap();
    assert_eq!(seen, [9, 4, 7, 0, 3]);
    for (network, (start, schedule)) in together.iter().zip(&plans) {
        assert_eq!(network, &trained(cuda, start, &data, *schedule));
    }
}

#[test]
fn a_fit_that_diverges_goes_back() {
    let Some(cuda) = device() else { return };
    let data = picture(0.0);
    // Steps of many turns: the initial state is the best, and is restored at the first chance, after 101
    // iterations.
    let start = initial(shape(2, 6), &data);
    let schedule = Schedule { warmup: 0.0, ..schedule(102, 40.0, 0) };
    assert_eq!(trained(cuda, &start, &data, schedule), start);
}

#[test]
fn a_loss_beyond_binary32_goes_back_at_once() {
    let Some(cuda) = device() else { return };
    let mut data = picture(0.0);
    let start = initial(shape(2, 6), &data);
    // The gradient is finite: every thread sees the divergence in the sum of the losses, before the squares
    // of the gradient are summed.
    Arc::get_mut(&mut data.points).unwrap().targets.fill(1e20);
    assert_eq!(trained(cuda, &start, &data, schedule(3, 0.03, 0)), start);
}

#[test]
fn curvatures_are_those_of_the_processor() {
    let Some(cuda) = device() else { return };
    // More points and pairs than are sampled, and a network with several parts in a panel and in a pass.
    let data = [0.0, 2.0].map(picture);
    let networks: Vec<Network> = [(3, 7), (2, 16), (4, 33), (1, 64), (2, 65), (2, 130)]
        .into_iter()
        .filter(|&(_, width)| width <= cuda.widest())
        .map(|(layers, width)| initial(shape(layers, width), &data[0]))
        .collect();
    let resident = [&data[0], &data[1]].map(|data| cuda.upload(data.points.all()).unwrap());
    let mut requested = vec![];
    for (data, samples) in data.iter().zip(&resident) {
        let (blocks, share) = data.sampled(crate::quantize::SAMPLED);
        for network in &networks {
            for (layer, of) in network.shape().layers().enumerate() {
                // Only narrow layers have a matrix for each output.
                let together =
                    if of.inputs > 64 || of.outputs > 64 { [of.outputs; 2] } else { [1, of.outputs] };
                requested.extend(together.map(|together| CurvatureOf {
                    network,
                    layer,
                    samples,
                    blocks,
                    share,
                    together,
                }));
            }
        }
    }
    let got = cuda.curvatures(&requested).unwrap();
    for (of, got) in requested.iter().zip(&got) {
        let (layer, data) =
            (of.network.shape().layers().nth(of.layer).unwrap(), &data[of.samples.residuals.points() - 1]);
        let groups = (0..layer.outputs).step_by(of.together).map(|from| from..from + of.together);
        let expected: Vec<f64> = groups
            .flat_map(|group| mean_curvature(Level::best(), of.network, data, of.layer, group))
            .collect();
        assert_eq!(got.len(), expected.len());
        let norm = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>().sqrt();
        let error =
            norm(&mut got.iter().zip(&expected).map(|(a, b)| a - b)) / norm(&mut expected.iter().copied());
        let name = format!(
            "{:?}, layer {} by {}, {:?}",
            of.network.shape(),
            of.layer,
            of.together,
            data.points.residuals
        );
        println!("{name}: {error:.1e}");
        assert!(error < 1e-5, "{name}: {error:e}");
        if of.layer == 1 {
            assert_eq!(&cuda.curvatures(&[*of]).unwrap()[0], got, "{name}: alone");
        }
    }
}

#[test]
fn an_observer_ends_the_training() {
    let Some(cuda) = device() else { return };
    let data = picture(0.0);
    let mut network = initial(shape(1, 4), &data);
    let samples = cuda.upload(data.points.all()).unwrap();
    let fit = Fit { network: &mut network, samples: &samples, schedule: schedule(1000, 0.03, 0) };
    let mut calls = 0;
    cuda.train(&mut [fit], None, |_, _, _| {
        calls += 1;
        false
    })
    .unwrap();
    assert_eq!(calls, 1);
}
