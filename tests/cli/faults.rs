//! Faults of the machine: a disk that becomes full after any number of bytes, a process that is killed at any
//! moment.

use crate::support::{Room, picture, siren_picture};
use std::hash::{BuildHasher, RandomState};
use std::process::Command;
use std::time::Instant;

/// Runs `sirenc arguments` with files limited to `blocks` of 512 bytes, and returns its exit code.
fn with_small_files(room: &Room, blocks: usize, arguments: &str) -> Option<i32> {
    let script = format!("ulimit -f {blocks}; exec '{}' {arguments}", env!("CARGO_BIN_EXE_sirenc"));
    let output = Command::new("sh").args(["-c", &script]).current_dir(room.path("")).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let code = output.status.code();
    if code == Some(1) {
        assert!(stderr.starts_with("sirenc: a.ppm: writing failed: file too large"), "{stderr}");
    }
    code
}

#[test]
fn a_disk_that_is_full_at_any_block_leaves_the_old_output() {
    let room = Room::new();
    room.put("a.siren", siren_picture(40, 40));
    // 15 bytes of header, 4800 of samples: 10 blocks.
    for blocks in 0..12 {
        room.put("a.ppm", "old");
        let code = with_small_files(&room, blocks, "decode a.siren -o a.ppm -f");
        assert_eq!(code, Some(if blocks < 10 { 1 } else { 0 }), "{blocks}");
        assert_eq!(room.get("a.ppm") == b"old", blocks < 10, "{blocks}");
        assert_eq!(room.names(), ["a.ppm", "a.siren"], "{blocks}");
    }
}

#[test]
fn a_killed_encode_leaves_the_old_file_or_a_valid_new_one() {
    let room = Room::new();
    room.put("a.ppm", picture(16, 16));
    let arguments = ["encode", "a.ppm", "-f", "-q", "--effort", "1", "--layers", "1", "--width", "4"];
    let start = Instant::now();
    room.run(&arguments).exits(0);
    let whole = start.elapsed();
    // Kills at even steps from before the start to well after the end, and at random moments around the end,
    // when it writes.
    let even = (0..24).map(|twelfths| whole * twelfths / 12);
    let random = (0..24).map(|_| whole * (600 + random_below(800)) / 1000);
    for delay in even.chain(random) {
        room.put("a.siren", "old");
        let mut child = room.command(&arguments).spawn().unwrap();
        std::thread::sleep(delay);
        // The process may have ended already.
        let _ = child.kill();
        let code = child.wait().unwrap().code();
        assert!(matches!(code, None | Some(0)), "{code:?}");
        if code == Some(0) || room.get("a.siren") != b"old" {
            room.run(&["verify", "a.siren", "a.ppm"]).exits(0);
        }
        // An unnamed file cannot replace another one directly: between naming and renaming, a temporary file
        // beside the old one holds the complete new file.
        for name in room.names().iter().filter(|name| !["a.ppm", "a.siren"].contains(&name.as_str())) {
            let whole = std::fs::copy(room.path(name), room.path("b.siren")).unwrap();
            assert!(whole > 0, "{name} after {delay:?}");
            room.run(&["verify", "b.siren", "a.ppm"]).exits(0);
            [name, "b.siren"].iter().for_each(|name| std::fs::remove_file(room.path(name)).unwrap());
        }
        assert!(room.names().contains(&"a.siren".to_string()), "after {delay:?}");
    }
}

/// A random number below `end`, different at every call and in every run.
fn random_below(end: u32) -> u32 {
    RandomState::new().hash_one(()) as u32 % end
}
