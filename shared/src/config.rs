//! Typed settings, read once at start-up.
//!
//! A [`Reader`] looks every variable up before it reports, so that a bad
//! deployment shows all its faults in one log line rather than one per restart.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

/// The variables a process was started with.
pub type Vars = BTreeMap<String, String>;

/// Why a process cannot start: every faulty variable, in the order read.
#[derive(Debug, thiserror::Error)]
#[error("invalid settings: {}", .0.join("; "))]
pub struct Invalid(Vec<String>);

/// Reads variables and remembers every fault.
#[derive(Debug)]
pub struct Reader<'a> {
    vars: &'a Vars,
    faults: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Starts reading `vars`.
    pub fn new(vars: &'a Vars) -> Self {
        Self {
            vars,
            faults: Vec::new(),
        }
    }

    /// Reads a variable that has no sensible default.
    pub fn required<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        match self.vars.get(name) {
            Some(text) => self.parse(name, text),
            None => {
                self.faults.push(format!("{name} is not set"));
                None
            }
        }
    }

    /// Reads a variable, or takes `default` where it is not set.
    pub fn or<T>(&mut self, name: &str, default: T) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        match self.vars.get(name) {
            Some(text) => self.parse(name, text),
            None => Some(default),
        }
    }

    /// Reads a variable that may be absent.
    ///
    /// `Some(None)` where it is not set; `None` where it is set and faulty.
    pub fn optional<T>(&mut self, name: &str) -> Option<Option<T>>
    where
        T: FromStr<Err: Display>,
    {
        match self.vars.get(name) {
            Some(text) => self.parse(name, text).map(Some),
            None => Some(None),
        }
    }

    /// Reads a variable that may be absent and whose text is a secret: a fault does not repeat it.
    ///
    /// `Some(None)` where it is not set; `None` where it is set and faulty.
    pub fn secret<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        let Some(text) = self.vars.get(name) else {
            return Some(None);
        };
        match parse(text) {
            Ok(value) => Some(Some(value)),
            Err(error) => {
                self.faults.push(format!("{name}: {error}"));
                None
            }
        }
    }

    /// Whether the process runs on Cloud Run, which sets this variable in every service:
    /// <https://cloud.google.com/run/docs/container-contract#services-env-vars>.
    pub fn is_on_cloud_run(&self) -> bool {
        self.vars.contains_key("K_SERVICE")
    }

    /// Notes a fault that only several variables together show.
    pub fn fault(&mut self, text: impl Into<String>) {
        self.faults.push(text.into());
    }

    /// Builds the settings, or reports every fault met on the way.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, Invalid> {
        match build() {
            Some(settings) if self.faults.is_empty() => Ok(settings),
            _ => Err(Invalid(self.faults)),
        }
    }

    fn parse<T>(&mut self, name: &str, text: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.faults.push(format!("{name} is `{text}`: {error}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_reported_at_once() {
        let vars = Vars::from([("PORT".to_owned(), "eighty".to_owned())]);
        let mut read = Reader::new(&vars);
        let bucket = read.required::<String>("BUCKET");
        let port = read.or::<u16>("PORT", 8080);
        let error = read.finish(|| Some((bucket?, port?))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid settings: BUCKET is not set; PORT is `eighty`: invalid digit found in string"
        );
    }

    #[test]
    fn a_faulty_secret_is_not_repeated() {
        let vars = Vars::from([("TOKEN".to_owned(), "hunter2".to_owned())]);
        let mut read = Reader::new(&vars);
        let token = read.secret("TOKEN", |_text| Err::<u8, _>("expected a number"));
        let error = read.finish(|| token).unwrap_err().to_string();
        assert_eq!(error, "invalid settings: TOKEN: expected a number");
    }
}
