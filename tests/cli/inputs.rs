//! Inputs that are missing, of the wrong kind, damaged or too large.

use crate::support::{Room, picture, siren_picture, siren_sound};

#[test]
fn a_missing_input_is_named() {
    let room = Room::new();
    for arguments in
        [&["encode", "no.png"][..], &["decode", "no.png"], &["info", "no.png"], &["verify", "no.png"]]
    {
        room.run(arguments).complains(3, &["no.png", "no such file"]);
    }
    room.put("a.ppm", picture(4, 4));
    room.run(&["compare", "a.ppm", "no.png"]).complains(3, &["no.png"]);
    room.put("a.siren", siren_picture(4, 4));
    room.run(&["verify", "a.siren", "no.png"]).complains(3, &["no.png"]);
}

#[test]
fn a_directory_is_not_an_input_but_for_pictures_of_a_video() {
    let room = Room::new();
    for command in ["decode", "info", "verify"] {
        room.run(&[command, "."]).complains(3, &["directory"]);
    }
    room.run(&["encode", "."]).complains(2, &[".: this gives the output no name", "-o FILE"]);
    room.run(&["encode", ".", "-o", "a.siren"]).complains(3, &[". holds no files"]);
}

#[test]
fn what_is_not_read_is_named() {
    let room = Room::new();
    room.put("empty.png", "");
    room.put("text.png", "this is text");
    room.put("cut.png", &b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"[..]);
    room.put("done.png", siren_picture(4, 4));
    room.run(&["encode", "empty.png"]).complains(3, &["empty.png", "empty"]);
    room.run(&["encode", "text.png"]).complains(3, &["text.png", "text", "WAV"]);
    room.run(&["encode", "cut.png"]).complains(3, &["cut.png", "PNG"]);
    room.run(&["encode", "done.png"]).complains(3, &["done.png", ".siren"]);
    room.feed(&["encode", "-"], b"this is text").complains(3, &["standard input"]);
}

#[test]
fn a_picture_is_not_a_siren_file_whatever_its_name() {
    let room = Room::new();
    room.put("a.siren", picture(4, 4));
    for command in ["decode", "info", "verify"] {
        room.run(&[command, "a.siren"]).complains(3, &["a.siren", "PNM", "sirenc encode"]);
    }
    assert_eq!(room.names(), ["a.siren"]);
}

#[test]
fn a_siren_file_cut_anywhere_is_malformed() {
    let room = Room::new();
    for whole in [siren_picture(4, 4), siren_sound(9)] {
        for length in 0..whole.len() {
            let run = room.feed(&["decode", "-", "-o", "out"], &whole[..length]);
            run.complains(4, &["standard input"]);
        }
    }
    assert_eq!(room.names(), [""; 0]);
}

#[test]
fn a_flipped_bit_is_found() {
    let room = Room::new();
    let whole = siren_picture(4, 4);
    for (i, bit) in (0..whole.len()).zip((0..8).cycle()) {
        let mut damaged = whole.clone();
        damaged[i] ^= 1 << bit;
        let run = room.feed(&["verify", "-"], &damaged);
        // Another version is an unsupported kind of file; every other change is damage.
        assert_eq!(run.code, Some(if i == 8 { 3 } else { 4 }), "byte {i}: {}", run.stderr);
    }
}

#[test]
fn bytes_after_the_end_are_malformed() {
    let room = Room::new();
    room.put("a.siren", [siren_picture(4, 4), vec![0]].concat());
    room.run(&["info", "a.siren"]).complains(4, &["a.siren"]);
}

#[test]
fn limits_are_held_before_anything_is_spent() {
    let room = Room::new();
    room.put("a.siren", siren_picture(100, 100));
    room.run(&["decode", "a.siren", "--max-pixels", "9999"]).complains(5, &["10000", "9999", "--max-pixels"]);
    room.run(&["decode", "a.siren", "--max-macs", "10k"])
        .complains(5, &["a.siren", "10000", "--max-macs raises it"]);
    room.run(&["decode", "a.siren", "--max-memory", "1k"])
        .complains(5, &["a.siren", "1000", "--max-memory raises it"]);
    room.run(&["decode", "a.siren", "--size", "4000000000x4000000000"])
        .complains(5, &["a.siren", "--max-pixels"]);
    room.put("a.ppm", picture(100, 100));
    for command in ["compare", "verify"] {
        let limit = |flag, most| [command, "a.siren", "a.ppm", flag, most];
        room.run(&limit("--max-pixels", "10")).complains(5, &["a.siren", "--max-pixels raises it"]);
        room.run(&limit("--max-memory", "1k")).complains(5, &["a.siren", "--max-memory raises it"]);
    }
    assert_eq!(room.names(), ["a.ppm", "a.siren"]);
    room.run(&["decode", "a.siren", "--max-pixels", "10k"]).exits(0);
}

#[test]
fn a_file_that_claims_too_much_is_refused() {
    let room = Room::new();
    room.put("a.siren", siren_picture(60_000, 60_000));
    room.run(&["decode", "a.siren"]).complains(5, &["a.siren"]);
    room.run(&["info", "a.siren"]).exits(0);
}

/// The fastest fit of a tiny picture or sound.
const QUICK: [&str; 6] = ["--layers", "1", "--width", "4", "--effort", "1"];

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/media").join(name)).unwrap()
}

#[test]
fn what_is_left_out_is_told_once_and_in_json() {
    let room = Room::new();
    room.put("a.gif", fixture("animated.gif"));
    let note = "only the first of its 2 frames is read (--video keeps all)";
    let run = room.run(&[&["encode", "a.gif"][..], &QUICK].concat()).exits(0);
    assert!(run.stderr.starts_with(&format!("sirenc: note: a.gif: {note}\n")), "{}", run.stderr);
    let run = room.run(&[&["encode", "a.gif", "--json", "-f", "-q"][..], &QUICK].concat()).exits(0);
    assert_eq!((run.json()["notes"].clone(), run.stderr.as_str()), (serde_json::json!([note]), ""));
    let run = room.run(&["compare", "a.gif", "a.siren", "--json"]).exits(0);
    assert_eq!(run.json()["notes"], serde_json::json!([format!("a.gif: {note}")]));
    let run = room.run(&["verify", "a.siren", "a.gif"]).exits(0);
    assert!(run.stderr.contains(note), "{}", run.stderr);
    let run = room.run(&["verify", "a.siren", "a.gif", "--json"]).exits(0);
    assert_eq!(run.json()["notes"], serde_json::json!([note]));
}

#[test]
fn what_a_format_cannot_hold_is_told() {
    let room = Room::new();
    room.put("a.png", fixture("gamma.png"));
    room.run(&[&["encode", "a.png"][..], &QUICK].concat()).exits(0);
    let run = room.run(&["decode", "a.siren", "-o", "a.bmp"]).exits(0);
    let note = "sirenc: note: a.siren: BMP cannot hold its gAMA, cHRM, resolution\n";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    assert_eq!(room.run(&["decode", "a.siren", "-o", "b.bmp", "-q"]).exits(0).stderr, "");
    let run = room.run(&["decode", "a.siren", "-o", "b.png"]).exits(0);
    assert!(!run.stderr.contains("note"), "{}", run.stderr);
    let kept =
        |name: &str| sirenc::media::read(&room.get(name), &sirenc::Limits::default()).unwrap().metadata;
    assert_eq!(kept("b.png"), kept("a.png"));
    assert!(room.run(&["info", "a.siren"]).exits(0).text().contains("gAMA 4 bytes"));
}

#[test]
fn what_decode_writes_is_read_again() {
    let room = Room::new();
    room.put("p.siren", siren_picture(6, 5));
    room.put("s.siren", siren_sound(40));
    for (from, reference, to) in
        [("p.siren", "p.tiff", "p.npy"), ("p.siren", "q.tiff", "p.exr"), ("s.siren", "s.wav", "s.npy")]
    {
        for output in [reference, to] {
            room.run(&["decode", from, "-o", output, "--bits", "f32"]).exits(0);
        }
        let same = room.run(&["compare", reference, to, "--json"]).exits(0).json();
        assert_eq!(same["max_error"], 0.0, "{to}: {same}");
        room.run(&["verify", from, to]).exits(0);
        room.run(&[&["encode", to, "-o", "again.siren", "-f"][..], &QUICK].concat()).exits(0);
        room.run(&["compare", "again.siren", to]).exits(0);
    }
}

#[test]
fn arrays_larger_than_memory_are_compared_where_they_are() {
    let room = Room::new();
    for name in ["volume.npy", "volume.nrrd", "volume.nii"] {
        room.put(name, fixture(name));
    }
    let little = ["--max-memory", "100", "--json"];
    for (a, b) in [("volume.npy", "volume.npy"), ("volume.nrrd", "volume.nii")] {
        let expected = room.run(&["compare", a, b, "--json"]).exits(0).json();
        let found = room.run(&[&["compare", a, b][..], &little].concat()).exits(0).json();
        assert_eq!(found["psnr_db"], expected["psnr_db"], "{a} {b}");
        assert_eq!(found["range"], expected["range"], "{a} {b}");
    }
    room.run(&["compare", "volume.npy:a", "volume.npy"]).complains(2, &["\"a\" is one of a NetCDF file"]);
}

#[test]
fn a_sound_in_an_array_has_the_rate_that_is_given() {
    let room = Room::new();
    room.put("s.npy", fixture("sound.npy"));
    let run = room.run(&[&["encode", "s.npy", "--json"][..], &QUICK].concat()).exits(0);
    assert!(run.json()["notes"][1].as_str().unwrap().contains("48000 Hz"), "{}", run.text());
    let given = [&["encode", "s.npy", "--rate", "8000", "--json", "-f"][..], &QUICK].concat();
    assert_eq!(room.run(&given).exits(0).json()["notes"].as_array().unwrap().len(), 1);
    assert_eq!(room.run(&["info", "s.siren", "--json"]).exits(0).json()["rate"], 8000);
    room.put("a.ppm", picture(4, 4));
    room.run(&["encode", "a.ppm", "--rate", "8000"]).complains(2, &["a.ppm", "--rate"]);
    room.put("a.wav", fixture("tags.wav"));
    room.run(&["encode", "a.wav", "--rate", "8000"]).exits(2);
}

#[test]
fn what_can_be_converted_is_told_to_be() {
    let room = Room::new();
    room.put("a.tga", b"\0\0\x02\0\0\0\0\0\0\0\0\0\x20\0\x10\0\x18\0");
    room.run(&["encode", "a.tga"]).complains(3, &["a TGA picture", "convert it to PNG"]);
    room.put("a.mp3", b"\xFF\xFB\x90\x64");
    room.run(&["encode", "a.mp3"]).complains(3, &["MP3 sound", "convert it to WAV"]);
}
