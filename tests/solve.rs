//! Fields from equations: gradients, Laplacians, and an equation of one's own.
#![cfg(feature = "encoder")]

use sirenc::network::Jet;
use sirenc::signal::{Axis, Description, Grid, SampleFormat, Samples, Signal};
use sirenc::solve::{
    Condition, GradientIs, Helmholtz, HessianEnergy, Interpolant, Inversion, Point, PointSource, Points,
    Problem, Residual, SolveOptions, ValueIs, fill, poisson, solve, waves,
};
use sirenc::{Decoder, Error, Flow};

fn options() -> SolveOptions {
    SolveOptions::default().layers(2).width(32).frequency(6.0).rate(0.04).batch(512).effort(2)
}

/// Hills over 24 × 16 samples.
fn hills() -> Signal {
    let height = |i: u32| {
        let (x, y) = ((i % 24) as f32, (i / 24) as f32);
        0.5 + 0.2 * (0.4 * x).sin() * (0.3 * y).cos() + 0.01 * x
    };
    Signal {
        description: Description::picture([24, 16], 1, SampleFormat::F32),
        samples: Samples::F32((0..384).map(height).collect()),
        metadata: vec![],
    }
}

/// The root mean square difference of a file from a signal, after the means are made equal.
fn difference(file: &[u8], signal: &Signal) -> f64 {
    let decoder = Decoder::open(file).unwrap();
    let found = decoder.render(&Grid::native(decoder.description())).unwrap();
    let errors: Vec<f64> =
        found.iter().enumerate().map(|(i, &x)| f64::from(x) - f64::from(signal.samples.get(i))).collect();
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    (errors.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / errors.len() as f64).sqrt()
}

#[test]
fn a_picture_is_found_from_its_gradient() {
    let signal = hills();
    let gradient = poisson::gradient_of(&signal).unwrap();
    let mut problem = Problem::new(signal.description.clone(), vec![gradient]);
    problem.mean = Some(vec![0.25]);
    let solved = solve(&problem, &options(), &|_| Flow::Continue).unwrap();
    assert!(difference(&solved.bytes, &signal) < 0.02, "{:?}", solved.losses);
    assert!(solved.losses.iter().all(|loss| loss.stored < 1e-4 && loss.fitted <= loss.stored * 1.5));
    let decoder = Decoder::open(&solved.bytes[..]).unwrap();
    let values = decoder.render(&Grid::native(decoder.description())).unwrap();
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    assert!((mean - 0.25).abs() < 0.01, "{mean}");
    // The same options give the same bytes.
    assert_eq!(solve(&problem, &options(), &|_| Flow::Continue).unwrap().bytes, solved.bytes);
}

#[test]
fn a_picture_is_found_from_its_laplacian_and_its_border() {
    let signal = hills();
    let conditions = poisson::laplacian_of(&signal, true).unwrap();
    let mut problem = Problem::new(signal.description.clone(), conditions);
    let gradient = poisson::gradient_of(&signal).unwrap();
    problem.measures = vec![poisson::at_samples(&gradient, &signal.description)];
    let solved = solve(&problem, &options().effort(3), &|_| Flow::Continue).unwrap();
    assert!(difference(&solved.bytes, &signal) < 0.02, "{:?}", solved.losses);
    let names: Vec<&str> = solved.losses.iter().map(|loss| &loss.name[..]).collect();
    assert_eq!(names, ["laplacian", "norm of low frequencies", "border", "gradient at samples"]);
}

#[test]
fn samples_in_any_unit_are_filled() {
    let hills = hills();
    for (scale, offset) in [(1.0, 0.0), (1000.0, 101_000.0), (1e-6, 0.0)] {
        let at = |i: usize| scale * hills.samples.get(i) + offset;
        let signal = Signal { samples: Samples::F32((0..384).map(at).collect()), ..hills.clone() };
        let known = |sample: usize| !sample.is_multiple_of(3);
        let energy = HessianEnergy;
        let mut problem = Problem::new(signal.description.clone(), fill(&signal, known, &energy, 0.1));
        (problem.offsets, problem.scale) = poisson::units_of(&signal, known);
        let solved = solve(&problem, &options(), &|_| Flow::Continue).unwrap();
        let error = difference(&solved.bytes, &signal) / f64::from(scale);
        assert!(error < 0.03, "×{scale}: {error} {:?}", solved.losses);
    }
}

/// f'' = −ω²·f: an oscillation, from its value and its slope at 0.
struct Oscillation(f64);

impl Residual for Oscillation {
    fn jet(&self) -> Jet {
        Jet::Hessian
    }
    fn loss(&self, _: Point<'_>, jet: &mut [f64]) -> f64 {
        let error = jet[2] / self.0.powi(2) + jet[0];
        jet.copy_from_slice(&[2.0 * error, 0.0, 2.0 * error / self.0.powi(2)]);
        error * error
    }
}

#[test]
fn an_equation_of_ones_own_is_solved_at_random_points() {
    const OMEGA: f64 = 0.2;
    let description =
        Description { axes: vec![Axis::time(33, None)], channels: 1, format: SampleFormat::F32 };
    let oscillation = Oscillation(OMEGA);
    let at_start = |name: &str, residual, data| Condition {
        name: name.into(),
        points: Points::Given { positions: vec![0.0], data },
        residual,
        weight: 1.0,
    };
    let conditions = vec![
        Condition {
            name: "oscillation".into(),
            points: Points::Random(vec![0.0..32.0]),
            residual: &oscillation as &dyn Residual,
            weight: 1.0,
        },
        at_start("value", &ValueIs, vec![1.0]),
        Condition { weight: 25.0, ..at_start("slope", &GradientIs, vec![0.0]) },
    ];
    let problem = Problem::new(description, conditions);
    let solved = solve(&problem, &options().frequency(4.0).effort(4), &|_| Flow::Continue).unwrap();
    let decoder = Decoder::open(&solved.bytes[..]).unwrap();
    let values = decoder.render(&Grid::native(decoder.description())).unwrap();
    for (t, &value) in values.iter().enumerate() {
        let expected = (OMEGA * t as f64).cos();
        assert!((f64::from(value) - expected).abs() < 0.05, "{t}: {value} {expected}");
    }
}

#[test]
fn the_observer_ends_a_fit_and_wrong_problems_are_refused() {
    let signal = hills();
    let problem = || Problem::new(signal.description.clone(), vec![poisson::gradient_of(&signal).unwrap()]);
    let solved = solve(&problem(), &options().effort(9), &|_| Flow::Finish).unwrap();
    assert!(solved.interrupted && solved.iterations < 100);
    Decoder::open(&solved.bytes[..]).unwrap();

    let refused = |problem: Problem<'_>, options: SolveOptions, word: &str| {
        let error = solve(&problem, &options, &|_| Flow::Continue).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    };
    refused(problem(), options().layers(0), "layers");
    refused(problem(), options().width(513), "width");
    refused(problem(), options().frequency(f64::NAN), "frequency");
    refused(problem(), options().effort(10), "effort");
    refused(Problem::new(signal.description.clone(), vec![]), options(), "none, expected at least one");
    let with = |points: Points| {
        let condition = Condition { name: "here".into(), points, residual: &ValueIs, weight: 1.0 };
        Problem::new(signal.description.clone(), vec![condition])
    };
    let given = |positions: &[f64], data: &[f32]| {
        with(Points::Given { positions: positions.to_vec(), data: data.to_vec() })
    };
    refused(given(&[1.0, 24.0], &[0.0]), options(), "a point at [1.0, 24.0]");
    refused(given(&[1.0, 2.0, 3.0], &[0.0]), options(), "3 coordinates");
    refused(given(&[1.0, 2.0], &[f32::NAN]), options(), "NaN among its numbers");
    refused(given(&[], &[]), options(), "no points");
    refused(with(Points::Random(vec![0.0..30.0, 0.0..1.0])), options(), "expected a box in the signal");
    let limits = sirenc::Limits::default().parameters(10);
    let error = solve(&problem(), &options().limits(limits), &|_| Flow::Continue).unwrap_err();
    assert!(matches!(error, Error::Limit { .. }), "{error}");
    let film = Description {
        axes: vec![Axis::space(4), Axis::space(4), Axis::time(4, None)],
        channels: 1,
        format: SampleFormat::F32,
    };
    let conditions = poisson::laplacian(&film, &[0.0; 64], None).unwrap();
    refused(Problem::new(film, conditions), options(), "axes of different scales");
}

#[test]
fn tiles_find_one_field() {
    let height = |i: u32| 0.5 + 0.2 * (0.4 * (i % 48) as f32).sin() * (0.3 * (i / 48) as f32).cos();
    let signal = Signal {
        description: Description::picture([48, 40], 1, SampleFormat::F32),
        samples: Samples::F32((0..48 * 40).map(height).collect()),
        metadata: vec![],
    };
    let conditions = vec![poisson::gradient_of(&signal).unwrap()];
    let mut problem = Problem::new(signal.description.clone(), conditions);
    problem.mean = Some(vec![0.25]);
    let solved = solve(&problem, &options().tile(Some(20)), &|_| Flow::Continue).unwrap();
    let decoder = Decoder::open(&solved.bytes[..]).unwrap();
    let sirenc::field::Field::Siren(siren) = decoder.field() else { panic!("networks") };
    assert_eq!(siren.tiles.counts(), [2, 2]);
    assert!(difference(&solved.bytes, &signal) < 0.02, "{:?}", solved.losses);
    let values = decoder.render(&Grid::native(decoder.description())).unwrap();
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    assert!((mean - 0.25).abs() < 0.01, "{mean}");
}

#[test]
fn waves_of_one_frequency_are_those_of_a_point() {
    const SIDE: u32 = 48;
    let unit = f64::from(SIDE) / 2.0;
    let equation = Helmholtz {
        wavenumber: 6.0 / unit,
        lengths: [SIDE; 2],
        layer: 0.4 * unit,
        sources: vec![PointSource { position: [23.5; 2], radius: 0.1 * unit }],
        seeks_velocity: false,
    };
    let problem = waves::frequency_domain(&equation, None);
    let options = options().width(48).frequency(8.0).tile(Some(24)).effort(3);
    let solved = solve(&problem, &options, &|_| Flow::Continue).unwrap();
    let decoder = Decoder::open(&solved.bytes[..]).unwrap();
    // i/4·H₀⁽¹⁾(6r) at 0.4 and 0.55 of the half side: −Y₀/4 and J₀/4.
    let expected = [[-0.1276, 0.0006], [-0.0673, -0.0861]];
    for (r, [real, imaginary]) in [0.4, 0.55].into_iter().zip(expected) {
        for position in [[23.5 + r * unit, 23.5], [23.5, 23.5 - r * unit]] {
            let found = decoder.sample(&position).unwrap();
            let error = (found[0] - real).hypot(found[1] - imaginary);
            assert!(error < 0.02, "{position:?}: {found:?}, expected {real} {imaginary}");
        }
    }
}

#[test]
fn a_velocity_is_found_from_what_is_heard() {
    const SIDE: u32 = 32;
    let unit = f64::from(SIDE) / 2.0;
    let ring = |count: usize, radius: f64| {
        let angles = (0..count).map(move |i| (i as f64 + 0.5) / count as f64 * std::f64::consts::TAU);
        angles.map(move |angle| [angle.cos(), angle.sin()].map(|x| waves::sample_of(SIDE, radius * x)))
    };
    let sources = ring(3, 0.5).map(|position| PointSource { position, radius: 0.1 * unit }).collect();
    let equation = Helmholtz {
        wavenumber: 6.0 / unit,
        lengths: [SIDE; 2],
        layer: 0.4 * unit,
        sources,
        seeks_velocity: false,
    };
    // Faster in the middle.
    let centre = f64::from(SIDE - 1) / 2.0;
    let faster = |i: u32| {
        let (x, y) = (f64::from(i % SIDE) - centre, f64::from(i / SIDE) - centre);
        (1.0 + 0.4 * (-(x * x + y * y) / (0.3 * unit).powi(2)).exp()) as f32
    };
    let velocity = Interpolant::new(&[SIDE; 2], 1, (0..SIDE * SIDE).map(faster).collect()).unwrap();
    let options = options().rate(0.03).tile(Some(16)).effort(2);
    let forward = waves::frequency_domain(&equation, Some(&velocity));
    let waves = solve(&forward, &options, &|_| Flow::Continue).unwrap();
    let receivers = ring(12, 0.55).collect::<Vec<_>>().concat();
    let heard = Decoder::open(&waves.bytes[..]).unwrap().sample(&receivers).unwrap();

    let inversion = Inversion::new(equation, 1.0);
    let solved = solve(&inversion.problem(receivers, heard), &options, &|_| Flow::Continue).unwrap();
    let decoder = Decoder::open(&solved.bytes[..]).unwrap();
    let found = |x: f64, y: f64| decoder.sample(&[x, y]).unwrap()[6];
    assert!((1.2..1.5).contains(&found(centre, centre)), "{}", found(centre, centre));
    for [x, y] in ring(6, 0.5) {
        assert!((found(x, y) - 1.0).abs() < 0.1, "{x} {y}: {}", found(x, y));
    }
}

#[test]
fn a_pulse_spreads() {
    let pulsed = waves::Pulsed::new(32, 9, 0.4, [0.0, 0.0], 0.15);
    let problem = Problem::new(pulsed.description(), pulsed.conditions(None));
    let problem = Problem { scale: 0.2, grows_along: Some(2), ..problem };
    let quick = solve(&problem, &options().tile(Some(8)).effort(1), &|_| Flow::Finish).unwrap();
    let decoder = Decoder::open(&quick.bytes[..]).unwrap();
    let sirenc::field::Field::Siren(siren) = decoder.field() else { panic!("networks") };
    assert_eq!(siren.tiles.counts(), [4, 4, 1], "time is not divided");
    let solved = solve(&problem, &options().width(48).rate(0.02).effort(4), &|_| Flow::Continue).unwrap();
    let decoder = Decoder::open(&solved.bytes[..]).unwrap();
    let at = |x: f64, frame: f64| decoder.sample(&[x, 15.5, frame]).unwrap()[0];
    assert!((at(15.5, 0.0) - 1.0).abs() < 0.1, "{}", at(15.5, 0.0));
    // Behind the front a wave in two dimensions is negative.
    let later = [at(15.5, 8.0), at(15.5 + 0.4 * 16.0, 8.0)];
    // ∫ kσ²·exp(−k²σ²/2)·cos(kt)·J₀(kr) dk
    assert!(
        (later[0] + 0.230).abs() < 0.05 && (later[1] - 0.163).abs() < 0.05,
        "{later:?} {:?}",
        solved.losses
    );
}
