//! Values in units of their own: how they are reported, and how they are converted to other formats.

use crate::support::{Room, picture};
use sirenc::Limits;
use sirenc::media::{self, OutputFormat};
use sirenc::signal::{Description, Kind, SampleFormat, Samples, Signal};
use std::io::Cursor;

/// Small and fast, because these tests do not depend on the quality of the fit.
const FAST: [&str; 6] = ["--effort", "1", "--layers", "2", "--width", "8"];

fn encode<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    [&["encode"][..], rest, &FAST].concat()
}

/// A file of binary32 samples: a picture 16 wide as TIFF, or a sound as WAV.
fn floats(kind: Kind, values: Vec<f32>) -> Vec<u8> {
    let count = values.len() as u32;
    let (description, format) = match kind {
        Kind::Sound => (Description::sound(count, 1, SampleFormat::F32, 8000), OutputFormat::Wav),
        _ => (Description::picture([16, count / 16], 1, SampleFormat::F32), OutputFormat::Tiff),
    };
    let signal = Signal { description, samples: Samples::F32(values), metadata: vec![] };
    let mut file = Cursor::new(vec![]);
    media::write(&signal, format, &mut file).unwrap();
    file.into_inner()
}

/// Heights of 0 to 310 over 16×16 samples.
fn relief(scale: f32) -> Vec<u8> {
    let height =
        |i: u32| 155.0 + 155.0 * ((i % 16) as f32 * 0.3 - 0.8).sin() * ((i / 16) as f32 * 0.25 - 1.0).cos();
    let heights: Vec<f32> = (0..256).map(height).collect();
    let (low, high) = heights.iter().fold((f32::MAX, f32::MIN), |(low, high), &h| (low.min(h), high.max(h)));
    floats(Kind::Picture, heights.iter().map(|h| scale * 310.0 * (h - low) / (high - low)).collect())
}

#[test]
fn psnr_of_floats_says_what_it_refers_to() {
    let room = Room::new();
    room.put("m.tiff", relief(1.0));
    room.put("um.tiff", relief(1e-6));
    let run = room.run(&encode(&["m.tiff"])).exits(0);
    assert!(run.stderr.contains(" dB (peak 310, the range)"), "{}", run.stderr);
    let object = room.run(&encode(&["um.tiff", "--json"])).exits(0).json();
    let peak = object["peak"].as_f64().unwrap();
    assert!((peak - 310e-6).abs() < 1e-9 && object["max_error"].as_f64().unwrap() > 0.0, "{object}");

    let report = room.run(&["verify", "um.siren", "um.tiff"]).exits(0);
    assert!(report.text().contains("(peak 3.100e-4, the range)"), "{}", report.text());
    let error = report.text().split("max error ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(error.contains("e-") && error.parse::<f64>().unwrap() > 0.0, "{error}");
    // Every command reports the same PSNR, and a peak given as ten times the range adds 20 dB.
    let psnr = |arguments: &[&str]| {
        let object = room.run(&[arguments, &["--json"]].concat()).exits(0).json();
        object["psnr_db"].as_f64().unwrap()
    };
    let (verified, compared) =
        (psnr(&["verify", "um.siren", "um.tiff"]), psnr(&["compare", "um.tiff", "um.siren"]));
    assert!(
        (verified - compared).abs() < 1e-9 && (verified - object["psnr_db"].as_f64().unwrap()).abs() < 1e-3
    );
    let given = psnr(&["verify", "um.siren", "um.tiff", "--peak", "3.1e-3"]);
    assert!((given - verified - 20.0).abs() < 0.01, "{given} {verified}");
    let run = room.run(&encode(&["m.tiff", "-f", "--peak", "3100"])).exits(0);
    assert!(run.stderr.contains("(peak 3100, given)"), "{}", run.stderr);

    room.put("a.ppm", picture(8, 8));
    room.run(&encode(&["a.ppm", "--peak", "2"])).complains(2, &["a.ppm", "--peak", "8 bits"]);
    room.run(&["compare", "a.ppm", "a.ppm", "--peak", "2"]).complains(2, &["a.ppm", "--peak"]);
}

#[test]
fn units_are_told_by_info() {
    let room = Room::new();
    room.put("m.tiff", relief(1.0));
    room.run(&encode(&["m.tiff"])).exits(0);
    let text = room.run(&["info", "m.siren"]).exits(0);
    assert!(text.text().contains("155 + 512 × field output"), "{}", text.text());
    let object = room.run(&["info", "m.siren", "--json"]).exits(0).json();
    assert_eq!(
        (&object["units"]["scales"][0], &object["units"]["offsets"][0]),
        (&512.0.into(), &155.0.into())
    );
    room.put("a.ppm", picture(8, 8));
    room.run(&encode(&["a.ppm"])).exits(0);
    assert!(room.run(&["info", "a.siren", "--json"]).exits(0).json()["units"].is_null());
}

#[test]
fn arrays_are_neither_rounded_nor_clipped() {
    let room = Room::new();
    room.put("a.ppm", picture(9, 7));
    room.run(&encode(&["a.ppm"])).exits(0);
    let run = room.run(&["decode", "a.siren", "-o", "a.npy"]).exits(0);
    assert!(run.stderr.contains("binary32"), "{}", run.stderr);
    let (_, values) = media::read_npy(&room.get("a.npy"), &Limits::default()).unwrap();
    assert!(values.iter().any(|v| (v * 255.0 - (v * 255.0).round()).abs() > 0.01), "all of them are codes");
    room.run(&["decode", "a.siren", "-o", "b.npy", "--bits", "f32"]).exits(0);
    assert!(room.get("a.npy") == room.get("b.npy"));
    for bits in ["8", "16"] {
        room.run(&["decode", "a.siren", "-o", "c.npy", "--bits", bits])
            .complains(2, &["c.npy", "binary32", "--bits"]);
    }
}

#[test]
fn what_integers_cannot_hold_is_said_and_a_range_maps_it() {
    let room = Room::new();
    room.put("m.tiff", relief(1.0));
    room.run(&encode(&["m.tiff"])).exits(0);
    let run = room.run(&["decode", "m.siren", "-o", "clipped.png", "--bits", "8"]).exits(0);
    for word in [" % of the values are outside 0..1", "clipped", "--range LOW..HIGH"] {
        assert!(run.stderr.contains(word), "{word} in {}", run.stderr);
    }
    let run = room.run(&["decode", "m.siren", "-o", "m.png", "--bits", "8", "--range", "-40..350"]).exits(0);
    assert!(
        run.stderr.contains("code 0 is -40, code 255 is 350") && !run.stderr.contains("clipped"),
        "{}",
        run.stderr
    );
    room.run(&["decode", "m.siren", "-o", "f.tiff"]).exits(0);
    let [values, mapped] =
        ["f.tiff", "m.png"].map(|name| media::read(&room.get(name), &Limits::default()).unwrap().samples);
    for i in 0..256 {
        let code = ((values.get(i) + 40.0) / 390.0 * 255.0).round();
        assert!((mapped.get(i) * 255.0 - code).abs() <= 1.0, "{} {code}", mapped.get(i) * 255.0);
    }
    assert!(
        room.get("m.png").windows(10).any(|bytes| bytes == b"code 0 is "),
        "the picture says its mapping"
    );

    let refused = |rest: &[&str], words: &[&str]| {
        room.run(&[&["decode", "m.siren"], rest].concat()).complains(2, words);
    };
    refused(&["-o", "x.tiff", "--range", "0..1"], &["--range", "8 or 16 bits"]);
    refused(&["-o", "x.png", "--bits", "8", "--range", "310"], &["--range", "LOW..HIGH"]);
    room.run(&["decode", "m.siren", "-o", "d.png", "--derivative", "dx", "--range", "-5..90"]).exits(0);
    // There is no such note for integer samples.
    room.put("a.ppm", picture(8, 8));
    room.run(&encode(&["a.ppm"])).exits(0);
    let run = room.run(&["decode", "a.siren"]).exits(0);
    assert!(!run.stderr.contains("clipped"), "{}", run.stderr);
}

#[test]
fn constants_are_exact_in_a_few_bytes_whatever_is_asked_for() {
    let room = Room::new();
    room.put("white.pgm", [&b"P5 30 20 255\n"[..], &[255; 600]].concat());
    room.put("silent.wav", floats(Kind::Sound, vec![0.0; 8000]));
    room.put("level.tiff", floats(Kind::Picture, vec![-3.7e-19; 320]));
    for (name, target) in [
        ("white.pgm", &["--psnr", "40"][..]),
        ("white.pgm", &["--bpp", "3"]),
        ("silent.wav", &[]),
        ("silent.wav", &["--kbps", "4"]),
        ("level.tiff", &["--quality", "10"]),
    ] {
        let run = room.run(&[&["encode", name, "-f", "-o", "x.siren", "--json"], target].concat()).exits(0);
        let object = run.json();
        assert!(object["psnr_db"].is_null() && object["max_error"] == 0.0, "{name}: {object}");
        assert!(object["bytes"].as_u64().unwrap() < 60 && object["reached"] == true, "{name}: {object}");
        assert_eq!(run.stderr, "");
        let compared = room.run(&["compare", name, "x.siren"]).exits(0);
        assert!(compared.text().contains("identical"), "{name}: {}", compared.text());
    }
}

#[test]
fn one_extreme_input_does_not_keep_the_others_from_being_encoded() {
    let room = Room::new();
    room.put("large.wav", floats(Kind::Sound, vec![1e20, -1e20]));
    room.put("largest.tiff", floats(Kind::Picture, [f32::MAX, f32::MIN].repeat(16)));
    room.put("a.ppm", picture(8, 8));
    room.run(&encode(&["large.wav", "largest.tiff", "a.ppm"])).exits(0);
    for name in ["large.siren", "largest.siren", "a.siren"] {
        room.run(&["verify", name]).exits(0);
    }
}

#[test]
fn a_result_next_to_nothing_is_told() {
    let room = Room::new();
    let mut random = 1u32;
    let mut noise = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as f32 / (1 << 24) as f32
    };
    room.put("noise.tiff", floats(Kind::Picture, (0..1024).map(|_| noise()).collect()));
    for (field, note) in [("siren", "only "), ("spline", "")] {
        let arguments = ["encode", "noise.tiff", "--size", "150", "--effort", "1", "-f", "--field", field];
        let run = room.run(&arguments).exits(0);
        let note = format!("sirenc: note: noise.tiff: {note}");
        assert!(
            run.stderr.contains(&note) && run.stderr.contains("closer to the signal than its mean"),
            "{}",
            run.stderr
        );
    }
    room.put("a.ppm", picture(16, 16));
    let run = room.run(&encode(&["a.ppm"])).exits(0);
    assert!(!run.stderr.contains("closer to the signal"), "{}", run.stderr);
}
