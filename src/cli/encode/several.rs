//! Several inputs: each is encoded as if alone; a GPU encodes several of sine networks at once.

use super::{Args, Job};
use crate::cli::failure::{Exit, Failure};
use crate::cli::interrupt::Interrupt;
use crate::cli::{Outcome, input, output};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Encodes all `inputs`. A failure is printed when it happens; the exit code is that of the first input that
/// failed.
pub fn run(args: &Args, inputs: &[PathBuf], interrupt: &Interrupt) -> Outcome {
    check(args, inputs)?;
    let width = args.options().concurrent_encodes().min(inputs.len());
    let silent = args.quiet || width > 1;
    let encode = |input: &PathBuf| Job::encode(args, input, interrupt, silent);
    let first = each(inputs, width, || interrupt.noted().is_some(), encode);
    Ok(interrupt.noted().unwrap_or(first))
}

/// Runs `work` on all `inputs`, `width` at a time, and prints the failure of each; a panic is a failure, too.
/// No input is started once `over()` is true. The exit code is that of the first input that failed.
fn each(
    inputs: &[PathBuf],
    width: usize,
    over: impl Fn() -> bool + Sync,
    work: impl Fn(&PathBuf) -> Outcome + Sync,
) -> Exit {
    let (next, exits) = (AtomicUsize::new(0), Mutex::new(vec![Exit::Done; inputs.len()]));
    let worker = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(input) = inputs.get(number).filter(|_| !over()) else { break };
            let exit = Failure::catch(|| work(input)).unwrap_or_else(|failure| {
                failure.print();
                failure.exit()
            });
            exits.lock().unwrap_or_else(PoisonError::into_inner)[number] = exit;
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..width {
            scope.spawn(worker);
        }
        worker();
    });
    let exits = exits.into_inner().unwrap_or_else(PoisonError::into_inner);
    exits.into_iter().find(|exit| *exit != Exit::Done).unwrap_or(Exit::Done)
}

/// Rejects flags and outputs that make sense with one input only.
fn check(args: &Args, inputs: &[PathBuf]) -> Result<(), Failure> {
    if args.output.is_some() {
        return Err(Failure::usage("--output names one file, but there are several inputs")
            .hint("without it, each output is named after its input"));
    }
    if args.gradient.is_some() {
        return Err(Failure::usage("--gradient is for a single input"));
    }
    if let Some(last) = inputs.last().filter(|last| input::is_siren_name(last) && !last.exists()) {
        return Err(Failure::usage(format!(
            "{}: one output is named, but there are several inputs",
            last.display()
        ))
        .hint("without it, each output is named after its input"));
    }
    let mut targets = HashSet::new();
    for input in inputs {
        let target = args.output_path(input);
        if input::is_stdin(input) || output::is_stdout(&target) {
            return Err(Failure::usage("standard input cannot be combined with other inputs"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_the_failure_of_its_input_alone() {
        let inputs: Vec<PathBuf> = (0..9).map(|n| n.to_string().into()).collect();
        for width in [1, 3] {
            let done = Mutex::new(HashSet::new());
            let work = |input: &PathBuf| {
                // Unwinds without the message of a panic, which would clutter the test's output.
                match input.to_str() {
                    Some("0") => std::panic::resume_unwind(Box::new("a defect")),
                    Some("4") => return Err(Failure::usage("a failure")),
                    _ => done.lock().unwrap().insert(input.clone()),
                };
                Ok(Exit::Done)
            };
            assert_eq!(each(&inputs, width, || false, work), Exit::Other);
            assert_eq!(done.into_inner().unwrap().len(), 7);
        }
    }
}
