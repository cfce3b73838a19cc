//! Signals in units of their own: rate and error do not depend on the unit, and no unit is too large or too
//! small.
#![cfg(feature = "encoder")]

use sirenc::signal::metric::ErrorSum;
use sirenc::signal::{Description, Grid, SampleFormat, Samples, Signal};
use sirenc::{
    Decoder, Derivative, EncodeOptions, Encoded, Error, FieldKind, Flow, Target, WeightCoding, encode,
    encode_with_progress,
};

fn options(target: Target) -> EncodeOptions {
    EncodeOptions::default().target(target).effort(1)
}

fn fit(signal: &Signal, options: &EncodeOptions) -> Encoded {
    encode(signal, options).unwrap()
}

fn open(encoded: &Encoded) -> Decoder {
    Decoder::open(&encoded.bytes[..]).unwrap()
}

fn picture(side: u32, values: Vec<f32>) -> Signal {
    let description = Description::picture([side; 2], 1, SampleFormat::F32);
    Signal { description, samples: Samples::F32(values), metadata: vec![] }
}

fn sound(values: Vec<f32>) -> Signal {
    let description = Description::sound(values.len() as u32, 1, SampleFormat::F32, 8000);
    Signal { description, samples: Samples::F32(values), metadata: vec![] }
}

/// Hills over 40×40 samples, about 0 to 1.
fn relief(scale: f32, offset: f32) -> Signal {
    let height = |i: u32| {
        let (x, y) = (i % 40, i / 40);
        let hills = (0.21 * x as f32).sin() * (0.17 * y as f32).cos() + 0.3 * (0.4 * (x + y) as f32).sin();
        0.5 + 0.38 * hills
    };
    picture(
        40,
        (0..1600).map(|i| (f64::from(height(i)) * f64::from(scale) + f64::from(offset)) as f32).collect(),
    )
}

/// The PSNR of the decoded file, relative to the range.
fn psnr_db(signal: &Signal, decoder: &Decoder) -> f64 {
    let values = decoder.render(&Grid::native(&signal.description)).unwrap();
    assert!(values.iter().all(|value| value.is_finite()));
    let mut sum = ErrorSum::new(&signal.description);
    sum.add(&signal.samples, 0, &values).unwrap();
    sum.distortion().psnr_db()
}

#[test]
fn a_relief_costs_the_same_in_every_unit() {
    let encoded = |scale, offset, target| {
        let signal = relief(scale, offset);
        // Splines have a test of their own: how much of a small size they use depends on rounding.
        let encoded = fit(&signal, &options(target).field(FieldKind::Siren));
        let found = psnr_db(&signal, &open(&encoded));
        assert!((found - encoded.report.psnr_db).abs() < 1e-6, "{found} {}", encoded.report.psnr_db);
        (encoded.bytes.len() as f64, found)
    };
    let (bytes, db) = encoded(1.0, 0.0, Target::Bytes(400));
    for (scale, offset) in [(3000.0, 0.0), (20.0, 273.15), (1e-6, 0.0), (1e-30, 0.0), (1e30, -2e30)] {
        let (other_bytes, other_db) = encoded(scale, offset, Target::Bytes(400));
        // Section UNITS has 12 bytes.
        let more = other_bytes - 12.0 - bytes;
        assert!(more.abs() < (0.07 * bytes).max(16.0), "×{scale}: {other_bytes} against {bytes} bytes");
        assert!((other_db - db).abs() < 0.3, "×{scale}: {other_db} against {db} dB");
    }
    // A search for a quality takes another way where a last bit differs, which powers of two leave as they are: the
    // files differ by their units alone.
    let (bytes, db) = encoded(4.0, 0.0, Target::Quality(75.0));
    for exponent in [-120, -60, -20, 3, 100] {
        let (other_bytes, other_db) = encoded(2f32.powi(exponent), 0.0, Target::Quality(75.0));
        assert!((other_bytes - bytes).abs() <= 1.0, "2^{exponent}: {other_bytes} against {bytes} bytes");
        assert!((other_db - db).abs() < 1e-6, "2^{exponent}: {other_db} against {db} dB");
    }
}

#[test]
fn signals_of_any_finite_magnitude_are_encoded() {
    let ramp = |low: f32, high: f32| -> Vec<f32> {
        let at = |i: u32| (f64::from(low) + f64::from(i) / 63.0 * (f64::from(high) - f64::from(low))) as f32;
        (0..64).map(at).collect()
    };
    let least = f32::from_bits(1);
    for values in [
        ramp(-1e20, 1e20),
        ramp(f32::MIN, f32::MAX),
        ramp(0.0, f32::MAX),
        ramp(-64.0 * least, 64.0 * least),
        ramp(f32::MAX, f32::MAX * 0.999),
        [f32::MIN, f32::MAX].repeat(32),
        [0.0, least].repeat(32),
        [-0.0, 0.0].repeat(32),
        [1e30, 1e-30].repeat(32),
    ] {
        for target in [Target::Bytes(150), Target::Quality(40.0), Target::Shape { layers: 2, width: 5 }] {
            for signal in [picture(8, values.clone()), sound(values.clone())] {
                let encoded = fit(&signal, &options(target));
                assert!(!encoded.report.psnr_db.is_nan(), "{target:?} {:?}", &values[..2]);
                psnr_db(&signal, &open(&encoded));
            }
        }
    }
    // A ramp of any steepness is learnt.
    let signal = picture(8, ramp(f32::MIN, f32::MAX));
    let encoded = fit(&signal, &options(Target::Bytes(150)));
    assert!(encoded.report.psnr_db > 20.0, "{}", encoded.report.psnr_db);
}

#[test]
fn stored_numbers_are_in_the_same_units() {
    let signal = relief(20.0, 273.15);
    for weights in [WeightCoding::Single, WeightCoding::Half] {
        let mut options = options(Target::Shape { layers: 3, width: 12 });
        options.weights = weights;
        let encoded = fit(&signal, &options);
        let decoder = open(&encoded);
        assert!(decoder.units().is_some_and(|units| (units.offsets[0] - 283.0).abs() < 1.0));
        assert!(psnr_db(&signal, &decoder) > 25.0, "{weights:?}");
    }
}

#[test]
fn derivatives_and_single_points_are_in_units_of_the_signal() {
    let of = |scale, offset| {
        let mut options = options(Target::Shape { layers: 3, width: 12 });
        options.gradient_weight = 0.1;
        open(&fit(&relief(scale, offset), &options))
    };
    let (metres, plain) = (of(3000.0, 200.0), of(1.0, 0.0));
    let grid = Grid::native(metres.description());
    let slopes =
        |decoder: &Decoder| decoder.request(&grid).derivative(Derivative::Gradient).values().unwrap();
    let norm = |slopes: &[f32]| slopes.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>().sqrt();
    let ratio = norm(&slopes(&metres)) / norm(&slopes(&plain));
    assert!((ratio / 3000.0 - 1.0).abs() < 0.05, "{ratio}");
    assert!(metres.gradient_error(&relief(3000.0, 200.0)).unwrap().total < 0.2);

    let sampled = metres.sample_derivative(&[7.0, 9.0, 20.5, 3.25], Derivative::Laplacian).unwrap();
    let (values, laplacian) = (sampled.values, sampled.derivatives);
    let rendered = metres.render(&grid).unwrap();
    assert_eq!(values[0], rendered[9 * 40 + 7]);
    let taylor = metres.taylor(&[20.5, 3.25], 2).unwrap();
    let [value, xx, yy] = [[0, 0], [2, 0], [0, 2]].map(|orders| taylor[0].partial(&orders).unwrap());
    assert!((f64::from(values[1]) - value).abs() < 1e-3, "{} {value}", values[1]);
    assert!((f64::from(laplacian[1]) - xx - yy).abs() < 1e-3 * (xx.abs() + yy.abs()), "{laplacian:?}");
}

/// A mean over a footprint is a mean of unit values, because colours are weighted by alpha in the units of
/// the signal.
#[test]
fn a_mean_over_a_footprint_is_that_of_the_values() {
    let decoder = open(&fit(&relief(1e10, 1e12), &options(Target::Shape { layers: 2, width: 6 })));
    let native = decoder.render(&Grid::native(decoder.description())).unwrap();
    let half = decoder.render(&Grid::resized(decoder.description(), &[20, 20]).unwrap()).unwrap();
    let at = |x: usize, y: usize| f64::from(native[y * 40 + x]);
    for (i, &value) in half.iter().enumerate() {
        let (x, y) = (i % 20 * 2, i / 20 * 2);
        assert_eq!(value, ((at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0) as f32);
    }
}

#[test]
fn a_peak_of_ones_own_moves_every_figure_alike() {
    let (signal, mut options) = (relief(100.0, 0.0), options(Target::Psnr(40.0)));
    options.peak = Some(400.0);
    let mut seen = 0.0;
    let encoded = {
        let seen = std::sync::Mutex::new(&mut seen);
        encode_with_progress(&signal, &options, &|progress| {
            **seen.lock().unwrap() = progress.psnr_db;
            Flow::Continue
        })
    };
    let encoded = encoded.unwrap();
    // With few parameters not every PSNR can be reached.
    let reached = (39.9..41.0).contains(&encoded.report.psnr_db);
    assert!(reached && encoded.report.reached, "{:?}", encoded.report);
    assert_eq!(encoded.report.peak(), Some(400.0));
    let by_range = psnr_db(&signal, &open(&encoded));
    let values = match &signal.samples {
        Samples::F32(values) => values.clone(),
        _ => unreachable!("binary32"),
    };
    let range =
        values.iter().fold(f32::MIN, |a, &b| a.max(b)) - values.iter().fold(f32::MAX, |a, &b| a.min(b));
    let expected = by_range + 20.0 * (400.0 / f64::from(range)).log10();
    assert!((encoded.report.psnr_db - expected).abs() < 1e-4, "{} {expected}", encoded.report.psnr_db);

    for peak in [0.0, -1.0, f64::INFINITY, f64::NAN] {
        options.peak = Some(peak);
        let refused = encode(&signal, &options);
        assert!(matches!(refused, Err(Error::Parameter { name: "peak", .. })), "{peak}");
    }
    let integers = Signal {
        description: Description { format: SampleFormat::U8, ..signal.description.clone() },
        samples: Samples::U8(vec![7; 1600]),
        metadata: vec![],
    };
    options.peak = Some(2.0);
    let refused = encode(&integers, &options);
    assert!(matches!(refused, Err(Error::Parameter { name: "peak", .. })), "{refused:?}");
}
