//! Searches the texts of a row for personal data and secrets, if a recipe asks for it.
//!
//! What is found is named and never shown.

use std::{borrow::Cow, collections::HashSet};

use memchr::memchr_iter;

use crate::{
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
}

impl Search {
    /// A search as `settings` ask; `None` if they ask for none.
    pub(crate) fn new(settings: &Settings) -> Option<Self> {
        let severities = HitKind::ALL.map(|kind| settings.severity(rule(kind)));
        let wanted = severities.map(|severity| severity != Severity::Off);
        wanted.contains(&true).then(|| Self {
            severities,
            detector: Detector::new(wanted),
        })
    }

    /// Searches `example` and redacts what must be; returns whether the original contained anything
    /// that must not be written to any file.
    pub(crate) fn row(&self, example: &mut Example<'_>, faults: &mut Vec<Fault>) -> bool {
        let mut tally = HitTally::default();
        if let Some(system) = &mut example.system {
            self.text(system, None, &mut tally);
        }
        for turn in &mut example.turns {
            let location = Some(turn.location);
            for part in &mut turn.parts {
                match part {
                    Part::Text(text) => self.text(text, location, &mut tally),
                    Part::Other(_, part) => self.object(part, location, &mut tally),
                }
            }
        }
        for (_, value) in &mut example.extras {
            self.value(value, None, &mut tally);
        }
        faults.extend(tally.faults());
        HitKind::ALL
            .into_iter()
            .zip(tally.counts)
            .any(|(kind, (count, _))| count > 0 && self.is_secret(kind))
    }

    /// Whether a row that could not be parsed contains nothing that must not be written, in its raw
    /// form or with its numeric escapes decoded.
    pub(crate) fn is_quotable(&self, raw: &[u8]) -> bool {
        let text = String::from_utf8_lossy(raw);
        let is_secret = |text: &str| {
            self.detector
                .find(text)
                .iter()
                .any(|hit| self.is_secret(hit.kind))
        };
        !is_secret(&text) && !unescaped(&text).is_some_and(|text| is_secret(&text))
    }

    fn value(&self, value: &mut Value<'_>, location: Option<Location>, tally: &mut HitTally) {
        match value {
            Value::Text(text) => self.text(text, location, tally),
            Value::List(nodes) => {
                for node in nodes {
                    self.value(&mut node.value, location, tally);
                }
            }
            Value::Object(object) => self.object(object, location, tally),
            Value::Number(number) => {
                let mut text = Text::of(number);
                self.text(&mut text, location, tally);
                if text.escaped() != number.as_ref() {
                    *value = Value::Text(text);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn object(&self, object: &mut Object<'_>, location: Option<Location>, tally: &mut HitTally) {
        for (_, node) in &mut object.members {
            self.value(&mut node.value, location, tally);
        }
        self.keys(object, location, tally);
    }

    /// Searches the keys of `object`; keys remain distinct after redaction.
    fn keys(&self, object: &mut Object<'_>, location: Option<Location>, tally: &mut HitTally) {
        let is_found = |key: &str| !self.detector.find(key).is_empty();
        if !object.keys().any(is_found) {
            return;
        }
        let mut taken: HashSet<String> = object.keys().map(str::to_owned).collect();
        let mut more = 1_u32;
        for (key, _) in &mut object.members {
            let mut text = Text::of(key);
            self.text(&mut text, location, tally);
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

    fn text(&self, text: &mut Text<'_>, location: Option<Location>, tally: &mut HitTally) {
        let hits = self.detector.find(text.escaped());
        if hits.is_empty() {
            return;
        }
        for hit in &hits {
            tally.add(hit.kind, location);
        }
        let mut redacted = self.redacted(hits);
        while !redacted.is_empty() {
            mask(text, &redacted);
            // Text that followed a redacted number may now itself look like a number.
            redacted = self.redacted(self.detector.find(text.escaped()));
            for hit in &redacted {
                tally.add(hit.kind, location);
            }
        }
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
        matches!(self.severity(kind), Severity::Repair | Severity::Reject)
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
