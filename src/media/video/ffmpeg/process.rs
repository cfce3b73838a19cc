//! A child process: its pipes, its messages, and its end.

use crate::error::{Error, Result};
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

/// The most bytes that are kept of what a program says.
const MOST_MESSAGES: u64 = 16 << 10;

/// A program that runs. It is killed and reaped when it is dropped.
pub(super) struct Process {
    program: &'static str,
    child: Child,
    /// Reads the messages, so that the program never waits for them to be read.
    messages: Option<JoinHandle<Vec<u8>>>,
}

impl Process {
    /// Starts `program`; `input` and `output` are its standard input and output.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the program is missing; [`Error::Io`] if it cannot be started.
    pub fn start(
        program: &'static str,
        arguments: impl IntoIterator<Item = OsString>,
        input: Stdio,
        output: Stdio,
    ) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(input).stdout(output).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let detail = format!("`{program}` of FFmpeg is needed for it, but is not on the path");
                Error::unsupported(super::NAME, detail)
            }
            _ => Error::Io(io::Error::new(error.kind(), format!("{program}: {error}"))),
        })?;
        let messages = child.stderr.take().map(|mut pipe| {
            std::thread::spawn(move || {
                let mut kept = vec![];
                // A message that cannot be read is left out.
                let _ = pipe.by_ref().take(MOST_MESSAGES).read_to_end(&mut kept);
                let _ = io::copy(&mut pipe, &mut io::sink());
                kept
            })
        });
        Ok(Process { program, child, messages })
    }

    /// The pipe to the standard input, once.
    pub fn input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The pipe from the standard output, once.
    pub fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for the end of the program.
    ///
    /// # Errors
    /// [`Error::Format`] with the last message if it failed or was killed; [`Error::Io`] if it cannot be
    /// waited for.
    pub fn end(&mut self) -> Result<()> {
        let status = self.child.wait()?;
        let messages = self.messages.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&messages);
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        let why = match status.code() {
            Some(code) => format!("ended with status {code}"),
            None => "was killed".into(),
        };
        let last = last.map_or_else(String::new, |line| format!(": {}", line.trim_end_matches('.')));
        Err(Error::format(super::NAME, format!("{} {why}{last}", self.program)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail for a process that has ended and been waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Arguments of a program.
pub(super) fn words<const N: usize>(words: [&str; N]) -> impl Iterator<Item = OsString> {
    words.map(OsString::from).into_iter()
}

/// The name of a file as the programs read it, whatever it begins with.
pub(super) fn file(path: &Path) -> OsString {
    let mut name = OsString::from("file:");
    name.push(path);
    name
}
