//! A file that is one JSON object around all rows: a dictionary of splits, of columns, or of rows.
//!
//! Such a file cannot be read row by row, so it is read into memory, up to a limit.

use std::{borrow::Cow, collections::VecDeque};

use crate::{
    formats,
    json::{Node, Object, Text, Value, parse, write},
    row_span::{RowPosition, RowSpan, RowStatus, newlines},
};

/// Largest file that is read whole. Parsed, it takes several times as much memory.
pub(super) const WHOLE_BYTES_MAX: usize = 32 << 20;

/// Names of splits.
const SPLITS: &[&str] = &[
    "train",
    "training",
    "test",
    "eval",
    "evaluation",
    "validation",
    "valid",
    "val",
    "dev",
];

/// Fewest rows by which columns are recognised: with one, any object of arrays would be columns.
const ROWS_MIN: usize = 2;

/// The rows of such a file.
pub(super) struct WholeRows {
    rows: VecDeque<(RowSpan, Vec<u8>)>,
    row: Vec<u8>,
}

impl WholeRows {
    /// The rows in `text`; `None` where it is not such an object.
    pub(super) fn of(text: &str) -> Option<Self> {
        let Value::Object(object) = parse(text).ok()?.node.value else {
            return None;
        };
        let rows = splits(&object)
            .or_else(|| columns(&object))
            .or_else(|| rows_by_id(&object))?;
        let mut line = Lines::default();
        let rows = (1..).zip(rows).map(|(number, (at, row))| {
            let mut bytes = Vec::new();
            write(&Value::Object(row), &mut bytes);
            let span = RowSpan {
                position: RowPosition::of_row(number, line.of(text, at)),
                column: 1,
                length: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                status: RowStatus::Whole,
            };
            (span, bytes)
        });
        Some(Self {
            rows: rows.collect(),
            row: Vec::new(),
        })
    }

    /// Advances to the next row.
    pub(super) fn advance(&mut self) -> Option<RowSpan> {
        let (span, row) = self.rows.pop_front()?;
        self.row = row;
        Some(span)
    }

    /// The bytes of the row.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.row
    }
}

/// Counts the lines of a text, for offsets in order.
#[derive(Default)]
struct Lines {
    at: usize,
    before: u64,
}

impl Lines {
    /// The line of the offset `at`; that of the one before where it comes earlier.
    fn of(&mut self, text: &str, at: u32) -> u64 {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        if let Some(passed) = text.as_bytes().get(self.at..at) {
            self.before += newlines(passed);
            self.at = at;
        }
        1 + self.before
    }
}

type Rows<'a> = Vec<(u32, Object<'a>)>;

/// The rows of a dictionary of splits: each gets the name of its split.
fn splits<'a>(object: &Object<'a>) -> Option<Rows<'a>> {
    let mut rows = Vec::new();
    let mut some = false;
    for (name, node) in &object.members {
        let Value::List(nodes) = &node.value else {
            return None;
        };
        some |= SPLITS.contains(&name.to_ascii_lowercase().as_str());
        for node in nodes {
            let Value::Object(row) = &node.value else {
                return None;
            };
            let mut row = row.clone();
            if !row.has("split") {
                let split = Node {
                    at: node.at,
                    value: Value::Text(Text::of(name)),
                };
                row.members.push((Cow::Borrowed("split"), split));
            }
            rows.push((node.at, row));
        }
    }
    (some && object.members.len() > 1).then_some(rows)
}

/// The rows of a dictionary of columns, each an array or an object by the number of the row; or of
/// `{"columns": […], "data": [[…], …]}`.
fn columns<'a>(object: &Object<'a>) -> Option<Rows<'a>> {
    if let (Some(names), Some(data)) = (object.get("columns"), object.get("data")) {
        return table(names.value.elements(), data.value.elements());
    }
    let mut columns: Vec<(&Cow<'a, str>, Vec<&Node<'a>>)> = Vec::new();
    let mut keys: Option<Vec<&str>> = None;
    for (name, node) in &object.members {
        let cells: Vec<&Node<'a>> = match &node.value {
            Value::List(nodes) => nodes.iter().collect(),
            Value::Object(cells) => {
                let of_this: Vec<&str> = cells.keys().collect();
                if keys.get_or_insert_with(|| of_this.clone()) != &of_this {
                    return None;
                }
                cells.members.iter().map(|(_, node)| node).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => return None,
        };
        columns.push((name, cells));
    }
    let (_, first) = columns.first()?;
    let count = first.len();
    if columns.len() < 2
        || count < ROWS_MIN
        || columns.iter().any(|(_, cells)| cells.len() != count)
    {
        return None;
    }
    let row = |index: usize| {
        let cell = |(name, cells): &(&Cow<'a, str>, Vec<&Node<'a>>)| {
            Some(((*name).clone(), (*cells.get(index)?).clone()))
        };
        let members: Vec<_> = columns.iter().filter_map(cell).collect();
        let at = members.first().map(|(_, node)| node.at).unwrap_or_default();
        (at, Object { members })
    };
    let rows: Rows<'a> = (0..count).map(row).collect();
    let is_row = |(_, row): &(u32, Object<'_>)| formats::detect(row).is_ok();
    rows.first().is_some_and(is_row).then_some(rows)
}

/// The rows of an array of arrays, whose columns are called `names`.
fn table<'a>(names: &[Node<'a>], data: &[Node<'a>]) -> Option<Rows<'a>> {
    let name = |node: &Node<'a>| Some(node.value.text()?.plain().into_owned());
    let names: Vec<String> = names.iter().map(name).collect::<Option<_>>()?;
    let row = |node: &Node<'a>| {
        let cells = node.value.elements();
        let members = names.iter().zip(cells);
        let members = members.map(|(name, cell)| (Cow::Owned(name.clone()), cell.clone()));
        let members: Vec<_> = members.collect();
        (cells.len() == names.len()).then_some((node.at, Object { members }))
    };
    data.iter().map(row).collect()
}

/// The rows of a dictionary of rows by their ids.
fn rows_by_id<'a>(object: &Object<'a>) -> Option<Rows<'a>> {
    let mut rows = Vec::with_capacity(object.members.len());
    for (_, node) in &object.members {
        let Value::Object(row) = &node.value else {
            return None;
        };
        rows.push((node.at, row.clone()));
    }
    let are_rows = rows.iter().any(|(_, row)| formats::detect(row).is_ok());
    (are_rows && rows.len() >= ROWS_MIN).then_some(rows)
}

#[cfg(test)]
mod tests {
    use crate::rules::tests::report_on;

    #[track_caller]
    fn check(text: &str, kept: u64, container: &str) {
        let report = report_on(text);
        let found = (report.rows.kept, report.container.as_str());
        assert_eq!(found, (kept, container), "{text}: {:?}", report.codes);
    }

    #[test]
    fn dictionaries_of_columns_are_read() {
        let container = "json_columns";
        check(
            r#"{"input":["a","b"],"output":["one two three","one two four"]}"#,
            2,
            container,
        );
        check(
            "{\n \"input\": {\"0\": \"a\", \"1\": \"b\"},\n \"output\": {\"0\": \"one two three\", \"1\": \"one two four\"}\n}",
            2,
            container,
        );
        check(
            r#"{"columns":["input","output"],"index":[0,1],"data":[["a","one two three"],["b","one two four"]]}"#,
            2,
            container,
        );
        check(
            r#"{"x1":{"input":"a","output":"one two three"},"x2":{"input":"b","output":"one two four"}}"#,
            2,
            container,
        );
    }

    #[test]
    fn a_row_of_arrays_is_a_row() {
        check(
            r#"{"question":"a","choices":["x","y"],"answer":"one two three"}"#,
            1,
            "jsonl",
        );
    }

    #[test]
    fn the_splits_of_a_dictionary_are_obeyed() {
        let rows = |from: usize, to: usize| {
            let row =
                |n| format!("{{\"input\":\"question {n}\",\"output\":\"answer number {n}\"}}");
            (from..to).map(row).collect::<Vec<_>>().join(",\n")
        };
        let report = report_on(&format!(
            "{{\"train\":[{}],\n\"test\":[{}]}}",
            rows(0, 30),
            rows(30, 40)
        ));
        assert_eq!(report.splits.eval, 10);
        assert_eq!(report.rows.kept, 40);
        assert!(!report.codes.contains_key("unread_text"));
    }
}
