//! Limits of files and fits: checked before resources are used, with messages that name the flag to raise
//! them.

use crate::support::{Room, picture, siren_picture};
use sirenc::container::{File, Networks, Stored, write};
use sirenc::network::{Network, Shape};
use sirenc::signal::{Description, SampleFormat, Tiles};

/// A grey picture of binary32 with a network of one neuron.
fn wide_open(width: u32, height: u32) -> Vec<u8> {
    let description = Description::picture([width, height], 1, SampleFormat::F32);
    let network = Network::zeros(Shape { inputs: 2, outputs: 1, layers: 1, width: 1 });
    let mut bytes = vec![];
    let file = File {
        field: Stored::Siren { tiles: Tiles::one(&description), networks: Networks::Single(vec![network]) },
        description,
        units: None,
        missing: None,
        metadata: vec![],
    };
    write(&file, &mut bytes).unwrap();
    bytes
}

#[test]
fn memory_is_counted_with_what_is_written() {
    let room = Room::new();
    room.put("a.siren", wide_open(2000, 1000));
    let decode = |output: &str, most: &str| {
        room.run(&["decode", "a.siren", "-q", "-f", "-o", output, "--format", "npy", "--max-memory", most])
    };
    // 8 MB of samples, which are written to a file without another copy.
    for most in ["1k", "7M"] {
        decode("o.npy", most).complains(5, &["a.siren", "bytes of memory", "--max-memory raises it"]);
    }
    decode("o.npy", "12M").exits(0);
    assert_eq!(room.get("o.npy").len(), 128 + 8_000_000);
    // For a pipe the whole file is held in memory first.
    decode("-", "12M").complains(5, &["a.siren", "--max-memory raises it"]);
    assert_eq!(decode("-", "32M").exits(0).stdout, room.get("o.npy"));
    // Memory for a 16-bit PNG: the samples, their rows, and the compressed data.
    let png = ["decode", "a.siren", "-q", "-o", "o.png", "--bits", "16", "--max-memory"];
    room.run(&[&png[..], &["20M"]].concat()).complains(5, &["--max-memory raises it"]);
    room.run(&[&png[..], &["40M"]].concat()).exits(0);
}

#[test]
fn derivatives_are_written_while_they_come() {
    let room = Room::new();
    room.put("a.siren", wide_open(1000, 1000));
    let decode = |output: &str| {
        let arguments = ["decode", "a.siren", "-q", "-f", "--derivative", "gradient", "-o", output];
        room.run(&[&arguments[..], &["--format", "npy"]].concat()).exits(0)
    };
    decode("o.npy");
    assert_eq!(room.get("o.npy").len(), 128 + 8_000_000);
    assert_eq!(decode("-").stdout, room.get("o.npy"));
}

#[test]
fn a_fit_that_no_memory_has_room_for_is_an_error_at_once() {
    let room = Room::new();
    room.put("a.ppm", picture(1, 1));
    room.put("b.ppm", picture(300, 200));
    let encode = |input: &str, arguments: &[&str]| {
        room.run(&[&["encode", input, "-q", "-f", "--effort", "1"], arguments].concat())
    };
    encode("a.ppm", &["--layers", "64", "--width", "4096"])
        .complains(5, &["a.ppm", "parameters 1057247235 exceeds the limit of 67108864"]);
    encode("a.ppm", &["--layers", "64", "--width", "1000", "--max-memory", "1G"])
        .complains(5, &["a.ppm", "bytes of memory for the fit", "--max-memory raises it"]);
    encode("b.ppm", &["--max-pixels", "59999"])
        .complains(5, &["pixels 60000", "59999", "--max-pixels raises it"]);
    encode("b.ppm", &["--max-memory", "9M"])
        .complains(5, &["bytes of memory for the fit", "--max-memory raises it"]);
    assert_eq!(room.names(), ["a.ppm", "b.ppm"]);
    encode("b.ppm", &["--max-memory", "32M", "--layers", "1", "--width", "2"]).exits(0);
}

#[test]
fn threads_are_no_more_than_are_of_use() {
    let room = Room::new();
    room.put("a.siren", siren_picture(40, 40));
    let run = room.run(&["decode", "a.siren", "-v", "--threads", "65535"]).exits(0);
    assert!(run.stderr.contains("instead of 65535"), "{}", run.stderr);
    let run = room.run(&["decode", "a.siren", "-v", "-f", "--threads", "1"]).exits(0);
    assert!(!run.stderr.contains("instead of"), "{}", run.stderr);
    room.put("a.ppm", picture(8, 8));
    let encode =
        ["encode", "a.ppm", "--device", "cpu", "-vf", "--effort", "1", "--layers", "1", "--width", "2"];
    let run = room.run(&[&encode[..], &["--threads", "65535"]].concat()).exits(0);
    let most = format!("{} threads", sirenc::most_threads());
    assert!(run.stderr.contains(&most), "{most} in {}", run.stderr);
}
