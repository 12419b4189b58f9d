//! Which of a route's two models is served, within one deadline: the tuned one, or the base model where the
//! tuned one fails, is slow or gives a poor reply. One rule for whole answers and for streams.

use std::{pin::pin, time::Instant};

use futures::future::{self, BoxFuture, Either};
use shared::outcome::{CallError, Idempotency};

use crate::{
    State,
    arm::Arm,
    choose::{AfterTuned, FallbackRules, after_tuned, base_is_better},
    confidence::Confidence,
    failure::{self, ServeFailure},
    fallback_budget::FallbackBudget,
    note::{BaseNotServed, FallbackReason, Note, ServedBy},
};

/// A reply, or the beginning of one.
pub(crate) trait Scored {
    /// The confidence in what there is of it.
    fn confidence(&self) -> &Confidence;
}

/// Whose reply is served, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen {
    served_by: ServedBy,
    fallback_reason: Option<FallbackReason>,
    base_not_served: Option<BaseNotServed>,
}

impl Chosen {
    const TUNED: Self = Self {
        served_by: ServedBy::Tuned,
        fallback_reason: None,
        base_not_served: None,
    };

    fn base(fallback_reason: Option<FallbackReason>) -> Self {
        Self {
            served_by: ServedBy::Base,
            fallback_reason,
            base_not_served: None,
        }
    }

    fn tuned_over_base(base_not_served: BaseNotServed) -> Self {
        Self {
            base_not_served: Some(base_not_served),
            ..Self::TUNED
        }
    }

    /// The note of the answer.
    pub(crate) fn note(self, arm: Option<&Arm>, confidence: Option<Confidence>) -> Note {
        let target = arm.and_then(Arm::target);
        Note {
            served_by: self.served_by,
            route: arm.map(Arm::version),
            run: target.map(|target| target.run.clone()),
            fallback_reason: self.fallback_reason,
            base_not_served: self.base_not_served,
            cached: false,
            confidence,
        }
    }
}

/// Asks the models of `arm`, or the base model of the settings where there is none.
pub(crate) async fn run<'a, R, A>(
    state: &'a State,
    arm: Option<&'a Arm>,
    until: Instant,
    ask: A,
) -> Result<(R, Chosen), ServeFailure>
where
    R: Scored + 'a,
    A: Fn(String) -> BoxFuture<'a, Result<R, CallError>>,
{
    let outcome = match arm.map(|arm| (arm.target(), arm.base())) {
        Some((Some(target), base)) => {
            let now = Instant::now();
            let half = now + until.saturating_duration_since(now) / 2;
            let half = tokio::time::sleep_until(half.into());
            let tuned = &target.endpoint;
            let fallbacks = Fallbacks {
                rules: &state.config.rules,
                budget: &state.fallback_budget,
            };
            let outcome = tuned_or_base(ask, tuned, base, fallbacks, half).await;
            let chosen = outcome.as_ref().map(|(_, chosen)| chosen);
            if chosen.is_ok_and(|chosen| chosen.fallback_reason == Some(FallbackReason::TunedSlow))
            {
                // Its call was given up, so nothing else counts it.
                let late = CallError::not_answered("it was too slow", Idempotency::Idempotent);
                state.breakers.record(tuned, Some(&late), Instant::now());
            }
            outcome
        }
        Some((None, base)) => ask(base.to_owned())
            .await
            .map(|reply| (reply, Chosen::base(None))),
        None => {
            let reply = ask(state.model_of(None)).await;
            reply.map(|reply| (reply, Chosen::base(Some(FallbackReason::NoRoute))))
        }
    };
    outcome.map_err(|error| {
        let failure = ServeFailure::of(&error);
        let is_over = Instant::now() >= until;
        if is_over && matches!(failure, ServeFailure::Unavailable { .. }) {
            ServeFailure::Late
        } else {
            failure
        }
    })
}

/// When the base model is asked as well.
#[derive(Debug, Clone, Copy)]
struct Fallbacks<'a> {
    rules: &'a FallbackRules,
    budget: &'a FallbackBudget,
}

impl Fallbacks<'_> {
    /// What follows the reply of the model `tuned`, which came in time.
    fn after<R: Scored>(self, tuned: &str, reply: &Result<R, CallError>) -> AfterTuned {
        if reply.is_ok() {
            self.budget.earn(tuned);
        }
        let confidence = reply.as_ref().map(Scored::confidence);
        after_tuned(confidence, self.rules, || self.budget.spend(tuned))
    }

    /// What follows a reply when both models have been asked.
    fn after_both<R: Scored>(self, reply: &Result<R, CallError>) -> AfterTuned {
        after_tuned(reply.as_ref().map(Scored::confidence), self.rules, || true)
    }
}

/// The base model is also asked once `half` of the time is over, so that it can still answer.
async fn tuned_or_base<'a, R, A>(
    ask: A,
    tuned: &str,
    base: &str,
    fallbacks: Fallbacks<'_>,
    half: impl Future<Output = ()>,
) -> Result<(R, Chosen), CallError>
where
    R: Scored + 'a,
    A: Fn(String) -> BoxFuture<'a, Result<R, CallError>>,
{
    let reply = match future::select(ask(tuned.to_owned()), pin!(half)).await {
        Either::Left((reply, _half)) => {
            return match fallbacks.after(tuned, &reply) {
                AfterTuned::Serve => reply.map(|reply| (reply, Chosen::TUNED)),
                AfterTuned::ServeOverBudget => {
                    let chosen = Chosen::tuned_over_base(BaseNotServed::OverBudget);
                    reply.map(|reply| (reply, chosen))
                }
                AfterTuned::AskBase(reason) => better_of(reply, ask(base.to_owned()).await, reason),
            };
        }
        Either::Right(((), reply)) => reply,
    };
    let (tuned, base, reason) = match future::select(reply, ask(base.to_owned())).await {
        Either::Left((tuned, base)) => match fallbacks.after_both(&tuned) {
            AfterTuned::Serve | AfterTuned::ServeOverBudget => {
                return tuned.map(|reply| (reply, Chosen::TUNED));
            }
            AfterTuned::AskBase(reason) => (tuned, base.await, reason),
        },
        Either::Right((base, _tuned)) if fallbacks.after_both(&base) == AfterTuned::Serve => {
            return base.map(|reply| (reply, Chosen::base(Some(FallbackReason::TunedSlow))));
        }
        Either::Right((base, tuned)) => (tuned.await, base, FallbackReason::TunedSlow),
    };
    better_of(tuned, base, reason)
}

/// The better of the two. A base model that fails never loses the tuned model's answer.
fn better_of<R: Scored>(
    tuned: Result<R, CallError>,
    base: Result<R, CallError>,
    reason: FallbackReason,
) -> Result<(R, Chosen), CallError> {
    match (tuned, base) {
        (Ok(tuned), Ok(base)) if base_is_better(tuned.confidence(), base.confidence()) => {
            Ok((base, Chosen::base(Some(reason))))
        }
        (Ok(tuned), Ok(_)) => Ok((tuned, Chosen::tuned_over_base(BaseNotServed::NoBetter))),
        (Ok(tuned), Err(error)) => {
            failure::log(&error, "the base model cannot be asked");
            Ok((tuned, Chosen::tuned_over_base(BaseNotServed::Failed)))
        }
        (Err(error), Ok(base)) => {
            failure::log(&error, "the tuned model cannot be asked");
            Ok((base, Chosen::base(Some(reason))))
        }
        (Err(tuned), Err(base)) => {
            failure::log(&tuned, "the tuned model cannot be asked");
            Err(base)
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    /// A reply with a score, and the model that gave it.
    #[derive(Debug)]
    struct Reply(&'static str, Confidence);

    impl Scored for Reply {
        fn confidence(&self) -> &Confidence {
            &self.1
        }
    }

    /// How a model behaves: after how many steps, with which score; `None` is a failure.
    #[derive(Clone, Copy)]
    struct Model(u32, Option<f64>);

    /// The steps of half the time. A step is one poll of everything that waits, so the order is exact.
    const HALF: u32 = 30;

    async fn pass(steps: u32) {
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
    }

    async fn race(tuned: Model, base: Model) -> Result<(Reply, Chosen), CallError> {
        race_within(1.0, tuned, base).await
    }

    async fn race_within(
        share: f64,
        tuned: Model,
        base: Model,
    ) -> Result<(Reply, Chosen), CallError> {
        let ask = |name: String| {
            let (name, Model(steps, score)) = match name.as_str() {
                "tuned" => ("tuned", tuned),
                _ => ("base", base),
            };
            async move {
                pass(steps).await;
                let reasons = vec![];
                score
                    .map(|score| Reply(name, Confidence { score, reasons }))
                    .ok_or_else(|| CallError::not_sent(name))
            }
            .boxed()
        };
        let fallbacks = Fallbacks {
            rules: &FallbackRules::default(),
            budget: &FallbackBudget::new(share),
        };
        tuned_or_base(ask, "tuned", "base", fallbacks, pass(HALF)).await
    }

    #[track_caller]
    fn check(outcome: Result<(Reply, Chosen), CallError>, name: &str, chosen: Chosen) {
        let (reply, found) = outcome.unwrap();
        assert_eq!((reply.0, found), (name, chosen));
    }

    const FAILS: Option<f64> = None;
    const GOOD: Option<f64> = Some(1.0);
    const CUT: Option<f64> = Some(0.4);
    const BLANK: Option<f64> = Some(0.0);

    #[tokio::test]
    async fn the_better_of_the_two_is_served() {
        let low = Chosen::base(Some(FallbackReason::LowConfidence));
        let failed = Chosen::base(Some(FallbackReason::TunedFailed));
        let kept = Chosen::tuned_over_base;
        for (tuned, base, name, chosen) in [
            (GOOD, GOOD, "tuned", Chosen::TUNED),
            (CUT, GOOD, "base", low),
            (CUT, FAILS, "tuned", kept(BaseNotServed::Failed)),
            (CUT, BLANK, "tuned", kept(BaseNotServed::NoBetter)),
            (CUT, CUT, "tuned", kept(BaseNotServed::NoBetter)),
            (BLANK, CUT, "base", low),
            (FAILS, BLANK, "base", failed),
            (FAILS, GOOD, "base", failed),
        ] {
            check(race(Model(1, tuned), Model(1, base)).await, name, chosen);
        }
        assert!(race(Model(1, FAILS), Model(1, FAILS)).await.is_err());
    }

    #[tokio::test]
    async fn without_a_budget_a_doubted_answer_is_served_and_an_outage_is_none() {
        let over = Chosen::tuned_over_base(BaseNotServed::OverBudget);
        let cut = race_within(0.0, Model(1, CUT), Model(1, GOOD)).await;
        check(cut, "tuned", over);
        let failed = Chosen::base(Some(FallbackReason::TunedFailed));
        let fails = race_within(0.0, Model(1, FAILS), Model(1, GOOD)).await;
        check(fails, "base", failed);
    }

    #[tokio::test]
    async fn a_tuned_model_that_hangs_leaves_the_base_model_half_of_the_time() {
        let slow = Chosen::base(Some(FallbackReason::TunedSlow));
        check(race(Model(1_000, GOOD), Model(5, GOOD)).await, "base", slow);
        check(
            race(Model(40, GOOD), Model(20, GOOD)).await,
            "tuned",
            Chosen::TUNED,
        );
        // It comes at last, and the base model has failed or has nothing better.
        let failed = Chosen::tuned_over_base(BaseNotServed::Failed);
        check(race(Model(50, CUT), Model(5, FAILS)).await, "tuned", failed);
        let no_better = Chosen::tuned_over_base(BaseNotServed::NoBetter);
        check(
            race(Model(50, GOOD), Model(5, BLANK)).await,
            "tuned",
            no_better,
        );
    }
}
