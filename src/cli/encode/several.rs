//! Several inputs: each is encoded as if alone; a GPU encodes several of sine networks at once.

use super::inputs::Item;
use super::{Args, Job};
use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::interrupt::Interrupt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Encodes all items. A failure is printed when it happens; the exit code is the worst of all.
pub fn run(args: &Args, items: &[Item], interrupt: &Interrupt) -> Outcome {
    let width = args.options().concurrent_encodes().min(items.len());
    let silent = args.quiet || width > 1;
    let encode = |item: &Item| Job::encode(args, item, interrupt, silent);
    let worst = each(items, width, || interrupt.noted().is_some(), encode);
    Ok(interrupt.noted().unwrap_or(worst))
}

/// Runs `work` on all `items`, `width` at a time, and prints the failure of each; a panic is a failure, too.
/// No item is started once `over()` is true. The exit code is the worst of all.
fn each<T: Sync>(
    items: &[T],
    width: usize,
    over: impl Fn() -> bool + Sync,
    work: impl Fn(&T) -> Outcome + Sync,
) -> Exit {
    let (next, worst) = (AtomicUsize::new(0), Mutex::new(Exit::Done));
    let worker = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number).filter(|_| !over()) else { break };
            let exit = Failure::catch(|| work(item)).unwrap_or_else(|failure| {
                failure.print();
                failure.exit()
            });
            let mut worst = worst.lock().unwrap_or_else(PoisonError::into_inner);
            *worst = worst.worse(exit);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..width {
            scope.spawn(worker);
        }
        worker();
    });
    worst.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::path::PathBuf;

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
