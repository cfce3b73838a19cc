//! The end of a run: the exit codes, and the one sentence that explains a failure.

use super::terminal;
use sirenc::Error;
use std::any::Any;
use std::fmt::Display;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

/// Why the process ended, as scripts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    Other = 1,
    Usage = 2,
    Input = 3,
    Malformed = 4,
    Limit = 5,
    Missed = 6,
    Verification = 7,
    Interrupted = 130,
    Terminated = 143,
}

impl Exit {
    /// The worse one of two: a target that was missed, a bad input, a wrong file, a defect or an output that cannot be written, and
    /// an end from outside.
    pub fn worse(self, other: Self) -> Self {
        let rank = |exit: Exit| match exit {
            Exit::Done => 0,
            Exit::Missed => 1,
            Exit::Usage | Exit::Input | Exit::Malformed | Exit::Limit => 2,
            Exit::Verification => 3,
            Exit::Other => 4,
            Exit::Interrupted | Exit::Terminated => 5,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// A failure: its exit code and its sentence. Without a sentence nothing is printed.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    sentence: Option<String>,
    /// The limit that was exceeded.
    limit: Option<&'static str>,
}

impl Failure {
    /// A failure whose sentence is `subject: sentence`.
    pub fn new(exit: Exit, subject: impl Display, sentence: impl Display) -> Self {
        Failure { sentence: Some(format!("{subject}: {sentence}")), ..Self::silent(exit) }
    }
    /// An invalid combination of flags and inputs.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Failure { sentence: Some(sentence.into()), ..Self::silent(Exit::Usage) }
    }
    /// The reader of our output closed the pipe, which is not an error.
    pub fn reader_left() -> Self {
        Self::silent(Exit::Done)
    }
    /// The end of a run whose messages have been printed already.
    pub fn silent(exit: Exit) -> Self {
        Failure { exit, sentence: None, limit: None }
    }
    /// An input that is missing or unreadable.
    pub fn unreadable(subject: impl Display, error: &io::Error) -> Self {
        Self::new(Exit::Input, subject, plain(error))
    }
    /// An output that could not be written.
    pub fn unwritable(subject: impl Display, error: &io::Error) -> Self {
        Self::new(Exit::Other, subject, format!("writing failed: {}", plain(error)))
    }
    /// An error of a picture or sound that was read.
    pub fn media(subject: impl Display, error: Error) -> Self {
        let exit = match &error {
            Error::Io(_) | Error::Format { .. } | Error::Unsupported { .. } => Exit::Input,
            other => Self::of(other),
        };
        Self::with(exit, subject, error)
    }
    /// An error of a `.siren` file that was read from memory: running out of bytes is the file's fault.
    pub fn siren(subject: impl Display, error: Error) -> Self {
        let exit = match &error {
            Error::Io(_) | Error::Format { .. } => Exit::Malformed,
            Error::Unsupported { .. } => Exit::Input,
            other => Self::of(other),
        };
        Self::with(exit, subject, error)
    }
    /// An error of fitting, rendering or comparing.
    pub fn work(subject: impl Display, error: Error) -> Self {
        Self::with(Self::of(&error), subject, error)
    }

    fn of(error: &Error) -> Exit {
        match error {
            Error::Parameter { .. } | Error::TooSmall { .. } => Exit::Usage,
            Error::Limit { .. } => Exit::Limit,
            Error::Format { .. } => Exit::Malformed,
            _ => Exit::Other,
        }
    }
    fn with(exit: Exit, subject: impl Display, error: Error) -> Self {
        match &error {
            Error::Io(error) => Self::new(exit, subject, plain(error)),
            Error::Limit { what, .. } => Failure { limit: Some(*what), ..Self::new(exit, subject, &error) },
            error => Self::new(exit, subject, error),
        }
    }
    /// Runs `work`; a panic, which is a defect of this program, becomes a sentence like any other failure.
    pub fn guard<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        panic::set_hook(Box::new(|info| {
            let message = panic_message(info.payload());
            let place =
                info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
            eprintln!("sirenc: internal error{place}: {message} (please report it)");
        }));
        Self::catch(work)
    }
    /// Runs a part of the work inside [`Failure::guard`], whose hook prints the message of a panic; the panic
    /// becomes a silent failure.
    pub fn catch<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let silent = |_| Err(Self::silent(Exit::Other));
        panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(silent)
    }
    /// Adds a hint in parentheses.
    pub fn hint(mut self, hint: &str) -> Self {
        if let Some(sentence) = &mut self.sentence {
            sentence.push_str(&format!(" ({hint})"));
        }
        self
    }
    /// The resource whose limit was exceeded, as named by [`Error::Limit`].
    pub fn limit(&self) -> Option<&'static str> {
        self.limit
    }
    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }
    /// The sentence, if it has one.
    pub fn sentence(&self) -> Option<&str> {
        self.sentence.as_deref()
    }
    /// Prints the sentence to standard error.
    pub fn print(&self) {
        if let Some(sentence) = &self.sentence {
            terminal::print(&format!("sirenc: {sentence}"));
        }
    }
}

/// The message of a panic.
fn panic_message(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown")
}

/// The system's error message without its number, starting in lower case to continue a sentence.
fn plain(error: &io::Error) -> String {
    let text = match error.kind() {
        io::ErrorKind::NotFound => return "no such file".into(),
        _ => error.to_string(),
    };
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_read_as_the_rest_of_a_sentence() {
        assert_eq!(plain(&io::Error::from_raw_os_error(28)), "no space left on device");
        assert_eq!(plain(&io::Error::from(io::ErrorKind::NotFound)), "no such file");
    }

    #[test]
    fn the_same_error_means_something_else_in_another_file() {
        let error = || Error::Format { what: "PNG", detail: "bad".into() };
        assert_eq!(Failure::media("a", error()).exit(), Exit::Input);
        assert_eq!(Failure::siren("a", error()).exit(), Exit::Malformed);
    }
}
