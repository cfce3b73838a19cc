//! Complete fits of tiny signals: the file keeps to its size, describes the source, and is the same for every
//! number of threads.
#![cfg(feature = "encoder")]

use proptest::prelude::*;
use sirenc::container::{self, Networks};
use sirenc::signal::{Description, Grid, SampleFormat, Samples, Signal};
use sirenc::{
    Decoder, EncodeOptions, Encoded, Error, FieldKind, Flow, Phase, Progress, Result, Target, WeightCoding,
    encode, encode_with_progress,
};

fn options(target: Target) -> EncodeOptions {
    EncodeOptions::default().target(target).effort(1)
}

fn fit(signal: &Signal, options: &EncodeOptions) -> Result<Encoded> {
    encode(signal, options)
}

fn open(encoded: &Encoded) -> Decoder {
    Decoder::open(&encoded.bytes[..]).unwrap()
}

/// A signal of the given unit values, repeated as often as needed.
fn signal(description: Description, values: &[f32]) -> Signal {
    let count = description.positions() as usize * usize::from(description.channels);
    let values: Vec<f32> = values.iter().copied().cycle().take(count).collect();
    let mut samples = Samples::with_capacity(description.format, count);
    samples.extend_from_units(&values);
    Signal { description, samples, metadata: vec![] }
}

fn picture(width: u32, height: u32, channels: u8, format: SampleFormat) -> Description {
    Description::picture([width, height], channels, format)
}

fn sound(samples: u32, channels: u8, format: SampleFormat) -> Description {
    Description::sound(samples, channels, format, 8000)
}

fn descriptions() -> impl Strategy<Value = Description> {
    use SampleFormat::{F32, I8, I16, I24, I32, U8, U16};
    let pictures = (1u32..=12, 1u32..=12, 1u8..=4, prop::sample::select(vec![U8, U16, F32]));
    let sounds = (1u32..=300, 1u8..=8, prop::sample::select(vec![I8, I16, I24, I32, F32]));
    prop_oneof![
        pictures.prop_map(|(width, height, channels, format)| picture(width, height, channels, format)),
        sounds.prop_map(|(samples, channels, format)| sound(samples, channels, format)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn tiny_signals_keep_to_their_size_and_description(
        description in descriptions(),
        values in prop::collection::vec(0f32..1.0, 1..600),
        limit in 150u64..700,
        seed in any::<u64>(),
    ) {
        let signal = signal(description, &values);
        let mut options = options(Target::Bytes(limit));
        options.seed = seed;
        let files: Vec<Encoded> = [1, 2, 5].map(|threads| {
            options.threads = Some(threads);
            fit(&signal, &options).unwrap()
        }).into();
        prop_assert!(files[0].bytes.len() as u64 <= limit, "{} > {limit}", files[0].bytes.len());
        prop_assert!(files[0].bytes == files[1].bytes && files[0].bytes == files[2].bytes);
        let decoder = open(&files[0]);
        prop_assert_eq!(decoder.description(), &signal.description);
        let values = decoder.render(&Grid::native(decoder.description())).unwrap();
        prop_assert_eq!(values.len(), signal.samples.len());
        prop_assert!(values.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn a_constant_picture_decodes_to_itself(
        (width, height, channels) in (1u32..=12, 1u32..=12, 1u8..=4),
        code in any::<u8>(),
    ) {
        let signal = signal(picture(width, height, channels, SampleFormat::U8), &[f32::from(code) / 255.0]);
        let decoder = open(&fit(&signal, &options(Target::Bytes(200))).unwrap());
        for value in decoder.render(&Grid::native(decoder.description())).unwrap() {
            let got = SampleFormat::U8.quantize(value);
            prop_assert_eq!(got, f32::from(code));
        }
    }
}

#[test]
fn a_given_network_is_stored_as_it_was_trained() {
    let values: Vec<f32> = (0..64).map(|i| (i % 8) as f32 / 8.0).collect();
    let signal = signal(picture(8, 8, 1, SampleFormat::F32), &values);
    for weights in [WeightCoding::Single, WeightCoding::Half, WeightCoding::Quantized] {
        let mut options = options(Target::Shape { layers: 3, width: 7 });
        options.weights = weights;
        let encoded = fit(&signal, &options).unwrap();
        let decoder = open(&encoded);
        let networks = &decoder.field().siren().unwrap().networks;
        let shape = networks[0].shape();
        assert_eq!((networks.len(), shape.layers, shape.width), (1, 3, 7));
        let (_, stored) = decoder.file().field.siren().unwrap();
        match weights {
            WeightCoding::Single => assert!(matches!(stored, Networks::Single(n) if n == networks)),
            WeightCoding::Half => assert!(matches!(stored, Networks::Half(n) if n == networks)),
            _ => assert!(matches!(stored, Networks::Quantized(_))),
        }
        // Writing the file again gives the same bytes: reading lost nothing.
        let mut again = vec![];
        container::write(decoder.file(), &mut again).unwrap();
        assert_eq!(again, encoded.bytes);
        // The PSNR that the encoder reports is that of the decoded file.
        let got = decoder.render(&Grid::native(decoder.description())).unwrap();
        let error: f64 = got.iter().zip(&values).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        // PSNR relative to the range.
        let psnr_db = -10.0 * (error / 64.0 / 0.875f64.powi(2)).log10();
        assert!((psnr_db - encoded.report.psnr_db).abs() < 1e-9, "{psnr_db} {}", encoded.report.psnr_db);
    }
}

#[test]
fn infinite_samples_are_refused() {
    for bad in [f32::INFINITY, f32::NEG_INFINITY] {
        let mut signal = signal(picture(4, 4, 1, SampleFormat::F32), &[0.5]);
        let Samples::F32(samples) = &mut signal.samples else { unreachable!() };
        samples[9] = bad;
        let refused = fit(&signal, &options(Target::Bytes(200)));
        assert!(matches!(refused, Err(Error::Parameter { name: "signal", .. })), "{refused:?}");
    }
}

#[test]
fn too_small_a_size_is_refused_with_the_least_that_is_needed() {
    let signal = signal(picture(4, 4, 3, SampleFormat::U8), &[0.5]);
    // A constant signal, which needs no fit, and a varying one.
    let varying = self::signal(picture(4, 4, 3, SampleFormat::U8), &[0.5, 0.2, 0.7, 0.1]);
    for signal in [signal, varying] {
        let Err(Error::TooSmall { requested: 20, least, metadata: 0 }) =
            fit(&signal, &options(Target::Bytes(20)))
        else {
            panic!("20 bytes accepted")
        };
        assert!(fit(&signal, &options(Target::Bytes(least))).unwrap().bytes.len() as u64 <= least);
    }
}

/// Waves that a small network learns within a few passes; an untrained network has 14 dB.
fn waves() -> Signal {
    let wave = |i: usize| {
        let (x, y) = (i % 96, i / 96);
        0.5 + 0.2 * (0.11 * x as f32).sin() + 0.2 * (0.07 * (x + 2 * y) as f32).cos()
    };
    let values: Vec<f32> = (0..96 * 96).map(wave).collect();
    signal(picture(96, 96, 1, SampleFormat::U8), &values)
}

#[test]
fn what_is_broken_off_before_its_fit_began_ends_with_its_probe() {
    let options = options(Target::Bytes(6000)).field(FieldKind::Siren).effort(9);
    let finish_at_the_fit = |progress: &Progress| match progress.phase {
        Phase::Fit => Flow::Finish,
        _ => Flow::Continue,
    };
    let encoded = encode_with_progress(&waves(), &options, &finish_at_the_fit).unwrap();
    assert!(encoded.report.interrupted && encoded.report.psnr_db > 27.0, "{:?}", encoded.report);
}

#[test]
fn what_is_broken_off_while_probes_run_ends_with_the_best_probe() {
    let options = options(Target::Psnr(70.0)).field(FieldKind::Siren).effort(9);
    // The first probe is long enough that this happens within it.
    let finish_at_30_db = |progress: &Progress| match progress.psnr_db > 30.0 {
        true => Flow::Finish,
        false => Flow::Continue,
    };
    let encoded = encode_with_progress(&waves(), &options, &finish_at_30_db).unwrap();
    assert!(encoded.report.interrupted && encoded.report.psnr_db > 27.0, "{:?}", encoded.report);
}
