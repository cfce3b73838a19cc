//! Derivatives of vector fields and in units of the axes, and errors relative to the range.
#![cfg(feature = "encoder")]

use sirenc::container::{File, Networks, Stored, write};
use sirenc::network::{Jet, Network, Shape};
use sirenc::signal::{
    Axis, AxisCoordinates, Coordinates, Description, Grid, Label, Metadata, Positions, Rate, SampleFormat,
    Samples, Signal, Tiles, metric,
};
use sirenc::{Decoder, Derivative, EncodeOptions, Error, FieldKind, Target};

/// Millimetres from sample to sample; the second axis falls.
const SPACINGS: [f64; 3] = [0.5, -1.0, 2.0];

fn coordinates(description: &Description, units: &[&str]) -> Vec<Metadata> {
    let axis = |(&spacing, unit): (&f64, &&str)| AxisCoordinates {
        label: Label::new("", unit),
        positions: Positions::Uniform { origin: -3.0 * spacing, spacing },
    };
    let channels = vec![Label::default(); description.channels.into()];
    let coordinates = Coordinates { axes: SPACINGS.iter().zip(units).map(axis).collect(), channels };
    coordinates.to_metadata(description).into_iter().collect()
}

fn volume(channels: u8) -> Description {
    Description { axes: [8, 7, 9].map(Axis::space).to_vec(), channels, format: SampleFormat::F32 }
}

/// The vectors `field` of the coordinates of a volume, in millimetres.
fn vectors(field: impl Fn([f64; 3]) -> [f64; 3]) -> Signal {
    let description = volume(3);
    let mut samples = vec![];
    for z in 0..9 {
        for y in 0..7 {
            for x in 0..8 {
                let place = |axis: usize, k: i32| SPACINGS[axis] * f64::from(k - 3);
                samples.extend(field([place(0, x), place(1, y), place(2, z)]).map(|v| v as f32));
            }
        }
    }
    let metadata = coordinates(&description, &["mm"; 3]);
    Signal { description, samples: Samples::F32(samples), metadata }
}

/// A decoder of a network of pseudo-random parameters.
fn handmade(description: Description, metadata: Vec<Metadata>) -> Decoder {
    let (inputs, outputs) = (description.axes.len(), description.channels.into());
    let shape = Shape { inputs, outputs, layers: 2, width: 7 };
    let parameters = (0..shape.parameters()).map(|k| (k * 7919 % 97) as f32 / 97.0 - 0.5).collect();
    let networks = Networks::Single(vec![Network::from_parameters(shape, parameters)]);
    let field = Stored::Siren { tiles: Tiles::one(&description), networks };
    let mut bytes = vec![];
    write(&File { description, units: None, missing: None, field, metadata }, &mut bytes).unwrap();
    Decoder::open(&bytes[..]).unwrap()
}

#[test]
fn a_rotation_and_a_radial_field_have_their_curl_and_divergence() {
    const RATE: f64 = 0.7;
    const SPIN: [f64; 3] = [1.5, -0.5, 1.0];
    let field = |[x, y, z]: [f64; 3]| {
        let [a, b, c] = SPIN;
        [RATE * x + b * z - c * y, RATE * y + c * x - a * z, RATE * z + a * y - b * x]
    };
    let signal = vectors(field);
    // A small network: a large one would wave between the samples.
    let options = EncodeOptions::default().effort(5).target(Target::Shape { layers: 1, width: 6 });
    let encoded = sirenc::encode(&signal, &options).unwrap();
    assert!(encoded.report.nrmse().unwrap() < 0.001, "{:?}", encoded.report);
    let decoder = Decoder::open(&encoded.bytes[..]).unwrap();
    for at in [[3.5, 3.0, 4.0], [2.25, 3.5, 5.0], [4.0, 2.5, 3.25]] {
        let per_mm = |derivative| {
            let steps = decoder.steps(derivative).unwrap();
            decoder.sample_derivative_per(&at, derivative, &steps).unwrap().derivatives
        };
        let divergence = f64::from(per_mm(Derivative::Divergence)[0]);
        assert!((divergence - 3.0 * RATE).abs() < 0.1, "{at:?}: {divergence}");
        for (curl, spin) in per_mm(Derivative::Curl).into_iter().zip(SPIN) {
            assert!((f64::from(curl) - 2.0 * spin).abs() < 0.1, "{at:?}: {curl} of {spin}");
        }
    }
}

#[test]
fn divergence_and_curl_are_sums_over_the_jacobian() {
    let decoder = handmade(volume(3), coordinates(&volume(3), &["mm"; 3]));
    let grid = Grid::native(decoder.description());
    let jets = decoder.request(&grid).jet(Jet::Gradient).values().unwrap();
    let of = |derivative| decoder.request(&grid).derivative(derivative).values().unwrap();
    let per = |derivative| {
        let steps = decoder.steps(derivative).unwrap();
        decoder.request(&grid).derivative_per(derivative, &steps).values().unwrap()
    };
    let curls = of(Derivative::Curl).into_iter().zip(per(Derivative::Curl)).collect::<Vec<_>>();
    let divergences = of(Derivative::Divergence).into_iter().zip(per(Derivative::Divergence));
    for ((jet, (divergence, per_mm)), curl) in jets.chunks(12).zip(divergences).zip(curls.chunks(3)) {
        let by = |channel: usize, axis: usize| f64::from(jet[4 * channel + 1 + axis]);
        let by_mm = |channel: usize, axis: usize| f64::from((by(channel, axis) / SPACINGS[axis]) as f32);
        assert_eq!(divergence, (by(0, 0) + by(1, 1) + by(2, 2)) as f32);
        assert_eq!(per_mm, (by_mm(0, 0) + by_mm(1, 1) + by_mm(2, 2)) as f32);
        for (&(curl, per_mm), (i, j)) in curl.iter().zip([(1, 2), (2, 0), (0, 1)]) {
            assert_eq!(curl, (by(j, i) - by(i, j)) as f32);
            assert_eq!(per_mm, (by_mm(j, i) - by_mm(i, j)) as f32);
        }
    }
}

#[test]
fn second_derivatives_per_unit_are_divided_by_the_spacings_of_both_axes() {
    let decoder = handmade(volume(1), coordinates(&volume(1), &["mm"; 3]));
    let at = [2.25, 3.0, 4.5];
    let of = |derivative| decoder.sample_derivative(&at, derivative).unwrap().derivatives;
    let per = |derivative| {
        let steps = decoder.steps(derivative).unwrap();
        decoder.sample_derivative_per(&at, derivative, &steps).unwrap().derivatives
    };
    let close = |found: f32, expected: f64| {
        assert!((f64::from(found) - expected).abs() < 1e-6 * expected.abs().max(1.0), "{found}, {expected}");
    };
    for (axis, (found, slope)) in
        per(Derivative::Gradient).into_iter().zip(of(Derivative::Gradient)).enumerate()
    {
        close(found, f64::from(slope) / SPACINGS[axis]);
    }
    let pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)];
    let mut laplacian = 0.0;
    for ((i, j), (found, second)) in
        pairs.into_iter().zip(per(Derivative::Hessian).into_iter().zip(of(Derivative::Hessian)))
    {
        let expected = f64::from(second) / SPACINGS[i] / SPACINGS[j];
        close(found, expected);
        laplacian += if i == j { expected } else { 0.0 };
    }
    close(per(Derivative::Laplacian)[0], laplacian);
    assert!((f64::from(of(Derivative::Laplacian)[0]) - laplacian).abs() > 1e-3, "the spacings differ");
}

#[test]
fn what_has_no_unit_or_several_is_refused() {
    let why = |decoder: &Decoder, derivative| match decoder.steps(derivative) {
        Err(Error::Parameter { name: "derivative", detail }) => detail,
        other => panic!("{derivative:?}: {other:?}"),
    };
    let decoder = handmade(volume(3), coordinates(&volume(3), &["mm", "mm", "s"]));
    for derivative in [Derivative::Divergence, Derivative::Curl, Derivative::Laplacian, Derivative::Magnitude]
    {
        let detail = why(&decoder, derivative);
        assert!(detail.contains("\"mm\", \"mm\", \"s\""), "{detail}");
    }
    let steps = decoder.steps(Derivative::Gradient).unwrap();
    let grid = Grid::native(decoder.description());
    let refused = |request: sirenc::Request<'_>| matches!(request.values(), Err(Error::Parameter { .. }));
    assert!(refused(decoder.request(&grid).derivative_per(Derivative::Curl, &steps)));
    let by_x = decoder.steps(Derivative::Partial(0)).unwrap();
    assert!(refused(decoder.request(&grid).derivative_per(Derivative::Gradient, &by_x)));
    let picture = handmade(Description::picture([5, 4], 1, SampleFormat::U8), vec![]);
    assert!(why(&picture, Derivative::Normals { height: 1.0 }).contains("normals"));
    assert!(why(&picture, Derivative::Partial(1)).contains("axis y, which has no spacing"));
    let grid = Grid::native(picture.description());
    assert!(refused(picture.request(&grid).derivative_per(Derivative::Gradient, &steps)));
    // Time at a known rate is in seconds, and the axes of space are not asked about.
    let axes = vec![Axis::space(4), Axis::space(4), Axis::time(4, Rate::new(25, 1))];
    let film = handmade(Description { axes, channels: 1, format: SampleFormat::U8 }, vec![]);
    let steps = film.steps(Derivative::Partial(2)).unwrap();
    let step = steps.axes()[2].as_ref().unwrap();
    assert_eq!((step.length, step.unit.as_str()), (0.04, "s"));
}

#[test]
fn channels_of_other_units_are_fitted_alike() {
    let ripple = |i: usize, k: f64| (i as f64 * 0.013 * k).sin() + (i as f64 * 0.11).cos();
    let at = |i: usize| {
        [280.0 + 30.0 * ripple(i, 1.0), 1e5 - 2000.0 * ripple(i, 2.0), 4e-3 + 1e-3 * ripple(i, 3.0), 1.25]
    };
    let description = volume(4);
    let samples = Samples::F32((0..504).flat_map(|i| at(i).map(|v| v as f32)).collect());
    let signal = Signal { description, samples, metadata: vec![] };
    for (field, target) in [(FieldKind::Siren, Target::Nrmse(0.05)), (FieldKind::Spline, Target::Bytes(500))]
    {
        let options = EncodeOptions::default().effort(1).field(field).target(target);
        let encoded = sirenc::encode(&signal, &options).unwrap();
        let decoder = Decoder::open(&encoded.bytes[..]).unwrap();
        let units = decoder.units().unwrap();
        assert_eq!((units.scales[3], units.offsets[3]), (0.0, 1.25));
        let samples =
            decoder.request(&Grid::native(decoder.description())).samples(SampleFormat::F32).unwrap();
        let distortion = metric::compare(&signal, &Signal { samples, ..signal.clone() }).unwrap().distortion;
        let nrmse = encoded.report.nrmse().unwrap();
        assert!(
            encoded.report.reached && (distortion.nrmse() - nrmse).abs() < 1e-6 * nrmse,
            "{distortion:?}"
        );
        let errors: Vec<f64> = distortion.channels.iter().map(|channel| channel.nrmse()).collect();
        assert!(
            errors[..3].iter().all(|error| (0.02..0.1).contains(error)) && errors[3] == 0.0,
            "{errors:?}"
        );
        assert_eq!(encoded.report.ranges.unwrap()[3], 0.0);
    }
}

#[test]
fn an_error_relative_to_the_range_is_reached_and_refused_for_codes() {
    let signal = vectors(|[x, y, z]| [10.0 * x.sin(), y * z, 5.0 * (x * y).cos()]);
    for peak in [None, Some(500.0)] {
        let mut options = EncodeOptions::default().effort(3).target(Target::Nrmse(0.05));
        options.peak = peak;
        let encoded = sirenc::encode(&signal, &options).unwrap();
        let nrmse = encoded.report.nrmse().unwrap();
        assert!(encoded.report.reached && (0.045..0.051).contains(&nrmse), "{nrmse}");
        let decoder = Decoder::open(&encoded.bytes[..]).unwrap();
        let samples =
            decoder.request(&Grid::native(decoder.description())).samples(SampleFormat::F32).unwrap();
        let distortion = metric::compare_by(&signal, &Signal { samples, ..signal.clone() }, peak);
        let distortion = distortion.unwrap().distortion;
        assert!((distortion.nrmse() - nrmse).abs() < 1e-6 * nrmse, "{} {nrmse}", distortion.nrmse());
        assert_eq!(distortion.range(), encoded.report.range());
        // A given peak is one of all channels, and the range then the largest.
        let of_peak = peak.map_or(1.0, |peak| peak / distortion.range().unwrap());
        assert!((distortion.psnr_db() + 20.0 * (nrmse / of_peak).log10()).abs() < 1e-6);
    }
    let codes = Signal {
        description: Description::picture([4, 4], 1, SampleFormat::U8),
        samples: Samples::U8((0..16).collect()),
        metadata: vec![],
    };
    let target = |nrmse| EncodeOptions::default().target(Target::Nrmse(nrmse));
    for (signal, nrmse) in [(&codes, 0.1), (&signal, 0.0), (&signal, 1.5), (&signal, f64::NAN)] {
        let refused = sirenc::encode(signal, &target(nrmse));
        assert!(matches!(refused, Err(Error::Parameter { name: "nrmse", .. })), "{nrmse}");
    }
    let constant = Signal { samples: Samples::F32(vec![7.0; 8 * 7 * 9 * 3]), ..signal };
    assert_eq!(sirenc::encode(&constant, &target(0.1)).unwrap().report.nrmse(), Some(0.0));
}
