"""A function's entry point, started as Cloud Run starts it."""

import contextlib
import json
import pathlib
import socket
import subprocess
import urllib.error
import urllib.request

CATALOGUE = json.loads((pathlib.Path(__file__).resolve().parent.parent / "gcp" / "functions.json").read_text())


def settings(function):
    """The settings that a function requires; their addresses are unreachable."""
    entry = CATALOGUE["functions"][function]
    own = {name: str(value) for name, value in entry["settings"].items() if value is not None}
    for name, value in entry["settings"].items():
        if value is None and name.endswith("_BUCKET"):
            own[name] = "project-bucket"
        if value is None and name.endswith("_JOB"):
            own[name] = "projects/project/locations/here/jobs/job"
        if value is None and name == "POLICY_URI":
            own[name] = "gs://project-bucket/policy.toml"
    here = {
        "PUSH_AUDIENCE": "https://here",
        "PUSH_EMAIL": "push@project.iam",
        "IAP_AUDIENCE": "/projects/1/locations/here/services/console",
    }
    auth = {name: value or here[name] for name, value in CATALOGUE["caller_auth"][entry["callers"]].items()}
    common = {"GOOGLE_CLOUD_PROJECT": "project", "TUNING_REGION": "us-central1", "K_SERVICE": function}
    return own | auth | common


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def sandboxed(root, variables):
    """The entry point as Cloud Run starts it, or with fewer permissions."""
    for name in ("proc", "dev"):
        (root / name).mkdir(exist_ok=True)
    command = [
        "bwrap", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--uid", "65532", "--gid", "65532",
        "--ro-bind", str(root), "/", "--proc", "/proc", "--dev", "/dev", "--cap-drop", "ALL",
        "--die-with-parent", "--clearenv",
    ]
    for name, value in variables.items():
        command += ["--setenv", name, value]
    process = subprocess.Popen([*command, "/function"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def child(process):
    """The function: a child of the sandbox's first process, which does not forward signals."""
    def children(pid):
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    of = process.pid
    while below := children(of):
        of = below[0]
    return of


def status_of(url):
    try:
        return urllib.request.urlopen(url, timeout=2).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
