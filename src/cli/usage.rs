//! Parses the command line: help, usage errors, and tips for flags known from other programs.

use super::failure::{Exit, Failure};
use super::{Cli, output, terminal};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};
use std::io::{self, IsTerminal, Write};

/// Flags of other programs, and what to use instead.
const TIPS: [(&str, &str); 4] = [
    (
        "--lossless",
        "a fit approximates: --quality 100 is nearly lossless for pictures; for lossless files use PNG or FLAC",
    ),
    ("--distance", "--quality or --psnr set the quality"),
    ("--bitrate", "--bpp for pictures, --kbps for sound"),
    ("--width", "--size WxH sets the size of the output"),
];

/// The definition of the command line, for parsing, completions and manual pages.
pub fn command() -> clap::Command {
    // A negative number is parsed as a value, not as a flag, so that the error states the valid range.
    let numbers = |command: clap::Command| {
        command.mut_args(|arg| match arg.is_positional() || !arg.get_action().takes_values() {
            true => arg,
            false => arg.allow_negative_numbers(true),
        })
    };
    Cli::command().mut_subcommands(numbers)
}

/// The parsed command. Help and usage errors are printed and end the run.
pub fn parse() -> Result<Cli, Failure> {
    let parsed = command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(print)
}

/// Prints a help text or a usage error.
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
            // If printing fails, the error cannot be reported either.
            let _ = error.print();
        }
        return Failure::silent(Exit::Usage);
    }
    match error.print().and_then(|()| io::stdout().flush()) {
        Ok(()) => Failure::silent(Exit::Done),
        Err(error) => output::stdout_fault(&error),
    }
}
