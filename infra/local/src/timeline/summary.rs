//! Everything known about an upload and its run, in sections for people.

mod rows;
mod scores;
mod tuning;

use super::snapshot::ChainSnapshot;
use crate::text;

/// Width of the column of section names, in characters.
const NAME: usize = 11;
/// Width of the prose next to it, in characters.
const WIDTH: usize = 88;

/// A few lines about one topic, under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    name: &'static str,
    lines: Vec<String>,
}

impl Section {
    /// Lines that are printed as they are.
    pub(crate) fn new(name: &'static str, lines: Vec<String>) -> Self {
        Self { name, lines }
    }

    /// Prose, which is wrapped.
    pub(crate) fn prose(name: &'static str, prose: &str) -> Self {
        Self::new(name, text::wrap(prose, WIDTH))
    }
}

/// The sections that are known, in the order of the chain.
pub(crate) fn summary(snapshot: &ChainSnapshot) -> Vec<Section> {
    let mut sections = Vec::new();
    if let Some(version) = &snapshot.version {
        sections.extend(rows::sections(version, snapshot.report.as_ref()));
    } else if let Some(upload) = &snapshot.upload {
        sections.push(Section::prose("Upload", &upload.note));
    }
    if let Some(run) = &snapshot.run {
        sections.extend(tuning::sections(run, snapshot));
    }
    if let Some(record) = &snapshot.evaluation {
        sections.push(Section::new(
            "Evaluation",
            scores::comparison(&record.evaluation),
        ));
    }
    if let Some(decision) = &snapshot.decision {
        sections.push(Section::prose("Gate", &decision.reason));
    }
    sections.extend(serving(snapshot));
    sections
}

/// Which model serves now.
fn serving(snapshot: &ChainSnapshot) -> Option<Section> {
    let run = snapshot.run.as_ref()?;
    let model = &run.model;
    let route = match &snapshot.route {
        Some(route) => route,
        None if snapshot.ending().is_some() => {
            let words = format!(
                "`{model}` has no tuned model: {} serves",
                run.plan.base_model
            );
            return Some(Section::prose("Serving", &words));
        }
        None => return None,
    };
    let words = match &route.target {
        Some(target) if target.run == run.id.as_str() => {
            format!("`{model}` is served by the tuned model of this run")
        }
        Some(target) => format!(
            "`{model}` is served by the tuned model of run {}",
            target.run
        ),
        None => format!("`{model}` is served by the base model, {}", route.base),
    };
    Some(Section::prose("Serving", &words))
}

/// The sections as one text, names on the left.
pub(crate) fn render(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        let names = std::iter::once(section.name).chain(std::iter::repeat(""));
        for (name, line) in names.zip(&section.lines) {
            let line = format!("{name:<NAME$}{line}");
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::samples;

    #[test]
    fn a_promoted_run_is_summarised() {
        insta::assert_snapshot!(render(&summary(&samples::promoted())));
    }

    #[test]
    fn a_stopped_run_is_summarised() {
        insta::assert_snapshot!(render(&summary(&samples::stopped())));
    }

    #[test]
    fn a_rejected_upload_is_summarised() {
        insta::assert_snapshot!(
            render(&summary(&samples::rejected())),
            @"Upload     no row of 3 can be trained on; line 1: not JSON; write one object a line"
        );
    }

    #[test]
    fn an_empty_snapshot_has_an_empty_summary() {
        assert_eq!(render(&summary(&ChainSnapshot::default())), "");
    }
}
