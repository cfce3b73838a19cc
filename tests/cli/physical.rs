//! Vector fields, derivatives per unit of the axes, and errors relative to the range.

use crate::support::{Room, picture, siren, siren_picture, siren_sound};
use sirenc::media::{read_npy, write_npy};
use sirenc::signal::{Axis, AxisCoordinates, Coordinates, Description, Label, Positions, Rate, SampleFormat};

/// A `.siren` signal of `channels` over `axes`, whose units and coordinates are given.
fn field(axes: Vec<Axis>, channels: u8, positions: &[(&str, Positions)]) -> Vec<u8> {
    let description = Description { axes, channels, format: SampleFormat::F32 };
    let axis = |(unit, positions): &(&str, Positions)| AxisCoordinates {
        label: Label::new("", unit),
        positions: positions.clone(),
    };
    let channels = vec![Label::default(); channels.into()];
    let coordinates = Coordinates { axes: positions.iter().map(axis).collect(), channels };
    let metadata = coordinates.to_metadata(&description).into_iter().collect();
    siren(description, metadata)
}

fn step(spacing: f64) -> Positions {
    Positions::Uniform { origin: 0.0, spacing }
}

fn volume() -> Vec<u8> {
    let positions = [("mm", step(0.5)), ("mm", step(0.5)), ("mm", step(2.0))];
    field([7, 6, 5].map(Axis::space).to_vec(), 3, &positions)
}

fn array(room: &Room, name: &str) -> (Vec<u64>, Vec<f64>) {
    read_npy(&room.get(name), &Default::default()).unwrap()
}

#[test]
fn divergence_and_curl_are_decoded_and_sampled() {
    let room = Room::new();
    room.put("v.siren", volume());
    for (word, shape) in
        [("gradient", &[5, 6, 7, 3, 3][..]), ("divergence", &[5, 6, 7, 1]), ("curl", &[5, 6, 7, 3])]
    {
        let name = format!("{word}.npy");
        room.run(&["decode", "v.siren", "-o", &name, "--derivative", word]).exits(0);
        assert_eq!(array(&room, &name).0, shape, "{word}");
    }
    let [gradient, divergence, curl] =
        ["gradient", "divergence", "curl"].map(|word| array(&room, &format!("{word}.npy")).1);
    let last = gradient.len() - 9;
    let sum = gradient[last] + gradient[last + 4] + gradient[last + 8];
    assert_eq!(divergence.last().map(|&v| v as f32), Some(sum as f32));
    assert_eq!(curl.last().map(|&v| v as f32), Some((gradient[last + 3] - gradient[last + 1]) as f32));
    room.put("a.csv", "x,y,z\n6,5,4\n");
    let run = room.run(&["sample", "v.siren", "--at", "a.csv", "--derivative", "curl"]).exits(0);
    assert!(run.text().starts_with("x,y,z,c0,c1,c2,curl_x,curl_y,curl_z\n"), "{}", run.text());
    let text = run.text().trim().rsplit(',').next().unwrap().parse::<f32>();
    assert_eq!(text.ok(), curl.last().map(|&v| v as f32));
    // A slice of a curl is a picture of three channels, one of a divergence may be coloured.
    for flags in [&["curl", "-o", "c.png"][..], &["divergence", "-o", "d.png", "--colormap", "blue-red"]] {
        room.run(&[&["decode", "v.siren", "--slice", "z=2", "--derivative"], flags].concat()).exits(0);
    }
    room.put("p.siren", siren_picture(8, 6));
    for word in ["divergence", "curl"] {
        room.run(&["decode", "p.siren", "--derivative", word])
            .complains(2, &["p.siren", word, "3 channels", "axes x, y", "2 of them of space"]);
    }
}

#[test]
fn derivatives_are_per_sample_or_per_unit() {
    let room = Room::new();
    room.put("v.siren", volume());
    let decoded = |per: &str, word: &str| {
        let run = room.run(&["decode", "v.siren", "-o", "d.npy", "-f", "--derivative", word, "--per", per]);
        (run.exits(0).stderr, array(&room, "d.npy").1)
    };
    let ((quiet, sample), (note, unit)) = (decoded("sample", "gradient"), decoded("unit", "gradient"));
    assert!(note.contains("gradient: values per mm\n") && !quiet.contains("values"), "{note} {quiet}");
    for (i, (unit, sample)) in unit.iter().zip(&sample).enumerate() {
        assert!((unit - sample / [0.5, 0.5, 2.0][i % 3]).abs() < 1e-6, "{unit} {sample}");
    }
    assert!(decoded("unit", "laplacian").0.contains("laplacian: values per mm squared\n"));
    let run = room.run(&[
        "decode",
        "v.siren",
        "-o",
        "d.png",
        "--slice",
        "z=1",
        "--derivative",
        "divergence",
        "--per",
        "unit",
    ]);
    assert!(run.exits(0).stderr.contains("linear between; values per mm\n"));

    // The time of a sound is in seconds.
    room.put("s.siren", siren_sound(80));
    room.put("t.csv", "t\n0.005\n");
    let slope = |per: &str| {
        let run = ["sample", "s.siren", "--at", "t.csv", "--derivative", "dt", "--per", per];
        let run = room.run(&run).exits(0);
        let slope = run.text().trim().rsplit(',').next().unwrap().parse::<f64>().unwrap();
        (run.stderr, slope)
    };
    let ((note, unit), (none, sample)) = (slope("unit"), slope("sample"));
    assert!(note.contains("s.siren: dt: values per s") && none.is_empty(), "{note} {none}");
    assert!((unit / sample - 8000.0).abs() < 0.01, "{unit} {sample}");

    // Film in millimetres and seconds.
    let axes = vec![Axis::space(6), Axis::space(5), Axis::time(4, Rate::new(25, 1))];
    let positions = [("mm", step(0.5)), ("mm", step(0.5)), ("", Positions::None)];
    room.put("f.siren", field(axes, 1, &positions));
    let run = room.run(&["decode", "f.siren", "--derivative", "gradient", "--per", "unit", "-o", "g.npy"]);
    assert!(run.exits(0).stderr.contains("gradient: values per mm along x and y, per s along t\n"));
    room.run(&["decode", "f.siren", "--derivative", "magnitude", "--per", "unit"])
        .complains(2, &["f.siren", "Magnitude per unit", "\"mm\", \"mm\", \"s\""]);
}

#[test]
fn axes_without_a_spacing_are_named() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    room.run(&["decode", "p.siren", "--per", "unit"]).complains(2, &["--per unit", "--derivative"]);
    room.run(&["decode", "p.siren", "--per", "unit", "--derivative", "dy"])
        .complains(2, &["p.siren", "axis y, which has no spacing"]);
    room.run(&["decode", "p.siren", "--per", "unit", "--derivative", "normals"])
        .complains(2, &["p.siren", "normals per unit"]);
    let positions = [("mm", step(0.5)), ("mm", Positions::Listed(vec![1.0, 2.0, 4.0]))];
    room.put("l.siren", field(vec![Axis::space(4), Axis::space(3)], 1, &positions));
    room.put("a.csv", "x,y\n1,1\n");
    let sampled = ["sample", "l.siren", "--at", "a.csv", "--per", "unit", "--derivative"];
    room.run(&[&sampled[..], &["gradient"]].concat())
        .complains(2, &["l.siren", "axis y, which has listed coordinates"]);
    room.run(&[&sampled[..], &["dx"]].concat()).exits(0);
}

#[test]
fn errors_relative_to_the_range_are_told_and_asked_for() {
    let room = Room::new();
    let height = |i: u32| (i % 24) as f32 * 10.0 + 40.0 * ((i / 24) as f32 * 0.4).sin();
    let mut file = vec![];
    write_npy(&mut file, &[20, 24, 1], (0..480).map(height)).unwrap();
    room.put("a.npy", file);
    let object = room.run(&["encode", "a.npy", "--nrmse", "2%", "--effort", "1", "--json"]).exits(0).json();
    let (nrmse, range) = (object["nrmse"].as_f64().unwrap(), object["range"].as_f64().unwrap());
    assert!((0.01..0.0205).contains(&nrmse) && range > 230.0, "{object}");
    for command in [["verify", "a.siren", "a.npy"], ["compare", "a.npy", "a.siren"]] {
        let found = room.run(&[&command[..], &["--json", "--peak", "1000"]].concat()).exits(0).json();
        assert!((found["nrmse"].as_f64().unwrap() - nrmse).abs() < 1e-5, "{found}");
        assert!((found["range"].as_f64().unwrap() - range).abs() < 1e-3, "{found}");
    }
    let run = room.run(&["verify", "a.siren", "a.npy"]).exits(0);
    assert!(run.text().contains(", NRMSE 1.") && run.text().contains("), max error "), "{}", run.text());
    let run = room.run(&["compare", "a.npy", "a.siren"]).exits(0);
    assert!(run.text().contains("NRMSE      ") && run.text().contains("range      "), "{}", run.text());
    let run = room.run(&["encode", "a.npy", "-f", "--nrmse", "0.05", "--effort", "1"]).exits(0);
    assert!(run.stderr.contains(", NRMSE ") && run.stderr.contains(" % (range "), "{}", run.stderr);
    room.put("c.ppm", picture(8, 8));
    room.run(&["encode", "c.ppm", "--nrmse", "0.01"]).complains(2, &["c.ppm", "--nrmse", "8 bits", "--psnr"]);
    let object = room.run(&["compare", "c.ppm", "c.ppm", "--json"]).exits(0).json();
    assert!(object.get("nrmse").is_none() && object.get("range").is_none(), "{object}");
    room.run(&["encode", "a.npy", "--nrmse", "200%"]).exits(2);
}

#[test]
fn channels_of_other_units_have_an_error_each() {
    let room = Room::new();
    let at = |i: u32| {
        let [x, y, z] = [i % 8, i / 8 % 7, i / 56].map(|k| k as f32 * 0.7);
        [280.0 + 10.0 * x.sin(), 9e4 + 500.0 * (y + z).cos(), 3.0]
    };
    let mut file = vec![];
    write_npy(&mut file, &[6, 7, 8, 3], (0..336).flat_map(at)).unwrap();
    room.put("a.npy", file);
    let encode = ["encode", "a.npy", "--axes", "zyxc", "--nrmse", "10%", "--effort", "1", "-f"];
    let object = room.run(&[&encode[..], &["--json"]].concat()).exits(0).json();
    assert!(object["range"].is_null() && object["peak"].is_null(), "{object}");
    let ranges: Vec<f64> =
        object["channels"].as_array().unwrap().iter().map(|c| c["range"].as_f64().unwrap()).collect();
    assert!(ranges[0] > 19.0 && ranges[0] < 21.0 && ranges[1] > 960.0 && ranges[2] == 0.0, "{object}");
    let run = room.run(&[&encode[..], &["-v"]].concat()).exits(0);
    assert!(run.stderr.contains("(peak: the range of each channel), NRMSE "), "{}", run.stderr);
    assert!(run.stderr.contains("channel 2 range 0, NRMSE 0 %, max error 0"), "{}", run.stderr);
    let run = room.run(&["verify", "a.siren", "a.npy"]).exits(0);
    assert!(run.text().contains("\n  channel 1  range "), "{}", run.text());
    let run = room.run(&["compare", "a.npy", "a.siren"]).exits(0);
    assert!(run.text().contains("\nchannel 1  range "), "{}", run.text());
    let run = room.run(&["compare", "a.npy", "a.siren", "--peak", "1000"]).exits(0);
    assert!(run.text().contains("(peak 1000, given)"), "{}", run.text());
    let text = room.run(&["info", "a.siren"]).exits(0).text().to_owned();
    let units = text.lines().find(|line| line.trim_start().starts_with("units")).unwrap();
    assert!(units.ends_with(", 3 + 0 × v of field outputs v"), "{units}");
}
