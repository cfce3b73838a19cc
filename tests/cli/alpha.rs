//! Pictures with alpha: invisible colours cost and count nothing, and a background can replace alpha.

use crate::support::{Room, siren_of_channels, siren_picture, siren_sound};

const SIZE: [usize; 2] = [40, 30];

/// A PAM picture of a white disc with a soft edge; fully transparent pixels have the colours `hidden`.
fn logo(hidden: impl Fn(usize) -> u8) -> Vec<u8> {
    let [width, height] = SIZE;
    let mut bytes =
        format!("P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n")
            .into_bytes();
    for i in 0..width * height {
        let distance = ((i % width) as f64 - 20.0).hypot((i / width) as f64 - 15.0);
        let alpha = (255.0 * (10.0 - distance).clamp(0.0, 1.0)) as u8;
        let colour = |c| if alpha > 0 { 255 } else { hidden(3 * i + c) };
        bytes.extend([colour(0), colour(1), colour(2), alpha]);
    }
    bytes
}

fn noise(i: usize) -> u8 {
    (i * 7919 % 251) as u8
}

#[test]
fn noise_that_nobody_sees_costs_nothing_and_is_no_error() {
    let room = Room::new();
    room.put("noise.pam", logo(noise));
    room.put("black.pam", logo(|_| 0));
    let encode = |name: &str, more: &[&str]| {
        let arguments = ["encode", name, "--size", "400", "--effort", "1", "--device", "cpu", "--json", "-f"];
        room.run(&[&arguments, more].concat()).exits(0).json()["psnr_db"].as_f64().unwrap()
    };
    let visible = encode("noise.pam", &[]);
    assert_eq!(visible, encode("black.pam", &[]));
    assert_eq!(room.get("noise.siren"), room.get("black.siren"));
    assert!(visible > 25.0, "{visible}");

    // Errors are weighted by the alpha of the original, in `verify` and `compare`.
    room.run(&["decode", "noise.siren", "-o", "n.png"]).exits(0);
    for arguments in
        [["verify", "noise.siren", "noise.pam", "--json"], ["compare", "noise.pam", "n.png", "--json"]]
    {
        let found = room.run(&arguments).exits(0).json();
        assert!((found["psnr_db"].as_f64().unwrap() - visible).abs() < 1e-3, "{found}");
    }
    let kept = encode("noise.pam", &["--keep-invisible"]);
    assert!(kept < visible - 5.0, "{kept} of {visible}");
}

#[test]
fn what_differs_unseen_is_not_called_identical() {
    let room = Room::new();
    room.put("noise.pam", logo(noise));
    room.put("black.pam", logo(|_| 0));
    let same = room.run(&["compare", "noise.pam", "noise.pam"]).exits(0);
    assert!(same.text().contains("∞ dB (identical)"), "{}", same.text());
    let unseen = room.run(&["compare", "noise.pam", "black.pam"]).exits(0);
    assert!(unseen.text().contains("∞ dB (identical where visible)"), "{}", unseen.text());
    let object = room.run(&["compare", "noise.pam", "black.pam", "--json"]).exits(0).json();
    assert_eq!((&object["identical"], &object["psnr_db"]), (&false.into(), &serde_json::Value::Null));
}

#[test]
fn a_background_takes_the_place_of_alpha() {
    let room = Room::new();
    room.put("p.siren", siren_of_channels(9, 7, 4));
    room.put("g.siren", siren_of_channels(9, 7, 2));
    // Without --background a format that cannot hold alpha is rejected, and the message names the flag.
    room.run(&["decode", "p.siren", "-o", "p.jpg"]).complains(2, &["p.jpg", "alpha", "--background"]);
    room.run(&["decode", "p.siren", "-o", "p.jpg", "--background", "white"]).exits(0);

    let pixels = |name: &str, channels: usize| {
        let bytes = room.get(name);
        bytes[bytes.len() - 9 * 7 * channels..].to_vec()
    };
    room.run(&["decode", "p.siren", "-o", "p.pam"]).exits(0);
    room.run(&["decode", "p.siren", "-o", "p.ppm", "--background", "255,128,0"]).exits(0);
    assert!(room.get("p.ppm").starts_with(b"P6"));
    for (straight, mixed) in pixels("p.pam", 4).chunks(4).zip(pixels("p.ppm", 3).chunks(3)) {
        let alpha = f64::from(straight[3]) / 255.0;
        for (c, behind) in [255.0, 128.0, 0.0].into_iter().enumerate() {
            let expected = alpha * f64::from(straight[c]) + (1.0 - alpha) * behind;
            assert!((f64::from(mixed[c]) - expected).abs() <= 1.01, "{straight:?} {mixed:?}");
        }
    }
    room.run(&["decode", "g.siren", "-o", "g.pgm", "--background", "#808080"]).exits(0);
    assert!(room.get("g.pgm").starts_with(b"P5"));
}

#[test]
fn backgrounds_that_mean_nothing_are_refused() {
    let room = Room::new();
    room.put("p.siren", siren_of_channels(9, 7, 4));
    room.put("g.siren", siren_of_channels(9, 7, 2));
    room.put("opaque.siren", siren_picture(9, 7));
    room.put("s.siren", siren_sound(80));
    room.run(&["decode", "g.siren", "--background", "#f00"]).complains(2, &["g.siren", "grey"]);
    room.run(&["decode", "s.siren", "--background", "white"])
        .complains(2, &["s.siren", "--background", "sound"]);
    room.run(&["decode", "p.siren", "--background", "white", "--derivative", "dx"])
        .complains(2, &["--derivative"]);
    let run = room.run(&["decode", "p.siren", "--background", "purple"]).exits(2);
    assert!(run.stderr.contains("#rrggbb"), "{}", run.stderr);
    // A background does not change a picture without alpha.
    room.run(&["decode", "opaque.siren", "-o", "a.png"]).exits(0);
    room.run(&["decode", "opaque.siren", "-o", "b.png", "--background", "white"]).exits(0);
    assert_eq!(room.get("a.png"), room.get("b.png"));
}
