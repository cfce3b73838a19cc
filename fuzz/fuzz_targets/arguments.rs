//! `decode` and `sample` as they are called: any region, span, size, rate and scale as text, any file of
//! points. Each run ends well, or with a failure of its arguments or its input.
#![no_main]

#[allow(dead_code, unused_imports)]
#[path = "../../src/cli/mod.rs"]
mod cli;

use arbitrary::Arbitrary;
use clap::Parser;
use cli::{Cli, Command, Exit};
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;
use tempfile::TempDir;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    file: u8,
    derivative: u8,
    call: Call<'a>,
}

#[derive(Arbitrary, Debug)]
enum Call<'a> {
    Decode(Vec<(Flag, &'a str)>),
    Sample { normalized: bool, json: bool, points: &'a [u8] },
}

#[derive(Arbitrary, Debug)]
enum Flag {
    Region,
    Time,
    Size,
    Scale,
    Rate,
    Height,
}

const DERIVATIVES: [&str; 8] = ["value", "dx", "dt", "gradient", "hessian", "normals", "divergence", "curl"];

/// A picture of several tiles, a sound, a picture of splines, the points and the result.
static ROOM: LazyLock<TempDir> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let room = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.expect("a directory");
    let files: [(&str, &[u8]); 3] = [
        ("picture.siren", include_bytes!("../../fixtures/valid/tiles-3x2.siren")),
        ("sound.siren", include_bytes!("../../fixtures/valid/half-sound-tiles.siren")),
        ("splines.siren", include_bytes!("../../fixtures/valid/spline-rgb-u8.siren")),
    ];
    for (name, bytes) in files {
        std::fs::write(room.path().join(name), bytes).expect("a small file");
    }
    room
});

fuzz_target!(|input: Input<'_>| {
    let at = |name: &str| ROOM.path().join(name).display().to_string();
    let source = at(["picture.siren", "sound.siren", "splines.siren"][usize::from(input.file % 3)]);
    let derivative = DERIVATIVES[usize::from(input.derivative) % DERIVATIVES.len()];
    let mut arguments: Vec<String> = vec!["sirenc".into()];
    arguments.push(if matches!(input.call, Call::Decode(_)) { "decode" } else { "sample" }.into());
    arguments.extend([source, format!("--derivative={derivative}"), "-f".into()]);
    match &input.call {
        Call::Decode(flags) => {
            arguments
                .extend(["-q", "--max-pixels=4096", "--max-memory=16M", "--max-macs=200M"].map(String::from));
            arguments.push(format!("--output={}", at("out.npy")));
            for (flag, text) in flags {
                arguments.push(format!("--{}={text}", format!("{flag:?}").to_lowercase()));
            }
        }
        Call::Sample { normalized, json, points } => {
            std::fs::write(at("points"), points).expect("a small file");
            arguments.push(format!("--at={}", at("points")));
            arguments.push(format!("--output={}", at(if *json { "out.jsonl" } else { "out.csv" })));
            arguments.extend(normalized.then(|| "--normalized".into()));
        }
    }
    let Ok(Cli { command }) = Cli::try_parse_from(&arguments) else { return };
    let outcome = match command {
        Command::Decode(args) => cli::decode::run(args),
        Command::Sample(args) => cli::sample::run(&args),
        other => panic!("{other:?}"),
    };
    if let Err(failure) = outcome {
        assert!(
            matches!(failure.exit(), Exit::Usage | Exit::Input | Exit::Limit),
            "{failure:?}: {arguments:?}"
        );
    }
});
