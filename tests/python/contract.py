"""Whether the functions and the emulator speak Vertex AI as Google's own types have it.

contract.py LAPIDARY [RECORDING…] runs a demonstration behind a proxy that records every call, then parses
every request and every answer strictly, and also those that the fault suite has recorded. Exits with 1 if
one does not parse.
"""

import collections
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import messages
from google.protobuf import json_format
from recorder import Recorder

EXAMPLES = pathlib.Path(__file__).parents[2] / "infra/local/examples"
# Simulated seconds per second: enough for early-stop to act while a job still runs.
SPEED = "300"
# What a demonstration must have called, so that a check of everything is one of something.
EXPECTED = {
    ("CreateTuningJob", "v1"),
    ("ListTuningJobs", "v1beta1"),
    ("GetTuningJob", "v1beta1"),
    ("CancelTuningJob", "v1"),
    ("GetContext", "v1"),
    ("ListTensorboardRuns", "v1"),
    ("ListTensorboardTimeSeries", "v1"),
    ("BatchReadTensorboardTimeSeriesData", "v1"),
    ("UpdateModel", "v1"),
    ("GenerateContent", "v1"),
    ("CountTokens", "v1"),
}
# The longest time without a new end of a run, in seconds of the wall clock.
IDLE_MAX_S = 300
# What a message that does not parse raises: warnings are those of google-genai.
FAULTS = (AssertionError, json_format.ParseError, ValueError, Warning)


class Demonstration:
    """A system behind a recorder: one run that serves in the end, and one that is stopped."""

    def __init__(self, lapidary, folder):
        self.lapidary = lapidary
        self.env_file = pathlib.Path(folder) / "env"
        self.recorder = Recorder()
        arguments = ["up", "--port", "0", "--speed", SPEED, "--data", f"{folder}/data"]
        settings = ["--set", f"VERTEX_ENDPOINT={self.recorder.endpoint}"]
        with open(f"{folder}/log", "wb") as log:
            self.process = subprocess.Popen(
                [lapidary, *arguments, *settings, "--env-file", str(self.env_file)],
                stdout=log,
                stderr=log,
            )

    def __enter__(self):
        while not self.env_file.exists():
            if self.process.poll() is not None:
                raise AssertionError(f"`lapidary up` ended with {self.process.returncode}")
            time.sleep(0.2)
        lines = self.env_file.read_text(encoding="utf-8").splitlines()
        self.addresses = dict(line.split("=", 1) for line in lines if line)
        self.recorder.lead_to(self.addresses["VERTEX_ENDPOINT"])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def command(self, *arguments):
        """Runs a command of Lapidary on this system; returns what it printed."""
        call = [self.lapidary, *arguments, "--env-file", str(self.env_file)]
        return subprocess.run(call, check=True, capture_output=True, text=True).stdout

    def drop(self, example, dataset):
        """Uploads an example that the product ships."""
        file = EXAMPLES / example / "data.jsonl"
        self.command("drop", str(file), "--dataset", dataset)

    def runs(self):
        """The state of each run, by its dataset."""
        return {run["dataset"]: run["state"] for run in json.loads(self.command("runs", "--json"))}

    def ends(self, dataset, *states):
        """Waits until the run of a dataset is in one of `states`."""
        last, since = None, time.monotonic()
        while (state := self.runs().get(dataset)) not in states:
            if state in {"succeeded", "failed", "cancelled"}:
                raise AssertionError(f"the run of {dataset} is {state}, not {states}")
            if len(self.recorder.calls) != last:
                last, since = len(self.recorder.calls), time.monotonic()
            if time.monotonic() - since > IDLE_MAX_S:
                raise AssertionError(f"the run of {dataset} is {state} for ever")
            time.sleep(0.5)

    def serves(self, model):
        """Waits until the tuned model answers."""
        since = time.monotonic()
        url = f"{self.addresses['PREDICT_URL']}/v1/models/{model}:generateContent"
        question = {"contents": [{"role": "user", "parts": [{"text": "Where is my parcel?"}]}]}
        while ask(url, question)[1].get("lapidary", {}).get("servedBy") != "tuned":
            if time.monotonic() - since > IDLE_MAX_S:
                raise AssertionError(f"{model} is never served")
            time.sleep(0.5)


def ask(url, body):
    """POSTs JSON; returns status and answer."""
    request = urllib.request.Request(url, json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def check_errors(demonstration):
    """Parses answers to calls that the service refuses, which a demonstration does not make; returns faults."""
    faults = collections.Counter()
    parent = f"projects/{demonstration.addresses['GOOGLE_CLOUD_PROJECT']}/locations/us-central1"
    endpoint = f"{demonstration.addresses['VERTEX_ENDPOINT']}/v1"
    job = {"baseModel": "gemini-0", "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/o"}}
    for path, body, expected in [
        ("tuningJobs", job, 400),
        ("tuningJobs", {"batchSize": 4}, 400),
        ("tuningJobs/7:cancel", {}, 404),
        ("publishers/google/models/gemini-0:generateContent", {"contents": []}, 404),
        ("endpoints/7:countTokens", {"contents": []}, 404),
    ]:
        status, answer = ask(f"{endpoint}/{parent}/{path}", body)
        try:
            if status != expected:
                raise AssertionError(f"{status} in place of {expected}")
            messages.error(status, answer)
        except FAULTS as fault:
            faults[f"{path}: {shortened(fault)}"] += 1
    return faults


def shortened(fault):
    """What does not parse, in one line."""
    return " ".join(str(fault).split())[:300]


def check_strictness():
    """Asserts that what Google does not know is refused, or all of this proves nothing."""
    job = {"name": "n", "state": "JOB_STATE_RUNNING"}
    messages.tuning_job("v1beta1", job | {"tuningJobState": "TUNING_JOB_STATE_TUNING"})
    for version, odd in [
        ("v1", {"batchSize": 4}),
        ("v1", {"state": "JOB_STATE_NAPPING"}),
        ("v1", {"tuningJobState": "TUNING_JOB_STATE_TUNING"}),
        ("v1beta1", {"tuningJobState": "TUNING"}),
        ("v1beta1", {"tuningJobMetadata": {"completedEpochs": 1}}),
    ]:
        try:
            messages.tuning_job(version, job | odd)
        except FAULTS:
            continue
        raise AssertionError(f"{version} takes {odd}")


def check(calls):
    """Parses every call; returns what does not parse, and how often each kind was seen."""
    faults, kinds = collections.Counter(), collections.Counter()
    for recorded in calls:
        try:
            call = messages.Call(recorded)
            kinds[call.kind] += 1
            call.check_request()
            call.check_answer()
        except FAULTS as fault:
            faults[f"{recorded['method']} {recorded['path']}: {shortened(fault)}"] += 1
    return faults, kinds


def main():
    """Runs the demonstration and checks it."""
    # As an exit, so that the system stops too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    check_strictness()
    with tempfile.TemporaryDirectory() as folder, Demonstration(sys.argv[1], folder) as shown:
        shown.drop("support-tickets", "support")
        shown.ends("support", "succeeded")
        shown.serves("support")
        shown.drop("diverge", "kitchen")
        shown.ends("kitchen", "cancelled")
        errors = check_errors(shown)
        calls = list(shown.recorder.calls)
    for recording in sys.argv[2:]:
        lines = pathlib.Path(recording).read_text(encoding="utf-8").splitlines()
        calls.extend(json.loads(line) for line in lines)
    faults, kinds = check(calls)
    faults += errors
    for kind, count in sorted(kinds.items()):
        print(f"ok   contract: {count} of {' '.join(kind)}")
    for fault, count in faults.most_common():
        print(f"FAIL contract: {count} times {fault}")
    for missing in sorted(EXPECTED - set(kinds)):
        print(f"FAIL contract: no call of {' '.join(missing)}")
    sys.exit(1 if faults or EXPECTED - set(kinds) else 0)


main()
