#!/usr/bin/env bash
# Runs Google's Python clients against a running stack: run.sh [ENV_FILE], the env file of `lapidary up`.
# Exits with 75 (EX_TEMPFAIL) if the clients cannot be installed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$here/../../target/python
[ -x "$venv/bin/pip" ] || python3 -m venv "$venv" || exit 75
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" || exit 75
PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" "$here/run.py" "${1:-.lapidary/env}"
