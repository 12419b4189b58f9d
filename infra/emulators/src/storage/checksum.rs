//! Checksums sent by an uploader, compared with those of the received bytes.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::HeaderMap;
use serde_json::Value;

use super::{blob::Draft, failure::Failure, object::base64_crc32c};

/// The expected checksums; `None` means that the caller sent none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ExpectedChecksums {
    pub(super) crc32c: Option<u32>,
    pub(super) md5: Option<Vec<u8>>,
}

impl ExpectedChecksums {
    /// Adds `crc32c` and `md5Hash` of an object resource.
    pub(super) fn add_resource(&mut self, resource: &Value) -> Result<(), Failure> {
        let text = |key: &str| resource.get(key).and_then(Value::as_str);
        if let Some(crc32c) = text("crc32c") {
            self.add("crc32c", crc32c)?;
        }
        if let Some(md5) = text("md5Hash") {
            self.add("md5", md5)?;
        }
        Ok(())
    }

    /// Adds `x-goog-hash: crc32c=…,md5=…`, in one header or in several, and `content-md5`.
    pub(super) fn add_headers(&mut self, headers: &HeaderMap) -> Result<(), Failure> {
        for value in headers.get_all("x-goog-hash") {
            let pairs = value.to_str().unwrap_or_default().split(',');
            for (key, value) in pairs.filter_map(|pair| pair.trim().split_once('=')) {
                self.add(key, value)?;
            }
        }
        if let Some(md5) = headers.get("content-md5") {
            self.add("md5", md5.to_str().unwrap_or_default())?;
        }
        Ok(())
    }

    /// Refuses bytes with other checksums.
    pub(super) fn check(&self, draft: &Draft) -> Result<(), Failure> {
        if let Some(wanted) = self.crc32c
            && wanted != draft.crc32c
        {
            return Err(Failure::Invalid(format!(
                "Provided CRC32C \"{}\" doesn't match calculated CRC32C \"{}\".",
                base64_crc32c(wanted),
                base64_crc32c(draft.crc32c)
            )));
        }
        if let (Some(wanted), Some(found)) = (&self.md5, &draft.md5)
            && wanted != found
        {
            return Err(Failure::Invalid(format!(
                "Provided MD5 hash \"{}\" doesn't match calculated MD5 hash \"{}\".",
                BASE64_STANDARD.encode(wanted),
                BASE64_STANDARD.encode(found)
            )));
        }
        Ok(())
    }

    fn add(&mut self, kind: &str, value: &str) -> Result<(), Failure> {
        let bytes = BASE64_STANDARD.decode(value).ok();
        match kind {
            "crc32c" => {
                let bytes = bytes.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
                let bytes = bytes.ok_or_else(|| invalid(kind, value))?;
                self.crc32c = Some(u32::from_be_bytes(bytes));
            }
            "md5" => {
                let bytes = bytes.filter(|bytes| bytes.len() == 16);
                self.md5 = Some(bytes.ok_or_else(|| invalid(kind, value))?);
            }
            _ => {}
        }
        Ok(())
    }
}

fn invalid(kind: &str, value: &str) -> Failure {
    Failure::Invalid(format!("Invalid {kind} value: {value}"))
}
