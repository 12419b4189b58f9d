//! Commits against a naive implementation, and the history.

use std::collections::HashMap;

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    Precondition, precondition::ConditionType, write::Operation,
};
use proptest::prelude::*;

use super::{super::value::tests::integer, *};

const ROOT: &str = "projects/p/databases/d/documents";

fn name(id: u8) -> Name {
    Name::document(&format!("{ROOT}/c/{id}")).unwrap()
}

fn set(id: u8, value: i64) -> Write {
    let document = Document {
        name: name(id).to_string(),
        fields: HashMap::from([("v".to_owned(), integer(value))]),
        ..Document::default()
    };
    Write {
        operation: Some(Operation::Update(document)),
        ..Write::default()
    }
}

fn any_write() -> impl Strategy<Value = Write> {
    let condition = prop_oneof![Just(None), Just(Some(true)), Just(Some(false))];
    (0..4_u8, 0..3_i64, any::<bool>(), condition).prop_map(|(id, value, delete, exists)| {
        let mut write = set(id, value);
        if delete {
            write.operation = Some(Operation::Delete(name(id).to_string()));
        }
        write.current_document = exists.map(|exists| Precondition {
            condition_type: Some(ConditionType::Exists(exists)),
        });
        write
    })
}

fn commit(store: &mut DocumentStore, writes: Vec<Write>) -> Option<Stamp> {
    let plan = store.plan(writes, Stamp(1)).ok()?;
    let at = plan.at;
    store.install(plan);
    Some(at)
}

proptest! {
    #[test]
    fn a_commit_is_atomic_and_the_past_stays(
        commits in proptest::collection::vec(proptest::collection::vec(any_write(), 0..4), 0..8),
    ) {
        let mut store = DocumentStore::new(BTreeMap::new(), Stamp(0));
        let mut past = vec![(Stamp(0), BTreeMap::new())];
        for writes in commits {
            // The same by a naive implementation: a map of values, discarded when a write is refused.
            let mut expected: BTreeMap<Name, i64> = past.last().unwrap().1.clone();
            let allowed = writes.iter().all(|write| naive(&mut expected, write));
            let committed = commit(&mut store, writes);
            prop_assert_eq!(committed.is_some(), allowed);
            if let Some(at) = committed {
                prop_assert!(at > past.last().unwrap().0, "commit times increase");
                past.push((at, expected));
            }
        }
        let root = Name::parent(ROOT).unwrap();
        for (at, expected) in past {
            let view = store.at(at).unwrap();
            let documents = view.under(&root);
            let names: Vec<_> = documents.keys().copied().cloned().collect();
            prop_assert_eq!(names, expected.keys().cloned().collect::<Vec<_>>());
            for (name, value) in expected {
                prop_assert_eq!(&documents[&name].fields["v"], &integer(value));
                prop_assert_eq!(&view.get(&name).unwrap().fields["v"], &integer(value));
            }
        }
    }
}

fn naive(documents: &mut BTreeMap<Name, i64>, write: &Write) -> bool {
    let (target, value) = match write.operation.as_ref().unwrap() {
        Operation::Update(document) => (&document.name, document.fields.get("v")),
        Operation::Delete(name) => (name, None),
        Operation::Transform(_) => unreachable!("not generated"),
    };
    let target = Name::document(target).unwrap();
    let condition = write
        .current_document
        .as_ref()
        .and_then(|one| one.condition_type);
    if let Some(ConditionType::Exists(exists)) = condition
        && exists != documents.contains_key(&target)
    {
        return false;
    }
    match value {
        Some(value) => documents.insert(target, (0..3).find(|n| integer(*n) == *value).unwrap()),
        None => documents.remove(&target),
    };
    true
}

#[test]
fn a_past_without_history_cannot_be_read() {
    let mut store = DocumentStore::new(BTreeMap::new(), Stamp(5));
    assert!(store.at(Stamp(4)).is_none(), "before the start");
    let first = commit(&mut store, vec![set(0, 0)]).unwrap();
    for value in 0..=i64::try_from(HISTORY_MAX_CHANGES).unwrap() {
        commit(&mut store, vec![set(1, value)]).unwrap();
    }
    assert_eq!(store.history.len(), HISTORY_MAX_CHANGES);
    assert!(store.at(Stamp(5)).is_none(), "its changes are gone");
    assert!(store.at(first).is_none());
    assert!(store.at(store.last).is_some());
}
