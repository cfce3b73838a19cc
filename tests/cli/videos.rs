//! Inputs that are videos: by content, as folders and patterns, and by `--video` and `--fps`.

use crate::support::Room;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/media").join(name)).unwrap()
}

#[test]
fn animations_are_compared_by_their_first_frame_or_as_videos() {
    let room = Room::new();
    room.put("a.png", fixture("delays.png"));
    room.put("b.webp", fixture("delays.webp"));
    room.put("c.y4m", fixture("444.y4m"));
    let note = "a.png: only the first of its 5 frames is read (--video keeps all)";
    let first = room.run(&["compare", "a.png", "b.webp"]).exits(0);
    assert!(first.stderr.contains(note), "{}", first.stderr);
    let video = room.run(&["compare", "a.png", "b.webp", "--video", "--json"]).exits(0).json();
    assert!(video["psnr_db"].as_f64().unwrap() > 45.0, "{video}");
    room.run(&["compare", "a.png", "c.y4m", "--fps", "25"]).exits(0);
    room.run(&["compare", "a.png", "c.y4m", "--video"]).exits(1);
    room.put("still.png", fixture("1x1.png"));
    room.run(&["compare", "still.png", "still.png", "--fps", "25"])
        .complains(2, &["still.png: this is no video", "--fps is for videos"]);
}

#[test]
fn pictures_in_a_folder_or_with_numbers_are_a_video() {
    let room = Room::new();
    std::fs::create_dir(room.path("shot")).unwrap();
    for number in 1..=3 {
        room.put(&format!("shot/{number:02}.png"), fixture("rgba.png"));
    }
    let run = room.run(&["compare", "shot", "shot/%02d.png", "--json"]).exits(0);
    assert_eq!(run.json()["identical"], true);
    room.run(&["encode", "shot/%02d.png"]).complains(2, &["shot/%02d.png", "-o FILE names it"]);
    room.run(&["encode", "shot/%03d.png", "-o", "a.siren"]).complains(3, &["000.png", "001.png exists"]);
    room.put("shot/04.png", fixture("1x1.png"));
    room.run(&["compare", "shot", "shot"]).complains(3, &["04.png has 1×1 pixels", "01.png was expected"]);
}

/// A grey YUV4MPEG2 video of 160×120 pixels: waves that move.
fn waves(frames: usize) -> Vec<u8> {
    let mut file = b"YUV4MPEG2 W160 H120 F25:1 Ip Cmono XCOLORRANGE=FULL\n".to_vec();
    for t in 0..frames {
        file.extend(b"FRAME\n");
        let code = |x: usize, y: usize| {
            128.0 + 100.0 * (((x + 3 * t) as f32 / 30.0).sin() * (y as f32 / 40.0).cos())
        };
        file.extend((0..120).flat_map(|y| (0..160).map(move |x| code(x, y) as u8)));
    }
    file
}

#[test]
fn a_film_larger_than_memory_gives_the_same_bytes() {
    const LITTLE: &str = "15M";
    let room = Room::new();
    // 3.8 MB of samples are more than a quarter of what is allowed.
    let film = waves(200);
    room.put("a.y4m", &film);
    let encode = |input: &str, memory: &str| {
        let (output, threads) =
            (format!("{memory}.siren"), ["--device", "cpu", "--threads", "1", "--max-memory", memory]);
        let arguments = ["encode", input, "-o", &output, "--effort", "1", "--size", "60kB", "-q"];
        let stdin = if input == "-" { &film[..] } else { &[] };
        room.feed(&[&arguments[..], &threads].concat(), stdin).exits(0);
        room.get(&output)
    };
    assert!(encode("a.y4m", "1G") == encode("-", LITTLE));
    let little = ["--max-memory", LITTLE, "-q"];
    room.run(&[&["verify", "1G.siren", "a.y4m"], &little[..]].concat()).exits(0);
    let compare = |memory: &str| {
        room.run(&["compare", "a.y4m", "1G.siren", "--json", "--max-memory", memory]).exits(0).json()
    };
    assert_eq!(compare(LITTLE), compare("1G"));
    // Frames are written as they are rendered: of all values 15 MB would be held.
    room.run(&[&["decode", "1G.siren", "-o", "b.y4m"], &little[..]].concat()).exits(0);
    assert_eq!(room.get("b.y4m").len(), film.len() + " A1:1".len() + "LIMITED".len() - "FULL".len());
}

#[test]
#[cfg(unix)]
fn a_film_that_has_no_room_is_an_error() {
    let room = Room::new();
    let mut command =
        room.command(&["encode", "-", "-o", "a.siren", "--size", "3000", "--max-memory", "16M", "-q"]);
    command.env("TMPDIR", room.path("none"));
    let output = assert_cmd::Command::from(command).write_stdin(waves(250)).output().unwrap();
    let run = crate::support::Run::of(output, &["encode", "-"]);
    run.complains(3, &["standard input", "a temporary file in", "none"]);
    assert!(room.names().is_empty());
}
