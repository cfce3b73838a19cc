//! `sample`, and derivatives: points, grids, mappings and errors.

use crate::support::{Room, siren_picture, siren_sound, siren_with_profile};
use sirenc::media::{read, read_npy, write_npy};
use sirenc::signal::{Grid, Samples};
use sirenc::{Decoder, Derivative, Limits};

fn array(room: &Room, name: &str) -> (Vec<u64>, Vec<f64>) {
    read_npy(&room.get(name), &Limits::default()).unwrap()
}

fn decoder(bytes: &[u8]) -> Decoder {
    Decoder::open(bytes).unwrap()
}

#[test]
fn points_of_a_csv_have_the_values_of_the_picture() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    room.put("points.csv", "y, X\r\n2,1\n\n-0.5,7.5\n0.125,3\n");
    let run = room.run(&["sample", "p.siren", "--at", "points.csv"]).exits(0);
    let lines: Vec<&str> = run.text().lines().collect();
    assert_eq!((lines[0], lines.len()), ("x,y,r,g,b", 4));
    let expected = decoder(&siren_picture(8, 6)).sample(&[1.0, 2.0, 7.5, -0.5, 3.0, 0.125]).unwrap();
    for ((line, values), [x, y]) in
        lines[1..].iter().zip(expected.chunks(3)).zip([["1", "2"], ["7.5", "-0.5"], ["3", "0.125"]])
    {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields[..2], [x, y]);
        let got: Vec<f32> = fields[2..].iter().map(|field| field.parse().unwrap()).collect();
        assert_eq!(got, values);
    }
}

#[test]
fn formats_hold_the_same_numbers() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    let mut points = vec![];
    write_npy(&mut points, &[3, 2], [1.0, 2.0, 7.5, -0.5, 3.0, 0.125]).unwrap();
    room.put("points.npy", &points);
    let flags = ["sample", "p.siren", "--at", "points.npy", "--derivative", "gradient"];
    let csv = room.run(&flags).exits(0);
    let json = room.run(&[&flags[..], &["--format", "jsonl"]].concat()).exits(0);
    room.run(&[&flags[..], &["-o", "out.npy"]].concat()).exits(0);
    let header = "x,y,r,g,b,dr_dx,dr_dy,dg_dx,dg_dy,db_dx,db_dy";
    assert_eq!(csv.text().lines().next(), Some(header));
    let (shape, numbers) = array(&room, "out.npy");
    assert_eq!(shape, [3, 11]);
    for ((row, line), object) in numbers.chunks(11).zip(csv.text().lines().skip(1)).zip(json.text().lines()) {
        let object: serde_json::Value = serde_json::from_str(object).unwrap();
        for ((number, field), name) in row.iter().zip(line.split(',')).zip(header.split(',')) {
            assert_eq!(*number as f32, field.parse::<f32>().unwrap());
            assert_eq!(*number as f32, object[name].as_f64().unwrap() as f32);
        }
    }
    let piped = room.feed(&["sample", "p.siren", "--at", "-"], &points).exits(0);
    assert_eq!(piped.text().lines().next(), Some("x,y,r,g,b"));
}

#[test]
fn coordinates_are_pixels_seconds_or_normalised() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    room.put("s.siren", siren_sound(80));
    let values = |arguments: &[&str], input: &str, columns: usize| -> Vec<f32> {
        let run = room.feed(arguments, input.as_bytes()).exits(0);
        let line = run.text().lines().nth(1).unwrap();
        line.split(',').skip(columns).map(|field| field.parse().unwrap()).collect()
    };
    let sample = |file: &[u8], position: &[f64]| decoder(file).sample(position).unwrap();
    let at = |file| ["sample", file, "--at", "-", "--normalized"];
    assert_eq!(values(&at("p.siren"), "x,y\n-1,0.75\n", 2), sample(&siren_picture(8, 6), &[-0.5, 5.5]));
    assert_eq!(values(&at("s.siren"), "t\n0\n", 1), sample(&siren_sound(80), &[39.5]));
    assert_eq!(values(&at("s.siren")[..4], "t\n0.005\n", 1), sample(&siren_sound(80), &[40.0]));
}

#[test]
fn tables_as_other_programs_write_them_are_read() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    let plain = room.feed(&["sample", "p.siren", "--at", "-"], b"x,y\n1,2\n3,0.5\n").exits(0);
    for table in [
        "id,x,y\n7,1,2\n8,3,0.5\n",
        "\"x\",\"y\"\n\"1\",\"2\"\n\"3\",\"0.5\"\n",
        "x;y;name\n1;2;\"a;b\"\n3;0.5;c,d\n",
        "y\tx\tr\n2\t1\t\n0.5\t3\t9\n",
        "\u{feff}x, y\r\n1, 2\r\n3, 0.5\r\n",
    ] {
        let run = room.feed(&["sample", "p.siren", "--at", "-"], table.as_bytes()).exits(0);
        assert_eq!(run.text(), plain.text(), "{table:?}");
    }
}

#[test]
fn fortran_order_is_read() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    let array = |numbers: [f32; 6], order: &str| {
        let mut bytes = vec![];
        write_npy(&mut bytes, &[3, 2], numbers).unwrap();
        let header = String::from_utf8_lossy(&bytes[10..128]).replace("False", order);
        bytes[10..128].copy_from_slice(header.as_bytes());
        bytes
    };
    room.put("c.npy", array([1.0, 2.0, 3.0, 0.5, 7.5, 5.0], "False"));
    // The order that np.stack([x, y]).T saves: all x, then all y.
    room.put("f.npy", array([1.0, 3.0, 7.5, 2.0, 0.5, 5.0], "True "));
    let sample = |at| room.run(&["sample", "p.siren", "--at", at, "--format", "npy"]).exits(0).stdout;
    assert_eq!(sample("c.npy"), sample("f.npy"));
}

#[test]
fn points_outside_have_no_values_if_so_asked() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    room.put("a.csv", "x,y\n1,2\n8,2\nnan,-9\n3,4\n");
    room.run(&["sample", "p.siren", "--at", "a.csv"]).complains(3, &["line 3", "x is 8", "--outside nan"]);
    let run =
        room.run(&["sample", "p.siren", "--at", "a.csv", "--outside", "nan", "--derivative", "dx"]).exits(0);
    assert_eq!(run.stderr, "sirenc: a.csv: 2 of 4 points are outside the signal; their values are NaN\n");
    let lines: Vec<&str> = run.text().lines().skip(1).collect();
    assert_eq!(lines[1..3], ["8,2,NaN,NaN,NaN,NaN,NaN,NaN", "NaN,-9,NaN,NaN,NaN,NaN,NaN,NaN"]);
    assert!(!lines[0].contains("NaN") && !lines[3].contains("NaN"), "{lines:?}");
    let run =
        room.run(&["sample", "p.siren", "--at", "a.csv", "--outside", "nan", "--format", "jsonl"]).exits(0);
    assert!(
        run.text().lines().nth(1).unwrap().ends_with("\"r\":null,\"g\":null,\"b\":null}"),
        "{}",
        run.text()
    );
    room.put("b.csv", "x,y\n1,2\n");
    assert_eq!(room.run(&["sample", "p.siren", "--at", "b.csv", "--outside", "nan"]).exits(0).stderr, "");
}

#[test]
fn bad_points_are_named_with_their_line() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    room.put("s.siren", siren_sound(80));
    for (points, words) in [
        ("", &["line 1", "x,y"][..]),
        ("1,2\n", &["line 1", "\"1,2\"", "x,y"]),
        ("x,t\n", &["line 1", "x,y"]),
        ("x,y,z\n1,2,3\n", &["line 1", "x,y"]),
        ("x,y\n1,2\n1,2,3\n", &["line 3", "3 columns, 2 expected"]),
        ("x,y\n1,2\n\n1\n", &["line 4", "1 columns, 2 expected"]),
        ("x,y\n1,two\n", &["line 2", "y is \"two\""]),
        ("x,y\n1,\n", &["line 2", "y is \"\""]),
        ("x,y\nnan,1\n", &["line 2", "x is NaN", "-0.5 to 7.5"]),
        ("x,y\n1,inf\n", &["line 2", "y is inf", "-0.5 to 5.5"]),
        ("x,y\n1,5.6\n", &["line 2", "y is 5.6", "-0.5 to 5.5"]),
    ] {
        room.put("a.csv", points);
        room.run(&["sample", "p.siren", "--at", "a.csv"]).complains(3, &[&["a.csv"], words].concat());
    }
    room.put("a.csv", [b"x,y\n1,2\n\xff\n".to_vec(), vec![b'1'; 5000]].concat());
    room.run(&["sample", "p.siren", "--at", "a.csv"]).complains(3, &["line 3", "text"]);
    room.put("a.csv", ["x,y\n", &"1".repeat(5000)].concat());
    room.run(&["sample", "p.siren", "--at", "a.csv"]).complains(3, &["line 2", "longer than 4096 bytes"]);
    room.put("a.csv", "t\n0.5\n");
    room.run(&["sample", "s.siren", "--at", "a.csv"]).complains(3, &["line 2", "t is 0.5"]);

    let array = |shape: &[u64], numbers: &[f32]| {
        let mut bytes = vec![];
        write_npy(&mut bytes, shape, numbers.iter().copied()).unwrap();
        bytes
    };
    for (bytes, words) in [
        (array(&[1, 3], &[0.0; 3]), &["[1, 3]", "(points, 2)"][..]),
        (array(&[4], &[0.0; 4]), &["[4]", "(points, 2)"]),
        (array(&[2, 2], &[0.0, 1.0, f32::NAN, 1.0]), &["row 1", "x is NaN"]),
        (array(&[2, 2], &[0.0; 4])[..140].to_vec(), &["truncated"]),
        (b"\x93NUMPX".to_vec(), &["NPY"]),
    ] {
        room.put("a.npy", bytes);
        room.run(&["sample", "p.siren", "--at", "a.npy"]).complains(3, &[&["a.npy"], words].concat());
    }
    room.run(&["sample", "p.siren", "--at", "no.csv"]).complains(3, &["no.csv", "no such file"]);
}

#[test]
fn a_failed_sampling_leaves_what_was_there() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    room.put("out.csv", "old");
    room.put("a.csv", "x,y\n1,1\n1,99\n");
    let run = ["sample", "p.siren", "--at", "a.csv", "-o", "out.csv"];
    room.run(&run).complains(1, &["out.csv", "exists", "-f"]);
    room.run(&[&run[..], &["-f"]].concat()).complains(3, &["line 3"]);
    assert_eq!(room.get("out.csv"), b"old");
    assert_eq!(room.names(), ["a.csv", "out.csv", "p.siren"]);
}

#[test]
fn a_million_points_stream() {
    let room = Room::new();
    room.put("s.siren", siren_sound(80));
    let mut points = "t\n".to_string();
    (0..200_000).for_each(|i| points += &format!("{}\n", f64::from(i % 1000) * 9e-6));
    let run = room.feed(&["sample", "s.siren", "--at", "-"], points.as_bytes()).exits(0);
    let rows: Vec<&str> = run.text().lines().skip(1).collect();
    assert_eq!(rows.len(), 200_000);
    assert!((0..1000).all(|i| rows[i] == rows[199_000 + i]));
}

#[test]
fn derivatives_are_arrays_of_their_shape() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    room.put("s.siren", siren_sound(80));
    let picture = decoder(&siren_picture(8, 6));
    let expected = |derivative| {
        let grid = Grid::native(picture.description());
        let values = picture.request(&grid).derivative(derivative).values().unwrap();
        values.into_iter().map(f64::from).collect::<Vec<_>>()
    };
    for (word, shape, derivative) in [
        ("gradient", &[6, 8, 3, 2][..], Derivative::Gradient),
        ("dx", &[6, 8, 3], Derivative::Partial(0)),
        ("dy", &[6, 8, 3], Derivative::Partial(1)),
        ("laplacian", &[6, 8, 3], Derivative::Laplacian),
        ("hessian", &[6, 8, 3, 3], Derivative::Hessian),
        ("magnitude", &[6, 8, 3], Derivative::Magnitude),
        ("normals", &[6, 8, 3], Derivative::Normals { height: 1.0 }),
    ] {
        room.run(&["decode", "p.siren", "-q", "-f", "--derivative", word]).exits(0);
        assert_eq!(array(&room, "p.npy"), (shape.to_vec(), expected(derivative)), "{word}");
    }
    for (word, shape) in [("dt", &[80, 1][..]), ("laplacian", &[80, 1]), ("gradient", &[80, 1, 1])] {
        room.run(&["decode", "s.siren", "-q", "-f", "--derivative", word]).exits(0);
        assert_eq!(array(&room, "s.npy").0, shape, "{word}");
    }
    room.run(&["decode", "s.siren", "-q", "--derivative", "dt", "-o", "dt.wav"]).exits(0);
    assert!(matches!(read(&room.get("dt.wav"), &Limits::default()).unwrap().samples, Samples::F32(_)));
}

#[test]
fn pictures_of_derivatives_say_how_they_are_mapped() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    let run = room.run(&["decode", "p.siren", "--derivative", "dx", "-o", "dx.png"]).exits(0);
    room.run(&["decode", "p.siren", "--derivative", "dx", "-o", "dx.tiff", "-q"]).exits(0);
    let [mapped, exact] =
        ["dx.png", "dx.tiff"].map(|name| read(&room.get(name), &Limits::default()).unwrap().samples);
    let line = run.stderr.lines().nth(1).unwrap().trim();
    assert!(line.starts_with("dx: code 0 is -") && line.contains("code 255 is "), "{line}");
    let png = room.get("dx.png");
    assert!(png.windows(line.len()).any(|window| window == line.as_bytes()), "the mapping is in the file");
    let high: f32 = line.split("code 255 is ").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    for i in 0..exact.len() {
        let value = (2.0 * mapped.get(i) - 1.0) * high;
        assert!((value - exact.get(i)).abs() <= high / 254.0, "{value} {}", exact.get(i));
    }
    // The last number of an EXR is the last pixel's red.
    room.run(&["decode", "p.siren", "--derivative", "dx", "-o", "dx.exr", "-q"]).exits(0);
    assert!(room.get("dx.exr").ends_with(&exact.get(exact.len() - 3).to_le_bytes()));
    let flags =
        ["decode", "p.siren", "-o", "m.png", "--bits", "16", "--derivative", "magnitude", "--range", "2"];
    let run = room.run(&flags).exits(0);
    assert!(run.stderr.contains("magnitude: code 0 is 0, code 65535 is 2"), "{}", run.stderr);
    let run = room.run(&["decode", "p.siren", "-o", "n.png", "--derivative", "normals", "--height", "9"]);
    assert!(run.exits(0).stderr.contains("normals: code 0 is -1, code 255 is 1"));
}

#[test]
fn derivatives_a_signal_lacks_or_a_format_cannot_hold_are_refused() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    room.put("q.siren", siren_with_profile());
    room.put("s.siren", siren_sound(80));
    let refused = |flags: &[&str], words: &[&str]| {
        room.run(&[&["decode"], flags].concat()).complains(2, words);
    };
    refused(&["p.siren", "--derivative", "dz"], &["p.siren", "dz of a picture", "x and y"]);
    refused(&["p.siren", "--derivative", "dt"], &["p.siren", "dt of a picture"]);
    refused(&["s.siren", "--derivative", "dx"], &["s.siren", "dx of a sound", "the axis t"]);
    refused(&["s.siren", "--derivative", "normals"], &["s.siren", "normals"]);
    refused(&["p.siren", "--height", "2"], &["--height", "normals"]);
    refused(&["p.siren", "--derivative", "gradient", "-o", "x.png"], &["x.png", "npy", "dx"]);
    refused(&["p.siren", "--derivative", "dx", "-o", "x.jpg"], &["x.jpg", "npy, tiff, exr"]);
    refused(&["p.siren", "--derivative", "dx", "-o", "x.png", "--bits", "f32"], &["x.png", "tiff"]);
    refused(&["p.siren", "--derivative", "dx", "-o", "x.tiff", "--bits", "8"], &["x.tiff", "png"]);
    refused(&["p.siren", "--derivative", "dx", "--range", "1"], &["p.npy", "--range"]);
    room.run(&["decode", "p.siren", "--derivative", "dw"]).exits(2);
    room.run(&["decode", "p.siren", "--derivative", "dx", "--max-macs", "100"]).complains(5, &["p.siren"]);
    room.run(&["sample", "-", "--at", "-"]).complains(2, &["standard input"]);
    room.put("a.csv", "x,y\n1,1\n");
    room.run(&["sample", "p.siren", "--at", "a.csv", "-o", "x.npy"]).complains(2, &["a.csv", "npy", "csv"]);
    room.run(&["sample", "p.siren", "--at", "a.csv", "--derivative", "dt"])
        .complains(2, &["dt of a picture"]);
    assert_eq!(room.names(), ["a.csv", "p.siren", "q.siren", "s.siren"]);
}
