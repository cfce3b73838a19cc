//! Lines for people on standard error. Control characters, which file names may contain, are escaped on a
//! terminal.

use std::borrow::Cow;
use std::io::{self, IsTerminal};

/// Prints `line` to standard error; control characters are escaped if it is a terminal.
pub fn print(line: &str) {
    eprintln!("{}", if io::stderr().is_terminal() { escaped(line) } else { line.into() });
}

/// A line with its control characters escaped, as `\x1b` or `\n`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let escape = |c: char| match c {
        '\n' => "\\n".into(),
        '\t' => "\\t".into(),
        '\r' => "\\r".into(),
        c if c.is_control() => format!("\\x{:02x}", u32::from(c)),
        c => c.into(),
    };
    text.chars().map(escape).collect::<String>().into()
}

/// A text of several lines with control characters other than line ends escaped.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|c: char| c.is_control() && c != '\n') {
        return text.into();
    }
    text.split('\n').map(escaped).collect::<Vec<_>>().join("\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_told_and_not_obeyed() {
        assert_eq!(escaped("a\u{1b}[31m.png"), "a\\x1b[31m.png");
        assert_eq!(escaped("two\nlines\u{9b}\u{7f}"), "two\\nlines\\x9b\\x7f");
        assert_eq!(escaped("naïve ∞ → 测.png"), "naïve ∞ → 测.png");
        assert_eq!(escaped_lines("a\u{7}\nb\n"), "a\\x07\nb\n");
    }
}
