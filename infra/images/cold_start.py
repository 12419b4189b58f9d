#!/usr/bin/env python3
"""Measures the start of functions and of the same service in Python, alternately, in one run.

usage: cold_start.py OUT PYTHON [ROUNDS]

OUT is the output of build.sh; PYTHON is the interpreter of a virtual environment with functions-framework only, whose
packages count as its size (Python itself does not). Prints the size of each, the time from its start to its first
answer, and its memory half a second later: medians, and multiples of the first function.
"""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from container import free_port, settings, status_of

POLL_S = 0.0005
START_MAX_S = 30
# The service has settled by then, and has had no request yet.
SETTLED_S = 0.5
HELLO = "import functions_framework\n\n@functions_framework.http\ndef hello(request):\n    return 'ok'\n"


class Rust:
    def __init__(self, out, function):
        self.name = function
        self.path = out / function / "root" / "function"
        self.bytes = self.path.stat().st_size
        self.url = "/health"

    def start(self, port):
        variables = settings(self.name) | {"PORT": str(port), "HOST": "127.0.0.1"}
        # Only the root certificates of the image.
        variables["SSL_CERT_FILE"] = str(self.path.parent / "etc/ssl/certs/ca-certificates.crt")
        return subprocess.Popen([self.path], env=variables, stdout=subprocess.DEVNULL)


class Python:
    name = "functions-framework"
    url = "/"

    def __init__(self, python, folder):
        self.command = [str(pathlib.Path(python).parent / "functions-framework")]
        self.source = folder / "hello.py"
        self.source.write_text(HELLO)
        where = "import functions_framework, os; print(os.path.dirname(os.path.dirname(functions_framework.__file__)))"
        packages = pathlib.Path(subprocess.check_output([python, "-c", where], text=True).strip())
        self.bytes = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())

    def start(self, port):
        command = [*self.command, "--source", self.source, "--target", "hello", "--host", "127.0.0.1", "--port", str(port)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def resident(pid):
    """Bytes in memory of a process and its children; shared pages count once (PSS)."""
    task = pathlib.Path(f"/proc/{pid}")
    lines = (task / "smaps_rollup").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
    children = (task / "task" / str(pid) / "children").read_text().split()
    return own + sum(resident(int(child)) for child in children)


def measure(contender):
    port = free_port()
    url = f"http://127.0.0.1:{port}{contender.url}"
    started = time.perf_counter()
    process = contender.start(port)
    try:
        while status_of(url) != 200:
            if process.poll() is not None or time.perf_counter() - started > START_MAX_S:
                sys.exit(f"{contender.name} does not start")
            time.sleep(POLL_S)
        took = time.perf_counter() - started
        time.sleep(SETTLED_S)
        return took, resident(process.pid)
    finally:
        process.terminate()
        process.wait()


def main():
    out, python = pathlib.Path(sys.argv[1]), sys.argv[2]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 15
    with tempfile.TemporaryDirectory() as folder:
        contenders = [Rust(out, "predict"), Rust(out, "clean"), Python(python, pathlib.Path(folder))]
        turns = [[measure(contender) for contender in contenders] for _ in range(rounds)]
    figures = [
        (contender, statistics.median(took for took, _ in taken), statistics.median(held for _, held in taken))
        for contender, taken in zip(contenders, zip(*turns))
    ]
    _, base_took, base_held = figures[0]
    print(f"{'':<22}{'on disk':>10}{'first answer':>14}{'in memory':>12}   compared with {contenders[0].name}")
    for contender, took, held in figures:
        beside = f"{took / base_took:6.1f} x the time, {held / base_held:5.1f} x the memory"
        print(f"{contender.name:<22}{contender.bytes / 1e6:7.1f} MB{took * 1000:11.1f} ms{held / 1e6:9.1f} MB {beside}")


main()
