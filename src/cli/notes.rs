//! What is to be known and is no failure: a line each on standard error.

use super::terminal;
use std::fmt::Display;

/// Tells `notes` about `subject`, unless there shall be silence.
pub fn tell<N: Display>(subject: impl Display, notes: impl IntoIterator<Item = N>, quiet: bool) {
    if !quiet {
        notes.into_iter().for_each(|note| terminal::tell(&format!("sirenc: note: {subject}: {note}")));
    }
}
