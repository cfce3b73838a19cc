//! Decoding: sampling, formats, metadata, and the output of `info`.

use crate::support::{Room, profile, siren_picture, siren_sound, siren_with_profile};
use sirenc::media;
use sirenc::signal::{Rate, SampleFormat, Signal};

fn read(room: &Room, name: &str) -> Signal {
    media::read(&room.get(name), &sirenc::Limits::default()).unwrap()
}

#[test]
fn the_native_decode_is_the_signal_described() {
    let room = Room::new();
    room.put("p.siren", siren_with_profile());
    room.put("s.siren", siren_sound(50));
    room.run(&["decode", "p.siren"]).exits(0);
    room.run(&["decode", "s.siren"]).exits(0);
    let (picture, sound) = (read(&room, "p.png"), read(&room, "s.wav"));
    assert_eq!((picture.description.lengths(), picture.description.channels), (vec![6, 4], 1));
    assert_eq!(picture.description.format, SampleFormat::U16);
    assert_eq!(picture.metadata[0].bytes, profile());
    assert_eq!((sound.description.lengths(), sound.description.rate()), (vec![50], Rate::new(8000, 1)));
}

#[test]
fn a_picture_has_any_size() {
    let room = Room::new();
    room.put("p.siren", siren_picture(6, 4));
    for (flags, lengths) in [
        (["--size", "31x17"], [31, 17]),
        (["--scale", "2"], [12, 8]),
        (["--scale", "0.01"], [1, 1]),
        (["--scale", "1"], [6, 4]),
    ] {
        room.run(&["decode", "p.siren", "-f", "-q", flags[0], flags[1]]).exits(0);
        assert_eq!(read(&room, "p.png").description.lengths(), lengths);
    }
}

#[test]
fn a_sound_has_any_rate() {
    let room = Room::new();
    room.put("s.siren", siren_sound(80));
    for (rate, samples) in [("16000", 160), ("8000", 80), ("4000", 40), ("11025", 110)] {
        room.run(&["decode", "s.siren", "-f", "--rate", rate]).exits(0);
        let description = read(&room, "s.wav").description;
        assert_eq!(
            (description.rate().unwrap().to_string().as_str(), description.lengths()[0]),
            (rate, samples)
        );
    }
}

#[test]
fn every_second_sample_at_twice_the_rate_is_a_native_one() {
    let room = Room::new();
    room.put("s.siren", siren_sound(40));
    room.run(&["decode", "s.siren", "-o", "a.wav"]).exits(0);
    room.run(&["decode", "s.siren", "-o", "b.wav", "--rate", "16000"]).exits(0);
    let (a, b) = (read(&room, "a.wav").samples, read(&room, "b.wav").samples);
    assert!((0..40).all(|i| a.get(i) == b.get(2 * i)));
}

#[test]
fn a_region_is_the_crop_of_the_whole() {
    let room = Room::new();
    room.put("p.siren", siren_picture(40, 30));
    let decode = |output: &str, flags: &[&str]| {
        room.run(&[&["decode", "p.siren", "-o", output, "-q"], flags].concat()).exits(0);
        read(&room, output)
    };
    let pixel = |signal: &Signal, x: u32, y: u32| {
        let at = 3 * (y * signal.description.lengths()[0] + x) as usize;
        [0, 1, 2].map(|c| signal.samples.get(at + c))
    };
    // A fractional region selects the pixels whose centres (half a pixel from their edges) are inside.
    for (n, (scale, region, [x, y, width, height])) in [
        ("1", "5,7,11,3", [5, 7, 11, 3]),
        ("1", "4.6,6.6,11,3.2", [5, 7, 11, 3]),
        ("1", "0,0,40,30", [0, 0, 40, 30]),
        ("2", "5,7,11,3.5", [10, 14, 22, 7]),
        ("0.5", "4,8,10,20", [2, 4, 5, 10]),
    ]
    .into_iter()
    .enumerate()
    {
        let whole = decode(&format!("whole{n}.tiff"), &["--bits", "f32", "--scale", scale]);
        let flags = ["--bits", "f32", "--scale", scale, "--region", region];
        let part = decode(&format!("part{n}.tiff"), &flags);
        assert_eq!(part.description.lengths(), [width, height], "{region}");
        for (i, j) in [(0, 0), (width - 1, 0), (width / 2, height - 1)] {
            assert_eq!(pixel(&part, i, j), pixel(&whole, x + i, y + j), "{region}");
        }
    }
}

#[test]
fn a_region_with_a_size_is_a_zoom() {
    let room = Room::new();
    room.put("p.siren", siren_picture(40, 30));
    for (output, flags) in [
        ("zoom.npy", &["--region", "2.25,3.5,0.001,0.0005", "--size", "20x10"][..]),
        ("whole.npy", &["--region", "0,0,40,30", "--size", "20x10"]),
        ("plain.npy", &["--size", "20x10"]),
    ] {
        room.run(&[&["decode", "p.siren", "-o", output], flags].concat()).exits(0);
    }
    assert_eq!(room.get("whole.npy"), room.get("plain.npy"));
    let (shape, values) = media::read_npy(&room.get("zoom.npy"), &sirenc::Limits::default()).unwrap();
    assert_eq!(shape, [10, 20, 3]);
    // At this zoom the picture is nearly a plane.
    assert!(values.chunks(3).all(|v| (v[0] - values[0]).abs() < 1e-3));
}

#[test]
fn a_time_is_the_crop_of_the_whole() {
    let room = Room::new();
    room.put("s.siren", siren_sound(8000));
    room.run(&["decode", "s.siren", "-o", "a.wav"]).exits(0);
    room.run(&["decode", "s.siren", "-o", "b.wav", "--time", "0.3..0.7"]).exits(0);
    room.run(&["decode", "s.siren", "-o", "c.wav", "--time", "0..1"]).exits(0);
    room.run(&["decode", "s.siren", "-o", "d.wav", "--time", "0.3..0.7", "--rate", "2000"]).exits(0);
    let [a, b, c, d] = ["a.wav", "b.wav", "c.wav", "d.wav"].map(|name| read(&room, name));
    assert_eq!((b.description.lengths()[0], d.description.lengths()[0]), (3200, 800));
    assert_eq!(a, c);
    assert!((0..3200).all(|i| b.samples.get(i) == a.samples.get(2400 + i)));
}

#[test]
fn bits_choose_the_sample_format() {
    let room = Room::new();
    room.put("p.siren", siren_picture(4, 4));
    room.put("s.siren", siren_sound(40));
    for (input, output, bits, format) in [
        ("p.siren", "a.png", "8", SampleFormat::U8),
        ("p.siren", "b.png", "16", SampleFormat::U16),
        ("p.siren", "c.tiff", "f32", SampleFormat::F32),
        ("s.siren", "d.wav", "8", SampleFormat::I8),
        ("s.siren", "e.wav", "f32", SampleFormat::F32),
    ] {
        room.run(&["decode", input, "-o", output, "--bits", bits]).exits(0);
        assert_eq!(read(&room, output).description.format, format);
    }
    room.run(&["decode", "p.siren", "-o", "x.png", "--bits", "f32"]).complains(2, &["x.png", "TIFF"]);
    // A 16-bit source becomes 8 bits in a format that has no more.
    room.put("q.siren", siren_with_profile());
    room.run(&["decode", "q.siren", "-o", "q.bmp"]).exits(0);
    room.run(&["decode", "q.siren", "-o", "x.bmp", "--bits", "16"]).complains(2, &["x.bmp"]);
}

#[test]
fn the_thread_count_does_not_change_the_bytes() {
    let room = Room::new();
    room.put("p.siren", siren_picture(64, 48));
    room.run(&["decode", "p.siren", "-o", "a.npy", "--threads", "1"]).exits(0);
    room.run(&["decode", "p.siren", "-o", "b.npy", "--threads", "3"]).exits(0);
    assert_eq!(room.get("a.npy"), room.get("b.npy"));
}

#[test]
fn info_says_what_the_file_holds() {
    let room = Room::new();
    let bytes = siren_with_profile();
    room.put("p.siren", &bytes);
    let info = room.run(&["info", "p.siren", "--json"]).exits(0).json();
    assert_eq!(info["kind"], "picture");
    assert_eq!(info["bytes"], bytes.len());
    assert_eq!(info["lengths"], serde_json::json!([6, 4]));
    assert_eq!((&info["channels"], &info["format"]), (&1.into(), &"u16".into()));
    assert_eq!((&info["layers"], &info["width"]), (&serde_json::json!([2, 2]), &serde_json::json!([3, 3])));
    assert_eq!((&info["parameters"], &info["weights"]), (&25.into(), &"f32".into()));
    assert_eq!(info["bpp"], 8.0 * bytes.len() as f64 / 24.0);
    assert_eq!(info["metadata"][0], serde_json::json!({"kind": "ICC", "bytes": 128}));
    let sections: u64 =
        info["sections"].as_array().unwrap().iter().map(|s| s["bytes"].as_u64().unwrap()).sum();
    assert_eq!(sections + 9, bytes.len() as u64, "magic, version and the sections are the file");

    // A block of 128 points through 2 → 3 → 3 → 1 with six sines, plus the cost of 24 positions and one tile
    // visit.
    let networks = 128 * (6 + 9 + 3 + 6 * 16);
    let rest = 24 * 2200 + 35_000;
    assert_eq!(info["macs"], networks + rest);
    assert_eq!(info["worst_seconds"], f64::from(networks) / 2.5e8 + f64::from(rest) / 5e10);
    assert!(info["seconds"].as_f64().unwrap() <= info["worst_seconds"].as_f64().unwrap());
    assert!(info["memory_bytes"].as_u64().unwrap() > 0);
    let table = room.run(&["info", "p.siren"]).exits(0);
    for word in ["6×4", "grey", "16 bits", "25, f32", "ICC 128 bytes", "multiply-adds", "at worst", "NETWORK"]
    {
        assert!(table.text().contains(word), "{word} in {}", table.text());
    }
    room.put("s.siren", siren_sound(80));
    assert!(room.run(&["info", "s.siren"]).exits(0).text().contains("kbps"));
}

#[test]
fn quiet_is_quiet() {
    let room = Room::new();
    room.put("p.siren", siren_picture(4, 4));
    let run = room.run(&["decode", "p.siren", "-q"]).exits(0);
    assert_eq!((run.stderr.as_str(), run.stdout.as_slice()), ("", &b""[..]));
    let run = room.run(&["decode", "p.siren", "-f"]).exits(0);
    assert!(run.stderr.starts_with("p.siren → p.png: 4×4, RGB, 8 bits"), "{}", run.stderr);
}
