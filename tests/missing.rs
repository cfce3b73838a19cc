//! Missing samples: the mask of a file is exact, the fit sees only what exists, and everything rendered beside it is
//! as it would be.
#![cfg(feature = "encoder")]

use sirenc::signal::metric::{ErrorSum, compare};
use sirenc::signal::{Axis, Description, Grid, Region, SampleFormat, Samples, Signal};
use sirenc::{Decoder, Derivative, EncodeOptions, Encoded, Error, FieldKind, Limits, Target, encode};

/// A smooth signal, without the samples of a position and a channel for which `is_missing` holds.
fn signal(lengths: &[u32], channels: u8, is_missing: impl Fn(&[u32], u32) -> bool) -> Signal {
    let axes = lengths.iter().map(|&length| Axis::space(length)).collect();
    let description = Description { axes, channels, format: SampleFormat::F32 };
    let mut samples = vec![];
    for n in 0..description.positions() as u32 {
        let mut rest = n;
        let at = lengths.iter().map(|&length| (rest % length, rest /= length).0).collect::<Vec<u32>>();
        for c in 0..u32::from(channels) {
            let phase = at.iter().zip([0.21, 0.17, 0.11]).map(|(&x, f)| f * f64::from(x)).sum::<f64>();
            let value = 290.0 + 9.0 * (phase + f64::from(c)).sin();
            samples.push(if is_missing(&at, c) { f32::NAN } else { value as f32 });
        }
    }
    Signal { description, samples: Samples::F32(samples), metadata: vec![] }
}

fn disc(at: &[u32], _: u32) -> bool {
    f64::from(at[0]).hypot(f64::from(at[1])) > 44.0
}

fn options(target: Target) -> EncodeOptions {
    EncodeOptions::default().target(target).effort(1)
}

/// The samples of an encode, which must be missing exactly where those of the signal are, and as far from it as reported.
#[track_caller]
fn decoded(signal: &Signal, encoded: &Encoded) -> Vec<f32> {
    let decoder = Decoder::open(&encoded.bytes[..]).unwrap();
    let values = decoder.render(&Grid::native(&signal.description)).unwrap();
    let Samples::F32(samples) = &signal.samples else { panic!("binary32") };
    let nan = |values: &[f32]| values.iter().map(|value| value.is_nan()).collect::<Vec<bool>>();
    assert_eq!(nan(&values), nan(samples));
    assert!(values.iter().filter(|value| value.is_nan()).all(|value| value.to_bits() == 0x7fc0_0000));
    let mut sum = ErrorSum::new(&signal.description);
    sum.add(&signal.samples, 0, &values).unwrap();
    let distortion = sum.distortion();
    assert_eq!((distortion.unmatched, distortion.missing[0]), (0, distortion.missing[1]));
    let (psnr, stated) = (distortion.psnr_db(), encoded.report.psnr_db);
    assert!(psnr == stated || (psnr - stated).abs() < 1e-6, "{psnr} {stated}");
    values
}

#[test]
fn masks_of_every_kind_are_exact_and_the_rest_is_close() {
    let row = |at: &[u32], _: u32| at[1] == 17;
    let channel = |at: &[u32], c: u32| c == 1 && at[0] > 20;
    let whole_channel = |_: &[u32], c: u32| c == 2;
    let dots = |at: &[u32], c: u32| (at[0] * 7 + at[1] * 13 + c).is_multiple_of(11);
    let half = |at: &[u32], _: u32| at[2] > 5;
    let cases = [
        signal(&[50, 40], 1, disc),
        signal(&[50, 40], 3, row),
        signal(&[50, 40], 3, channel),
        signal(&[50, 40], 3, whole_channel),
        signal(&[50, 40], 2, dots),
        signal(&[20, 16, 12], 1, half),
        signal(&[50, 40], 1, |at, _| at != [31, 7]),
    ];
    for signal in &cases {
        for field in [FieldKind::Siren, FieldKind::Spline] {
            if field == FieldKind::Spline && signal.description.axes.len() > 2 {
                continue;
            }
            let encoded = encode(signal, &options(Target::Bytes(900)).field(field)).unwrap();
            decoded(signal, &encoded);
            let enough = encoded.report.psnr_db > 25.0;
            assert!(enough && encoded.bytes.len() <= 900, "{field:?} {:?}", encoded.report);
        }
    }
}

#[test]
fn a_sound_and_a_film_may_have_gaps() {
    let tone = |i: u32| if i % 400 > 300 { f32::NAN } else { (0.05 * i as f32).sin() };
    let sound = Signal {
        description: Description::sound(3000, 1, SampleFormat::F32, 8000),
        samples: Samples::F32((0..3000).map(tone).collect()),
        metadata: vec![],
    };
    let film = signal(&[20, 16, 12], 1, |at, _| at[0] < 4);
    let axes = vec![Axis::space(20), Axis::space(16), Axis::time(12, sirenc::signal::Rate::new(25, 1))];
    let film = Signal { description: Description { axes, ..film.description.clone() }, ..film };
    for signal in [&sound, &film] {
        decoded(signal, &encode(signal, &options(Target::Bytes(700))).unwrap());
    }
    decoded(&sound, &encode(&sound, &options(Target::Bytes(700)).field(FieldKind::Spline)).unwrap());
}

#[test]
fn the_fit_does_not_see_what_is_missing() {
    // The same field, whatever would stand in the places of the missing samples, and no worse than where nothing is missing.
    let whole = signal(&[64, 64], 1, |_, _| false);
    let part = signal(&[64, 64], 1, disc);
    for field in [FieldKind::Siren, FieldKind::Spline] {
        let options = options(Target::Bytes(500)).field(field);
        let [whole, part] = [&whole, &part].map(|signal| encode(signal, &options).unwrap().report.psnr_db);
        assert!(part > whole - 2.0, "{field:?} {part} {whole}");
    }
}

#[test]
fn tiles_without_samples_cost_next_to_nothing() {
    let noise = |n: u32| (n.wrapping_mul(2_654_435_761) >> 8) as f32 / 2f32.powi(24);
    let mut volume = signal(&[48, 48, 16], 1, |_, _| false);
    if let Samples::F32(samples) = &mut volume.samples {
        for (n, sample) in (0..).zip(samples) {
            *sample = if n % 48 < 24 { noise(n / 5) } else { f32::NAN };
        }
    }
    let encoded = encode(&volume, &options(Target::Bytes(12_000))).unwrap();
    decoded(&volume, &encoded);
    assert!(encoded.report.tiles > 4, "{:?}", encoded.report);
    let decoder = Decoder::open(&encoded.bytes[..]).unwrap();
    let siren = decoder.field().siren().unwrap();
    let widths: Vec<usize> = siren.networks.iter().map(|network| network.shape().width).collect();
    assert!(widths.contains(&1) && widths.iter().any(|&width| width > 4), "{widths:?}");
}

#[test]
fn constants_are_stored_exactly() {
    let mut constant = signal(&[30, 20], 3, |at, _| at[0] > 9);
    if let Samples::F32(samples) = &mut constant.samples {
        samples
            .iter_mut()
            .enumerate()
            .filter(|(_, v)| !v.is_nan())
            .for_each(|(i, v)| *v = [7.5, -1e-3, 2.0][i % 3]);
    }
    let encoded = encode(&constant, &options(Target::Psnr(40.0))).unwrap();
    let values = decoded(&constant, &encoded);
    assert!(encoded.bytes.len() < 90 && encoded.report.psnr_db == f64::INFINITY);
    let found = Signal { samples: Samples::F32(values), ..constant.clone() };
    let compared = compare(&constant, &found).unwrap();
    assert!(compared.distortion.identical && compared.distortion.missing == [1200, 1200]);
}

#[test]
fn what_cannot_be_encoded_is_refused() {
    let refused = |signal: &Signal, options: EncodeOptions, part: &str| {
        let error = encode(signal, &options).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    refused(&signal(&[1, 1], 1, |_, _| true), options(Target::Bytes(900)), "all 1 samples are missing");
    refused(&signal(&[9, 5], 2, |_, _| true), options(Target::Bytes(900)), "all 90 samples are missing");
    let part = signal(&[50, 40], 1, disc);
    refused(&part, options(Target::Bytes(900)).gradient_weight(1.0), "missing samples");
    let mut infinite = part.clone();
    if let Samples::F32(samples) = &mut infinite.samples {
        samples[3] = f32::INFINITY;
    }
    refused(&infinite, options(Target::Bytes(900)), "sample 3 is inf");
    // A mask of noise takes more than the whole size.
    let noise = signal(&[50, 40], 1, |at, _| {
        ((at[0] * 7919) ^ (at[1] * 104_729)).wrapping_mul(2_654_435_761) >> 31 == 0
    });
    let error = encode(&noise, &options(Target::Bytes(150))).unwrap_err();
    assert!(matches!(error, Error::TooSmall { requested: 150, least: 200.., .. }), "{error:?}");
}

#[test]
fn points_regions_and_derivatives_are_missing_where_samples_are() {
    let part = signal(&[50, 40], 2, |at, c| disc(at, c) && c == 1);
    let encoded = encode(&part, &options(Target::Bytes(900))).unwrap();
    let decoder = Decoder::open(&encoded.bytes[..]).unwrap();
    let description = decoder.description();
    let grid = Grid::resized(description, &[90, 111]).unwrap();
    let all = decoder.render(&grid).unwrap();
    let slopes = decoder.request(&grid).derivative(Derivative::Gradient).values().unwrap();
    let position = |n: usize| [grid.axes[0].position(n as u32 % 90), grid.axes[1].position(n as u32 / 90)];
    let positions: Vec<f64> = (0..90 * 111).flat_map(position).collect();
    let sampled = decoder.sample_derivative(&positions, Derivative::Gradient).unwrap();
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
    assert_eq!(bits(&sampled.values), bits(&all));
    assert_eq!(bits(&sampled.derivatives), bits(&slopes));
    for (n, (values, slopes)) in all.chunks(2).zip(slopes.chunks(4)).enumerate() {
        let nearest = position(n).map(|p| (p - 0.5).ceil().max(0.0) as u32);
        assert_eq!([values[0].is_nan(), values[1].is_nan()], [false, disc(&nearest, 1)]);
        assert!(
            slopes[..2].iter().all(|v| !v.is_nan())
                && slopes[2..].iter().all(|v| v.is_nan() == values[1].is_nan())
        );
    }
    let taylor = decoder.taylor(&[49.0, 39.0], 1).unwrap();
    assert!(
        !taylor[0].value(&[0.0, 0.0]).unwrap().is_nan() && taylor[1].value(&[0.0, 0.0]).unwrap().is_nan()
    );

    let region = Region::new(description, &[20.5, 10.5], &[44.5, 33.5]).unwrap();
    let crop = Grid::native(description).crop(&region).unwrap();
    let values = decoder.render(&crop).unwrap();
    let native = decoder.render(&Grid::native(description)).unwrap();
    for (y, row) in values.chunks(24 * 2).enumerate() {
        assert_eq!(bits(row), bits(&native[((11 + y) * 50 + 21) * 2..][..48]));
    }
    let of_crop = Decoder::for_grid(&encoded.bytes, &Limits::default(), |_| Ok(Some(crop.clone()))).unwrap();
    assert_eq!(bits(&of_crop.render(&crop).unwrap()), bits(&values));

    // A coarse sample is the mean of what exists in it.
    let coarse = decoder.render(&Grid::resized(description, &[1, 1]).unwrap()).unwrap();
    let exist: Vec<f64> = native.chunks(2).map(|v| f64::from(v[1])).filter(|v| !v.is_nan()).collect();
    let mean = exist.iter().sum::<f64>() / exist.len() as f64;
    assert!((f64::from(coarse[1]) - mean).abs() < 1e-4 && exist.len() < 2000, "{coarse:?} {mean}");
    // Integers have no code for it.
    let Samples::U8(codes) = decoder.request(&crop).samples(SampleFormat::U8).unwrap() else {
        panic!("8 bits")
    };
    assert!(codes.iter().zip(&values).all(|(&code, value)| !value.is_nan() || code == 0));
}

#[test]
fn files_of_binary32_keep_what_is_missing() {
    use sirenc::media::{OutputFormat, read_from, write};
    let picture = signal(&[20, 30], 3, disc_of_20);
    let volume = signal(&[9, 8, 7], 1, |at, _| at[2] == 3);
    let tone = signal(&[200], 1, |at, _| at[0] % 50 == 7);
    let sound = Signal { description: Description::sound(200, 1, SampleFormat::F32, 8000), ..tone };
    let cases = [
        (&picture, OutputFormat::Tiff),
        (&picture, OutputFormat::Exr),
        (&picture, OutputFormat::Npy),
        (&volume, OutputFormat::Nrrd),
        (&volume, OutputFormat::Nifti),
        (&volume, OutputFormat::NiftiGz),
        (&sound, OutputFormat::Wav),
    ];
    for (signal, format) in cases {
        let mut file = std::io::Cursor::new(vec![]);
        write(signal, format, &mut file).unwrap();
        let reading = read_from(std::io::Cursor::new(file.into_inner()), &Limits::default()).unwrap();
        let bits =
            |samples: &Samples| (0..samples.len()).map(|i| samples.get(i).to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&reading.signal.samples), bits(&signal.samples), "{format:?}");
        let note = reading.notes.iter().any(|note| note.ends_with("samples are missing"));
        assert!(note, "{format:?} {:?}", reading.notes);
    }
}

fn disc_of_20(at: &[u32], _: u32) -> bool {
    f64::from(at[0]).hypot(f64::from(at[1])) > 20.0
}
