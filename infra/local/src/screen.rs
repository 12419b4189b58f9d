//! Progress on standard error: lines that stay and, on a terminal, bars that move.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::output;

/// How often a spinner turns.
const TURN: Duration = Duration::from_millis(120);

/// Standard error.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    bars: Option<MultiProgress>,
}

/// A line of the screen that shows something in progress.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    bar: ProgressBar,
}

impl Screen {
    /// The screen of this process.
    pub(crate) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self {
            bars: terminal.then(MultiProgress::new),
        }
    }

    /// Prints a line that stays.
    pub(crate) fn print(&self, line: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| output::print_note(line)),
            None => output::print_note(line),
        }
    }

    /// Adds a line for something in progress; it is hidden where there is no terminal.
    pub(crate) fn progress(&self, name: &str) -> ProgressLine {
        let bar = match &self.bars {
            Some(bars) => bars.add(ProgressBar::new_spinner()),
            None => ProgressBar::hidden(),
        };
        bar.set_prefix(name.to_owned());
        bar.set_style(spinner());
        if self.bars.is_some() {
            bar.enable_steady_tick(TURN);
        }
        ProgressLine { bar }
    }

    /// Adds a bar over the `bytes` of a file.
    pub(crate) fn bytes(&self, name: &str, bytes: u64) -> ProgressBar {
        let bar = match &self.bars {
            Some(bars) => bars.add(ProgressBar::new(bytes)),
            None => ProgressBar::hidden(),
        };
        bar.set_prefix(name.to_owned());
        bar.set_style(style(
            "{prefix} {bar:30} {bytes} of {total_bytes}, {eta} left",
        ));
        bar
    }
}

impl ProgressLine {
    /// Shows something whose length is unknown.
    pub(crate) fn spin(&self, message: String) {
        self.bar.set_style(spinner());
        self.bar.set_message(message);
    }

    /// Shows how much of `total` is done.
    pub(crate) fn advance(&self, done: u64, total: u64, message: String) {
        self.bar.set_style(bar());
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.bar.set_message(message);
    }

    /// Removes the line.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.clear();
    }
}

fn spinner() -> ProgressStyle {
    style("{prefix} {spinner} {wide_msg}")
}

fn bar() -> ProgressStyle {
    style("{prefix} {bar:20} {pos}/{len} {wide_msg}")
}

/// The style of `template`, or the default one: a template with an error is not worth a failure.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_error| ProgressStyle::default_bar())
}
