//! `verify` and `compare`.

use crate::support::{Room, picture, siren_picture, siren_sound, sound};

#[test]
fn verify_knows_an_intact_file() {
    let room = Room::new();
    room.put("p.siren", siren_picture(4, 4));
    assert_eq!(room.run(&["verify", "p.siren"]).exits(0).text(), "p.siren: intact\n");
    assert_eq!(room.run(&["verify", "p.siren", "-q"]).exits(0).text(), "");
    let object = room.run(&["verify", "p.siren", "--json"]).exits(0).json();
    assert_eq!(object, serde_json::json!({"input": "p.siren", "intact": true}));
}

#[test]
fn verify_measures_against_the_original() {
    let room = Room::new();
    room.put("p.siren", siren_picture(4, 4));
    room.put("p.ppm", picture(4, 4));
    let run = room.run(&["verify", "p.siren", "p.ppm", "--min-psnr", "1"]).exits(0);
    assert!(run.text().contains("PSNR") && run.text().contains("/255 against p.ppm"), "{}", run.text());
    let object = room.run(&["verify", "p.siren", "p.ppm", "--min-psnr", "1", "--json"]).exits(0).json();
    assert!(object["psnr_db"].as_f64().unwrap() < 90.0 && object["max_error"].as_f64().unwrap() > 0.0);
    room.run(&["verify", "p.siren", "p.ppm", "-q", "--min-psnr", "90"]).complains(7, &["p.siren", "90 dB"]);
    room.run(&["decode", "p.siren"]).exits(0);
    let same = room.run(&["verify", "p.siren", "p.png", "--min-psnr", "90", "--json"]).exits(0).json();
    assert_eq!((&same["psnr_db"], &same["max_error"]), (&serde_json::Value::Null, &0.0.into()));
}

#[test]
fn verify_measures_the_gradient_if_asked() {
    let room = Room::new();
    room.put("p.siren", siren_picture(20, 20));
    room.put("p.ppm", picture(20, 20));
    room.put("s.siren", siren_sound(80));
    room.put("s.wav", sound(80));
    room.run(&["decode", "p.siren", "-o", "same.tiff", "--bits", "f32"]).exits(0);
    let run = room.run(&["verify", "p.siren", "p.ppm", "--derivatives", "--min-psnr", "1"]).exits(0);
    assert!(run.text().contains("gradient error") && run.text().contains("dy "), "{}", run.text());
    let error = |original: &str| {
        let flags = ["--derivatives", "--json", "--min-psnr", "1"];
        let object = room.run(&[&["verify", "p.siren", original], &flags[..]].concat()).exits(0).json();
        ["gradient_error", "dx_error", "dy_error"].map(|name| object[name].as_f64().unwrap())
    };
    assert!(error("same.tiff").iter().all(|&error| error < 1e-3) && error("p.ppm")[0] > 0.1);
    let flags = ["--derivatives", "--json", "--min-psnr", "1"];
    let object = room.run(&[&["verify", "s.siren", "s.wav"], &flags[..]].concat()).exits(0).json();
    assert!(object["dt_error"] == object["gradient_error"] && object["dt_error"].is_number());
    room.run(&["verify", "p.siren", "--derivatives"]).exits(2);
    room.put("q.siren", siren_picture(8, 20));
    room.run(&["decode", "q.siren"]).exits(0);
    room.run(&["verify", "q.siren", "q.png", "--derivatives"])
        .complains(2, &["q.siren", "8 samples", "at least 13"]);
}

#[test]
fn another_signal_fails_verification() {
    let room = Room::new();
    room.put("p.siren", siren_picture(4, 4));
    room.put("p.ppm", picture(5, 4));
    room.put("s.wav", sound(40));
    room.run(&["verify", "p.siren", "p.ppm"]).complains(7, &["4×4", "5×4", "p.ppm"]);
    room.run(&["verify", "p.siren", "s.wav"]).complains(7, &["sound", "s.wav"]);
}

#[test]
fn a_file_that_tells_less_than_the_mean_of_the_original_is_of_another() {
    let room = Room::new();
    let pgm = |codes: &[u8]| [&b"P5 4 4 255\n"[..], codes].concat();
    // A picture that has 13.98 dB from its mean, 51.
    let steps: Vec<u8> = (0..16).map(|i| 102 * (i % 2)).collect();
    room.put("steps.pgm", pgm(&steps));
    room.put("flat.pgm", pgm(&[51; 16]));
    room.put("off.pgm", pgm(&[70; 16]));
    room.put("turned.pgm", pgm(&steps.iter().map(|code| 102 - code).collect::<Vec<_>>()));
    let encode = |name: &str| {
        let exact = ["--layers", "1", "--width", "8", "--effort", "5", "-q", "-f"];
        room.run(&[&["encode", name, "x.siren"], &exact[..]].concat()).exits(0);
    };
    encode("steps.pgm");
    room.run(&["verify", "x.siren", "steps.pgm"]).exits(0);
    room.run(&["verify", "x.siren", "turned.pgm"])
        .complains(7, &["x.siren", "not made from turned.pgm", "PSNR 7.", "mean alone has 13.98 dB"]);
    room.run(&["verify", "x.siren", "turned.pgm", "--min-psnr", "5"]).exits(0);
    // A file of the mean is accepted as one of this picture, though a poor one; for a constant picture the
    // mean is exact.
    encode("flat.pgm");
    room.run(&["verify", "x.siren", "steps.pgm"]).exits(0);
    room.run(&["verify", "x.siren", "flat.pgm"]).exits(0);
    room.run(&["verify", "x.siren", "off.pgm"]).exits(7);
}

#[test]
fn compare_takes_any_two_signals() {
    let room = Room::new();
    room.put("p.siren", siren_picture(16, 16));
    room.put("p.ppm", picture(16, 16));
    room.run(&["decode", "p.siren"]).exits(0);
    let alike = room.run(&["compare", "p.siren", "p.png"]).exits(0);
    assert!(alike.text().contains("identical") && alike.text().contains("SSIM"), "{}", alike.text());
    let object = room.run(&["compare", "p.ppm", "p.siren", "--json"]).exits(0).json();
    assert!(object["psnr_db"].is_number() && object["ssim"].is_number() && object.get("snr_db").is_none());

    room.put("s.siren", siren_sound(4000));
    room.put("s.wav", sound(4000));
    let object = room.run(&["compare", "s.wav", "s.siren", "--json"]).exits(0).json();
    assert!(object["snr_db"].is_number() && object["lsd_db"].is_number() && object.get("ssim").is_none());
    let piped = room.feed(&["compare", "-", "p.ppm"], &picture(16, 16)).exits(0);
    assert!(piped.text().contains("identical"));
}

#[test]
fn signals_of_different_shapes_are_not_compared() {
    let room = Room::new();
    room.put("a.ppm", picture(4, 4));
    room.put("b.ppm", picture(4, 5));
    room.run(&["compare", "a.ppm", "b.ppm"]).complains(1, &["a.ppm", "4×4", "4×5"]);
    room.run(&["compare", "-", "-"]).exits(2);
}
