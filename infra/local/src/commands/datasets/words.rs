//! A comparison as people read it.

use std::fmt::Display;

use super::{
    compare::{Comparison, Found, Step, Summary},
    side::Part,
};
use crate::{
    table::{Align, Table},
    text::{count, things},
};

/// Writes `comparison` down for people.
pub(super) fn told(comparison: &Comparison) -> String {
    let Comparison {
        same,
        a,
        b,
        kept,
        added,
        removed,
        changed,
        moved,
        leaks,
    } = comparison;
    let mut out = format!("A  {}\nB  {}\n\n", described(a), described(b));
    let columns = [
        ("rows", Align::Left),
        ("count", Align::Right),
        ("first", Align::Left),
    ];
    let mut table = Table::new(&columns);
    table.row(["kept".to_owned(), count(*kept)]);
    table.row(line("added", added));
    table.row(line("removed", removed));
    table.row(line("changed", changed));
    table.row(line("moved", moved));
    out.push_str(&table.render());
    out.push('\n');
    if leaks.rows > 0 {
        let rows = things(leaks.rows, "row");
        let places = places(leaks);
        out.extend([
            "Leak: A trains on the questions of ",
            &rows,
            " that B compares models with (",
            &places,
            ").\nA model tuned on A knows the answers: do not judge it by B.\n",
        ]);
    }
    out.push_str(match (*same, changed.rows) {
        (true, _) => "The same rows in the same parts.\n",
        (false, 0) => "The rows differ.\n",
        (false, _) => "The rows differ; `changed` is the same question with another answer.\n",
    });
    out
}

fn described(side: &Summary) -> String {
    let parts = side.parts.iter();
    let mut said: Vec<String> = parts
        .map(|(part, rows)| match part {
            Part::File => things(*rows, "row"),
            Part::Train | Part::Validation | Part::Eval => {
                format!("{} {}", count(*rows), part.name())
            }
        })
        .collect();
    if said.is_empty() {
        said.push("no rows".to_owned());
    }
    if side.unread > 0 {
        said.push(format!("{} not read", things(side.unread, "line")));
    }
    format!("{}: {}", side.name, said.join(", "))
}

fn line<T: Display>(kind: &str, found: &Found<T>) -> [String; 3] {
    [kind.to_owned(), count(found.rows), places(found)]
}

fn places<T: Display>(found: &Found<T>) -> String {
    let mut places: Vec<String> = found.first.iter().map(T::to_string).collect();
    if found.rows > u64::try_from(places.len()).unwrap_or(u64::MAX) {
        places.push("…".to_owned());
    }
    places.join(", ")
}

impl Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::datasets::{
        compare::{compare, tests::side},
        side::Part::{Eval, File, Train},
    };

    fn compared() -> Comparison {
        let a: Vec<(Part, u64, u64)> = (0..9).map(|n| (Train, n, n)).collect();
        let mut b: Vec<(Part, u64, u64)> = (2..8).map(|n| (Train, n, n / 3 * 3)).collect();
        b.extend([(Eval, 8, 8), (Eval, 20, 1)]);
        let mut b = side("friday", &b);
        b.unread = 1;
        compare(side("monday", &a), b)
    }

    #[test]
    fn a_comparison_is_told_in_figures_and_places() {
        insta::assert_snapshot!(told(&compared()));
    }

    #[test]
    fn a_comparison_is_told_to_programs() {
        insta::assert_json_snapshot!(compared());
    }

    #[test]
    fn sameness_is_told() {
        let rows = [(File, 1, 1), (File, 2, 2)];
        let same = compare(side("rows.jsonl", &rows), side("rows.jsonl", &rows));
        insta::assert_snapshot!(told(&same), @r"
        A  rows.jsonl: 2 rows
        B  rows.jsonl: 2 rows

        rows     count  first
        kept         2
        added        0
        removed      0
        changed      0
        moved        0

        The same rows in the same parts.
        ");
    }
}
