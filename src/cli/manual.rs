//! `sirenc man`: manual pages, generated from the flags and the texts of `--help`.

use super::failure::{Exit, Failure};
use super::{EXIT_CODES, Outcome, output, usage};
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use std::io;

/// The date of the last change of the pages that matters to readers.
const DATE: &str = "November 2026";

/// Print the manual page of sirenc or of a command
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  sirenc man | man -l -
  sirenc man encode > sirenc-encode.1")]
pub struct Args {
    /// The command [default: sirenc itself]
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// Runs `sirenc man`.
pub fn run(args: &Args) -> Outcome {
    let mut program = usage::command().disable_help_subcommand(true);
    // Fills in what subcommands inherit, such as their full names.
    program.build();
    let names: Vec<String> = program.get_subcommands().map(|command| command.get_name().into()).collect();
    let command = match &args.command {
        None => program,
        Some(name) => program.find_subcommand(name).cloned().ok_or_else(|| {
            Failure::usage(format!("no command {name:?}, expected one of {}", names.join(" ")))
        })?,
    };
    let page = page(command, &names).map_err(|error| Failure::new(Exit::Other, "man", error))?;
    output::write_stdout(&page)?;
    Ok(Exit::Done)
}

/// The page of `command`: `sirenc` itself or one of its commands `names`.
fn page(command: Command, names: &[String]) -> io::Result<Vec<u8>> {
    let title = command.get_display_name().unwrap_or("sirenc").to_owned();
    let mut texts = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    if !texts.contains(EXIT_CODES) {
        texts = format!("{EXIT_CODES}\n\n{texts}");
    }
    // The usage line of `--help`, which includes the values of arguments.
    let usage = command.clone().render_usage().to_string();
    let command = command.override_usage(usage.trim_start_matches("Usage:").trim().to_owned());
    let has_commands = command.has_subcommands();
    let man = Man::new(command)
        .date(DATE)
        .source(concat!("sirenc ", env!("CARGO_PKG_VERSION")))
        .manual("sirenc manual");
    let mut page = vec![];
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    let mut rest = Roff::new();
    for (heading, lines) in sections(&texts) {
        section(&mut rest, &heading.to_uppercase(), lines);
    }
    let others = ["sirenc".to_owned()].into_iter().chain(names.iter().map(|name| format!("sirenc-{name}")));
    let others: Vec<_> = others.filter(|other| *other != title).map(|other| format!("{other}(1)")).collect();
    rest.control("SH", ["SEE ALSO"]);
    rest.text([roman(others.join(", "))]);
    rest.to_writer(&mut page)?;
    Ok(page)
}

/// The texts after the flags: pairs of a heading and its preformatted lines.
fn sections(texts: &str) -> impl Iterator<Item = (&str, &str)> {
    texts.split("\n\n").filter_map(|text| text.split_once(":\n"))
}

/// Adds a section of preformatted lines, with a small indent because they are up to 80 characters long.
fn section(page: &mut Roff, heading: &str, lines: &str) {
    page.control("SH", [heading]);
    page.control("in", ["2n"]);
    page.control("nf", []);
    lines.lines().for_each(|line| {
        page.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
    });
    page.control("fi", []);
}
