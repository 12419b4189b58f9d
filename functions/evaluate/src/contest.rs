//! The models of an evaluation, and the rows that they are asked.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use scores::{metric::Metric, task::MetricChoice};
use shared::{
    error::Error,
    evaluation::{AgainstServing, Evaluation, Integrity},
};

use crate::{
    State,
    answer::ModelAnswer,
    ask::Respondent,
    compare::{Case, PriceCaps, VerdictRules, against_serving, compare, is_over, undecided},
    sample::RowSample,
    shards,
};

/// How long one delivery asks. Pub/Sub gives up on a push after ten minutes; the next delivery goes on with
/// the rows that are left.
const ASKING_MAX: Duration = Duration::from_mins(8);

/// The tuned model that serves, where one does.
#[derive(Debug)]
pub(crate) struct Serving {
    /// The run that made it.
    pub(crate) run: String,
    /// It.
    pub(crate) respondent: Respondent,
}

/// An evaluation under way: every model is asked the same rows.
#[derive(Debug)]
pub(crate) struct Contest {
    pub(crate) sample: RowSample,
    pub(crate) base: Respondent,
    pub(crate) tuned: Respondent,
    pub(crate) serving: Option<Serving>,
    /// The metric that decides, chosen before any answer is seen.
    pub(crate) choice: MetricChoice,
    pub(crate) rules: VerdictRules,
    /// What a thousand requests may cost.
    pub(crate) price: PriceCaps,
    /// Rows that were asked so far: the first ones of the sample.
    pub(crate) asked: usize,
}

impl Contest {
    /// Asks shard by shard, until something is proven, every row is asked, or a model is away.
    pub(crate) async fn ask(mut self, state: &State) -> Result<Self, Error> {
        let started = Instant::now();
        let rows = self.sample.rows.len();
        for shard in shards::plan(rows) {
            if started.elapsed() > ASKING_MAX {
                return Err(Error::Busy(
                    "there are more rows than one delivery can ask: the next one goes on".into(),
                ));
            }
            let serving = self.serving.as_mut().map(|serving| &mut serving.respondent);
            let all = [&mut self.base, &mut self.tuned].into_iter().chain(serving);
            let sample = &self.sample;
            let asked = all.map(|respondent| respondent.ask(state, sample, &shard));
            try_join_all(asked).await?;
            self.asked = shard.rows.end;
            if self.respondents().any(|one| one.is_unavailable(rows)) {
                return Ok(self);
            }
            // Scoring takes up to seconds: not on the thread that answers health checks.
            let (contest, over) = blocking(move || {
                let over = self.is_over();
                (self, over)
            })
            .await?;
            self = contest;
            if over {
                break;
            }
        }
        Ok(self)
    }

    /// Which rows were answered, of those that were asked.
    pub(crate) fn integrity(&self) -> Integrity {
        let asked = |one: &Respondent| one.asked(&self.sample, self.asked);
        Integrity {
            base: asked(&self.base),
            tuned: asked(&self.tuned),
            serving: self.serving.as_ref().map(|one| asked(&one.respondent)),
        }
    }

    /// The result; undecided where a model could not be asked.
    pub(crate) async fn evaluation(self) -> Result<(Self, Evaluation), Error> {
        blocking(move || {
            let evaluation = self.compare();
            (self, evaluation)
        })
        .await
    }

    fn compare(&self) -> Evaluation {
        let integrity = self.integrity();
        let planned = self.sample.rows.len();
        let digest = self.sample.digest();
        if !integrity.is_sound() {
            return Evaluation {
                planned: planned as u64,
                ..undecided(&digest, integrity)
            };
        }
        let metric = self.deciding();
        let first = self.sample.planned;
        let rules = VerdictRules {
            // The planned end is reached with the last row, whether or not each could be asked.
            planned: (self.asked < first).then_some(first),
            ..self.rules
        };
        let serving = self.serving.as_ref().map(|serving| AgainstServing {
            run: serving.run.clone(),
            endpoint: serving.respondent.model().to_owned(),
            ..against_serving(metric, &self.cases(&serving.respondent), &rules)
        });
        Evaluation {
            integrity,
            planned: planned as u64,
            serving,
            metric_reason: self.choice.reason.clone(),
            ..compare(metric, &self.cases(&self.base), &digest, &rules)
        }
    }

    /// Whether the comparison with each other model needs no more rows.
    fn is_over(&self) -> bool {
        let metric = self.deciding();
        let rules = VerdictRules {
            planned: Some(self.sample.planned),
            ..self.rules
        };
        let serving = self.serving.as_ref().map(|serving| &serving.respondent);
        let mut others = [&self.base].into_iter().chain(serving);
        others.all(|other| is_over(metric, &self.cases(other), &rules))
    }

    fn deciding(&self) -> &'static dyn Metric {
        self.choice.metric
    }

    fn respondents(&self) -> impl Iterator<Item = &Respondent> {
        let serving = self.serving.as_ref().map(|serving| &serving.respondent);
        [&self.base, &self.tuned].into_iter().chain(serving)
    }

    /// The rows that the tuned model and `other` have answered, of those that were asked.
    fn cases<'a>(&'a self, other: &'a Respondent) -> Vec<Case<'a>> {
        let rows = self.sample.rows.iter().take(self.asked).zip(0..);
        let answered = rows.filter_map(|(row, place)| {
            let pair: (&ModelAnswer, &ModelAnswer) = (other.answer(row)?, self.tuned.answer(row)?);
            Some(Case {
                row: &row.id,
                reference: &row.reference,
                base: pair.0,
                tuned: pair.1,
                is_added: place >= self.sample.planned,
            })
        });
        answered.collect()
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|source| Error::Internal {
        what: "scoring panicked",
        source: source.into(),
    })
}
