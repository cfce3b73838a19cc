//! Encoding, from a file to a verified file and back.

use crate::support::{Room, picture, siren_with_profile, sound};

/// Small and fast, because these tests do not depend on the quality of the fit.
const FAST: [&str; 6] = ["--effort", "1", "--layers", "1", "--width", "4"];

fn encode<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    [&["encode"][..], rest, &FAST].concat()
}

#[test]
fn a_picture_goes_in_and_comes_back() {
    let room = Room::new();
    room.put("a.ppm", picture(16, 12));
    let run = room.run(&encode(&["a.ppm"])).exits(0);
    assert!(run.stderr.starts_with("a.ppm → a.siren: "), "{}", run.stderr);
    for word in ["bytes", "bpp", "dB", " s\n"] {
        assert!(run.stderr.contains(word), "{word} in {}", run.stderr);
    }
    room.run(&["verify", "a.siren", "a.ppm"]).exits(0);
    room.run(&["decode", "a.siren"]).exits(0);
    assert_eq!(room.names(), ["a.png", "a.ppm", "a.siren"]);
}

#[test]
fn several_inputs_are_encoded_each_by_itself() {
    let room = Room::new();
    for (name, width) in [("a.ppm", 16), ("b.ppm", 8), ("c.ppm", 12)] {
        room.put(name, picture(width, 9));
    }
    room.put("b.siren", "in the way");
    let run = room.run(&encode(&["a.ppm", "b.ppm", "missing.png", "c.ppm"])).exits(1);
    let said: Vec<&str> = run.stderr.lines().filter(|line| !line.contains(" note: ")).collect();
    assert!(said[0].starts_with("a.ppm → a.siren: ") && said[3].starts_with("c.ppm → c.siren: "), "{said:?}");
    assert!(
        said[1].contains("b.siren: the file already exists") && said[2].contains("missing.png: no such"),
        "{said:?}"
    );
    let together = room.get("c.siren");
    room.run(&encode(&["c.ppm", "-f"])).exits(0);
    assert!(room.get("c.siren") == together);

    room.run(&encode(&["a.ppm", "c.ppm", "-o", "d"])).complains(2, &["--output names one file"]);
    room.run(&encode(&["a.ppm", "-"])).complains(2, &["standard input"]);
    room.run(&encode(&["a.ppm", "a.png"])).complains(2, &["a.siren"]);
}

#[test]
fn a_directory_takes_the_outputs_of_all() {
    let room = Room::new();
    std::fs::create_dir(room.path("in")).unwrap();
    room.put("a.ppm", picture(16, 12));
    room.put("in/b.ppm", picture(8, 12));
    room.put("in/a.ppm", picture(8, 12));
    let run = room.run(&encode(&["a.ppm", "in/b.ppm", "--output-dir", "new/out"])).exits(0);
    assert!(run.stderr.contains("in/b.ppm → new/out/b.siren"), "{}", run.stderr);
    room.run(&["verify", "new/out/a.siren", "a.ppm"]).exits(0);
    room.run(&encode(&["a.ppm", "in/a.ppm", "--output-dir", "new"])).complains(2, &["two", "new/a.siren"]);
    room.run(&encode(&["a.ppm", "-o", "x", "--output-dir", "new"])).exits(2);
    room.run(&encode(&["-", "--output-dir", "new"])).complains(2, &["--output-dir", "standard input"]);
    room.run(&encode(&["a.ppm", "--output-dir", "a.ppm"])).complains(1, &["a.ppm", "file exists"]);
    assert_eq!(room.names(), ["a.ppm", "in", "new"]);
}

#[test]
fn folders_are_encoded_in_shares_and_what_is_there_is_kept() {
    let room = Room::new();
    for folder in ["in/deep", "in/.hidden", "empty"] {
        std::fs::create_dir_all(room.path(folder)).unwrap();
    }
    for (name, width) in [("in/a.ppm", 16), ("in/deep/b", 8), ("in/deep/c.ppm", 12), ("in/.hidden/d.ppm", 9)]
    {
        room.put(name, picture(width, 9));
    }
    room.put("in/words.txt", "not a picture");
    let folder = |more: &[&str]| room.run(&encode(&[&["-r", "in", "--output-dir", "out"], more].concat()));
    let run = folder(&["--shard", "2/2"]).exits(0);
    assert!(run.stderr.contains("in/deep/b → out/deep/b.siren"), "{}", run.stderr);
    assert!(run.stderr.contains("in: 1 file of other kinds passed over"), "{}", run.stderr);
    assert!(!room.path("out/a.siren").exists() && !room.path("out/deep/c.siren").exists());

    // The second run does the rest, and the first output is as it was.
    let kept = room.get("out/deep/b.siren");
    let run = folder(&["--skip-existing", "--jsonl"]).exits(0);
    let lines: Vec<serde_json::Value> =
        run.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let skipped: Vec<bool> = lines.iter().map(|line| line["skipped"] == true).collect();
    assert_eq!(skipped, [false, true, false], "{lines:?}");
    assert_eq!(lines[1]["output"], "out/deep/b.siren");
    assert!(room.get("out/deep/b.siren") == kept);
    for name in ["a", "deep/c"] {
        room.run(&["verify", &format!("out/{name}.siren"), &format!("in/{name}.ppm")]).exits(0);
    }
    assert!(!room.path("out/.hidden").exists());

    // What is there and wrong is kept too, and said.
    room.put("out/a.siren", "damaged");
    room.put("out/deep/b.siren", room.get("out/deep/c.siren"));
    let run = folder(&["--skip-existing", "--jsonl"]).exits(1);
    let failed = run.text().lines().filter(|line| line.contains("not made from this input")).count();
    assert_eq!(failed, 2, "{}", run.text());
    assert!(room.get("out/a.siren") == b"damaged");
    folder(&["--skip-existing", "-f"]).exits(0);
    assert!(room.get("out/deep/b.siren") == kept);

    // The worst exit code is that of the run, and failures are objects.
    let run = room.run(&encode(&["missing.png", "in/a.ppm", "--jsonl", "-f"])).exits(3);
    let first: serde_json::Value = serde_json::from_str(run.text().lines().next().unwrap()).unwrap();
    assert_eq!((&first["input"], &first["exit"]), (&"missing.png".into(), &3.into()));
    assert!(first["error"].as_str().unwrap().contains("no such file"));
    for shard in ["0/2", "3/2", "1", "a/b", "1/0"] {
        assert!(room.run(&encode(&["-r", "in", "--shard", shard])).exits(2).stderr.contains("I/N"));
    }
    room.put("empty/words.txt", "no picture");
    room.run(&encode(&["-r", "empty"])).complains(3, &["empty", "no file in it"]);
    room.run(&encode(&["-r", "in/deep", "-o", "x.siren"])).complains(2, &["--output names one file"]);
}

#[test]
fn the_output_may_be_the_second_of_two_arguments() {
    let room = Room::new();
    room.put("a.ppm", picture(16, 12));
    room.put("b.ppm", picture(8, 12));
    let run = room.run(&encode(&["a.ppm", "out.siren"])).exits(0);
    assert!(run.stderr.starts_with("a.ppm → out.siren: "), "{}", run.stderr);
    room.run(&encode(&["a.ppm", "out.siren"])).complains(1, &["out.siren", "exists", "-f"]);
    let piped = room.feed(&encode(&["-", "piped.SIREN"]), &picture(16, 12)).exits(0);
    assert!(piped.stdout.is_empty());
    assert!(room.get("piped.SIREN") == room.get("out.siren"));
    // A single output for several inputs is an error before any work.
    room.run(&encode(&["a.ppm", "b.ppm", "new.siren"]))
        .complains(2, &["new.siren", "one output", "several inputs"]);
    // A .siren file is rejected as an input, and the other inputs are encoded.
    let run = room.run(&encode(&["a.ppm", "b.ppm", "out.siren"])).exits(3);
    assert!(
        run.stderr.contains("out.siren: this is a .siren file") && run.stderr.contains("decode"),
        "{}",
        run.stderr
    );
    room.run(&encode(&["out.siren"])).complains(3, &["out.siren", "a .siren file", "`sirenc decode`"]);
    assert_eq!(room.names(), ["a.ppm", "a.siren", "b.ppm", "b.siren", "out.siren", "piped.SIREN"]);
}

#[test]
fn a_size_below_the_smallest_file_names_its_flag_and_what_takes_the_room() {
    let room = Room::new();
    room.put("a.ppm", picture(4, 4));
    for (flag, value, bytes) in [("--bpp", "3", "6 bytes"), ("--size", "9", "9 bytes")] {
        let run = room.run(&["encode", "a.ppm", "--effort", "1", flag, value]).exits(2);
        assert!(
            run.stderr.starts_with(&format!("sirenc: a.ppm: {flag} {value} is {bytes}")),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains("metadata"), "{}", run.stderr);
    }
    room.put("s.wav", sound(40));
    room.run(&["encode", "s.wav", "--kbps", "2"])
        .complains(2, &["s.wav", "--kbps 2 is 1 bytes", "smallest file"]);
    room.put("p.siren", siren_with_profile());
    room.run(&["decode", "p.siren", "p.png"]).exits(0);
    room.run(&["encode", "p.png", "q.siren", "--bpp", "5"])
        .complains(2, &["--bpp 5 is 15 bytes", "of them metadata", "--no-metadata"]);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_text_have_their_bytes_in_the_object() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let room = Room::new();
    let name = OsStr::from_bytes(b"a\xff.ppm");
    std::fs::write(room.path("").join(name), picture(8, 8)).unwrap();
    let output = room.command(&encode(&["--json"])).arg(name).output().unwrap();
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&object["input"], &object["input_hex"]), (&"a\u{fffd}.ppm".into(), &"61ff2e70706d".into()));
    assert_eq!(object["output_hex"], "61ff2e736972656e");
    room.put("b.ppm", picture(8, 8));
    assert!(room.run(&encode(&["b.ppm", "--json"])).exits(0).json().get("input_hex").is_none());
}

#[test]
fn the_object_has_the_fields_that_scripts_rely_on() {
    let room = Room::new();
    room.put("a.ppm", picture(16, 12));
    let run = room.run(&encode(&["a.ppm", "--json", "--seed", "7"])).exits(0);
    assert_eq!(run.stderr, "");
    let object = run.json();
    for name in [
        "input",
        "output",
        "field",
        "bytes",
        "bpp",
        "psnr_db",
        "max_error",
        "seconds",
        "steps",
        "parameters",
        "layers",
        "width",
        "device",
        "effort",
        "seed",
        "version",
    ] {
        assert!(object.get(name).is_some_and(|value| !value.is_null()), "{name} in {object}");
    }
    let bytes = room.get("a.siren").len();
    assert_eq!((&object["input"], &object["output"]), (&"a.ppm".into(), &"a.siren".into()));
    assert_eq!((&object["bytes"], &object["bpp"]), (&bytes.into(), &(8.0 * bytes as f64 / 192.0).into()));
    assert_eq!((&object["layers"], &object["width"], &object["seed"]), (&1.into(), &4.into(), &7.into()));

    let verified = room.run(&["verify", "a.siren", "a.ppm", "--json"]).exits(0).json();
    let (found, claimed) = (verified["psnr_db"].as_f64().unwrap(), object["psnr_db"].as_f64().unwrap());
    assert!((found - claimed).abs() < 1e-3, "{found} and {claimed}");
    assert_eq!(verified["max_error"], object["max_error"]);

    room.put("s.wav", sound(400));
    let object = room.run(&encode(&["s.wav", "--json"])).exits(0).json();
    assert!(object["kbps"].is_number() && object["snr_db"].is_number() && object.get("bpp").is_none());
}

#[test]
fn the_pipe_gives_the_bytes_of_the_file() {
    let room = Room::new();
    room.put("a.ppm", picture(16, 16));
    room.run(&encode(&["a.ppm"])).exits(0);
    let piped = room.feed(&encode(&["-"]), &picture(16, 16)).exits(0);
    assert_eq!(piped.stdout, room.get("a.siren"));
    assert!(piped.stderr.starts_with("standard input → standard output"), "{}", piped.stderr);
}

#[test]
fn a_size_is_never_exceeded() {
    let room = Room::new();
    room.put("a.ppm", picture(24, 24));
    room.run(&["encode", "a.ppm", "--size", "300", "--effort", "1", "-q"]).exits(0);
    let bytes = room.get("a.siren").len();
    assert!((200..=300).contains(&bytes), "{bytes}");
}

#[test]
fn a_target_out_of_reach_is_told_and_the_best_file_written() {
    let room = Room::new();
    room.put("a.ppm", picture(16, 16));
    let run = room.run(&["encode", "a.ppm", "--psnr", "120", "--effort", "1", "--time-limit", "1", "-q"]);
    run.complains(6, &["a.ppm", "target", "120 dB"]);
    room.run(&["verify", "a.siren", "a.ppm"]).exits(0);
}

#[test]
fn an_unusable_device_is_an_error_and_not_a_fallback() {
    let room = Room::new();
    room.put("a.ppm", picture(4, 4));
    room.run(&encode(&["a.ppm", "--device", "cuda:4294967295"])).complains(1, &["a.ppm", "cuda"]);
    assert_eq!(room.names(), ["a.ppm"]);
}

#[test]
fn verbose_names_the_device_and_the_networks() {
    let room = Room::new();
    room.put("a.ppm", picture(8, 8));
    let run = room.run(&encode(&["a.ppm", "-v"])).exits(0);
    for word in ["fitting a picture of 8×8 RGB", "device", "field", "networks", "steps", "max error"] {
        assert!(run.stderr.contains(word), "{word} in {}", run.stderr);
    }
}

fn npy(shape: &[u64], values: &[f32]) -> Vec<u8> {
    let mut file = vec![];
    sirenc::media::write_npy(&mut file, shape, values.iter().copied()).unwrap();
    file
}

#[test]
fn a_weight_of_the_gradient_makes_it_better() {
    let room = Room::new();
    room.put("a.png", std::fs::read("fixtures/media/astronaut-128.png").unwrap());
    let encode = ["encode", "a.png", "--field", "siren", "--bpp", "3", "--effort", "2", "-q", "-f"];
    let error = |rest: &[&str]| {
        room.run(&[&encode[..], rest].concat()).exits(0);
        let verified = room.run(&["verify", "a.siren", "a.png", "--derivatives", "--json"]).exits(0).json();
        verified["gradient_error"].as_f64().unwrap()
    };
    let (without, with) = (error(&[]), error(&["--gradient-weight", "0.1"]));
    assert!(with < 0.8 * without, "{with} with it, {without} without");
    // A supplied gradient: that of the decoded picture gives nearly the same result, a zero gradient a flat
    // picture.
    room.run(&["decode", "a.siren", "-o", "own.npy", "--derivative", "gradient"]).exits(0);
    let own = error(&["--gradient-weight", "0.1", "--gradient", "own.npy"]);
    assert!(own < 0.8 * without, "{own} with its own, {without} without");
    room.put("flat.npy", npy(&[128, 128, 3, 2], &[0.0; 128 * 128 * 6]));
    let flat = error(&["--gradient-weight", "100", "--gradient", "flat.npy"]);
    assert!((0.9..1.1).contains(&flat), "{flat}");
}

#[test]
fn a_gradient_that_is_not_the_pictures_is_refused() {
    let room = Room::new();
    room.put("a.ppm", picture(16, 12));
    room.put("turned.npy", npy(&[16, 12, 3, 2], &[0.0; 1152]));
    room.put("endless.npy", npy(&[12, 16, 3, 2], &[f32::NAN; 1152]));
    room.put("right.npy", npy(&[12, 16, 3, 2], &[0.0; 1152]));
    let weight = ["--gradient-weight", "1"];
    let encode = |rest: &[&'static str]| encode(&[&["a.ppm"], rest].concat());
    room.run(&encode(&["--gradient", "right.npy"])).exits(2);
    room.run(&encode(&["--gradient", "right.npy", "--gradient-weight", "0"]))
        .complains(2, &["gradient_weight is 0"]);
    for (name, code, words) in [
        ("turned.npy", 3, "an array of [16, 12, 3, 2] was found, [12, 16, 3, 2] was expected"),
        ("endless.npy", 2, "number 0 is NaN, expected finite numbers"),
        ("a.ppm", 3, "no \\x93NUMPY"),
        ("none.npy", 3, "no such file"),
    ] {
        room.run(&encode(&[&["--gradient", name], &weight[..]].concat())).complains(code, &[words]);
    }
    for bad in ["-1", "nan", "1001", "much"] {
        room.run(&encode(&["--gradient-weight", bad])).exits(2);
    }
    assert!(!room.names().contains(&"a.siren".into()));
}
