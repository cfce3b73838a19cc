//! Fields of splines from the command line.

use crate::support::{Room, picture, sound};
use serde_json::json;

/// A room with a picture and its file.
fn encoded() -> Room {
    let room = Room::new();
    room.put("p.ppm", picture(48, 40));
    let arguments = ["encode", "p.ppm", "--field", "spline", "--bpp", "3", "--effort", "1", "--json"];
    let report = room.run(&arguments).exits(0).json();
    assert!(report["bpp"].as_f64().unwrap() <= 3.0, "{report}");
    room
}

#[test]
fn a_file_is_described() {
    let room = encoded();
    let text = room.run(&["info", "p.siren"]).exits(0);
    assert!(
        text.text().contains("splines") && text.text().contains("every 1, 2, 4 samples"),
        "{}",
        text.text()
    );
    let object = room.run(&["info", "p.siren", "--json"]).exits(0).json();
    assert_eq!((&object["field"], &object["levels"]), (&json!("spline"), &json!([0, 1, 2])));
    assert_eq!(object["latents"], json!(48 * 40 + 24 * 20 + 12 * 10));
    let found = room.run(&["verify", "p.siren", "p.ppm", "--json"]).exits(0).json();
    assert!(found["psnr_db"].as_f64().unwrap() > 30.0, "{found}");
}

#[test]
fn parts_derivatives_and_points_are_decoded() {
    let room = encoded();
    room.run(&["decode", "p.siren", "-o", "whole.ppm"]).exits(0);
    room.run(&["decode", "p.siren", "-o", "part.ppm", "--region", "8,5,16,10"]).exits(0);
    let pixels = |name: &str, count: usize| {
        let bytes = room.get(name);
        bytes[bytes.len() - 3 * count..].to_vec()
    };
    let (whole, part) = (pixels("whole.ppm", 48 * 40), pixels("part.ppm", 16 * 10));
    for (y, row) in part.chunks_exact(16 * 3).enumerate() {
        assert_eq!(row, &whole[((5 + y) * 48 + 8) * 3..][..16 * 3]);
    }
    room.run(&["decode", "p.siren", "-o", "dx.npy", "--derivative", "dx"]).exits(0);
    room.put("points.csv", "x,y\n20,10\n20.5,10\n");
    let sampled = room.run(&["sample", "p.siren", "--at", "points.csv"]).exits(0);
    let red: Vec<f64> =
        sampled.text().lines().skip(1).map(|line| line.split(',').nth(2).unwrap().parse().unwrap()).collect();
    // Red rises from left to right.
    assert!(red[1] > red[0], "{red:?}");
}

#[test]
fn a_sound_is_encoded() {
    let room = Room::new();
    room.put("s.wav", sound(4000));
    let arguments = ["encode", "s.wav", "--field", "spline", "--kbps", "16", "--effort", "1"];
    room.run(&arguments).exits(0);
    assert!(room.get("s.siren").len() <= 1000);
    room.run(&["verify", "s.siren", "s.wav", "--min-psnr", "22"]).exits(0);
}

#[test]
fn what_only_sine_networks_have_is_refused() {
    let room = Room::new();
    room.put("p.ppm", picture(16, 12));
    let refused = |flags: &[&str], code: i32, words: &[&str]| {
        room.run(&[&["encode", "p.ppm", "--field", "spline"], flags].concat()).complains(code, words);
        assert_eq!(room.names(), ["p.ppm"]);
    };
    refused(&["--layers", "2", "--width", "8"], 2, &["layers and width", "siren"]);
    refused(&["--layers", "2", "--width", "8", "--weights", "f16"], 2, &["siren"]);
    refused(&["--gradient-weight", "1"], 2, &["gradient weight", "siren"]);
    refused(&["--device", "cuda:0"], 1, &["cuda:0", "fields of splines are fitted on the CPU"]);
}
