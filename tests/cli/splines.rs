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
fn pictures_are_splines_unless_networks_are_asked_for() {
    let room = Room::new();
    room.put("p.ppm", picture(48, 40));
    room.put("s.wav", sound(400));
    let field = |arguments: &[&str]| {
        let flags = ["-o", "x.siren", "-f", "--effort", "1", "--json"];
        let report = room.run(&[&["encode"], arguments, &flags].concat()).exits(0).json();
        assert_eq!(report["field"], room.run(&["info", "x.siren", "--json"]).exits(0).json()["field"]);
        report["field"].as_str().unwrap().to_owned()
    };
    assert_eq!(field(&["p.ppm", "--bpp", "3"]), "spline");
    assert_eq!(field(&["p.ppm", "--field", "siren", "--bpp", "3"]), "siren");
    assert_eq!(field(&["p.ppm", "--bpp", "3", "--gradient-weight", "0.1"]), "siren");
    assert_eq!(field(&["p.ppm", "--layers", "2", "--width", "4", "--weights", "f16"]), "siren");
    // Less than splines of this picture take for a fit.
    room.put("large.ppm", picture(300, 200));
    assert_eq!(field(&["large.ppm", "--bpp", "0.1", "--max-memory", "15M"]), "siren");
    assert_eq!(field(&["s.wav", "--kbps", "24"]), "siren");
}

#[test]
fn the_summary_names_the_field_and_why_the_cpu_fits_it() {
    let room = Room::new();
    room.put("p.ppm", picture(40, 30));
    let run = room.run(&["encode", "p.ppm", "--size", "400", "--effort", "1", "-v"]).exits(0);
    for words in
        ["); auto: fields of splines are fitted on the CPU", "  field     spline\n", " and latents\n"]
    {
        assert!(run.stderr.contains(words), "{words:?} in {}", run.stderr);
    }
}

#[test]
fn a_file_is_described() {
    let room = encoded();
    let text = room.run(&["info", "p.siren"]).exits(0);
    assert!(text.text().contains("splines") && text.text().contains("every 1, 2, 4"), "{}", text.text());
    let object = room.run(&["info", "p.siren", "--json"]).exits(0).json();
    assert_eq!(object["field"], "spline");
    let levels = object["levels"].as_array().unwrap();
    assert_eq!(levels[..3], [json!(0), json!(1), json!(2)]);
    assert!(object["latents"].as_u64().unwrap() >= 48 * 40 + 24 * 20 + 12 * 10);
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
