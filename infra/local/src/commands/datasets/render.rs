//! A diff, for people.

use std::fmt::Display;

use super::{
    drift::{Drift, LengthChange, ShareChange},
    row::RowFile,
    version_diff::{RowList, RowMove, SideSummary, VersionDiff},
};
use crate::{
    table::{Align, TextTable},
    text::{count, things},
};

/// Longest label or column that is shown whole.
const NAME_CHARS_MAX: usize = 40;

/// Renders `diff` for people.
pub(super) fn render(diff: &VersionDiff) -> String {
    let VersionDiff {
        same,
        prompt_differs,
        a,
        b,
        kept,
        added,
        removed,
        changed,
        moved,
        leaks,
        drift,
    } = diff;
    let mut out = format!("A  {}\nB  {}\n\n", described(a), described(b));
    let columns = [
        ("rows", Align::Left),
        ("count", Align::Right),
        ("first", Align::Left),
    ];
    let mut table = TextTable::new(&columns);
    table.row(["kept".to_owned(), count(*kept)]);
    table.row(line("added", added));
    table.row(line("removed", removed));
    table.row(line("changed", changed));
    table.row(line("moved", moved));
    out.push_str(&table.render());
    out.push('\n');
    render_drift(drift, &mut out);
    if leaks.rows > 0 {
        let rows = things(leaks.rows, "row");
        let places = locations(leaks);
        out.extend([
            "Leak: A trains on the questions of ",
            &rows,
            " with which B evaluates models (",
            &places,
            ").\nA model tuned on A has seen them: do not evaluate it on B.\n",
        ]);
    }
    if *prompt_differs {
        out.push_str(
            "Their recipes put another system instruction or template around each row; rows are compared without it.\n",
        );
    }
    out.push_str(match (*same, changed.rows) {
        (true, _) => "The same rows in the same files.\n",
        (false, 0) if added.rows + removed.rows + moved.rows == 0 => "The rows are the same.\n",
        (false, 0) => "The rows differ.\n",
        (false, _) => "The rows differ; `changed` means the same question with another answer.\n",
    });
    out
}

/// Lengths, and what has changed its share of the rows.
fn render_drift(drift: &Drift, out: &mut String) {
    let columns = [
        ("of all rows", Align::Left),
        ("A", Align::Right),
        ("B", Align::Right),
    ];
    let mut table = TextTable::new(&columns);
    for (what, LengthChange { a, b }) in [
        ("questions", &drift.question_chars),
        ("answers", &drift.answer_chars),
    ] {
        for (rank, (a, b)) in ["median", "95 %"].into_iter().zip(a.iter().zip(b)) {
            let name = format!("characters of {what}, {rank}");
            table.row([name, count((*a).into()), count((*b).into())]);
        }
    }
    for (kind, changes) in [
        ("label", &drift.labels),
        ("language", &drift.languages),
        ("column", &drift.columns),
    ] {
        for ShareChange { name, a, b } in changes {
            let name = format!("{kind} `{}`", line_of(name));
            table.row([name, format!("{a:.1} %"), format!("{b:.1} %")]);
        }
    }
    out.push_str(&table.render());
    out.push('\n');
}

/// A name of the dataset on a terminal: on one line, without control characters.
fn line_of(name: &str) -> String {
    crate::text::line(name, NAME_CHARS_MAX)
}

fn described(side: &SideSummary) -> String {
    let parts = side.parts.iter();
    let mut counts: Vec<String> = parts
        .map(|(part, rows)| match part {
            RowFile::Single | RowFile::Unlined => things(*rows, "row"),
            RowFile::Train | RowFile::Validation | RowFile::Eval => {
                format!("{} {}", count(*rows), part.name())
            }
        })
        .collect();
    if counts.is_empty() {
        counts.push("no rows".to_owned());
    }
    if side.unread > 0 {
        counts.push(format!("{} not read", things(side.unread, "line")));
    }
    format!("{}: {}", side.name, counts.join(", "))
}

fn line<T: Display>(kind: &str, found: &RowList<T>) -> [String; 3] {
    [kind.to_owned(), count(found.rows), locations(found)]
}

fn locations<T: Display>(found: &RowList<T>) -> String {
    let mut locations: Vec<String> = found.first.iter().map(T::to_string).collect();
    if found.rows > u64::try_from(locations.len()).unwrap_or(u64::MAX) {
        locations.push("…".to_owned());
    }
    locations.join(", ")
}

impl Display for RowMove {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::datasets::{
        drift::tests::profile,
        row::RowFile::{Eval, Single, Train},
        version_diff::{diff, tests::side},
    };

    fn sample() -> VersionDiff {
        let a: Vec<(RowFile, u64, u64)> = (0..9).map(|n| (Train, n, n)).collect();
        let mut b: Vec<(RowFile, u64, u64)> = (2..8).map(|n| (Train, n, n / 3 * 3)).collect();
        b.extend([(Eval, 8, 8), (Eval, 20, 1)]);
        let mut b = side("friday", &b);
        b.unread = 1;
        let mut a = side("monday", &a);
        a.profile = profile(&[("refund", 50), ("delivery", 50)], "eng", 100);
        b.profile = profile(&[("refund", 98), ("fraud\u{1b}", 2)], "eng", 1_400);
        diff(a, b)
    }

    #[test]
    fn a_diff_has_counts_and_locations() {
        insta::assert_snapshot!(render(&sample()));
    }

    #[test]
    fn the_json_of_a_diff_is_stable() {
        insta::assert_json_snapshot!(sample());
    }

    #[test]
    fn equal_sides_have_no_diff() {
        let rows = [(Single, 1, 1), (Single, 2, 2)];
        let same = diff(side("rows.jsonl", &rows), side("rows.jsonl", &rows));
        insta::assert_snapshot!(render(&same), @r"
        A  rows.jsonl: 2 rows
        B  rows.jsonl: 2 rows

        rows     count  first
        kept         2
        added        0
        removed      0
        changed      0
        moved        0

        of all rows                      A  B
        characters of questions, median  0  0
        characters of questions, 95 %    0  0
        characters of answers, median    0  0
        characters of answers, 95 %      0  0

        The same rows in the same files.
        ");
    }
}
