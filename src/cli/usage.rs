//! From the words on the command line to a command: help, mistakes, and tips for flags of other tools.

use super::failure::{Exit, Failure};
use super::{Cli, output, terminal};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};
use std::io::{self, IsTerminal, Write};

/// What people try who know other tools, and what is meant for it here.
const TIPS: [(&str, &str); 4] = [
    (
        "--lossless",
        "networks approximate: --quality 100 is nearly lossless for pictures, PNG and FLAC are lossless",
    ),
    ("--distance", "--quality or --psnr say how faithful the file is to be"),
    ("--bitrate", "--bpp for pictures, --kbps for sound"),
    ("--width", "--size WxH is the size of the output"),
];

/// The flags, as they are parsed, completed and documented.
pub fn command() -> clap::Command {
    // A number below 0 is a value out of range, not a flag: the parser of the value says so.
    let numbers = |command: clap::Command| {
        command.mut_args(|arg| match arg.is_positional() || !arg.get_action().takes_values() {
            true => arg,
            false => arg.allow_negative_numbers(true),
        })
    };
    Cli::command().mut_subcommands(numbers)
}

/// The command that was asked for. Help and mistakes are printed, and end the run.
pub fn parse() -> Result<Cli, Failure> {
    let parsed = command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(print)
}

/// Prints a help text or a mistake.
fn print(mut error: clap::Error) -> Failure {
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
        && let Some((_, tip)) = TIPS.iter().find(|(known, _)| flag == known)
    {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![(*tip).into()]));
    }
    if error.use_stderr() {
        let hostile = |arg: std::ffi::OsString| arg.to_string_lossy().contains(char::is_control);
        if io::stderr().is_terminal() && std::env::args_os().any(hostile) {
            eprint!("{}", terminal::escaped_lines(&error.render().to_string()));
        } else {
            // Nobody is left to be told if this fails.
            let _ = error.print();
        }
        return Failure::told(Exit::Usage);
    }
    match error.print().and_then(|()| io::stdout().flush()) {
        Ok(()) => Failure::told(Exit::Done),
        Err(error) => output::stdout_fault(&error),
    }
}
