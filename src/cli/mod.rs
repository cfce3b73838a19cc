//! The command line: one file per command, plus the parts that commands share.

mod access;
pub mod compare;
pub mod completions;
pub mod decode;
mod derivative;
pub mod encode;
mod failure;
pub mod info;
mod input;
mod interrupt;
mod limits;
pub mod manual;
mod notes;
mod output;
mod peak;
mod progress;
mod reading;
mod render;
mod report;
pub mod sample;
mod sides;
pub mod solve;
mod terminal;
#[cfg(target_os = "linux")]
mod tmpfile;
pub mod usage;
mod values;
pub mod verify;

pub use failure::{Exit, Failure};
pub use interrupt::Interrupt;

use clap::builder::styling::{AnsiColor, Effects, Styles};
use clap::{Parser, Subcommand};

/// The result of a command.
pub type Outcome = Result<Exit, Failure>;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Green.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  sirenc encode photo.png --bpp 0.5            photo.siren, half a bit per pixel
  sirenc decode photo.siren --scale 2          photo.png, twice as wide and high
  sirenc encode voice.wav --kbps 16            voice.siren
  sirenc sample photo.siren --at points.csv    values at any points
  sirenc verify photo.siren photo.png          check it, and measure its error
  sirenc info photo.siren                      what the file holds";

const EXIT_CODES: &str = "\
Exit status:
  0    done
  1    other failure
  2    invalid usage
  3    input missing, unreadable or of an unsupported kind
  4    malformed .siren file
  5    a limit was exceeded
  6    the target was not reached (the best file is still written)
  7    verification failed
  130  interrupted by Ctrl-C; `encode` still writes the best file so far
  143  interrupted by SIGTERM; as for Ctrl-C";

/// Neural signal codec: pictures and sound stored as smooth functions.
///
/// encode: file → signal → fit → quantize → container
///
/// decode: container → field → render → file
///
/// A .siren file holds a field, a smooth function that maps coordinates to values: splines and one network
/// for pictures, small sine networks for sound. It can be decoded at any size or rate, and every decoder
/// renders the same bits.
#[derive(Debug, Parser)]
#[command(
    name = "sirenc",
    version,
    styles = STYLES,
    after_help = EXAMPLES,
    after_long_help = format!("{EXIT_CODES}\n\n{EXAMPLES}"),
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    Encode(encode::Args),
    Decode(decode::Args),
    Sample(sample::Args),
    Solve(solve::Args),
    Info(info::Args),
    Verify(verify::Args),
    Compare(compare::Args),
    Completions(completions::Args),
    Man(manual::Args),
}
