//! Reads the rows of a dataset in any container, to know them again and to say what they are like:
//! without findings or outputs.

use std::{collections::BTreeMap, io};

use crate::{
    batch::{Batch, Cut},
    column_use::{ColumnCounts, ColumnTotals},
    container::Records,
    error::Error,
    example::Example,
    held_out::{Around, HeldOut, HeldOutRead},
    identity::{self, Identity},
    language::LanguageDetector,
    plan::Plan,
    report::ColumnReport,
    row_processor::RowProcessor,
    row_span::RowNumbers,
    row_traits::RowTraits,
    settings::Settings,
    source::Source,
};

/// Knows the rows of a version again, in whatever prompt its recipe put them.
pub struct RowIdentifier {
    around: Around,
    languages: LanguageDetector,
}

/// A row: what it is known by, and what it is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifiedRow {
    /// The row without its recipe's prompt.
    pub identity: Identity,
    /// What it is like.
    pub traits: RowTraits,
}

/// What is known of a whole dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifiedDataset {
    /// How its rows are found.
    pub numbers: RowNumbers,
    /// Its columns, and how many rows have a value under each.
    pub columns: BTreeMap<String, ColumnReport>,
}

impl RowIdentifier {
    /// For the rows of a version that was cleaned by `settings`.
    pub fn of_version(settings: &Settings) -> Self {
        Self {
            around: Around::of(settings),
            languages: LanguageDetector::new(),
        }
    }

    /// Identifies a row without the recipe's prompt; `None` where it is not a row in a known format.
    pub fn row(&self, row: &[u8]) -> Option<IdentifiedRow> {
        identity::example_of(row).map(|example| self.example(example))
    }

    fn example(&self, mut example: Example<'_>) -> IdentifiedRow {
        self.around.take(&mut example);
        IdentifiedRow {
            identity: Identity::of_example(&example),
            traits: RowTraits::of(&example, &self.languages),
        }
    }
}

/// Calls `each` with the number of every row of `source`, which is its line where rows are found by lines, and
/// with what it is: `None` where it is not a row in a known format. Every container is read that [`pass`](crate::pass()) reads. A system instruction
/// and a template of `settings` are left out of every row.
///
/// # Errors
/// [`Error::Read`] where reading fails; [`Error::Settings`] where `settings` are invalid.
pub fn identify(
    source: &dyn Source,
    settings: &Settings,
    each: &mut dyn FnMut(u64, Option<IdentifiedRow>),
) -> Result<IdentifiedDataset, Error> {
    settings.check()?;
    let rows = RowIdentifier::of_version(settings);
    for_each_example(source, settings, &mut |line, example| {
        each(line, example.map(|example| rows.example(example)));
    })
    .map_err(Error::Read)
}

impl HeldOut {
    /// Holds out the questions of all rows of `source`, in any container, around which `settings`
    /// may have put a system instruction and a template. The columns of `settings` are used where
    /// the rows are not in a known format without them.
    ///
    /// # Errors
    /// Where `source` cannot be read, or contains more than a million questions.
    pub fn read_dataset(
        &mut self,
        source: &dyn Source,
        settings: &Settings,
    ) -> io::Result<HeldOutRead> {
        let by_keys = Settings {
            columns: BTreeMap::new(),
            ..settings.clone()
        };
        let read = self.read_by(source, &by_keys)?;
        if read.read == 0 && !settings.columns.is_empty() {
            return self.read_by(source, settings);
        }
        Ok(read)
    }

    fn read_by(&mut self, source: &dyn Source, settings: &Settings) -> io::Result<HeldOutRead> {
        let around = Around::of(settings);
        let mut read = HeldOutRead::default();
        for_each_example(source, settings, &mut |_, example| match example {
            Some(example) => {
                self.hold(example, &around);
                read.read += 1;
            }
            None => read.unread += 1,
        })?;
        self.check_size()?;
        Ok(read)
    }
}

/// Calls `each` with the number of every row, and with what it says.
fn for_each_example(
    source: &dyn Source,
    settings: &Settings,
    each: &mut dyn FnMut(u64, Option<Example<'_>>),
) -> io::Result<IdentifiedDataset> {
    let mut records = Records::open(source, settings)?;
    let plan = Plan::default();
    let processor = RowProcessor::new(settings, &plan, records.layout(), false);
    let mut batch = Batch::default();
    let mut base = 0;
    let numbers = records.numbers();
    let (mut columns, mut totals) = (ColumnCounts::default(), ColumnTotals::default());
    while records.fill(&mut batch)? {
        let from = match batch.cut {
            Cut::Rows(_) => 0,
            Cut::Lines { .. } | Cut::TooLong(_) => base,
        };
        let lines = batch.for_each(|span, bytes| {
            let position = span.position.below(from);
            each(
                position.number(),
                processor.example(span.status, bytes, &mut columns),
            );
        });
        base += lines.counted;
    }
    totals.add(&columns, settings);
    Ok(IdentifiedDataset {
        numbers,
        columns: totals.into_report(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "question,answer\nq 1,one two three\n\"q\n2\",one two four\n";
    const LINES: &str = "{\"input\":\"q 1\",\"output\":\"one two three\"}\n\n{\"input\":\"q\\n2\",\"output\":\"one two four\"}\n";
    const ARRAY: &str = "[{\"input\":\"q 1\",\"output\":\"one two three\"},\n{\"input\":\"q\\n2\",\"output\":\"one two four\"}]";

    fn identities(text: &str) -> Vec<(u64, Option<Identity>)> {
        let mut found = Vec::new();
        let source = text.as_bytes().to_vec();
        identify(&source, &Settings::default(), &mut |line, row| {
            found.push((line, row.map(|row| row.identity)));
        })
        .unwrap();
        found
    }

    #[test]
    fn rows_are_known_without_the_prompt_of_their_recipe() {
        let settings: Settings =
            toml::from_str("system_instruction = \"Be brief\"\ntemplate = \"Q: {input}\"").unwrap();
        let rows = RowIdentifier::of_version(&settings);
        let bare = |row: &str| Identity::of_row(row.as_bytes());
        let row = bare(r#"{"input":"a","output":"b"}"#);
        let prompted = r#"{"system":"Be brief","input":"Q: a","output":"b"}"#;
        let identity = |row: &[u8]| rows.row(row).map(|row| row.identity);
        assert_eq!(identity(prompted.as_bytes()), row);
        let other = r#"{"system":"Be kind","input":"Q: a","output":"b"}"#;
        let of_another_recipe = identity(other.as_bytes());
        let expected = bare(r#"{"system":"Be kind","input":"a","output":"b"}"#);
        assert_eq!(of_another_recipe, expected);
        assert_ne!(of_another_recipe, row);
        assert_eq!(identity(b"no row"), None);
        let mut found = Vec::new();
        let source = prompted.as_bytes().to_vec();
        identify(&source, &settings, &mut |_, row| {
            found.push(row.map(|row| row.identity));
        })
        .unwrap();
        assert_eq!(found, [row]);
    }

    #[test]
    fn rows_are_known_in_every_container() {
        let only = |text| {
            identities(text)
                .into_iter()
                .map(|(_, identity)| identity.unwrap())
        };
        let expected: Vec<_> = only(LINES).collect();
        assert_eq!(expected.len(), 2);
        assert_eq!(only(CSV).collect::<Vec<_>>(), expected);
        assert_eq!(only(ARRAY).collect::<Vec<_>>(), expected);
        let lines = |text| {
            identities(text)
                .into_iter()
                .map(|(line, _)| line)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(LINES), [1, 3]);
        assert_eq!(lines(CSV), [2, 3]);
        assert_eq!(lines(ARRAY), [1, 2]);
        assert_eq!(identities("no row\n")[0], (1, None));
    }

    #[test]
    fn questions_are_held_out_from_any_container() {
        let held = |text: &str, settings: &Settings| {
            let mut held = HeldOut::default();
            let read = held
                .read_dataset(&text.as_bytes().to_vec(), settings)
                .unwrap();
            assert_eq!((read.read, read.unread), (2, 0), "{text}");
            held
        };
        let settings = Settings::default();
        let expected = held(LINES, &settings);
        assert_eq!(held(CSV, &settings), expected);
        assert_eq!(held(ARRAY, &settings), expected);
        let mapped: Settings = toml::from_str("columns = { input = 'q', output = 'a' }").unwrap();
        assert_eq!(
            held(&CSV.replace("question,answer", "q,a"), &mapped),
            expected
        );
        assert_eq!(held(LINES, &mapped), expected);
    }
}
