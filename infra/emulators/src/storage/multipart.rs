//! `multipart/related` bodies, read as a stream so that media of any size passes through.
//!
//! Google's Python client sends two parts, each with a type; the Rust client two or
//! three, of which the media has none: a last part carries checksums known at the end.

use axum::body::BodyDataStream;
use bytes::{Buf as _, Bytes, BytesMut};
use futures::StreamExt as _;
use http::HeaderMap;
use serde_json::Value;

use super::failure::Failure;

/// Bytes of the headers of one part, and of a part that is JSON; real ones have hundreds.
const TEXT_MAX_BYTES: usize = 1 << 20;

/// A body that is read part by part.
pub(super) struct Multipart {
    body: BodyDataStream,
    buffer: BytesMut,
    /// `\r\n--boundary`: what ends each part.
    delimiter: Vec<u8>,
}

impl Multipart {
    /// Reads `body`, whose boundary stands in `content-type`.
    pub(super) fn new(headers: &HeaderMap, body: BodyDataStream) -> Result<Self, Failure> {
        let kind = headers.get(http::header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let boundary = kind
            .split(';')
            .filter_map(|parameter| parameter.trim().split_once('='))
            .find(|(key, _)| key.eq_ignore_ascii_case("boundary"))
            .map(|(_, value)| value.trim_matches('"'));
        match boundary {
            Some(boundary) if !boundary.is_empty() => Ok(Self {
                body,
                // The first delimiter has no line before it.
                buffer: BytesMut::from("\r\n"),
                delimiter: format!("\r\n--{boundary}").into_bytes(),
            }),
            _ => Err(malformed("no boundary in the content type")),
        }
    }

    /// Goes to the next part and returns its content type, if it gives one.
    ///
    /// `None` after the last part. What was not read of the part before is passed over.
    pub(super) async fn next_part(&mut self) -> Result<Option<Option<String>>, Failure> {
        while self.next_piece().await?.is_some() {}
        self.buffer.advance(self.delimiter.len());
        self.fill_to(2).await?;
        if self.buffer.starts_with(b"--") {
            // Unread bytes would cost the connection.
            while let Some(Ok(_)) = self.body.next().await {}
            return Ok(None);
        }
        // The rest of the boundary's line; headers follow, then an empty line.
        let mut content_type = None;
        self.line().await?;
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(Some(content_type));
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-type")
            {
                content_type = Some(value.trim().to_owned());
            }
        }
    }

    /// More bytes of this part; `None` at its end.
    pub(super) async fn next_piece(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            match find(&self.buffer, &self.delimiter) {
                Found::At(0) => return Ok(None),
                Found::At(position) | Found::Maybe(position) if position > 0 => {
                    return Ok(Some(self.buffer.split_to(position).freeze()));
                }
                Found::At(_) | Found::Maybe(_) => self.fill().await?,
            }
        }
    }

    /// This part as JSON; an empty one counts as `{}`.
    pub(super) async fn json(&mut self) -> Result<Value, Failure> {
        let mut text = BytesMut::new();
        while let Some(piece) = self.next_piece().await? {
            text.extend_from_slice(&piece);
            if text.len() > TEXT_MAX_BYTES {
                return Err(malformed("the metadata part is too long"));
            }
        }
        if text.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_slice(&text)
            .map_err(|error| malformed(&format!("the metadata part is not JSON: {error}")))
    }

    async fn line(&mut self) -> Result<String, Failure> {
        loop {
            if let Some(length) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(length + 1);
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.buffer.len() > TEXT_MAX_BYTES {
                return Err(malformed("a header is too long"));
            }
            self.fill().await?;
        }
    }

    async fn fill_to(&mut self, length: usize) -> Result<(), Failure> {
        while self.buffer.len() < length {
            self.fill().await?;
        }
        Ok(())
    }

    async fn fill(&mut self) -> Result<(), Failure> {
        match self.body.next().await {
            Some(Ok(piece)) => {
                self.buffer.extend_from_slice(&piece);
                Ok(())
            }
            Some(Err(error)) => Err(Failure::Body(error)),
            None => Err(malformed("the last boundary is missing")),
        }
    }
}

enum Found {
    /// The delimiter begins here.
    At(usize),
    /// It is not before this position, but may begin here.
    Maybe(usize),
}

fn find(buffer: &[u8], delimiter: &[u8]) -> Found {
    let mut from = 0;
    while let Some(rest) = buffer.get(from..) {
        let Some(offset) = rest.iter().position(|byte| *byte == b'\r') else {
            break;
        };
        let at = from + offset;
        let candidate = buffer.get(at..).unwrap_or_default();
        if candidate.starts_with(delimiter) {
            return Found::At(at);
        }
        if delimiter.starts_with(candidate) {
            return Found::Maybe(at);
        }
        from = at + 1;
    }
    Found::Maybe(buffer.len())
}

fn malformed(what: &str) -> Failure {
    Failure::Invalid(format!("Malformed multipart body: {what}."))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures::stream;

    use super::*;

    async fn parts(boundary: &str, body: &str, piece: usize) -> Result<Vec<String>, Failure> {
        let headers = HeaderMap::from_iter([(
            http::header::CONTENT_TYPE,
            format!("multipart/related; boundary={boundary}")
                .parse()
                .unwrap(),
        )]);
        let pieces: Vec<_> = body
            .as_bytes()
            .chunks(piece)
            .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)))
            .collect();
        let stream = Body::from_stream(stream::iter(pieces)).into_data_stream();
        let mut multipart = Multipart::new(&headers, stream)?;
        let mut seen = Vec::new();
        while let Some(kind) = multipart.next_part().await? {
            let mut text = String::new();
            while let Some(piece) = multipart.next_piece().await? {
                text.push_str(std::str::from_utf8(&piece).unwrap());
            }
            seen.push(format!("{}|{text}", kind.unwrap_or_default()));
        }
        Ok(seen)
    }

    #[tokio::test]
    async fn parts_come_out_whole_however_the_bytes_arrive() {
        let python = "--=b=\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n{}\r\n\
                      --=b=\r\ncontent-type: text/plain\r\n\r\nmedia\r\n--=b=--";
        let rust = "--=b=\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\
                    Content-Type: application/json\r\n\r\n{}\r\n--=b=\r\n\
                    Content-Disposition: form-data; name=\"media\"\r\n\r\n\r\n--=b\r\r\n\r\n\
                    --=b=\r\n\r\n{\"crc32c\":\"\"}\r\n--=b=--\r\n";
        for piece in [1, 2, 3, 7, 1000] {
            let got = parts("\"=b=\"", python, piece).await.unwrap();
            let want = ["application/json; charset=UTF-8|{}", "text/plain|media"];
            assert_eq!(got, want, "pieces of {piece}");
            let got = parts("=b=", rust, piece).await.unwrap();
            let want = [
                "application/json|{}",
                "|\r\n--=b\r\r\n",
                "|{\"crc32c\":\"\"}",
            ];
            assert_eq!(got, want, "pieces of {piece}");
        }
    }

    #[tokio::test]
    async fn a_body_without_its_last_boundary_is_refused() {
        assert!(parts("b", "--b\r\n\r\n{}", 3).await.is_err());
        assert!(parts("b", "", 3).await.is_err());
        assert!(parts("", "--\r\n\r\n{}\r\n----", 3).await.is_err());
    }
}
