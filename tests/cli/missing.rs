//! Missing samples: notes, numbers and verification.

use crate::support::Room;

/// A picture of 40 × 30 binary32 samples as PFM, without those for which `is_missing` holds.
fn relief(is_missing: impl Fn(usize, usize) -> bool) -> Vec<u8> {
    let sample = |x: usize, y: usize| match is_missing(x, y) {
        true => f32::NAN,
        false => 290.0 + (0.2 * x as f32).sin() + (0.3 * y as f32).cos(),
    };
    // PFM begins with the last row.
    let rows = (0..30).rev().flat_map(|y| (0..40).map(move |x| (x, y)));
    let samples: Vec<u8> = rows.flat_map(|(x, y)| sample(x, y).to_le_bytes()).collect();
    [&b"Pf\n40 30\n-1.0\n"[..], &samples].concat()
}

#[test]
fn missing_samples_are_told_of_and_verified() {
    let room = Room::new();
    room.put("r.pfm", relief(|x, _| x < 10));
    room.put("other.pfm", relief(|x, y| x < 10 || (x, y) == (20, 20)));
    let run = room.run(&["encode", "r.pfm", "--size", "500", "--effort", "1", "--json"]).exits(0);
    assert_eq!(run.json()["notes"][0], "300 of 1200 samples are missing");
    let text = room.run(&["info", "r.siren"]).exits(0).text().to_owned();
    assert!(text.contains("300 samples, a mask of ") && text.contains("MISSING"), "{text}");
    assert_eq!(room.run(&["info", "r.siren", "--json"]).exits(0).json()["missing"], 300);

    let run = room.run(&["verify", "r.siren", "r.pfm"]).exits(0);
    assert!(run.text().contains("300 samples missing"), "{}", run.text());
    let words = ["samples missing in one of the two alone: 1, expected 0"];
    room.run(&["verify", "r.siren", "other.pfm", "-q"]).complains(7, &words);
    let compared = room.run(&["compare", "other.pfm", "r.siren", "--json"]).exits(0).json();
    assert_eq!((&compared["missing"], &compared["unmatched"]), (&serde_json::json!([301, 300]), &1.into()));
    assert!(compared["psnr_db"].as_f64().unwrap() > 20.0);

    let notes = room.run(&["decode", "r.siren", "out.npy"]).exits(0);
    assert!(notes.stderr.contains("samples are missing: NaN"), "{}", notes.stderr);
    let flags = ["--bits", "8", "--range", "288..292"];
    let notes = room.run(&[&["decode", "r.siren", "out.png"], &flags[..]].concat()).exits(0);
    assert!(notes.stderr.contains("samples are missing: code 0"), "{}", notes.stderr);
    let same = room.run(&["compare", "out.npy", "r.siren", "--json"]).exits(0).json();
    assert_eq!((&same["identical"], &same["unmatched"]), (&true.into(), &0.into()));

    room.put("none.pfm", relief(|_, _| true));
    room.run(&["encode", "none.pfm", "-q"]).complains(2, &["all 1200 samples are missing"]);
}
