#!/usr/bin/env python3
"""Writes the bill of materials of each function's binary: OUT/FUNCTION/root/sbom.cdx.json, in CycloneDX.

usage: sbom.py OUT, from build.sh

cargo-cyclonedx supplies the components with their licences, checksums and addresses. It lists everything in the lock
file for a function, including crates that no enabled feature needs; only those that cargo compiled for the function are
kept. Without paths, times or random numbers, the same sources give the same bytes.
"""

import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
SPEC_VERSION = "1.5"


def target():
    described = subprocess.run(["rustc", "-vV"], check=True, text=True, stdout=subprocess.PIPE).stdout
    return next(line.removeprefix("host: ") for line in described.splitlines() if line.startswith("host: "))


def compiled(function):
    """The packages that were compiled for the function's binary itself: build scripts and macros are in another folder."""
    said = subprocess.run(
        [HERE / "compile.sh", f"--bin={function}", "--message-format=json"],
        check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ).stdout
    messages = [json.loads(line) for line in said.splitlines()]
    for_target = f"/{target()}/image/"
    return {
        message["package_id"]
        for message in messages
        if message["reason"] == "compiler-artifact" and any(for_target in file for file in message["filenames"])
    }


def narrowed(bom, kept):
    ref = bom["metadata"]["component"]["bom-ref"]
    missing = kept - {ref} - {it["bom-ref"] for it in bom["components"]}
    if missing:
        sys.exit(f"compiled, but not listed by cargo-cyclonedx: {sorted(missing)}")
    del bom["metadata"]["timestamp"]
    bom["components"] = [it for it in bom["components"] if it["bom-ref"] in kept]
    bom["dependencies"] = [
        it | {"dependsOn": [on for on in it.get("dependsOn", []) if on in kept]}
        for it in bom["dependencies"]
        if it["ref"] in kept
    ]
    return bom


def main():
    out = pathlib.Path(sys.argv[1]).resolve()
    subprocess.run(
        ["cargo", "cyclonedx", "--quiet", "--format=json", "--describe=binaries", "--no-build-deps",
         f"--spec-version={SPEC_VERSION}", f"--target={target()}"],
        check=True, cwd=TOP, env=os.environ | {"SOURCE_DATE_EPOCH": "0"},
    )
    # It can only write beside each manifest.
    boms = {}
    for file in [*TOP.glob("*/*_bin.cdx.json"), *TOP.glob("*/*/*_bin.cdx.json")]:
        boms[file.name.removesuffix("_bin.cdx.json")] = json.loads(file.read_text())
        file.unlink()
    for root in sorted(out.glob("*/root")):
        function = root.parent.name
        bom = narrowed(boms[function], compiled(function))
        text = json.dumps(bom, indent=1, ensure_ascii=False).replace(f"path+file://{TOP}", "path+file:///lapidary")
        (root / "sbom.cdx.json").write_text(text + "\n")


main()
