//! What a listener receives, commit by commit.

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    CommitRequest, Document, StructuredQuery, Write,
    structured_query::{CollectionSelector, FieldReference, Order},
    target::{DocumentsTarget, QueryTarget, ResumeType, TargetType, query_target::QueryType},
    write::Operation,
};

use super::{super::value::tests::integer, *};
use crate::{clock::Clock, db::Db};

const ROOT: &str = "projects/p/databases/d/documents";

fn state() -> Arc<Mutex<State>> {
    let state = State::open(Db::in_memory().unwrap(), Clock::starting_now(1.0)).unwrap();
    Arc::new(Mutex::new(state))
}

fn name(id: &str) -> String {
    format!("{ROOT}/c/{id}")
}

/// Sets `v`, or deletes where it is `None`, all in one commit.
fn commit(state: &Mutex<State>, writes: &[(&str, Option<i64>)]) {
    let write = |&(id, value): &(&str, Option<i64>)| Write {
        operation: Some(match value {
            None => Operation::Delete(name(id)),
            Some(value) => Operation::Update(Document {
                name: name(id),
                fields: [("v".to_owned(), integer(value))].into(),
                ..Document::default()
            }),
        }),
        ..Write::default()
    };
    let request = CommitRequest {
        database: "projects/p/databases/d".to_owned(),
        writes: writes.iter().map(write).collect(),
        transaction: Vec::new(),
    };
    lock(state).commit(request).unwrap();
}

/// The first two by `v`.
fn lowest(limit: Option<i32>) -> TargetType {
    let query = StructuredQuery {
        from: vec![CollectionSelector {
            collection_id: "c".to_owned(),
            all_descendants: false,
        }],
        order_by: vec![Order {
            field: Some(FieldReference {
                field_path: "v".to_owned(),
            }),
            direction: 1,
        }],
        limit,
        ..StructuredQuery::default()
    };
    TargetType::Query(QueryTarget {
        parent: ROOT.to_owned(),
        query_type: Some(QueryType::StructuredQuery(query)),
    })
}

fn documents(ids: &[&str]) -> TargetType {
    TargetType::Documents(DocumentsTarget {
        documents: ids.iter().map(|id| name(id)).collect(),
    })
}

fn add(
    session: &mut ListenSession,
    target_type: TargetType,
    resume: Option<Vec<u8>>,
) -> Vec<ListenResponse> {
    let target = pb::Target {
        target_id: 2,
        target_type: Some(target_type),
        resume_type: resume.map(ResumeType::ResumeToken),
        ..pb::Target::default()
    };
    let request = ListenRequest {
        target_change: Some(listen_request::TargetChange::AddTarget(target)),
        ..ListenRequest::default()
    };
    session.request(request).unwrap()
}

/// Answers as words: `+id` into the results, `-id` out of them, `xid` deleted, `~id` out of view.
fn words(responses: &[ListenResponse]) -> String {
    let short = |name: &str| name.rsplit('/').next().unwrap().to_owned();
    let word = |response: &ListenResponse| match response.response_type.as_ref().unwrap() {
        ResponseType::TargetChange(change) => {
            let sent = change.read_time.is_some() != change.resume_token.is_empty();
            assert!(sent, "a time comes with its token: {change:?}");
            change.target_change_type().as_str_name().to_owned()
        }
        ResponseType::DocumentChange(change) => {
            let sign = if change.removed_target_ids.is_empty() {
                '+'
            } else {
                '-'
            };
            format!("{sign}{}", short(&change.document.as_ref().unwrap().name))
        }
        ResponseType::DocumentDelete(delete) => format!("x{}", short(&delete.document)),
        ResponseType::DocumentRemove(remove) => format!("~{}", short(&remove.document)),
        ResponseType::Filter(filter) => format!("{filter:?}"),
    };
    responses.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn token(responses: &[ListenResponse]) -> Vec<u8> {
    match responses.last().unwrap().response_type.as_ref() {
        Some(ResponseType::TargetChange(change)) => change.resume_token.clone(),
        other => panic!("{other:?} ends the answers"),
    }
}

#[test]
fn a_limited_query_gets_what_enters_leaves_and_falls_out() {
    let state = state();
    commit(&state, &[("a", Some(10)), ("b", Some(20)), ("c", Some(30))]);
    let mut session = ListenSession::new(Arc::clone(&state));
    let sent = add(&mut session, lowest(Some(2)), None);
    assert_eq!(words(&sent), "ADD +a +b CURRENT NO_CHANGE");
    let mut after = |writes: &[(&str, Option<i64>)]| {
        commit(&state, writes);
        words(&session.commits())
    };
    assert_eq!(after(&[("d", Some(5))]), "+d ~b NO_CHANGE");
    assert_eq!(after(&[("d", None)]), "+b xd NO_CHANGE");
    assert_eq!(after(&[("a", Some(50))]), "+c -a NO_CHANGE");
    assert_eq!(after(&[("b", Some(21))]), "+b NO_CHANGE");
    assert_eq!(after(&[("a", Some(60))]), "", "beyond the limit");
    assert_eq!(after(&[("b", Some(21))]), "", "nothing changed");
    assert_eq!(after(&[("b", None), ("c", None)]), "+a xb xc NO_CHANGE");
}

#[test]
fn watched_documents_are_sent_as_present_or_absent() {
    let state = state();
    commit(&state, &[("a", Some(1))]);
    let mut session = ListenSession::new(Arc::clone(&state));
    let sent = add(&mut session, documents(&["a", "b"]), None);
    assert_eq!(words(&sent), "ADD +a xb CURRENT NO_CHANGE");
    commit(&state, &[("b", Some(1)), ("c", Some(1))]);
    assert_eq!(words(&session.commits()), "+b NO_CHANGE");
    commit(&state, &[("a", None)]);
    assert_eq!(words(&session.commits()), "xa NO_CHANGE");
}

#[test]
fn a_listener_that_resumes_gets_what_it_missed() {
    let state = state();
    commit(&state, &[("a", Some(1)), ("b", Some(2)), ("c", Some(3))]);
    let seen = token(&add(
        &mut ListenSession::new(Arc::clone(&state)),
        lowest(None),
        None,
    ));
    commit(&state, &[("a", None), ("b", Some(5)), ("d", Some(4))]);
    let again = |token: &[u8]| {
        let mut session = ListenSession::new(Arc::clone(&state));
        words(&add(&mut session, lowest(None), Some(token.to_vec())))
    };
    assert_eq!(again(&seen), "ADD +d +b xa CURRENT NO_CHANGE");
    assert_eq!(again(b"another's"), "ADD RESET +c +d +b CURRENT NO_CHANGE");
}

#[test]
fn a_removed_target_gets_nothing_more() {
    let state = state();
    let mut session = ListenSession::new(Arc::clone(&state));
    add(&mut session, lowest(None), None);
    let remove = ListenRequest {
        target_change: Some(listen_request::TargetChange::RemoveTarget(2)),
        ..ListenRequest::default()
    };
    assert_eq!(words(&session.request(remove).unwrap()), "REMOVE");
    commit(&state, &[("a", Some(1))]);
    assert_eq!(words(&session.commits()), "");
}

#[test]
fn an_invalid_query_removes_its_target_only() {
    let mut session = ListenSession::new(state());
    let sent = add(&mut session, lowest(Some(-1)), None);
    assert_eq!(words(&sent), "ADD REMOVE");
    assert_eq!(
        words(&add(&mut session, lowest(None), None)),
        "ADD CURRENT NO_CHANGE"
    );
    let twice = pb::Target {
        target_id: 2,
        target_type: Some(lowest(None)),
        ..pb::Target::default()
    };
    assert!(session.add(twice).is_err(), "its id is in use");
}
