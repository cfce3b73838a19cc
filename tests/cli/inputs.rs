//! Inputs that are missing, of another kind, damaged or too large.

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
fn a_directory_is_not_an_input() {
    let room = Room::new();
    for command in ["encode", "decode", "info", "verify"] {
        room.run(&[command, "."]).complains(3, &["directory"]);
    }
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
        // Another version is another kind of file, all else is damage.
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
