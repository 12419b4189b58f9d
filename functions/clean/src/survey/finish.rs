//! The end of the first pass: everything is known, so everything is decided.

use super::{
    Pass, SAMPLES_MAX, Survey,
    decide::{self, Disposition},
};
use crate::{
    Report, Rows, Settings, Severity, Task, Verdict,
    container::{Container, End},
    finding::Fault,
    rules::{self, Check, FileFacts},
};

impl Pass<'_> {
    pub(super) fn finish(mut self, container: Container, blank_lines: u64, end: End) -> Survey {
        let distinct = self.entries.len();
        let task = self.labels.task(distinct);
        self.decide_about_shorts(task);
        self.decide_about_contradictions();
        if let Some((_, fault)) = &end.fault {
            self.refuse_all_by(fault);
        }
        let placed = decide::place(&mut self.rows, &mut self.entries, self.settings);
        let facts = FileFacts {
            kept: placed.rows.kept,
            distinct: u64::try_from(distinct).unwrap_or(u64::MAX),
            short: self.labels.rows(),
            labels: self.labels.distinct(),
            task,
            formats: self.formats.len(),
            train_rows: placed.splits.train,
            train_bytes: placed.train_bytes,
        };
        let (compression, encoding) = (end.compression.name(), end.encoding.name());
        let cause = end.cause.as_deref();
        self.look_at_the_file(&facts, container, end.fault, cause, placed.rows.read);

        let kept = |index: usize| {
            let entry = self.entries.get(index);
            entry.is_some_and(|entry| is_kept(entry.disposition))
        };
        let samples = self.samples.into_iter().filter(|(index, _)| kept(*index));
        let samples = samples
            .map(|(_, sample)| sample)
            .take(SAMPLES_MAX)
            .collect();
        let closed = self.ledger.close();
        let named = |(name, rows): (&str, &u64)| (name.to_owned(), *rows);
        let most = self.formats.iter().max_by_key(|(_, rows)| **rows);
        let report = Report {
            verdict: verdict(
                &placed.rows,
                closed.codes.keys().map(String::as_str),
                self.settings,
            ),
            container: container.name().to_owned(),
            compression: compression.to_owned(),
            encoding: encoding.to_owned(),
            format: most.map(|(name, _)| (*name).to_owned()),
            formats: self
                .formats
                .iter()
                .map(|(name, rows)| named((name, rows)))
                .collect(),
            task,
            digest: end.digest,
            bytes: end.bytes,
            rows: placed.rows,
            blank_lines,
            splits: placed.splits,
            codes: closed.codes,
            lines: closed.lines,
            findings: closed.findings,
            findings_omitted: closed.omitted,
            tokens: placed.tokens,
        };
        Survey {
            report,
            samples,
            settings: self.settings.clone(),
            plan: self.rows,
        }
    }

    /// Keeps short answers that are labels; does to others what the recipe says.
    fn decide_about_shorts(&mut self, task: Task) {
        let severity = self.settings.severity(&rules::short_output::RULE);
        let rejecting = task == Task::Generation && severity == Severity::Reject;
        if task == Task::Generation {
            self.ledger.merge(std::mem::take(&mut self.shorts));
        }
        if !rejecting {
            self.ledger.merge(std::mem::take(&mut self.short_repeats));
        }
        for entry in self
            .entries
            .iter_mut()
            .filter(|entry| entry.short && rejecting)
        {
            entry.disposition = Disposition::Short;
        }
        let undecided = self
            .rows
            .iter_mut()
            .filter(|row| **row == Disposition::ShortDuplicate);
        for row in undecided {
            *row = if rejecting {
                Disposition::Short
            } else {
                Disposition::Duplicate
            };
        }
    }

    fn decide_about_contradictions(&mut self) {
        let severity = self.settings.severity(&rules::contradiction::RULE);
        let rejecting = severity == Severity::Reject;
        for (index, other) in decide::contradictions(&self.entries, rejecting) {
            let Some(entry) = self.entries.get_mut(index) else {
                continue;
            };
            if rejecting {
                entry.disposition = Disposition::Contradiction;
            }
            let message = format!("the question of line {other} has another answer there");
            let fault = Fault::new(&rules::contradiction::RULE).saying(message);
            self.ledger.add_at(fault, severity, u64::from(entry.line));
        }
    }

    /// Leaves every row out where we, and not the file's end, stopped the reading.
    fn refuse_all_by(&mut self, fault: &Fault) {
        if fault.rule.code == rules::expands_too_much::RULE.code {
            for entry in &mut self.entries {
                entry.disposition = Disposition::Rejected;
            }
        }
    }

    fn look_at_the_file(
        &mut self,
        facts: &FileFacts,
        container: Container,
        fault: Option<(u64, Fault)>,
        cause: Option<&str>,
        read: u64,
    ) {
        let broken = fault.is_some();
        if let Some((line, fault)) = fault {
            // Without a row, it is what there is to say about the file.
            let line = if read == 0 { 0 } else { line };
            let severity = self.settings.severity(fault.rule);
            self.ledger.add_at(fault, severity, line);
        }
        let unreadable = match container {
            Container::Unreadable(what) => Some(match cause {
                None => format!("the file looks like {what}"),
                Some(cause) => format!("the file looks like {what}, but {cause}"),
            }),
            Container::Lines if read > 0 && !self.readable => {
                Some(format!("no row is JSON; it looks like {}", self.guess))
            }
            Container::Lines
            | Container::Array
            | Container::Wrapped
            | Container::Csv
            | Container::Tsv
            | Container::Parquet
            | Container::Empty => None,
        };
        if let Some(message) = unreadable {
            let fault = Fault::new(&rules::unreadable_file::RULE).saying(message);
            self.ledger.add_at(fault, Severity::Reject, 0);
        } else if read == 0 && !broken {
            let fault = Fault::new(&rules::empty_file::RULE);
            self.ledger.add_at(fault, Severity::Reject, 0);
        }
        for rule in rules::rules() {
            if let Check::File(check) = rule.check
                && let Some(message) = check(facts)
            {
                let severity = self.settings.severity(rule);
                self.ledger
                    .add_at(Fault::new(rule).saying(message), severity, 0);
            }
        }
    }
}

fn is_kept(disposition: Disposition) -> bool {
    match disposition {
        Disposition::Train | Disposition::Validation | Disposition::Eval => true,
        Disposition::Candidate
        | Disposition::Rejected
        | Disposition::Duplicate
        | Disposition::ShortDuplicate
        | Disposition::Short
        | Disposition::Contradiction => false,
    }
}

/// Repairs and notes do not spoil a dataset; what was left out or wants a look does.
fn verdict<'c>(
    rows: &Rows,
    mut codes: impl Iterator<Item = &'c str>,
    settings: &Settings,
) -> Verdict {
    let grave = |code: &str| {
        let rule = rules::rules().find(|rule| rule.code == code);
        rule.is_some_and(|rule| settings.severity(rule) <= Severity::Warn)
    };
    if rows.kept == 0 {
        Verdict::Unusable
    } else if codes.any(grave) {
        Verdict::Findings
    } else {
        Verdict::Clean
    }
}
