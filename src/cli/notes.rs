//! Notes, which are not failures: one line each on standard error.

use super::terminal;
use std::fmt::Display;

/// Prints `notes` about `subject`, unless `quiet`.
pub fn print<N: Display>(subject: impl Display, notes: impl IntoIterator<Item = N>, quiet: bool) {
    if !quiet {
        notes.into_iter().for_each(|note| terminal::print(&format!("sirenc: note: {subject}: {note}")));
    }
}
