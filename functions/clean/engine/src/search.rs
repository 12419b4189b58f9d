//! Searches the texts of a row for personal data and secrets, if a recipe asks for it.
//!
//! What is found is named and never shown.

use std::{borrow::Cow, collections::HashSet};

use memchr::memchr_iter;

use crate::{
    byte_classes::ByteClasses,
    detect::{Detector, Hit, HitKind, mask},
    example::{Example, Part},
    json::{Object, Text, Value},
    location::Location,
    rule::{Fault, Rule},
    rules,
    settings::Settings,
    severity::Severity,
};

/// Searches rows as the settings ask.
pub(crate) struct Search {
    severities: [Severity; HitKind::ALL.len()],
    detector: Detector,
    /// The detector for rows without a run that may be a secret, where secrets are only reported:
    /// what must not be written is looked for everywhere.
    for_plain: Option<PlainSearch>,
}

/// What is looked for in rows without a run that may be a secret: nothing, where there is no detector.
struct PlainSearch(Option<Detector>);

impl Search {
    /// A search as `settings` ask; `None` if they ask for none.
    pub(crate) fn new(settings: &Settings) -> Option<Self> {
        let severities = HitKind::ALL.map(|kind| settings.severity(rule(kind)));
        let wanted = severities.map(|severity| severity != Severity::Off);
        if !wanted.contains(&true) {
            return None;
        }
        let detector = Detector::new(wanted);
        let must_find = |kind: HitKind| {
            let severity = settings.severity(rule(kind));
            kind.is_secret() && is_kept_out(severity)
        };
        let for_plain = if HitKind::ALL.into_iter().any(must_find) {
            None
        } else {
            Some(PlainSearch(detector.without_secrets()))
        };
        Some(Self {
            severities,
            detector,
            for_plain,
        })
    }

    /// Searches `example` and redacts what must be; returns whether the original contained anything
    /// that must not be written to any file.
    pub(crate) fn row(
        &self,
        example: &mut Example<'_>,
        classes: ByteClasses,
        faults: &mut Vec<Fault>,
    ) -> bool {
        let detector = match &self.for_plain {
            Some(PlainSearch(plain)) if !classes.has_any(ByteClasses::TOKEN) => plain.as_ref(),
            Some(_) | None => Some(&self.detector),
        };
        let Some(detector) = detector else {
            return false;
        };
        self.of_row(detector).row(example, faults)
    }

    /// A search of one row, for what `detector` finds.
    fn of_row<'s>(&'s self, detector: &'s Detector) -> RowSearch<'s> {
        RowSearch {
            search: self,
            detector,
            tally: HitTally::default(),
        }
    }

    /// Whether a row that could not be parsed contains nothing that must not be written, in its raw
    /// form or with its numeric escapes decoded.
    pub(crate) fn is_quotable(&self, raw: &[u8]) -> bool {
        if !HitKind::ALL.into_iter().any(|kind| self.is_secret(kind)) {
            return true;
        }
        let text = String::from_utf8_lossy(raw);
        let is_secret = |text: &str| {
            self.detector
                .find(text)
                .iter()
                .any(|hit| self.is_secret(hit.kind))
        };
        !is_secret(&text) && !unescaped(&text).is_some_and(|text| is_secret(&text))
    }

    /// The `hits` that are to be redacted.
    fn redacted(&self, mut hits: Vec<Hit>) -> Vec<Hit> {
        hits.retain(|hit| self.severity(hit.kind) == Severity::Repair);
        hits
    }

    fn severity(&self, kind: HitKind) -> Severity {
        let mut all = HitKind::ALL.into_iter().zip(self.severities);
        all.find(|(other, _)| *other == kind)
            .map_or(Severity::Off, |(_, severity)| severity)
    }

    /// Whether data of this `kind` is to be removed from the dataset, and so must not be in any
    /// file.
    fn is_secret(&self, kind: HitKind) -> bool {
        is_kept_out(self.severity(kind))
    }
}

/// Whether what has this severity is removed from the dataset.
fn is_kept_out(severity: Severity) -> bool {
    matches!(severity, Severity::Repair | Severity::Reject)
}

/// The search of one row.
struct RowSearch<'s> {
    search: &'s Search,
    detector: &'s Detector,
    tally: HitTally,
}

impl RowSearch<'_> {
    /// Searches `example` and redacts what must be; returns whether the original contained anything
    /// that must not be written to any file.
    fn row(mut self, example: &mut Example<'_>, faults: &mut Vec<Fault>) -> bool {
        if let Some(system) = &mut example.system {
            self.text(system, None);
        }
        for turn in &mut example.turns {
            let location = Some(turn.location);
            for part in &mut turn.parts {
                match part {
                    Part::Text(text) => self.text(text, location),
                    Part::Other(_, part) => self.object(part, location),
                }
            }
        }
        for (_, value) in &mut example.extras {
            self.value(value, None);
        }
        faults.extend(self.tally.faults());
        let mut found = HitKind::ALL.into_iter().zip(self.tally.counts);
        found.any(|(kind, (count, _))| count > 0 && self.search.is_secret(kind))
    }

    fn value(&mut self, value: &mut Value<'_>, location: Option<Location>) {
        match value {
            Value::Text(text) => self.text(text, location),
            Value::List(nodes) => {
                for node in nodes {
                    self.value(&mut node.value, location);
                }
            }
            Value::Object(object) => self.object(object, location),
            Value::Number(number) => {
                let mut text = Text::of(number);
                self.text(&mut text, location);
                if text.escaped() != number.as_ref() {
                    *value = Value::Text(text);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn object(&mut self, object: &mut Object<'_>, location: Option<Location>) {
        for (_, node) in &mut object.members {
            self.value(&mut node.value, location);
        }
        self.keys(object, location);
    }

    /// Searches the keys of `object`; keys remain distinct after redaction.
    fn keys(&mut self, object: &mut Object<'_>, location: Option<Location>) {
        let is_found = |key: &str| !self.detector.find(key).is_empty();
        if !object.keys().any(is_found) {
            return;
        }
        let mut taken: HashSet<String> = object.keys().map(str::to_owned).collect();
        let mut more = 1_u32;
        for (key, _) in &mut object.members {
            let mut text = Text::of(key);
            self.text(&mut text, location);
            let masked = text.plain();
            if masked == *key {
                continue;
            }
            let mut name = masked.clone().into_owned();
            while !taken.insert(name.clone()) {
                more += 1;
                name = format!("{masked} {more}");
            }
            *key = Cow::Owned(name);
        }
    }

    fn text(&mut self, text: &mut Text<'_>, location: Option<Location>) {
        let hits = self.detector.find(text.escaped());
        if hits.is_empty() {
            return;
        }
        for hit in &hits {
            self.tally.add(hit.kind, location);
        }
        let mut redacted = self.search.redacted(hits);
        while !redacted.is_empty() {
            mask(text, &redacted);
            // Text that followed a redacted number may now itself look like a number.
            redacted = self.search.redacted(self.detector.find(text.escaped()));
            for hit in &redacted {
                self.tally.add(hit.kind, location);
            }
        }
    }
}

/// The row with numeric escapes such as `\u0040` decoded, however many times it was encoded; `None`
/// if there are none.
fn unescaped(raw: &str) -> Option<String> {
    let mut read: Option<String> = None;
    let mut from = 0;
    for at in memchr_iter(b'\\', raw.as_bytes()) {
        let units = raw
            .get(at + 2..at + 6)
            .filter(|_| raw.as_bytes().get(at + 1) == Some(&b'u'));
        let Some(code) = units.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            continue;
        };
        let read = read.get_or_insert_default();
        let before = raw.get(from..at).unwrap_or_default();
        read.push_str(before.trim_end_matches('\\'));
        // A surrogate is not a letter, digit or mark of anything searched for.
        read.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        from = at + 6;
    }
    read.map(|read| read + raw.get(from..).unwrap_or_default())
}

/// The rule that is about such hits.
fn rule(kind: HitKind) -> &'static Rule {
    match kind {
        HitKind::Email => &rules::pii_email::RULE,
        HitKind::Phone => &rules::pii_phone::RULE,
        HitKind::Card => &rules::pii_card::RULE,
        HitKind::Iban => &rules::pii_iban::RULE,
        HitKind::Ip => &rules::pii_ip::RULE,
        HitKind::NationalId => &rules::pii_national_id::RULE,
        HitKind::CloudKey => &rules::secret_cloud_key::RULE,
        HitKind::Token => &rules::secret_token::RULE,
        HitKind::PrivateKey => &rules::secret_private_key::RULE,
    }
}

/// The number of matches in a row, and the position of the first.
#[derive(Default)]
struct HitTally {
    counts: [(u32, Option<Location>); HitKind::ALL.len()],
}

impl HitTally {
    fn add(&mut self, kind: HitKind, location: Option<Location>) {
        for (other, (count, first)) in HitKind::ALL.into_iter().zip(&mut self.counts) {
            if other == kind {
                if *count == 0 {
                    *first = location;
                }
                *count += 1;
            }
        }
    }

    fn faults(&self) -> impl Iterator<Item = Fault> {
        let found = HitKind::ALL.into_iter().zip(self.counts);
        found
            .filter(|(_, (count, _))| *count > 0)
            .map(|(kind, (count, location))| {
                let fault = Fault::new(rule(kind)).within(location);
                match count {
                    1 => fault,
                    count => fault.with_message(format!("{}; {count} in total", rule(kind).doc)),
                }
            })
    }
}

#[cfg(test)]
pub(crate) mod tests;
