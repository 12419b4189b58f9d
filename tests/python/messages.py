"""Google's own types of what Vertex AI is asked and answers, parsed strictly: unknown names are errors.

The protobufs of google-cloud-aiplatform say what v1 and v1beta1 have. Those of v1beta1 lack
`tuningJobState` and `tuningJobMetadata`, which the REST API has: these two, and once more the whole job,
are read by the types of google-genai, which forbid unknown fields.
"""

import re
import urllib.parse
import warnings

from google.cloud import aiplatform_v1, aiplatform_v1beta1
from google.genai import types as genai
from google.protobuf import empty_pb2, json_format
from google.rpc import code_pb2, status_pb2

MODULES = {"v1": aiplatform_v1.types, "v1beta1": aiplatform_v1beta1.types}
# Fields of a tuning job that REST has in v1beta1, and the published protobufs lack.
ONLY_IN_REST = {"tuningJobState", "tuningJobMetadata"}

_LOCATION = r"projects/[^/]+/locations/[^/]+"
_STORE = rf"{_LOCATION}/metadataStores/default/contexts"
_BOARD = rf"{_LOCATION}/tensorboards/[^/:]+"
_RUNS = rf"{_BOARD}/experiments/[^/]+/runs"
_ASKED = rf"{_LOCATION}/(?:publishers/google/models|endpoints)/[^/:]+"
# Method, path without the version, the field of the request that the body is, the request, the answer.
# An empty field: the body is the request itself.
CALLS = [
    ("POST", rf"{_LOCATION}/tuningJobs", "tuning_job", "CreateTuningJobRequest", "TuningJob"),
    ("GET", rf"{_LOCATION}/tuningJobs", None, "ListTuningJobsRequest", "ListTuningJobsResponse"),
    ("GET", rf"{_LOCATION}/tuningJobs/\d+", None, "GetTuningJobRequest", "TuningJob"),
    ("POST", rf"{_LOCATION}/tuningJobs/\d+:cancel", "", "CancelTuningJobRequest", None),
    ("GET", rf"{_STORE}/[^/]+", None, "GetContextRequest", "Context"),
    ("GET", _STORE, None, "ListContextsRequest", "ListContextsResponse"),
    ("GET", _RUNS, None, "ListTensorboardRunsRequest", "ListTensorboardRunsResponse"),
    (
        "GET",
        rf"{_RUNS}/[^/]+/timeSeries",
        None,
        "ListTensorboardTimeSeriesRequest",
        "ListTensorboardTimeSeriesResponse",
    ),
    (
        "GET",
        rf"{_BOARD}:batchRead",
        None,
        "BatchReadTensorboardTimeSeriesDataRequest",
        "BatchReadTensorboardTimeSeriesDataResponse",
    ),
    ("GET", rf"{_LOCATION}/models/[^/:]+", None, "GetModelRequest", "Model"),
    ("PATCH", rf"{_LOCATION}/models/[^/:]+", "model", "UpdateModelRequest", "Model"),
    ("GET", rf"{_LOCATION}/endpoints/[^/:]+", None, "GetEndpointRequest", "Endpoint"),
    (
        "POST",
        rf"{_ASKED}:generateContent",
        "",
        "GenerateContentRequest",
        "GenerateContentResponse",
    ),
    ("POST", rf"{_ASKED}:countTokens", "", "CountTokensRequest", "CountTokensResponse"),
]
# Fields that the path holds: a body or a query that repeats them is not what the service documents.
IN_PATH = {"name", "parent", "model", "endpoint", "tensorboard"}


class Call:
    """A recorded call, with the types that it must be of."""

    def __init__(self, recorded):
        self.recorded = recorded
        _, version, path = urllib.parse.unquote(recorded["path"]).split("/", 2)
        if version not in MODULES:
            raise AssertionError(f"{recorded['path']}: no version of the API")
        self.version = version
        for method, pattern, field, request, answer in CALLS:
            if method == recorded["method"] and re.fullmatch(pattern, path):
                self.kind = (request.removesuffix("Request"), version)
                self.body_field, self.request, self.answer = field, request, answer
                return
        raise AssertionError(f"{recorded['method']} {path}: not a call that is known here")

    def check_request(self):
        """Parses body and query as the one message that they are on the wire of gRPC."""
        body, sent = self.recorded["request"], self._query()
        if self.body_field:
            sent[self.body_field] = body
        elif self.body_field == "":
            if repeated := IN_PATH & set(body):
                raise AssertionError(f"the body repeats {repeated} of the path")
            sent |= body
        elif body is not None:
            raise AssertionError("a GET has no body")
        message(self.version, self.request, sent)

    def check_answer(self):
        """Parses the answer, or the error."""
        status, answer = self.recorded["status"], self.recorded["answer"]
        if status != 200:
            return error(status, answer)
        if self.answer is None:
            return json_format.ParseDict(answer, empty_pb2.Empty())
        if self.answer == "TuningJob":
            return tuning_job(self.version, answer)
        if self.answer == "ListTuningJobsResponse":
            for job in answer.get("tuningJobs", []):
                tuning_job(self.version, job)
            answer = {name: value for name, value in answer.items() if name != "tuningJobs"}
        if self.answer == "GenerateContentResponse":
            pydantic(genai.GenerateContentResponse, answer)
        return message(self.version, self.answer, answer)

    def _query(self):
        sent = {}
        repeated = getattr(MODULES[self.version], self.request).pb().DESCRIPTOR.fields_by_camelcase_name
        for name, value in urllib.parse.parse_qsl(self.recorded["query"]):
            field = repeated.get(name)
            if field is not None and field.is_repeated:
                sent.setdefault(name, []).append(value)
            else:
                sent[name] = value
        return sent


def message(version, name, answer):
    """Parses JSON into a message: an unknown field and an unknown enum are errors."""
    return json_format.ParseDict(answer, getattr(MODULES[version], name).pb()())


def tuning_job(version, job):
    """Parses a tuning job, with what only REST has where the version is v1beta1."""
    known = {name: value for name, value in job.items() if name not in ONLY_IN_REST}
    if version == "v1" and known != job:
        raise AssertionError(f"v1 has no {ONLY_IN_REST & set(job)}")
    message(version, "TuningJob", known)
    pydantic(genai.TuningJob, job)


def pydantic(model, answer):
    """Parses JSON into a type of google-genai, which warns of an enum that it does not know."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model.model_validate(answer)


def error(status, answer):
    """Parses an error: google.rpc.Status as Google's front end writes it, with the name of its code."""
    if set(answer) != {"error"}:
        raise AssertionError(f"not an error: {answer}")
    said = dict(answer["error"])
    if said.pop("code") != status:
        raise AssertionError(f"answered with {status}: {answer}")
    code_pb2.Code.Value(said.pop("status"))
    json_format.ParseDict(said, status_pb2.Status())
