//! Calls in combination: conflicting transactions, batches, lists, and what survives a restart.

use googleapis_tonic_google_firestore_v1::google::firestore::v1::{
    GetDocumentRequest, ListDocumentsRequest, RunQueryRequest, StructuredQuery, TransactionOptions,
    Value, get_document_request, run_query_request,
    structured_query::CollectionSelector,
    transaction_options::{Mode, ReadOnly},
};
use tonic::Code;

use super::{
    super::{stamp::Stamp, value::tests::integer},
    *,
};
use crate::{clock::Clock, db::Db};

const DATABASE: &str = "projects/p/databases/d";

fn state() -> State {
    State::open(Db::in_memory().unwrap(), Clock::starting_now(1.0)).unwrap()
}

fn name(id: &str) -> String {
    format!("{DATABASE}/documents/{id}")
}

fn set(id: &str, value: i64) -> Write {
    Write {
        operation: Some(Operation::Update(Document {
            name: name(id),
            fields: [("v".to_owned(), integer(value))].into(),
            ..Document::default()
        })),
        ..Write::default()
    }
}

fn must(id: &str, value: i64, exists: bool) -> Write {
    Write {
        current_document: Some(Precondition {
            condition_type: Some(ConditionType::Exists(exists)),
        }),
        ..set(id, value)
    }
}

fn commit(state: &mut State, transaction: &[u8], writes: Vec<Write>) -> Result<(), Code> {
    let request = CommitRequest {
        database: DATABASE.to_owned(),
        writes,
        transaction: transaction.to_vec(),
    };
    state
        .commit(request)
        .map(drop)
        .map_err(|error| error.code())
}

fn begin(state: &mut State, mode: Option<Mode>) -> Vec<u8> {
    let request = BeginTransactionRequest {
        database: DATABASE.to_owned(),
        options: Some(TransactionOptions { mode }),
    };
    state.begin_transaction(request).unwrap().transaction
}

fn read(state: &mut State, transaction: &[u8], id: &str) -> Option<Value> {
    use get_document_request::ConsistencySelector::Transaction;
    let selector = (!transaction.is_empty()).then(|| Transaction(transaction.to_vec()));
    let request = GetDocumentRequest {
        name: name(id),
        mask: None,
        consistency_selector: selector,
    };
    let document = state.get_document(request).ok()?;
    document.fields.get("v").cloned()
}

fn query(state: &mut State, transaction: &[u8], limit: Option<i32>) -> usize {
    let query = StructuredQuery {
        from: vec![CollectionSelector {
            collection_id: "c".to_owned(),
            all_descendants: false,
        }],
        limit,
        ..StructuredQuery::default()
    };
    let request = RunQueryRequest {
        parent: format!("{DATABASE}/documents"),
        query_type: Some(run_query_request::QueryType::StructuredQuery(query)),
        consistency_selector: Some(run_query_request::ConsistencySelector::Transaction(
            transaction.to_vec(),
        )),
        ..RunQueryRequest::default()
    };
    let responses = state.run_query(request).unwrap();
    responses
        .iter()
        .filter(|response| response.document.is_some())
        .count()
}

#[test]
fn of_two_transactions_on_one_document_one_commits() {
    let mut state = state();
    for missing in [true, false] {
        let (one, two) = (begin(&mut state, None), begin(&mut state, None));
        assert_eq!(read(&mut state, &one, "c/a").is_none(), missing);
        read(&mut state, &two, "c/a");
        assert_eq!(commit(&mut state, &two, vec![set("c/a", 2)]), Ok(()));
        assert_eq!(
            commit(&mut state, &one, vec![set("c/a", 1)]),
            Err(Code::Aborted)
        );
        assert_eq!(read(&mut state, b"", "c/a"), Some(integer(2)));
        assert_eq!(
            commit(&mut state, &one, vec![]),
            Err(Code::InvalidArgument),
            "it has ended"
        );
        commit(&mut state, b"", vec![set("c/a", 0)]).unwrap();
    }
}

#[test]
fn a_transaction_whose_reads_are_unchanged_commits() {
    let mut state = state();
    commit(&mut state, b"", vec![set("c/a", 1), set("c/b", 1)]).unwrap();
    let transaction = begin(&mut state, None);
    read(&mut state, &transaction, "c/a");
    commit(&mut state, b"", vec![set("c/b", 2)]).unwrap();
    commit(&mut state, b"", vec![set("c/a", 1)]).unwrap();
    let why = "the other document was not read, and an empty write is not a change";
    assert_eq!(
        commit(&mut state, &transaction, vec![set("c/a", 3)]),
        Ok(()),
        "{why}"
    );
}

#[test]
fn an_addition_to_a_querys_results_is_a_conflict() {
    let mut state = state();
    commit(&mut state, b"", vec![set("c/b", 1)]).unwrap();
    let (all, first) = (begin(&mut state, None), begin(&mut state, None));
    assert_eq!(query(&mut state, &all, None), 1);
    assert_eq!(query(&mut state, &first, Some(1)), 1);
    commit(&mut state, b"", vec![set("c/z", 1), set("other/a", 1)]).unwrap();
    assert_eq!(
        commit(&mut state, &all, vec![set("d/n", 1)]),
        Err(Code::Aborted)
    );
    assert_eq!(
        commit(&mut state, &first, vec![set("d/n", 2)]),
        Ok(()),
        "beyond the limit"
    );
}

#[test]
fn a_read_only_transaction_reads_the_past_and_cannot_write() {
    let mut state = state();
    commit(&mut state, b"", vec![set("c/a", 1)]).unwrap();
    let mode = || Some(Mode::ReadOnly(ReadOnly::default()));
    let transaction = begin(&mut state, mode());
    commit(&mut state, b"", vec![set("c/a", 2), set("c/b", 2)]).unwrap();
    assert_eq!(read(&mut state, &transaction, "c/a"), Some(integer(1)));
    assert_eq!(query(&mut state, &transaction, None), 1);
    assert_eq!(commit(&mut state, &transaction, vec![]), Ok(()));
    let transaction = begin(&mut state, mode());
    let refused = commit(&mut state, &transaction, vec![set("c/a", 3)]);
    assert_eq!(refused, Err(Code::InvalidArgument));
}

#[test]
fn the_writes_of_a_batch_are_independent() {
    let mut state = state();
    commit(&mut state, b"", vec![set("c/there", 1)]).unwrap();
    let mut batch = |writes| {
        let request = BatchWriteRequest {
            database: DATABASE.to_owned(),
            writes,
            ..BatchWriteRequest::default()
        };
        let response = state.batch_write(request).ok()?;
        let codes = response.status.iter().map(|status| Code::from(status.code));
        Some(codes.collect::<Vec<_>>())
    };
    let mixed = vec![
        set("c/a", 1),
        must("c/there", 2, false),
        must("c/absent", 2, true),
    ];
    assert_eq!(
        batch(mixed).unwrap(),
        [Code::Ok, Code::AlreadyExists, Code::NotFound]
    );
    assert_eq!(
        batch(vec![set("c/a", 1), set("c/a", 2)]),
        None,
        "the same document twice"
    );
    let wrong = Write {
        operation: None,
        ..Write::default()
    };
    assert_eq!(
        batch(vec![set("c/b", 1), wrong]),
        None,
        "one invalid write refuses all"
    );
    assert_eq!(read(&mut state, b"", "c/b"), None);
    assert_eq!(read(&mut state, b"", "c/a"), Some(integer(1)));
}

#[test]
fn a_commit_for_another_database_is_refused() {
    let mut write = set("c/a", 1);
    if let Some(Operation::Update(document)) = &mut write.operation {
        document.name = "projects/p/databases/other/documents/c/a".to_owned();
    }
    assert_eq!(
        commit(&mut state(), b"", vec![write]),
        Err(Code::InvalidArgument)
    );
}

#[test]
fn a_created_document_gets_an_id() {
    let mut state = state();
    let mut create = |id: &str| {
        let request = CreateDocumentRequest {
            parent: format!("{DATABASE}/documents"),
            collection_id: "c".to_owned(),
            document_id: id.to_owned(),
            ..CreateDocumentRequest::default()
        };
        state.create_document(request).map(|document| document.name)
    };
    let auto = create("").unwrap();
    let id = auto.strip_prefix(&name("c/")).unwrap();
    assert_eq!(id.len(), AUTO_ID_LENGTH, "{id}");
    assert_eq!(create("mine").unwrap(), name("c/mine"));
    assert_eq!(create("mine").unwrap_err().code(), Code::AlreadyExists);
    assert_eq!(create("a/b").unwrap_err().code(), Code::InvalidArgument);
}

#[test]
fn pages_add_up_to_the_whole_list() {
    let mut state = state();
    let values = [3, 1, 2, 1, 5, 4, 1];
    for (n, value) in values.into_iter().enumerate() {
        commit(&mut state, b"", vec![set(&format!("c/{n}"), value)]).unwrap();
    }
    commit(&mut state, b"", vec![set("c/gone/sub/x", 0)]).unwrap();
    let mut list = |order: &str, page_size, show_missing| {
        let (mut ids, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListDocumentsRequest {
                parent: format!("{DATABASE}/documents"),
                collection_id: "c".to_owned(),
                page_size,
                page_token,
                order_by: order.to_owned(),
                show_missing,
                ..ListDocumentsRequest::default()
            };
            let page = state.list_documents(request).unwrap();
            let short =
                |document: Document| document.name.strip_prefix(&name("c/")).map(String::from);
            ids.extend(page.documents.into_iter().filter_map(short));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return ids.join(" ");
            }
        }
    };
    for size in [0, 1, 2, 7, 100] {
        assert_eq!(list("", size, false), "0 1 2 3 4 5 6", "by {size}");
        assert_eq!(list("v desc", size, false), "4 5 0 2 6 3 1", "by {size}");
        assert_eq!(list("", size, true), "0 1 2 3 4 5 6 gone", "by {size}");
    }
}

#[test]
fn documents_survive_a_restart_with_their_times() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let db = Db::open(&dir.path().join("db")).unwrap();
        State::open(db, Clock::starting_now(1.0)).unwrap()
    };
    let get = |state: &mut State, id: &str| {
        let request = GetDocumentRequest {
            name: name(id),
            ..GetDocumentRequest::default()
        };
        state.get_document(request).ok()
    };
    let mut state = open();
    commit(&mut state, b"", vec![set("c/a", 1), set("c/b", 1)]).unwrap();
    commit(&mut state, b"", vec![set("c/a", 2)]).unwrap();
    let delete = DeleteDocumentRequest {
        name: name("c/b"),
        current_document: None,
    };
    state.delete_document(delete).unwrap();
    let before = get(&mut state, "c/a").unwrap();
    let updated = |document: &Document| write::version(document).unwrap();
    assert!(Stamp::from(before.create_time.unwrap()) < updated(&before));
    let transaction = begin(&mut state, None);
    drop(state);
    let mut state = open();
    assert_eq!(get(&mut state, "c/a").unwrap(), before);
    assert_eq!(get(&mut state, "c/b"), None);
    let refused = commit(&mut state, &transaction, vec![]);
    assert_eq!(
        refused,
        Err(Code::InvalidArgument),
        "transactions do not survive"
    );
    commit(&mut state, b"", vec![set("c/a", 3)]).unwrap();
    assert!(updated(&get(&mut state, "c/a").unwrap()) > updated(&before));
}
