//! Standard output, for results.

use std::io::{self, Write as _};

/// Writes `text`. A reader that has seen enough, such as `head`, is no fault.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
