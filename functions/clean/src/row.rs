//! Judges one row, knowing no other: bytes in, a Gemini example or reasons against it out.
//!
//! Nothing here looks beyond the row, so rows can be judged in any order and on any thread; what
//! compares rows is in [`survey`](crate::survey()).

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::{
    Settings, Severity,
    container::{Body, Layout},
    example::Example,
    finding::Fault,
    formats::{self, Format},
    gemini::{self, Shape},
    json::{Object, Value, parse},
    rules::{self, Check},
};

/// Judges rows by the same settings, reusing its memory.
pub(crate) struct Judge<'s> {
    settings: &'s Settings,
    system: Option<&'s str>,
    layout: Layout,
    record: Vec<u8>,
}

/// What became of a row.
pub(crate) struct Judged<'a> {
    /// Everything found.
    pub(crate) faults: Vec<Fault>,
    /// The example, unless a fault rejects the row.
    pub(crate) example: Option<Judgement<'a>>,
    /// How the row was written, where that is known.
    pub(crate) format: Option<&'static str>,
}

/// What later stages need to know of an example.
pub(crate) struct Judgement<'a> {
    /// The example itself.
    pub(crate) example: Example<'a>,
    /// What the written record consists of.
    pub(crate) shape: Shape,
    /// Identifies the record; two that share it are the same, but for one chance in 2¹²⁸.
    pub(crate) identity: u128,
    /// Identifies what is asked: everything but the last turn.
    pub(crate) input: u64,
    /// Identifies the last turn.
    pub(crate) output: u64,
    /// Length of the record and its line end.
    pub(crate) bytes: u32,
}

/// What a rule sees of a row.
pub(crate) struct Row<'r> {
    /// The row in Gemini's terms.
    pub(crate) example: &'r Example<'r>,
    /// Estimated tokens of the whole row.
    pub(crate) tokens: u32,
}

impl<'s> Judge<'s> {
    /// A judge that goes by `settings`, of rows that are written in `layout`.
    pub(crate) fn new(settings: &'s Settings, layout: Layout) -> Self {
        let system = settings.system_instruction.as_deref().map(str::trim);
        Self {
            settings,
            system: system.filter(|text| !text.is_empty()),
            layout,
            record: Vec::new(),
        }
    }

    /// Judges a row.
    pub(crate) fn judge<'a>(&mut self, body: Body, bytes: &'a [u8]) -> Judged<'a> {
        let mut faults = Vec::new();
        let (format, example) = match convert(&self.layout, body, bytes, &mut faults) {
            Ok(converted) => converted,
            Err(fault) => {
                faults.push(fault);
                return Judged {
                    faults,
                    example: None,
                    format: None,
                };
            }
        };
        let shape = gemini::write(&example, self.system, &mut self.record);
        let row = Row {
            example: &example,
            tokens: shape.tokens_input.saturating_add(shape.tokens_output),
        };
        for rule in rules::rules() {
            if let Check::Row(check) = rule.check {
                faults.extend(check(&row));
            }
        }
        let rejected = faults
            .iter()
            .any(|fault| self.settings.severity(fault.rule) == Severity::Reject);
        Judged {
            faults,
            example: (!rejected).then(|| self.identify(example, shape)),
            format: Some(format.name),
        }
    }

    /// Writes a row anew that was judged before; `None` where it does not convert, which only
    /// happens if it is another row than before.
    pub(crate) fn rewrite(&mut self, body: Body, bytes: &[u8]) -> Option<&[u8]> {
        let (_, example) = convert(&self.layout, body, bytes, &mut Vec::new()).ok()?;
        gemini::write(&example, self.system, &mut self.record);
        self.record.push(b'\n');
        Some(&self.record)
    }

    fn identify<'a>(&self, example: Example<'a>, shape: Shape) -> Judgement<'a> {
        let piece = |range| self.record.get(range).unwrap_or_default();
        let before = xxh3_64(piece(0..shape.answer.start));
        let after = xxh3_64(piece(shape.answer.end..self.record.len()));
        Judgement {
            identity: xxh3_128(&self.record),
            input: before.rotate_left(1) ^ after,
            output: xxh3_64(piece(shape.answer.clone())),
            bytes: u32::try_from(self.record.len() + 1).unwrap_or(u32::MAX),
            example,
            shape,
        }
    }
}

fn convert<'a>(
    layout: &Layout,
    body: Body,
    bytes: &'a [u8],
    faults: &mut Vec<Fault>,
) -> Result<(&'static Format, Example<'a>), Fault> {
    match (body, layout) {
        (Body::Whole | Body::Last, _) => {}
        (Body::Cut, _) => {
            let fault = Fault::new(&rules::csv_fields::RULE);
            return Err(fault.saying("the file was cut off within the record"));
        }
        (Body::TooLong, Layout::Json) => return Err(Fault::new(&rules::line_too_long::RULE)),
        (Body::TooLong, Layout::Csv(_)) => {
            let fault = Fault::new(&rules::line_too_long::RULE);
            return Err(fault.saying("the record is longer than 8 MiB: is a quote never closed?"));
        }
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = u32::try_from(error.valid_up_to()).unwrap_or(u32::MAX);
        Fault::new(&rules::invalid_utf8::RULE).at(at)
    })?;
    let row = match layout {
        Layout::Json => read_json(body, text, faults)?,
        Layout::Csv(header) => header.read(text, faults)?,
    };
    let format = formats::detect(&row)?;
    let mut example = (format.convert)(row, faults)?;
    if example.trim() {
        faults.push(Fault::new(&rules::trim::RULE));
    }
    Ok((format, example))
}

fn read_json<'a>(body: Body, text: &'a str, faults: &mut Vec<Fault>) -> Result<Object<'a>, Fault> {
    let parsed = parse(text).map_err(|fault| {
        if body == Body::Last {
            let message = format!("{}; the file may be cut off here", fault.message);
            fault.saying(message)
        } else {
            fault
        }
    })?;
    let Value::Object(row) = parsed.node.value else {
        let kind = parsed.node.value.kind();
        return Err(Fault::new(&rules::not_an_object::RULE).saying(format!("the row is {kind}")));
    };
    if let Some(at) = parsed.repeats.first() {
        faults.push(Fault::new(&rules::duplicate_keys::RULE).at(*at));
    }
    Ok(row)
}
