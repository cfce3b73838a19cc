//! Training of a spline field on a picture: `cargo bench --bench spline -- PICTURE [STEPS [λ [SEED [WIDTH
//! HEIGHT]]]]`. Prints the time of the fastest step on one thread, and what the whole training reached; WIDTH
//! and HEIGHT cut out the centre of the picture.

use sirenc::backend::simd::Level;
use sirenc::field::spline::Shape;
use sirenc::spline::{Samples, Schedule, Step, Training};
use sirenc::{Limits, media};
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let Some(path) = arguments.first() else { return println!("no picture") };
    let number = |n: usize, default: f64| arguments.get(n).map_or(default, |a| a.parse().expect("a number"));
    let signal = media::read(&std::fs::read(path).expect("a file"), &Limits::default()).expect("a picture");
    let channels = usize::from(signal.description.channels);
    let [width, height] = signal.description.lengths()[..] else { panic!("not a picture") };
    let (width, height) = (width as usize, height as usize);
    let crop = [number(4, width as f64) as usize, number(5, height as f64) as usize];
    let [x0, y0] = [(width - crop[0]) / 2, (height - crop[1]) / 2];
    let row = |y: usize| ((y0 + y) * width + x0) * channels..((y0 + y) * width + x0 + crop[0]) * channels;
    let values: Vec<f32> = (0..crop[1]).flat_map(row).map(|index| signal.samples.get(index)).collect();

    let shape = Shape::usual(&crop.map(|n| n as u32), channels);
    let schedule = Schedule { steps: number(1, 0.0) as usize, lambda: number(2, 1e-3) };
    let samples = Samples { values: &values, weights: None };
    let start = || Training::start(Level::best(), &shape, &samples, number(3, 0.0) as u64);

    let step = Step { lambda: schedule.lambda as f32, temperature: 0.3, noise: 0.2, rates: [0.16, 0.01] };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let fastest = pool.install(|| {
        let mut training = start();
        let time = |_| {
            let start = Instant::now();
            training.step(step);
            start.elapsed().as_secs_f64()
        };
        (0..30).map(time).fold(f64::INFINITY, f64::min)
    });
    println!("{} {crop:?}: {:.1} ms per step", Level::best().name(), 1e3 * fastest);

    if schedule.steps > 0 {
        let begin = Instant::now();
        let trained = start().fit(&schedule, |_, _| true);
        let positions = (crop[0] * crop[1]) as f64;
        let mse = trained.loss.squared_error / positions;
        let bits: Vec<f64> = trained.loss.bits.iter().map(|bits| bits / positions).collect();
        println!(
            "λ {} PSNR {:.2} latents {:.4} bpp, 1000 J {:.4}, {:.1} s; of grids {bits:.4?}",
            schedule.lambda,
            -10.0 * mse.log10(),
            bits.iter().sum::<f64>(),
            1e3 * trained.loss.total(schedule.lambda) / positions,
            begin.elapsed().as_secs_f64()
        );
    }
}
