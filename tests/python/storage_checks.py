"""google-cloud-storage: it reads STORAGE_EMULATOR_HOST."""

import io

from google.api_core import exceptions
from google.auth import credentials
from google.cloud import storage


def _bucket(stack):
    client = storage.Client(
        project=stack["project"], credentials=credentials.AnonymousCredentials()
    )
    bucket = client.bucket(stack["run"])
    return bucket if bucket.exists() else client.create_bucket(bucket)


def _refused(error, call):
    try:
        call()
    except error:
        return
    raise AssertionError(f"not refused with {error.__name__}")


def an_object_is_read_as_it_was_written(stack):
    blob = _bucket(stack).blob("a/b c.txt")
    blob.metadata = {"cut": "round"}
    blob.upload_from_string("a raw stone", content_type="text/plain", checksum="crc32c")
    read = _bucket(stack).get_blob("a/b c.txt")
    assert (read.size, read.content_type) == (11, "text/plain"), read
    assert read.metadata == {"cut": "round"}, read.metadata
    assert read.crc32c and read.md5_hash and read.etag
    assert read.download_as_bytes() == b"a raw stone"
    assert read.download_as_bytes(start=2, end=4) == b"raw"


def a_large_object_is_uploaded_in_parts(stack):
    content = bytes(range(256)) * 4096 + b"end"
    blob = _bucket(stack).blob("large")
    blob.chunk_size = 256 * 1024
    blob.upload_from_file(io.BytesIO(content))
    assert _bucket(stack).blob("large").download_as_bytes() == content
    with _bucket(stack).blob("large").open("rb") as file:
        file.seek(-3, io.SEEK_END)
        assert file.read() == b"end"


def what_is_there_is_not_created_again(stack):
    blob = _bucket(stack).blob("once")
    blob.upload_from_string("1", if_generation_match=0)
    first = blob.generation
    _refused(
        exceptions.PreconditionFailed,
        lambda: blob.upload_from_string("2", if_generation_match=0),
    )
    blob.upload_from_string("2", if_generation_match=first)
    _refused(exceptions.PreconditionFailed, lambda: blob.delete(if_generation_match=first))


def what_does_not_exist_is_not_found(stack):
    bucket = _bucket(stack)
    assert bucket.get_blob("nothing") is None
    assert not bucket.blob("nothing").exists()
    _refused(exceptions.NotFound, bucket.blob("nothing").download_as_bytes)
    _refused(exceptions.NotFound, bucket.blob("nothing").delete)
    _refused(exceptions.Conflict, lambda: bucket.client.create_bucket(bucket.name))


def a_list_goes_on_on_page_two(stack):
    bucket = _bucket(stack)
    names = [f"list/{number}" for number in range(5)]
    for name in names:
        bucket.blob(name).upload_from_string("x")
    pages = bucket.list_blobs(prefix="list/", page_size=2).pages
    found = [[blob.name for blob in page] for page in pages]
    assert found == [names[:2], names[2:4], names[4:]], found
    top = bucket.list_blobs(delimiter="/")
    list(top)
    assert "list/" in top.prefixes, top.prefixes


def objects_are_composed_copied_and_changed(stack):
    bucket = _bucket(stack)
    for name, content in [("1", "half a "), ("2", "stone")]:
        bucket.blob(name).upload_from_string(content)
    whole = bucket.blob("whole")
    whole.content_type = "text/plain"
    whole.compose([bucket.blob("1"), bucket.blob("2")])
    assert whole.component_count == 2
    copy = bucket.copy_blob(whole, bucket, "copy")
    assert copy.download_as_text() == "half a stone"
    token, _, size = bucket.blob("rewritten").rewrite(copy)
    assert (token, size) == (None, 12)
    copy.metadata = {"cut": "square"}
    copy.patch(if_metageneration_match=1)
    assert copy.metageneration == 2
    bucket.delete_blob("copy")
    assert bucket.get_blob("copy") is None


def a_notification_is_configured_and_listed(stack):
    bucket = _bucket(stack)
    notification = bucket.notification(
        topic_name="object-finalized",
        topic_project=stack["project"],
        event_types=["OBJECT_FINALIZE"],
        payload_format="JSON_API_V1",
    )
    notification.create()
    listed = list(bucket.list_notifications())
    assert [it.notification_id for it in listed] == [notification.notification_id]
    notification.delete()
    assert not list(bucket.list_notifications())


CHECKS = [
    an_object_is_read_as_it_was_written,
    a_large_object_is_uploaded_in_parts,
    what_is_there_is_not_created_again,
    what_does_not_exist_is_not_found,
    a_list_goes_on_on_page_two,
    objects_are_composed_copied_and_changed,
    a_notification_is_configured_and_listed,
]
