//! An answer as it is written. Whose it is was decided before its first event; from there on the events pass.

use std::convert::Infallible;

use actix_web::web::Bytes;
use futures::{Stream, stream};

use crate::{events::AnswerEvents, failure::ServeFailure, note::Note, stream_count::StreamCount};

/// How an API writes the events.
pub(crate) trait Framing {
    /// One event, from the bytes that the model wrote.
    fn event(&mut self, event: &Bytes) -> Bytes;
    /// The end: after a failure that the caller must see, or without one.
    fn end(&mut self, failure: Option<&ServeFailure>) -> Bytes;
}

/// An answer whose first event is there.
#[derive(Debug)]
pub(crate) struct OpenStream {
    pub(crate) first: Bytes,
    pub(crate) rest: AnswerEvents,
    pub(crate) note: Note,
    /// How it is counted for the canary of its route, where there is one.
    pub(crate) count: Option<StreamCount>,
}

impl OpenStream {
    /// The body of the response. It ends with an error event where the model's answer breaks off: a
    /// connection that just closes would look like a whole answer.
    pub(crate) fn framed(
        self,
        mut framing: impl Framing + 'static,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> + 'static {
        let mut count = self.count;
        if let Some(count) = &mut count {
            count.add(&self.first);
        }
        let first = framing.event(&self.first);
        let begun = stream::iter([Ok(first)]);
        let rest = stream::unfold(Some((self.rest, framing, count)), async |state| {
            let (mut rest, mut framing, mut count) = state?;
            let failure = match rest.next().await {
                Ok(Some(event)) => {
                    if let Some(count) = &mut count {
                        count.add(&event);
                    }
                    let event = framing.event(&event);
                    return Some((Ok(event), Some((rest, framing, count))));
                }
                Ok(None) => None,
                Err(error) => Some(ServeFailure::of(&error)),
            };
            if let Some(count) = &mut count {
                count.end(failure.as_ref());
            }
            Some((Ok(framing.end(failure.as_ref())), None))
        });
        stream::StreamExt::chain(begun, rest)
    }
}
