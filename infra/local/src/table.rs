//! A table in plain text: columns as wide as their widest cell.

/// The alignment of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// Rows of cells below headers; a row may have notes below it.
#[derive(Debug, Clone)]
pub(crate) struct TextTable {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<(Vec<String>, Vec<String>)>,
}

impl TextTable {
    /// An empty table with these headers.
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty, extra ones are dropped.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.row_with_notes(cells, Vec::new());
    }

    /// Adds a row with a note below it.
    pub(crate) fn row_with_note(&mut self, cells: impl IntoIterator<Item = String>, note: String) {
        self.row_with_notes(cells, vec![note]);
    }

    /// Adds a row with notes below it, a line each.
    pub(crate) fn row_with_notes(
        &mut self,
        cells: impl IntoIterator<Item = String>,
        notes: Vec<String>,
    ) {
        self.rows.push((cells.into_iter().collect(), notes));
    }

    /// Whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, headers first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let widths: Vec<usize> = self.widths();
        let headers = self.columns.iter().map(|(title, _)| *title);
        let mut lines = vec![self.line(headers, &widths)];
        for (cells, notes) in &self.rows {
            lines.push(self.line(cells.iter().map(String::as_str), &widths));
            lines.extend(notes.iter().map(|note| format!("  {note}")));
        }
        lines
    }

    /// The lines as one string.
    pub(crate) fn render(&self) -> String {
        let mut text = self.lines().join("\n");
        text.push('\n');
        text
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.columns.iter().enumerate();
        columns
            .map(|(index, (title, _))| {
                let cells = self.rows.iter().filter_map(|(cells, _)| cells.get(index));
                let widest = cells.map(|cell| cell.chars().count()).max();
                widest.unwrap_or_default().max(title.chars().count())
            })
            .collect()
    }

    fn line<'a>(&self, cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
        let cells = cells.chain(std::iter::repeat(""));
        let padded: Vec<String> = cells
            .zip(widths)
            .zip(&self.columns)
            .map(|((cell, width), (_, align))| match align {
                Align::Left => format!("{cell:<width$}"),
                Align::Right => format!("{cell:>width$}"),
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = TextTable::new(&[("run", Align::Left), ("loss", Align::Right)]);
        assert!(table.is_empty());
        table.row(["a".to_owned(), "1.25".to_owned()]);
        table.row_with_note(
            ["tickets".to_owned(), "10.5".to_owned(), "extra".to_owned()],
            "waits".to_owned(),
        );
        table.row(["é".to_owned()]);
        insta::assert_snapshot!(table.render(), @r"
        run      loss
        a        1.25
        tickets  10.5
          waits
        é
        ");
    }
}
