#!/usr/bin/env bash
# Runs Google's Python clients against a running stack, and then the contract with Vertex AI on a stack of
# its own: run.sh [ENV_FILE [LAPIDARY [RECORDING…]]], the env file of `lapidary up`, the program, and the calls
# that tests have recorded. Without the program the contract is left out. Exits with 75 (EX_TEMPFAIL) if the
# clients cannot be installed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$here/../../target/python
export PYTHONDONTWRITEBYTECODE=1
[ -x "$venv/bin/pip" ] || python3 -m venv "$venv" || exit 75
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" || exit 75
# Only its messages are used: its own requirement of google-genai is below the version that is tested.
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$here/messages.txt" || exit 75
"$venv/bin/python" "$here/run.py" "${1:-.lapidary/env}"
[ $# -lt 2 ] || "$venv/bin/python" "$here/contract.py" "${@:2}"
