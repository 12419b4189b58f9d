//! Pages of documents and of collection ids: orders, tokens, and missing documents.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    Cursor, Document, ListDocumentsRequest, StructuredQuery, Value,
    structured_query::{CollectionSelector, Direction, FieldReference, Order},
    value::ValueType,
};
use prost::Message as _;

use super::{error::Error, name::Name, query::Query, store::View, value};

/// The default size of a page: that of Google's emulator.
const PAGE_DEFAULT: usize = 30;
/// The maximum size of a page: that of Google's emulator.
const PAGE_MAX: usize = 150;

/// One page: its size and where it starts.
#[derive(Debug)]
pub(super) struct DocumentPage {
    /// Entries at most.
    pub(super) size: usize,
    after: Option<Cursor>,
}

impl DocumentPage {
    /// Parses the request for a page.
    pub(super) fn parse(size: i32, token: &str) -> Result<Self, Error> {
        let size = match usize::try_from(size) {
            Err(_) => return Err(Error::invalid("Page size must be nonnegative.")),
            Ok(0) => PAGE_DEFAULT,
            Ok(size) => size.min(PAGE_MAX),
        };
        let after = match token {
            "" => None,
            token => Some(cursor(token).ok_or_else(|| Error::invalid("invalid page token"))?),
        };
        Ok(Self { size, after })
    }

    /// The query for the documents of this page and one more, which shows whether there is a next page.
    pub(super) fn query(&self, request: ListDocumentsRequest) -> Result<Query, Error> {
        let mut order_by = orders(&request.order_by)?;
        // With an explicit order by name, a token can contain it.
        let direction = order_by
            .last()
            .map(|order| order.direction)
            .unwrap_or_default();
        if order_by
            .iter()
            .all(|order| order.field != Some(field("__name__")))
        {
            order_by.push(Order {
                field: Some(field("__name__")),
                direction,
            });
        }
        let query = StructuredQuery {
            from: vec![CollectionSelector {
                collection_id: request.collection_id,
                all_descendants: false,
            }],
            order_by,
            start_at: self.after.clone(),
            limit: Some(i32::try_from(self.size.saturating_add(1)).unwrap_or(i32::MAX)),
            ..StructuredQuery::default()
        };
        Query::parse(&request.parent, query)
    }

    /// The documents of this page and one more; missing documents with subcollections have a name only.
    pub(super) fn with_missing(
        &self,
        view: &View<'_>,
        parent: &Name,
        query: &Query,
    ) -> Result<Vec<Arc<Document>>, Error> {
        let mut all: BTreeMap<Name, Option<&Arc<Document>>> = BTreeMap::new();
        for (name, document) in view.under(parent) {
            let near = name.ancestor(parent.depth() + 2);
            if query.covers(&near) {
                let itself = (near == *name).then_some(document);
                let entry = all.entry(near).or_default();
                *entry = entry.or(itself);
            }
        }
        let from = match &self.after {
            None => Bound::Unbounded,
            Some(cursor) => Bound::Excluded(text(cursor).and_then(|name| Name::document(&name))?),
        };
        let page = all
            .range((from, Bound::Unbounded))
            .take(self.size.saturating_add(1));
        let documents = page.map(|(name, document)| match document {
            Some(document) => Arc::clone(document),
            None => Arc::new(Document {
                name: name.to_string(),
                ..Document::default()
            }),
        });
        Ok(documents.collect())
    }

    /// The ids of the collections in `parent`, and the token of the next page.
    pub(super) fn collections(
        &self,
        view: &View<'_>,
        parent: &Name,
    ) -> Result<(Vec<String>, String), Error> {
        let documents = view.under(parent).into_keys();
        let ids = documents.filter_map(|name| name.id(parent.depth()));
        let ids: BTreeSet<String> = ids.map(ToString::to_string).collect();
        let from = match &self.after {
            None => Bound::Unbounded,
            Some(cursor) => Bound::Excluded(text(cursor)?),
        };
        let mut rest = ids.range((from, Bound::Unbounded)).cloned();
        let page: Vec<String> = rest.by_ref().take(self.size).collect();
        let next = match (rest.next(), page.last()) {
            (Some(_), Some(last)) => token(&Cursor {
                values: vec![value::of(ValueType::StringValue(last.clone()))],
                before: false,
            }),
            _ => String::new(),
        };
        Ok((page, next))
    }
}

/// The token of the page after `cursor`.
pub(super) fn token(cursor: &Cursor) -> String {
    BASE64.encode(cursor.encode_to_vec())
}

fn cursor(token: &str) -> Option<Cursor> {
    let bytes = BASE64.decode(token).ok()?;
    let cursor = Cursor::decode(bytes.as_slice()).ok()?;
    (!cursor.values.is_empty()).then_some(cursor)
}

/// The string of a cursor with one value.
fn text(cursor: &Cursor) -> Result<String, Error> {
    match cursor.values.as_slice() {
        [
            Value {
                value_type: Some(ValueType::StringValue(text) | ValueType::ReferenceValue(text)),
            },
        ] => Ok(text.clone()),
        _ => Err(Error::invalid("invalid page token")),
    }
}

fn field(path: &str) -> FieldReference {
    FieldReference {
        field_path: path.to_owned(),
    }
}

/// Parses an order such as `priority desc, __name__`.
fn orders(text: &str) -> Result<Vec<Order>, Error> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let order = |clause: &str| {
        let words: Vec<&str> = clause.split_whitespace().collect();
        let (path, direction) = match words.as_slice() {
            [path] => (path, Direction::Ascending),
            [path, word] if word.eq_ignore_ascii_case("asc") => (path, Direction::Ascending),
            [path, word] if word.eq_ignore_ascii_case("desc") => (path, Direction::Descending),
            _ => {
                return Err(Error::invalid(format!(
                    "Invalid order by clause {clause:?}."
                )));
            }
        };
        Ok(Order {
            field: Some(field(path)),
            direction: direction.into(),
        })
    };
    text.split(',').map(order).collect()
}
