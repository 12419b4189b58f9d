//! Progress on standard error: lines that stay, and bars where there is a terminal.

use std::{borrow::Cow, io::IsTerminal as _, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::Stage;

/// How often a spinner turns.
const TURN: Duration = Duration::from_millis(120);

/// Standard error.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    bars: Option<MultiProgress>,
}

/// One line of the screen that moves.
#[derive(Debug)]
pub(crate) struct Line {
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

    /// Says a line that stays.
    pub(crate) fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| print(line)),
            None => print(line),
        }
    }

    /// Adds a line that moves; none is seen where there is no terminal.
    pub(crate) fn line(&self, name: &str) -> Line {
        let bar = match &self.bars {
            Some(bars) => bars.add(ProgressBar::new_spinner()),
            None => ProgressBar::hidden(),
        };
        bar.set_prefix(name.to_owned());
        bar.set_style(waiting());
        if self.bars.is_some() {
            bar.enable_steady_tick(TURN);
        }
        Line { bar }
    }

    /// A bar over `bytes` of a file.
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

impl Line {
    /// Shows what is under way, for how long.
    pub(crate) fn show(&self, stage: &Stage, elapsed: &str) {
        match stage {
            Stage::Tunes(steps) if steps.total.is_some() => {
                self.bar.set_style(moving());
                self.bar.set_length(steps.total.unwrap_or_default());
                self.bar.set_position(steps.done);
                self.bar.set_message(message(&steps.words(), elapsed));
            }
            Stage::Tunes(steps) => {
                self.bar.set_style(waiting());
                self.bar.set_message(message(&steps.words(), elapsed));
            }
            Stage::Asks(parts) => {
                self.bar.set_style(moving());
                self.bar.set_length(parts.total);
                self.bar.set_position(parts.done);
                self.bar.set_message(message(stage.name(), elapsed));
            }
            Stage::Waits(words) => {
                self.bar.set_style(waiting());
                self.bar.set_message(message(words, elapsed));
            }
            Stage::Over => self.bar.finish_and_clear(),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn message(words: &str, elapsed: &str) -> Cow<'static, str> {
    Cow::Owned(format!("{words} ({elapsed})"))
}

fn waiting() -> ProgressStyle {
    style("{prefix} {spinner} {wide_msg}")
}

fn moving() -> ProgressStyle {
    style("{prefix} {bar:20} {pos}/{len} {wide_msg}")
}

/// The default style where `template` were wrong: a bar is not worth a failure.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_error| ProgressStyle::default_bar())
}

#[expect(clippy::print_stderr, reason = "this is what a person reads")]
fn print(line: &str) {
    eprintln!("{line}");
}
