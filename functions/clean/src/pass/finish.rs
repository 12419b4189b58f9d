//! The end of a pass: everything is known, so everything is decided, or known to need another.

use std::sync::Arc;

use super::{
    Cleaned, Outcome,
    desk::{Desk, Stage},
    memory::Memory,
};
use crate::{
    Error, Plan, Report, Rows, Settings, Severity, Task, Tokens, Verdict,
    container::{Container, End},
    finding::Fault,
    rules::{self, Check, FileFacts},
    split::{self, Place, Room},
    tokens,
};

impl Desk<'_, '_> {
    /// Decides what is left, and makes the report; or says what another pass must know.
    pub(super) fn finish(mut self, end: &End) -> Result<Outcome, Error> {
        self.totals.blank_lines += end.blank_lines;
        if end.is_refused() {
            return self.refuse(end);
        }
        if self.memory.is_spilling() {
            let memory = std::mem::replace(&mut self.memory, Memory::new(0, None));
            let known = memory.finish().map_err(Error::Spill)?;
            return Ok(Outcome::Again(Plan {
                known: known.map(Arc::new),
                // Of some it was seen before memory was full: the next pass sees all.
                contradictions: self.plan.contradictions.clone(),
                ..self.next_plan(end)
            }));
        }
        let task = match &self.stage {
            Stage::Streaming(course) => {
                let task = course.task;
                if let Some(plan) = self.redraw(end)? {
                    return Ok(Outcome::Again(plan));
                }
                task
            }
            Stage::Holding { .. } => {
                let held = self.stage.take();
                self.settle(&held)?
            }
        };
        if !self.contradictions.is_empty() {
            return Ok(Outcome::Again(self.next_plan(end)));
        }
        self.look_at_the_file(task, end);
        self.report(task, end)
    }

    /// Keeps nothing of a dataset that was not read to its end: what was written is worthless, and
    /// another pass would come no further.
    fn refuse(mut self, end: &End) -> Result<Outcome, Error> {
        let held = self.stage.take();
        let task = self.settle(&held)?;
        self.totals.refuse();
        self.look_at_the_file(task, end);
        self.report(task, end)
    }

    /// Places the rows kept aside; a plan, if they are too many or too few for that.
    fn redraw(&mut self, end: &End) -> Result<Option<Plan>, Error> {
        let Stage::Streaming(course) = self.stage else {
            return Ok(None);
        };
        let all = self.totals.kept;
        let again = |draw_below| {
            Some(Plan {
                draw_below: Some(draw_below),
                ..self.next_plan(end)
            })
        };
        if self.pool.overflows() {
            // As if the rows were fewer: so that as many bytes come as were meant to.
            let turn = u128::from(course.train_from) * u128::from(split::DRAWN_BYTES)
                / u128::from(self.pool.bytes);
            return Ok(again(u64::try_from(turn).unwrap_or_default()));
        }
        let asked = self.pool.to_split();
        let places = split::plan(&asked, self.totals.train, self.settings);
        let aside = u64::try_from(asked.len()).unwrap_or(u64::MAX);
        let mean = all.bytes.checked_div(all.rows).unwrap_or_default();
        let room = Room::of(all.rows, self.settings).held(mean);
        if self.plan.draw_below.is_none() && aside * 2 < room {
            return Ok(again(split::turn_of_training(all, self.settings)));
        }
        let to_train = asked
            .iter()
            .zip(&places)
            .filter(|(_, place)| **place == Place::Train);
        let crowds: Vec<u64> = to_train.map(|(row, _)| row.input).collect();
        if !crowds.is_empty() {
            let mut plan = again(course.train_from);
            if let Some(plan) = &mut plan {
                plan.crowds.extend(crowds);
            }
            return Ok(plan);
        }
        for (row, record, place) in self.pool.placed(&places) {
            self.totals.place(&row, place);
            self.parts.write(place.part(), 1, &[record])?;
        }
        Ok(None)
    }

    /// What this pass knew, and what every next one knows.
    fn next_plan(&self, end: &End) -> Plan {
        let mut contradictions = self.plan.contradictions.clone();
        contradictions.extend(&self.contradictions);
        Plan {
            contradictions,
            bytes: Some((end.bytes, end.crc32c)),
            passes: self.plan.passes + 1,
            ..self.plan.clone()
        }
    }

    fn look_at_the_file(&mut self, task: Task, end: &End) {
        let totals = &self.totals;
        let facts = FileFacts {
            kept: totals.rows.kept,
            systems: totals.systems,
            distinct: totals.rows.kept + totals.shorts,
            short: totals.labels.rows() + totals.shorts,
            labels: totals.labels.distinct(),
            task,
            formats: totals.formats.len(),
            train_rows: totals.train.rows,
            train_bytes: totals.train.bytes,
        };
        let read = totals.rows.read;
        if let Some((line, fault)) = &end.fault {
            let severity = self.settings.severity(fault.rule);
            let line = line + self.line;
            let fault = Fault::new(fault.rule).saying(fault.message.as_str());
            if end.is_refused() {
                let message = format!("{}; reading stopped at line {line}", fault.message);
                self.ledger.add_at(fault.saying(message), severity, 0);
            } else {
                // Without a row, it is what there is to say about the file.
                let line = if read == 0 { 0 } else { line };
                self.ledger.add_at(fault, severity, line);
            }
        }
        let unreadable = match end.container {
            Container::Unreadable(what) => Some(match &end.cause {
                None => format!("the file looks like {what}"),
                Some(cause) => format!("the file looks like {what}, but {cause}"),
            }),
            Container::Lines if read > 0 && !totals.readable => {
                let guess = totals.guess.unwrap_or_default();
                Some(format!("no row is JSON; it looks like {guess}"))
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
        } else if read == 0 && end.fault.is_none() {
            let fault = Fault::new(&rules::empty_file::RULE);
            self.ledger.add_at(fault, Severity::Reject, 0);
        }
        let severity = self.settings.severity(&rules::language_mismatch::RULE);
        let differing = totals.languages.tell(severity, self.settings.findings_max);
        self.ledger.merge(&differing, 0);
        for rule in rules::rules() {
            let severity = self.settings.severity(rule);
            if let Check::File(check) = rule.check
                && severity != Severity::Off
                && let Some(message) = check(&facts)
            {
                self.ledger
                    .add_at(Fault::new(rule).saying(message), severity, 0);
            }
        }
    }

    fn report(self, task: Task, end: &End) -> Result<Outcome, Error> {
        let totals = self.totals;
        let closed = self.ledger.close();
        let most = totals.formats.iter().max_by_key(|(_, rows)| **rows);
        let named = |(name, rows): (&&str, &u64)| ((*name).to_owned(), *rows);
        let codes = closed.codes.keys().map(String::as_str);
        let report = Report {
            verdict: verdict(&totals.rows, codes, self.settings),
            container: end.container.name().to_owned(),
            compression: end.compression.name().to_owned(),
            encoding: end.encoding.name().to_owned(),
            format: most.map(|(name, _)| (*name).to_owned()),
            formats: totals.formats.iter().map(named).collect(),
            languages: totals.languages.report(),
            task,
            template_version: self.settings.template_version(),
            crc32c: end.crc32c,
            bytes: end.bytes,
            rows: totals.rows,
            blank_lines: totals.blank_lines,
            splits: totals.splits,
            codes: closed.codes,
            lines: closed.lines,
            findings: closed.findings,
            findings_omitted: closed.omitted,
            tokens: Tokens {
                method: tokens::METHOD.to_owned(),
                input: totals.tokens_input.distribution(),
                output: totals.tokens_output.distribution(),
                calibration: None,
                billable_per_epoch: totals.billable,
            },
        };
        Ok(Outcome::Done(Box::new(Cleaned {
            report,
            samples: totals.samples,
            written: self.parts.finish()?,
        })))
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
