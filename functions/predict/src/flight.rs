//! Questions that are being answered now: the same one asked twice at once is asked of the model once.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Mutex, PoisonError},
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};

use crate::{failure::ServeFailure, fingerprint::Fingerprint, serving::Served};

/// What a question ends with.
type Outcome = Result<Served, ServeFailure>;

/// The questions that are being answered.
///
/// Only waiting callers keep a question alive: once all of them have gone, the call to the model is dropped.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<Fingerprint, WeakShared<BoxFuture<'static, Outcome>>>>);

impl Flights {
    /// The outcome of the question `key`: that of a call that is under way, or else of `call`.
    pub(crate) fn join(
        &self,
        key: Fingerprint,
        call: impl Future<Output = Outcome> + Send + 'static,
    ) -> Shared<BoxFuture<'static, Outcome>> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key).and_then(WeakShared::upgrade)
            && flight.peek().is_none()
        {
            return flight;
        }
        // Those that have ended are dropped here: there are only as many as there were callers at once.
        flights.retain(|_, flight| {
            flight
                .upgrade()
                .is_some_and(|flight| flight.peek().is_none())
        });
        let flight = call.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(key, weak);
        }
        flight
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use actix_web::web::Bytes;
    use tokio::sync::Notify;

    use super::*;
    use crate::question::ModelQuestion;

    fn key(text: &str) -> Fingerprint {
        let body = format!(
            r#"{{"contents": [{{"parts": [{{"text": "{text}"}}]}}], "generationConfig": {{"seed": 1}}}}"#
        );
        Fingerprint::of(&ModelQuestion::read(Bytes::from(body)).unwrap(), "m", 1).unwrap()
    }

    #[derive(Default)]
    struct Model {
        asked: AtomicUsize,
        ended: AtomicUsize,
        may_answer: Notify,
    }

    async fn ask(model: Arc<Model>) -> Outcome {
        struct Ends(Arc<Model>);
        impl Drop for Ends {
            fn drop(&mut self) {
                self.0.ended.fetch_add(1, Ordering::Relaxed);
            }
        }
        let ends = Ends(Arc::clone(&model));
        model.asked.fetch_add(1, Ordering::Relaxed);
        model.may_answer.notified().await;
        drop(ends);
        Err(ServeFailure::Late)
    }

    #[tokio::test]
    async fn twenty_callers_are_one_call() {
        let (flights, model) = (Flights::default(), Arc::<Model>::default());
        let callers: Vec<_> = (0..20)
            .map(|_| flights.join(key("a"), ask(Arc::clone(&model))))
            .collect();
        let other = flights.join(key("b"), ask(Arc::clone(&model)));
        let all = futures::future::join_all(callers.into_iter().chain([other]));
        let release = async {
            model.may_answer.notify_one();
            tokio::task::yield_now().await;
            model.may_answer.notify_one();
        };
        let (outcomes, ()) = tokio::join!(all, release);
        assert_eq!(outcomes.len(), 21);
        assert_eq!(model.asked.load(Ordering::Relaxed), 2);
        // The next caller asks again: what is kept is the cache's business.
        let again = flights.join(key("a"), ask(Arc::clone(&model)));
        model.may_answer.notify_one();
        again.await.unwrap_err();
        assert_eq!(model.asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_call_ends_with_its_last_caller() {
        let (flights, model) = (Flights::default(), Arc::<Model>::default());
        let first = flights.join(key("a"), ask(Arc::clone(&model)));
        let second = flights.join(key("a"), ask(Arc::clone(&model)));
        assert!(first.clone().now_or_never().is_none());
        drop(first);
        assert_eq!(model.ended.load(Ordering::Relaxed), 0, "one waits");
        drop(second);
        assert_eq!(model.ended.load(Ordering::Relaxed), 1, "all are gone");
    }
}
