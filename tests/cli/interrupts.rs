//! Ctrl-C and SIGTERM.

use crate::support::{Room, picture};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// An encode that would take long, and has begun.
fn long_encode(room: &Room) -> Child {
    room.put("a.ppm", picture(64, 64));
    let arguments = ["encode", "a.ppm", "--psnr", "120", "--effort", "9", "-v"];
    let mut child = room.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("fitting"), "{line}");
    child
}

fn send(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn the_first_signal_finishes_with_a_valid_file() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let room = Room::new();
        let mut child = long_encode(&room);
        // There is a fit to finish with.
        std::thread::sleep(std::time::Duration::from_secs(1));
        send(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        room.run(&["verify", "a.siren", "a.ppm"]).exits(0);
        assert_eq!(room.names(), ["a.ppm", "a.siren"]);
    }
}

#[test]
fn the_second_signal_stops_at_once_and_leaves_no_half_file() {
    let room = Room::new();
    let mut child = long_encode(&room);
    send(&child, "-INT");
    send(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // The fit may have been faster than the second signal.
    if room.names() != ["a.ppm"] {
        room.run(&["verify", "a.siren", "a.ppm"]).exits(0);
        assert_eq!(room.names(), ["a.ppm", "a.siren"]);
    }
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
