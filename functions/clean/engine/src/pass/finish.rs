//! The end of a pass: makes the report, or the plan of another pass where this one could not
//! decide.

use std::{collections::HashSet, sync::Arc};

use super::{
    dedup::Deduplicator,
    merger::{Merger, Stage},
    outcome::{Cleaned, Outcome},
};
use crate::{
    container::{Container, DatasetEnd},
    error::Error,
    plan::Plan,
    report::{Report, ReportVerdict, SplitCounts, TokenCounts},
    row_span::{RowNumbers, RowPosition},
    rule::{Check, Fault, FileSummary},
    rules::{self, not_split},
    settings::Settings,
    severity::Severity,
    split::{self, Decided, Split, SplitCapacity},
    task::Task,
    tokens,
};

impl Merger<'_, '_> {
    /// Decides what is still open and makes the report, or returns the plan of another pass.
    pub(super) fn finish(mut self, end: &DatasetEnd) -> Result<Outcome, Error> {
        self.totals.blank_lines += end.blank_lines;
        if end.is_refused() {
            return self.refuse(end);
        }
        let task = match &self.stage {
            Stage::Streaming(stream_plan) => {
                let task = stream_plan.answers.task;
                if self.dedup.is_spilling() {
                    return self.compare_spilt(end);
                }
                if let Some(plan) = self.redraw(end)? {
                    return Ok(Outcome::Again(Box::new(plan)));
                }
                task
            }
            Stage::Buffering(_) => {
                let buffer = self.stage.take();
                let task = self.decide_buffered(&buffer)?;
                if self.dedup.is_spilling() {
                    return self.compare_spilt(end);
                }
                task
            }
        };
        if !self.contradictions.is_empty() {
            return Ok(Outcome::Again(Box::new(self.next_plan(end))));
        }
        self.check_file(task, end);
        self.report(task, end)
    }

    /// Another pass will know which rows repeat an earlier one: they did not fit into memory.
    fn compare_spilt(mut self, end: &DatasetEnd) -> Result<Outcome, Error> {
        let memory = std::mem::replace(&mut self.dedup, Deduplicator::new(0, None));
        let known = memory.finish().map_err(Error::Spill)?;
        Ok(Outcome::Again(Box::new(Plan {
            dedup_index: known.map(Arc::new),
            // Some were found before memory ran out, others were not: the next pass finds them all.
            contradictions: self.plan.contradictions.clone(),
            ..self.next_plan(end)
        })))
    }

    /// Keeps no row of a dataset that was not read to its end. What was written is worthless, and
    /// another pass would stop at the same byte.
    fn refuse(mut self, end: &DatasetEnd) -> Result<Outcome, Error> {
        let buffer = self.stage.take();
        let task = self.decide_buffered(&buffer)?;
        self.totals.refuse();
        self.check_file(task, end);
        self.report(task, end)
    }

    /// Places the reserved rows; returns a plan where they are too many or too few.
    fn redraw(&mut self, end: &DatasetEnd) -> Result<Option<Plan>, Error> {
        let Stage::Streaming(stream_plan) = self.stage else {
            return Ok(None);
        };
        let all = self.totals.kept;
        let again = |draw_below| {
            Some(Plan {
                draw_below: Some(draw_below),
                ..self.next_plan(end)
            })
        };
        if self.reserve.overflows() {
            // Scale the draw down, so that about as many bytes are reserved as were intended.
            let turn = u128::from(stream_plan.train_from) * u128::from(split::DRAWN_BYTES)
                / u128::from(self.reserve.bytes);
            return Ok(again(u64::try_from(turn).unwrap_or_default()));
        }
        if self.held_out_rows.by_file.len() > self.plan.own_held_out.len() {
            // Rows above may have been trained on what rows below hold out.
            return Ok(Some(self.next_plan(end)));
        }
        let held_out = &self.held_out_rows;
        let asked = self
            .reserve
            .to_split(&held_out.groups, &held_out.asked_within);
        let decided = Decided {
            trained: self.totals.train,
            left_out: self.held_out_rows.left_out,
        };
        let splits = split::plan(&asked, decided, self.settings);
        let reserved = u64::try_from(asked.len()).unwrap_or(u64::MAX);
        let mean = all.bytes.checked_div(all.rows).unwrap_or_default();
        let capacity = SplitCapacity::of(all.rows, self.settings).fitting(mean);
        if self.plan.draw_below.is_none() && reserved * 2 < capacity {
            let held_out = asked.iter().filter(|row| row.held_out).count();
            let held_out = u64::try_from(held_out).unwrap_or(u64::MAX);
            let turn = split::turn_of_training(all, held_out, self.settings);
            return Ok(again(turn));
        }
        let all_at = |wanted: Split| {
            let rows = asked.iter().zip(&splits);
            let rows = rows.filter(move |(_, split)| **split == wanted);
            rows.map(|(row, _)| row.input).collect::<Vec<u64>>()
        };
        let (oversized_groups, left_out) = (all_at(Split::Train), all_at(Split::LeftOut));
        if !oversized_groups.is_empty() || !left_out.is_empty() {
            let mut plan = again(stream_plan.train_from);
            if let Some(plan) = &mut plan {
                plan.oversized_groups.extend(oversized_groups);
                plan.left_out.extend(left_out);
            }
            return Ok(plan);
        }
        for (row, record, split) in self.reserve.placed(&splits) {
            self.totals.place(&row, split);
            self.outputs.write(split.file(), 1, &[record])?;
        }
        Ok(None)
    }

    /// What this pass knew, and what every later one must know.
    fn next_plan(&self, end: &DatasetEnd) -> Plan {
        let mut contradictions = self.plan.contradictions.clone();
        contradictions.extend(&self.contradictions);
        let own_held_out = match self.stage {
            Stage::Streaming(_) => self.held_out_rows.by_file.clone(),
            Stage::Buffering(_) => HashSet::new(),
        };
        Plan {
            contradictions,
            own_held_out,
            bytes: Some((end.bytes, end.crc32c)),
            passes: self.plan.passes + 1,
            ..self.plan.clone()
        }
    }

    fn check_file(&mut self, task: Task, end: &DatasetEnd) {
        let totals = &self.totals;
        let file = FileSummary {
            kept: totals.rows.kept,
            systems: totals.systems,
            distinct: totals.rows.kept + totals.rejected_short,
            short: totals.labels.rows() + totals.rejected_short,
            labels: totals.labels.distinct(),
            task,
            not_compared: self.near.not_compared,
            near_leaks: totals.near_leaks,
            formats: totals.formats.len(),
            train_rows: totals.train.rows,
            train_bytes: totals.train.bytes,
            validation_rows: totals.splits.validation,
            validation_expected: self.validation_expected(),
            unread: totals.columns.unread(),
        };
        let read = totals.rows.read;
        if let Some((position, fault)) = &end.fault {
            let severity = self.settings.severity(fault.rule);
            let position = position.below(self.line);
            let fault = Fault::new(fault.rule).with_message(fault.message.as_str());
            if end.is_refused() {
                let name = match position.row {
                    Some(row) => self.numbers.name(row.get().into()),
                    None => RowNumbers::Line.name(position.line),
                };
                let message = format!("{}; reading stopped at {name}", fault.message);
                self.findings
                    .add_at(fault.with_message(message), severity, RowPosition::FILE);
            } else {
                // A file without rows has no line to show: the finding is about the file.
                let position = if read == 0 {
                    RowPosition::FILE
                } else {
                    position
                };
                self.findings.add_at(fault, severity, position);
            }
        }
        let unreadable = match end.container {
            Container::Unreadable(what) => Some(match &end.cause {
                None => format!("the file looks like {what}"),
                Some(cause) => format!("the file looks like {what}, but {cause}"),
            }),
            Container::Lines if read > 0 && !totals.readable => {
                let guess = totals.guess.unwrap_or_default();
                Some(format!("no row is JSON; the file looks like {guess}"))
            }
            Container::Lines
            | Container::Array
            | Container::Wrapped
            | Container::Values
            | Container::Whole
            | Container::Csv
            | Container::Tsv
            | Container::Parquet
            | Container::Empty => None,
        };
        if let Some(message) = unreadable {
            let fault = Fault::new(&rules::unreadable_file::RULE).with_message(message);
            self.findings
                .add_at(fault, Severity::Reject, RowPosition::FILE);
        } else if read == 0 && end.fault.is_none() {
            let fault = Fault::new(&rules::empty_file::RULE);
            self.findings
                .add_at(fault, Severity::Reject, RowPosition::FILE);
        }
        if totals.rows.kept > 0 && totals.splits.train == 0 {
            // Every other split takes a few rows only, so training is empty only where all are held
            // out.
            let fault = Fault::new(&rules::held_out_no_room::RULE);
            let message = if self.held_out_rows.by_file.is_empty() {
                "earlier versions hold out every question: none is left for training"
            } else {
                "every row is held out, by the file itself or earlier versions: none is left for training"
            };
            self.findings.add_at(
                fault.with_message(message),
                Severity::Reject,
                RowPosition::FILE,
            );
        }
        self.compare_answers(task);
        for rule in rules::rules() {
            let severity = self.settings.severity(rule);
            if let Check::File(check) = rule.check
                && severity != Severity::Off
                && let Some(message) = check(&file)
            {
                self.findings.add_at(
                    Fault::new(rule).with_message(message),
                    severity,
                    RowPosition::FILE,
                );
            }
        }
    }

    /// Compares the languages of all answers, and their labels.
    fn compare_answers(&mut self, task: Task) {
        let (totals, settings) = (&self.totals, self.settings);
        if task == Task::Classification {
            let found = totals.label_names.findings(&self.numbers, settings);
            self.findings.merge(&found, 0);
        }
        let severity = settings.severity(&rules::language_mismatch::RULE);
        let differing = totals.languages.findings(severity, settings.findings_max);
        self.findings.merge(&differing, 0);
    }

    /// How many validation rows the recipe asks for; none where there are too few rows to split.
    fn validation_expected(&self) -> u64 {
        match self.totals.rows.kept {
            ..not_split::ROWS_MIN => 0,
            kept => SplitCapacity::of(kept, self.settings).validation(),
        }
    }

    fn report(self, task: Task, end: &DatasetEnd) -> Result<Outcome, Error> {
        let totals = self.totals;
        let closed = self.findings.close(&self.numbers);
        let most = totals.formats.iter().max_by_key(|(_, rows)| **rows);
        let named = |(name, rows): (&&str, &u64)| ((*name).to_owned(), *rows);
        let codes = closed.codes.keys().map(String::as_str);
        let done = |code: &String| {
            let rule = rules::of_code(code)?;
            Some((code.clone(), self.settings.severity(rule)))
        };
        let report = Report {
            verdict: verdict(&totals.splits, codes, self.settings),
            container: end.container.name().to_owned(),
            compression: end.compression.name().to_owned(),
            encoding: end.encoding.name().to_owned(),
            format: most.map(|(name, _)| (*name).to_owned()),
            formats: totals.formats.iter().map(named).collect(),
            columns: totals.columns.into_report(),
            languages: totals.languages.report(),
            task,
            template_version: self.settings.template_version(),
            crc32c: end.crc32c,
            bytes: end.bytes,
            rows: totals.rows,
            blank_lines: totals.blank_lines,
            splits: totals.splits,
            actions: closed.codes.keys().filter_map(done).collect(),
            codes: closed.codes,
            numbers: self.numbers,
            lines: closed.lines,
            findings: closed.findings,
            findings_omitted: closed.omitted,
            tokens: TokenCounts {
                method: tokens::METHOD.to_owned(),
                input: totals.tokens_input.distribution(),
                output: totals.tokens_output.distribution(),
                calibration: None,
                billable_per_epoch: totals.billable,
                billable_per_epoch_max: totals.billable_max,
            },
        };
        Ok(Outcome::Done(Box::new(Cleaned {
            report,
            samples: totals.samples,
            written: self.outputs.finish()?,
        })))
    }
}

/// Repairs and notes leave a dataset clean; rejected rows and warnings do not.
fn verdict<'c>(
    splits: &SplitCounts,
    mut codes: impl Iterator<Item = &'c str>,
    settings: &Settings,
) -> ReportVerdict {
    let grave = |code: &str| {
        let rule = rules::of_code(code);
        rule.is_some_and(|rule| settings.severity(rule) <= Severity::Warn)
    };
    if splits.train == 0 {
        ReportVerdict::Unusable
    } else if codes.any(grave) {
        ReportVerdict::Findings
    } else {
        ReportVerdict::Clean
    }
}
