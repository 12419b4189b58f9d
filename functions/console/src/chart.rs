//! The loss curve of a run as a chart: one inline SVG, without a script or styles of its own.

mod description;
mod scale;

use maud::{Markup, html};
use shared::{
    checkpoint::Checkpoint,
    curve::{Curve, POINTS_MAX, Point},
    quantity::count,
};

use self::scale::Scale;

/// Size of the drawing in units; a page scales it to the available width.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 260.0;
/// Margins for the axes and their labels.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 40.0;
/// Approximate number of ticks of an axis.
const TICKS: f64 = 5.0;
/// Losses beyond this are drawn at this value: at that scale the exact number does not matter.
const LOSS_MAX: f64 = 1e6;
/// Series of at most this many points have a dot on each: a few evaluations are measurements, not a line.
const MARKED_MAX: usize = 40;
/// Most gaps that are marked; the first one is what matters.
const GAPS_MAX: usize = 20;
/// Most checkpoints that are drawn or listed; the service keeps one per epoch, and 100 epochs are the
/// most.
pub(crate) const CHECKPOINTS_MAX: usize = 100;

/// What a page says in place of a chart.
pub(crate) const NO_LOSSES: &str = "No losses yet: they appear with the first training steps.";

/// Draws `curve`, with a line at each checkpoint and a stronger one at the chosen checkpoint.
pub(crate) fn chart(
    curve: &Curve,
    checkpoints: &[Checkpoint],
    chosen: Option<&Checkpoint>,
) -> Markup {
    let (train, eval) = (ordered(&curve.train), ordered(&curve.eval));
    let Some(axes) = Axes::around(&train, &eval) else {
        return html! { p { (NO_LOSSES) } };
    };
    html! {
        svg .chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img"
            aria-labelledby="chart-title chart-desc" {
            title #chart-title { "Loss by training step" }
            desc #chart-desc { (description::describe(&train, &eval)) }
            (axes.grid())
            @for checkpoint in checkpoints.iter().take(CHECKPOINTS_MAX) {
                (axes.checkpoint(checkpoint, chosen == Some(checkpoint)))
            }
            g .train { (axes.series(&train)) }
            g .eval { (axes.series(&eval)) }
        }
        p .legend {
            span .key.train { "on training rows" }
            @if !eval.is_empty() { span .key.eval { "on validation rows" } }
            @if !checkpoints.is_empty() { span .key.checkpoint { "checkpoint" } }
            @if chosen.is_some() { span .key.chosen { "chosen checkpoint" } }
            @if gaps(&train).chain(gaps(&eval)).next().is_some() {
                span .key.gap { "not a number" }
            }
        }
    }
}

/// The points in the order of their steps, and no more than a curve may have.
fn ordered(points: &[Point]) -> Vec<Point> {
    let mut points: Vec<Point> = points.iter().take(POINTS_MAX).copied().collect();
    points.sort_by_key(|point| point.step);
    points
}

/// The loss as it is drawn; `None` where there is a gap.
fn plotted_loss(point: &Point) -> Option<f64> {
    let loss = point.loss.filter(|loss| loss.is_finite())?;
    Some(loss.clamp(-LOSS_MAX, LOSS_MAX))
}

/// The first point of each gap.
fn gaps(points: &[Point]) -> impl Iterator<Item = &Point> {
    let before = std::iter::once(None).chain(points.iter().map(Some));
    let begins =
        |before: Option<&Point>| before.is_none_or(|before| plotted_loss(before).is_some());
    before
        .zip(points)
        .filter(move |(before, point)| plotted_loss(point).is_none() && begins(*before))
        .map(|(_, point)| point)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "steps stay far below 2^53, where a float is exact"
)]
fn step_value(step: u64) -> f64 {
    step as f64
}

/// The axes: where steps and losses are in the drawing.
struct Axes {
    steps: Scale,
    losses: Scale,
}

impl Axes {
    /// Axes that contain every point; `None` without points.
    fn around(train: &[Point], eval: &[Point]) -> Option<Self> {
        let points = || train.iter().chain(eval);
        let last = points().map(|point| point.step).max()?;
        let heights = || points().filter_map(plotted_loss);
        let lowest = heights().fold(f64::INFINITY, f64::min);
        let highest = heights().fold(f64::NEG_INFINITY, f64::max);
        let (lowest, highest) = if lowest <= highest {
            (lowest, highest)
        } else {
            // No loss is a number.
            (0.0, 1.0)
        };
        Some(Self {
            steps: Scale::new((0.0, step_value(last)), (LEFT, WIDTH - RIGHT)),
            losses: Scale::new((lowest, highest), (HEIGHT - BOTTOM, TOP)),
        })
    }

    fn grid(&self) -> Markup {
        let floor = HEIGHT - BOTTOM;
        html! {
            g .grid {
                @for (at, label) in self.losses.ticks(TICKS, 0.0) {
                    line x1=(LEFT) x2=(WIDTH - RIGHT) y1=(coordinate(at)) y2=(coordinate(at)) {}
                    text x=(LEFT - 6.0) y=(coordinate(at + 3.5)) text-anchor="end" { (label) }
                }
                @for (at, label) in self.steps.ticks(TICKS, 1.0) {
                    line x1=(coordinate(at)) x2=(coordinate(at)) y1=(floor) y2=(floor + 4.0) {}
                    text x=(coordinate(at)) y=(floor + 17.0) text-anchor="middle" { (label) }
                }
                text x=(LEFT) y="14" { "loss" }
                text x=(WIDTH - RIGHT) y=(HEIGHT - 4.0) text-anchor="end" { "step" }
            }
        }
    }

    fn checkpoint(&self, checkpoint: &Checkpoint, chosen: bool) -> Markup {
        let x = coordinate(self.steps.at(step_value(checkpoint.step)));
        html! {
            line .checkpoint.chosen[chosen] x1=(x) x2=(x) y1=(TOP) y2=(HEIGHT - BOTTOM) {
                title {
                    "checkpoint of epoch " (checkpoint.epoch) ", step " (count(checkpoint.step))
                    @if chosen { ", chosen" }
                }
            }
        }
    }

    /// A line for each segment between gaps, a dot for a segment of one point, a cross where a gap begins.
    fn series(&self, points: &[Point]) -> Markup {
        let segments = points.split(|point| plotted_loss(point).is_none());
        html! {
            @for segment in segments {
                @if segment.len() > 1 {
                    polyline points=(self.path(segment)) {}
                }
                @if segment.len() == 1 || points.len() <= MARKED_MAX {
                    @for (x, y) in segment.iter().filter_map(|point| self.position(point)) {
                        circle cx=(coordinate(x)) cy=(coordinate(y)) r="2.5" {}
                    }
                }
            }
            @for point in gaps(points).take(GAPS_MAX) {
                path .gap d=(self.cross(point)) {}
            }
        }
    }

    fn position(&self, point: &Point) -> Option<(f64, f64)> {
        let y = self.losses.at(plotted_loss(point)?);
        Some((self.steps.at(step_value(point.step)), y))
    }

    fn path(&self, points: &[Point]) -> String {
        let positions = points.iter().filter_map(|point| self.position(point));
        let positions: Vec<String> = positions
            .map(|(x, y)| format!("{},{}", coordinate(x), coordinate(y)))
            .collect();
        positions.join(" ")
    }

    fn cross(&self, point: &Point) -> String {
        let x = self.steps.at(step_value(point.step)) - 4.0;
        let y = TOP;
        format!("M{} {}l8 8m0 -8l-8 8", coordinate(x), coordinate(y))
    }
}

/// A coordinate as text: a tenth of a unit is less than a pixel.
fn coordinate(coordinate: f64) -> String {
    format!("{coordinate:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn drawn(train: &[f64], eval: &[f64]) -> String {
        chart(&sample::curve(train, eval), &[], None).into_string()
    }

    #[track_caller]
    fn check(losses: &[f64], lines: usize, dots: usize, crosses: usize) {
        let svg = drawn(losses, &[]);
        let found = ["<polyline", "<circle", "<path"].map(|mark| svg.matches(mark).count());
        assert_eq!(found, [lines, dots, crosses], "{losses:?}: {svg}");
        for wrong in ["NaN", "inf"] {
            assert!(!svg.contains(wrong), "{losses:?}: {svg}");
        }
    }

    #[test]
    fn a_loss_that_is_not_a_number_is_a_gap() {
        check(&[], 0, 0, 0);
        check(&[1.5], 0, 1, 0);
        check(&[1.5, 1.5], 1, 2, 0);
        check(&[2.0, 1.5, f64::NAN, 1.0], 1, 3, 1);
        check(&[f64::NAN], 0, 0, 1);
        check(&[f64::NAN; 100], 0, 0, 1);
        check(&[1.0, f64::NAN].repeat(30), 0, 30, GAPS_MAX);
        check(&[0.0, f64::MAX, f64::MIN], 1, 3, 0);
        check(&[0.0; 3], 1, 3, 0);
    }

    #[test]
    fn a_thousand_points_are_one_line() {
        let losses: Vec<f64> = (1..=1_000).map(|step| 2.0 / f64::from(step)).collect();
        check(&losses, 1, 0, 0);
        assert!(drawn(&losses, &[]).len() < 20_000);
    }

    #[test]
    fn an_empty_curve_is_a_sentence() {
        assert!(drawn(&[], &[]).starts_with("<p>No losses yet"));
    }

    #[test]
    fn a_small_chart_looks_like_this() {
        let checkpoint = Checkpoint {
            id: "1".to_owned(),
            epoch: 1,
            step: 20,
            endpoint: None,
        };
        let curve = sample::curve(&[2.0, 1.0], &[1.5]);
        let chosen = Some(&checkpoint);
        let svg = chart(&curve, std::slice::from_ref(&checkpoint), chosen).into_string();
        // The grid is tested with the scale.
        let (before, rest) = svg.split_once(r#"<g class="grid">"#).unwrap();
        let (_, after) = rest.split_once("</g>").unwrap();
        let svg = format!("{before}{after}").replace("><", ">\n<");
        insta::assert_snapshot!(svg, @r#"
        <svg class="chart" viewBox="0 0 560 260" role="img" aria-labelledby="chart-title chart-desc">
        <title id="chart-title">Loss by training step</title>
        <desc id="chart-desc">The loss on training rows went from 2 to 1 by step 20. The loss on validation rows was lowest, 1.5, at step 10.</desc>
        <line class="checkpoint chosen" x1="536.0" x2="536.0" y1="26" y2="220">
        <title>checkpoint of epoch 1, step 20, chosen</title>
        </line>
        <g class="train">
        <polyline points="291.0,26.0 536.0,220.0">
        </polyline>
        <circle cx="291.0" cy="26.0" r="2.5">
        </circle>
        <circle cx="536.0" cy="220.0" r="2.5">
        </circle>
        </g>
        <g class="eval">
        <circle cx="291.0" cy="123.0" r="2.5">
        </circle>
        </g>
        </svg>
        <p class="legend">
        <span class="key train">on training rows</span>
        <span class="key eval">on validation rows</span>
        <span class="key checkpoint">checkpoint</span>
        <span class="key chosen">chosen checkpoint</span>
        </p>
        "#);
    }
}
