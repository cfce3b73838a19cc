//! Several inputs: each as if alone, and on a GPU several at once.

use super::{Args, Job};
use crate::cli::failure::{Exit, Failure};
use crate::cli::interrupt::Interrupt;
use crate::cli::{Outcome, input, output};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Encodes all `inputs`. A failure is told when it happens; the exit code is that of the first input that has one.
pub fn run(args: &Args, inputs: &[PathBuf], interrupt: &Interrupt) -> Outcome {
    check(args, inputs)?;
    let width = args.device.fits_at_once().min(inputs.len());
    let (next, exits) = (AtomicUsize::new(0), Mutex::new(vec![Exit::Done; inputs.len()]));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(input) = inputs.get(number).filter(|_| interrupt.noted().is_none()) else { break };
            let exit = one(args, input, interrupt, args.quiet || width > 1);
            exits.lock().expect("no thread panics with the lock")[number] = exit;
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..width {
            scope.spawn(work);
        }
        work();
    });
    let exits = exits.into_inner().expect("no thread panics with the lock");
    let first = exits.into_iter().find(|exit| *exit != Exit::Done);
    Ok(interrupt.noted().or(first).unwrap_or(Exit::Done))
}

/// Encodes one input and tells its failure.
fn one(args: &Args, input: &Path, interrupt: &Interrupt, silent: bool) -> Exit {
    let run = || Job::prepare(args, input)?.run(args, interrupt, silent);
    run().unwrap_or_else(|failure| {
        failure.print();
        failure.exit()
    })
}

/// Refuses what makes sense with one input only.
fn check(args: &Args, inputs: &[PathBuf]) -> Result<(), Failure> {
    if args.output.is_some() {
        return Err(Failure::usage("--output names one file, several are to be written")
            .hint("without it, each goes to its own name with .siren"));
    }
    if args.gradient.is_some() {
        return Err(Failure::usage("--gradient names the gradient of one input"));
    }
    if let Some(last) = inputs.last().filter(|last| input::is_siren_name(last) && !last.exists()) {
        return Err(Failure::usage(format!("{}: one output is for one input", last.display()))
            .hint("without it, each goes to its own name with .siren"));
    }
    let mut targets = HashSet::new();
    for input in inputs {
        let target = args.output_path(input);
        if input::is_stdin(input) || output::is_stdout(&target) {
            return Err(Failure::usage("standard input goes with no other input"));
        }
        if !targets.insert(target.clone()) {
            return Err(Failure::usage(format!(
                "two of the inputs would be written to {}",
                target.display()
            )));
        }
    }
    Ok(())
}
