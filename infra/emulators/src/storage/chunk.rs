//! The `Content-Range` of one request of a resumable upload.

use http::{HeaderMap, header};

use super::failure::Failure;

/// Minimum size of the body of a request that is not the last, in bytes.
const CHUNK_MIN_BYTES: u64 = 256 << 10;

/// A `Content-Range` of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The offset of the body; `None` asks for the status only.
    pub(super) start: Option<u64>,
    /// The last byte of the body; `None` if it is not known in advance.
    last: Option<u64>,
    /// The size of the whole object, once it is known.
    total: Option<u64>,
}

impl Chunk {
    /// Parses `bytes a-b/T`, where `b`, `T` or both may be `*`, and `bytes */T` or `bytes */*`.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let Some(value) = headers.get(header::CONTENT_RANGE) else {
            // The whole object in one request.
            return Ok(Self {
                start: Some(0),
                last: None,
                total: None,
            });
        };
        let text = value.to_str().unwrap_or_default();
        Self::parse(text).ok_or_else(|| {
            Failure::Invalid(format!("Failed to parse Content-Range header: {text}"))
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| match text {
            "*" => Some(None),
            digits => digits.parse::<u64>().ok().map(Some),
        };
        let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
        let total = number(total)?;
        if range == "*" {
            return Some(Self {
                start: None,
                last: None,
                total,
            });
        }
        let (start, last) = range.split_once('-')?;
        let (start, last) = (start.parse().ok()?, number(last)?);
        let orderly = last.is_none_or(|last| last >= start)
            && !matches!((last, total), (Some(last), Some(total)) if last >= total);
        orderly.then_some(Self {
            start: Some(start),
            last,
            total,
        })
    }

    /// Refuses a gap, and a small body in the middle; the messages are production's.
    pub(super) fn validate(self, size_bytes: u64) -> Result<(), Failure> {
        let Some(start) = self.start else {
            return Ok(());
        };
        if start > size_bytes {
            return Err(Failure::Invalid(format!(
                "Invalid request.  According to the Content-Range header, the upload offset is \
                 {start} byte(s), which exceeds already uploaded size of {size_bytes} byte(s)."
            )));
        }
        if let Some(last) = self.last
            && self.total != Some(last + 1)
            && last + 1 - start < CHUNK_MIN_BYTES
        {
            return Err(Failure::Invalid(format!(
                "Invalid request.  The number of bytes uploaded is required to be equal or greater \
                 than {CHUNK_MIN_BYTES}, except for the final request (it's recommended to be the \
                 exact multiple of {CHUNK_MIN_BYTES}).  The received request contained {} bytes, \
                 which does not meet this requirement.",
                last + 1 - start
            )));
        }
        Ok(())
    }

    /// Whether the upload is complete with `size_bytes`.
    pub(super) fn completes(self, size_bytes: u64) -> bool {
        match (self.start, self.last, self.total) {
            (_, _, Some(total)) => size_bytes == total,
            (Some(_), None, None) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<(Option<u64>, Option<u64>, Option<u64>)>) {
        let got = Chunk::parse(text).map(|chunk| (chunk.start, chunk.last, chunk.total));
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn every_form_of_content_range_is_parsed() {
        check("bytes 0-9/10", Some((Some(0), Some(9), Some(10))));
        check("bytes 5-9/*", Some((Some(5), Some(9), None)));
        check("bytes 0-*/*", Some((Some(0), None, None)));
        check("bytes 0-*/10", Some((Some(0), None, Some(10))));
        check("bytes */10", Some((None, None, Some(10))));
        check("bytes */*", Some((None, None, None)));
        check("bytes 9-5/10", None);
        check("bytes 0-10/10", None);
        check("0-9/10", None);
        check("bytes 0-9", None);
    }
}
