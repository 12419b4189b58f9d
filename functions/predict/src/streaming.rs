//! An answer as it is written. Whose it is was decided before its first event; from there on the events pass.

use std::convert::Infallible;

use actix_web::web::Bytes;
use futures::{Stream, stream};

use crate::{events::AnswerEvents, failure::ServeFailure, note::Note};

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
}

impl OpenStream {
    /// The body of the response. It ends with an error event where the model's answer breaks off: a
    /// connection that just closes would look like a whole answer.
    pub(crate) fn framed(
        self,
        mut framing: impl Framing + 'static,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> + 'static {
        let first = framing.event(&self.first);
        let begun = stream::iter([Ok(first)]);
        let rest = stream::unfold(Some((self.rest, framing)), async |state| {
            let (mut rest, mut framing) = state?;
            match rest.next().await {
                Ok(Some(event)) => {
                    let event = framing.event(&event);
                    Some((Ok(event), Some((rest, framing))))
                }
                Ok(None) => Some((Ok(framing.end(None)), None)),
                Err(error) => {
                    let failure = ServeFailure::of(&error);
                    Some((Ok(framing.end(Some(&failure))), None))
                }
            }
        });
        stream::StreamExt::chain(begun, rest)
    }
}
