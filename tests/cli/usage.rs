//! Flags: help, usage errors, completions and manual pages.

use crate::support::{Room, picture, siren_picture, siren_sound, sound};

const COMMANDS: [&str; 8] = ["encode", "decode", "sample", "info", "verify", "compare", "completions", "man"];

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let room = Room::new();
    let help = room.run(&["--help"]).exits(0);
    for word in COMMANDS.iter().chain(&["fit → quantize → container", "Examples:", "130"]) {
        assert!(help.text().contains(word), "{word}");
    }
    let short = room.run(&["-h"]).exits(0);
    assert!(short.text().len() < help.text().len());
}

#[test]
fn every_command_has_a_short_and_a_long_help() {
    let room = Room::new();
    for command in COMMANDS {
        let (short, long) = (room.run(&[command, "-h"]).exits(0), room.run(&[command, "--help"]).exits(0));
        assert!(short.text().contains("Usage: sirenc"), "{command}");
        assert!(long.text().len() > short.text().len(), "{command}");
    }
}

#[test]
fn help_of_a_command_is_its_long_help() {
    let room = Room::new();
    for command in COMMANDS {
        let (of, own) = (room.run(&["help", command]).exits(0), room.run(&[command, "--help"]).exits(0));
        assert_eq!(of.text(), own.text(), "{command}");
    }
    room.run(&["help", "frobnicate"]).exits(2);
}

#[test]
fn help_fits_into_80_columns() {
    let room = Room::new();
    for command in [""].iter().chain(&COMMANDS) {
        let arguments = [command, "--help"];
        let help = room
            .command(&arguments[usize::from(command.is_empty())..])
            .env("COLUMNS", "80")
            .output()
            .unwrap()
            .stdout;
        let mut table = false;
        for line in String::from_utf8(help).unwrap().lines() {
            assert!(line.chars().count() <= 80, "{command}: {line}");
            // Lines of examples and tables are not broken.
            let heading = matches!(line, "Examples:" | "JSON object:" | "Exit status:");
            assert!(!table || heading || line.is_empty() || line.starts_with("  "), "{command}: {line}");
            table |= heading;
        }
    }
}

#[test]
fn every_key_of_an_object_is_explained_in_the_help() {
    let room = Room::new();
    room.put("p.ppm", picture(16, 16));
    room.put("s.wav", sound(80));
    for (input, output) in [("p.ppm", "p.siren"), ("s.wav", "s.siren")] {
        let fast = ["--effort", "1", "--layers", "1", "--width", "4", "--json"];
        for run in [
            &[&["encode", input, output], &fast[..]].concat()[..],
            &["info", output, "--json"],
            &["verify", output, input, "--min-psnr", "1", "--derivatives", "--json"],
            &["compare", input, output, "--json"],
        ] {
            let help = room.run(&[run[0], "--help"]).exits(0);
            let (_, explained) = help.text().split_once("JSON object:").unwrap();
            let words: Vec<&str> = explained.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            for key in room.run(run).exits(0).json().as_object().unwrap().keys() {
                assert!(words.contains(&key.as_str()), "{key} of {}", run[0]);
            }
        }
    }
}

#[test]
fn a_number_below_zero_is_a_value_and_not_a_flag() {
    let room = Room::new();
    for (command, flag, value, expected) in [
        ("encode", "--bpp", "-1", "a positive number"),
        ("encode", "--seed", "-1", "a whole number from 0 to 18446744073709551615"),
        ("encode", "--threads", "-2", "a whole number from 1 to 65535"),
        ("encode", "--threads", "0", "a whole number from 1 to 65535"),
        ("encode", "--threads", "100000", "a whole number from 1 to 65535"),
        ("encode", "--effort", "-1", "a whole number from 1 to 9"),
        ("encode", "--quality", "-5", "a number from 0 to 100"),
        ("decode", "--scale", "-1.5", "a positive number"),
        ("decode", "--rate", "-8000", "a whole number from 1 to 2147483647"),
        ("decode", "--threads", "0", "a whole number from 1 to 65535"),
        ("decode", "--max-pixels", "-1", "a count"),
        ("verify", "--min-psnr", "-1", "a positive number"),
    ] {
        let run = room.run(&[command, "a", flag, value]).exits(2);
        let said = format!("invalid value '{value}' for '{flag} ");
        assert!(run.stderr.contains(&said) && run.stderr.contains(expected), "{}", run.stderr);
    }
}

#[test]
fn flags_of_other_tools_lead_to_their_like() {
    let room = Room::new();
    let run = room.run(&["encode", "a.png", "--lossless"]).exits(2);
    assert!(run.stderr.contains("'--lossless'") && run.stderr.contains("tip: "), "{}", run.stderr);
    assert!(run.stderr.contains("--quality 100"), "{}", run.stderr);
    let run = room.run(&["decode", "a.siren", "--width", "640"]).exits(2);
    assert!(run.stderr.contains("--size WxH"), "{}", run.stderr);
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = Room::new().run(&["--version"]).exits(0);
    assert_eq!(version.text(), format!("sirenc {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn no_command_or_an_unknown_one_is_a_usage_error() {
    let room = Room::new();
    room.run(&[]).exits(2);
    room.run(&["frobnicate"]).exits(2);
    room.run(&["encode"]).exits(2);
    room.run(&["info", "a", "b"]).exits(2);
    room.run(&["encode", "--frobnicate", "a"]).exits(2);
}

#[test]
fn two_targets_are_a_usage_error() {
    let room = Room::new();
    room.put("a.ppm", picture(4, 4));
    let targets = [
        ["--bpp", "1"],
        ["--size", "2kB"],
        ["--psnr", "30"],
        ["--nrmse", "1%"],
        ["--quality", "50"],
        ["--kbps", "8"],
        ["--layers", "2"],
    ];
    for (i, [first, value]) in targets.iter().enumerate() {
        for [second, other] in &targets[i + 1..] {
            room.run(&["encode", "a.ppm", first, value, second, other]).exits(2);
        }
    }
    assert_eq!(room.names(), ["a.ppm"]);
}

#[test]
fn impossible_values_are_usage_errors() {
    let room = Room::new();
    for (flag, value) in [
        ("--bpp", "0"),
        ("--bpp", "nan"),
        ("--bpp", "inf"),
        ("--bpp=-1", "x"),
        ("--size", "20 bananas"),
        ("--size", "0"),
        ("--psnr", "high"),
        ("--quality", "101"),
        ("--effort", "0"),
        ("--effort", "10"),
        ("--threads", "0"),
        ("--device", "abacus"),
        ("--time-limit", "0"),
        ("--weights", "f64"),
        ("--layers", "3"),
        ("--width", "3"),
    ] {
        room.run(&["encode", "a.ppm", flag, value]).exits(2);
    }
    for (flag, value) in [
        ("--size", "0x480"),
        ("--scale", "0"),
        ("--rate", "0"),
        ("--bits", "12"),
        ("--format", "exe"),
        ("--max-pixels", "many"),
        ("--region", "1,2,3"),
        ("--region", "1,2,3,4,5"),
        ("--region", "1,2,0,4"),
        ("--region", "-1,2,3,4"),
        ("--region", "1,2,nan,4"),
        ("--region", "1,two,3,4"),
        ("--time", "2..1"),
        ("--slice", "z"),
        ("--time", "1..1"),
        ("--time", "-1..1"),
        ("--time", "nan..1"),
    ] {
        room.run(&["decode", "a.siren", flag, value]).exits(2);
    }
    room.run(&["decode", "a.siren", "--size", "4x4", "--scale", "2"]).exits(2);
}

#[test]
fn flags_of_sound_do_not_fit_pictures_nor_the_other_way_round() {
    let room = Room::new();
    room.put("p.ppm", picture(4, 4));
    room.put("p.siren", siren_picture(4, 4));
    room.put("s.siren", siren_sound(40));
    room.put("s.wav", sound(40));
    room.run(&["encode", "p.ppm", "-o", "x", "--kbps", "8"]).complains(2, &["p.ppm", "--kbps", "--bpp"]);
    room.run(&["decode", "p.siren", "--rate", "8000"]).complains(2, &["p.siren", "--rate"]);
    room.run(&["decode", "s.siren", "-o", "x.wav", "--size", "4x4"]).complains(2, &["s.siren", "--rate"]);
    room.run(&["decode", "p.siren", "--size", "640"]).complains(2, &["p.siren", "2: x, y"]);
    room.run(&["decode", "p.siren", "--slice", "z=1"]).complains(2, &["p.siren", "axes x, y"]);
    room.run(&["decode", "s.siren", "-o", "x.wav", "--time", "0.001"]).complains(2, &["s.siren", "A..B"]);
    room.run(&["decode", "s.siren", "-o", "x.wav", "--scale", "2"]).complains(2, &["s.siren", "--rate"]);
    room.run(&["decode", "s.siren", "-o", "x.png"]).complains(2, &["x.png", "sound"]);
    room.run(&["decode", "p.siren", "-o", "x.wav"]).complains(2, &["x.wav", "picture"]);
    room.run(&["decode", "p.siren", "--time", "0..1"]).complains(2, &["p.siren", "--region"]);
    room.run(&["decode", "s.siren", "-o", "x.wav", "--region", "0,0,1,1"])
        .complains(2, &["s.siren", "--time"]);
    assert_eq!(room.names(), ["p.ppm", "p.siren", "s.siren", "s.wav"]);
}

#[test]
fn a_region_lies_within_the_signal_and_holds_a_sample() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    room.put("s.siren", siren_sound(40));
    for region in ["0,0,9,6", "8,0,1,1", "1,5,2,1.5", "0,0,inf,1", "1e300,0,1,1"] {
        let run = room.run(&["decode", "p.siren", "--region", region]);
        run.complains(2, &["p.siren", "--region", "not within", "8×6"]);
    }
    room.run(&["decode", "p.siren", "--region", "1.6,2,0.8,1"])
        .complains(2, &["p.siren", "no sample", "--size"]);
    room.run(&["decode", "p.siren", "--region", "1,2,1e-9,1", "--size", "64x64"])
        .complains(2, &["p.siren", "2⁻²⁰"]);
    room.run(&["decode", "p.siren", "--scale", "1e9", "--region", "1,2,1,1"])
        .complains(2, &["--scale", "--size"]);
    for time in ["0..0.0051", "1..2", "0..inf"] {
        room.run(&["decode", "s.siren", "--time", time]).complains(2, &["s.siren", "--time", "0.005 s"]);
    }
    room.run(&["decode", "s.siren", "--time", "0.00001..0.00002"]).complains(2, &["no sample", "--rate"]);
    assert_eq!(room.names(), ["p.siren", "s.siren"]);
}

#[test]
fn numbers_are_told_in_few_digits_however_large_they_are() {
    let room = Room::new();
    room.put("p.siren", siren_picture(8, 6));
    room.put("s.siren", siren_sound(40));
    room.put("far.csv", "x,y\n1e300,0\n");
    room.put("near.csv", "x,y\n1e-300,0\n");
    room.run(&["decode", "p.siren", "--region", "0,0.5,1e300,5"]).complains(2, &[" 0,0.5,1e300,5 is"]);
    room.run(&["decode", "s.siren", "--time", "0..1e300"]).complains(2, &[" 0..1e300 is", " 0 to 0.005 s"]);
    room.run(&["sample", "p.siren", "--at", "far.csv"]).complains(3, &["x is 1e300, expected -0.5 to 7.5"]);
    let near = room.run(&["sample", "p.siren", "--at", "near.csv"]).exits(0);
    assert!(near.text().lines().nth(1).unwrap().starts_with("1e-300,0,"), "{}", near.text());
    let shown =
        ["decode", "p.siren", "--derivative", "dx", "--bits", "8", "--range", "1e300", "-o", "dx.png"];
    let shown = room.run(&shown).exits(0);
    let output = String::from_utf8_lossy(&shown.stdout).into_owned() + &shown.stderr;
    assert!(output.contains("code 0 is -1e300, code 255 is 1e300,"), "{output}");
}

#[test]
fn an_object_and_a_file_cannot_share_standard_output() {
    let room = Room::new();
    room.put("a.ppm", picture(4, 4));
    room.run(&["encode", "a.ppm", "-o", "-", "--json"]).complains(2, &["--json", "-o FILE"]);
    room.feed(&["encode", "-", "--json"], &picture(4, 4)).complains(2, &["--json"]);
}

#[test]
fn completions_are_generated_for_every_shell() {
    let room = Room::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(room.run(&["completions", shell]).exits(0).text().contains("time-limit"), "{shell}");
    }
    let bash = room.run(&["completions", "bash"]).exits(0);
    for values in ["png jpg jpeg tiff", "auto cpu cuda", "1 2 3 4 5 6 7 8 9", "quantized f16 f32"] {
        assert!(bash.text().contains(values), "{values}");
    }
    room.run(&["completions", "csh"]).exits(2);
}

#[test]
fn manual_pages_are_generated() {
    let room = Room::new();
    let version = env!("CARGO_PKG_VERSION");
    for command in [""].iter().chain(&COMMANDS) {
        let (arguments, title) = match *command {
            "" => (vec!["man"], "sirenc".to_string()),
            command => (vec!["man", command], format!("sirenc-{command}")),
        };
        let page = room.run(&arguments).exits(0);
        let heading = page.text().lines().find(|line| line.starts_with(".TH")).unwrap();
        assert!(heading.starts_with(&format!(".TH {title} 1 \"")), "{heading}");
        assert!(heading.contains(&format!("\"sirenc {version}\"")), "{heading}");
        let sections: Vec<&str> = page.text().lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "\"EXIT STATUS\"", "\"SEE ALSO\""] {
            assert!(sections.contains(&section), "{title}: {section} in {sections:?}");
        }
        assert!(!page.text().contains(&format!("{title}(1)")), "{title} is not its own neighbour");
    }
    let page = room.run(&["man", "encode"]).exits(0);
    // Examples stay on one line each.
    let examples =
        page.text().split(".SH EXAMPLES\n.in 2n\n.nf\n").nth(1).unwrap().split(".fi").next().unwrap();
    assert!(examples.lines().count() > 5, "{examples}");
    assert!(examples.lines().all(|line| line.contains("sirenc encode")), "{examples}");
    assert!(page.text().contains("<INPUT>..."), "{}", page.text());
    room.run(&["man", "frobnicate"]).complains(2, &["frobnicate", "encode"]);
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_a_failure() {
    let room = Room::new();
    for arguments in
        [&["--help"][..], &["--version"], &["help", "encode"], &["man"], &["completions", "bash"]]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = room.command(arguments).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert_eq!(said, "sirenc: standard output: writing failed: no space left on device\n");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let room = Room::new();
    let mut child = room
        .command(&["man"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
