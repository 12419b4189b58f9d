//! Firestore through the client that the functions use: preconditions, transactions, queries, listening.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use ::firestore::{
    FirestoreDb, FirestoreDbOptions, FirestoreListenEvent, FirestoreListenerTarget,
    FirestoreMemListenStateStorage, FirestoreQueryCursor, FirestoreTimestamp,
    FirestoreTransactionOptions, FirestoreTransformServerValue, FirestoreWritePrecondition,
    errors::FirestoreError, paths,
};
use serde::{Deserialize, Serialize};
use system_tests::wait;

use crate::target::{self, SuiteTarget};

/// The collection of a test.
const RUNS: &str = "runs";
/// Writers of one document at once.
const WRITERS: usize = 4;
/// Attempts of a transaction under contention; emulators make the losers wait, so few are needed.
const RETRIES_MAX: usize = 30;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Run {
    state: String,
    looks: i64,
    tags: Vec<String>,
    #[serde(alias = "_firestore_id", skip_serializing)]
    id: Option<String>,
    #[serde(alias = "_firestore_updated", skip_serializing)]
    updated: Option<FirestoreTimestamp>,
}

fn run(state: &str, looks: i64) -> Run {
    Run {
        state: state.to_owned(),
        looks,
        tags: vec!["a".to_owned()],
        ..Run::default()
    }
}

async fn everywhere(check: impl AsyncFn(FirestoreDb)) {
    let check = &check;
    let on = async |target: SuiteTarget| {
        let options = FirestoreDbOptions::new(target.project.clone())
            .with_firebase_api_url(target.url.clone());
        let db = FirestoreDb::with_options_auth(options, target::owner());
        check(db.await.unwrap()).await;
    };
    target::everywhere("FIRESTORE_CONFORMANCE_HOST", on).await;
}

async fn create(db: &FirestoreDb, id: &str, run: &Run) -> Result<Run, FirestoreError> {
    let insert = db.fluent().insert().into(RUNS).document_id(id);
    insert.object(run).execute().await
}

async fn get(db: &FirestoreDb, id: &str) -> Option<Run> {
    let select = db.fluent().select().by_id_in(RUNS).obj();
    select.one(id).await.unwrap()
}

async fn replace(
    db: &FirestoreDb,
    id: &str,
    condition: FirestoreWritePrecondition,
) -> Result<Run, FirestoreError> {
    let update = db.fluent().update().in_col(RUNS).precondition(condition);
    let running = run("running", 1);
    update.document_id(id).object(&running).execute().await
}

/// The canonical code of a rejection.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "any other error fails the test"
)]
fn code(error: &FirestoreError) -> &str {
    match error {
        FirestoreError::DataConflictError(error) => &error.public.code,
        FirestoreError::DataNotFoundError(error) => &error.public.code,
        FirestoreError::DatabaseError(error) => &error.public.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_created_once() {
    everywhere(async |db| {
        create(&db, "r", &run("queued", 0)).await.unwrap();
        let again = create(&db, "r", &run("other", 1)).await.unwrap_err();
        assert_eq!(code(&again), "AlreadyExists");
        let found = get(&db, "r").await.unwrap();
        assert_eq!(
            (found.state.as_str(), found.id.as_deref()),
            ("queued", Some("r"))
        );
        assert_eq!(get(&db, "nothing").await, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_has_preconditions() {
    everywhere(async |db| {
        use FirestoreWritePrecondition::{Exists, UpdateTime};
        let missing = replace(&db, "r", Exists(true)).await.unwrap_err();
        assert_eq!(code(&missing), "NotFound");
        create(&db, "r", &run("queued", 0)).await.unwrap();
        let there = replace(&db, "r", Exists(false)).await.unwrap_err();
        assert_eq!(code(&there), "AlreadyExists");
        let read = get(&db, "r").await.unwrap().updated.unwrap();
        replace(&db, "r", UpdateTime(read.0)).await.unwrap();
        let stale = replace(&db, "r", UpdateTime(read.0)).await.unwrap_err();
        assert_eq!(code(&stale), "FailedPrecondition");
        assert_eq!(get(&db, "r").await.unwrap().looks, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_leaves_the_other_fields_alone() {
    everywhere(async |db| {
        create(&db, "r", &run("queued", 7)).await.unwrap();
        let update = db
            .fluent()
            .update()
            .fields(paths!(Run::{state}))
            .in_col(RUNS);
        let running = run("running", 0);
        let update = update.document_id("r").object(&running);
        update.execute::<Run>().await.unwrap();
        let found = get(&db, "r").await.unwrap();
        assert_eq!((found.state.as_str(), found.looks), ("running", 7));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_all_or_nothing() {
    everywhere(async |db| {
        create(&db, "taken", &run("queued", 0)).await.unwrap();
        let mut transaction = db.begin_transaction().await.unwrap();
        for id in ["free", "taken"] {
            let update = db.fluent().update().in_col(RUNS);
            update
                .precondition(FirestoreWritePrecondition::Exists(false))
                .document_id(id)
                .object(&run("running", 1))
                .add_to_transaction(&mut transaction)
                .unwrap();
        }
        let refused = transaction.commit().await.unwrap_err();
        assert_eq!(code(&refused), "AlreadyExists");
        assert_eq!(get(&db, "free").await, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transforms_are_applied_by_the_service() {
    everywhere(async |db| {
        create(&db, "r", &run("queued", 1)).await.unwrap();
        let mut transaction = db.begin_transaction().await.unwrap();
        let update = db
            .fluent()
            .update()
            .fields(paths!(Run::{state}))
            .in_col(RUNS);
        update
            .document_id("r")
            .object(&run("running", 0))
            .transforms(|it| {
                it.fields([
                    it.field("looks").increment(5),
                    it.field("tags").append_missing_elements(["b", "a"]),
                    it.field("at")
                        .server_value(FirestoreTransformServerValue::RequestTime),
                ])
            })
            .add_to_transaction(&mut transaction)
            .unwrap();
        transaction.commit().await.unwrap();
        let found = get(&db, "r").await.unwrap();
        assert_eq!((found.state.as_str(), found.looks), ("running", 6));
        assert_eq!(found.tags, ["a", "b"]);
        let document = db.fluent().select().by_id_in(RUNS).one("r").await.unwrap();
        assert!(document.unwrap().fields.contains_key("at"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicting_transactions_lose_no_write() {
    everywhere(async |db| {
        create(&db, "r", &run("queued", 0)).await.unwrap();
        let attempts = Arc::new(AtomicUsize::new(0));
        let writers =
            (0..WRITERS).map(|_| tokio::spawn(increment(db.clone(), Arc::clone(&attempts))));
        for writer in futures::future::join_all(writers).await {
            writer.unwrap().unwrap();
        }
        let looks = usize::try_from(get(&db, "r").await.unwrap().looks).unwrap();
        assert_eq!(looks, WRITERS);
        assert!(attempts.load(Ordering::Relaxed) >= WRITERS);
    })
    .await;
}

/// Increments a counter of a document in a transaction.
async fn increment(db: FirestoreDb, attempts: Arc<AtomicUsize>) -> Result<(), FirestoreError> {
    let options = FirestoreTransactionOptions::new().with_max_retries(RETRIES_MAX);
    db.run_transaction_with_options(
        |db, transaction| {
            attempts.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                let select = db.fluent().select().by_id_in(RUNS).obj::<Run>();
                let mut found = select.one("r").await?.unwrap();
                found.looks += 1;
                let update = db.fluent().update().in_col(RUNS);
                update
                    .document_id("r")
                    .object(&found)
                    .add_to_transaction(transaction)?;
                Ok(())
            })
        },
        options,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_filter_order_limit_and_continue() {
    everywhere(async |db| {
        for (id, state, looks) in [
            ("a", "queued", 3),
            ("b", "queued", 1),
            ("c", "failed", 9),
            ("d", "queued", 5),
        ] {
            create(&db, id, &run(state, looks)).await.unwrap();
        }
        let ids = |found: Vec<Run>| -> Vec<String> {
            found.into_iter().map(|run| run.id.unwrap()).collect()
        };
        let query = db.fluent().select().from(RUNS).filter(|it| {
            it.for_all([
                it.field("state").eq("queued"),
                it.field("looks").greater_than_or_equal(2),
            ])
        });
        let query = query.order(|it| it.fields([it.field("looks").desc()]));
        let found = query.limit(10).obj().query().await.unwrap();
        assert_eq!(ids(found), ["d", "a"]);

        let ordered = || {
            let query = db.fluent().select().from(RUNS);
            query.order(|it| it.fields([it.field("looks").asc()]))
        };
        let first = ordered().limit(2).obj().query().await.unwrap();
        assert_eq!(ids(first), ["b", "a"]);
        let after = FirestoreQueryCursor::AfterValue(vec![3.into()]);
        let second = ordered().limit(2).start_at(after).obj().query().await;
        assert_eq!(ids(second.unwrap()), ["d", "c"]);

        let tagged = db.fluent().select().from(RUNS);
        let tagged = tagged.filter(|it| it.field("tags").array_contains("a"));
        assert_eq!(tagged.obj::<Run>().query().await.unwrap().len(), 4);

        let count = db.fluent().select().from(RUNS);
        let count = count.aggregate(|it| it.fields([it.field("n").count()]));
        let counted = count.query().await.unwrap();
        let value = counted[0].fields["n"].value_type.clone();
        assert!(
            format!("{value:?}").contains("IntegerValue(4)"),
            "{value:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_group_includes_nested_collections() {
    everywhere(async |db| {
        for parent in ["p", "q"] {
            let parent = db.parent_path("versions", parent).unwrap();
            let insert = db.fluent().insert().into(RUNS).document_id("r");
            let queued = run("queued", 1);
            let insert = insert.parent(&parent).object(&queued);
            insert.execute::<Run>().await.unwrap();
        }
        let top = db.fluent().select().from(RUNS).obj::<Run>().query().await;
        assert!(top.unwrap().is_empty());
        let group = db.fluent().select().from(RUNS).all_descendants();
        assert_eq!(group.obj::<Run>().query().await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_of_a_batch_succeed_one_by_one() {
    everywhere(async |db| {
        create(&db, "taken", &run("queued", 0)).await.unwrap();
        let writer = db.create_simple_batch_writer().await.unwrap();
        let mut batch = writer.new_batch();
        for id in ["free", "taken"] {
            let update = db.fluent().update().in_col(RUNS);
            update
                .precondition(FirestoreWritePrecondition::Exists(false))
                .document_id(id)
                .object(&run("running", 1))
                .add_to_batch(&mut batch)
                .unwrap();
        }
        let statuses = batch.write().await.unwrap().statuses;
        let codes: Vec<i32> = statuses.iter().map(|status| status.code).collect();
        assert_eq!(codes, [0, 6], "OK, ALREADY_EXISTS");
        assert_eq!(get(&db, "free").await.unwrap().state, "running");
        assert_eq!(get(&db, "taken").await.unwrap().state, "queued");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_gets_the_documents_that_match() {
    everywhere(async |db| {
        create(&db, "before", &run("live", 0)).await.unwrap();
        let storage = FirestoreMemListenStateStorage::new();
        let mut listener = db.create_listener(storage).await.unwrap();
        let query = db.fluent().select().from(RUNS);
        let query = query.filter(|it| it.field("state").eq("live"));
        let target = FirestoreListenerTarget::new(42);
        query.listen().add_target(target, &mut listener).unwrap();
        let (sender, mut changed) = tokio::sync::mpsc::unbounded_channel();
        let on_event = move |event: FirestoreListenEvent| {
            if let FirestoreListenEvent::DocumentChange(change) = event {
                let name = change.document.map(|document| document.name);
                sender.send(name.unwrap_or_default()).unwrap();
            }
            std::future::ready(Ok(()))
        };
        listener.start(on_event).await.unwrap();
        // A document that existed before may be reported more than once.
        let mut expect_change = async |expected: &str, again: &str| {
            loop {
                let name = wait::output("a change", &(), changed.recv()).await.unwrap();
                let id = name.rsplit('/').next().unwrap();
                if id == expected {
                    return;
                }
                assert_eq!(id, again);
            }
        };
        expect_change("before", "before").await;
        create(&db, "other", &run("dead", 0)).await.unwrap();
        create(&db, "after", &run("live", 0)).await.unwrap();
        expect_change("after", "before").await;
        listener.shutdown().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_document_is_gone() {
    everywhere(async |db| {
        create(&db, "r", &run("queued", 0)).await.unwrap();
        for _ in 0..2 {
            let delete = db.fluent().delete().from(RUNS).document_id("r");
            delete.execute().await.unwrap();
            assert_eq!(get(&db, "r").await, None);
        }
    })
    .await;
}
