//! Differences with their intervals as a drawing (SVG): one line each, around zero.

use maud::{Markup, html};

use super::contents::IntervalBar;

/// The drawing, in pixels.
const WIDTH: f64 = 760.0;
/// Of the names on the left.
const NAMES: f64 = 220.0;
/// Of one line.
const LINE: f64 = 24.0;
/// Longest name, in characters: what fits.
const NAME_CHARS_MAX: usize = 30;
/// The smallest range that is drawn, so that no tiny difference looks large.
const RANGE_MIN: f64 = 0.05;

/// The lines of `bars`; `title` says to a screen reader what they are.
pub(super) fn intervals(title: &str, bars: &[IntervalBar]) -> Markup {
    let ends = bars.iter().flat_map(|bar| [bar.low.abs(), bar.high.abs()]);
    let range = ends.filter(|end| end.is_finite()).fold(RANGE_MIN, f64::max);
    let x = |value: f64| {
        let share = f64::midpoint(value.clamp(-range, range) / range, 1.0);
        NAMES + share * (WIDTH - NAMES - 10.0)
    };
    let height = LINE * lines(bars.len() + 1);
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) width=(WIDTH) role="img" {
            title { (title) ": differences with their intervals" }
            line x1=(px(x(0.0))) x2=(px(x(0.0))) y1="0" y2=(px(height - LINE)) stroke="#999" stroke-dasharray="3 3";
            @for (place, bar) in bars.iter().enumerate() {
                @let y = LINE * (lines(place) + 0.5);
                text x="0" y=(px(y + 5.0)) font-size="13" { (name(&bar.name)) }
                line x1=(px(x(bar.low))) x2=(px(x(bar.high))) y1=(px(y)) y2=(px(y)) stroke=(colour(bar)) stroke-width="3";
                circle cx=(px(x(bar.difference))) cy=(px(y)) r="5" fill=(colour(bar)) {}
            }
            @for value in [-range, 0.0, range] {
                text x=(px(x(value))) y=(px(height - 6.0)) font-size="12" text-anchor=(anchor(value)) fill="#666" {
                    (format!("{value:+.2}"))
                }
            }
        }
    }
}

/// Proven better, proven worse, or open. The side of zero says the same without colours.
fn colour(bar: &IntervalBar) -> &'static str {
    if bar.low > 0.0 {
        "#1a7f37"
    } else if bar.high < 0.0 {
        "#b3261e"
    } else {
        "#57606a"
    }
}

fn anchor(value: f64) -> &'static str {
    if value > 0.0 {
        "end"
    } else if value < 0.0 {
        "start"
    } else {
        "middle"
    }
}

fn name(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

fn px(value: f64) -> String {
    format!("{value:.1}")
}

/// Lines as a number to multiply.
fn lines(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
