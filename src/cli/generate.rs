//! `sirenc completions` and `sirenc man`: generated from the flags themselves.

use super::failure::{Exit, Failure};
use super::{Cli, Outcome, output};
use clap::CommandFactory;
use clap_complete::Shell;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  sirenc completions bash > ~/.local/share/bash-completion/completions/sirenc
  sirenc completions zsh > ~/.zfunc/_sirenc
  sirenc completions fish > ~/.config/fish/completions/sirenc.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Print the manual page, or that of a command
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  sirenc man | man -l -
  sirenc man encode > sirenc-encode.1")]
pub struct ManArgs {
    /// The command [default: sirenc itself]
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// Runs `sirenc completions`.
pub fn completions(args: &CompletionsArgs) -> Outcome {
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut Cli::command(), "sirenc", &mut script);
    output::write_stdout(&script)?;
    Ok(Exit::Done)
}

/// Runs `sirenc man`.
pub fn man(args: &ManArgs) -> Outcome {
    let mut command = Cli::command();
    // Fills in what subcommands inherit, their full names among it.
    command.build();
    if let Some(name) = &args.command {
        let Some(found) = command.find_subcommand(name) else {
            let known: Vec<_> =
                command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
            return Err(Failure::usage(format!("no command {name:?}, one of {} expected", known.join(" "))));
        };
        command = found.clone();
    }
    let mut page = vec![];
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::new(Exit::Other, "man", error))?;
    output::write_stdout(&page)?;
    Ok(Exit::Done)
}
