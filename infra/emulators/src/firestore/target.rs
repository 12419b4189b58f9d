//! One target of a listener: what the client has received, and what it gets next. Pure.

use std::{collections::BTreeMap, sync::Arc};

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    self as pb, Document, DocumentChange, DocumentDelete, DocumentRemove,
    listen_response::ResponseType,
    target::{TargetType, query_target::QueryType},
};

use super::{error::Error, name::Name, query::Query, stamp::Stamp, store::View};

/// A watched query, or some watched documents.
#[derive(Debug)]
pub(super) struct ListenTarget {
    id: i32,
    watched: Watched,
    /// What the client has received; for documents also which are absent.
    sent: BTreeMap<Name, Option<Arc<Document>>>,
}

#[derive(Debug)]
enum Watched {
    DocumentStore(Vec<Name>),
    Query(Box<Query>),
}

impl ListenTarget {
    /// Parses a target.
    pub(super) fn parse(id: i32, target: Option<TargetType>) -> Result<Self, Error> {
        let watched = match target {
            None => return Err(Error::invalid("A target must be given.")),
            Some(TargetType::Documents(target)) => {
                let names = target.documents.iter().map(|name| Name::document(name));
                Watched::DocumentStore(names.collect::<Result<_, _>>()?)
            }
            Some(TargetType::Query(target)) => match target.query_type {
                None => return Err(Error::invalid("A structured query is required.")),
                Some(QueryType::StructuredQuery(query)) => {
                    Watched::Query(Box::new(Query::parse(&target.parent, query)?))
                }
            },
        };
        Ok(Self {
            id,
            watched,
            sent: BTreeMap::new(),
        })
    }

    /// Assumes that the client knows the state at `view`.
    pub(super) fn resume(&mut self, view: &View<'_>) {
        self.sent = self.find(view).into_iter().collect();
    }

    /// Whether a change of this document can affect the target.
    pub(super) fn covers(&self, name: &Name) -> bool {
        match &self.watched {
            Watched::DocumentStore(names) => names.contains(name),
            Watched::Query(query) => query.covers(name),
        }
    }

    /// The answers that bring the client to the state at `view`, which is at `time`.
    pub(super) fn catch_up(&mut self, view: &View<'_>, time: Stamp) -> Vec<ResponseType> {
        let found = self.find(view);
        let mut responses = Vec::new();
        for (name, document) in &found {
            match (self.sent.remove(name), document) {
                (Some(old), new) if same(old.as_ref(), new.as_ref()) => {}
                (_, Some(document)) => responses.push(self.changed(document, true)),
                (_, None) => responses.push(self.deleted(name, time)),
            }
        }
        // What is left was among the results and no longer is.
        let gone = std::mem::take(&mut self.sent);
        for (name, old) in gone {
            let response = match view.get(&name) {
                None => self.deleted(&name, time),
                Some(now) if same(old.as_ref(), Some(now)) => {
                    ResponseType::DocumentRemove(DocumentRemove {
                        document: name.to_string(),
                        removed_target_ids: vec![self.id],
                        read_time: Some(time.into()),
                    })
                }
                Some(now) => self.changed(now, false),
            };
            responses.push(response);
        }
        self.sent = found.into_iter().collect();
        responses
    }

    fn find(&self, view: &View<'_>) -> Vec<(Name, Option<Arc<Document>>)> {
        match &self.watched {
            Watched::DocumentStore(names) => {
                let one = |name: &Name| (name.clone(), view.get(name).cloned());
                names.iter().map(one).collect()
            }
            Watched::Query(query) => {
                let documents = query.run(view).documents.into_iter();
                documents
                    .filter_map(|document| {
                        Some((Name::document(&document.name).ok()?, Some(document)))
                    })
                    .collect()
            }
        }
    }

    fn changed(&self, document: &Document, is_result: bool) -> ResponseType {
        let shown = match &self.watched {
            Watched::Query(query) => query.shown(document),
            Watched::DocumentStore(_) => document.clone(),
        };
        let (target_ids, removed_target_ids) = if is_result {
            (vec![self.id], Vec::new())
        } else {
            (Vec::new(), vec![self.id])
        };
        ResponseType::DocumentChange(DocumentChange {
            document: Some(shown),
            target_ids,
            removed_target_ids,
        })
    }

    fn deleted(&self, name: &Name, time: Stamp) -> ResponseType {
        ResponseType::DocumentDelete(DocumentDelete {
            document: name.to_string(),
            removed_target_ids: vec![self.id],
            read_time: Some(time.into()),
        })
    }
}

fn same(a: Option<&Arc<Document>>, b: Option<&Arc<Document>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// The time to resume from; `None` if the target starts from scratch.
pub(super) fn resume_time(resume: Option<&pb::target::ResumeType>) -> Option<Stamp> {
    match resume? {
        pb::target::ResumeType::ReadTime(time) => Some((*time).into()),
        pb::target::ResumeType::ResumeToken(token) if token.is_empty() => None,
        pb::target::ResumeType::ResumeToken(token) => {
            // A token of another origin resumes from a time without history, which resets the target.
            let bytes = token.as_slice().try_into().unwrap_or_default();
            Some(Stamp(i64::from_be_bytes(bytes)))
        }
    }
}

/// The token that resumes from `time`.
pub(super) fn resume_token(time: Stamp) -> Vec<u8> {
    time.0.to_be_bytes().to_vec()
}
