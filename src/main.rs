//! The command line of sirenc: flags → options → library call → report.
//!
//! This file only dispatches; each command has a file in [`cli`].

mod cli;

use cli::{Command, Failure, Interrupt, Outcome};
use std::process::ExitCode;

fn main() -> ExitCode {
    match Failure::guard(|| run(cli::usage::parse()?.command)) {
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
        Command::Encode(args) => cli::encode::run(args, &interrupt),
        Command::Decode(args) => cli::decode::run(args),
        Command::Sample(args) => cli::sample::run(&args),
        Command::Solve(args) => cli::solve::run(&args, &interrupt),
        Command::Info(args) => cli::info::run(&args),
        Command::Verify(args) => cli::verify::run(&args),
        Command::Compare(args) => cli::compare::run(&args),
        Command::Completions(args) => cli::completions::run(&args),
        Command::Man(args) => cli::manual::run(&args),
    }
}
