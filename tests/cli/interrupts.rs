//! Ctrl-C and SIGTERM.

use crate::support::{Room, picture};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// A long encode that has begun its fit.
fn long_encode(room: &Room, flags: &[&str]) -> Child {
    room.put("a.ppm", picture(64, 64));
    let arguments = ["encode", "a.ppm", "--psnr", "120", "--effort", "9", "-v"];
    let mut child = room.command(&[&arguments[..], flags].concat()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("fitting"), "{line}");
    child
}

/// The signals that end an encode, and their exit codes. SIGINT is left out if these tests run with it
/// ignored, as in the background of some shells, because the program then ignores it, too.
fn signals() -> Vec<(&'static str, i32)> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let interrupt = (ignored & (1 << 1) == 0).then_some(("-INT", 130));
    interrupt.into_iter().chain([("-TERM", 143)]).collect()
}

fn send(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn the_first_signal_finishes_with_a_valid_file() {
    let fields: [&[&str]; 2] = [&[], &["--field", "siren"]];
    for ((signal, code), field) in
        signals().into_iter().flat_map(|signal| fields.map(|field| (signal, field)))
    {
        let room = Room::new();
        let mut child = long_encode(&room, field);
        send(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        room.run(&["verify", "a.siren", "a.ppm"]).exits(0);
        assert_eq!(room.names(), ["a.ppm", "a.siren"]);
    }
}

#[test]
fn the_second_signal_stops_at_once_and_leaves_no_half_file() {
    let room = Room::new();
    let mut child = long_encode(&room, &[]);
    let (signal, code) = signals()[0];
    send(&child, signal);
    send(&child, signal);
    assert_eq!(child.wait().unwrap().code(), Some(code));
    // The fit may have been faster than the second signal.
    if room.names() != ["a.ppm"] {
        room.run(&["verify", "a.siren", "a.ppm"]).exits(0);
        assert_eq!(room.names(), ["a.ppm", "a.siren"]);
    }
}

#[test]
fn an_interrupted_fit_does_not_replace_a_file_that_may_be_better() {
    let room = Room::new();
    room.put("a.siren", "old");
    for _ in 0..2 {
        let mut child = long_encode(&room, &["-f"]);
        let (signal, code) = signals()[0];
        send(&child, signal);
        let mut said = String::new();
        child.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(said.contains("a.siren: kept") && said.contains("a.ppm → a.interrupted.siren"), "{said}");
        assert_eq!(room.get("a.siren"), b"old");
        room.run(&["verify", "a.interrupted.siren", "a.ppm"]).exits(0);
        assert_eq!(room.names(), ["a.interrupted.siren", "a.ppm", "a.siren"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let room = Room::new();
    let script = format!("trap '' INT; exec '{}' encode - -o out.siren", env!("CARGO_BIN_EXE_sirenc"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(room.path("")).stdin(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    // Held open, so that the program waits for its input.
    let input = child.stdin.take();
    std::thread::sleep(std::time::Duration::from_millis(300));
    send(&child, "-INT");
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(child.try_wait().unwrap().is_none(), "it ended");
    send(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    drop(input);
}

#[test]
fn a_signal_outside_the_fit_writes_nothing() {
    for command in ["encode", "decode"] {
        let room = Room::new();
        let mut child = room.command(&[command, "-", "-o", "out"]).stdin(Stdio::piped()).spawn().unwrap();
        // Held open, so that the program waits for its input.
        let input = child.stdin.take();
        std::thread::sleep(std::time::Duration::from_millis(300));
        send(&child, "-TERM");
        assert_eq!(child.wait().unwrap().code(), Some(143), "{command}");
        drop(input);
        assert_eq!(room.names(), [""; 0]);
    }
}
