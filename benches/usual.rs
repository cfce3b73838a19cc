//! Learns the usual parameters of spline fields: `cargo bench --bench usual -- OUT ROUNDS STEPS PICTURE…`.
//!
//! In each round two pictures are encoded for λ drawn from the range of photographs at 0.1 to 2 bits, and the
//! usual parameters move towards theirs (Reptile; Nichol et al. 2018). OUT is a text like `spec/usual.txt`; if
//! it exists, learning begins with it. Prints λ, PSNR and bits per position of each encode.

use sirenc::backend::simd::Level;
use sirenc::field::spline::{Order, Shape, USUAL_STEP};
use sirenc::spline::{Samples, Schedule, Training, drawn};
use sirenc::{Limits, media};
use std::thread::scope;

type Tensors = Vec<Vec<f32>>;

/// λ of a picture: any in this range, evenly on a logarithmic scale.
const LAMBDAS: [f64; 2] = [2e-4, 8e-3];
/// How far parameters move towards those of a picture, in the first round and in the last.
const MOVES: [f32; 2] = [0.25, 0.05];
/// The share of the newest parameters in the mean that is written.
const SHARE: f32 = 0.04;

struct Picture {
    shape: Shape,
    values: Vec<f32>,
}

impl Picture {
    fn read(path: &str) -> Self {
        let bytes = std::fs::read(path).expect("a file");
        let signal = media::read(&bytes, &Limits::default()).expect("a picture");
        let shape = Shape::usual(&signal.description.lengths(), usize::from(signal.description.channels));
        assert_eq!(shape.outputs, 3, "{path}: not RGB");
        Picture { shape, values: (0..signal.samples.len()).map(|index| signal.samples.get(index)).collect() }
    }

    fn means(&self) -> Vec<f32> {
        let count = (self.values.len() / 3) as f64;
        let of = |channel| self.values.iter().skip(channel).step_by(3).map(|&x| f64::from(x)).sum::<f64>();
        (0..3).map(|channel| (of(channel) / count) as f32).collect()
    }

    /// The parameters of a field that was trained from `usual` ones, without what depends on λ and on the
    /// picture's mean.
    fn learn(&self, usual: &Tensors, steps: usize, lambda: f64, seed: u64) -> (Tensors, String) {
        let samples = Samples { values: &self.values, weights: None };
        let mut training = Training::start_from(Level::best(), &self.shape, &samples, usual, seed);
        let amplitude = (lambda / 1e-3).sqrt().min(1.0) as f32;
        training.amplify(amplitude);
        let trained = training.fit(&Schedule { steps, lambda }, |_, _| true);
        let mut tensors = trained.tensors;
        for filter in tensors[Order::TAPS].chunks_exact_mut(4) {
            filter[0] += 1.0;
            filter.iter_mut().for_each(|tap| *tap /= amplitude);
            filter[0] -= 1.0;
        }
        let biases = self.shape.order().layer(self.shape.layers) + 1;
        tensors[biases].iter_mut().zip(self.means()).for_each(|(bias, mean)| *bias += 0.5 - mean);
        let positions = (self.values.len() / 3) as f64;
        let psnr = -10.0 * (trained.loss.squared_error / positions).log10();
        let bits = trained.loss.total_bits() / positions;
        let total = trained.loss.total(lambda) / positions / lambda;
        (tensors, format!("λ {lambda:.1e} {psnr:.2} dB {bits:.4} bpp, loss {total:.4} λ"))
    }
}

fn read(path: &str, shape: &Shape) -> Option<Tensors> {
    let text = std::fs::read_to_string(path).ok()?;
    let mut numbers = text.split_whitespace().map(|number| number.parse::<f32>().expect("a number"));
    let tensor = |count: usize| numbers.by_ref().take(count).map(|number| number * USUAL_STEP).collect();
    Some(shape.tensors().iter().map(|tensor| tensor.parameters()).map(tensor).collect())
}

fn write(path: &str, shape: &Shape, tensors: &Tensors) {
    let row = |row: &[f32]| {
        let numbers: Vec<String> = row.iter().map(|x| (x / USUAL_STEP).round().to_string()).collect();
        numbers.join(" ") + "\n"
    };
    let rows = shape.tensors().into_iter().zip(tensors);
    let text: String = rows.flat_map(|(of, tensor)| tensor.chunks_exact(of.columns).map(row)).collect();
    std::fs::write(path, text).expect("a file that can be written");
}

fn towards(from: &mut Tensors, to: &Tensors, share: f32) {
    let pairs = from.iter_mut().flatten().zip(to.iter().flatten());
    pairs.for_each(|(from, to)| *from += share * (to - *from));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [out, rounds, steps, paths @ ..] = &arguments[..] else {
        return println!("expected OUT ROUNDS STEPS PICTURE…");
    };
    let [rounds, steps] = [rounds, steps].map(|number| number.parse::<usize>().expect("a number"));
    let pictures: Vec<Picture> = paths.iter().map(|path| Picture::read(path)).collect();
    let shape = Shape::usual(&[1, 1], 3);
    let mut usual = read(out, &shape).unwrap_or_else(|| drawn(&shape, 0));
    let (mut mean, mut rng, mut deck) = (usual.clone(), fastrand::Rng::with_seed(0), vec![]);
    for round in 0..rounds {
        let mut draw = || {
            if deck.is_empty() {
                deck.extend(0..pictures.len());
                rng.shuffle(&mut deck);
            }
            let lambda = LAMBDAS[0] * (LAMBDAS[1] / LAMBDAS[0]).powf(rng.f64());
            (deck.pop().expect("a picture"), lambda, rng.u64(..))
        };
        let draws = [draw(), draw()];
        let (usual_now, pictures) = (&usual, &pictures);
        let learnt = scope(|scope| {
            let threads = draws.map(|(picture, lambda, seed)| {
                scope.spawn(move || {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
                    pool.install(|| pictures[picture].learn(usual_now, steps, lambda, seed))
                })
            });
            threads.map(|thread| thread.join().expect("an encode"))
        });
        let f = round as f32 / rounds as f32;
        for ((picture, ..), (tensors, text)) in draws.iter().zip(&learnt) {
            println!("{round} {} {text}", paths[*picture]);
            towards(&mut usual, tensors, MOVES[0] + (MOVES[1] - MOVES[0]) * f);
        }
        towards(&mut mean, &usual, SHARE.max(1.0 / (round + 1) as f32));
        if round % 10 == 9 || round + 1 == rounds {
            write(out, &shape, &mean);
        }
    }
}
