//! Standard output, for results; standard error, for errors and notes.

use std::io::{self, Write as _};

/// Writes `text`. A reader that stops reading, such as `head`, is not an error.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints an error.
pub(crate) fn print_error(error: &str) {
    print_note(&format!("error: {error}"));
}

/// Prints a line that is not a result.
#[expect(clippy::print_stderr, reason = "this is what a person reads")]
pub(crate) fn print_note(line: &str) {
    eprintln!("{line}");
}
