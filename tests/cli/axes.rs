//! Videos, volumes and fields on the command line.

use crate::support::{Room, siren};
use sirenc::media;
use sirenc::signal::{Axis, Description, Kind, Rate, SampleFormat, Signal};

/// The fastest fit.
const QUICK: [&str; 6] = ["--layers", "1", "--width", "4", "--effort", "1"];

fn volume() -> Vec<u8> {
    let axes = [7, 6, 5].map(Axis::space).to_vec();
    siren(Description { axes, channels: 1, format: SampleFormat::I16 }, vec![])
}

fn video() -> Vec<u8> {
    let axes = vec![Axis::space(8), Axis::space(6), Axis::time(12, Rate::new(25, 1))];
    siren(Description { axes, channels: 3, format: SampleFormat::U8 }, vec![])
}

fn array(room: &Room, name: &str) -> (Vec<u64>, Vec<f32>) {
    let (shape, numbers) =
        media::read_npy(&std::fs::read(room.path(name)).unwrap(), &Default::default()).unwrap();
    (shape, numbers.into_iter().map(|number| number as f32).collect())
}

fn signal(room: &Room, name: &str) -> Signal {
    media::read(&std::fs::read(room.path(name)).unwrap(), &Default::default()).unwrap()
}

#[test]
fn a_slice_is_that_of_the_whole() {
    let room = Room::new();
    room.put("v.siren", volume());
    room.run(&["decode", "v.siren"]).exits(0);
    let (shape, whole) = array(&room, "v.npy");
    assert_eq!(shape, [5, 6, 7, 1]);
    room.run(&["decode", "v.siren", "-o", "z.npy", "--slice", "z=2"]).exits(0);
    assert_eq!(array(&room, "z.npy"), (vec![6, 7, 1], whole[2 * 42..][..42].to_vec()));
    room.run(&["decode", "v.siren", "-o", "xy.npy", "--slice", "x=3", "--slice", "y=1"]).exits(0);
    let line: Vec<f32> = (0..5).map(|z| whole[z * 42 + 7 + 3]).collect();
    assert_eq!(array(&room, "xy.npy"), (vec![5, 1], line));
    room.run(&["decode", "v.siren", "-o", "part.npy", "--region", "1,2,0,3,4,5"]).exits(0);
    let (shape, part) = array(&room, "part.npy");
    assert_eq!((shape, part[0]), (vec![5, 4, 3, 1], whole[2 * 7 + 1]));
    room.run(&["decode", "v.siren", "-o", "small.npy", "--size", "4x3x2"]).exits(0);
    assert_eq!(array(&room, "small.npy").0, [2, 3, 4, 1]);
    room.run(&["decode", "v.siren", "-o", "twice.npy", "--scale", "2", "--slice", "z=2.5"]).exits(0);
    assert_eq!(array(&room, "twice.npy").0, [12, 14, 1]);
    room.run(&["decode", "v.siren", "-o", "sized.npy", "--slice", "z=2", "--size", "4x3"]).exits(0);
    assert_eq!(array(&room, "sized.npy").0, [3, 4, 1]);
    room.run(&["decode", "v.siren", "--slice", "z=2", "--slice", "z=3"])
        .complains(2, &["z=3", "another flag"]);
    room.run(&["decode", "v.siren", "--size", "4x3"]).complains(2, &["v.siren", "a volume needs 3: x, y, z"]);
    room.run(&["decode", "v.siren", "--region", "0,0,1,1"]).complains(2, &["v.siren", "needs 6"]);
    room.run(&["decode", "v.siren", "--slice", "t=1"]).complains(2, &["v.siren", "x, y, z"]);
    room.run(&["decode", "v.siren", "--slice", "z=4.6"]).complains(2, &["v.siren", "4.5"]);
    room.run(&["decode", "v.siren", "--time", "0..1"]).complains(2, &["v.siren", "--time", "volume"]);
    let all = ["--slice", "x=0", "--slice", "y=0", "--slice", "z=0"];
    room.run(&[&["decode", "v.siren"][..], &all].concat()).complains(2, &["no axis", "sirenc sample"]);
}

/// Measurements are written as the numbers that they are.
#[test]
fn integers_of_volumes_are_numbers() {
    let room = Room::new();
    room.put("v.siren", volume());
    room.run(&["decode", "v.siren", "-o", "v.nrrd"]).exits(0);
    room.run(&["decode", "v.siren", "-o", "v.npy"]).exits(0);
    let codes = signal(&room, "v.nrrd");
    assert_eq!((codes.description.kind(), codes.description.format), (Kind::Volume, SampleFormat::I16));
    let (_, numbers) = array(&room, "v.npy");
    for (i, number) in numbers.iter().enumerate() {
        let code = codes.samples.get(i) * 32768.0;
        assert!((number - code).abs() <= 0.5 || code == 32767.0, "{i}: {number}, {code}");
    }
    let (low, high) = numbers[42..84].iter().fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
    let run = room.run(&["decode", "v.siren", "-o", "z.png", "--slice", "z=1"]).exits(0);
    let stated: Vec<f32> = run.stderr.split([' ', ',', '\n']).filter_map(|word| word.parse().ok()).collect();
    assert!(stated.contains(&low) && stated.contains(&high), "{low} {high} {}", run.stderr);
    let slice = signal(&room, "z.png");
    let codes: Vec<f32> = (0..42).map(|i| 255.0 * slice.samples.get(i)).collect();
    assert!(codes.contains(&0.0) && codes.contains(&255.0), "{codes:?}");
    room.run(&["decode", "v.siren", "-o", "r.png", "--slice", "z=1", "--range", "0..100"]).exits(0);
    // A picture of the codes of a format that pictures have, too.
    let axes = [7, 6, 5].map(Axis::space).to_vec();
    room.put("u.siren", siren(Description { axes, channels: 1, format: SampleFormat::U8 }, vec![]));
    room.run(&["decode", "u.siren", "-o", "u.png", "--slice", "z=1"]).exits(0);
    room.run(&["decode", "u.siren", "-o", "r.png", "-f", "--slice", "z=1", "--range", "0..255"]).exits(0);
    assert_eq!(signal(&room, "r.png").samples, signal(&room, "u.png").samples);
    room.run(&["decode", "v.siren", "-o", "s.nrrd", "--slice", "z=1"]).exits(0);
    // Beside numbers of another format.
    let run = room.run(&["verify", "v.siren", "v.npy", "--json"]).exits(0).json();
    assert!(run["max_error"].as_f64().unwrap() <= 0.51, "{run}");
    room.put("at.csv", "x,y,z\n3,1,2\n");
    let sampled = room.run(&["sample", "v.siren", "--at", "at.csv"]).exits(0);
    let last = sampled.text().trim().rsplit(',').next().unwrap().parse::<f32>().unwrap();
    assert_eq!(last, numbers[2 * 42 + 7 + 3]);
}

#[test]
fn a_video_has_any_rate_and_its_frames_are_pictures() {
    let room = Room::new();
    room.put("f.siren", video());
    room.run(&["decode", "f.siren", "-o", "all.npy", "--format", "npy"]).exits(0);
    let (shape, all) = array(&room, "all.npy");
    assert_eq!(shape, [12, 6, 8, 3]);
    room.run(&["decode", "f.siren", "-o", "one.npy", "--time", "0.2"]).exits(0);
    assert_eq!(array(&room, "one.npy"), (vec![6, 8, 3], all[5 * 144..][..144].to_vec()));
    room.run(&["decode", "f.siren", "-o", "one.png", "--time", "0.21"]).exits(0);
    assert_eq!(signal(&room, "one.png").description.kind(), Kind::Picture);
    room.run(&["decode", "f.siren", "-o", "slow.y4m", "--fps", "100"]).exits(0);
    let slow = signal(&room, "slow.y4m").description;
    assert_eq!((slow.kind(), slow.axes[2].clone()), (Kind::Video, Axis::time(47, Rate::new(100, 1))));
    room.run(&["decode", "f.siren", "-o", "part.npy", "--time", "0.08..0.2", "--size", "4x3"]).exits(0);
    assert_eq!(array(&room, "part.npy").0, [3, 3, 4, 3]);
    room.run(&["decode", "f.siren", "--fps", "24000/1001", "--scale", "0.5"]).exits(0);
    assert_eq!(signal(&room, "f.y4m").description.rate(), Rate::new(24000, 1001));
    room.run(&["decode", "f.siren", "-o", "dt.npy", "--derivative", "dt"]).exits(0);
    assert_eq!(array(&room, "dt.npy").0, [12, 6, 8, 3]);
    room.run(&["decode", "f.siren", "-o", "g.npy", "--derivative", "gradient", "--time", "0.1"]).exits(0);
    assert_eq!(array(&room, "g.npy").0, [6, 8, 3, 3]);
    room.run(&["decode", "f.siren", "-o", "x.png", "--time", "0.5"])
        .complains(2, &["f.siren", "0 to 0.48 s"]);
    room.run(&["decode", "f.siren", "-o", "x.wav"]).complains(2, &["x.wav", "video"]);
}

#[test]
fn a_video_is_written_as_what_its_name_says() {
    let room = Room::new();
    room.put("f.siren", video());
    for name in ["f.gif", "f.apng", "shot-%02d.png"] {
        room.run(&["decode", "f.siren", "-o", name]).exits(0);
        room.run(&["decode", "f.siren", "-o", name]).complains(1, &["exist"]);
        room.run(&["decode", "f.siren", "-o", name, "-f"]).exits(0);
    }
    // Any of the pictures is worth a question.
    std::fs::remove_file(room.path("shot-01.png")).unwrap();
    room.run(&["decode", "f.siren", "-o", "shot-%02d.png"]).complains(1, &["shot-02.png", "-f"]);
    room.run(&["decode", "f.siren", "-o", "shot-%02d.png", "-f"]).exits(0);
    let names = room.names();
    assert!(names.contains(&"shot-01.png".into()) && names.contains(&"shot-12.png".into()), "{names:?}");
    let run = room.run(&["compare", "shot-%02d.png", "f.apng", "--video", "--fps", "25", "--json"]).exits(0);
    assert_eq!(run.json()["identical"], true);
}

#[test]
fn arrays_are_read_by_their_shape_or_by_names() {
    let room = Room::new();
    let mut file = vec![];
    media::write_npy(&mut file, &[3, 5, 6, 7], (0..630u16).map(|i| f32::from(i / 42))).unwrap();
    room.put("a.npy", file);
    room.run(&["encode", "a.npy"]).complains(3, &["a.npy", "(3, 5, 6, 7)", "--axes"]);
    let named = ["encode", "a.npy", "--axes", "tzyx", "--rate", "1/60", "--json"];
    let run = room.run(&[&named[..], &QUICK].concat()).exits(0);
    assert!(!run.json()["notes"].to_string().contains("its shape"), "{}", run.text());
    let info = room.run(&["info", "a.siren", "--json"]).exits(0).json();
    assert_eq!((info["kind"].as_str(), &info["lengths"]), (Some("field"), &serde_json::json!([7, 6, 5, 3])));
    room.run(&["verify", "a.siren", "a.npy", "--axes", "tzyx"]).exits(0);
    room.run(&["decode", "a.siren", "-o", "b.npy", "--slice", "t=1"]).exits(0);
    assert_eq!(array(&room, "b.npy").0, [5, 6, 7, 1]);
    for axes in ["zyx", "tzyy", "tcyx", "t,yx"] {
        room.run(&["encode", "a.npy", "-f", "--axes", axes]).complains(2, &["a.npy", "axes", axes]);
    }
    room.put("p.pgm", "P2 2 2 255 1 2 3 4\n");
    room.run(&["encode", "p.pgm", "--axes", "yx"]).complains(2, &["p.pgm", "axes"]);
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/media").join(name)).unwrap()
}

#[test]
fn a_variable_and_a_part_of_it_are_named() {
    let room = Room::new();
    room.put("sea.cdf", fixture("records.cdf"));
    let encode =
        |arguments: &[&str]| room.run(&[&["encode", "--psnr", "20", "--effort", "1"], arguments].concat());
    encode(&["sea.cdf:ice", "--slice", "time=3"]).exits(0);
    assert_eq!(room.names(), ["sea.cdf", "sea.ice.siren"]);
    room.run(&["decode", "sea.ice.siren", "-o", "back.nc"]).exits(0);
    assert_eq!(signal(&room, "back.nc").description.lengths(), [7, 6]);
    room.run(&["verify", "sea.ice.siren", "sea.cdf:ice", "--slice", "t=3"]).exits(0);
    encode(&["sea.cdf", "--slice", "x=2..5", "--slice", "lat=1..3", "-o", "part.siren"]).exits(0);
    room.run(&["decode", "part.siren"]).exits(0);
    assert_eq!(array(&room, "part.npy").0, [4, 2, 3, 1]);
    encode(&["sea.cdf:salt"]).complains(2, &["sea.cdf", "\"salt\"", "the variable ice (4×6×7)"]);
    encode(&["sea.cdf:ice", "-f", "--slice", "t=4"]).complains(2, &["t=4", "0 to 3"]);
    encode(&["sea.cdf:ice", "-f", "--slice", "t=-1"]).exits(2);
    encode(&["gone.nc:ice"]).complains(3, &["gone.nc", "no such file"]);
    room.put("grey.png", fixture("gamma.png"));
    encode(&["grey.png:ice"]).complains(2, &["\"ice\"", "PNG"]);
    encode(&["grey.png", "--slice", "x=1"]).complains(2, &["parts are of an array", "PNG"]);
    // A file of this very name comes first.
    room.put("grey.png:ice", fixture("gamma.png"));
    encode(&["grey.png:ice", "-o", "g.siren"]).exits(0);
}

#[test]
fn a_single_channel_is_shown_in_colours() {
    let room = Room::new();
    room.put("v.siren", volume());
    let run =
        room.run(&["decode", "v.siren", "-o", "z.png", "--slice", "z=1", "--colormap", "viridis"]).exits(0);
    assert!(run.stderr.contains("code 0 of viridis is "), "{}", run.stderr);
    let slice = signal(&room, "z.png");
    assert_eq!((slice.description.channels, slice.description.format), (3, SampleFormat::U8));
    // The least and the greatest value have the colours of the ends.
    let pixels: Vec<_> =
        (0..42).map(|i| [0, 1, 2].map(|c| (slice.samples.get(3 * i + c) * 255.0).round() as u8)).collect();
    assert!(pixels.contains(&[68, 1, 84]) && pixels.contains(&[253, 231, 37]));
    let derivative = ["--derivative", "dx", "--slice", "z=1", "--colormap", "blue-red", "-o", "dx.png"];
    let run = room.run(&[&["decode", "v.siren"][..], &derivative].concat()).exits(0);
    assert!(
        run.stderr.contains("dx: code 0 of blue-red is −")
            || run.stderr.contains("dx: code 0 of blue-red is -")
    );
    assert_eq!(signal(&room, "dx.png").description.channels, 3);
    let refused = |arguments: &[&str], parts: &[&str]| {
        room.run(&[&["decode", "v.siren", "--colormap", "viridis"], arguments].concat()).complains(2, parts);
    };
    refused(&["-o", "v.png"], &["single channel", "--slice"]);
    refused(&["-o", "w.png", "--slice", "z=1", "--bits", "16"], &["8 bits"]);
    room.put("f.siren", video());
    let frame = ["decode", "f.siren", "-o", "f.png", "--time", "0.2", "--colormap", "viridis"];
    room.run(&frame).complains(2, &["single channel"]);
}

#[test]
fn a_slice_through_time_is_a_picture_where_one_is_asked_for() {
    let room = Room::new();
    room.put("f.siren", video());
    let slice = ["decode", "f.siren", "--slice", "y=2"];
    room.run(&[&slice[..], &["-o", "s.png"]].concat()).exits(0);
    let picture = signal(&room, "s.png");
    assert_eq!((picture.description.kind(), picture.description.lengths()), (Kind::Picture, vec![8, 12]));
    room.run(&[&slice[..], &["-o", "s.npy", "--bits", "f32"]].concat()).exits(0);
    let (shape, numbers) = array(&room, "s.npy");
    assert_eq!(shape, [12, 8, 3]);
    for (i, number) in numbers.iter().enumerate() {
        assert!((number.clamp(0.0, 1.0) - picture.samples.get(i)).abs() <= 0.5001 / 255.0, "{i}");
    }
    room.run(&[&slice[..], &["-o", "slow.png", "--fps", "100"]].concat()).exits(0);
    assert_eq!(signal(&room, "slow.png").description.lengths()[0], 8);
    room.run(&[&slice[..], &["-o", "d.png", "--derivative", "dt"]].concat()).exits(0);
    assert_eq!(signal(&room, "d.png").description.lengths(), [8, 12]);
}
