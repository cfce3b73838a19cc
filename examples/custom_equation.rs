//! An equation of one's own: screened Poisson, `Δf = λ²·f − s`, of which the answer is known.
//! `cargo run --release --example custom_equation`

use sirenc::network::Jet;
use sirenc::signal::{Description, SampleFormat};
use sirenc::solve::{Condition, Point, Points, Problem, Residual, SolveOptions, ValueIs, solve};
use sirenc::{Decoder, Flow};

/// Samples along each side, λ² per sample and sample, and the frequency of the answer.
const SIDE: u32 = 32;
const SQUARE: f64 = 0.02;
const FREQUENCY: f64 = 0.3;

fn answer(position: &[f64]) -> f64 {
    (FREQUENCY * position[0]).sin() * (FREQUENCY * position[1]).cos()
}

/// The equation: from a field's value, slopes and Laplacian at a point to a loss and its derivatives by them.
struct Screened;
impl Residual for Screened {
    fn jet(&self) -> Jet {
        Jet::Laplacian
    }
    fn loss(&self, point: Point<'_>, jet: &mut [f64]) -> f64 {
        let source = (SQUARE + 2.0 * FREQUENCY * FREQUENCY) * answer(point.position);
        let error = jet[3] - SQUARE * jet[0] + source;
        jet.copy_from_slice(&[-2.0 * SQUARE * error, 0.0, 0.0, 2.0 * error]);
        error * error
    }
}

/// Solves the equation, and returns the largest error at the samples.
fn run() -> sirenc::Result<f64> {
    let last = f64::from(SIDE - 1);
    let border: Vec<f64> =
        (0..SIDE).map(f64::from).flat_map(|x| [x, 0.0, x, last, 0.0, x, last, x]).collect();
    let values = border.chunks(2).map(|position| answer(position) as f32).collect();
    let condition =
        |name: &str, points, residual, weight| Condition { name: name.into(), points, residual, weight };
    let conditions = vec![
        condition("equation", Points::Random(vec![0.0..last; 2]), &Screened as &dyn Residual, 100.0),
        condition("border", Points::Given { positions: border, data: values }, &ValueIs, 1.0),
    ];
    let problem = Problem::new(Description::picture([SIDE; 2], 1, SampleFormat::F32), conditions);
    let solved = solve(&problem, &SolveOptions::default().width(48).effort(3), &|_| Flow::Continue)?;
    let positions: Vec<f64> = (0..SIDE * SIDE).flat_map(|i| [i % SIDE, i / SIDE].map(f64::from)).collect();
    let found = Decoder::open(&solved.bytes[..])?.sample(&positions)?;
    let errors = found.iter().zip(positions.chunks(2)).map(|(&f, at)| (f64::from(f) - answer(at)).abs());
    Ok(errors.fold(0.0, f64::max))
}

fn main() -> sirenc::Result<()> {
    run().map(|error| println!("largest error: {error:.4}"))
}

#[test]
fn the_answer_is_found() {
    assert!(run().unwrap() < 0.02);
}
