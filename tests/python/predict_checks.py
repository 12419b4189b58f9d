"""The clients that people have, with predict in place of Google's and OpenAI's services."""

import datetime
import os

import openai
from google import genai
from google.auth import compute_engine
from google.cloud import firestore
from google.genai import errors, types

BASE = "gemini-3.1-flash-lite"


def _model(stack):
    """A name that leads to a base model; returns it."""
    name = stack["run"]
    if not stack.get("routed"):
        database = firestore.Client(project=stack["project"])
        base = f"projects/{stack['project']}/locations/global/publishers/google/models/{BASE}"
        database.collection("routes").document(name).set({"version": 1, "base": base})
        database.collection("decisions").document(f"{name}-r-1").set(
            {
                "run": f"{name}-r-1",
                "model": name,
                "promoted": True,
                "reason": "a check",
                "at": datetime.datetime.now(datetime.timezone.utc).isoformat(),
            }
        )
        stack["routed"] = True
    return name


def _vertex(stack):
    return genai.Client(
        vertexai=True,
        project=stack["project"],
        location="us-central1",
        credentials=compute_engine.Credentials(),
        http_options=types.HttpOptions(base_url=os.environ["PREDICT_URL"]),
    )


def _gemini():
    return genai.Client(
        api_key="k", http_options=types.HttpOptions(base_url=os.environ["PREDICT_URL"])
    )


def _openai():
    return openai.OpenAI(base_url=f"{os.environ['PREDICT_URL']}/v1", api_key="k", max_retries=0)


def _messages(text):
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]


def google_genai_asks_vertex_ai(stack):
    # The client closes its connections once it is out of scope.
    client, model = _vertex(stack), _model(stack)
    answer = client.models.generate_content(
        model=model,
        contents="What is a stone?",
        config=types.GenerateContentConfig(temperature=0, seed=1, system_instruction="Be brief."),
    )
    assert answer.text, answer
    headers = {name.lower(): value for name, value in answer.sdk_http_response.headers.items()}
    assert headers["x-lapidary-served-by"] == "base", headers
    assert int(headers["x-lapidary-overhead-us"]) > 0, headers


def google_genai_reads_a_stream_of_vertex_ai(stack):
    client, model = _vertex(stack), _model(stack)
    pieces = list(client.models.generate_content_stream(model=model, contents="A long story?"))
    assert len(pieces) > 1, pieces
    assert pieces[-1].candidates[0].finish_reason == types.FinishReason.STOP, pieces[-1]


def google_genai_counts_tokens(stack):
    client, model = _vertex(stack), _model(stack)
    counted = client.models.count_tokens(model=model, contents="a raw stone")
    assert counted.total_tokens > 0, counted


def google_genai_asks_the_gemini_api(stack):
    client, model = _gemini(), _model(stack)
    assert client.models.generate_content(model=model, contents="What is a stone?").text
    pieces = client.models.generate_content_stream(model=model, contents="What is a stone?")
    assert "".join(piece.text or "" for piece in pieces)
    assert client.models.get(model=model).name == f"models/{model}"
    assert f"models/{model}" in [listed.name for listed in client.models.list()]


def google_genai_sees_googles_errors(stack):
    for client in (_vertex(stack), _gemini()):
        try:
            client.models.generate_content(model="no-such-model", contents="Hi")
        except errors.ClientError as refused:
            assert (refused.code, refused.status) == (404, "NOT_FOUND"), refused
        else:
            raise AssertionError("a model that does not exist answered")


def openai_chats(stack):
    client, model = _openai(), _model(stack)
    answer = client.chat.completions.create(
        model=model, messages=_messages("What is a stone?"), temperature=0, max_tokens=40
    )
    assert answer.choices[0].message.content, answer
    assert answer.choices[0].finish_reason in {"stop", "length"}, answer
    assert answer.usage.total_tokens > 0, answer
    assert model in [listed.id for listed in client.models.list()]
    assert client.models.retrieve(model).id == model


def openai_reads_a_stream(stack):
    chunks = list(
        _openai().chat.completions.create(
            model=_model(stack),
            messages=_messages("A long story?"),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text, chunks
    assert chunks[-1].usage.total_tokens > 0, chunks[-1]


def openai_asks_for_json(stack):
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    answer = _openai().chat.completions.create(
        model=_model(stack),
        messages=_messages("Which stone?"),
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "stone", "schema": schema, "strict": True},
        },
    )
    assert answer.choices[0].message.content.startswith("{"), answer


def openai_sees_openais_errors(stack):
    client = _openai()
    try:
        client.chat.completions.create(model="no-such-model", messages=_messages("Hi"))
    except openai.NotFoundError as refused:
        assert refused.code == "model_not_found", refused
    else:
        raise AssertionError("a model that does not exist answered")
    try:
        client.chat.completions.create(
            model=_model(stack), messages=_messages("Hi"), logit_bias={"1": 2}
        )
    except openai.BadRequestError as refused:
        assert "logit_bias" in str(refused), refused
    else:
        raise AssertionError("a parameter was dropped")


CHECKS = [
    google_genai_asks_vertex_ai,
    google_genai_reads_a_stream_of_vertex_ai,
    google_genai_counts_tokens,
    google_genai_asks_the_gemini_api,
    google_genai_sees_googles_errors,
    openai_chats,
    openai_reads_a_stream,
    openai_asks_for_json,
    openai_sees_openais_errors,
]
