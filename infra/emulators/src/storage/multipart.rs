//! `multipart/related` bodies, read as a stream so that media of any size passes through.
//!
//! Google's Python client sends two parts, each with a type. The Rust client sends two or three,
//! of which the media has no type: a last part carries checksums that are known at the end.
//! gcloud and gcsfs end lines with a bare LF instead of RFC 2046's CRLF; production accepts both.

use axum::body::BodyDataStream;
use bytes::{Buf as _, Bytes, BytesMut};
use futures::StreamExt as _;
use http::HeaderMap;
use serde_json::Value;

use super::{content_type, failure::Failure};

/// Bytes of the headers of one part, and of a part that is JSON; real ones have hundreds.
const TEXT_MAX_BYTES: usize = 1 << 20;

/// A body that is read part by part.
pub(super) struct Multipart {
    body: BodyDataStream,
    buffer: BytesMut,
    /// A line end and `--boundary`: the end of the preamble and of each part.
    ///
    /// The first boundary may follow either line end; the end of its own line then shows which one
    /// the sender uses. Accepting both throughout would cut the CR off media that end with one.
    delimiter: Vec<u8>,
    started: bool,
}

impl Multipart {
    /// Reads `body`, whose boundary is a parameter of `content-type`.
    pub(super) fn new(headers: &HeaderMap, body: BodyDataStream) -> Result<Self, Failure> {
        let header = headers.get(http::header::CONTENT_TYPE);
        let header = header.and_then(|header| header.to_str().ok());
        let boundary = header.and_then(|header| content_type::parameter(header, "boundary"));
        match boundary {
            Some(boundary) if !boundary.is_empty() => Ok(Self {
                body,
                // A body without a preamble has no line before the first delimiter.
                buffer: BytesMut::from("\n"),
                delimiter: format!("\n--{boundary}").into_bytes(),
                started: false,
            }),
            _ => Err(malformed("no boundary in the content type")),
        }
    }

    /// Goes to the next part and returns its content type, if it has one.
    ///
    /// `None` after the last part. Unread bytes of the previous part, or of the preamble, are
    /// skipped.
    pub(super) async fn next_part(&mut self) -> Result<Option<Option<String>>, Failure> {
        while self.next_piece().await?.is_some() {}
        self.buffer.advance(self.delimiter.len());
        self.fill_to(2).await?;
        if self.buffer.starts_with(b"--") {
            // The epilogue has no meaning, but unread bytes would close the connection.
            while let Some(Ok(_)) = self.body.next().await {}
            return Ok(None);
        }
        // The rest of the boundary's line; then headers up to an empty line.
        let line = self.line().await?;
        if !self.started {
            self.started = true;
            if line.ends_with(b"\r\n") {
                self.delimiter.insert(0, b'\r');
            }
        }
        let mut content_type = None;
        loop {
            let line = self.line().await?;
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
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
                Found::At(_) | Found::Maybe(_) => {
                    if self.buffer.len() > TEXT_MAX_BYTES {
                        return Err(malformed("the line of a boundary is too long"));
                    }
                    self.fill().await?;
                }
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

    /// The next line with its end.
    async fn line(&mut self) -> Result<BytesMut, Failure> {
        loop {
            if let Some(length) = self.buffer.iter().position(|byte| *byte == b'\n') {
                return Ok(self.buffer.split_to(length + 1));
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
    /// The delimiter is not before this position, but may begin here.
    Maybe(usize),
}

/// Searches for the delimiter including the rest of its line, which is `--` or spaces. Without that
/// rest, `--boundary2` inside the media would end a part.
fn find(buffer: &[u8], delimiter: &[u8]) -> Found {
    let first = delimiter.first().copied().unwrap_or(b'\n');
    let mut from = 0;
    while let Some(rest) = buffer.get(from..) {
        let Some(offset) = rest.iter().position(|byte| *byte == first) else {
            break;
        };
        let at = from + offset;
        let candidate = buffer.get(at..).unwrap_or_default();
        match candidate.strip_prefix(delimiter).map(ends_line) {
            Some(Some(true)) => return Found::At(at),
            Some(None) => return Found::Maybe(at),
            None if delimiter.starts_with(candidate) => return Found::Maybe(at),
            Some(Some(false)) | None => from = at + 1,
        }
    }
    Found::Maybe(buffer.len())
}

/// Whether the bytes after a boundary make it one; `None` if there are too few to decide.
fn ends_line(rest: &[u8]) -> Option<bool> {
    if rest.starts_with(b"--") {
        return Some(true);
    }
    let padding = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    match rest.get(padding..).unwrap_or_default() {
        [] | [b'\r'] => None,
        [b'-'] if padding == 0 => None,
        [b'\n', ..] | [b'\r', b'\n', ..] => Some(true),
        _ => Some(false),
    }
}

fn malformed(what: &str) -> Failure {
    Failure::Invalid(format!("Malformed multipart body: {what}."))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures::stream;

    use super::*;

    async fn parts(boundary: &str, body: &[u8], piece: usize) -> Result<Vec<String>, Failure> {
        let headers = HeaderMap::from_iter([(
            http::header::CONTENT_TYPE,
            format!("multipart/related; boundary={boundary}")
                .parse()
                .unwrap(),
        )]);
        let pieces: Vec<_> = body
            .chunks(piece)
            .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)))
            .collect();
        let stream = Body::from_stream(stream::iter(pieces)).into_data_stream();
        let mut multipart = Multipart::new(&headers, stream)?;
        let mut seen = Vec::new();
        while let Some(kind) = multipart.next_part().await? {
            let mut bytes = Vec::new();
            while let Some(piece) = multipart.next_piece().await? {
                bytes.extend_from_slice(&piece);
            }
            let text = bytes.escape_ascii();
            seen.push(format!("{}|{text}", kind.unwrap_or_default()));
        }
        Ok(seen)
    }

    /// Reads `body` in pieces of several sizes.
    async fn check(boundary: &str, body: &[u8], want: &[&str]) {
        for piece in [1, 2, 3, 7, 1000] {
            let got = parts(boundary, body, piece).await.unwrap();
            assert_eq!(got, want, "pieces of {piece}");
        }
    }

    #[tokio::test]
    async fn parts_come_out_whole_however_the_bytes_arrive() {
        let python = b"--=b=\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n{}\r\n\
                       --=b=\r\ncontent-type: text/plain\r\n\r\nmedia\r\n--=b=--";
        let want = ["application/json; charset=UTF-8|{}", "text/plain|media"];
        check("\"=b=\"", python, &want).await;
        let rust = b"--=b=\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\
                     Content-Type: application/json\r\n\r\n{}\r\n--=b=\r\n\
                     Content-Disposition: form-data; name=\"media\"\r\n\r\n\r\n--=b\r\r\n\r\n\
                     --=b=\r\n\r\n{\"crc32c\":\"\"}\r\n--=b=--\r\n";
        let want = [
            "application/json|{}",
            r"|\r\n--=b\r\r\n",
            r#"|{\"crc32c\":\"\"}"#,
        ];
        check("=b=", rust, &want).await;
    }

    /// The bytes of `gcloud storage cp small.jsonl gs://bbb/d/data.jsonl`, gcloud 528.0.0.
    #[tokio::test]
    async fn the_multipart_of_gcloud_is_read_byte_for_byte() {
        let head = "--===============8545897279523164747==\nContent-Type: application/json\n\
                    MIME-Version: 1.0\n\n{\"bucket\": \"bbb\", \"contentType\": \
                    \"application/octet-stream\", \"name\": \"d/data.jsonl\"}\n\
                    --===============8545897279523164747==\n\
                    Content-Type: application/octet-stream\nMIME-Version: 1.0\n\
                    Content-Transfer-Encoding: binary\n\n";
        let tail = b"\n--===============8545897279523164747==--\n";
        let metadata = r#"application/json|{\"bucket\": \"bbb\", \"contentType\": \"application/octet-stream\", \"name\": \"d/data.jsonl\"}"#;
        for media in [
            &b"{\"a\":1}\n{\"b\":\xff2}\r\nend"[..],
            b"",
            b"\n",
            b"ends in CR\r",
            b"ends in CRLF\r\n",
        ] {
            let body = [head.as_bytes(), media, tail].concat();
            let media = format!("application/octet-stream|{}", media.escape_ascii());
            let boundary = "'===============8545897279523164747=='";
            check(boundary, &body, &[metadata, &media]).await;
        }
    }

    /// `simple_upload` of gcsfs 2026.10.
    #[tokio::test]
    async fn the_multipart_of_gcsfs_is_read() {
        let body = b"--==0==\nContent-Type: application/json; charset=UTF-8\n\n{\"name\": \"o\"}\n\
                     --==0==\nContent-Type: application/octet-stream\n\nhello\n--==0==--";
        let want = [
            r#"application/json; charset=UTF-8|{\"name\": \"o\"}"#,
            "application/octet-stream|hello",
        ];
        check("\"==0==\"", body, &want).await;
    }

    #[tokio::test]
    async fn only_a_whole_line_is_a_boundary() {
        let body =
            b"a preamble\r\n--bc\r\n--b \t\r\n\r\n--b2\r\n --b\r\n--b-\r\n--b--\r\nan epilogue";
        check("b", body, &[r"|--b2\r\n --b\r\n--b-"]).await;
    }

    #[tokio::test]
    async fn a_body_without_its_last_boundary_is_refused() {
        assert!(parts("b", b"--b\r\n\r\n{}", 3).await.is_err());
        assert!(parts("b", b"--b\n\n{}\n--b", 3).await.is_err());
        assert!(parts("b", b"", 3).await.is_err());
        assert!(parts("", b"--\r\n\r\n{}\r\n----", 3).await.is_err());
    }
}
