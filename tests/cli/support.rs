//! A temporary directory with small files in it, and the program run there.

use sirenc::container::{File, Networks, Stored, write};
use sirenc::network::{Network, Shape};
use sirenc::signal::{Description, Metadata, MetadataKind, SampleFormat, Tiles};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A temporary directory.
pub struct Room(TempDir);

impl Room {
    pub fn new() -> Self {
        Room(TempDir::new().unwrap())
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }
    pub fn get(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
    /// The names in the directory, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
    /// A command that runs the program in the directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sirenc"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }
    /// Runs the program in the directory.
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap(), arguments)
    }
    /// Runs the program with `input` on standard input.
    pub fn feed(&self, arguments: &[&str], input: &[u8]) -> Run {
        let output = assert_cmd::Command::from(self.command(arguments)).write_stdin(input).output().unwrap();
        Run::of(output, arguments)
    }
}

/// The result of a run.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    arguments: String,
}

impl Run {
    pub fn of(output: Output, arguments: &[&str]) -> Self {
        Run {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
            arguments: arguments.join(" "),
        }
    }
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "sirenc {}\n{}", self.arguments, self.stderr);
        self
    }
    /// Asserts that the run exits with `code` and prints one sentence that contains all of `words`.
    #[track_caller]
    pub fn complains(self, code: i32, words: &[&str]) -> Self {
        let run = self.exits(code);
        assert!(run.stderr.starts_with("sirenc: "), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        for word in words {
            assert!(run.stderr.contains(word), "{word:?} is missing in {}", run.stderr);
        }
        run
    }
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.text().lines().count(), 1, "{}", self.text());
        serde_json::from_str(self.text()).unwrap()
    }
}

/// A PPM picture with smooth colours.
pub fn picture(width: usize, height: usize) -> Vec<u8> {
    let mut bytes = format!("P6\n{width} {height}\n255\n").into_bytes();
    for y in 0..height {
        for x in 0..width {
            bytes.extend(
                [x * 255 / width, y * 255 / height, (x + y) * 255 / (width + height)].map(|v| v as u8),
            );
        }
    }
    bytes
}

/// A mono WAV file of 16 bits at 8000 Hz.
pub fn sound(samples: u32) -> Vec<u8> {
    let data = samples * 2;
    let mut bytes = [b"RIFF", &(36 + data).to_le_bytes()[..], b"WAVEfmt ", &16u32.to_le_bytes()].concat();
    bytes.extend([1u16, 1].iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend([8000u32, 16_000].iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend([2u16, 16].iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend([b"data", &data.to_le_bytes()[..]].concat());
    bytes.extend((0..samples).flat_map(|i| (((f64::from(i) * 0.1).sin() * 9000.0) as i16).to_le_bytes()));
    bytes
}

/// A `.siren` file of `description` with an arbitrary network.
pub fn siren(description: Description, metadata: Vec<Metadata>) -> Vec<u8> {
    let shape = Shape {
        inputs: description.axes.len(),
        outputs: usize::from(description.channels),
        layers: 2,
        width: 3,
    };
    let parameters = (0..shape.parameters()).map(|i| (i % 7) as f32 * 0.0625 - 0.125).collect();
    let networks = Networks::Single(vec![Network::from_parameters(shape, parameters)]);
    let mut bytes = vec![];
    let field = Stored::Siren { tiles: Tiles::one(&description), networks };
    let file = File { description, units: None, missing: None, field, metadata };
    write(&file, &mut bytes).unwrap();
    bytes
}

/// A `.siren` picture.
pub fn siren_picture(width: u32, height: u32) -> Vec<u8> {
    siren_of_channels(width, height, 3)
}

/// A `.siren` picture with 1 to 4 channels: grey or RGB, with or without alpha.
pub fn siren_of_channels(width: u32, height: u32, channels: u8) -> Vec<u8> {
    siren(Description::picture([width, height], channels, SampleFormat::U8), vec![])
}

/// A `.siren` picture of 5×4 pixels.
pub fn siren_with_channels(channels: u8) -> Vec<u8> {
    siren_of_channels(5, 4, channels)
}

/// A colour profile for grey pictures that consists of its header only.
pub fn profile() -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes[16..20].copy_from_slice(b"GRAY");
    bytes
}

/// A `.siren` picture of 16 bits with a colour profile.
pub fn siren_with_profile() -> Vec<u8> {
    let profile = Metadata { kind: MetadataKind::Icc, bytes: profile() };
    let description = Description::picture([6, 4], 1, SampleFormat::U16);
    siren(description, vec![profile])
}

/// A `.siren` sound at 8000 Hz.
pub fn siren_sound(samples: u32) -> Vec<u8> {
    siren(Description::sound(samples, 1, SampleFormat::I16, 8000), vec![])
}
