"""google-genai, as a client of Vertex AI: its address is an option, its token comes from the metadata server."""

import json
import os

from google import genai
from google.auth import compute_engine
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.genai import errors, types

MODEL = "gemini-3.1-flash-lite"


def _client(stack, location="us-central1"):
    return genai.Client(
        vertexai=True,
        project=stack["project"],
        location=location,
        credentials=compute_engine.Credentials(),
        http_options=types.HttpOptions(base_url=os.environ["VERTEX_ENDPOINT"], api_version="v1"),
    )


def _rows(stack):
    """Uploads training rows; returns their URI."""

    def turn(role, text):
        return {"role": role, "parts": [{"text": text}]}

    rows = [
        {"contents": [turn("user", f"What is stone {n}?"), turn("model", f"Stone {n} is a gem.")]}
        for n in range(100)
    ]
    client = storage.Client(project=stack["project"], credentials=AnonymousCredentials())
    bucket = client.create_bucket(f"{stack['run']}-rows")
    bucket.blob("train.jsonl").upload_from_string("\n".join(json.dumps(row) for row in rows))
    return f"gs://{bucket.name}/train.jsonl"


def a_base_model_answers(stack):
    client = _client(stack, "global")
    answer = client.models.generate_content(
        model=MODEL,
        contents="What is a stone?",
        config=types.GenerateContentConfig(temperature=0, max_output_tokens=64),
    )
    assert answer.text, answer
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP, answer
    assert answer.usage_metadata.total_token_count > 0, answer


def tokens_are_counted(stack):
    client = _client(stack, "global")
    counted = client.models.count_tokens(model=MODEL, contents="a raw stone")
    assert counted.total_tokens > 0, counted


def a_model_that_does_not_exist_is_refused(stack):
    client = _client(stack, "global")
    try:
        client.models.generate_content(model="gemini-0", contents="x")
    except errors.ClientError as error:
        assert error.code == 404, error
        return
    raise AssertionError("it answered")


def a_tuning_job_is_created_read_listed_and_cancelled(stack):
    client = _client(stack)
    tunings = client.tunings
    job = tunings.tune(
        base_model=MODEL,
        training_dataset=types.TuningDataset(gcs_uri=_rows(stack)),
        config=types.CreateTuningJobConfig(
            epoch_count=2, adapter_size="ADAPTER_SIZE_FOUR", tuned_model_display_name=stack["run"]
        ),
    )
    assert "/tuningJobs/" in job.name, job
    assert not job.has_ended, job
    assert tunings.get(name=job.name).base_model == MODEL
    listed = [it.name for it in tunings.list(config={"page_size": 1})]
    assert job.name in listed, listed
    tunings.cancel(name=job.name)
    while not (ended := tunings.get(name=job.name)).has_ended:
        pass
    assert ended.state.name == "JOB_STATE_CANCELLED", ended


CHECKS = [
    a_base_model_answers,
    tokens_are_counted,
    a_model_that_does_not_exist_is_refused,
    a_tuning_job_is_created_read_listed_and_cancelled,
]
