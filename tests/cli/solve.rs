//! `sirenc solve`.

use crate::support::{Room, picture};

const QUICK: [&str; 8] = ["--layers", "2", "--width", "24", "--frequency", "6", "--effort", "1"];

#[test]
fn pictures_are_found_from_derivatives() {
    let room = Room::new();
    room.put("a.pgm", grey(24, 18));
    let solve = |arguments: &[&str]| room.run(&[&["solve", "poisson"], arguments, &QUICK].concat());
    let run = solve(&["--gradient-of", "a.pgm", "-o", "g.siren"]).exits(0);
    for word in ["a.pgm → g.siren: ", "gradient: error ", "values: PSNR ", "the mean is 0.5"] {
        assert!(run.stderr.contains(word), "{}", run.stderr);
    }
    let object = solve(&["--laplacian-of", "a.pgm", "--border", "-o", "l.siren", "--json"]).exits(0).json();
    // The Laplacian, its norm and the border, and the gradient and the Laplacian at the samples.
    assert_eq!(object["conditions"].as_array().unwrap().len(), 5);
    assert!(object["psnr_db"].as_f64().unwrap() > 10.0 && object["iterations"] == 250, "{object}");
    room.run(&["decode", "l.siren", "-o", "l.png"]).exits(0);
    let run = solve(&["--laplacian-of", "a.pgm", "-o", "l.siren", "-f"]).exits(0);
    assert!(run.stderr.contains("harmonic functions are free"), "{}", run.stderr);
    // A row has a gradient, and no Laplacian to compare.
    room.put("row.pgm", grey(40, 1));
    solve(&["--gradient-of", "row.pgm", "-o", "row.siren"]).exits(0);
    // Derivatives of a file, as arrays.
    room.run(&["decode", "g.siren", "--derivative", "gradient", "-o", "g.npy"]).exits(0);
    room.run(&["decode", "g.siren", "--derivative", "laplacian", "-o", "l.npy"]).exits(0);
    solve(&["--gradient", "g.npy", "-o", "h.siren", "--mean", "0.25"]).exits(0);
    solve(&["--laplacian", "l.npy", "-o", "k.siren", "-q"]).exits(0);
    room.run(&["info", "k.siren"]).exits(0);
}

#[test]
fn pictures_are_filled_and_put_together() {
    let room = Room::new();
    room.put("a.pgm", grey(24, 18));
    room.put("b.pgm", [b"P5 24 18 255\n".to_vec(), vec![200; 432]].concat());
    let hole = |i: usize| if (6..12).contains(&(i / 24)) && (8..16).contains(&(i % 24)) { 255 } else { 0 };
    room.put("hole.pgm", [b"P5 24 18 255\n".to_vec(), (0..432).map(hole).collect()].concat());
    let solve = |arguments: &[&str]| room.run(&[&["solve"], arguments, &QUICK].concat());
    let run = solve(&["fill", "a.pgm", "--mask", "hole.pgm", "-o", "f.siren"]).exits(0);
    assert!(run.stderr.contains("384 of 432 samples were known"), "{}", run.stderr);
    for (energy, weight) in [("--tv", "0.01"), ("--hessian", "1"), ("--tv2", "0.05")] {
        solve(&["fill", "a.pgm", "--mask", "hole.pgm", energy, weight, "-o", "t.siren", "-f"]).exits(0);
    }
    solve(&["fill", "a.pgm", "--mask", "hole.pgm", "--tv", "1", "--hessian", "1", "-o", "t.siren"]).exits(2);
    let run = solve(&["composite", "a.pgm", "b.pgm", "--mask", "hole.pgm", "-o", "c.siren"]).exits(0);
    assert!(run.stderr.contains("values: error "), "{}", run.stderr);
    let object = solve(&["composite", "a.pgm", "b.pgm", "-o", "m.siren", "--json"]).exits(0).json();
    assert_eq!(object["conditions"].as_array().unwrap().len(), 1);
    room.run(&["decode", "c.siren", "-o", "c.png"]).exits(0);
    // Faults.
    solve(&["fill", "a.pgm", "-o", "x.siren"]).complains(3, &["a.pgm", "nothing of it is missing"]);
    solve(&["fill", "a.pgm", "--mask", "b.pgm", "-o", "x.siren"])
        .complains(3, &["b.pgm", "nothing of the signal"]);
    room.put("small.pgm", grey(8, 8));
    solve(&["fill", "a.pgm", "--mask", "small.pgm", "-o", "x.siren"]).complains(3, &["small.pgm", "24×18"]);
    solve(&["composite", "a.pgm", "small.pgm", "-o", "x.siren"]).complains(3, &["small.pgm", "24×18"]);
}

#[test]
fn what_cannot_be_solved_is_refused_in_a_sentence() {
    let room = Room::new();
    room.put("a.pgm", grey(8, 8));
    room.put("c.ppm", picture(8, 8));
    let solve = |arguments: &[&str]| room.run(&[&["solve", "poisson"], arguments, &QUICK].concat());
    solve(&["-o", "a.siren"]).exits(2);
    solve(&["--gradient-of", "a.pgm", "--laplacian-of", "a.pgm", "-o", "a.siren"]).exits(2);
    solve(&["--gradient-of", "missing.png", "-o", "a.siren"]).complains(3, &["missing.png"]);
    room.put("dot.pgm", grey(1, 1));
    for derivative in ["--gradient-of", "--laplacian-of"] {
        solve(&[derivative, "dot.pgm", "-o", "a.siren"]).complains(3, &["dot.pgm", "too small"]);
    }
    solve(&["--gradient", "a.pgm", "-o", "a.siren"]).complains(3, &["a.pgm", "NPY"]);
    solve(&["--gradient-of", "a.pgm", "-o", "a.siren", "--width", "0"]).exits(2);
    room.run(&["encode", "c.ppm", "--layers", "1", "--width", "2", "--effort", "1"]).exits(0);
    room.run(&["decode", "c.siren", "--derivative", "laplacian", "-o", "l.npy"]).exits(0);
    solve(&["--gradient", "l.npy", "-o", "a.siren"]).complains(3, &["l.npy", "(height, width, channels, 2)"]);
    solve(&["--laplacian", "l.npy", "--border", "-o", "a.siren"]).complains(2, &["--border"]);
    room.put("in-the-way.siren", "");
    solve(&["--gradient-of", "a.pgm", "-o", "in-the-way.siren"]).complains(1, &["already exists"]);
}

#[test]
fn waves_are_found_and_wrong_ones_refused() {
    let room = Room::new();
    let solve = |arguments: &[&str]| room.run(&[&["solve"], arguments, &QUICK].concat());
    let waves = ["--wavenumber", "8", "--size", "32"];
    let run = solve(&[&["helmholtz", "-o", "h.siren", "--source=-0.2,0.1"], &waves[..]].concat()).exits(0);
    for word in [
        "equation: error ",
        "source 0: error ",
        "the outermost 0.5 of the square absorb",
        "note: the waves miss",
    ] {
        assert!(run.stderr.contains(word), "{}", run.stderr);
    }
    room.run(&["decode", "h.siren", "-o", "h.npy"]).exits(0);
    room.put("v.npy", npy(&[20, 20], &[1.25; 400]));
    solve(&[
        "helmholtz",
        "--wavenumber",
        "5",
        "--source",
        "0,0",
        "--velocity",
        "v.npy",
        "-o",
        "v.siren",
        "-q",
    ])
    .exits(0);
    let receivers: Vec<f64> =
        (0..12).map(|i| if i % 4 < 2 { 0.1 * f64::from(i) - 0.5 } else { 0.05 }).collect();
    room.put("heard.npy", npy(&[3, 4], &receivers));
    let inversion = ["helmholtz", "--wavenumber", "5", "--size", "24", "--receivers"];
    let heard =
        |name, sources: &[&str]| solve(&[&inversion[..], &[name, "-o", "i.siren", "-f"], sources].concat());
    let run = heard("heard.npy", &["--source=-0.2,0.1"]).exits(0);
    assert!(
        run.stderr.contains("receivers: error ") && run.stderr.contains("velocities from "),
        "{}",
        run.stderr
    );
    let run = room.run(&["info", "i.siren", "--json"]).exits(0);
    assert_eq!(run.json()["channels"], 3);
    heard("heard.npy", &["--source", "0,0", "--source", "0.1,0"])
        .complains(3, &["heard.npy", "[3, 4]", "(receivers, 6)", "2 sources"]);
    room.put("far.npy", npy(&[1, 4], &[0.5, 1.5, 0.0, 0.0]));
    heard("far.npy", &["--source", "0,0"]).complains(3, &["far.npy", "a receiver at 1.5"]);
    room.put("nan.npy", npy(&[1, 4], &[0.5, 0.5, f64::NAN, 0.0]));
    heard("nan.npy", &["--source", "0,0"]).complains(3, &["nan.npy", "NaN"]);
    let wave =
        ["wave", "--source", "0,0", "--duration", "0.3", "--size", "24", "--radius", "0.15", "-o", "w.siren"];
    let run = solve(&wave).exits(0);
    assert!(run.stderr.contains("5 samples of time, 0.075 each"), "{}", run.stderr);
    let shape = room.run(&["info", "w.siren", "--json"]).exits(0).json();
    assert!(shape.to_string().contains("24"), "{shape}");
    // Faults.
    solve(&[&["helmholtz", "-o", "x.siren", "--source", "2,0"], &waves[..]].concat()).exits(2);
    solve(&[&["helmholtz", "-o", "x.siren", "--source", "0.9,0"], &waves[..]].concat())
        .complains(2, &["0.9,0", "absorbed"]);
    solve(&["helmholtz", "-o", "x.siren", "--source", "0,0", "--wavenumber", "nan"]).exits(2);
    let run = solve(&["helmholtz", "-o", "x.siren", "--source", "0,0", "--wavenumber", "40", "--size", "16"]);
    assert!(run.exits(0).stderr.contains("samples each"));
    room.put("n.npy", npy(&[20, 20], &[-1.0; 400]));
    let with = |name: &str| {
        ["helmholtz", "--wavenumber", "5", "--source", "0,0", "-o", "y.siren", "--velocity"]
            .into_iter()
            .chain([name])
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let refused = |name: &str, words: &[&str]| {
        let arguments = with(name);
        solve(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).complains(3, words);
    };
    refused("n.npy", &["n.npy", "a velocity of -1"]);
    room.put("r.npy", npy(&[20, 10], &[1.0; 200]));
    refused("r.npy", &["r.npy", "a square"]);
    solve(&[
        "wave",
        "--source",
        "0,0",
        "--duration",
        "0.3",
        "--size",
        "24",
        "--radius",
        "0.01",
        "-o",
        "z.siren",
    ])
    .complains(2, &["--radius 0.01"]);
}

/// An array of binary64 numbers.
fn npy(shape: &[usize], numbers: &[f64]) -> Vec<u8> {
    let shape: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}), }}");
    let header = format!("{header:<117}\n");
    let numbers = numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    [b"\x93NUMPY\x01\x00\x76\x00".to_vec(), header.into_bytes(), numbers].concat()
}

/// A grey picture of a wave.
fn grey(width: usize, height: usize) -> Vec<u8> {
    let code = |i: usize| (128.0 + 60.0 * ((i % width) as f64 * 0.5).sin() + 2.0 * (i / width) as f64) as u8;
    [format!("P5 {width} {height} 255\n").into_bytes(), (0..width * height).map(code).collect()].concat()
}
