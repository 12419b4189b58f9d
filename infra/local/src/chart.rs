//! A loss curve in plain characters: legible without colour, and with gaps where a loss is NaN.
//!
//! The training losses are a line of Braille dots, of which a character has four rows and two columns;
//! the evaluation losses are few, so each is a mark of its own.

use shared::curve::{Curve, Point};

/// Characters of the plot, without its labels.
const WIDTH: usize = 60;
/// Lines of the plot, without its labels.
const HEIGHT: usize = 12;
/// Dots of a Braille character.
const DOTS_WIDE: usize = 2;
const DOTS_HIGH: usize = 4;
/// Characters of the labels on the left.
const LABEL: usize = 8;

/// The bit of each dot of a Braille character (Unicode 15, chapter 21.1), by column and row.
const DOTS: [[u32; DOTS_HIGH]; DOTS_WIDE] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
const BRAILLE: u32 = 0x2800;

/// The mark of an evaluation loss.
const EVALUATION: char = 'o';
/// The mark, on the lowest line, of a step whose loss is not a number.
const NOT_A_NUMBER: char = '!';

/// Draws `curve`, with a mark below the step of the chosen checkpoint; a sentence where it is empty.
pub(crate) fn draw(curve: &Curve, chosen: Option<u64>) -> Vec<String> {
    let Some(range) = PlotRange::around(curve) else {
        return vec!["no losses yet".to_owned()];
    };
    let mut plot = Plot::new();
    plot.line(&range, &curve.train);
    for point in &curve.eval {
        plot.mark(&range, point, EVALUATION);
    }
    let all = curve.train.iter().chain(&curve.eval);
    for point in all.filter(|point| !is_number(point)) {
        plot.mark(&range, point, NOT_A_NUMBER);
    }
    let mut lines = plot.lines(&range);
    lines.push(axis(&range, chosen));
    lines.push(steps(&range));
    lines.push(legend(curve, chosen));
    lines
}

fn is_number(point: &Point) -> bool {
    point.loss.is_some_and(f64::is_finite)
}

/// The range of steps and losses that the plot shows.
#[derive(Debug, Clone, Copy)]
struct PlotRange {
    first: u64,
    last: u64,
    low: f64,
    high: f64,
}

impl PlotRange {
    fn around(curve: &Curve) -> Option<Self> {
        let points = || curve.train.iter().chain(&curve.eval);
        let losses = || {
            let losses = points().filter_map(|point| point.loss);
            losses.filter(|loss| loss.is_finite())
        };
        let low = losses().fold(f64::INFINITY, f64::min);
        let high = losses().fold(f64::NEG_INFINITY, f64::max);
        // Without any finite loss, any range will do: the marks show the steps.
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        Some(Self {
            first: points().map(|point| point.step).min()?,
            last: points().map(|point| point.step).max()?,
            low,
            // A constant curve still needs a range that is not empty: it is drawn at the bottom.
            high: if high > low { high } else { low + 1.0 },
        })
    }

    /// The dot column of `step`, from the left.
    fn column(&self, step: u64) -> usize {
        let steps = self.last.saturating_sub(self.first).max(1);
        let dots = (WIDTH * DOTS_WIDE - 1) as u64;
        let at = step.clamp(self.first, self.last) - self.first;
        usize::try_from(at.saturating_mul(dots) / steps).unwrap_or_default()
    }

    /// The dot row of `loss`, from the top.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a fraction of a plot of 48 rows"
    )]
    fn row(&self, loss: f64) -> usize {
        let rows = (HEIGHT * DOTS_HIGH - 1) as f64;
        let share = (self.high - loss) / (self.high - self.low);
        (share.clamp(0.0, 1.0) * rows).round() as usize
    }
}

/// The characters: the dots of each cell, and marks that replace them.
struct Plot {
    dots: Vec<Vec<u32>>,
    marks: Vec<Vec<Option<char>>>,
}

impl Plot {
    fn new() -> Self {
        Self {
            dots: vec![vec![0; WIDTH]; HEIGHT],
            marks: vec![vec![None; WIDTH]; HEIGHT],
        }
    }

    /// Connects the points; a loss that is not a number interrupts the line.
    fn line(&mut self, range: &PlotRange, points: &[Point]) {
        let mut before: Option<(usize, usize)> = None;
        for point in points {
            let here = point.loss.filter(|loss| loss.is_finite());
            let here = here.map(|loss| (range.column(point.step), range.row(loss)));
            if let Some(here) = here {
                self.segment(before.unwrap_or(here), here);
            }
            before = here;
        }
    }

    fn segment(&mut self, from: (usize, usize), to: (usize, usize)) {
        let length = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1)).max(1);
        let between = |from: usize, to: usize, at: usize| {
            (from * (length - at) + to * at + length / 2) / length
        };
        for at in 0..=length {
            self.dot(between(from.0, to.0, at), between(from.1, to.1, at));
        }
    }

    fn dot(&mut self, column: usize, row: usize) {
        let cell = self
            .dots
            .get_mut(row / DOTS_HIGH)
            .and_then(|line| line.get_mut(column / DOTS_WIDE));
        let bit = DOTS
            .get(column % DOTS_WIDE)
            .and_then(|column| column.get(row % DOTS_HIGH));
        if let (Some(cell), Some(bit)) = (cell, bit) {
            *cell |= bit;
        }
    }

    fn mark(&mut self, range: &PlotRange, point: &Point, mark: char) {
        let row = match point.loss.filter(|loss| loss.is_finite()) {
            Some(loss) => range.row(loss) / DOTS_HIGH,
            None if mark == NOT_A_NUMBER => HEIGHT - 1,
            None => return,
        };
        let column = range.column(point.step) / DOTS_WIDE;
        if let Some(cell) = self
            .marks
            .get_mut(row)
            .and_then(|line| line.get_mut(column))
        {
            *cell = Some(mark);
        }
    }

    fn lines(&self, range: &PlotRange) -> Vec<String> {
        let lines = self.dots.iter().zip(&self.marks).enumerate();
        lines
            .map(|(row, (dots, marks))| {
                let cells = dots
                    .iter()
                    .zip(marks)
                    .map(|(dots, mark)| match (mark, dots) {
                        (Some(mark), _) => *mark,
                        (None, 0) => ' ',
                        (None, dots) => char::from_u32(BRAILLE | dots).unwrap_or('.'),
                    });
                let text: String = cells.collect();
                let label = match row {
                    0 => label(range.high),
                    row if row == HEIGHT / 2 => label(range.low.midpoint(range.high)),
                    row if row == HEIGHT - 1 => label(range.low),
                    _ => String::new(),
                };
                format!("{label:>LABEL$} ┤{}", text.trim_end())
            })
            .collect()
    }
}

/// A loss in at most [`LABEL`] characters.
fn label(loss: f64) -> String {
    if loss.abs() < 1_000.0 {
        format!("{loss:.3}")
    } else {
        format!("{loss:.0e}")
    }
}

/// The axis below the plot, with a mark at the chosen checkpoint.
fn axis(range: &PlotRange, chosen: Option<u64>) -> String {
    let mut line: Vec<char> = vec!['─'; WIDTH];
    let chosen = chosen.map(|step| range.column(step) / DOTS_WIDE);
    if let Some(cell) = chosen.and_then(|column| line.get_mut(column)) {
        *cell = '^';
    }
    let line: String = line.into_iter().collect();
    format!("{:LABEL$} └{line}", "")
}

fn steps(range: &PlotRange) -> String {
    let (first, last) = (format!("step {}", range.first), range.last.to_string());
    let gap = WIDTH.saturating_sub(first.chars().count());
    format!("{:LABEL$}  {first}{last:>gap$}", "")
}

fn legend(curve: &Curve, chosen: Option<u64>) -> String {
    let has_gap = curve
        .train
        .iter()
        .chain(&curve.eval)
        .any(|point| !is_number(point));
    let mut parts = vec!["⠒⠒ training loss".to_owned()];
    if !curve.eval.is_empty() {
        parts.push(format!("{EVALUATION} evaluation loss"));
    }
    if chosen.is_some() {
        parts.push("^ chosen checkpoint".to_owned());
    }
    if has_gap {
        parts.push(format!("{NOT_A_NUMBER} not a number"));
    }
    format!("{:LABEL$}  {}", "", parts.join("   "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(losses: &[(u64, f64)]) -> Vec<Point> {
        let point = |(step, loss): &(u64, f64)| Point::new(*step, *loss);
        losses.iter().map(point).collect()
    }

    fn drawn(train: &[(u64, f64)], eval: &[(u64, f64)], chosen: Option<u64>) -> String {
        let curve = Curve {
            train: points(train),
            eval: points(eval),
            ..Curve::new("a-b-c".parse().unwrap())
        };
        draw(&curve, chosen).join("\n")
    }

    #[test]
    fn both_losses_are_drawn_differently() {
        let train: Vec<(u64, f64)> = (1..=60_u32)
            .map(|step| (u64::from(step), 0.5 + 2.0 / f64::from(step).sqrt()))
            .collect();
        let eval = [(20, 1.3), (40, 1.1), (60, 1.25)];
        insta::assert_snapshot!(drawn(&train, &eval, Some(40)));
    }

    #[test]
    fn a_loss_that_is_not_a_number_is_a_gap_with_a_mark() {
        let train = [(1, 1.0), (2, 2.0), (3, f64::NAN), (4, f64::NAN)];
        insta::assert_snapshot!(drawn(&train, &[], None));
    }

    #[test]
    fn unusual_curves_are_drawn_too() {
        assert_eq!(drawn(&[], &[], None), "no losses yet");
        for train in [
            &[(7, 1.0)][..],
            &[(7, f64::NAN)],
            &[(1, 1.0), (2, 1.0)],
            &[(0, -1e300), (u64::MAX, 1e300)],
            &[(0, f64::MAX), (1, f64::MIN)],
        ] {
            let text = drawn(train, &[], Some(3));
            assert_eq!(text.lines().count(), HEIGHT + 3, "{text}");
            assert!(
                text.lines()
                    .all(|line| line.chars().count() <= LABEL + 2 + WIDTH),
                "{text}"
            );
        }
    }
}
