//! Rows with custom column names, which a recipe maps to ours: `columns = { input = "question" }`.

use std::{borrow::Cow, collections::BTreeMap};

use super::{ReadOptions, ReadRow, alpaca, contents, messages, pairs, read_as, sharegpt};
use crate::{
    format::Format,
    json::{Node, Object, Value, parse},
    key_names::name_keys,
    rule::Fault,
    rules,
};

/// A format that columns can be mapped to.
#[derive(Debug)]
struct MappableFormat {
    format: &'static Format,
    /// Names that must be mapped.
    needs: &'static [&'static str],
    /// Names that may be mapped too.
    may: &'static [&'static str],
}

/// Every format that columns can be mapped to.
static MAPPABLE: &[MappableFormat] = &[
    MappableFormat {
        format: &pairs::INPUT_OUTPUT,
        needs: &["input", "output"],
        may: &["system"],
    },
    MappableFormat {
        format: &pairs::INPUT_LABEL,
        needs: &["input", "label"],
        may: &["system", "label_text"],
    },
    MappableFormat {
        format: &alpaca::INSTRUCTION_OUTPUT,
        needs: &["instruction", "output"],
        may: &["input", "system", "history"],
    },
    MappableFormat {
        format: &messages::FORMAT,
        needs: &["messages"],
        may: &["system", "tools"],
    },
    MappableFormat {
        format: &sharegpt::FORMAT,
        needs: &["conversations"],
        may: &["system", "tools"],
    },
    MappableFormat {
        format: &contents::FORMAT,
        needs: &["contents"],
        may: &["system", "tools", "toolConfig", "generationConfig"],
    },
];

/// Names that may be mapped with every format: what belongs to its questions, and what it says of
/// itself.
const ANYWHERE: &[&str] = &[
    "context",
    "choices",
    "images",
    "videos",
    "audios",
    "attachments",
    "verdict",
    "thumbs_down",
    "score",
    "weight",
    "train",
    "exclude",
    "split",
];

/// Our names whose values are arrays.
const LISTS: &[&str] = &["messages", "conversations", "contents", "history", "tools"];

/// Our names and the columns they are mapped to: our names alone determine the format.
#[derive(Debug)]
pub(crate) struct ColumnMapping {
    format: &'static Format,
    columns: Vec<(&'static str, String)>,
}

impl ColumnMapping {
    /// The columns of a recipe; `None` where it maps none.
    ///
    /// # Errors
    /// A message that says what is wrong with them.
    pub(crate) fn of(columns: &BTreeMap<String, String>) -> Result<Option<Self>, String> {
        if columns.is_empty() {
            return Ok(None);
        }
        for (name, column) in columns {
            if column.is_empty() {
                return Err(format!(
                    "`columns.{name}` is empty: expected the name of a column"
                ));
            }
            let mut others = columns.iter().filter(|(other, _)| *other != name);
            if let Some((other, _)) = others.find(|(_, named)| *named == column) {
                return Err(format!(
                    "`columns.{name}` and `columns.{other}` map to the same column"
                ));
            }
        }
        for mappable in MAPPABLE {
            let ours = mappable.needs.iter().chain(mappable.may);
            let ours = ours.chain(ANYWHERE).copied();
            let is_whole = mappable
                .needs
                .iter()
                .all(|name| columns.contains_key(*name));
            if is_whole
                && columns
                    .keys()
                    .all(|name| ours.clone().any(|our| our == name))
            {
                let mapped = ours.filter_map(|our| Some((our, columns.get(our)?.clone())));
                return Ok(Some(Self {
                    format: mappable.format,
                    columns: mapped.collect(),
                }));
            }
        }
        Err(format!(
            "`columns` maps {}, which is not a known combination: map `input` and `output` or `label`, perhaps with `system`; \
             `instruction` and `output`, perhaps with `input`, `system` or `history`; \
             or one of `messages`, `conversations`, `contents`; and with any of these {}",
            name_keys(columns.keys().map(String::as_str)),
            ANYWHERE.join(", ")
        ))
    }

    /// Converts `row` by its mapped columns alone.
    pub(crate) fn read<'a>(
        &self,
        mut row: Object<'a>,
        faults: &mut Vec<Fault>,
        options: ReadOptions,
    ) -> Result<ReadRow<'a>, Fault> {
        let lacking = self.columns.iter().map(|(_, column)| column.as_str());
        let lacking: Vec<&str> = lacking.filter(|column| !row.has(column)).collect();
        if !lacking.is_empty() {
            return Err(
                Fault::new(&rules::missing_column::RULE).with_message(format!(
                    "the row lacks {}; it has {}",
                    name_keys(lacking.into_iter()),
                    name_keys(row.keys())
                )),
            );
        }
        let mapped = self.columns.iter();
        let members = mapped
            .filter_map(|(our, column)| {
                let node = row.take(column)?;
                let node = if LISTS.contains(our) {
                    unwrap(node)
                } else {
                    node
                };
                Some((Cow::Borrowed(*our), node))
            })
            .collect();
        read_as(self.format, Object { members }, faults, options)
    }
}

/// The array that a string contains as JSON: a table cell can hold one only this way.
fn unwrap(node: Node<'_>) -> Node<'_> {
    let Value::Text(text) = &node.value else {
        return node;
    };
    let plain = text.plain();
    let Some(mut value) = parse(&plain)
        .ok()
        .map(|parsed| parsed.node.value.into_owned())
    else {
        return node;
    };
    value.move_to(node.at);
    Node { value, ..node }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{formats::tests::convert, gemini};

    fn columns(table: &str) -> Result<Option<ColumnMapping>, String> {
        ColumnMapping::of(&toml::from_str(table).unwrap())
    }

    #[track_caller]
    fn check(table: &str, row: &str, same_as: &str) {
        let columns = columns(table).unwrap().unwrap();
        let Value::Object(row) = parse(row).unwrap().node.value else {
            panic!("{row} is not an object");
        };
        let options = ReadOptions::default();
        let reading = columns.read(row, &mut Vec::new(), options).unwrap();
        let mut out = Vec::new();
        gemini::write(&reading.example, gemini::Prompt::default(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), convert(same_as));
    }

    #[test]
    fn columns_are_read_under_our_names() {
        check(
            "input = 'q'\noutput = 'gold'\nsystem = 'role'",
            r#"{"role":"s","input":"not this","gold":"b","q":"a","output":"nor this"}"#,
            r#"{"system":"s","input":"a","output":"b"}"#,
        );
        check(
            "input = 'output'\noutput = 'input'",
            r#"{"input":"a","output":"b"}"#,
            r#"{"input":"b","output":"a"}"#,
        );
        check(
            "input = 'q'\nlabel = 'class'",
            r#"{"q":"a","class":3}"#,
            r#"{"input":"a","output":"3"}"#,
        );
        check(
            "instruction = 'task'\ninput = 'x'\noutput = 'y'",
            r#"{"task":"a","x":"b","y":"c"}"#,
            r#"{"instruction":"a","input":"b","output":"c"}"#,
        );
        check(
            "messages = 'dialog'",
            r#"{"dialog":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"messages":7}"#,
            r#"{"input":"a","output":"b"}"#,
        );
        check(
            "messages = 'dialog'",
            r#"{"dialog":"[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]"}"#,
            r#"{"input":"a","output":"b"}"#,
        );
        check(
            "input = 'q'\noutput = 'a'\ncontext = 'doc'\nchoices = 'opts'",
            r#"{"q":"a","a":"B","doc":"c","opts":["x","y"]}"#,
            r#"{"input":"c\n\na\n\nA. x\nB. y","output":"B"}"#,
        );
        // The preferred answer of a pair, for users who want to tune on it.
        check(
            "input = 'prompt'\noutput = 'chosen'",
            r#"{"prompt":"a","chosen":"b","rejected":"c"}"#,
            r#"{"input":"a","output":"b"}"#,
        );
    }

    #[test]
    fn unknown_combinations_of_columns_are_rejected() {
        let refused = |table: &str| columns(table).unwrap_err();
        assert!(
            refused("input = 'q'")
                .contains("maps `input`, which is not a known combination: map `input`")
        );
        assert!(refused("input = 'q'\noutput = ''").contains("`columns.output` is empty"));
        assert!(refused("input = 'q'\noutput = 'q'").contains("map to the same column"));
        assert!(refused("inptu = 'q'\noutput = 'a'").contains("maps `inptu`, `output`"));
        assert!(refused("messages = 'q'\noutput = 'a'").contains("maps `messages`, `output`"));
        assert!(columns("").unwrap().is_none());
    }
}
