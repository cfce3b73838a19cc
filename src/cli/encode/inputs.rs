//! Which files are encoded, and where their outputs go: inputs, files of folders, a share of them.

use super::Args;
use crate::cli::failure::{Exit, Failure};
use crate::cli::{input, output, terminal};
use sirenc::media;
use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use walkdir::{DirEntry, WalkDir};

/// One file to encode.
#[derive(Clone, Debug)]
pub struct Item {
    pub input: PathBuf,
    pub output: PathBuf,
}

/// One of equal shares of all inputs.
#[derive(Clone, Copy, Debug)]
pub struct Shard {
    /// From 1.
    number: usize,
    of: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Shard { number, of }),
            _ => Err("I/N with I from 1 to N was expected, such as 2/8".into()),
        }
    }
}

/// The files of this run, in the order of the arguments, those of a folder by name.
pub fn items(args: &Args) -> Result<Vec<Item>, Failure> {
    let mut items = vec![];
    for path in &args.inputs {
        if args.recursive && path.is_dir() {
            walk(args, path, &mut items)?;
        } else {
            items.push(Item { input: path.clone(), output: args.output_path(path) });
        }
    }
    let folders = args.recursive && args.inputs.iter().any(|path| path.is_dir());
    if items.len() != 1 || folders {
        check(args, &items)?;
    }
    Ok(match args.shard {
        Some(Shard { number, of }) => items.into_iter().skip(number - 1).step_by(of).collect(),
        None => items,
    })
}

/// Adds the files of a folder that begin like signals; hidden ones and other kinds are passed over.
fn walk(args: &Args, folder: &Path, items: &mut Vec<Item>) -> Result<(), Failure> {
    let is_hidden =
        |entry: &DirEntry| entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
    let (mut found, mut others) = (0, 0);
    for entry in WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(|entry| !is_hidden(entry))
    {
        let entry = entry.map_err(|error| Failure::new(Exit::Input, folder.display(), error))?;
        if !entry.file_type().is_file() || input::is_siren_name(entry.path()) {
            continue;
        }
        if !begins_like_a_signal(entry.path()) {
            others += 1;
            continue;
        }
        found += 1;
        let output = match &args.output_dir {
            Some(directory) => {
                let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
                directory.join(below).with_extension("siren")
            }
            None => entry.path().with_extension("siren"),
        };
        items.push(Item { input: entry.into_path(), output });
    }
    if found == 0 {
        let sentence = "no file in it is a picture, sound, array or video that is read";
        return Err(Failure::new(Exit::Input, folder.display(), sentence));
    }
    if others > 0 && !args.quiet {
        let files = if others == 1 { "file" } else { "files" };
        terminal::print(&format!(
            "sirenc: {}: {others} {files} of other kinds passed over",
            folder.display()
        ));
    }
    Ok(())
}

fn begins_like_a_signal(path: &Path) -> bool {
    const HEAD: u64 = 4096;
    let mut head = vec![];
    let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    // What cannot be read fails by itself, with its name.
    read.is_err() || media::is_readable(&head)
}

/// Rejects flags and outputs that make sense with one input only.
fn check(args: &Args, items: &[Item]) -> Result<(), Failure> {
    if args.output.is_some() {
        return Err(Failure::usage("--output names one file, but there are several inputs")
            .hint("without it, each output is named after its input"));
    }
    if args.gradient.is_some() {
        return Err(Failure::usage("--gradient is for a single input"));
    }
    if let Some(last) = args.inputs.last().filter(|last| input::is_siren_name(last) && !last.exists()) {
        return Err(Failure::usage(format!(
            "{}: one output is named, but there are several inputs",
            last.display()
        ))
        .hint("without it, each output is named after its input"));
    }
    let mut outputs = HashSet::new();
    for Item { input, output } in items {
        if input::is_stdin(input) || output::is_stdout(output) {
            return Err(Failure::usage("standard input cannot be combined with other inputs"));
        }
        if !outputs.insert(output) {
            let sentence = format!("two of the inputs would be written to {}", output.display());
            return Err(Failure::usage(sentence));
        }
    }
    Ok(())
}
