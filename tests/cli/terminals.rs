//! Output on terminals.

use crate::support::{Room, picture, siren_picture};
use std::process::Command;

/// Runs the program on a terminal, which `script` of util-linux provides, and returns what the terminal
/// receives.
fn on_terminal(room: &Room, arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|argument| format!(" '{argument}'"));
    let line = format!("'{}'{}", env!("CARGO_BIN_EXE_sirenc"), quoted.collect::<String>());
    let mut script = Command::new("script");
    let output = script.args(["-qc", &line, "/dev/null"]).current_dir(room.path("")).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn names_of_files_do_not_command_the_terminal() {
    let room = Room::new();
    let hostile = "a\u{1b}]0;title\u{7}\u{9b}31m";
    room.put(&format!("{hostile}.ppm"), picture(8, 8));
    room.put(&format!("{hostile}.siren"), siren_picture(4, 4));
    let [ppm, siren, none] = ["ppm", "siren", "none"].map(|extension| format!("{hostile}.{extension}"));
    let fast = ["encode", &ppm, "-f", "-v", "--effort", "1", "--layers", "1", "--width", "4"];
    for arguments in [
        &fast[..],
        &["decode", &siren, "-o", "x.png", "-f"],
        &["info", &siren],
        &["verify", &siren],
        &["compare", &none, &siren],
        &["decode", &siren, "--rate", hostile],
        &[hostile],
    ] {
        let sent = on_terminal(&room, arguments);
        let (mistaken, sequence) = (sent.starts_with("error:"), "a\\x1b]0;title\\x07\\x9b31m");
        assert!(mistaken || sent.contains(sequence), "{arguments:?}: {sent:?}");
        assert!(
            !sent.contains("\u{1b}]0;title") && !sent.contains(['\u{7}', '\u{9b}']),
            "{arguments:?}: {sent:?}"
        );
    }
    // If it is not a terminal, names are printed unchanged, for scripts.
    let run = room.run(&["decode", &none]).exits(3);
    assert!(run.stderr.contains(hostile), "{}", run.stderr);
}
