"""Runs every check against a running stack: run.py ENV_FILE. Exits with 1 if one fails."""

import os
import pathlib
import sys
import time
import traceback

SERVICES = ["storage", "pubsub", "firestore", "genai", "predict"]


def read_env(path):
    """Sets the addresses that `lapidary up` wrote: Google's clients read most of them from the environment."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    os.environ.update(line.split("=", 1) for line in lines if line)


def run(service, stack):
    """Runs the checks of one service in the order of its file; returns (passed, failed)."""
    module = __import__(f"{service}_checks")
    passed = failed = 0
    for check in module.CHECKS:
        name = f"{service}: {check.__name__.replace('_', ' ')}"
        try:
            check(stack)
        except Exception:  # A check may fail in any way, and the others must still run.
            failed += 1
            print(f"FAIL {name}\n{traceback.format_exc(limit=-3)}")
        else:
            passed += 1
            print(f"ok   {name}")
    return passed, failed


def main():
    """Runs the checks of every service."""
    read_env(sys.argv[1])
    # A new name in each run, because stacks keep their state.
    stack = {"project": os.environ["GOOGLE_CLOUD_PROJECT"], "run": f"py-{time.time_ns()}"}
    counts = [run(service, stack) for service in SERVICES]
    passed, failed = (sum(column) for column in zip(*counts))
    print(f"{passed} passed, {failed} failed")
    # The clients leave threads behind that would keep the process alive.
    sys.stdout.flush()
    os._exit(1 if failed else 0)


main()
