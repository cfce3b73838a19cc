//! Outputs: written as a whole or not at all, and existing files are not overwritten by accident.

use crate::support::{Room, picture, siren_picture, siren_with_channels};

#[test]
fn an_existing_output_is_refused_before_any_work() {
    let room = Room::new();
    room.put("a.siren", siren_picture(4, 4));
    room.put("a.png", "old");
    room.put("b.ppm", picture(4, 4));
    // A hint must not lead to overwriting a file that has the name of the original.
    let run = room.run(&["decode", "a.siren"]);
    run.complains(1, &["a.png", "exists", "original", "-o a.decoded.png"]);
    assert!(!room.run(&["decode", "a.siren"]).stderr.contains("-f"));
    room.run(&["decode", "a.siren", "-o", "a.png"]).complains(1, &["a.png", "exists", "-f"]);
    room.run(&["encode", "b.ppm", "-o", "a.siren"]).complains(1, &["a.siren", "exists", "-f"]);
    assert_eq!(room.get("a.png"), b"old");
    room.run(&["decode", "a.siren", "-f"]).exits(0);
    assert_ne!(room.get("a.png"), b"old");
    assert_eq!(room.names(), ["a.png", "a.siren", "b.ppm"]);
}

#[test]
fn the_output_may_be_the_second_argument() {
    let room = Room::new();
    room.put("a.siren", siren_picture(4, 4));
    room.put("b.siren", siren_picture(4, 4));
    room.run(&["decode", "a.siren", "x.bmp"]).exits(0);
    assert!(room.get("x.bmp").starts_with(b"BM"));
    room.run(&["decode", "a.siren", "x.bmp"]).complains(1, &["x.bmp", "exists", "-f"]);
    let piped = room.run(&["decode", "a.siren", "-"]).exits(0);
    assert!(piped.stdout.starts_with(b"\x89PNG"));
    room.run(&["decode", "a.siren", "b.siren"]).complains(2, &["b.siren", "one file", "at a time"]);
    room.run(&["decode", "a.siren", "x.png", "-o", "y.png"]).exits(2);
    assert_eq!(room.names(), ["a.siren", "b.siren", "x.bmp"]);
}

#[test]
fn a_failed_run_leaves_what_was_there() {
    let room = Room::new();
    room.put("a.siren", siren_picture(9, 9));
    room.put("a.png", "old");
    room.run(&["decode", "a.siren", "-f", "--max-macs", "5"]).exits(5);
    assert_eq!(room.get("a.png"), b"old");
    assert_eq!(room.names(), ["a.png", "a.siren"]);
}

#[test]
fn the_input_is_never_replaced() {
    let room = Room::new();
    room.put("a.png", siren_picture(4, 4));
    room.run(&["decode", "a.png", "-f"]).complains(2, &["a.png", "replace the input", "-o"]);
    room.run(&["decode", "a.png", "-f", "-o", "./a.png"]).complains(2, &["./a.png", "replace the input"]);
    assert_eq!(room.get("a.png"), siren_picture(4, 4));
}

#[test]
fn an_output_that_cannot_be_is_told_before_any_work() {
    let room = Room::new();
    room.put("a.siren", siren_picture(4, 4));
    room.put("b.ppm", picture(4, 4));
    std::fs::create_dir(room.path("d")).unwrap();
    for (command, input) in [("decode", "a.siren"), ("encode", "b.ppm")] {
        room.run(&[command, input, "-o", "d"]).complains(1, &["d: ", "directory"]);
        room.run(&[command, input, "-f", "-o", "d"]).complains(1, &["d: ", "directory"]);
        room.run(&[command, input, "-o", "no/such/x.png"]).complains(1, &["no/such", "does not exist"]);
        room.run(&[command, input, "-o", "b.ppm/x.png"]).complains(1, &["b.ppm/x.png"]);
    }
    room.run(&["decode", "a.siren", "-o", "x.exe"]).complains(2, &["x.exe", "exe", "png", "--format"]);
}

#[test]
fn the_extension_chooses_the_format_and_format_overrides_it() {
    let room = Room::new();
    room.put("a.siren", siren_picture(4, 4));
    for (name, magic) in [
        ("x.png", &b"\x89PNG"[..]),
        ("x.jpg", b"\xFF\xD8\xFF"),
        ("x.tiff", b"II*\0"),
        ("x.webp", b"RIFF"),
        ("x.bmp", b"BM"),
        ("x.exr", b"v/1\x01"),
        ("x.npy", b"\x93NUMPY"),
    ] {
        room.run(&["decode", "a.siren", "-o", name]).exits(0);
        assert!(room.get(name).starts_with(magic), "{name}");
    }
    room.run(&["decode", "a.siren", "-o", "y.png", "--format", "npy"]).exits(0);
    assert!(room.get("y.png").starts_with(b"\x93NUMPY"));
    room.run(&["decode", "a.siren", "--format", "bmp"]).exits(0);
    assert!(room.get("a.bmp").starts_with(b"BM"));
}

#[test]
fn names_of_netpbm_formats_say_what_is_in_them() {
    let room = Room::new();
    room.put("grey.siren", siren_with_channels(1));
    room.put("rgb.siren", siren_with_channels(3));
    room.put("rgba.siren", siren_with_channels(4));
    for (input, name, magic) in [
        ("grey.siren", "g.pgm", b"P5"),
        ("grey.siren", "g.ppm", b"P6"),
        ("grey.siren", "g.pnm", b"P5"),
        ("grey.siren", "g.pam", b"P7"),
        ("rgb.siren", "c.ppm", b"P6"),
        ("rgb.siren", "c.pnm", b"P6"),
        ("rgb.siren", "c.pam", b"P7"),
        ("rgba.siren", "a.pnm", b"P7"),
        ("rgba.siren", "a.pam", b"P7"),
    ] {
        for bits in ["8", "16"] {
            room.run(&["decode", input, name, "-f", "--bits", bits]).exits(0);
            assert!(room.get(name).starts_with(magic), "{input} as {name}");
        }
    }
    room.run(&["decode", "rgb.siren", "x.pgm"]).complains(2, &["x.pgm", "colour", "PPM"]);
    room.run(&["decode", "rgba.siren", "x.pgm"]).complains(2, &["x.pgm", "alpha", "PAM"]);
    room.run(&["decode", "rgba.siren", "x.ppm"]).complains(2, &["x.ppm", "alpha", "PAM"]);
    // Grey stored as RGB has the same value in every channel.
    room.run(&["decode", "grey.siren", "g.pgm", "-f"]).exits(0);
    room.run(&["decode", "grey.siren", "g.ppm", "-f"]).exits(0);
    let (grey, rgb) = (room.get("g.pgm"), room.get("g.ppm"));
    let samples = |file: &[u8], count: usize| file[file.len() - count..].to_vec();
    let tripled: Vec<u8> = samples(&grey, 20).iter().flat_map(|&code| [code; 3]).collect();
    assert_eq!(samples(&rgb, 60), tripled);
}

#[test]
fn bits_are_advised_where_they_help() {
    let room = Room::new();
    room.put("rgba.siren", siren_with_channels(4));
    let run = room.run(&["decode", "rgba.siren", "x.jpg"]).exits(2);
    assert!(run.stderr.contains("alpha") && !run.stderr.contains("--bits"), "{}", run.stderr);
}

#[test]
fn a_picture_flows_through_standard_input_and_output() {
    let room = Room::new();
    let piped = room.feed(&["decode", "-"], &siren_picture(4, 4)).exits(0);
    assert!(piped.stdout.starts_with(b"\x89PNG"));
    let npy = room.feed(&["decode", "-", "-o", "-", "--format", "npy"], &siren_picture(4, 4)).exits(0);
    assert!(npy.stdout.starts_with(b"\x93NUMPY"));
    assert_eq!(room.names(), [""; 0]);
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    #[test]
    fn a_new_file_has_the_permissions_of_any_new_file() {
        let room = Room::new();
        let mode = |name: &str| fs::metadata(room.path(name)).unwrap().permissions().mode();
        room.put("a.siren", siren_picture(4, 4));
        room.run(&["decode", "a.siren"]).exits(0);
        assert_eq!(mode("a.png"), mode("a.siren"));
        fs::set_permissions(room.path("a.png"), fs::Permissions::from_mode(0o604)).unwrap();
        room.run(&["decode", "a.siren", "-f"]).exits(0);
        assert_eq!(mode("a.png") & 0o777, 0o604, "what is replaced keeps its own");
    }

    #[test]
    fn a_result_is_no_more_open_than_what_it_is_made_from_or_replaces() {
        let room = Room::new();
        let set = |name: &str, mode: u32| {
            fs::set_permissions(room.path(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        let mode = |name: &str| fs::metadata(room.path(name)).unwrap().permissions().mode() & 0o7777;
        room.put("a.ppm", picture(4, 4));
        set("a.ppm", 0o600);
        let encode = ["encode", "a.ppm", "-q", "--effort", "1", "--layers", "1", "--width", "2", "-f"];
        room.run(&encode).exits(0);
        assert_eq!(mode("a.siren"), 0o600, "a private picture");
        set("a.siren", 0o400);
        room.run(&["decode", "a.siren"]).exits(0);
        assert_eq!(mode("a.png"), 0o600, "a private file, which its owner may not write");
        set("a.siren", 0o4640);
        room.run(&encode).exits(0);
        assert_eq!(mode("a.siren"), 0o640, "what is replaced keeps its own, but no setuid");
    }

    #[test]
    fn a_link_is_written_through() {
        let room = Room::new();
        room.put("a.siren", siren_picture(4, 4));
        fs::create_dir(room.path("d")).unwrap();
        room.put("d/old.png", "old");
        symlink("d/old.png", room.path("link.png")).unwrap();
        symlink("d/new.png", room.path("dangling.png")).unwrap();
        room.run(&["decode", "a.siren", "-o", "link.png"]).complains(1, &["link.png", "exists"]);
        room.run(&["decode", "a.siren", "-o", "link.png", "-f"]).exits(0);
        room.run(&["decode", "a.siren", "-o", "dangling.png"]).exits(0);
        for (link, target) in [("link.png", "d/old.png"), ("dangling.png", "d/new.png")] {
            assert!(fs::symlink_metadata(room.path(link)).unwrap().is_symlink());
            assert!(room.get(target).starts_with(b"\x89PNG"));
        }
    }

    #[test]
    fn devices_and_pipes_are_written_and_not_replaced() {
        let room = Room::new();
        room.put("a.siren", siren_picture(4, 4));
        room.run(&["decode", "a.siren", "-o", "/dev/null", "--format", "png"]).exits(0);
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let out = room.run(&["decode", "a.siren", "-o", "/dev/stdout", "--format", "png"]).exits(0);
        assert!(out.stdout.starts_with(b"\x89PNG"));

        assert!(Command::new("mkfifo").arg(room.path("pipe.png")).status().unwrap().success());
        let pipe = room.path("pipe.png");
        let reader = std::thread::spawn(move || fs::read(pipe).unwrap());
        room.run(&["decode", "a.siren", "-o", "pipe.png"]).exits(0);
        assert!(reader.join().unwrap().starts_with(b"\x89PNG"));
        assert_eq!(room.names(), ["a.siren", "pipe.png"]);
    }

    #[test]
    fn a_full_disk_is_a_sentence_and_the_old_output_stays() {
        let room = Room::new();
        room.put("a.siren", siren_picture(64, 64));
        room.put("a.png", "old");
        if fs::metadata("/dev/full").is_ok() {
            let run = room.run(&["decode", "a.siren", "-o", "/dev/full", "--format", "png"]);
            run.complains(1, &["/dev/full", "no space left on device"]);
        }
        let limited = format!("ulimit -f 0; exec '{}' decode a.siren -f", env!("CARGO_BIN_EXE_sirenc"));
        let output = Command::new("sh").args(["-c", &limited]).current_dir(room.path("")).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.starts_with("sirenc: a.png: writing failed: file too large"), "{stderr}");
        assert_eq!(room.get("a.png"), b"old");
        assert_eq!(room.names(), ["a.png", "a.siren"]);
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_told_before_any_work() {
        let room = Room::new();
        fs::create_dir(room.path("d")).unwrap();
        fs::set_permissions(room.path("d"), fs::Permissions::from_mode(0o555)).unwrap();
        if fs::write(room.path("d/probe"), "").is_ok() {
            return; // The superuser may write anywhere.
        }
        room.put("a.ppm", picture(4, 4));
        room.run(&["encode", "a.ppm", "-o", "d/a.siren"]).complains(1, &["d/a.siren", "permission denied"]);
    }
}
