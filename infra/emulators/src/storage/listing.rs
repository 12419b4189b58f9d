//! One page of a bucket's objects.

use std::ops::Bound;

use base64::{Engine as _, prelude::BASE64_URL_SAFE};
use serde::{Deserialize, Serialize};

use super::{
    failure::Failure,
    object::ObjectMetadata,
    store::{BucketState, Store, live},
};

/// Entries of a page, as in production.
pub(super) const PAGE_MAX: usize = 1000;

/// Which objects to list.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) prefix: String,
    /// Empty for a list without folders.
    pub(super) delimiter: String,
    /// Whether `folder/` itself is listed in addition to the prefix `folder/`.
    pub(super) include_trailing_delimiter: bool,
    /// The first name, inclusive.
    pub(super) start: String,
    /// The end of names, exclusive; empty for none.
    pub(super) end: String,
    /// Whether archived generations are listed too.
    pub(super) versions: bool,
    /// Entries wanted; 0 means the maximum.
    pub(super) max: usize,
    /// [`ListingPage::next`] of the previous page.
    pub(super) token: String,
}

/// Objects and folders, sorted by name.
#[derive(Debug, Default)]
pub(super) struct ListingPage {
    pub(super) objects: Vec<ObjectMetadata>,
    pub(super) prefixes: Vec<String>,
    /// Empty on the last page.
    pub(super) next: String,
}

/// The last entry of a page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Cursor {
    name: String,
    /// The generation of an object; `None` for a folder.
    generation: Option<i64>,
}

impl Cursor {
    fn of(token: &str) -> Result<Option<Self>, Failure> {
        if token.is_empty() {
            return Ok(None);
        }
        let read = BASE64_URL_SAFE.decode(token).ok();
        let cursor = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        cursor
            .map(Some)
            .ok_or_else(|| Failure::Invalid("Invalid page token.".to_owned()))
    }

    fn token(&self) -> String {
        BASE64_URL_SAFE.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Whether an earlier page contained this generation, or its folder.
    fn covers(&self, name: &str, generation: i64) -> bool {
        match self.generation {
            Some(last) => name == self.name && generation <= last,
            None => name.starts_with(&self.name),
        }
    }
}

impl Store {
    /// Lists a bucket.
    pub(super) fn list(&self, bucket: &str, listing: &Listing) -> Result<ListingPage, Failure> {
        page(self.lock().bucket_state(bucket)?, listing)
    }
}

fn page(bucket_state: &BucketState, listing: &Listing) -> Result<ListingPage, Failure> {
    let max = match listing.max {
        0 => PAGE_MAX,
        max => max.min(PAGE_MAX),
    };
    let before = Cursor::of(&listing.token)?;
    let mut last = before.clone().unwrap_or_default();
    let mut page = ListingPage::default();
    let from = [&listing.prefix, &listing.start, &last.name];
    let from = from.into_iter().max().cloned().unwrap_or_default();
    let names = bucket_state
        .objects
        .range::<String, _>((Bound::Included(from), Bound::Unbounded));
    for (name, versions) in names {
        let Some(rest) = name.strip_prefix(&listing.prefix) else {
            break;
        };
        if !listing.end.is_empty() && *name >= listing.end {
            break;
        }
        let folder = folder(rest, &listing.delimiter)
            .map(|length| name.split_at(listing.prefix.len() + length).0);
        let shown = versions.iter().filter(|(_, stored)| {
            listing.versions || live(versions).is_some_and(|live| std::ptr::eq(live, *stored))
        });
        for (generation, stored) in shown {
            if before
                .as_ref()
                .is_some_and(|before| before.covers(name, *generation))
            {
                continue;
            }
            let known = folder.is_some_and(|f| page.prefixes.last().is_some_and(|p| p == f));
            let placeholder = listing.include_trailing_delimiter && folder == Some(name);
            if known && !placeholder {
                continue;
            }
            if page.objects.len() + page.prefixes.len() >= max && !known {
                page.next = last.token();
                return Ok(page);
            }
            if let Some(folder) = folder {
                if !known {
                    page.prefixes.push(folder.to_owned());
                }
                last = Cursor {
                    name: folder.to_owned(),
                    generation: None,
                };
            } else {
                last = Cursor {
                    name: name.clone(),
                    generation: Some(*generation),
                };
            }
            if folder.is_none() || placeholder {
                page.objects.push(stored.object.clone());
            }
        }
    }
    Ok(page)
}

/// The length of the folder of `rest`, delimiter included.
fn folder(rest: &str, delimiter: &str) -> Option<usize> {
    if delimiter.is_empty() {
        return None;
    }
    rest.find(delimiter).map(|at| at + delimiter.len())
}
