//! The second pass: reads again, and writes what the first decided.

use std::io::{self, Write};

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    Error, Severity, Source, Survey,
    container::{Body, Head, Records},
    row::Judge,
    rules,
    survey::Disposition,
};

/// Bytes collected before a part's writer is called.
const BUFFER_BYTES: usize = 256 << 10;

/// A file that comes out of a cleaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Rows to be learnt.
    Train,
    /// Rows to watch the job by.
    Validation,
    /// Rows to compare base and tuned model with; each ends with the answer to compare with.
    Eval,
    /// Rows left out, with their reasons and their original bytes.
    Rejected,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 4] = [Self::Train, Self::Validation, Self::Eval, Self::Rejected];

    /// The word in reports and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Eval => "eval",
            Self::Rejected => "rejected",
        }
    }
}

/// Where the parts go.
pub trait Outputs {
    /// The writer of `part`; called for a few hundred kilobytes at a time.
    fn part(&mut self, part: Part) -> &mut dyn Write;
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The rows to be learnt.
    pub train: PartSummary,
    /// The rows to watch the job by.
    pub validation: PartSummary,
    /// The rows to compare models with.
    pub eval: PartSummary,
    /// The rows left out.
    pub rejected: PartSummary,
}

/// One part as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSummary {
    /// Its rows.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

impl Written {
    /// What was written of `part`.
    pub fn part(&self, part: Part) -> &PartSummary {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Eval => &self.eval,
            Part::Rejected => &self.rejected,
        }
    }
}

/// Reads `source` again and writes every part, as `survey` decided, in the order of the rows.
///
/// # Errors
/// [`Error::Changed`] where `source` is not what was surveyed: what was written is then worthless.
/// [`Error::Read`] and [`Error::Write`] where a side fails.
pub fn write(
    source: &dyn Source,
    survey: &Survey,
    outputs: &mut dyn Outputs,
) -> Result<Written, Error> {
    let mut records = Records::open(source).map_err(Error::Read)?;
    let mut judge = Judge::new(survey.settings(), records.layout());
    let mut sheets = Part::ALL.map(Sheet::new);
    let mut plan = survey.plan().iter();
    while let Some(head) = records.advance().map_err(Error::Read)? {
        let bytes = records.bytes();
        let disposition = plan.next().copied().unwrap_or(Disposition::Duplicate);
        let part = match disposition {
            Disposition::Train => Part::Train,
            Disposition::Validation => Part::Validation,
            Disposition::Eval => Part::Eval,
            Disposition::Duplicate => continue,
            Disposition::Candidate
            | Disposition::Rejected
            | Disposition::ShortDuplicate
            | Disposition::Short
            | Disposition::Contradiction => Part::Rejected,
        };
        let [train, validation, eval, rejected] = &mut sheets;
        let sheet = match part {
            Part::Train => train,
            Part::Validation => validation,
            Part::Eval => eval,
            Part::Rejected => {
                let row = RejectedRow::new(&mut judge, survey, disposition, head, bytes);
                rejected.write_rejected(&row, outputs)?;
                continue;
            }
        };
        if let Some(record) = judge.rewrite(head.body, bytes) {
            sheet.write(record, outputs)?;
        }
    }
    let found = records.finish().map_err(Error::Read)?.digest;
    let surveyed = &survey.report().digest;
    if found != *surveyed {
        return Err(Error::Changed {
            surveyed: surveyed.clone(),
            written: found,
        });
    }
    let [train, validation, eval, rejected] = sheets;
    Ok(Written {
        train: train.finish(outputs)?,
        validation: validation.finish(outputs)?,
        eval: eval.finish(outputs)?,
        rejected: rejected.finish(outputs)?,
    })
}

/// A part being written.
struct Sheet {
    part: Part,
    buffer: Vec<u8>,
    rows: u64,
    bytes: u64,
    digest: Sha256,
}

impl Sheet {
    fn new(part: Part) -> Self {
        Self {
            part,
            buffer: Vec::new(),
            rows: 0,
            bytes: 0,
            digest: Sha256::new(),
        }
    }

    fn write(&mut self, row: &[u8], outputs: &mut dyn Outputs) -> Result<(), Error> {
        self.buffer.extend_from_slice(row);
        self.rows += 1;
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush(outputs)?;
        }
        Ok(())
    }

    fn write_rejected(
        &mut self,
        row: &RejectedRow<'_>,
        outputs: &mut dyn Outputs,
    ) -> Result<(), Error> {
        let written = serde_json::to_writer(&mut self.buffer, row);
        written.map_err(|error| self.failed(error.into()))?;
        self.write(b"\n", outputs)
    }

    fn flush(&mut self, outputs: &mut dyn Outputs) -> Result<(), Error> {
        self.digest.update(&self.buffer);
        self.bytes += u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        let written = outputs.part(self.part).write_all(&self.buffer);
        written.map_err(|error| self.failed(error))?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self, outputs: &mut dyn Outputs) -> Result<PartSummary, Error> {
        self.flush(outputs)?;
        let flushed = outputs.part(self.part).flush();
        flushed.map_err(|error| self.failed(error))?;
        Ok(PartSummary {
            rows: self.rows,
            bytes: self.bytes,
            sha256: HEXLOWER.encode(&self.digest.finalize()),
        })
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Write {
            part: self.part,
            source,
        }
    }
}

/// A row left out. Its original bytes are in `raw`, or in `raw_base64` where they are not UTF-8; a
/// row too long to be held has neither, only its length, and is found in the dataset by its line.
#[derive(Serialize)]
struct RejectedRow<'r> {
    line: u64,
    codes: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

impl<'r> RejectedRow<'r> {
    fn new(
        judge: &mut Judge<'_>,
        survey: &Survey,
        disposition: Disposition,
        head: Head,
        bytes: &'r [u8],
    ) -> Self {
        let rejects = |severity| severity == Severity::Reject;
        let judged = judge.judge(head.body, bytes);
        let faults = judged.faults.iter();
        let mut codes: Vec<&'static str> = faults
            .filter(|fault| rejects(survey.settings().severity(fault.rule)))
            .map(|fault| fault.rule.code)
            .collect();
        match disposition {
            Disposition::Short => codes.push(rules::short_output::RULE.code),
            Disposition::Contradiction => codes.push(rules::contradiction::RULE.code),
            // Nothing is wrong with the row: the file is refused as a whole.
            Disposition::Rejected if codes.is_empty() => {
                codes.push(rules::expands_too_much::RULE.code);
            }
            Disposition::Candidate
            | Disposition::Rejected
            | Disposition::Duplicate
            | Disposition::ShortDuplicate
            | Disposition::Train
            | Disposition::Validation
            | Disposition::Eval => {}
        }
        let (raw, raw_base64, length) = match (head.body, std::str::from_utf8(bytes)) {
            (Body::TooLong, _) => (None, None, Some(head.length)),
            (Body::Whole | Body::Last | Body::Cut, Ok(text)) => (Some(text), None, None),
            (Body::Whole | Body::Last | Body::Cut, Err(_)) => {
                (None, Some(BASE64.encode(bytes)), None)
            }
        };
        Self {
            line: head.line,
            codes,
            raw,
            raw_base64,
            bytes: length,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
