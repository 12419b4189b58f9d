#!/usr/bin/env python3
"""Checks the images. Needs buildah, bwrap and readelf; pulls nothing.

usage: check.py OUT [FUNCTION…], after build.sh OUT

Each function's image is built twice and must be identical, contain one static binary that its user cannot change, with
its bill of materials, and start in a sandbox: read-only, without capabilities, as an unprivileged user. There it must be
healthy, end within ten seconds of a SIGTERM, and fail to start without settings for the authentication of callers.
"""

import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib

from container import CATALOGUE, child, free_port, sandboxed, settings, status_of

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
# flags.sh compiles for the machine that it runs on.
TARGET = "{}-unknown-linux-gnu".format(os.uname().machine)
VERSION = "v" + tomllib.loads((TOP / "Cargo.toml").read_text())["workspace"]["package"]["version"]
# The largest contains the Parquet reader and all of Google's clients.
IMAGE_MAX_BYTES = 80 << 20
# Cloud Run kills ten seconds after its SIGTERM.
END_MAX_S = 10
START_MAX_S = 10
# Paths of the machine that builds: crates, the user's own, and this repository.
OF_THE_BUILDER = (b"/registry/src/", os.fsencode(pathlib.Path.home() / ".cargo"), os.fsencode(TOP))


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def build(function, context, store):
    """Builds the image into an OCI layout of its own; returns the path."""
    layout = store / f"{function}-{len(list(store.iterdir()))}"
    environment = os.environ | {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs"}
    run(
        "buildah", "--root", str(store.parent / "storage"), "--runroot", str(store.parent / "run"),
        "bud", "--quiet", "--no-cache", "--timestamp", "0", "--build-arg", f"FUNCTION={function}",
        "--file", str(HERE / "Dockerfile"), "--tag", f"oci:{layout}:it", str(context),
        env=environment, stderr=subprocess.PIPE,
    )
    return layout


class Image:
    """An image in an OCI layout."""

    def __init__(self, layout):
        self.layout = layout
        index = json.loads((layout / "index.json").read_text())
        self.digest = index["manifests"][0]["digest"]
        self.manifest = json.loads(self.blob(self.digest))
        self.config = json.loads(self.blob(self.manifest["config"]["digest"]))

    def blob(self, digest):
        return (self.layout / "blobs" / digest.replace(":", "/")).read_bytes()

    def unpack(self, root):
        for layer in self.manifest["layers"]:
            path = self.layout / "blobs" / layer["digest"].replace(":", "/")
            with tarfile.open(path) as files:
                files.extractall(root, filter="tar")


def check_config(image, function):
    config = image.config["config"]
    assert config["User"] == "65532:65532", config
    assert config["Entrypoint"] == ["/function"], config
    assert not config.get("Cmd") and not config.get("Volumes"), config
    assert config["Labels"]["org.opencontainers.image.title"] == function, config
    # The one label that buildah adds is its own version.
    assert image.config["created"].startswith("1970-01-01"), image.config["created"]
    size = sum(layer["size"] for layer in image.manifest["layers"])
    assert size <= IMAGE_MAX_BYTES, f"{size} bytes"
    return size


def check_files(root):
    names = set()
    for path in sorted(root.rglob("*")):
        name, status = path.relative_to(root).as_posix(), path.lstat()
        names.add(name)
        assert not status.st_mode & (stat.S_ISUID | stat.S_ISGID), f"{name} is setuid or setgid"
        writable = status.st_mode & stat.S_IWOTH and name != "tmp"
        assert not writable and not path.is_symlink(), f"{name} is writable"
    files = {name for name in names if (root / name).is_file()}
    assert files == {"function", "sbom.cdx.json", "etc/passwd", "etc/ssl/certs/ca-certificates.crt"}, files


def check_binary(path):
    headers = run("readelf", "--program-headers", "--wide", str(path))
    assert "INTERP" not in headers, "not static: needs a loader"
    assert "DYN" in headers.split("Entry point")[0], "not position-independent"
    assert "GNU_RELRO" in headers and " RWE " not in headers, headers
    binary = path.read_bytes()
    for path_of_builder in OF_THE_BUILDER:
        at = binary.find(path_of_builder)
        assert at < 0, f"contains a path of its builder: {binary[max(at - 40, 0):at + 80]!r}"


def crates_in_tree(function):
    """Name and version of each crate in cargo's tree for the function's binary, itself included.

    The tree is that of everything that compile.sh compiles, because cargo unifies the features of its packages.
    """
    manifests = [*TOP.glob("functions/*/Cargo.toml"), *(TOP / "infra" / it / "Cargo.toml" for it in ("local", "rollout"))]
    packages = [run("cargo", "pkgid", "--locked", "--manifest-path", str(it)).strip() for it in manifests]
    tree = run(
        "cargo", "tree", "--locked", *(f"--package={it}" for it in packages), "--edges=normal,no-proc-macro",
        f"--target={TARGET}", "--prefix=depth", "--format= {p}", cwd=TOP,
    )
    below, path = {}, []
    for line in filter(None, tree.splitlines()):
        depth, name, version = line.split()[:3]
        path[int(depth):] = [(name, version)]
        below.setdefault(path[-1], set())
        if len(path) > 1:
            below[path[-2]].add(path[-1])
    found, left = set(), [(function, VERSION)]
    while left:
        crate = left.pop()
        if crate not in found:
            found.add(crate)
            left.extend(below[crate])
    return found


def check_sbom(root, function):
    """Compares the list with cargo's tree, the lock file and the names in the binary; returns its number of crates."""
    text = (root / "sbom.cdx.json").read_text()
    bom = json.loads(text)
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.5"), bom["specVersion"]
    assert str(TOP) not in text and "timestamp" not in bom["metadata"] and "serialNumber" not in bom
    itself, components = bom["metadata"]["component"], bom["components"]
    assert itself["name"] == function, itself
    locked = tomllib.loads((TOP / "Cargo.lock").read_text())["package"]
    checksums = {(it["name"], it["version"]): it.get("checksum") for it in locked}
    for it in components:
        crate = it["name"], it["version"]
        assert it["purl"].startswith("pkg:cargo/{}@{}".format(*crate)) and it["licenses"], it
        said = [digest["content"] for digest in it.get("hashes", [])]
        assert said == [sum for sum in [checksums[crate]] if sum], it
    refs = {it["bom-ref"] for it in components}
    assert len(refs) == len(components), "a component is listed twice"
    for it in bom["dependencies"]:
        assert it["ref"] in refs | {itself["bom-ref"]} and refs.issuperset(it["dependsOn"]), it
    listed = {(it["name"], "v" + it["version"]) for it in [itself, *components]}
    tree = crates_in_tree(function)
    assert listed == tree, f"listed only: {sorted(listed - tree)}; in cargo's tree only: {sorted(tree - listed)}"
    # Code that can panic contains the path of its file, in a folder named after the crate. The standard library has a
    # folder `stdarch/crates` of its own, which code that is not inlined names as well.
    named = set(re.findall(rb"(?<!stdarch/)\bcrates/([0-9A-Za-z_.+-]+)/", (root / "function").read_bytes()))
    folders = {f"{name}-{version[1:]}" for name, version in listed}
    assert len(named) > 50 and {os.fsdecode(it) for it in named} <= folders, sorted(map(os.fsdecode, named))
    return len(components)


def check_start(root, function):
    port = free_port()
    variables = settings(function) | {"PORT": str(port), "HOST": "127.0.0.1"}
    with sandboxed(root, variables) as process:
        limit = time.monotonic() + START_MAX_S
        while (status := status_of(f"http://127.0.0.1:{port}/health")) is None:
            assert process.poll() is None, f"it ended: {process.stdout.read()}"
            assert time.monotonic() < limit, "it does not listen"
            time.sleep(0.01)
        assert status == 200, status
        assert status_of(f"http://127.0.0.1:{port}/") == 401, "an unauthenticated request is accepted"
        signalled = time.monotonic()
        os.kill(child(process), signal.SIGTERM)
        lines = process.communicate(timeout=END_MAX_S)[0].splitlines()
        assert process.returncode == 0, (process.returncode, lines)
        took = time.monotonic() - signalled
    outcomes = [json.loads(line).get("outcome") for line in lines]
    assert outcomes[0] == "started" and outcomes[-1] == "stopped", lines
    return took


def check_refusal(root, function):
    variables = {name: value for name, value in settings(function).items() if not name.endswith("_AUTH")}
    with sandboxed(root, variables) as process:
        said = process.communicate(timeout=START_MAX_S)[0]
        assert process.returncode == 1 and "_AUTH is not set" in said, (process.returncode, said)


def check(function, out, work):
    store = work / "images"
    store.mkdir(parents=True, exist_ok=True)
    first, second = (Image(build(function, out / function, store)) for _ in range(2))
    assert first.digest == second.digest, f"two builds, two images: {first.digest}, {second.digest}"
    size = check_config(first, function)
    root = work / "roots" / function
    root.mkdir(parents=True)
    first.unpack(root)
    check_files(root)
    check_binary(root / "function")
    crates = check_sbom(root, function)
    check_refusal(root, function)
    took = check_start(root, function)
    print(f"{function:<12} {first.digest[:19]}  {size / 1e6:5.1f} MB  {crates} crates  ends {took * 1000:3.0f} ms after SIGTERM")


def main():
    out = pathlib.Path(sys.argv[1]).resolve()
    functions = sys.argv[2:] or sorted(CATALOGUE["functions"])
    with tempfile.TemporaryDirectory() as work:
        for function in functions:
            try:
                check(function, out, pathlib.Path(work))
            except AssertionError as error:
                sys.exit(f"{function}: {error}")


main()
