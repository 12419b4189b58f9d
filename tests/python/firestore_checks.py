"""google-cloud-firestore: it reads FIRESTORE_EMULATOR_HOST."""

import queue
import threading

from google.api_core import exceptions
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

LIMIT_S = 60


def _collection(stack, name):
    return firestore.Client(project=stack["project"]).collection(f"{stack['run']}-{name}")


def _refused(error, call):
    try:
        call()
    except error:
        return
    raise AssertionError(f"not refused with {error.__name__}")


def a_document_is_created_once_and_changed_as_it_was_read(stack):
    document = _collection(stack, "once").document("r")
    document.create({"state": "queued", "polls": 1, "at": {"by": [1, 2.5, None, True, b"x"]}})
    _refused(exceptions.AlreadyExists, lambda: document.create({}))
    read = document.get()
    assert read.to_dict()["at"] == {"by": [1, 2.5, None, True, b"x"]}, read.to_dict()
    client = document._client  # pylint: disable=protected-access
    unchanged = client.write_option(last_update_time=read.update_time)
    document.update({"state": "running"}, option=unchanged)
    _refused(exceptions.FailedPrecondition, lambda: document.update({"polls": 2}, option=unchanged))
    assert document.get().to_dict()["state"] == "running"
    _refused(exceptions.NotFound, lambda: document.parent.document("none").update({"a": 1}))
    document.delete()
    assert not document.get().exists


def transforms_happen_at_the_service(stack):
    document = _collection(stack, "transforms").document("r")
    document.set({"polls": 1, "tags": ["a"], "old": True})
    document.update(
        {
            "polls": firestore.Increment(5),
            "tags": firestore.ArrayUnion(["b", "a"]),
            "at": firestore.SERVER_TIMESTAMP,
            "old": firestore.DELETE_FIELD,
        }
    )
    found = document.get().to_dict()
    assert (found["polls"], found["tags"], "old" in found) == (6, ["a", "b"], False), found
    assert found["at"] is not None
    document.set({"deep": {"er": 1}}, merge=True)
    assert document.get().get("deep.er") == 1


def conflicting_transactions_lose_no_write(stack):
    document = _collection(stack, "contention").document("r")
    document.set({"polls": 0})
    client = firestore.Client(project=stack["project"])

    @firestore.transactional
    def increment(transaction):
        polls = document.get(transaction=transaction).get("polls")
        transaction.update(document, {"polls": polls + 1})

    writers = [
        threading.Thread(target=lambda: increment(client.transaction(max_attempts=30)))
        for _ in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(LIMIT_S)
    assert document.get().get("polls") == 4, document.get().to_dict()


def a_batch_is_all_or_nothing(stack):
    runs = _collection(stack, "batch")
    runs.document("taken").set({"a": 1})
    batch = firestore.Client(project=stack["project"]).batch()
    batch.set(runs.document("free"), {"a": 1})
    batch.create(runs.document("taken"), {"a": 2})
    _refused(exceptions.AlreadyExists, batch.commit)
    assert not runs.document("free").get().exists


def queries_filter_order_page_and_count(stack):
    runs = _collection(stack, "query")
    for name, state, polls in [("a", "q", 3), ("b", "q", 1), ("c", "f", 9), ("d", "q", 5)]:
        runs.document(name).set({"state": state, "polls": polls, "tags": [name, state]})
    queued = runs.where(filter=FieldFilter("state", "==", "q"))
    queued = queued.where(filter=FieldFilter("polls", ">=", 2))
    descending = queued.order_by("polls", direction=firestore.Query.DESCENDING)
    assert [it.id for it in descending.stream()] == ["d", "a"]
    first = runs.order_by("polls").limit(2).get()
    second = runs.order_by("polls").start_after(first[-1]).limit(2).get()
    assert [it.id for it in [*first, *second]] == ["b", "a", "d", "c"]
    within = runs.where(filter=FieldFilter("state", "in", ["f", "x"]))
    assert [it.id for it in within.stream()] == ["c"]
    tagged = runs.where(filter=FieldFilter("tags", "array_contains", "q"))
    assert tagged.count().get()[0][0].value == 3
    assert runs.sum("polls").get()[0][0].value == 18
    assert [it.id for it in runs.select(["state"]).limit_to_last(1).order_by("polls").get()] == ["c"]
    assert len(list(runs.list_documents(page_size=3))) == 4


def a_listener_gets_changes(stack):
    runs = _collection(stack, "listen")
    changes = queue.Queue()

    def on_change(_, documents, __):
        for change in documents:
            changes.put((change.type.name, change.document.id))

    runs.document("before").set({"state": "live"})
    live = runs.where(filter=FieldFilter("state", "==", "live"))
    watch = live.on_snapshot(on_change)
    assert changes.get(timeout=LIMIT_S) == ("ADDED", "before")
    runs.document("after").set({"state": "live"})
    assert changes.get(timeout=LIMIT_S) == ("ADDED", "after")
    runs.document("before").update({"state": "dead"})
    assert changes.get(timeout=LIMIT_S) == ("REMOVED", "before")
    watch.unsubscribe()


CHECKS = [
    a_document_is_created_once_and_changed_as_it_was_read,
    transforms_happen_at_the_service,
    conflicting_transactions_lose_no_write,
    a_batch_is_all_or_nothing,
    queries_filter_order_page_and_count,
    a_listener_gets_changes,
]
