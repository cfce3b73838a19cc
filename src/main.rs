//! The command line of sirenc: flags → options → library call → report.
//!
//! Nothing is decided here; each command has a file in [`cli`].

mod cli;

use clap::Parser;
use cli::{Cli, Command, Failure, Interrupt, Outcome};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    match Failure::guard(|| run(command)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.print();
            failure.exit().into()
        }
    }
}

fn run(command: Command) -> Outcome {
    let interrupt = Interrupt::install()?;
    match command {
        Command::Encode(args) => cli::encode::run(&args, &interrupt),
        Command::Decode(args) => cli::decode::run(&args),
        Command::Sample(args) => cli::sample::run(&args),
        Command::Info(args) => cli::info::run(&args),
        Command::Verify(args) => cli::verify::run(&args),
        Command::Compare(args) => cli::compare::run(&args),
        Command::Completions(args) => cli::generate::completions(&args),
        Command::Man(args) => cli::generate::man(&args),
    }
}
