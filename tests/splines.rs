//! Complete fits of small signals as fields of splines: the target is kept, and the file describes the
//! source.
#![cfg(feature = "encoder")]

use sirenc::signal::metric::ErrorSum;
use sirenc::signal::{Description, Grid, Metadata, MetadataKind, Region, SampleFormat, Samples, Signal};
use sirenc::{
    Decoder, Device, EncodeOptions, Encoded, Error, FieldKind, Flow, Note, Phase, Progress, Target,
    WeightCoding, encode, encode_with_progress,
};

fn options(target: Target) -> EncodeOptions {
    EncodeOptions::default().field(FieldKind::Spline).target(target).effort(1)
}

fn fit(signal: &Signal, target: Target) -> Encoded {
    encode(signal, &options(target)).unwrap()
}

/// The decoder of a file that holds a field of splines.
fn open(encoded: &Encoded) -> Decoder {
    let decoder = Decoder::open(&encoded.bytes[..]).unwrap();
    assert!(decoder.field().spline().is_some());
    decoder
}

/// Waves in every channel, from about 0 to 1, at the positions of `description`.
fn signal(description: Description) -> Signal {
    let (channels, width) = (usize::from(description.channels), description.lengths()[0] as usize);
    let value = |i: usize| {
        let (c, x, y) = (i % channels, i / channels % width, i / channels / width);
        let wave = (0.31 * x as f32 + c as f32).sin() * (0.23 * y as f32 + 0.4).cos();
        0.5 + 0.3 * wave + 0.1 * (0.07 * (x * (c + 1) + 2 * y) as f32).sin()
    };
    let values: Vec<f32> = (0..description.positions() as usize * channels).map(value).collect();
    let mut samples = Samples::with_capacity(description.format, values.len());
    samples.extend_from_units(&values);
    Signal { description, samples, metadata: vec![] }
}

fn picture(width: u32, height: u32, channels: u8) -> Signal {
    signal(Description::picture([width, height], channels, SampleFormat::U8))
}

fn sound(samples: u32) -> Signal {
    signal(Description::sound(samples, 2, SampleFormat::I16, 8000))
}

fn psnr_db(signal: &Signal, decoder: &Decoder) -> f64 {
    let mut sum = ErrorSum::new(&signal.description);
    sum.add(&signal.samples, 0, &decoder.render(&Grid::native(&signal.description)).unwrap()).unwrap();
    sum.distortion().psnr_db()
}

#[test]
fn a_rate_is_never_exceeded() {
    for bpp in [1.5, 2.0, 3.5, 8.0] {
        let encoded = fit(&picture(48, 40, 3), Target::BitsPerPosition(bpp));
        assert!(encoded.bytes.len() as f64 <= bpp * 48.0 * 40.0 / 8.0, "{} at {bpp}", encoded.bytes.len());
        assert!(encoded.report.reached, "{bpp}: {:?}", encoded.report);
    }
    let encoded = fit(&sound(3000), Target::Kbps(6.0));
    assert!(encoded.bytes.len() as f64 <= 6000.0 * 3000.0 / 8000.0 / 8.0, "{}", encoded.bytes.len());
    let small = fit(&picture(48, 40, 3), Target::Bytes(300));
    let large = fit(&picture(48, 40, 3), Target::Bytes(1500));
    assert!(large.report.psnr_db > small.report.psnr_db + 3.0, "{small:?}\n{large:?}");
}

#[test]
fn a_psnr_is_reached_within_a_tenth_or_said_to_be_missed() {
    for (signal, db) in [(picture(48, 40, 3), 32.0), (picture(64, 48, 1), 38.0), (sound(3000), 30.0)] {
        let Encoded { bytes, report } = fit(&signal, Target::Psnr(db));
        let found = psnr_db(&signal, &Decoder::open(&bytes[..]).unwrap());
        assert!((found - report.psnr_db).abs() < 1e-9, "{found}: {report:?}");
        // Tiny grey pictures miss it at the lowest effort, and say so.
        assert_eq!(report.reached, (found - db).abs() <= 0.1, "{db}: {report:?}");
        assert!(report.reached || signal.description.channels == 1, "{db}: {report:?}");
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let signal = picture(70, 50, 3);
    let of = |threads| encode(&signal, &options(Target::Bytes(700)).threads(threads)).unwrap().bytes;
    let expected = of(1);
    assert_eq!(of(2), expected);
    assert_eq!(of(3), expected);
}

#[test]
fn every_kind_of_signal_is_fitted() {
    let pictures = (1..=4).map(|channels| picture(40, 33, channels));
    let deep = signal(Description::picture([40, 33], 3, SampleFormat::U16));
    let float = signal(Description::picture([40, 33], 1, SampleFormat::F32));
    for signal in pictures.chain([deep, float, sound(2000)]) {
        let encoded = fit(&signal, Target::Bytes(900));
        let decoder = open(&encoded);
        assert_eq!(decoder.description(), &signal.description);
        let found = psnr_db(&signal, &decoder);
        assert!(
            found > 28.0 && (found - encoded.report.psnr_db).abs() < 1e-6,
            "{found}: {:?}",
            signal.description
        );
    }
}

#[test]
fn units_do_not_matter() {
    let signal = signal(Description::picture([40, 33], 1, SampleFormat::F32));
    let Samples::F32(samples) = &signal.samples else { unreachable!("binary32") };
    // Temperatures of 280 to 300 kelvin.
    let kelvin = Samples::F32(samples.iter().map(|x| 280.0 + 20.0 * x).collect());
    let kelvin = Signal { samples: kelvin, ..signal.clone() };
    let [own, other] = [&signal, &kelvin].map(|signal| fit(signal, Target::Bytes(900)));
    let decoder = open(&other);
    // Of so small a picture two fits differ by some decibels; a scale of 300 kelvin would lose twenty.
    let found = [psnr_db(&signal, &open(&own)), psnr_db(&kelvin, &decoder)];
    assert!(found.iter().all(|&db| db > 38.0), "{found:?}");
    let values = decoder.render(&Grid::native(&kelvin.description)).unwrap();
    assert!(values.iter().all(|value| (278.0..302.0).contains(value)));
}

#[test]
fn the_smallest_signals_are_fitted() {
    for (width, height) in [(2, 1), (1, 300), (300, 1), (5, 3)] {
        let signal = picture(width, height, 3);
        let encoded = fit(&signal, Target::Bytes(800));
        let found = psnr_db(&signal, &open(&encoded));
        assert!(encoded.bytes.len() <= 800 && found > 25.0, "{found} at {width}×{height}");
    }
    // Constant signals need no field of this kind.
    let one = picture(1, 1, 3);
    let encoded = fit(&one, Target::Psnr(30.0));
    let decoder = Decoder::open(&encoded.bytes[..]).unwrap();
    assert_eq!(psnr_db(&one, &decoder), f64::INFINITY);
}

#[test]
fn metadata_is_kept() {
    let metadata = vec![Metadata { kind: MetadataKind::Xmp, bytes: b"<x:xmpmeta/>".to_vec() }];
    let signal = Signal { metadata: metadata.clone(), ..picture(40, 33, 3) };
    let decoder = open(&fit(&signal, Target::Bytes(700)));
    assert_eq!(decoder.file().metadata, metadata);
}

#[test]
fn a_region_is_a_part_of_the_whole() {
    let signal = picture(48, 40, 3);
    let decoder = open(&fit(&signal, Target::Bytes(700)));
    let grid = Grid::native(&signal.description);
    let region = Region::new(&signal.description, &[9.5, 6.5], &[25.5, 15.5]).unwrap();
    let (whole, part) =
        (decoder.render(&grid).unwrap(), decoder.render(&grid.crop(&region).unwrap()).unwrap());
    assert_eq!(part.len(), 16 * 9 * 3);
    for (y, row) in part.chunks_exact(16 * 3).enumerate() {
        assert_eq!(row, &whole[((7 + y) * 48 + 10) * 3..][..16 * 3]);
    }
}

/// The share of a picture outside the disc.
const OUTSIDE: f64 = 1.0 - std::f64::consts::PI * 15.0 * 15.0 / (48.0 * 40.0);

/// An opaque disc, around which alpha is `faint` and colours are `hidden`.
fn disc(faint: u8, hidden: impl Fn(usize) -> u8) -> Signal {
    let pixel = |i: usize| {
        let (x, y) = ((i % 48) as f32 - 24.0, (i / 48) as f32 - 20.0);
        let shade = (150.0 + 4.0 * x - 3.0 * y) as u8;
        match x.hypot(y) < 15.0 {
            true => [shade, 255 - shade, 90, 255],
            false => [hidden(3 * i), hidden(3 * i + 1), hidden(3 * i + 2), faint],
        }
    };
    let samples = Samples::U8((0..48 * 40).flat_map(pixel).collect());
    Signal { samples, ..picture(48, 40, 4) }
}

#[test]
fn colours_cost_as_much_as_they_are_visible() {
    let noise = |i: usize| (i * 7919 % 251) as u8;
    let of = |signal: &Signal, keep| {
        let options = options(Target::Bytes(600)).keep_invisible(keep);
        encode(signal, &options).unwrap().report.psnr_db
    };
    // Where alpha is 0, colours are replaced before the fit; where it is 1 of 255, they are not.
    for faint in [0, 1] {
        let (noise, black) = (disc(faint, noise), disc(faint, |_| 0));
        let (seen, expected) = (of(&noise, false), of(&black, false));
        // The error if noise, whose variance is 1/12, is not coded at all.
        let unseen = f64::from(faint) / 255.0 * 0.75 * OUTSIDE / 12.0;
        let mse = |db: f64| 10f64.powf(-db / 10.0);
        assert!(mse(seen) < 1.1 * (mse(expected) + unseen), "{seen} instead of {expected} at alpha {faint}");
        assert!(of(&noise, true) < seen - 5.0, "{seen} at alpha {faint}");
    }
}

#[test]
fn what_only_sine_networks_have_is_refused() {
    let signal = picture(40, 33, 3);
    let size = || options(Target::Bytes(700));
    let refused = [
        (options(Target::Shape { layers: 2, width: 8 }), "layers and width"),
        (options(Target::Shape { layers: 2, width: 8 }).weights(WeightCoding::Half), "layers and width"),
        (size().gradient_weight(0.5), "a gradient weight"),
    ];
    for (options, what) in refused {
        match encode(&signal, &options) {
            Err(Error::Parameter { name: "field", detail, .. }) => assert!(detail.contains(what), "{detail}"),
            other => panic!("{other:?}, expected {what} to be refused"),
        }
    }
    match encode(&signal, &size().device(Device::Cuda(0))) {
        Err(Error::Device { device, detail }) => {
            assert_eq!((&device[..], &detail[..]), ("cuda:0", "fields of splines are fitted on the CPU"));
        }
        other => panic!("{other:?}, expected a GPU to be refused"),
    }
    let encoded = encode(&signal, &size().device(Device::Auto)).unwrap();
    assert!(encoded.report.device.starts_with("cpu"), "{}", encoded.report.device);
}

#[test]
fn little_memory_is_enough() {
    let signal = picture(1500, 40, 1);
    let options = options(Target::BitsPerPosition(0.7));
    let with = |memory_bytes| {
        let mut options = options.clone();
        options.limits.memory_bytes = memory_bytes;
        options
    };
    // At once this takes 14 MB.
    let little = with(13_200_000);
    let [at_once, in_regions] = [&options, &little].map(|options| encode(&signal, options).unwrap());
    let found = psnr_db(&signal, &open(&in_regions));
    assert!((found - in_regions.report.psnr_db).abs() < 1e-6, "{found}: {:?}", in_regions.report);
    assert!(in_regions.bytes.len() as f64 <= 0.7 / 8.0 * 1500.0 * 40.0, "{}", in_regions.bytes.len());
    assert!(found > at_once.report.psnr_db - 1.5, "{found} instead of {}", at_once.report.psnr_db);
    // The networks are learned, then the time is over.
    let first = |progress: &Progress| match progress.phase {
        Phase::Quantize => Flow::Finish,
        _ => Flow::Continue,
    };
    let Encoded { bytes, report } = encode_with_progress(&signal, &little, &first).unwrap();
    assert!(report.notes.iter().any(|note| matches!(note, Note::RegionsLeft { .. })), "{:?}", report.notes);
    assert!((psnr_db(&signal, &Decoder::open(&bytes[..]).unwrap()) - report.psnr_db).abs() < 1e-6);
    let refused = encode(&signal, &with(9_000_000));
    assert!(matches!(refused, Err(Error::Limit { .. })), "{refused:?}");
}
