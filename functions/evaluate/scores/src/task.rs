//! Which metric decides, where the recipe names none. Chosen from the references alone, before any answer
//! is seen, so that the metric cannot be picked for its result.

mod shape;

use std::collections::HashMap;

use self::shape::{is_label_like, is_legible, is_numeric_answer, is_written};
use crate::{
    metric::Metric,
    metrics::{
        self, call::CALL, exact::EXACT, json::JSON, number::NUMBER, rouge_l::ROUGE_L,
        rouge_l::ROUGE_L_UNICODE, similarity::SIMILARITY,
    },
};

/// The task of a version that `clean` recorded as a choice among labels.
const RECORDED_LABELS: &str = "classification";

/// The metric that decides, and why.
#[derive(Clone)]
pub struct MetricChoice {
    /// The metric.
    pub metric: &'static dyn Metric,
    /// Why, in one clause.
    pub reason: String,
}

/// A metric that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownMetric {
    /// As it was named.
    pub name: String,
}

impl std::fmt::Display for UnknownMetric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = metrics::METRICS
            .iter()
            .map(|metric| metric.name())
            .collect();
        write!(
            f,
            "no metric `{}`; there are: {}",
            self.name,
            names.join(", ")
        )
    }
}

impl std::error::Error for UnknownMetric {}

impl std::fmt::Debug for MetricChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("MetricChoice");
        debug
            .field("metric", &self.metric.name())
            .field("reason", &self.reason)
            .finish()
    }
}

/// The metric that is named; or else the one for the task that `clean` recorded; or else the one that the
/// references suggest.
///
/// # Errors
///
/// Where the named metric does not exist.
pub fn choose(
    named: Option<&str>,
    recorded_task: Option<&str>,
    references: &[&str],
) -> Result<MetricChoice, UnknownMetric> {
    if let Some(name) = named {
        let metric = metrics::find(name).ok_or_else(|| UnknownMetric {
            name: name.to_owned(),
        })?;
        let reason = "as requested".to_owned();
        return Ok(MetricChoice { metric, reason });
    }
    if recorded_task == Some(RECORDED_LABELS) {
        let reason = "the dataset's task is classification".to_owned();
        return Ok(MetricChoice {
            metric: &EXACT,
            reason,
        });
    }
    Ok(guess(references))
}

/// The metric that the references suggest.
///
/// Calls, JSON, final numbers and labels are compared as what they are, with a metric that is right or
/// wrong where there is one, since it needs the fewest rows; prose by ROUGE.
pub fn guess(references: &[&str]) -> MetricChoice {
    let rows = references.len();
    let holds = |test: &dyn Fn(&str) -> bool| {
        references
            .iter()
            .filter(|reference| test(reference))
            .count()
    };
    let of_rows = |found: usize| format!("{found} of {rows} references");
    // All but one in twenty; at least one.
    let is_most = |found: usize| found > 0 && found * 20 >= rows * 19;
    let calls = holds(&|reference| CALL.applies(reference));
    if is_most(calls) {
        return choice(&CALL, format!("{} are function calls", of_rows(calls)));
    }
    let documents = holds(&|reference| JSON.applies(reference));
    if is_most(documents) {
        return choice(&JSON, format!("{} are JSON", of_rows(documents)));
    }
    let numbers = holds(&is_numeric_answer);
    if is_most(numbers) {
        let reason = format!("{} end in a number as their answer", of_rows(numbers));
        return choice(&NUMBER, reason);
    }
    if let Some((labels, repeated)) = labels(references) {
        let reason =
            format!("{labels} different short references; {repeated} of {rows} rows repeat one");
        return choice(&EXACT, reason);
    }
    let illegible = holds(&|reference| !is_legible(reference));
    if illegible * 10 <= rows {
        return choice(&ROUGE_L, "the references are prose".to_owned());
    }
    let unwritten = holds(&|reference| !is_written(reference));
    if unwritten * 10 <= rows {
        let reason = format!(
            "{} are prose in other scripts than Latin",
            of_rows(illegible)
        );
        return choice(&ROUGE_L_UNICODE, reason);
    }
    choice(&SIMILARITY, format!("{} have no words", of_rows(unwritten)))
}

fn choice(metric: &'static dyn Metric, reason: String) -> MetricChoice {
    MetricChoice { metric, reason }
}

/// The number of labels, and of rows whose label another row has too, where the references are labels: short,
/// and most of them repeated. Any number of labels is recognised, given a few rows for each.
fn labels(references: &[&str]) -> Option<(usize, usize)> {
    let mut rows_of: HashMap<String, usize> = HashMap::new();
    for reference in references {
        let words: Vec<&str> = reference.split_whitespace().collect();
        *rows_of.entry(words.join(" ")).or_default() += 1;
    }
    let short = references
        .iter()
        .filter(|reference| is_label_like(reference))
        .count();
    let repeated = rows_of.values().filter(|rows| **rows > 1).sum::<usize>();
    let rows = references.len();
    // Fewer rows would make few rows look like few labels.
    let has_enough = rows >= 5 && repeated * 2 >= rows && rows_of.len() * 3 <= rows * 2;
    (has_enough && short * 20 >= rows * 19).then_some((rows_of.len(), repeated))
}

#[cfg(test)]
mod tests;
