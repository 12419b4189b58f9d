"""Typical scripts that clean rows: a simple one (json) and one written for speed (orjson).

usage: script.py json|orjson DATASET OUTPUT

Keeps each row with two strings once, trimmed, if the answer has three words or more. Prints the
resources used.
"""

import json
import resource
import sys
import time


def clean_with_json(rows, out):
    seen = set()
    kept = 0
    for line in rows:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if not isinstance(row, dict):
            continue
        asked, answered = row.get("input"), row.get("output")
        if not isinstance(asked, str) or not isinstance(answered, str):
            continue
        asked, answered = asked.strip(), answered.strip()
        if not asked or len(answered.split()) < 3 or (asked, answered) in seen:
            continue
        seen.add((asked, answered))
        try:
            text = json.dumps({"input": asked, "output": answered}, ensure_ascii=False)
            out.write(text.encode() + b"\n")
        except UnicodeEncodeError:
            continue
        kept += 1
    return kept


def clean_with_orjson(rows, out):
    import orjson
    from xxhash import xxh3_128_digest

    seen = set()
    kept = 0
    for line in rows:
        try:
            row = orjson.loads(line)
        except ValueError:
            continue
        if type(row) is not dict:
            continue
        asked, answered = row.get("input"), row.get("output")
        if type(asked) is not str or type(answered) is not str:
            continue
        asked, answered = asked.strip(), answered.strip()
        # Three words are enough; no need to split the rest.
        if not asked or len(answered.split(None, 3)) < 3:
            continue
        record = orjson.dumps({"input": asked, "output": answered}, option=orjson.OPT_APPEND_NEWLINE)
        digest = xxh3_128_digest(record)
        if digest in seen:
            continue
        seen.add(digest)
        out.write(record)
        kept += 1
    return kept


def main():
    variant, dataset, output = sys.argv[1:]
    clean = {"json": clean_with_json, "orjson": clean_with_orjson}[variant]
    started = time.perf_counter()
    with open(dataset, "rb") as rows, open(output, "wb") as out:
        kept = clean(rows, out)
    wall = time.perf_counter() - started
    usage = resource.getrusage(resource.RUSAGE_SELF)
    measure = {
        "wall": wall,
        "user": usage.ru_utime,
        "system": usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024.0,
        "kept": kept,
    }
    print(json.dumps(measure))


main()
