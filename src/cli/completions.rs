//! `sirenc completions`: shell completions, generated from the definitions of the flags.

use super::failure::Exit;
use super::{Outcome, output, usage};
use clap_complete::Shell;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  sirenc completions bash > ~/.local/share/bash-completion/completions/sirenc
  sirenc completions zsh > ~/.zfunc/_sirenc
  sirenc completions fish > ~/.config/fish/completions/sirenc.fish")]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs `sirenc completions`.
pub fn run(args: &Args) -> Outcome {
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut usage::command(), "sirenc", &mut script);
    output::write_stdout(&script)?;
    Ok(Exit::Done)
}
