//! Every row of `fixtures/manifest.tsv`: valid files have the stated description, invalid ones give the
//! stated error; signals survive writing and reading; hostile bytes never panic.
#![cfg(feature = "media")]

use sha2::{Digest, Sha256};
use sirenc::media::{self, Choice, OutputFormat, Part, Reading, Slice};
use sirenc::signal::{AxisCoordinates, Coordinates, Kind, Label, MetadataKind, Positions};
use sirenc::signal::{SampleFormat, Samples, Signal};
use sirenc::{Error, Limits};
use std::io::Cursor;
use std::path::Path;

/// A row of the manifest and the bytes of its file.
struct Fixture {
    name: String,
    expected: String,
    sha256: String,
    bytes: Vec<u8>,
}

fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let manifest = std::fs::read_to_string(folder.join("manifest.tsv")).unwrap();
    let media = manifest.lines().skip(1).filter(|line| line.starts_with("media"));
    let rows: Vec<_> = media
        .map(|line| {
            let [name, _tests, expected, sha256, _origin] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("five columns expected: {line}")
            };
            Fixture {
                name: name.into(),
                expected: expected.into(),
                sha256: sha256.into(),
                bytes: std::fs::read(folder.join(name)).unwrap(),
            }
        })
        .collect();
    for sub in ["media", "media-invalid"] {
        for file in std::fs::read_dir(folder.join(sub)).unwrap() {
            let name = format!("{sub}/{}", file.unwrap().file_name().to_string_lossy());
            assert!(rows.iter().any(|row| row.name == name), "{name} has no row in the manifest");
        }
    }
    rows
}

fn read(bytes: &[u8]) -> Result<Signal, Error> {
    media::read(bytes, &Limits::default())
}

fn fixture(name: &str) -> Vec<u8> {
    fixtures().into_iter().find(|f| f.name == name).unwrap_or_else(|| panic!("no {name}")).bytes
}

/// The description of a signal as in the manifest: `picture 48x40 3 U8 Icc Exif` or `sound 400 1 I16 8000Hz`.
fn words(signal: &Signal) -> String {
    let d = &signal.description;
    let size = d.lengths().iter().map(u32::to_string).collect::<Vec<_>>().join("x");
    let kind = format!("{:?}", d.kind()).to_lowercase();
    let mut words = format!("{kind} {size} {} {:?}", d.channels, d.format);
    words += &d.rate().map_or_else(String::new, |rate| format!(" {rate}Hz"));
    for block in &signal.metadata {
        words += &format!(" {:?}", block.kind);
    }
    words
}

/// The description with notes: `picture 8x6 3 U8 note: only the first of its 2 frames is read; …`.
fn described(reading: &Reading) -> String {
    let words = words(&reading.signal);
    if reading.notes.is_empty() { words } else { format!("{words} note: {}", reading.notes.join("; ")) }
}

#[test]
fn every_fixture_is_the_one_in_the_manifest() {
    for f in fixtures() {
        let digest: String = Sha256::digest(&f.bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(digest, f.sha256, "{}", f.name);
    }
}

#[test]
fn every_fixture_reads_to_its_description_or_error() {
    let mut faults = vec![];
    for f in fixtures() {
        let found = match media::read_from(Cursor::new(&f.bytes), &Limits::default()) {
            Ok(reading) => {
                let signal = &reading.signal;
                assert_eq!(signal.samples.format(), signal.description.format, "{}", f.name);
                let count = signal.description.positions() * u64::from(signal.description.channels);
                assert_eq!(signal.samples.len() as u64, count, "{}", f.name);
                described(&reading)
            }
            Err(error) => format!("error: {error}"),
        };
        let same = match f.expected.strip_prefix("error: ") {
            Some(part) => found.starts_with("error: ") && found.contains(part),
            // The manifest states a part of the notes.
            None => match (f.expected.split_once(" note: "), found.split_once(" note: ")) {
                (Some((expected, part)), Some((words, notes))) => words == expected && notes.contains(part),
                _ => found == f.expected,
            },
        };
        if !same {
            faults.push(format!("{}: {found}, {} expected", f.name, f.expected));
        }
        if let Some(message) = found.strip_prefix("error: ") {
            assert!(!message.contains('\n') && !message.ends_with('.'), "not one sentence: {message}");
        }
        assert!(!found.contains('\n'), "{}: {found}", f.name);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The picture was turned before it was stored, so reading it must give the original orientation.
#[test]
fn orientation_is_applied_and_reset() {
    let turned = read(&fixture("media/orientation-6-icc.jpg")).unwrap();
    let plain = read(&fixture("media/rgb-8.tiff")).unwrap();
    let count = plain.samples.len();
    let difference: f32 =
        (0..count).map(|i| (turned.samples.get(i) - plain.samples.get(i)).abs()).sum::<f32>() / count as f32;
    assert!(difference < 0.03, "mean difference {difference}");

    let exif = turned.metadata.iter().find(|b| b.kind == MetadataKind::Exif).unwrap();
    assert!(matches!(&exif.bytes[..4], b"II*\0" | b"MM\0*"), "{:?}", &exif.bytes[..4]);
    let mut again = exif.bytes.clone();
    let orientation = image::metadata::Orientation::remove_from_exif_chunk(&mut again);
    assert_eq!(orientation, Some(image::metadata::Orientation::NoTransforms));
}

#[test]
fn samples_have_the_values_of_their_source() {
    let sound = read(&fixture("media/one-sample.wav")).unwrap();
    assert_eq!((sound.samples.get(0), sound.samples), (-1.0, Samples::I16(vec![-32768])));
    let Samples::U8(bits) = read(&fixture("media/bilevel.png")).unwrap().samples else { panic!() };
    assert_eq!(bits[..13], [255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255]);
    let Samples::F32(units) = read(&fixture("media/grey-float.tiff")).unwrap().samples else { panic!() };
    // The scene begins with 0.4.
    assert_eq!(units[0], 70.0);
    let Samples::I8(eight) = read(&fixture("media/mono-8.wav")).unwrap().samples else { panic!() };
    let Samples::I32(wide) = read(&fixture("media/mono-32.wav")).unwrap().samples else { panic!() };
    for (a, b) in eight.iter().zip(&wide) {
        assert!((f64::from(*a) / 127.0 - f64::from(*b) / 2147483647.0).abs() <= 0.51 / 127.0);
    }
    // The picture is stored turned: its first sample is the upper right one of the upright picture, 20 pixels
    // wide.
    let Samples::U16(turned) = read(&fixture("media/grey-16.tiff")).unwrap().samples else { panic!() };
    assert_eq!(turned[19], 26214);
}

#[test]
fn samples_of_science_keep_their_units() {
    let values = |name: &str| {
        let Samples::F32(values) = read(&fixture(name)).unwrap().samples else { panic!("{name}") };
        values
    };
    assert_eq!(values("media/int16.tiff"), [-32768.0, -1.0, 32767.0, 0.0, 1.0, 1000.0]);
    assert_eq!(values("media/int8.tiff"), [-64.0, 63.0, 63.0, -64.0, -63.0, 40.0]);
    assert_eq!(values("media/uint32.tiff"), [4e9, 16_777_216.0]);
    assert_eq!(values("media/int32.tiff"), [-3_276_800.0, -100.0, 3_276_700.0, 0.0, 100.0, 100_000.0]);
    assert_eq!(values("media/depth.exr"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let (half, double) = (values("media/float16.tiff"), values("media/float64.tiff"));
    assert!(half.iter().zip(&double).all(|(a, b)| (a - b / 1000.0).abs() <= a.abs() / 2048.0));
    let (array, picture) = (values("media/relief.npy"), values("media/grey-float.tiff"));
    assert!(array.iter().zip(&picture).all(|(a, b)| (a / 4096.0 - (b + 50.0) / 300.0).abs() < 2e-4));
    let (pfm, tiff) = (values("media/rgb.pfm"), read(&fixture("media/picture.npy")).unwrap());
    assert!(pfm.iter().enumerate().all(|(i, v)| (v - tiff.samples.get(i)).abs() < 0.51 / 255.0));
    assert_eq!(tiff, read(&fixture("media/fortran.npy")).unwrap());
}

#[test]
fn colours_that_alpha_multiplied_are_divided() {
    let Samples::U8(pixels) = read(&fixture("media/associated.tiff")).unwrap().samples else { panic!() };
    let Samples::U8(stored) = read(&fixture("media/extra.tiff")).unwrap().samples else { panic!() };
    for (straight, stored) in pixels.chunks(4).zip(stored.chunks(3)) {
        let alpha = u32::from(straight[3]);
        for (&colour, &stored) in straight.iter().zip(stored) {
            let expected = if alpha == 0 { 0.0 } else { f64::from(stored) * 255.0 / f64::from(alpha) };
            assert!((f64::from(colour) - expected).abs() <= 0.5, "{straight:?} of {stored}");
        }
    }
    let Samples::F32(light) = read(&fixture("media/half-zip.exr")).unwrap().samples else { panic!() };
    assert!(light.chunks(4).take(4).map(|pixel| pixel[3]).eq([0.0, 0.25, 0.5, 1.0]));
    // The colours are those of the first line of the scene, whatever alpha is.
    for (x, pixel) in light.chunks(4).take(4).enumerate().skip(1) {
        for (k, &colour) in pixel[..3].iter().enumerate() {
            let x = x as f32;
            let expected = 0.4 + 0.3 * ((k as f32 + 1.0) * x / 9.0).sin() + 0.2 * x / 3.0;
            assert!((colour - expected).abs() < 2e-3, "{colour}, {expected} expected");
        }
    }
}

#[test]
fn palettes_inks_and_luma_become_colours() {
    let codes = |name: &str| match read(&fixture(name)).unwrap().samples {
        Samples::U8(codes) => codes,
        other => panic!("{name}: {:?}", other.format()),
    };
    assert_eq!(codes("media/palette.tiff")[..12], [0, 0, 0, 255, 64, 0, 128, 128, 255, 7, 8, 9]);
    assert_eq!(codes("media/palette-grey.tiff")[..5], [255, 254, 253, 252, 255]);
    assert_eq!(codes("media/cmyk.tiff"), [255, 255, 255, 0, 255, 255, 255, 0, 0, 0, 0, 0]);
    let (luma, plain) = (codes("media/ycbcr.tiff"), codes("media/rgb-8.tiff"));
    let mean =
        luma.iter().zip(&plain).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / luma.len() as f64;
    assert!(mean < 5.0, "{mean}");
}

/// Colour metadata survive PNG, the resolution also other formats, tags WAV.
#[test]
fn meanings_survive_the_formats_that_know_them() {
    let back = |signal: &Signal, format| {
        let mut out = Cursor::new(vec![]);
        media::write(signal, format, &mut out).unwrap();
        read(out.get_ref()).unwrap().metadata
    };
    for name in ["media/cicp.png", "media/gamma.png", "media/late-xmp.png"] {
        let signal = read(&fixture(name)).unwrap();
        assert!(!signal.metadata.is_empty());
        assert_eq!(back(&signal, OutputFormat::Png), signal.metadata, "{name}");
    }
    let gamma = read(&fixture("media/gamma.png")).unwrap();
    assert_eq!(gamma.metadata[0].bytes, 100_000u32.to_be_bytes());
    // 300 and 150 dpi.
    let resolution = &gamma.metadata[2..];
    assert_eq!(resolution[0].bytes, [0, 0, 0x2E, 0x23, 0, 0, 0x17, 0x12, 1]);
    for format in [OutputFormat::Tiff, OutputFormat::Jpeg] {
        assert_eq!(back(&gamma, format), resolution, "{format:?}");
    }
    let tags = read(&fixture("media/tags.wav")).unwrap();
    assert_eq!(back(&tags, OutputFormat::Wav), tags.metadata);
}

/// Lossless formats give back the samples, and the metadata that the format keeps.
#[test]
fn what_a_format_accepts_survives_it() {
    let formats = [
        OutputFormat::Png,
        OutputFormat::Tiff,
        OutputFormat::WebP,
        OutputFormat::Bmp,
        OutputFormat::Pnm,
        OutputFormat::Pgm,
        OutputFormat::Ppm,
        OutputFormat::Pam,
        OutputFormat::Wav,
        OutputFormat::Exr,
        OutputFormat::Nrrd,
    ];
    let mut tried = 0;
    for f in fixtures().iter().filter(|f| !f.expected.starts_with("error")) {
        let signal = read(&f.bytes).unwrap();
        // Pages of a TIFF are read as more than a picture only where axes are named.
        let fits = |format: &OutputFormat| {
            let pages = *format == OutputFormat::Tiff && signal.description.kind() != Kind::Picture;
            // Listed coordinates have no place in NRRD.
            let listed = f.name.ends_with(".nc") || f.name.ends_with(".cdf");
            format.accepts(&signal.description).is_ok() && !pages && !listed
        };
        for format in formats.into_iter().filter(fits) {
            let mut out = Cursor::new(vec![]);
            media::write(&signal, format, &mut out)
                .unwrap_or_else(|e| panic!("{} as {format:?}: {e}", f.name));
            let back = read(out.get_ref()).unwrap_or_else(|e| panic!("{} as {format:?}: {e}", f.name));
            let grey = signal.description.channels <= 2;
            if grey && matches!(format, OutputFormat::WebP | OutputFormat::Bmp | OutputFormat::Ppm) {
                // Grey stored as RGB: every channel of a pixel has the grey value.
                let step = usize::from(back.description.channels);
                let own = usize::from(signal.description.channels);
                let same = (0..signal.samples.len() / own)
                    .all(|i| back.samples.get(i * step) == signal.samples.get(i * own));
                assert!(same, "{} as {format:?}", f.name);
            } else {
                assert_eq!(back.description, signal.description, "{} as {format:?}", f.name);
                assert!(back.samples == signal.samples, "{} as {format:?}", f.name);
            }
            let kept: Vec<_> = signal.metadata.iter().filter(|b| format.keeps(b.kind)).cloned().collect();
            assert_eq!(back.metadata, kept, "{} as {format:?}", f.name);
            tried += 1;
        }
    }
    assert!(tried > 80, "only {tried} pairs");
}

/// What NetCDF files hold survives writing, missing samples and where samples lie among it.
#[test]
fn variables_survive_netcdf() {
    let mut tried = 0;
    for f in fixtures().iter().filter(|f| !f.expected.starts_with("error")) {
        let signal = read(&f.bytes).unwrap();
        if signal.description.channels > 1 || signal.description.lengths().contains(&1) {
            continue;
        }
        let mut out = Cursor::new(vec![]);
        media::write(&signal, OutputFormat::NetCdf, &mut out).unwrap();
        let back = read(out.get_ref()).unwrap_or_else(|error| panic!("{}: {error}", f.name));
        assert_eq!(back.description.lengths(), signal.description.lengths(), "{}", f.name);
        // A field of other axes may have another kind, and with it another format.
        let number = |signal: &Signal, i| {
            f64::from(signal.samples.get(i)) * signal.description.format.codes_per_unit()
        };
        for i in 0..signal.samples.len() {
            let (a, b) = (number(&signal, i), number(&back, i));
            assert!((a - b).abs() <= a.abs() * 1e-7 || a.is_nan() && b.is_nan(), "{} {i}: {a}, {b}", f.name);
        }
        if f.name.ends_with(".nc") || f.name.ends_with(".cdf") {
            assert_eq!(
                (back.description, back.metadata),
                (signal.description, signal.metadata),
                "{}",
                f.name
            );
        }
        tried += 1;
    }
    assert!(tried > 30, "only {tried}");
}

/// The pages of a TIFF are a volume where axes are named or a part is taken.
#[test]
fn pages_are_a_volume() {
    let chosen = |choice: &Choice| {
        media::read_chosen(Cursor::new(fixture("media/stack.tiff")), choice, &Limits::default())
            .unwrap()
            .signal
    };
    let volume = chosen(&Choice::axes("zyx"));
    assert_eq!(words(&volume), "volume 7x6x5 1 U8 Resolution Coordinates");
    let mut choice = Choice::default();
    choice.slices = vec![Slice { axis: "z".into(), part: Part::At(2) }];
    let middle = chosen(&choice);
    assert_eq!(middle.description.kind(), Kind::Picture);
    assert!((0..42).all(|i| middle.samples.get(i) == volume.samples.get(84 + i)));
    let um = |spacing| AxisCoordinates {
        label: Label::new("", "um"),
        positions: Positions::Uniform { origin: 0.0, spacing },
    };
    let known = Coordinates::of(&volume.metadata, &volume.description).unwrap();
    assert_eq!(known.axes, [um(0.25), um(0.5), um(2.5)]);
}

/// One volume in seven files: its samples are the same, and where they lie.
#[test]
fn volumes_have_their_samples_and_coordinates() {
    let volume = read(&fixture("media/volume.nrrd")).unwrap();
    for name in ["volume-gzip.nrrd", "volume-text.nrrd", "volume-hex.nrrd"] {
        assert_eq!(read(&fixture(&format!("media/{name}"))).unwrap(), volume, "{name}");
    }
    let mm = |name: &str, origin, spacing| AxisCoordinates {
        label: Label::new(name, "mm"),
        positions: Positions::Uniform { origin, spacing },
    };
    let along = |signal: &Signal| Coordinates::of(&signal.metadata, &signal.description).unwrap().axes;
    assert_eq!(along(&volume), [mm("x", 0.0, 0.5), mm("y", 0.0, 0.5), mm("z", 0.0, 2.0)]);
    for name in ["media/volume.nii", "media/volume.nii.gz"] {
        let nifti = read(&fixture(name)).unwrap();
        assert_eq!((&nifti.description, &nifti.samples), (&volume.description, &volume.samples));
        assert_eq!(along(&nifti), along(&volume));
    }
    let turned = read(&fixture("media/directions.nrrd")).unwrap();
    assert_eq!(turned.samples, volume.samples);
    let spaced = |origin, spacing| AxisCoordinates {
        positions: Positions::Uniform { origin, spacing },
        ..Default::default()
    };
    assert_eq!(along(&turned), [spaced(2.0, -0.5), spaced(3.0, 0.5), spaced(1.0, 2.0)]);
    let (scaled, codes) = (read(&fixture("media/scaled.nii")).unwrap(), &volume.samples);
    let (Samples::F32(scaled), Samples::I16(codes)) = (scaled.samples, codes) else { panic!() };
    assert!(scaled.iter().zip(codes).all(|(&value, &code)| value == f32::from(code) * 0.5 - 10.0));
    let (last, fifth) =
        (read(&fixture("media/vector.nrrd")).unwrap(), read(&fixture("media/channels.nii")).unwrap());
    assert_eq!((&last.description, &last.samples), (&fifth.description, &fifth.samples));
    let Samples::F32(pairs) = last.samples else { panic!() };
    assert!(pairs.chunks(2).all(|pair| (pair[0] + pair[1] - 1.0).abs() < 1e-6));
}

/// NIfTI gives back samples and coordinates, and its own header to the bit.
#[test]
fn a_nifti_file_is_written_back() {
    let mut tried = 0;
    for f in fixtures().iter().filter(|f| !f.expected.starts_with("error")) {
        let signal = read(&f.bytes).unwrap();
        for format in [OutputFormat::Nifti, OutputFormat::NiftiGz] {
            // NaN, a missing sample, is not equal to itself.
            let missing = (0..signal.samples.len()).any(|i| signal.samples.get(i).is_nan());
            if format.accepts(&signal.description).is_err() || missing {
                continue;
            }
            let mut out = Cursor::new(vec![]);
            media::write(&signal, format, &mut out).unwrap();
            assert_eq!(out.get_ref().starts_with(&[0x1F, 0x8B]), format == OutputFormat::NiftiGz);
            let back = read(out.get_ref()).unwrap_or_else(|e| panic!("{} as {format:?}: {e}", f.name));
            if f.name.contains(".nii") {
                assert_eq!(back.metadata[0], signal.metadata[0], "{}", f.name);
            }
            if ["media/volume.nii", "media/series.nii", "media/colours.nii"].contains(&&f.name[..]) {
                let plain = if format == OutputFormat::Nifti { out.get_ref() } else { &f.bytes };
                // The slope of 0 is written as 1.
                assert_eq!((&plain[..112], &plain[116..]), (&f.bytes[..112], &f.bytes[116..]), "{}", f.name);
            }
            // Axes of one sample are not read back.
            let single = signal.description.lengths().contains(&1);
            if !single {
                assert_eq!(back.description, signal.description, "{} as {format:?}", f.name);
            }
            assert!(back.samples == signal.samples, "{} as {format:?}", f.name);
            tried += 1;
        }
    }
    assert!(tried > 80, "only {tried} pairs");
}

#[test]
fn a_jpeg_is_close_and_keeps_profile_and_exif() {
    let signal = read(&fixture("media/orientation-6-icc.jpg")).unwrap();
    let mut out = Cursor::new(vec![]);
    media::write(&signal, OutputFormat::Jpeg, &mut out).unwrap();
    let back = read(out.get_ref()).unwrap();
    assert_eq!((&back.description, &back.metadata), (&signal.description, &signal.metadata));
    let error = sirenc::signal::metric::compare(&signal, &back).unwrap().distortion;
    assert!(error.psnr_db() > 30.0, "{} dB", error.psnr_db());
}

#[test]
fn an_array_has_the_shape_and_units_of_the_signal() {
    for (name, shape) in [("media/rgb.bmp", &[5, 37, 3][..]), ("media/stereo-24.wav", &[11025, 2])] {
        let signal = read(&fixture(name)).unwrap();
        let mut out = Cursor::new(vec![]);
        media::write(&signal, OutputFormat::Npy, &mut out).unwrap();
        let (found, values) = media::read_npy(out.get_ref(), &Limits::default()).unwrap();
        assert_eq!(found, shape);
        assert!(values.iter().enumerate().all(|(i, &v)| v == f64::from(signal.samples.get(i))));
    }
}

#[test]
fn formats_refuse_what_they_cannot_hold_and_name_one_that_can() {
    let cases = [
        (
            "media/grey-16.png",
            OutputFormat::Jpeg,
            "it cannot hold 16-bit unsigned samples; PNG, TIFF and PNM can",
        ),
        ("media/rgba.png", OutputFormat::Jpeg, "it cannot hold alpha; PNG, TIFF and WebP can"),
        (
            "media/grey-float.tiff",
            OutputFormat::Png,
            "it cannot hold binary32 samples; TIFF, EXR and NPY can",
        ),
        ("media/rgba.png", OutputFormat::Ppm, "it cannot hold alpha; PAM, PNG and TIFF can"),
        ("media/rgb.bmp", OutputFormat::Pgm, "it cannot hold colour; PPM, PNG and TIFF can"),
        ("media/chirp-16.wav", OutputFormat::Png, "it cannot hold sound; WAV and NPY can"),
        ("media/1x1.png", OutputFormat::Wav, "it cannot hold a picture; PNG, TIFF and NPY can"),
        ("media/volume.nii", OutputFormat::Png, "it cannot hold a volume; NIfTI, NRRD and NPY can"),
        ("media/series.nii", OutputFormat::Png, "it cannot hold a signal of these axes; NRRD and NPY can"),
        ("media/volume.nii", OutputFormat::Tiff, "it cannot hold 16-bit signed samples; NPY can"),
        ("media/chirp-16.wav", OutputFormat::Nifti, "it cannot hold sound; WAV and NPY can"),
        ("media/stereo-24.wav", OutputFormat::Nrrd, "it cannot hold 24-bit signed samples; NPY can"),
    ];
    for (name, format, part) in cases {
        let error = media::write(&read(&fixture(name)).unwrap(), format, Cursor::new(vec![])).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains(part), "{error}");
    }
    let error = OutputFormat::from_extension("picture.gif").unwrap_err().to_string();
    assert!(error.contains("\"gif\"") && error.contains("png jpg"), "{error}");
    assert_eq!(OutputFormat::from_extension("a.b/P.PPM").unwrap(), OutputFormat::Ppm);
    assert_eq!(OutputFormat::from_extension("head.v2.NII.gz").unwrap(), OutputFormat::NiftiGz);
    assert_eq!(OutputFormat::from_extension("head.nii").unwrap(), OutputFormat::Nifti);
    for name in ["head.gz", ".nii", "nii.gz", "png", ""] {
        assert!(OutputFormat::from_extension(name).is_err(), "{name}");
    }
    assert_eq!(OutputFormat::default_for(Kind::Picture, SampleFormat::F32).extension(), "tiff");
}

#[test]
fn limits_are_checked_before_anything_is_allocated() {
    let camera = fixture("media/camera.png");
    let chirp = fixture("media/chirp-16.wav");
    let mut limits = Limits::default();
    limits.samples = 1000;
    for bytes in [&camera, &chirp] {
        assert!(matches!(media::read(bytes, &limits), Err(Error::Limit { what: "samples", .. })));
    }
    let mut limits = Limits::default();
    limits.metadata_bytes = 200;
    let reading = media::read_from(Cursor::new(fixture("media/orientation-6-icc.jpg")), &limits).unwrap();
    assert_eq!(words(&reading.signal), "picture 48x40 3 U8 Exif");
    assert!(reading.notes[0].contains("of ICC are too many"), "{:?}", reading.notes);
}

/// Truncated anywhere, or with single bytes changed, a file is read or rejected and never causes a panic.
/// `MEDIA_DAMAGE` sets the number of rounds for each file.
#[test]
fn damaged_files_never_panic() {
    let mut limits = Limits::default();
    limits.samples = 1 << 20;
    limits.memory_bytes = 16 << 20;
    let rounds = std::env::var("MEDIA_DAMAGE").ok().and_then(|v| v.parse().ok()).unwrap_or(60);
    let mut state = 0x2545_F491u32;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize
    };
    for f in fixtures().iter().filter(|f| !f.bytes.is_empty() && f.bytes.len() < 40_000) {
        for round in 0..rounds {
            let mut bytes = f.bytes.clone();
            if round % 3 == 0 {
                bytes.truncate(random() % bytes.len());
            } else {
                for _ in 0..=random() % 4 {
                    // Every third round damages the header.
                    let reach = if round % 3 == 1 { bytes.len().min(200) } else { bytes.len() };
                    let at = random() % reach;
                    bytes[at] = if random() % 2 == 0 {
                        [0, 1, 0x7F, 0x80, 0xFF][random() % 5]
                    } else {
                        random() as u8
                    };
                }
            }
            let _ = media::read(&bytes, &limits);
            let _ = media::read_video_from(Cursor::new(&bytes), None, &limits);
            let _ = media::read_chosen(Cursor::new(&bytes), &Choice::axes("zyx"), &limits);
        }
    }
}
