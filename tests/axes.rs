//! Signals of any axes, from samples to a file and back.
#![cfg(feature = "encoder")]

use sirenc::signal::{Axis, Description, Grid, Kind, Rate, Region, SampleFormat, Samples, Signal, metric};
use sirenc::{Decoder, Derivative, EncodeOptions, FieldKind, Target};

/// A signal whose samples are `value` of their position, in units of the format.
fn signal(axes: Vec<Axis>, channels: u8, format: SampleFormat, value: impl Fn(&[f32], u8) -> f32) -> Signal {
    let description = Description { axes, channels, format };
    let lengths = description.lengths();
    let mut samples = Samples::with_capacity(format, 0);
    for mut at in 0..description.positions() {
        let mut position = vec![];
        for &length in &lengths {
            position.push((at % u64::from(length)) as f32);
            at /= u64::from(length);
        }
        let values: Vec<f32> = (0..channels).map(|channel| value(&position, channel)).collect();
        samples.extend_from_units(&values);
    }
    Signal { description, samples, metadata: vec![] }
}

fn film() -> Signal {
    let axes = vec![Axis::space(32), Axis::space(24), Axis::time(12, Rate::new(25, 1))];
    // A disc that moves to the right over a gradient.
    signal(axes, 3, SampleFormat::U8, |p, channel| {
        let distance = ((p[0] - 8.0 - p[2]).powi(2) + (p[1] - 12.0).powi(2)).sqrt();
        let disc = 1.0 / (1.0 + (distance - 6.0).exp());
        (0.2 + p[0] / 80.0) * (1.0 - disc) + disc * if channel == 0 { 0.9 } else { 0.3 }
    })
}

/// A signed volume that uses a sixtieth of the range of its integers.
fn volume() -> Signal {
    let axes = [20, 18, 16].map(Axis::space).to_vec();
    signal(axes, 1, SampleFormat::I16, |p, _| {
        let wave = (p[0] * 0.3).sin() + (p[1] * 0.25).cos() + (p[2] * 0.2 + p[0] * 0.1).sin();
        0.05 + 0.005 * wave
    })
}

/// Two channels over four axes.
fn spectra() -> Signal {
    let axes = vec![Axis::other(12), Axis::space(10), Axis::space(8), Axis::time(6, None)];
    signal(axes, 2, SampleFormat::F32, |p, channel| {
        let line = (-0.1 * (p[0] - 4.0 - f32::from(channel) * 3.0).powi(2)).exp();
        290.0 + 10.0 * line * (p[1] * 0.3 + p[3] * 0.4).cos() + p[2]
    })
}

fn encoded(signal: &Signal, target: Target) -> (Vec<u8>, f64) {
    let encoded = sirenc::encode(signal, &EncodeOptions::default().effort(3).target(target)).unwrap();
    (encoded.bytes, encoded.report.psnr_db)
}

#[test]
fn every_kind_of_axes_is_encoded_and_decoded() {
    for (signal, kind, bytes, least) in [
        (film(), Kind::Video, 2500, 33.0),
        (volume(), Kind::Volume, 1200, 30.0),
        (spectra(), Kind::Field, 1500, 33.0),
    ] {
        assert_eq!(signal.description.kind(), kind);
        let (file, stated) = encoded(&signal, Target::Bytes(bytes));
        assert!(file.len() as u64 <= bytes, "{kind:?}: {} bytes", file.len());
        let decoder = Decoder::open(&file[..]).unwrap();
        assert_eq!(decoder.description(), &signal.description);
        let grid = Grid::native(&signal.description);
        let samples = decoder.request(&grid).samples(signal.description.format).unwrap();
        let decoded = Signal { samples, ..signal.clone() };
        let psnr = metric::compare(&signal, &decoded).unwrap().distortion.psnr_db();
        assert!((psnr - stated).abs() < 0.01 && psnr > least, "{kind:?}: {psnr:.2} dB, {stated:.2} stated");
        // A slice has the bits that it has in the whole.
        let values = decoder.render(&grid).unwrap();
        let (last, others) = signal.description.axes.split_last().unwrap();
        let slice: usize = others.iter().map(|axis| axis.length as usize).product();
        let slice = slice * usize::from(signal.description.channels);
        let (mut from, mut to): (Vec<f64>, Vec<f64>) =
            signal.description.lengths().iter().map(|&n| (-0.5, f64::from(n) - 0.5)).unzip();
        let at = (last.length / 2) as usize;
        let end = from.len() - 1;
        (from[end], to[end]) = (at as f64 - 0.5, at as f64 + 0.5);
        let part = grid.crop(&Region::new(&signal.description, &from, &to).unwrap()).unwrap();
        assert_eq!(decoder.render(&part).unwrap(), values[at * slice..][..slice]);
    }
}

#[test]
fn a_quality_of_a_volume_refers_to_its_own_range() {
    let volume = volume();
    let (file, psnr) = encoded(&volume, Target::Psnr(36.0));
    assert!((35.9..40.0).contains(&psnr), "{psnr} dB, {} bytes", file.len());
    assert!(Decoder::open(&file[..]).unwrap().units().is_some());
}

/// Derivatives against differences of samples along each axis.
#[test]
fn derivatives_along_every_axis_are_those_of_the_samples() {
    for signal in [film(), volume(), spectra()] {
        let (file, _) = encoded(&signal, Target::Bytes(2500));
        let decoder = Decoder::open(&file[..]).unwrap();
        let axes = signal.description.axes.len();
        let channels = usize::from(signal.description.channels);
        let centre: Vec<f64> =
            signal.description.lengths().iter().map(|&n| f64::from(n) / 2.0 - 0.2).collect();
        let moved = |steps: &[(usize, f64)]| {
            let mut position = centre.clone();
            steps.iter().for_each(|&(axis, step)| position[axis] += step);
            decoder.sample(&position).unwrap()
        };
        let range = if signal.description.format == SampleFormat::F32 { 10.0 } else { 1.0 };
        let gradient = decoder.sample_derivative(&centre, Derivative::Gradient).unwrap().derivatives;
        let hessian = decoder.sample_derivative(&centre, Derivative::Hessian).unwrap().derivatives;
        let laplacian = decoder.sample_derivative(&centre, Derivative::Laplacian).unwrap().derivatives;
        let taylor = decoder.taylor(&centre, 2).unwrap();
        for channel in 0..channels {
            let mut space = 0.0;
            for axis in 0..axes {
                let [after, before] = [0.005, -0.005].map(|step| moved(&[(axis, step)])[channel]);
                let slope = f64::from(after - before) / 0.01;
                let found = f64::from(gradient[channel * axes + axis]);
                assert!((found - slope).abs() < 2e-3 * range, "axis {axis}: {found}, {slope}");
                let mut by = vec![0; axes];
                by[axis] = 2;
                let second = taylor[channel].partial(&by).unwrap();
                let place = axis * axes - axis * axis.saturating_sub(1) / 2;
                let found = f64::from(hessian[channel * axes * (axes + 1) / 2 + place]);
                assert!((found - second).abs() < 1e-4 * range, "axis {axis}: {found}, {second}");
                if signal.description.axes[axis] == Axis::space(signal.description.axes[axis].length) {
                    space += second;
                }
            }
            assert!((f64::from(laplacian[channel]) - space).abs() < 1e-4 * range, "{laplacian:?}, {space}");
        }
    }
}

#[test]
fn films_and_volumes_are_splines_where_that_is_asked_for() {
    let options = EncodeOptions::default().field(FieldKind::Spline).target(Target::Bytes(1200)).effort(1);
    for signal in [film(), volume()] {
        let encoded = sirenc::encode(&signal, &options).unwrap();
        assert!(encoded.report.field == FieldKind::Spline && encoded.bytes.len() <= 1200);
        assert!(encoded.report.psnr_db > 20.0, "{}", encoded.report.psnr_db);
    }
}
