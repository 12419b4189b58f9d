//! Standard output, for results; standard error, for what went wrong.

use std::io::{self, Write as _};

/// Writes `text`. A reader that has seen enough, such as `head`, is no fault.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Says what went wrong.
#[expect(clippy::print_stderr, reason = "this is what a person reads")]
pub(crate) fn complain(why: &str) {
    eprintln!("error: {why}");
}
