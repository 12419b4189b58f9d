//! The events of an answer as it arrives, each as the bytes that the model wrote.

use actix_web::web::{Bytes, BytesMut};
use shared::{
    google::vertex::AnswerStream,
    outcome::{CallError, Idempotency},
};

/// Most bytes of one event: an answer with an image in it has some millions.
const EVENT_MAX_BYTES: usize = 64 << 20;

/// Server-sent events, read from an answer.
#[derive(Debug)]
pub(crate) struct AnswerEvents {
    answer: AnswerStream,
    unread: BytesMut,
}

impl AnswerEvents {
    pub(crate) fn new(answer: AnswerStream) -> Self {
        Self {
            answer,
            unread: BytesMut::new(),
        }
    }

    /// The data of the next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        loop {
            if let Some(event) = take_event(&mut self.unread) {
                if !event.is_empty() {
                    return Ok(Some(event));
                }
                continue;
            }
            if self.unread.len() > EVENT_MAX_BYTES {
                let what = "an event of more than 64 MiB";
                return Err(CallError::not_answered(what, Idempotency::Idempotent));
            }
            match self.answer.next().await? {
                Some(bytes) => self.unread.extend_from_slice(&bytes),
                None => {
                    // The last event may end with the answer.
                    let rest = std::mem::take(&mut self.unread);
                    let rest = data(&rest);
                    return Ok((!rest.is_empty()).then_some(rest));
                }
            }
        }
    }
}

/// Takes the first whole event off `unread` and gives its data, which is empty for a comment.
fn take_event(unread: &mut BytesMut) -> Option<Bytes> {
    let (end, skipped) = [&b"\n\n"[..], b"\r\n\r\n"]
        .into_iter()
        .filter_map(|blank| {
            let at = unread
                .windows(blank.len())
                .position(|window| window == blank);
            at.map(|at| (at, blank.len()))
        })
        .min()?;
    let event = unread.split_to(end + skipped);
    Some(data(event.get(..end).unwrap_or_default()))
}

/// The data of an event: its `data:` lines, joined.
fn data(event: &[u8]) -> Bytes {
    let lines = event.split(|byte| *byte == b'\n').filter_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let data = line.strip_prefix(b"data:")?;
        Some(data.strip_prefix(b" ").unwrap_or(data))
    });
    lines.collect::<Vec<_>>().join(&b'\n').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of a text that arrives in pieces of `size`.
    fn events(text: &str, size: usize) -> Vec<String> {
        let mut unread = BytesMut::new();
        let mut found = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            unread.extend_from_slice(piece);
            while let Some(event) = take_event(&mut unread) {
                found.push(String::from_utf8(event.to_vec()).unwrap());
            }
        }
        found
    }

    #[test]
    fn events_are_the_same_however_they_arrive() {
        let text = "data: {\"a\": 1}\r\n\r\n: still here\n\ndata: {\"b\":\ndata: \"\u{e4}\"}\n\n";
        for size in 1..text.len() {
            let expected = ["{\"a\": 1}", "", "{\"b\":\n\"\u{e4}\"}"];
            assert_eq!(events(text, size), expected, "{size}");
        }
    }
}
